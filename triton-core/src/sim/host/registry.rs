//! The traffic registry over the simulated world: readiness gates, read back from the endpoints.

use std::string::String;
use std::vec::Vec;

use async_trait::async_trait;

use super::super::journal::Happening;
use super::super::world::{Pod, told};
use super::memory::{Memory, Watched};
use super::{Host, change, outcome};
use crate::model::{
    Exchange, InstanceId, PodTraffic, Succession, Traffic, TrafficChange, TrafficView, WorkloadPod,
};
use crate::ports::{PortError, TrafficRegistry};

#[async_trait]
impl TrafficRegistry for Host {
    async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let mut memory = self.memory();
        let mut view = TrafficView::default();
        let Some((seq, endpoints)) = memory.look(&mut world, instance, Watched::Endpoints) else {
            return Ok(view);
        };
        let known = memory.pods.clone().filter(|known| known.id == *instance);
        for pod in pods {
            // What is asked stands in the pod itself, which is as old as the look at pods.
            let own = known.as_ref().and_then(|known| known.pod(&pod.uid));
            let known = match (endpoints.pod(&pod.uid), own) {
                (Some(seen), own) => {
                    let asked = own.unwrap_or(seen).gate == Some(true);
                    let shown = told(seen, own.unwrap_or(seen), world.now());
                    let shown = memory.seen(&pod.uid, shown, world.now());
                    traffic(&memory, seq, (seen, shown), asked)
                }
                // The endpoints are older than the pod.
                (None, Some(own)) => {
                    let asked = own.gated().then_some(own.gate == Some(true));
                    PodTraffic { asked, shown: Traffic::Moving }
                }
                (None, None) => continue,
            };
            view.pods.insert(pod.uid.clone(), known);
        }
        if let Some((flow, mut workload)) = memory.looked.take() {
            // For how long they have been so is known to the driver, which tells it here.
            for seen in &mut workload.pods {
                seen.lasts = pods.iter().find(|pod| pod.uid == seen.uid).map_or(seen.lasts, |pod| pod.lasts);
            }
            let (host, now, stale) = (memory.number, memory.time(world.now()), memory.stale);
            let (instance, workload, traffic) = (instance.clone(), Some(workload), view.clone());
            world.journal.write(|| Happening::Saw { host, now, stale, instance, flow, workload, traffic });
        }
        Ok(view)
    }

    /// As the Services are now: nobody looks at them later than they change.
    async fn succession(&self, exchange: &Exchange<'_>) -> Result<Succession, PortError> {
        let (instance, mut world) = (exchange.flow.instance(), self.sim.world());
        let Some(workload) = world.workload(&instance) else { return Ok(Succession::default()) };
        let sends = |pod: &&WorkloadPod| pod.revision.as_ref().is_some_and(|it| workload.reaches(it));
        let next = workload.update_revision.as_ref().is_none_or(|it| workload.reaches(it));
        let new = if exchange.new.is_empty() { next } else { exchange.new.iter().any(sends) };
        let lost = exchange.old.iter().any(sends) && !new;
        let text = || String::from("the Services can send to pods of another revision alone");
        let lost: Vec<String> = lost.then(text).into_iter().collect();
        let host = self.memory().number;
        world.journal.told(host, &lost);
        Ok(Succession { lost, at_risk: Vec::new() })
    }

    async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError> {
        self.write(|world, memory| {
            let serving = world.serving(instance);
            let result = change::steer(world, instance, &change::asked(memory, change));
            remember(memory, change, world.sequence());
            memory.answered(instance, Watched::Pods, world.now());
            if result.is_ok() {
                memory.knows(instance, Watched::Pods);
            }
            let changed = *result.as_ref().unwrap_or(&false);
            let write = outcome(world, memory, &result, changed);
            let taken_out = serving.saturating_sub(world.serving(instance));
            let (instance, change) = (instance.clone(), change.clone());
            let happening = Happening::Traffic { write, instance, change, taken_out, serving };
            (result.map(|_| ()), Some(happening))
        })
        .await
    }
}

/// What the endpoints, as old as `seq`, tell of a pod. What this host asked after that is on its way.
fn traffic(memory: &Memory, seq: u64, (pod, shown): (&Pod, Traffic), asked: bool) -> PodTraffic {
    if !pod.gated() {
        return PodTraffic { asked: None, shown };
    }
    match memory.asked.get(&pod.uid) {
        Some((asked_at, asked)) if *asked_at > seq => {
            PodTraffic { asked: Some(*asked), shown: Traffic::Moving }
        }
        Some(_) | None => PodTraffic { asked: Some(asked), shown },
    }
}

fn remember(memory: &mut Memory, change: &TrafficChange, seq: u64) {
    let (pods, asked) = match change {
        TrafficChange::PullIn(pods) => (pods, true),
        TrafficChange::PullOut(pods) => (pods, false),
    };
    for pod in pods {
        memory.asked.insert(pod.uid.clone(), (seq, asked));
    }
}
