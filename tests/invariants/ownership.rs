//! S14: a flow acts on the workload that it holds, and on no other.

use triton_core::engine::{Decision, Effect};
use triton_core::model::{Action, Lock, Progress, WorkloadChange};

use super::reading::{is_mine, is_to_give_back};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S14Ownership,
    says: "only the holder of the lock writes; the lock is given back once the verdict is durable; no flow \
           ever removes a workload",
    source: "semantics section 1, reliability S14",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let seen = intent.seen;
    let fine = match intent.decision {
        Decision::Act(Effect::Workload(WorkloadChange::Lock { .. })) => {
            let locked = intent.flow.progress.base().and_then(|base| base.workload.as_ref());
            let noted = seen.last.as_ref().is_some_and(|last| last.holds(&intent.flow.uid));
            let again = noted || locked.is_some() && locked == seen.workload.as_ref();
            let begins =
                seen.obstacle.is_none() && matches!(intent.flow.progress, Progress::Preparing { .. });
            seen.lock == Lock::Free && (begins || again)
        }
        Decision::Act(Effect::Workload(WorkloadChange::Release { .. })) => {
            is_to_give_back(intent.flow, seen) && intent.flow.progress.is_finished()
        }
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(_))) if seen.shape.is_none() => {
            intent.flow.spec.action == Action::Create
                && matches!(intent.flow.progress, Progress::Preparing { .. })
        }
        Decision::Act(Effect::Workload(WorkloadChange::Remove)) => {
            is_mine(seen) && intent.flow.spec.action == Action::Delete
        }
        Decision::Act(Effect::Supersede(_)) => matches!(seen.lock, Lock::Theirs(_)),
        Decision::Act(_) => is_mine(seen),
        Decision::Move(..) | Decision::Wait(..) | Decision::Done => true,
    };
    ensure(fine, || format!("{:?} with the lock {:?}", intent.decision, seen.lock))
}

fn change(change: &Change<'_>) -> Outcome {
    let removed = change.before.world.shape.is_some() && change.after.world.shape.is_none();
    let ordered = change.after.flow.spec.action == Action::Delete;
    ensure(!removed || ordered || change.cause == Cause::Nature, || "the workload was removed".into())
}
