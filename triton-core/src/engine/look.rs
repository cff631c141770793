//! From what the ports say to what decisions read.

use super::decision::Effect;
use crate::model::{
    Action, Brings, Edits, Facts, Flow, Lock, Observation, PodRef, PodTraffic, Pods, Shape, TemplateRef,
    Timestamp, Traffic, TrafficView, WorkloadChange, WorkloadPod, WorkloadView,
};

/// One consistent look at the world, through the eyes of a flow or, without one, of the keeper.
#[must_use]
pub fn look(flow: Option<&Flow>, workload: Option<&WorkloadView>, traffic: &TrafficView) -> Observation {
    let Some(view) = workload else {
        return Observation::absent();
    };
    let mut pods = Pods::default();
    for pod in &view.pods {
        let (mut facts, since) = facts(pod, traffic.pods.get(&pod.uid).copied());
        facts.set(Facts::FRESH, is_fresh(flow, view, pod));
        facts.set(Facts::CURRENT, view.revision.is_some() && pod.revision == view.revision);
        facts.set(Facts::NAMED, flow.is_some_and(|flow| is_named(flow, pod)));
        let pod = PodRef { name: pod.name.clone(), uid: pod.uid.clone(), version: pod.version.clone() };
        pods.push(pod, facts, since);
    }
    Observation {
        settled: view.settled,
        lock: view.lock.clone(),
        frozen: view.frozen,
        shape: Some(view.shape.clone()),
        revision: view.revision.clone(),
        obstacle: view.obstacle.clone(),
        in_place: view.in_place,
        remembered: view.remembered,
        good: view.good.clone(),
        edits: if view.lock == Lock::Mine { view.edits.clone() } else { Edits::default() },
        yields: false,
        pods,
        terminating: view.terminating,
    }
}

/// Whether a pod is as the flow wants it. A pod is of the flow's revision only while the workload has the
/// flow's template and its controller has told that template's revision.
pub(super) fn is_fresh(flow: Option<&Flow>, view: &WorkloadView, pod: &WorkloadPod) -> bool {
    let Some(flow) = flow else { return true };
    let current = view.revision.is_some() && pod.revision == view.revision;
    match flow.progress.base() {
        Some(base) if !base.kind.exchanges() => true,
        Some(base) => match &base.brings {
            Brings::Flow => view.shape.template == Some(TemplateRef::Flow) && current,
            Brings::Revision(wanted) => view.revision.as_ref() == Some(wanted) && current,
            Brings::Nothing => !pod.listed,
        },
        None => flow.spec.action != Action::Restart || !pod.listed,
    }
}

/// Whether the flow names this pod, or names none and means all.
fn is_named(flow: &Flow, pod: &WorkloadPod) -> bool {
    flow.spec.pods.is_empty() || flow.spec.pods.contains(&pod.name)
}

fn facts(pod: &WorkloadPod, traffic: Option<PodTraffic>) -> (Facts, Timestamp) {
    let traffic =
        traffic.unwrap_or_else(|| PodTraffic { asked: pod.gated.then_some(false), shown: Traffic::Moving });
    let mut facts = Facts::empty();
    facts.set(Facts::BOOTED, pod.booted);
    facts.set(Facts::MARKED, pod.marked);
    facts.set(Facts::HOOKED, pod.hooked);
    facts.set(Facts::LISTED, pod.listed);
    facts.set(Facts::SPECIFIED, pod.specified);
    facts.set(Facts::FAILED, pod.failure.is_some());
    facts.set(Facts::GATED, traffic.asked.is_some());
    facts.set(Facts::ASKED, traffic.asked == Some(true));
    facts.set(Facts::IN, traffic.shown == Traffic::In);
    match traffic.shown {
        Traffic::Out { since } => (facts | Facts::OUT, since),
        Traffic::In | Traffic::Moving => (facts, Timestamp::default()),
    }
}

/// The effect that brings the workload to this shape; `None` when it has it.
pub(super) fn ask(seen: &Observation, want: Shape) -> Option<Effect> {
    let has = |shape: &Shape| has(seen, shape, &want);
    (!seen.shape.as_ref().is_some_and(has)).then_some(Effect::Workload(WorkloadChange::Reshape(want)))
}

/// Whether a workload has everything that is wanted; what is `None` is not asked for.
fn has(seen: &Observation, shape: &Shape, want: &Shape) -> bool {
    let Shape { template, replicas, partition, doomed, surge, unavailable } = want;
    template.as_ref().is_none_or(|wanted| shape.is_template(wanted, seen.revision.as_ref()))
        && shape.replicas == *replicas
        && (partition.is_none() || shape.partition == *partition)
        && (doomed.is_none() || shape.doomed == *doomed)
        && (shape.surge, shape.unavailable) == (*surge, *unavailable)
}

/// Whether the flow that is looking holds the lock.
pub(super) fn is_mine(seen: &Observation) -> bool {
    seen.lock == Lock::Mine
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
