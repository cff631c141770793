//! S10: the end is the end.

use triton_core::engine::{Decision, Waiting};
use triton_core::model::WorkloadChange;

use super::reading::workload_change;
use super::{Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S10Terminal,
    says: "a finished flow never changes; all it does is to give its lock back",
    source: "reliability S10",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let releases = matches!(workload_change(intent.decision), Some(WorkloadChange::Release { .. }));
    // It may have to wait for news before it gives its lock back, or for somebody to mend it.
    let waits =
        matches!(intent.decision, Decision::Wait(Waiting::Unreachable { .. } | Waiting::Lock { .. }, _));
    let fine = releases || waits || *intent.decision == Decision::Done;
    ensure(!intent.flow.progress.is_finished() || fine, || format!("{:?} after the end", intent.decision))
}

fn change(change: &Change<'_>) -> Outcome {
    let (before, after) = (&change.before.flow.progress, &change.after.flow.progress);
    ensure(!before.is_finished() || before == after, || format!("{before:?} became {after:?}"))
}
