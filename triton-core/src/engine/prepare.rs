//! Before the first batch: preconditions, the base, the lock, the flow's template in place.

mod fits;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use self::fits::fits;
use super::after::rollback_revision;
use super::decision::{Decision, Effect, Waiting, Why};
use super::look::{ask, is_mine};
use super::rolling::start;
use super::tend::{Tend, pick, serving, tend};
use super::{goal, shape};
use crate::model::{
    Action, Base, Brings, Carried, Facts, Failure, Flow, FlowId, Kind, Lock, Observation, PodChange,
    Progress, Revision, Shape, Spec, TemplateRef, Timestamp, Verdict, WorkloadChange,
};

/// Checks what the action needs of the world and reads the base.
pub(super) fn pending(flow: &Flow, seen: &Observation, now: Timestamp) -> Decision {
    if let Some(decision) = already(seen, now) {
        return decision;
    }
    // What a rollback returns to is read before the flow that it replaces restores anything.
    if let Lock::Theirs(rival) = &seen.lock
        && !seen.yields
    {
        return wait(rival, seen, now);
    }
    if let Some(decision) = queue(seen, now).or_else(|| obstructed(seen, now)) {
        return decision;
    }
    match (flow.spec.action, seen.shape.is_some()) {
        (Action::Create, true) => return Decision::fail(Failure::WorkloadExists, now),
        (Action::Delete, false) => return Decision::end(Verdict::Succeeded, now),
        (Action::Create, false) | (_, true) => {}
        (_, false) => return Decision::fail(Failure::WorkloadMissing, now),
    }
    if let Some(decision) = abandoned(flow, seen, now).or_else(|| unsettled(seen, now)) {
        return decision;
    }
    let read = base(flow, seen, None);
    match read.and_then(|base| fits(flow, seen, &base).map(|()| base)).and_then(|base| taken(seen, base)) {
        Ok(base) => Decision::Move(Progress::Preparing { base }, Why::Started),
        Err(failure) => Decision::fail(failure, now),
    }
}

/// The base of a flow of which nothing is refused.
fn taken(seen: &Observation, base: Base) -> Result<Base, Failure> {
    seen.refused.clone().map_or(Ok(base), Err)
}

fn wait(rival: &FlowId, seen: &Observation, now: Timestamp) -> Decision {
    let (rival, place, stuck) = (rival.clone(), seen.place.clone(), seen.stuck.clone());
    Decision::look_again(Waiting::Rival { rival, place, stuck }, now)
}

/// An order that was carried out is not carried out again, whoever has the workload now.
fn already(seen: &Observation, now: Timestamp) -> Option<Decision> {
    let Carried { size, revision, .. } = seen.carried.as_ref()?;
    let free = seen.lock == Lock::Free && seen.obstacle.is_none() && seen.left.is_none();
    if free && let Some(decision) = unsettled(seen, now) {
        return Some(decision);
    }
    let has = |shape: &Shape| size.is_none_or(|size| size == shape.replicas);
    let serves = revision.is_none() || *revision == seen.revision;
    let stands = free && serves && seen.shape.as_ref().is_some_and(has);
    Some(Decision::end(Verdict::AlreadyCarriedOut { stands }, now))
}

/// A workload that is free goes to who is first in line.
fn queue(seen: &Observation, now: Timestamp) -> Option<Decision> {
    let before = seen.place.as_ref().filter(|_| seen.lock == Lock::Free)?;
    Some(wait(&before.behind, seen, now))
}

/// A workload that is free is nothing for a flow while it is being deleted, or belongs to another controller.
fn obstructed(seen: &Observation, now: Timestamp) -> Option<Decision> {
    seen.obstacle.clone().map(|obstacle| Decision::fail(obstacle.into(), now))
}

/// A workload that another flow left in the middle of its batches is for a flow that leaves nothing of it.
fn abandoned(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    let left = seen.left.is_some() && !flow.spec.action.takes_over();
    left.then(|| Decision::fail(Failure::Abandoned, now))
}

/// Nothing is read of a workload whose controller has not taken notice of the last change: it has not told which
/// revision serves.
fn unsettled(seen: &Observation, now: Timestamp) -> Option<Decision> {
    let unknown = seen.shape.is_some() && !seen.settled;
    unknown.then(|| Decision::look_again(Waiting::Backend, now))
}

/// Takes the lock and brings the flow's template in place, with nothing moving yet.
pub(super) fn preparing(flow: &Flow, stored: &Base, seen: &Observation, now: Timestamp) -> Decision {
    // The first look may have been at an older workload.
    if !is_mine(seen)
        && let Some(decision) = already(seen, now)
    {
        return decision;
    }
    let creates = flow.spec.action == Action::Create && !stored.turned;
    match (&seen.shape, is_mine(seen)) {
        (None, _) if flow.spec.action == Action::Delete => return Decision::end(Verdict::Succeeded, now),
        (None, _) if !creates => return Decision::fail(Failure::WorkloadMissing, now),
        (Some(_), false) if creates => return Decision::fail(Failure::WorkloadExists, now),
        (Some(_), false) => return lock(flow, stored, seen, now),
        (None, _) | (Some(_), true) => {}
    }
    let tended = tend(upkeep(flow, stored), &seen.pods).filter(|_| seen.shape.is_some());
    // Serving pods are labelled before any number changes: only labelled pods are held.
    let listed = || list(flow, seen);
    let shaped = || shape::prepared(stored).and_then(|shape| ask(seen, shape));
    if let Some(effect) = tended.or_else(listed).or_else(shaped) {
        return Decision::Act(effect);
    }
    if seen.revision.is_none() && stored.brings != Brings::Nothing {
        return Decision::look_again(Waiting::Backend, now);
    }
    let fresh = match stored.brings {
        Brings::Nothing => stored.from.saturating_sub(seen.pods.count(Facts::LISTED, Facts::MARKED)),
        Brings::Flow | Brings::Revision(_) => seen.pods.count(Facts::FRESH | Facts::IN, Facts::MARKED),
    };
    let brought = seen.revision.clone().filter(|_| stored.brings != Brings::Nothing);
    let turn = seen.last.as_ref().map(|last| last.turn);
    let plan = goal::plan(Base { brought, workload: seen.workload.clone(), turn, ..stored.clone() }, fresh);
    start(flow, &plan, 0, 1, seen, now)
}

/// What keeps up before the first batch.
pub(super) const fn upkeep(flow: &Flow, base: &Base) -> Tend {
    Tend { admit: u32::MAX, floor: base.from, go: true, drain: flow.spec.drain }
}

/// The pods that a restart replaces are marked before the first batch: what comes later is new. Those on their way out
/// are marked, too: they return where more pods are asked for, and would be taken for new ones.
fn list(flow: &Flow, seen: &Observation) -> Option<Effect> {
    if flow.spec.action != Action::Restart {
        return None;
    }
    let pods = pick(&seen.pods, Facts::NAMED, Facts::LISTED, u32::MAX);
    (!pods.is_empty()).then_some(Effect::Pods(PodChange::MarkForReplacement(pods)))
}

/// Takes the lock, but only of a workload that is still as the durable base says.
fn lock(flow: &Flow, stored: &Base, seen: &Observation, now: Timestamp) -> Decision {
    if let Lock::Theirs(rival) = &seen.lock {
        let superseded = || Decision::Act(Effect::Supersede(rival.clone()));
        return if seen.yields { superseded() } else { wait(rival, seen, now) };
    }
    let refused = || obstructed(seen, now).or_else(|| abandoned(flow, seen, now));
    if let Some(decision) = queue(seen, now).or_else(refused).or_else(|| unsettled(seen, now)) {
        return decision;
    }
    let read = base(flow, seen, Some(&stored.brings));
    let fitting = read.and_then(|base| fits(flow, seen, &base).map(|()| base));
    let base = match fitting.and_then(|base| taken(seen, base)) {
        Ok(base) => base,
        Err(failure) => return Decision::fail(failure, now),
    };
    // How many serve changes from look to look.
    let base = Base { degraded: stored.degraded, ..base };
    if base == *stored {
        let stops = flow.spec.action == Action::Stop && base.from > 0;
        Decision::change_workload(WorkloadChange::Lock { remember: stops.then_some(wanted(seen, base.from)) })
    } else {
        Decision::Move(Progress::Preparing { base }, Why::Started)
    }
}

/// The base. What was chosen to return to stays chosen: a flow that gave way has restored it since.
fn base(flow: &Flow, seen: &Observation, chosen: Option<&Brings>) -> Result<Base, Failure> {
    let spec = &flow.spec;
    let shape = seen.shape.as_ref();
    let from = shape.map_or(0, |shape| shape.replicas);
    let previous = match shape.and_then(|shape| shape.template.as_ref()) {
        Some(TemplateRef::Revision(revision)) => Some(revision.clone()),
        Some(TemplateRef::Flow) => seen.revision.clone(),
        None => None,
    };
    let to = if matches!(spec.action, Action::Update | Action::Rollback) {
        spec.replicas.unwrap_or_else(|| wanted(seen, from))
    } else {
        size_to_reach(spec, from, seen.remembered)
    };
    let kind = kind(spec, (from, to), seen.in_place);
    let brings = match (chosen, spec.action, &spec.template) {
        (Some(chosen), _, _) => chosen.clone(),
        (None, Action::Create | Action::Update, _) | (None, Action::Rollback, Some(_)) => Brings::Flow,
        (None, Action::Rollback, None) => {
            Brings::Revision(rollback_revision(flow, seen.revision.as_ref(), &seen.good)?)
        }
        (None, _, _) => Brings::Nothing,
    };
    let degraded = if kind == Kind::Grow { from.saturating_sub(serving(&seen.pods)) } else { 0 };
    Ok(Base {
        brings,
        in_place: seen.in_place,
        degraded,
        partition: shape.and_then(|shape| shape.partition).unwrap_or(0),
        previous,
        settings: seen.settings.clone(),
        revisions: revisions(seen),
        ..Base::new(kind, from, to)
    })
}

/// The revisions that were there, where they are few enough to be noted. Of a workload that is to be made there are none.
fn revisions(seen: &Observation) -> Option<BTreeSet<Revision>> {
    let told = seen.shape.is_none() || !seen.revisions.is_empty();
    (told && seen.revisions.len() <= Base::MAX_REVISIONS).then(|| seen.revisions.clone())
}

/// The size that a workload of so many pods was to have: those that a flow left for an exchange do not count.
pub(super) fn wanted(seen: &Observation, from: u32) -> u32 {
    seen.left.and_then(|left| left.size).unwrap_or(from)
}

/// The size that a flow leads to, from this one. `remembered`: that of before a stop.
#[must_use]
pub fn size_to_reach(spec: &Spec, from: u32, remembered: Option<u32>) -> u32 {
    match spec.action {
        Action::Stop | Action::Delete => 0,
        Action::Restart => from,
        Action::Start if from == 0 => spec.replicas.or(remembered).unwrap_or(0),
        Action::Create
        | Action::Update
        | Action::Rollback
        | Action::Scale
        | Action::ScaleIn
        | Action::ScaleOut
        | Action::Start => spec.replicas.unwrap_or(from),
    }
}

/// What the batches of a flow do to pods.
pub(super) const fn kind(spec: &Spec, (from, to): (u32, u32), in_place: bool) -> Kind {
    match spec.action {
        Action::Create | Action::ScaleOut | Action::Start => Kind::Grow,
        Action::ScaleIn | Action::Stop | Action::Delete => Kind::Shrink,
        Action::Scale if to < from => Kind::Shrink,
        Action::Scale => Kind::Grow,
        Action::Update | Action::Rollback if in_place => Kind::Swap,
        Action::Update | Action::Rollback | Action::Restart if spec.max_unavailable.is_some() => Kind::Swap,
        Action::Update | Action::Rollback | Action::Restart => Kind::Replace,
    }
}

/// The good revisions of a workload after a flow has ended, newest first; `None` where they stay as they are.
/// What a rollback leaves behind is not good any more.
pub(super) fn good(flow: &Flow, verdict: &Verdict, seen: &Observation) -> Option<Vec<Revision>> {
    const MOST: usize = 10;
    let brought = matches!(flow.spec.action, Action::Create | Action::Update | Action::Rollback);
    let revision = seen.revision.as_ref().filter(|_| brought && *verdict == Verdict::Succeeded)?;
    let left = match seen.good.iter().position(|good| good == revision) {
        Some(at) if flow.spec.action == Action::Rollback => at,
        _ => 0,
    };
    let rest = seen.good.iter().skip(left).filter(|good| *good != revision);
    let good: Vec<Revision> = core::iter::once(revision).chain(rest).take(MOST).cloned().collect();
    (good != seen.good).then_some(good)
}

#[cfg(test)]
#[path = "already_tests.rs"]
mod already_tests;

#[cfg(test)]
#[path = "left_tests.rs"]
mod tests;
