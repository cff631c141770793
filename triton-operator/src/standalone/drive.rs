//! Drives the flows of an embedded world on the wall clock: wakes when a flow or a workload changes, or
//! when the time comes that a flow asked for. Nothing is polled.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use tracing::{debug, info, warn};
use triton_core::driver::{DriveError, Driver, Rest, Step};
use triton_core::model::{FlowId, InstanceId, Seconds, Timestamp};
use triton_core::ports::{Clock, FlowStore, Loaded, StoreEvent};
use triton_core::sim::{Host, Sim};

use crate::clock::WallClock;

/// First and longest wait before a step that failed is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// What is driven, and when it is due.
struct Agenda {
    sim: Sim,
    driver: Driver<Host, Host, Host>,
    drain: Seconds,
    /// Flows that have not ended, by the instance they act on.
    flows: BTreeMap<InstanceId, BTreeSet<FlowId>>,
    due: BTreeMap<InstanceId, Timestamp>,
    failures: BTreeMap<FlowId, u32>,
}

/// Drives every flow in the world of this host, and keeps the workloads that no flow acts on. Runs until
/// it is dropped; a step in flight is a single write and needs no clean-up. `drain`: how long a pod that
/// somebody removed by hand keeps running once it is out of traffic.
pub async fn drive(sim: Sim, host: Host, drain: Seconds) {
    let (mut flows, mut workloads) = (host.watch(), sim.watch());
    let driver = Driver { store: host.clone(), clock: host.clone(), adapters: host.clone() };
    let mut agenda = Agenda {
        sim,
        driver,
        drain,
        flows: BTreeMap::new(),
        due: BTreeMap::new(),
        failures: BTreeMap::new(),
    };
    for loaded in host.list(None).await.unwrap_or_default() {
        agenda.changed(&loaded);
    }
    loop {
        agenda.run_what_is_due().await;
        let pause = agenda.pause();
        tokio::select! {
            event = flows.next() => match event {
                Some(StoreEvent::Changed(loaded)) => agenda.changed(&loaded),
                Some(StoreEvent::Removed(_)) => {}
                // This loop fell behind the store: read everything anew.
                None => {
                    flows = host.watch();
                    for loaded in host.list(None).await.unwrap_or_default() {
                        agenda.changed(&loaded);
                    }
                }
            },
            Some(instance) = workloads.next() => agenda.wake(instance),
            // The world catches up when it is looked at, and tells its watchers.
            () = tokio::time::sleep(pause) => drop(agenda.sim.world()),
        }
    }
}

impl Agenda {
    /// A flow changed: it is due now.
    fn changed(&mut self, loaded: &Loaded) {
        if let Loaded::Flow(stored) = loaded {
            let instance = stored.flow.instance();
            let flows = self.flows.entry(instance.clone()).or_default();
            flows.insert(stored.flow.id.clone());
            self.wake(instance);
        }
    }

    fn wake(&mut self, instance: InstanceId) {
        self.due.insert(instance, Timestamp::default());
    }

    fn later(&mut self, instance: &InstanceId, at: Timestamp) {
        let due = self.due.entry(instance.clone()).or_insert(at);
        *due = at.min(*due);
    }

    /// How long until something is due, or happens in the world.
    fn pause(&self) -> Duration {
        let event = self.sim.world().next_event();
        let next = self.due.values().copied().chain(event).min();
        next.map_or(Duration::from_secs(3600), |at| WallClock.until(at))
    }

    async fn run_what_is_due(&mut self) {
        let now = self.driver.clock.now();
        let due: Vec<InstanceId> =
            self.due.iter().filter(|(_, at)| **at <= now).map(|(instance, _)| instance.clone()).collect();
        for instance in due {
            self.due.remove(&instance);
            self.run(&instance).await;
        }
    }

    /// Advances the flows of one instance; when none is left, the keeper tends its workload.
    async fn run(&mut self, instance: &InstanceId) {
        let flows = self.flows.get(instance).cloned().unwrap_or_default();
        for id in flows {
            match self.driver.advance(&id, &mut report).await {
                Ok(rest) => self.rest(instance, &id, &rest),
                Err(error) => self.failed(instance, &id, &error).await,
            }
        }
        if !self.flows.contains_key(instance) {
            match self.driver.tend("cloneset", instance, self.drain).await {
                Ok(Some(at)) => self.later(instance, at),
                Ok(None) => {}
                Err(error) => {
                    warn!(%instance, %error, "keeping the workload failed");
                    self.later(instance, self.driver.clock.now().plus(Seconds(1)));
                }
            }
        }
    }

    fn rest(&mut self, instance: &InstanceId, id: &FlowId, rest: &Rest) {
        self.failures.remove(id);
        match rest {
            Rest::Until(at, waiting) => {
                debug!(flow = %id, reason = waiting.reason(), "{waiting}");
                self.later(instance, *at);
            }
            Rest::Again => self.wake(instance.clone()),
            Rest::Done | Rest::Gone | Rest::Corrupt => {
                if let Some(flows) = self.flows.get_mut(instance) {
                    flows.remove(id);
                    if flows.is_empty() {
                        self.flows.remove(instance);
                    }
                }
                // Whoever waits for the workload, flow or keeper, may go on.
                self.wake(instance.clone());
            }
        }
    }

    async fn failed(&mut self, instance: &InstanceId, id: &FlowId, error: &DriveError) {
        let failures = self.failures.entry(id.clone()).or_default();
        *failures = failures.saturating_add(1);
        let wait = BACKOFF.0.saturating_mul(1 << (*failures).min(5)).min(BACKOFF.1);
        let micros = i64::try_from(wait.as_micros()).unwrap_or(i64::MAX);
        let at = Timestamp::from_micros(self.driver.clock.now().as_micros().saturating_add(micros));
        warn!(flow = %id, %error, retry = ?wait, "a step failed");
        if let Err(error) = self.driver.show_error(id, error, at).await {
            warn!(flow = %id, %error, "showing the error failed");
        }
        self.later(instance, at);
    }
}

fn report(id: &FlowId, step: Step) {
    match step {
        Step::Saved(whys) => {
            for why in whys {
                info!(flow = %id, reason = why.reason(), "{why}");
            }
        }
        Step::Did(effect) => debug!(flow = %id, ?effect, "done to the world"),
    }
}
