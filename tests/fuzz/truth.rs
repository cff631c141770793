//! How the world really is, in the terms in which hosts see it.

use std::collections::BTreeSet;
use std::time::Duration;

use triton_core::model::{
    Facts, Flow, FlowId, Heals, InstanceId, Lock, Observation, Orders, Pods, Progress, Shape, TemplateRef,
};
use triton_core::sim::{Entry, Pod, Workload, World};

/// A stored flow, if it can be read.
pub(super) fn stored(entry: &Entry) -> Option<Flow> {
    let (spec, orders): (_, Orders) = (entry.spec()?.clone(), entry.orders()?.clone());
    Some(Flow { id: entry.id.clone(), uid: entry.uid.clone(), spec, orders, progress: entry.progress()? })
}

/// The flow that has the only workload: others may have taken its lock off.
pub(super) fn holder(world: &World) -> Option<&FlowId> {
    let workload = world.workloads().next()?;
    let holder = workload.lock.as_ref().map(|held| &held.holder.id);
    holder.or_else(|| world.flows().iter().find(|flow| has_begun(flow, workload)).map(|flow| &flow.id))
}

/// Whether a flow is in the middle of its batches on this workload.
pub(super) fn has_begun(flow: &Entry, workload: &Workload) -> bool {
    let progress = flow.progress();
    let base = progress.as_ref().and_then(Progress::base);
    base.and_then(|base| base.workload.as_ref()).is_some_and(|uid| uid.as_str() == workload.uid)
}

/// The only workload as it really is.
pub(super) fn truth(world: &World) -> Observation {
    world.workloads().next().map_or_else(Observation::absent, |workload| observed(workload, true))
}

/// A workload as it really is. `ours`: its template is that of the flow.
pub(super) fn observed(workload: &Workload, ours: bool) -> Observation {
    let (InstanceId { .. }, revision) = (&workload.id, workload.template_revision());
    let mut pods = Pods::default();
    for pod in workload.active() {
        let facts = facts(pod);
        // A restart tells by a mark which pods it replaces.
        let marked = workload.lock.as_ref().is_some_and(|held| pod.due.as_ref() == Some(&held.holder.uid));
        let fresh = ours && pod.revision == revision && !marked;
        let named = pod.specified || workload.pods_to_delete.contains(&pod.name);
        let facts = if fresh { facts | Facts::FRESH } else { facts };
        let facts = if named { facts | Facts::DOOMED } else { facts };
        pods.push(pod.reference(), facts, Duration::ZERO);
    }
    let template = if ours { TemplateRef::Flow } else { TemplateRef::Revision(revision.clone()) };
    let template = Some(template);
    Observation {
        stale: None,
        workload: workload.uid.parse().ok(),
        settled: workload.observed_latest(),
        lock: if workload.lock.is_some() { Lock::Mine } else { Lock::Free },
        last: workload.last.clone(),
        settings: None,
        left: None,
        paused: workload.paused,
        shape: Some(Shape {
            template,
            replicas: workload.replicas,
            partition: Some(workload.partition),
            doomed: Some(workload.pods_to_delete.iter().cloned().collect()),
            surge: workload.surge,
            unavailable: workload.unavailable,
        }),
        revision: workload.update_revision.clone(),
        stable: workload.current_revision.clone(),
        revisions: BTreeSet::new(),
        label: triton_core::model::RevisionLabel::Unknown,
        obstacle: None,
        refused: None,
        in_place: workload.policy.in_place(),
        unhooked: false,
        remembered: workload.remembered,
        good: workload.good.clone(),
        carried: None,
        differs: Vec::new(),
        edits: triton_core::model::Edits::default(),
        yields: false,
        stuck: None,
        place: None,
        size: None,
        // A pod that is being deleted takes traffic as long as an endpoint shows it.
        terminating: count(workload.pods.iter().filter(|pod| !pod.active() && pod.listed)),
        ending: count(workload.pods.iter().filter(|pod| !pod.active())),
        draining: false,
        turns_in: None,
        available_in: None,
        young_for: None,
        pods,
        lost: Vec::new(),
    }
}

fn count<T>(things: impl Iterator<Item = T>) -> u32 {
    u32::try_from(things.count()).expect("a count of pods fits")
}

fn facts(pod: &Pod) -> Facts {
    let mut facts = Facts::empty();
    facts.set(Facts::BOOTED, pod.booted);
    facts.set(Facts::MARKED, pod.marked());
    facts.set(Facts::SPECIFIED, pod.specified);
    facts.set(Facts::HOOKED, pod.hooked);
    facts.set(Facts::GATED, pod.gated());
    facts.set(Facts::ASKED, pod.gate == Some(true));
    facts.set(Facts::FAILED, pod.failure.as_ref().is_some_and(|failure| failure.heals == Heals::Never));
    facts.set(Facts::STUCK, pod.failure.is_some());
    facts.set(Facts::IN, pod.listed && pod.serves());
    facts.set(Facts::OUT, !pod.listed && !pod.serves());
    facts
}
