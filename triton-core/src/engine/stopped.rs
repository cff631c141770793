//! Paused by order or by failure.

use super::closing::{is_as_ordered, verified};
use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::goal;
use super::look::is_mine;
use super::prepare;
use super::resized;
use super::rolling::Rolling;
use super::tend::{Tend, tend};
use crate::model::{
    Base, Batch, Facts, Field, Flow, Hold, HoldReason, Kind, Observation, Progress, Seconds, Stage,
    Timestamp, WorkloadChange,
};

/// Paused by order or by failure: only upkeep goes on. `None` when the flow is not stopped.
pub(super) fn stopped(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    if matches!(flow.progress, Progress::Closing { .. }) {
        return None;
    }
    let hold = flow.progress.hold();
    if let Some(Hold { resumes, .. }) = hold
        && resumes < flow.orders.resumes
        && !flow.orders.paused
    {
        return Some(Decision::Move(agreed(lifted(&flow.progress, true, now), seen), Why::Resumed));
    }
    if flow.is_paused()
        && is_mine(seen)
        && let Some(decision) = resized::follow_stopped(flow, seen, now)
    {
        return Some(decision);
    }
    if !flow.orders.paused && is_mended(flow, seen) {
        return Some(Decision::Move(lifted(&flow.progress, false, now), Why::Mended));
    }
    if !flow.orders.paused && is_mine(seen) && has_come_late(flow, seen) {
        return Some(Decision::Move(lifted(&flow.progress, false, now), Why::CameLate));
    }
    if hold.is_some_and(|hold| hold.reason == HoldReason::Resized)
        && !flow.orders.paused
        && is_mine(seen)
        && resized::fits(flow, seen)
    {
        return Some(Decision::Move(unjudged(lifted(&flow.progress, false, now)), Why::Fits));
    }
    let waiting = match hold {
        Some(Hold { reason, .. }) => {
            let failed = seen.pods.count(Facts::STUCK, Facts::MARKED);
            let (edits, paused) = (seen.edits.fields.clone(), flow.orders.paused);
            Waiting::Held { reason, failed, edits, paused, blocks: blocks(flow, seen) }
        }
        None if flow.orders.paused => Waiting::Paused,
        None => return None,
    };
    if is_mine(seen) {
        if !seen.paused {
            return Some(Decision::change_workload(WorkloadChange::SetPaused(true)));
        }
        if let Some(effect) = upkeep(flow, seen) {
            return Some(Decision::Act(effect));
        }
    }
    Some(Decision::look_again(waiting, now))
}

/// Whether the hold itself keeps away what was waited for. While the workload is paused, its controller exchanges no pod,
/// and pods that it was about to update in place serve again (measured on OpenKruise 1.9.0). A flow that is stopped starts
/// no new pods in the places of those that another size took away.
fn blocks(flow: &Flow, seen: &Observation) -> bool {
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            let Base { in_place, kind, .. } = plan.base;
            let vacates = in_place && kind == Kind::Swap && batch.stage == Stage::Vacating;
            vacates || Rolling { flow, plan, done: *done, batch: *batch }.is_short(seen)
        }
        Progress::Verifying { .. } => seen.pods.any(Facts::empty(), Facts::FRESH | Facts::MARKED),
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    }
}

/// What keeps up in every state that holds the lock: the keeper keeps off.
fn upkeep(flow: &Flow, seen: &Observation) -> Option<Effect> {
    // The workload's controller may have chosen pods for what others changed.
    let drifts = flow.progress.hold().is_some_and(|hold| hold.reason.is_others());
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            let rolling = Rolling { flow, plan, done: *done, batch: *batch };
            let resized = || rolling.resized(seen).or_else(|| resized::noted(&plan.base, seen));
            let resized = if drifts { None } else { resized() };
            resized.or_else(|| rolling.upkeep(!drifts, seen))
        }
        Progress::Preparing { base } => tend(prepare::upkeep(flow, base), &seen.pods),
        Progress::Verifying { plan, .. } => {
            // A size may have ended the work while the flow was stopped: no more take traffic than were agreed to.
            let admit = goal(plan, plan.work).total();
            let tended = || tend(Tend { go: !drifts, admit, ..verified(flow, plan) }, &seen.pods);
            resized::noted(&plan.base, seen).filter(|_| !drifts).or_else(tended)
        }
        Progress::Pending | Progress::Closing { .. } | Progress::Finished { .. } => None,
    }
}

/// The same progress of a flow that brings no template, with the one of others that a person lets it go on with.
fn agreed(mut progress: Progress, seen: &Observation) -> Progress {
    if !seen.edits.has(Field::Revision) {
        return progress;
    }
    if let Progress::Rolling { plan, .. } | Progress::Verifying { plan, .. } = &mut progress {
        plan.base.knows(seen.revision.clone());
        plan.base.previous.clone_from(&seen.revision);
    }
    progress
}

/// The same progress without an edit that was counted: nobody has agreed that it is set right.
fn unjudged(progress: Progress) -> Progress {
    match progress {
        Progress::Rolling { plan, done, batch } => {
            Progress::Rolling { plan, done, batch: Batch { edited: None, ..batch } }
        }
        Progress::Verifying { plan, since, counted, hold, .. } => {
            Progress::Verifying { plan, since, counted, hold, edited: None }
        }
        other @ (Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. }) => other,
    }
}

/// Whether the flow holds by failed pods, and what kept them from running is gone.
fn is_mended(flow: &Flow, seen: &Observation) -> bool {
    if flow.progress.hold().is_none_or(|hold| hold.reason != HoldReason::PodsFailed) {
        return false;
    }
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            Rolling { flow, plan, done: *done, batch: *batch }.is_mended(seen)
        }
        Progress::Verifying { .. } => !seen.pods.any(Facts::STUCK, Facts::MARKED),
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    }
}

/// Whether the flow holds by a missed deadline, and what it waited for is there after all.
fn has_come_late(flow: &Flow, seen: &Observation) -> bool {
    if flow.progress.hold().is_none_or(|hold| hold.reason != HoldReason::DeadlineExceeded) {
        return false;
    }
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            Rolling { flow, plan, done: *done, batch: *batch }.has_come_late(seen)
        }
        Progress::Verifying { plan, .. } => is_as_ordered(flow, plan, seen),
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    }
}

/// Whether a hold by failed pods, or by a missed deadline, lasts only because pods that have restarted might fall over
/// again.
pub(super) fn calms(flow: &Flow, seen: &Observation) -> bool {
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            let rolling = Rolling { flow, plan, done: *done, batch: *batch };
            let late = batch.hold.is_some_and(|hold| hold.reason == HoldReason::DeadlineExceeded);
            rolling.calms(seen) && (!late || rolling.is_there(seen))
        }
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Verifying { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    }
}

/// The same progress without its hold: the stage has its whole deadline again. `forgives`: a person lifted it.
fn lifted(progress: &Progress, forgives: bool, now: Timestamp) -> Progress {
    match progress.clone() {
        Progress::Rolling { plan, done, batch } => {
            // That others interfere forgives no pod anything.
            let drifts = batch.hold.is_some_and(|hold| hold.reason.is_others());
            let forgiven = batch.forgiven || (forgives && !drifts);
            let batch = Batch { hold: None, forgiven, met: false, since: now, counted: Seconds(0), ..batch };
            Progress::Rolling { plan, done, batch }
        }
        Progress::Verifying { plan, edited, .. } => {
            Progress::Verifying { plan, since: now, counted: Seconds(0), hold: None, edited }
        }
        other @ (Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. }) => other,
    }
}
