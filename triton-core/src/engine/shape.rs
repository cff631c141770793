//! Goal × row → the numbers that the workload is asked for.
//!
//! A batch grows in numbers (`replicas` = new + old, `partition` = old) and keeps `maxSurge` at its size
//! for repair; it shrinks in one write. With `maxSurge` alone a lost new pod is not replaced, and with
//! replicas and partition in separate writes the workload's controller chooses serving pods.

use super::goal::{Goal, goal};
use super::table::Row;
use crate::model::{Base, Kind, Plan, Shape, TemplateRef};

/// The shape before the first batch: the flow's template is in place and nothing moves.
#[must_use]
pub(super) const fn prepared(kind: Kind, base: &Base) -> Shape {
    let partition = match kind {
        Kind::Grow => 0,
        Kind::Replace => base.from,
    };
    Shape { template: TemplateRef::Flow, replicas: base.from, partition, surge: 1, unavailable: 0 }
}

/// The shape in a stage of a batch that brings the work from `done` to `end`.
#[must_use]
pub(super) const fn rolling(kind: Kind, plan: &Plan, done: u32, end: u32, row: Row) -> Shape {
    let (before, after) = (goal(kind, plan, done), goal(kind, plan, end));
    let wanted = Goal {
        fresh: if row.grown { after.fresh } else { before.fresh },
        stale: if row.shrunk { after.stale } else { before.stale },
    };
    let size = end.saturating_sub(done);
    let surge = match kind {
        Kind::Replace if size > 1 => size,
        Kind::Replace | Kind::Grow => 1,
    };
    shape(kind, wanted, surge)
}

/// The shape when `done` of the work is done and nothing more comes.
#[must_use]
pub(super) const fn at_rest(kind: Kind, plan: &Plan, done: u32) -> Shape {
    shape(kind, goal(kind, plan, done), 1)
}

const fn shape(kind: Kind, wanted: Goal, surge: u32) -> Shape {
    let partition = match kind {
        Kind::Grow => 0,
        Kind::Replace => wanted.stale,
    };
    Shape { template: TemplateRef::Flow, replicas: wanted.total(), partition, surge, unavailable: 0 }
}

/// The shape while a cancelled flow sheds the new pods that are not kept. Every pod may be unavailable:
/// with `maxUnavailable` 0 an old pod that is out of order keeps the workload's controller from choosing
/// new ones that are ready. Choosing is safe, because hooked pods only leave when they are let go.
#[must_use]
pub(super) fn shedding(kind: Kind, plan: &Plan, keep: u32) -> Shape {
    let rest = at_rest(kind, plan, keep);
    Shape { unavailable: rest.replicas.max(1), ..rest }
}

/// The shape that a cancelled flow leaves: a later scale-out starts pods of the revision that serves, and
/// no kept pod is replaced. To the workload's controller the kept pods are the old ones now, so the
/// partition is their number: a new pod beyond it, there because an old one was lost while others were
/// leaving, is replaced.
#[must_use]
pub(super) fn restored(kind: Kind, plan: &Plan, keep: u32) -> Shape {
    let rest = shedding(kind, plan, keep);
    let wanted = goal(kind, plan, keep);
    match (&plan.base.previous, kind) {
        (Some(previous), Kind::Replace) if wanted.stale > 0 => Shape {
            template: TemplateRef::Revision(previous.clone()),
            partition: kept_old(wanted, plan.base.partition),
            ..rest
        },
        _ => rest,
    }
}

/// Kept pods, and those that were kept at an older revision before the flow.
const fn kept_old(wanted: Goal, before: u32) -> u32 {
    let old = wanted.fresh.saturating_add(before);
    if old < wanted.total() { old } else { wanted.total() }
}
