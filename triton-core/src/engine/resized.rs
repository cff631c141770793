//! A size that others give the workload while a flow exchanges pods one for one: the flow follows it.
//!
//! Where a flow changes the size itself, another size is an edit like any other.

use super::decision::{Decision, Effect, Why};
use super::gate::Open;
use super::{gate, goal, shape, table};
use crate::model::{
    Base, Batch, Brings, Edits, Field, Flow, HoldReason, Kind, MAX_BATCHES, MAX_REPLICAS, Observation, Plan,
    Progress, Seconds, Stage, Timestamp, WorkloadChange,
};

/// A size that the flow is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// It can.
    Within(u32),
    /// It cannot: nothing would be left, or more than a flow may have.
    Beyond,
}

/// The size that others gave the workload, where the flow follows it. From the flow's own size up to what the
/// stage asks for is none: there somebody took extra pods of an exchange away (an autoscaler that is at its most),
/// and giving in would never end, or leave some of them for good.
pub(super) fn size(flow: &Flow, seen: &Observation) -> Option<Size> {
    let plan = flow.progress.plan()?;
    let Plan { base, .. } = plan;
    let size = seen.shape.as_ref()?.replicas;
    let asked = if let Progress::Rolling { done, batch, .. } = &flow.progress {
        let row = table::row_of(&flow.spec, base.kind, batch.stage);
        shape::rolling(plan, *done, done.saturating_add(batch.size), row).replicas
    } else {
        base.to
    };
    let extra = size == base.to || (base.to..asked).contains(&size);
    let follows = base.kind.exchanges() && base.from == base.to && !extra;
    // Until the flow has written a size that it followed, the one before is no edit where others give it back. In a swap
    // the flow asks for no other number itself.
    let later = base.followed.is_some_and(|at| seen.edits.generation > at);
    let again = base.kind == Kind::Swap && later && is_unwritten(base, seen);
    if !(follows && (again || seen.edits.has(Field::Replicas))) {
        return None;
    }
    if size < least(flow, plan) || size > MAX_REPLICAS {
        return Some(Size::Beyond);
    }
    let batches = goal::batches(&flow.spec, &flow.orders, &resized(plan, size, 0), None);
    Some(if batches > MAX_BATCHES { Size::Beyond } else { Size::Within(size) })
}

/// The smallest size that the flow can go on with.
fn least(flow: &Flow, plan: &Plan) -> u32 {
    let Progress::Rolling { done, batch, .. } = &flow.progress else { return 1 };
    // A restart knows which pods it replaces: which of them go, it does not.
    if plan.base.brings == Brings::Nothing {
        return plan.work.max(1);
    }
    let size = if batch.stage < Stage::PullingIn { 1 } else { batch.size };
    let end = done.saturating_add(size);
    match open(flow, plan, *done, batch) {
        None => 1,
        // Beside new pods that wait to be let into traffic, old ones serve.
        Some(Open::Batch) if plan.base.kind == Kind::Replace => end,
        // With the last old pod the question would go.
        Some(Open::Batch | Open::Later) => plan.fresh.saturating_add(end).saturating_add(1),
    }
}

/// What a person has still to agree to.
fn open(flow: &Flow, plan: &Plan, done: u32, batch: &Batch) -> Option<Open> {
    let last = done.saturating_add(batch.size) >= plan.work;
    gate::open(&flow.spec, &flow.orders, plan, batch, last)
}

/// Whether the workload has a size that a flow which was held for its size can go on with. Who gave it cannot be told
/// where others took off the lock, and with it the note of it.
pub(super) fn fits(flow: &Flow, seen: &Observation) -> bool {
    let possible = seen.shape.as_ref().is_some_and(|shape| (1..=MAX_REPLICAS).contains(&shape.replicas));
    possible && size(flow, seen) != Some(Size::Beyond)
}

/// The flow goes on with another size. The batch keeps its pods where they fit.
pub(super) fn follow(flow: &Flow, size: u32, edits: &Edits, now: Timestamp) -> Option<Decision> {
    let known = |plan: Plan| Plan { base: Base { followed: Some(edits.generation), ..plan.base }, ..plan };
    let progress = match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            let asks = plan.base.brings != Brings::Nothing && open(flow, plan, *done, batch).is_some();
            let plan = known(resized(plan, size, done.saturating_add(batch.size)));
            let left = plan.work.saturating_sub(*done);
            if left == 0 {
                // As many pods as are wanted were agreed to already, and nobody waits for more of them.
                let hold = batch.hold.filter(|hold| hold.reason != HoldReason::DeadlineExceeded);
                Progress::Verifying { plan, since: now, counted: Seconds(0), hold, edited: None }
            } else {
                // Pods that left for the batch are among those that are too many now. Once new ones come in, those in
                // whose places they come can go.
                let most = if batch.stage < Stage::PullingIn {
                    left.saturating_sub(u32::from(asks)).max(1).min(goal::missing(&flow.spec, &plan))
                } else {
                    left
                };
                let batch = Batch { size: batch.size.min(most), ..*batch };
                Progress::Rolling { plan, done: *done, batch }
            }
        }
        Progress::Verifying { plan, hold, edited, .. } => {
            let plan = known(resized(plan, size, 0));
            Progress::Verifying { plan, since: now, counted: Seconds(0), hold: *hold, edited: *edited }
        }
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => return None,
    };
    let from = flow.progress.base().map_or(0, |base| base.to);
    Some(Decision::Move(progress, Why::Resized { from, to: size, edits: edits.fields.clone() }))
}

/// What a flow that is stopped does about another size: it follows it where nothing else was edited. It stays stopped,
/// unless it held for pods of a batch that are not wanted any more. Pods that come are wanted now, and whoever stopped
/// the flow meant its batches.
pub(super) fn follow_stopped(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    let others = flow.progress.hold().is_some_and(|hold| hold.reason.is_others());
    let alone = seen.edits.fields.iter().all(|edit| edit.field == Field::Replicas);
    let Some(Size::Within(size)) = size(flow, seen).filter(|_| alone && !others) else { return None };
    follow(flow, size, &seen.edits, now)
}

/// Whether the flow follows a size of which it has written nothing since.
pub(super) fn is_unwritten(base: &Base, seen: &Observation) -> bool {
    base.followed.is_some_and(|at| at > seen.edits.clean)
}

/// What a flow that is stopped writes of a size that it follows where it does not ask for its own numbers: that it knows
/// it. Else the size that was written last would be no other one, once it is back.
pub(super) fn noted(base: &Base, seen: &Observation) -> Option<Effect> {
    let fields = &seen.edits.fields;
    let alone = !fields.is_empty() && fields.iter().all(|edit| edit.field == Field::Replicas);
    let shape = seen.shape.clone().filter(|shape| shape.replicas == base.to)?;
    (alone && is_unwritten(base, seen)).then_some(Effect::Workload(WorkloadChange::Reshape(shape)))
}

/// The plan for another size, of which work up to `end` has begun. Pods that come start at the old revision:
/// they are work for later batches. Where the flow brings no template they are new, and need none. Pods that
/// go are old ones as far as there are any.
fn resized(plan: &Plan, size: u32, end: u32) -> Plan {
    let fresh = match plan.base.brings {
        Brings::Flow | Brings::Revision(_) => plan.fresh.min(size.saturating_sub(end)),
        Brings::Nothing => size.saturating_sub(plan.work),
    };
    let base = Base { from: size, to: size, ..plan.base.clone() };
    Plan { base, fresh, work: size.saturating_sub(fresh) }
}

#[cfg(test)]
#[path = "resized_tests.rs"]
mod tests;
