//! A traffic registry of your own: a phone book that callers read, and that takes a while to reach them.
//!
//! `cargo run --example custom_registry`; the guide is docs/adding-a-registry.md.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use triton_core::driver::Adapters;
use triton_core::model::{
    InstanceId, PodTraffic, PodUid, Seconds, Spec, Timestamp, Traffic, TrafficChange, TrafficView, Version,
    WorkloadPod,
};
use triton_core::ports::{Clock, PortError, PortErrorKind, TrafficRegistry, WorkloadBackend};
use triton_core::sim::{Host, Sim, Timing};
use triton_examples::{Play, shop, show};

/// How long until every caller has the latest edition.
const SPREAD: Seconds = Seconds(2);

/// A phone book.
struct PhoneBook<C> {
    clock: C,
    lines: Mutex<BTreeMap<InstanceId, BTreeMap<PodUid, Line>>>,
}

/// What is known of one pod.
#[derive(Clone)]
struct Line {
    /// Listed in the latest edition.
    listed: bool,
    /// From when on every caller knows.
    certain: Timestamp,
    /// Version of the pod at the last look: a registry that has none of its own guards with this.
    version: Version,
}

impl<C: Clock> PhoneBook<C> {
    fn lines(&self) -> MutexGuard<'_, BTreeMap<InstanceId, BTreeMap<PodUid, Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl<C: Clock> TrafficRegistry for PhoneBook<C> {
    async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError> {
        let now = self.clock.now();
        let mut book = self.lines();
        let known = book.remove(instance).unwrap_or_default();
        let mut view = TrafficView::default();
        let lines = book.entry(instance.clone()).or_default();
        for pod in pods {
            // A pod that was never listed is out since it was first heard of.
            let new = Line { listed: false, certain: now, version: pod.version.clone() };
            let old = known.get(&pod.uid).cloned();
            let line = Line { version: pod.version.clone(), ..old.unwrap_or(new) };
            // Neither in nor out before every caller knows.
            let shown = match line.listed {
                _ if now < line.certain => Traffic::Moving,
                true => Traffic::In,
                // The clock of the simulated world never jumps. In yours measure with `std::time::Instant`.
                false => Traffic::Out {
                    lasts: Duration::from_micros(now.micros_since(line.certain).unsigned_abs()),
                },
            };
            view.pods.insert(pod.uid.clone(), PodTraffic { asked: Some(line.listed), shown });
            lines.insert(pod.uid.clone(), line);
        }
        Ok(view)
    }

    async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError> {
        let certain = self.clock.now().plus(SPREAD);
        let (pods, listed) = match change {
            TrafficChange::PullIn(pods) => (pods, true),
            TrafficChange::PullOut(pods) => (pods, false),
        };
        let mut book = self.lines();
        let lines = book.entry(instance.clone()).or_default();
        let mut first = Ok(());
        for pod in pods {
            // Gone, or asked already: no error.
            let Some(line) = lines.get_mut(&pod.uid).filter(|line| line.listed != listed) else { continue };
            // What has changed since it was looked at is looked at again first.
            if line.version == pod.version {
                *line = Line { listed, certain, version: line.version.clone() };
            } else {
                let conflict = PortError::new(PortErrorKind::Conflict, format!("{} has changed", pod.name));
                first = first.and(Err(conflict));
            }
        }
        first
    }
}

/// Pods of the simulated world, traffic by phone book.
struct Mixed {
    host: Host,
    book: PhoneBook<Host>,
}

impl Mixed {
    fn new(sim: &Sim) -> Self {
        let host = sim.host();
        Self { book: PhoneBook { clock: host.clone(), lines: Mutex::default() }, host }
    }
}

impl Adapters for Mixed {
    fn workload(&self, kind: &str) -> Option<&dyn WorkloadBackend> {
        self.host.workload(kind)
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        &self.book
    }
}

fn main() -> Result<()> {
    show(run)
}

fn run(out: &mut dyn Write) -> Result<()> {
    let sim = Sim::new(6, Timing::default());
    let play = Play::over(&sim, Mixed::new(&sim));
    writeln!(out, "Every edition of the phone book takes {SPREAD} to reach all callers.")?;
    let flow = play.create(shop("create", "shop:1", 2))?;
    play.carry(&flow, out)?;
    let flow = play.create(shop("update", "shop:2", 2))?;
    play.carry(&flow, out)?;
    writeln!(out, "{}", play.get(&flow)?.record.phase)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use triton_core::model::{Flow, FlowUid};
    use triton_core::testing::{rig::Rig, traffic_suite};
    use triton_examples::ready;

    use super::*;

    #[test]
    fn a_rollout_waits_for_the_phone_book() {
        let text = triton_examples::printed(run);
        assert!(text.ends_with("Success\n"), "{text}");
    }

    #[test]
    fn the_phone_book_keeps_every_promise_of_a_registry() {
        let sim = Sim::new(7, Timing::default());
        ready(traffic_suite::all(&Desk { mixed: Mixed::new(&sim), sim }, "default"));
    }

    struct Desk {
        sim: Sim,
        mixed: Mixed,
    }

    impl Rig for Desk {
        fn workload(&self) -> &dyn WorkloadBackend {
            &self.mixed.host
        }

        fn traffic(&self) -> &dyn TrafficRegistry {
            &self.mixed.book
        }

        async fn register(&self, flow: &Flow) -> FlowUid {
            flow.uid.clone()
        }

        async fn pass_time(&self) {
            self.sim.world().advance_by(Seconds(1));
        }
    }
}
