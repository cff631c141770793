//! S12: nothing is asked for that is so already.

use triton_core::engine::{Decision, Effect};
use triton_core::model::{Facts, PodChange, Shape, TrafficChange, WorkloadChange};

use super::reading::{facts, is_mine, is_to_give_back, pods_of};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S12Idempotence,
    says: "writes carry absolute values and change something: the same look twice gives no new write",
    source: "reliability S12",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let seen = intent.seen;
    let all = |holds: fn(Facts) -> bool| {
        pods_of(intent.decision)
            .is_some_and(|pods| !pods.is_empty() && pods.iter().all(|pod| holds(facts(seen, pod))))
    };
    let needed = match intent.decision {
        Decision::Wait(..) | Decision::Done => true,
        Decision::Move(progress, _) => *progress != intent.flow.progress,
        Decision::Act(Effect::Traffic(TrafficChange::PullIn(_))) => all(|facts| {
            facts.contains(Facts::GATED | Facts::BOOTED | Facts::HOOKED)
                && !facts.intersects(Facts::ASKED | Facts::MARKED)
        }),
        Decision::Act(Effect::Traffic(TrafficChange::PullOut(_))) => {
            all(|facts| facts.contains(Facts::ASKED | Facts::MARKED))
        }
        Decision::Act(Effect::Supersede(_)) => seen.yields,
        Decision::Act(Effect::Pods(change)) => match change {
            PodChange::Hook(_) => all(|facts| !facts.contains(Facts::HOOKED)),
            PodChange::Unhook(_) => all(|facts| facts.contains(Facts::HOOKED | Facts::MARKED)),
            // Pods on their way out are listed, too: they may return, and are no new ones then.
            PodChange::MarkForReplacement(_) => all(|facts| !facts.contains(Facts::LISTED)),
            PodChange::ClearSpecifiedDelete(_) => {
                all(|facts| facts.contains(Facts::SPECIFIED | Facts::HOOKED))
            }
        },
        Decision::Act(Effect::Workload(change)) => match change {
            WorkloadChange::Reshape(shape) => seen.shape.as_ref().is_none_or(|seen| differs(seen, shape)),
            WorkloadChange::Remove => is_mine(seen) && seen.pods.is_empty(),
            WorkloadChange::SetPaused(on) => seen.paused != *on,
            WorkloadChange::Lock { .. } => !is_mine(seen),
            WorkloadChange::Release { .. } => is_to_give_back(intent.flow, seen),
        },
    };
    ensure(needed, || format!("{:?} changes nothing, or goes too far", intent.decision))
}

/// Whether a shape that is asked for differs from the one that is there; what is `None` is not asked for.
fn differs(seen: &Shape, want: &Shape) -> bool {
    want.template.as_ref().is_some_and(|template| seen.template.as_ref() != Some(template))
        || seen.replicas != want.replicas
        || want.partition.is_some_and(|partition| seen.partition != Some(partition))
        || want.doomed.as_ref().is_some_and(|doomed| seen.doomed.as_ref() != Some(doomed))
        || (seen.surge, seen.unavailable) != (want.surge, want.unavailable)
}
