//! Goal × row → the numbers that the workload is asked for.
//!
//! A batch grows in numbers (`replicas` = new + old, `partition` = old) and keeps `maxSurge` at its size
//! for repair; it shrinks in one write. With `maxSurge` alone a lost new pod is not replaced, and with
//! replicas and partition in separate writes the workload's controller chooses serving pods.
//!
//! A flow that does not touch the template leaves the partition alone too: others may have left pods of
//! several revisions. It names the pods that leave.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::goal::{Goal, goal};
use super::table::Row;
use crate::model::{Base, Brings, Facts, Kind, MAX_NAMED, Observation, Plan, PodName, Shape, TemplateRef};

/// The shape before the first batch: the flow's template is in place and nothing moves. `None` for flows
/// that do not touch the template.
#[must_use]
pub(super) fn prepared(base: &Base) -> Option<Shape> {
    base.brings.template()?;
    let stale = if base.kind.exchanges() { base.from } else { 0 };
    Some(shape(base, Goal { fresh: base.from.saturating_sub(stale), stale }, 1))
}

/// The shape in a stage of a batch that brings the work from `done` to `end`.
#[must_use]
pub(super) fn rolling(plan: &Plan, done: u32, end: u32, row: Row) -> Shape {
    let (before, after) = (goal(plan, done), goal(plan, end));
    let wanted = Goal {
        fresh: if row.grown { after.fresh } else { before.fresh },
        stale: if row.shrunk { after.stale } else { before.stale },
    };
    shape(&plan.base, wanted, end.saturating_sub(done).max(1))
}

/// Whether a workload of this shape was told to let the old pods leave that are exchanged when `end` of the work is done.
#[must_use]
pub(super) fn lets_leave(plan: &Plan, end: u32, shape: &Shape) -> bool {
    let after = goal(plan, end);
    match plan.base.brings {
        Brings::Nothing => shape.replicas <= after.total(),
        Brings::Flow | Brings::Revision(_) => shape.partition.is_some_and(|p| p <= after.stale),
    }
}

/// The shape when `done` of the work is done and nothing more comes.
#[must_use]
pub(super) fn at_rest(plan: &Plan, done: u32) -> Shape {
    shape(&plan.base, goal(plan, done), 1)
}

fn shape(base: &Base, wanted: Goal, size: u32) -> Shape {
    let (surge, unavailable) = match base.kind {
        // The partition says how many; hooked pods only leave when they are let go.
        Kind::Swap => (0, wanted.total().max(1)),
        Kind::Shrink if base.in_place => (0, base.from.max(1)),
        Kind::Shrink => (1, base.from.max(1)),
        Kind::Grow | Kind::Replace if base.in_place => (0, 1),
        Kind::Replace => (size, 0),
        Kind::Grow => (1, 0),
    };
    let template = base.brings.template();
    Shape {
        partition: template.is_some().then_some(wanted.stale),
        template,
        replicas: wanted.total(),
        doomed: None,
        surge,
        unavailable,
    }
}

/// The shape while a cancelled flow sheds the new pods that are not kept. Every pod may be unavailable, those of both
/// sizes beside each other: old pods that are out of order, or not ready for long enough, would keep the workload's
/// controller from choosing new ones that are ready (OpenKruise: `deleteReadyLimit`). Choosing is safe, because hooked
/// pods only leave when they are let go.
#[must_use]
pub(super) fn shedding(plan: &Plan, keep: u32) -> Shape {
    let rest = at_rest(plan, keep);
    // Where pods leave by name, the one more that the workload's controller starts to exchange a pod of
    // another revision would be named too, and started again.
    let surge = if plan.base.by_name() { 0 } else { rest.surge };
    let pods = plan.base.from.max(plan.base.to);
    Shape { surge, unavailable: pods.saturating_mul(2).max(1), ..rest }
}

/// The shape that a cancelled flow leaves: a later scale-out starts pods of the revision that serves, and
/// no kept pod is replaced. To the workload's controller the kept pods are the old ones now, so the
/// partition is their number: a new pod beyond it, there because an old one was lost while others were
/// leaving, is replaced.
#[must_use]
pub(super) fn restored(plan: &Plan, keep: u32) -> Shape {
    let rest = shedding(plan, keep);
    let wanted = goal(plan, keep);
    match &plan.base.previous {
        Some(previous) if restores(plan, keep) => Shape {
            template: Some(TemplateRef::Revision(previous.clone())),
            partition: Some(kept_old(wanted, plan.base.partition)),
            ..rest
        },
        _ => rest,
    }
}

/// Whether a flow that is cancelled with so much of its work kept puts the template before it back.
#[must_use]
pub(super) fn restores(plan: &Plan, keep: u32) -> bool {
    let Plan { base, .. } = plan;
    base.kind.exchanges()
        && base.brings != Brings::Nothing
        && base.previous.is_some()
        && goal(plan, keep).stale > 0
}

/// Kept pods, and those that were kept at an older revision before the flow.
const fn kept_old(wanted: Goal, before: u32) -> u32 {
    let old = wanted.fresh.saturating_add(before);
    if old < wanted.total() { old } else { wanted.total() }
}

/// The pods that leave so that the goal is reached, by name: of those that the flow names or has marked so
/// many as are too many, and, where a flow closes, of the new ones likewise. Those that were named before
/// stay so.
#[must_use]
pub(super) fn doomed(seen: &Observation, plan: &Plan, wanted: Goal, closing: bool) -> BTreeSet<PodName> {
    let surplus = |of: u32, wanted: u32| of.saturating_sub(wanted);
    if plan.base.kind == Kind::Shrink {
        let leave = surplus(seen.pods.len(), wanted.total());
        let named = seen.pods.count(Facts::NAMED, Facts::empty()) < seen.pods.len();
        return if named { choose(seen, Facts::NAMED, Facts::empty(), leave) } else { BTreeSet::new() };
    }
    let stale = surplus(seen.pods.count(Facts::LISTED, Facts::empty()), wanted.stale);
    // What closes only removes pods beyond its size; a replacement of a lost pod is one as good as another.
    let leave = if closing { surplus(staying(seen), wanted.total()) } else { u32::MAX };
    let stale = stale.min(leave);
    let fresh = if closing { surplus(leave, stale) } else { 0 };
    let mut doomed = choose(seen, Facts::LISTED, Facts::empty(), stale);
    doomed.extend(choose(seen, Facts::FRESH, Facts::LISTED, fresh));
    doomed
}

/// Pods without those that the workload's controller chose by itself: these leave without being named, and
/// another one named for each of them would be replaced.
fn staying(seen: &Observation) -> u32 {
    let named = seen.shape.as_ref().and_then(|shape| shape.doomed.as_ref());
    let unnamed = |pod: &PodName| named.is_none_or(|named| !named.contains(pod));
    let chosen = seen.pods.matching(Facts::MARKED, Facts::empty()).filter(|(pod, _, _)| unnamed(&pod.name));
    seen.pods.len().saturating_sub(u32::try_from(chosen.count()).unwrap_or(u32::MAX))
}

/// So many of the new pods, by name: those that failed.
#[must_use]
pub(super) fn failed(seen: &Observation, most: u32) -> BTreeSet<PodName> {
    choose(seen, Facts::FRESH | Facts::FAILED, Facts::IN, most)
}

/// So many of the new pods that nobody asked into traffic, by name: those that leave already, then those that start,
/// then those that run. What failed stays longest: a flow that holds for it goes on holding.
#[must_use]
pub(super) fn unasked(seen: &Observation, most: u32) -> BTreeSet<PodName> {
    let (new, never) = (Facts::FRESH | Facts::GATED, Facts::ASKED | Facts::IN);
    let stays = never | Facts::MARKED;
    let groups = [
        (new | Facts::MARKED, never),
        (new, stays | Facts::BOOTED | Facts::STUCK),
        (new | Facts::BOOTED, stays | Facts::STUCK),
        (new | Facts::STUCK, stays),
    ];
    chosen(seen, groups, most)
}

/// So many of the pods with and without these facts, those of the first group first.
fn chosen<const N: usize>(seen: &Observation, groups: [(Facts, Facts); N], most: u32) -> BTreeSet<PodName> {
    groups.into_iter().fold(BTreeSet::new(), |mut names, (with, without)| {
        let chosen = u32::try_from(names.len()).unwrap_or(u32::MAX);
        names.extend(choose(seen, with, without, most.saturating_sub(chosen)));
        names
    })
}

/// So many of the new pods once the template before is back, by name: those that do not serve first.
#[must_use]
pub(super) fn brought(seen: &Observation, most: u32) -> BTreeSet<PodName> {
    choose(seen, Facts::FRESH, Facts::CURRENT, most)
}

/// So many of the old pods that nobody asked into traffic and that were not chosen, by name.
#[must_use]
pub(super) fn idle(seen: &Observation, most: u32) -> BTreeSet<PodName> {
    choose(seen, Facts::GATED, Facts::ASKED | Facts::MARKED | Facts::FRESH, most)
}

/// The old pods beyond so many, by name: those that leave already first. A name that is taken off would keep its pod.
#[must_use]
pub(super) fn surplus(seen: &Observation, stay: u32) -> BTreeSet<PodName> {
    let new = Facts::FRESH | Facts::FOREIGN;
    let leave = Facts::MARKED | Facts::DOOMED;
    let most = seen.pods.count(Facts::empty(), new).saturating_sub(stay).min(MAX_NAMED);
    let groups = [(Facts::MARKED, new), (Facts::DOOMED, new | Facts::MARKED), (Facts::empty(), new | leave)];
    chosen(seen, groups, most)
}

/// The old pods that were let go and are there still, by name: they leave whatever is asked for.
#[must_use]
pub(super) fn let_go(seen: &Observation) -> BTreeSet<PodName> {
    choose(seen, Facts::LISTED | Facts::MARKED, Facts::HOOKED, u32::MAX)
}

/// So many of the pods with and without these facts: those that were named before first, then those that do not
/// serve.
///
/// Those that the workload's controller counts as not available go before others that serve, also before those that
/// were named and that it has not chosen: it deletes them however few are available, and the others may wait for
/// ever (OpenKruise: `deleteReadyLimit`).
fn choose(seen: &Observation, with: Facts, without: Facts, most: u32) -> BTreeSet<PodName> {
    let before = seen.shape.as_ref().and_then(|shape| shape.doomed.as_ref());
    let was = |pod: &PodName| before.is_some_and(|doomed| doomed.contains(pod));
    let odd = seen.pods.any(with | Facts::UNAVAILABLE, without);
    let rank = |name: &PodName, facts: Facts| match (was(name), facts.contains(Facts::IN)) {
        (true, _) if !odd || facts.intersects(Facts::MARKED | Facts::UNAVAILABLE) => 0,
        (_, false) => 1,
        (_, true) if facts.contains(Facts::UNAVAILABLE) => 2,
        (true, true) => 3,
        (false, true) => 4,
    };
    let mut pods: Vec<_> =
        seen.pods.matching(with, without).map(|(pod, facts, _)| (rank(&pod.name, facts), pod)).collect();
    pods.sort_by_key(|(rank, _)| *rank);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    pods.into_iter().take(most).map(|(_, pod)| pod.name.clone()).collect()
}
