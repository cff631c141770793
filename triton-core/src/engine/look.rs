//! From what the ports say to what decisions read.

use super::decision::Effect;
use crate::model::{
    Facts, Kind, Lock, Observation, PodRef, PodTraffic, Pods, Shape, TemplateRef, Timestamp, Traffic,
    TrafficView, WorkloadChange, WorkloadPod, WorkloadView,
};

/// One consistent look at the world.
#[must_use]
pub fn look(kind: Kind, workload: Option<&WorkloadView>, traffic: &TrafficView) -> Observation {
    let Some(view) = workload else {
        return Observation::absent();
    };
    let mut pods = Pods::default();
    for pod in &view.pods {
        let fresh = is_fresh(kind, view, pod);
        let (mut facts, since) = facts(pod, traffic.pods.get(&pod.uid).copied());
        facts.set(Facts::CURRENT, view.revision.is_some() && pod.revision == view.revision);
        let pod = PodRef { name: pod.name.clone(), uid: pod.uid.clone(), version: pod.version.clone() };
        pods.push(pod, if fresh { facts | Facts::FRESH } else { facts }, since);
    }
    Observation {
        settled: view.settled,
        lock: view.lock.clone(),
        frozen: view.frozen,
        shape: Some(view.shape.clone()),
        revision: view.revision.clone(),
        obstacle: view.obstacle.clone(),
        pods,
        terminating: view.terminating,
    }
}

/// Whether a pod is as the flow wants it. A pod is of the flow's revision only while the workload has the
/// flow's template and its controller has told that template's revision.
pub(super) fn is_fresh(kind: Kind, view: &WorkloadView, pod: &WorkloadPod) -> bool {
    match kind {
        Kind::Grow => true,
        Kind::Replace => {
            view.shape.template == TemplateRef::Flow
                && view.revision.is_some()
                && pod.revision == view.revision
        }
    }
}

fn facts(pod: &WorkloadPod, traffic: Option<PodTraffic>) -> (Facts, Timestamp) {
    let traffic =
        traffic.unwrap_or_else(|| PodTraffic { asked: pod.gated.then_some(false), shown: Traffic::Moving });
    let mut facts = Facts::empty();
    facts.set(Facts::BOOTED, pod.booted);
    facts.set(Facts::MARKED, pod.marked);
    facts.set(Facts::HOOKED, pod.hooked);
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
    let has = |shape: &Shape| Shape { template: named_alike(seen, shape, &want), ..shape.clone() } == want;
    (!seen.shape.as_ref().is_some_and(has)).then_some(Effect::Workload(WorkloadChange::Reshape(want)))
}

/// The template that the workload has, named as the wanted one where it is the same: a flow may bring the
/// very template that served before, and is then asked to restore its own.
fn named_alike(seen: &Observation, shape: &Shape, want: &Shape) -> TemplateRef {
    match (&shape.template, &want.template) {
        (TemplateRef::Flow, TemplateRef::Revision(wanted)) if seen.revision.as_ref() == Some(wanted) => {
            want.template.clone()
        }
        (template, _) => template.clone(),
    }
}

/// Whether the flow that is looking holds the lock.
pub(super) fn is_mine(seen: &Observation) -> bool {
    seen.lock == Lock::Mine
}
