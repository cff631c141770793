//! Before the first batch: preconditions, the base, the lock, the flow's template in place.

use super::closing::{LOOK_AGAIN, fail};
use super::decide::act;
use super::decision::{Decision, Waiting, Why};
use super::look::{ask, is_mine};
use super::rolling::start;
use super::tend::{Tend, tend};
use super::{goal, shape};
use crate::model::{
    Base, Facts, Failure, Flow, Kind, Lock, Observation, Progress, TemplateRef, Timestamp, WorkloadChange,
};

/// Checks what the action needs of the world and reads the base.
pub(super) fn pending(flow: &Flow, kind: Kind, seen: &Observation, now: Timestamp) -> Decision {
    if let Lock::Theirs(rival) = &seen.lock {
        return Decision::Wait(Waiting::Rival { rival: rival.clone() }, now.plus(LOOK_AGAIN));
    }
    if let Some(obstacle) = &seen.obstacle {
        return fail(obstacle.clone().into(), now);
    }
    match (kind, &seen.shape) {
        (Kind::Grow, Some(_)) => fail(Failure::WorkloadExists, now),
        (Kind::Replace, None) => fail(Failure::WorkloadMissing, now),
        (Kind::Grow, None) | (Kind::Replace, Some(_)) => {
            Decision::Move(Progress::Preparing { base: base(flow, seen) }, Why::Started)
        }
    }
}

/// Takes the lock and brings the flow's template in place, with nothing moving yet.
pub(super) fn preparing(
    flow: &Flow,
    kind: Kind,
    stored: &Base,
    seen: &Observation,
    now: Timestamp,
) -> Decision {
    match (kind, &seen.shape) {
        (Kind::Replace, None) => return fail(Failure::WorkloadMissing, now),
        (Kind::Grow, Some(_)) if !is_mine(seen) => return fail(Failure::WorkloadExists, now),
        (Kind::Replace, Some(_)) if !is_mine(seen) => return lock(flow, stored, seen, now),
        (Kind::Grow, None | Some(_)) | (Kind::Replace, Some(_)) => {}
    }
    let rule = Tend { admit: u32::MAX, floor: stored.from, go: true, drain: flow.spec.drain };
    let tended = tend(rule, &seen.pods, now).filter(|_| seen.shape.is_some());
    // Serving pods are labelled before any number changes: only labelled pods are held.
    if let Some(effect) = tended.or_else(|| ask(seen, shape::prepared(kind, stored))) {
        return Decision::Act(effect);
    }
    if seen.revision.is_none() {
        return Decision::Wait(Waiting::Backend, now.plus(LOOK_AGAIN));
    }
    let fresh = seen.pods.count(Facts::FRESH | Facts::IN, Facts::MARKED);
    let plan = goal::plan(kind, stored.clone(), fresh);
    start(flow, &plan, 0, 1, seen, now)
}

/// Takes the lock, but only of a workload that is still as the durable base says.
fn lock(flow: &Flow, stored: &Base, seen: &Observation, now: Timestamp) -> Decision {
    if let Lock::Theirs(rival) = &seen.lock {
        return Decision::Wait(Waiting::Rival { rival: rival.clone() }, now.plus(LOOK_AGAIN));
    }
    let base = base(flow, seen);
    if base == *stored {
        act(WorkloadChange::Lock)
    } else {
        Decision::Move(Progress::Preparing { base }, Why::Started)
    }
}

fn base(flow: &Flow, seen: &Observation) -> Base {
    let from = seen.shape.as_ref().map_or(0, |shape| shape.replicas);
    let previous = match seen.shape.as_ref().map(|shape| &shape.template) {
        Some(TemplateRef::Revision(revision)) => Some(revision.clone()),
        Some(TemplateRef::Flow) => seen.revision.clone(),
        None => None,
    };
    Base {
        from,
        to: flow.spec.replicas.unwrap_or(from),
        partition: seen.shape.as_ref().map_or(0, |shape| shape.partition),
        previous,
    }
}
