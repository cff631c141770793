//! WHERE A ROLLOUT DECISION IS MADE.

use core::time::Duration;

use super::closing::{Closing, cancel, verify};
use super::decision::{Decision, Effect, LOOK_AGAIN, Waiting};
use super::drift::{drifted, retake};
use super::look::{is_behind, is_mine};
use super::prepare::{good, pending, preparing};
use super::rolling::Rolling;
use super::stopped::stopped;
use super::tend::{Tend, next_drain, tend, turns};
use crate::model::{
    Action, Failure, Field, Flow, Lock, Observation, Obstacle, PodChange, Progress, Seconds, Timestamp,
    Verdict, WorkloadChange,
};

/// What happens next to a flow, given one look at the world. Total: it always answers, never panics, and
/// answers the same for the same input. It allocates nothing while it waits, where no pods leave by name.
#[must_use]
pub fn decide(flow: &Flow, seen: &Observation, now: Timestamp) -> Decision {
    let mut decision = decided(flow, seen, now);
    if let Decision::Wait(_, until) = &mut decision
        && seen.stale.is_none()
        && is_mine(seen)
    {
        // Whatever is waited for: meanwhile pods that others chose drain, and others fail or get available.
        *until = turns(flow.spec.drain, seen, now).map_or(*until, |sooner| sooner.min(*until));
    }
    decision
}

fn decided(flow: &Flow, seen: &Observation, now: Timestamp) -> Decision {
    // What is not known can neither be removed, exposed nor ended.
    if let Some(silence) = seen.stale {
        return Decision::look_again(Waiting::Unreachable { silence }, now);
    }
    if let Progress::Finished { verdict, .. } = &flow.progress {
        // The verdict is durable before the lock is given back.
        let release =
            || Decision::change_workload(WorkloadChange::Release { good: good(flow, verdict, seen) });
        // Others may have taken the lock off: that the flow has ended is noted beside it.
        let had = seen.had_lock(&flow.uid);
        return match &seen.lock {
            // What it was in the middle of waits for another flow: the lock stays as the mark of that.
            Lock::Mine | Lock::Free if verdict.leaves() => Decision::Done,
            Lock::Mine => release(),
            Lock::Free if had => release(),
            Lock::Unreadable { what } => unreadable(what, now),
            Lock::Free | Lock::Theirs(_) => Decision::Done,
        };
    }
    let unbegun = flow.orders.canceled && flow.progress == Progress::Pending;
    if let Lock::Unreadable { what } = &seen.lock
        && !unbegun
    {
        return unreadable(what, now);
    }
    if let Some(decision) = retake(flow, seen, now) {
        return decision;
    }
    let lost = lost(flow, seen);
    if flow.orders.canceled
        && lost != Some(Verdict::Succeeded)
        && let Some(decision) = cancel(flow, seen, now)
    {
        return decision;
    }
    if let Some(verdict) = lost {
        return Decision::end(verdict, now);
    }
    if is_behind(flow, seen) {
        return Decision::look_again(Waiting::Record, now);
    }
    if is_mine(seen) && !seen.settled {
        return Decision::look_again(Waiting::Backend, now);
    }
    if let Some(decision) = stopped(flow, seen, now) {
        return decision;
    }
    if let Some(decision) = drifted(flow, seen, now) {
        return decision;
    }
    if is_mine(seen) && seen.paused {
        // A template of others goes before pods are made again.
        let next = seen.edits.has(Field::Template).then(|| next(flow, seen, now));
        let next = next.filter(|decision| matches!(decision, Decision::Act(effect) if reshapes(effect)));
        return next.unwrap_or_else(|| Decision::change_workload(WorkloadChange::SetPaused(false)));
    }
    next(flow, seen, now)
}

/// Whether an effect gives the workload numbers or a template, or has its pods hooked before.
const fn reshapes(effect: &Effect) -> bool {
    matches!(effect, Effect::Workload(WorkloadChange::Reshape(_)) | Effect::Pods(PodChange::Hook(_)))
}

/// What a flow does next that nothing keeps from it.
fn next(flow: &Flow, seen: &Observation, now: Timestamp) -> Decision {
    match &flow.progress {
        Progress::Pending => pending(flow, seen, now),
        Progress::Preparing { base } => preparing(flow, base, seen, now),
        Progress::Rolling { plan, done, batch } => {
            Rolling { flow, plan, done: *done, batch: *batch }.step(seen, now)
        }
        Progress::Verifying { plan, since, counted, edited, .. } => {
            verify(flow, (plan, *since, *counted, *edited), seen, now)
        }
        Progress::Closing { plan, verdict, keep, floor, shed } => {
            Closing { flow, plan, verdict, keep: *keep, floor: *floor, shed: *shed }.step(seen, now)
        }
        Progress::Finished { .. } => Decision::Done,
    }
}

/// Whether the next thing that a flow does is to begin: then the API of the cluster is asked whether it would take
/// what the flow is going to write, and the look is completed with the answer. The template never changes, so that
/// one answer holds; whether a workload may be deleted is asked again before it is locked.
#[must_use]
pub fn begins(flow: &Flow, seen: &Observation, now: Timestamp) -> bool {
    let next = || decide(flow, seen, now);
    match &flow.progress {
        Progress::Pending => matches!(next(), Decision::Move(Progress::Preparing { .. }, _)),
        Progress::Preparing { .. } => {
            let locks = |effect: &Effect| matches!(effect, Effect::Workload(WorkloadChange::Lock { .. }));
            flow.spec.action == Action::Delete && matches!(next(), Decision::Act(effect) if locks(&effect))
        }
        Progress::Rolling { .. }
        | Progress::Verifying { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    }
}

/// What the keeper does for a workload that no flow is acting on: pods that are ready get into traffic,
/// pods that others chose to remove are pulled out, drained and let go. On a stale view it does nothing.
#[must_use]
pub fn keep(seen: &Observation, drain: Seconds) -> Option<Effect> {
    if seen.stale.is_some() {
        return None;
    }
    tend(Tend { admit: u32::MAX, floor: 0, go: true, drain }, &seen.pods)
}

/// In how long the keeper has to look again although nothing changes: when the next drain is over, or after a
/// while on a stale view.
#[must_use]
pub fn keeps_for(seen: &Observation, drain: Seconds) -> Option<Duration> {
    if seen.stale.is_some() {
        return Some(LOOK_AGAIN.into());
    }
    next_drain(drain, &seen.pods)
}

/// A lock that cannot be read is somebody's.
fn unreadable(what: &str, now: Timestamp) -> Decision {
    Decision::look_again(Waiting::Lock { what: what.into() }, now)
}

/// How a flow ends because the workload that it acts on is not the one it locked any more. To a deletion
/// that is what was ordered.
fn lost(flow: &Flow, seen: &Observation) -> Option<Verdict> {
    let (Progress::Rolling { plan, .. } | Progress::Verifying { plan, .. }) = &flow.progress else {
        return None;
    };
    let anew = plan.base.workload.is_some() && plan.base.workload != seen.workload;
    match (&seen.shape, flow.spec.action) {
        (None, Action::Delete) => Some(Verdict::Succeeded),
        (Some(_), Action::Delete) if anew => Some(Verdict::Succeeded),
        (None, _) => Some(Failure::WorkloadMissing.into()),
        (Some(_), _) => (!is_mine(seen)).then(|| Failure::LockLost.into()),
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::Deleted => Self::WorkloadDeleted,
            Obstacle::Owned { owner } => Self::WorkloadOwned { owner },
            Obstacle::Unsupported { what } => Self::Unsupported { what },
        }
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
