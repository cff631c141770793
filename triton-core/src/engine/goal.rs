//! How many pods of which sort are wanted when so much of the work is done: the only arithmetic.
//!
//! An update with another size than before changes the size inside its batches: when it grows, the first
//! new pods have no old counterpart; when it shrinks, batches exchange one for one and the surplus old
//! pods leave after the last exchange.

use crate::model::{Base, Kind, MAX_NAMED, Orders, Plan, Spec};

/// Pods wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// As the flow wants them.
    pub fresh: u32,
    /// Others.
    pub stale: u32,
}

impl Goal {
    /// All of them.
    #[must_use]
    pub const fn total(self) -> u32 {
        self.fresh.saturating_add(self.stale)
    }
}

/// The plan for a base: `fresh` pods need no work.
#[must_use]
pub fn plan(base: Base, fresh: u32) -> Plan {
    match base.kind {
        Kind::Grow => {
            let work = base.to.saturating_sub(base.from);
            Plan { base, fresh: 0, work }
        }
        Kind::Shrink => {
            let work = base.from.saturating_sub(base.to);
            Plan { base, fresh: 0, work }
        }
        Kind::Replace | Kind::Swap => {
            let fresh = fresh.min(base.to).min(base.from);
            let surplus = base.from.saturating_sub(base.to);
            let work = base.to.saturating_sub(fresh).saturating_add(surplus);
            Plan { base, fresh, work }
        }
    }
}

/// Pods wanted when `done` of the work is done.
#[must_use]
pub const fn goal(plan: &Plan, done: u32) -> Goal {
    match plan.base.kind {
        Kind::Grow => Goal { fresh: plan.base.from.saturating_add(done), stale: 0 },
        Kind::Shrink => Goal { fresh: plan.base.from.saturating_sub(done), stale: 0 },
        Kind::Replace | Kind::Swap => {
            let exchanged = if done < exchanges(plan) { done } else { exchanges(plan) };
            let growth = plan.base.to.saturating_sub(plan.base.from);
            let stale = plan.base.from.saturating_sub(plan.fresh);
            Goal {
                fresh: plan.fresh.saturating_add(exchanged),
                stale: stale.saturating_sub(done.saturating_sub(growth)),
            }
        }
    }
}

/// Pods of work that start a new pod; the rest of the work only removes surplus old pods.
const fn exchanges(plan: &Plan) -> u32 {
    match plan.base.kind {
        Kind::Grow | Kind::Shrink => plan.work,
        Kind::Replace | Kind::Swap => plan.base.to.saturating_sub(plan.fresh),
    }
}

/// Size of batch `number` when `done` of the work is done; 0 when nothing is left.
#[must_use]
pub fn batch_size(spec: &Spec, orders: &Orders, plan: &Plan, done: u32, number: u32) -> u32 {
    let left = plan.work.saturating_sub(done);
    let canary = is_canary(spec, plan, number);
    let wanted = if canary {
        spec.canary
    } else {
        let before = 1_u32.saturating_add(u32::from(is_canary(spec, plan, 1)));
        let nth = number.saturating_sub(before);
        orders.sizes.nth(nth, whole(plan)).unwrap_or(left)
    };
    // A batch never mixes exchanges with the surplus that leaves after them.
    let boundary = exchanges(plan).saturating_sub(done);
    let room = if boundary > 0 { boundary.min(left) } else { left };
    let wanted = wanted.min(missing(spec, plan)).clamp(u32::from(left > 0), room);
    if leave_by_name(spec, plan) { wanted.min(MAX_NAMED) } else { wanted }
}

/// What a percentage is of: the size to reach; where pods only leave, the size it was.
const fn whole(plan: &Plan) -> u32 {
    let pods = match plan.base.kind {
        Kind::Shrink => plan.base.from,
        Kind::Grow | Kind::Replace | Kind::Swap => plan.base.to,
    };
    if pods == 0 { 1 } else { pods }
}

/// Most pods that a batch may take out of service, where old pods leave before new ones start; elsewhere it is no bound. Of a size that others set
/// one pod stays at least: nobody agreed to take out all of so few.
pub(super) fn missing(spec: &Spec, plan: &Plan) -> u32 {
    if plan.base.kind != Kind::Swap {
        return u32::MAX;
    }
    let agreed = spec.max_unavailable.map_or(u32::MAX, |most| most.of(whole(plan)));
    match plan.base.followed {
        Some(_) => agreed.min(whole(plan).saturating_sub(1).max(1)),
        None => agreed,
    }
}

/// How many pods a batch of this size may take out of service.
#[must_use]
pub(super) fn missing_of(spec: &Spec, plan: &Plan, size: u32) -> u32 {
    if plan.base.kind == Kind::Swap { size.min(missing(spec, plan)) } else { 0 }
}

/// Whether pods leave by name, and may be too many for one write: those that a restart exchanges, those that
/// a flow names, or those that may fail.
fn leave_by_name(spec: &Spec, plan: &Plan) -> bool {
    let named = plan.base.by_name() || (plan.base.kind == Kind::Shrink && !spec.pods.is_empty());
    named || spec.tolerance.of(plan.work) > MAX_NAMED
}

/// Whether batch `number` is the canary batch. A flow that returns what it changed has none.
#[must_use]
pub(super) const fn is_canary(spec: &Spec, plan: &Plan, number: u32) -> bool {
    number == 1 && spec.canary > 0 && !plan.base.turned
}

/// How many batches there are in all, counting from a batch that is at `done` with `size`.
#[must_use]
pub fn batches(spec: &Spec, orders: &Orders, plan: &Plan, current: Option<(u32, u32, u32)>) -> u32 {
    let (mut number, mut done) =
        current.map_or((0, 0), |(number, done, size)| (number, done.saturating_add(size)));
    while done < plan.work && number < u32::MAX {
        number = number.saturating_add(1);
        let size = batch_size(spec, orders, plan, done, number);
        // Once the last size repeats, the rest is a division.
        let listed = u32::try_from(orders.sizes.0.len()).unwrap_or(u32::MAX);
        let settled = number > listed.saturating_add(1);
        let steps = if settled { room(plan, done).checked_div(size).unwrap_or(1).max(1) } else { 1 };
        number = number.saturating_add(steps.saturating_sub(1));
        done = done.saturating_add(size.max(1).saturating_mul(steps));
    }
    number
}

/// Work left before the next boundary between exchanges and surplus.
fn room(plan: &Plan, done: u32) -> u32 {
    let boundary = exchanges(plan).saturating_sub(done);
    if boundary > 0 { boundary.min(plan.work.saturating_sub(done)) } else { plan.work.saturating_sub(done) }
}

#[cfg(test)]
#[path = "goal_tests.rs"]
mod tests;
