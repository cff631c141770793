//! Readings of a flow and of the world that several properties need, written apart from the engine.

use triton_core::engine::{Decision, Effect, Why};
use triton_core::model::{
    Brings, Facts, Flow, Kind, Lock, Observation, Plan, PodChange, PodRef, Progress, Shape, Stage,
    TemplateRef, TrafficChange, WorkloadChange,
};

/// New pods when so much of the work is done.
pub(super) fn fresh_after(_: &Flow, plan: &Plan, done: u32) -> u32 {
    match plan.base.kind {
        Kind::Replace | Kind::Swap => plan.fresh + done.min(plan.base.to.saturating_sub(plan.fresh)),
        Kind::Shrink => plan.base.from - done,
        Kind::Grow => plan.base.from + done,
    }
}

/// Old pods when so much of the work is done. The first of a growing update have no old counterpart.
pub(super) fn stale_after(_: &Flow, plan: &Plan, done: u32) -> u32 {
    match plan.base.kind {
        Kind::Replace | Kind::Swap => {
            let growth = plan.base.to.saturating_sub(plan.base.from);
            (plan.base.from - plan.fresh).saturating_sub(done.saturating_sub(growth))
        }
        Kind::Grow | Kind::Shrink => 0,
    }
}

/// All pods when so much of the work is done.
pub(super) fn size_after(flow: &Flow, plan: &Plan, done: u32) -> u32 {
    fresh_after(flow, plan, done) + stale_after(flow, plan, done)
}

/// Work done before the current batch, and with it.
pub(super) fn span(progress: &Progress) -> Option<(u32, u32)> {
    match progress {
        Progress::Rolling { done, batch, .. } => Some((*done, done + batch.size)),
        _ => None,
    }
}

/// New pods that the workload is asked for by this shape.
/// `None` where the numbers alone do not tell new from old: a restart names pods.
pub(super) fn requested_fresh(flow: &Flow, shape: &Shape) -> Option<u32> {
    let by_revision = shape.replicas.saturating_sub(shape.partition.unwrap_or(0));
    match (flow.progress.base().map(|base| (base.kind, &base.brings)), &shape.template) {
        (Some((Kind::Grow | Kind::Shrink, _)), _) => Some(shape.replicas),
        (Some((_, Brings::Nothing)), _) => None,
        (Some((_, Brings::Revision(wanted))), Some(TemplateRef::Revision(is))) if wanted == is => {
            Some(by_revision)
        }
        (_, Some(TemplateRef::Flow)) => Some(by_revision),
        (_, Some(TemplateRef::Revision(_)) | None) => Some(0),
    }
}

/// The change of the workload that is decided.
pub(super) const fn workload_change(decision: &Decision) -> Option<&WorkloadChange> {
    match decision {
        Decision::Act(Effect::Workload(change)) => Some(change),
        _ => None,
    }
}

/// The shape that is asked for.
pub(super) const fn reshape(decision: &Decision) -> Option<&Shape> {
    match workload_change(decision) {
        Some(WorkloadChange::Reshape(shape)) => Some(shape),
        _ => None,
    }
}

/// The pods an effect acts on.
pub(super) const fn pods_of(decision: &Decision) -> Option<&Vec<PodRef>> {
    match decision {
        Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods) | TrafficChange::PullOut(pods))) => {
            Some(pods)
        }
        Decision::Act(Effect::Pods(change)) => Some(change.pods()),
        _ => None,
    }
}

/// Pods asked into traffic.
pub(super) const fn pulled_in(decision: &Decision) -> Option<&Vec<PodRef>> {
    match decision {
        Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) => Some(pods),
        _ => None,
    }
}

/// Pods asked out of traffic, or allowed to be removed.
pub(super) const fn taken_out(decision: &Decision) -> Option<&Vec<PodRef>> {
    match decision {
        Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods)))
        | Decision::Act(Effect::Pods(PodChange::Unhook(pods))) => Some(pods),
        _ => None,
    }
}

/// The progress that is decided.
pub(super) const fn moved(decision: &Decision) -> Option<&Progress> {
    match decision {
        Decision::Move(progress, _) => Some(progress),
        _ => None,
    }
}

/// The flow follows a size that others gave the workload.
pub(super) const fn follows_a_size(decision: &Decision) -> bool {
    matches!(decision, Decision::Move(_, Why::Resized { .. }))
}

/// What is true of a pod; nothing when it is not there.
pub(super) fn facts(seen: &Observation, pod: &PodRef) -> Facts {
    seen.pods.iter().find(|(at, _, _)| at.uid == pod.uid).map_or(Facts::empty(), |(_, facts, _)| facts)
}

/// How many of these pods have all of these facts.
pub(super) fn count_of(seen: &Observation, pods: &[PodRef], with: Facts) -> u32 {
    let count = pods.iter().filter(|pod| facts(seen, pod).contains(with)).count();
    u32::try_from(count).expect("a count of pods fits")
}

/// Pods shown by the registry.
pub(super) fn in_traffic(seen: &Observation) -> u32 {
    seen.pods.count(Facts::IN, Facts::empty())
}

/// New pods that are meant to stay in traffic. Those that others chose to remove are followed by the ones in their places.
pub(super) fn exposed(seen: &Observation) -> u32 {
    seen.pods.count(Facts::FRESH | Facts::ASKED, Facts::MARKED | Facts::DOOMED)
}

/// Whether the flow that is looking holds the lock.
pub(super) fn is_mine(seen: &Observation) -> bool {
    seen.lock == Lock::Mine
}

/// Whether a flow has something to give back: its lock, or the note that it has not ended where others took that off.
pub(super) fn is_to_give_back(flow: &Flow, seen: &Observation) -> bool {
    let had = seen.last.as_ref().is_some_and(|last| last.holds(&flow.uid));
    is_mine(seen) || seen.lock == Lock::Free && had
}

/// How far a flow is, as something that may only grow.
pub(super) fn position(progress: &Progress) -> (u8, u32, Option<Stage>) {
    // What was cancelled may return in batches of its own: a second life behind the first.
    if progress.base().is_some_and(|base| base.turned) {
        let (step, number, stage) = place(progress);
        return (step + 5, number, stage);
    }
    place(progress)
}

const fn place(progress: &Progress) -> (u8, u32, Option<Stage>) {
    match progress {
        Progress::Pending => (0, 0, None),
        Progress::Preparing { .. } => (1, 0, None),
        Progress::Rolling { batch, .. } => (2, batch.number, Some(batch.stage)),
        Progress::Verifying { .. } => (3, 0, None),
        Progress::Closing { shed, .. } => (4, *shed as u32, None),
        Progress::Finished { .. } => (20, 0, None),
    }
}

/// Where old pods leave first, a batch may be missing: no more pods than `maxUnavailable` of the size says, and of a size
/// that others set never all.
pub(super) fn missing(flow: &Flow, plan: &Plan, batch: u32) -> u32 {
    if plan.base.kind != Kind::Swap {
        return 0;
    }
    let most = flow.spec.max_unavailable.map_or(u32::MAX, |most| most.of(plan.base.to.max(1)));
    let stays = plan.base.followed.map_or(u32::MAX, |_| plan.base.to.saturating_sub(1).max(1));
    batch.min(most).min(stays)
}

/// Fewest pods in traffic that a removal may leave; `None` where no flow is at work.
pub(super) fn floor(flow: &Flow) -> Option<u32> {
    match &flow.progress {
        // Others may have added pods meanwhile: what counts is the size that this batch begins and ends with.
        Progress::Rolling { plan, done, batch } => {
            let (before, after) = (size_after(flow, plan, *done), size_after(flow, plan, done + batch.size));
            Some(before.min(after).saturating_sub(missing(flow, plan, batch.size)).min(batch.serving))
        }
        // Pods that were out of order when the flow began may still be.
        Progress::Verifying { plan, .. } => {
            let spare = u32::from(plan.base.kind == Kind::Swap);
            Some(plan.base.to.saturating_sub(plan.base.degraded.max(spare)))
        }
        Progress::Closing { plan, keep, floor, .. } => Some(size_after(flow, plan, *keep).min(*floor)),
        Progress::Preparing { base } => Some(base.from.min(base.to)),
        Progress::Pending | Progress::Finished { .. } => None,
    }
}
