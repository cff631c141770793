//! S13: the batches add up to the work.

use triton_core::model::{Base, Brings, Plan, Progress};

use super::reading::{follows_a_size, moved, size_after};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S13Partition,
    says: "every batch has at least one pod, and the sizes of all batches add up to the work",
    source: "semantics section 2, reliability S13",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let before = &intent.flow.progress;
    if follows_a_size(intent.decision) {
        return followed(intent);
    }
    match moved(intent.decision) {
        Some(Progress::Rolling { plan, done, batch }) => {
            let ends = done + batch.size;
            ensure(batch.size > 0 && ends <= plan.work, || {
                format!("batch of {} at {done} of {}", batch.size, plan.work)
            })?;
            same_plan(before, plan)?;
            let expected = match before {
                Progress::Rolling { done, batch: old, .. } if old.number == batch.number => *done,
                Progress::Rolling { done, batch: old, .. } => done + old.size,
                _ => 0,
            };
            // A batch may go on without pods that failed; it never grows.
            if let Progress::Rolling { batch: old, .. } = before
                && old.number == batch.number
            {
                ensure(batch.size <= old.size, || format!("{batch:?} after {old:?}"))?;
            }
            ensure(*done == expected, || format!("{done} pods done, not {expected}"))
        }
        Some(Progress::Verifying { plan, .. }) => {
            let finished = match before {
                Progress::Rolling { done, batch, .. } => done + batch.size,
                Progress::Verifying { plan, .. } => plan.work,
                _ => 0,
            };
            ensure(finished == plan.work, || {
                format!("{finished} of {} pods are done at the end", plan.work)
            })?;
            let size = size_after(intent.flow, plan, plan.work);
            ensure(size == plan.base.to, || format!("the batches lead to {size} pods, not {}", plan.base.to))
        }
        _ => Ok(()),
    }
}

/// What is done stays done, the batch loses pods at most, and all lead to the size that is there now.
fn followed(intent: &Intent<'_>) -> Outcome {
    let there = intent.seen.shape.as_ref().map(|shape| shape.replicas);
    let (before, after) = (&intent.flow.progress, moved(intent.decision));
    let plan = after.and_then(Progress::plan);
    let leads = plan.map(|plan| size_after(intent.flow, plan, plan.work));
    ensure(leads == there && there != Some(0), || format!("{there:?} pods are there, {plan:?}"))?;
    match (before, after) {
        (Progress::Rolling { done, batch, .. }, Some(Progress::Rolling { plan, done: now, batch: next })) => {
            let fits = next.size > 0 && next.size <= batch.size && now + next.size <= plan.work;
            let same = (now, next.number, next.stage) == (done, batch.number, batch.stage);
            ensure(fits && same, || format!("{next:?} at {now} of {plan:?} after {batch:?} at {done}"))
        }
        (Progress::Rolling { done, .. }, Some(Progress::Verifying { plan, .. })) => {
            ensure(plan.work <= *done, || format!("{done} pods are done of {plan:?}"))
        }
        _ => Ok(()),
    }
}

/// A person may have agreed to a template of others meanwhile, where the flow brings none.
fn same_plan(before: &Progress, plan: &Plan) -> Outcome {
    let same = |old: &Plan| {
        let revisions = old.base.revisions.clone();
        let agreed = plan.base.brings == Brings::Nothing
            && revisions.iter().flatten().all(|revision| !plan.base.is_foreign(revision));
        let (new, previous) = (plan.base.previous.as_ref(), old.base.previous.clone());
        let agreed = agreed && new.is_none_or(|new| !plan.base.is_foreign(new));
        let base = Base { revisions, previous, ..plan.base.clone() };
        old == plan || (agreed && *old == Plan { base, ..plan.clone() })
    };
    ensure(before.plan().is_none_or(same), || "the plan changed on the way".into())
}
