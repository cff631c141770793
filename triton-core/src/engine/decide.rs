//! WHERE A ROLLOUT DECISION IS MADE.

use super::closing::{Closing, LOOK_AGAIN, cancel, fail, verify};
use super::decision::{Decision, Effect, Waiting};
use super::look::is_mine;
use super::prepare::{pending, preparing};
use super::rolling::Rolling;
use super::stopped::stopped;
use super::tend::{Tend, next_drain, tend};
use crate::model::{
    Action, Failure, Flow, Kind, Observation, Obstacle, Progress, Seconds, Timestamp, WorkloadChange,
};

/// What happens next to a flow, given one look at the world. Total: it always answers, never panics,
/// never allocates while it waits, and answers the same for the same input.
#[must_use]
pub fn decide(flow: &Flow, seen: &Observation, now: Timestamp) -> Decision {
    if flow.progress.is_finished() {
        // The verdict is durable before the lock is given back.
        return if is_mine(seen) { act(WorkloadChange::Release) } else { Decision::Done };
    }
    let Some(kind) = kind(flow.spec.action) else {
        let what = alloc::format!("{} is not carried out by this version", flow.spec.action);
        return fail(Failure::Unsupported { what }, now);
    };
    if flow.orders.canceled
        && let Some(decision) = cancel(flow, kind, now)
    {
        return decision;
    }
    if let Some(failure) = lost(flow, seen) {
        return fail(failure, now);
    }
    if is_mine(seen) && !seen.settled {
        return Decision::Wait(Waiting::Backend, now.plus(LOOK_AGAIN));
    }
    if let Some(decision) = stopped(flow, kind, seen, now) {
        return decision;
    }
    if is_mine(seen) && seen.frozen {
        return act(WorkloadChange::Freeze(false));
    }
    match &flow.progress {
        Progress::Pending => pending(flow, kind, seen, now),
        Progress::Preparing { base } => preparing(flow, kind, base, seen, now),
        Progress::Rolling { plan, done, batch } => {
            Rolling { flow, kind, plan, done: *done, batch: *batch }.step(seen, now)
        }
        Progress::Verifying { plan, since, .. } => verify(flow, kind, (plan, *since), seen, now),
        Progress::Closing { plan, verdict, keep, floor, shed } => {
            Closing { flow, kind, plan, verdict, keep: *keep, floor: *floor, shed: *shed }.step(seen, now)
        }
        Progress::Finished { .. } => Decision::Done,
    }
}

/// What the keeper does for a workload that no flow is acting on: pods that are ready get into traffic,
/// pods that others chose to remove are pulled out, drained and let go.
#[must_use]
pub fn keep(seen: &Observation, drain: Seconds, now: Timestamp) -> Option<Effect> {
    tend(Tend { admit: u32::MAX, floor: 0, go: true, drain }, &seen.pods, now)
}

/// When the keeper has to look again although nothing changes: when the next drain is over.
#[must_use]
pub fn keep_until(seen: &Observation, drain: Seconds) -> Option<Timestamp> {
    next_drain(drain, &seen.pods)
}

/// The kind of batch that an action is made of; `None` for actions that this version does not carry out.
#[must_use]
pub const fn kind(action: Action) -> Option<Kind> {
    match action {
        Action::Create => Some(Kind::Grow),
        Action::Update => Some(Kind::Replace),
        Action::Rollback
        | Action::Restart
        | Action::Scale
        | Action::ScaleIn
        | Action::ScaleOut
        | Action::Start
        | Action::Stop
        | Action::Delete => None,
    }
}

/// The workload that the flow acts on is not the one it locked any more.
fn lost(flow: &Flow, seen: &Observation) -> Option<Failure> {
    match (&flow.progress, &seen.shape) {
        (Progress::Rolling { .. } | Progress::Verifying { .. }, None) => Some(Failure::WorkloadMissing),
        (Progress::Rolling { .. } | Progress::Verifying { .. }, Some(_)) if !is_mine(seen) => {
            Some(Failure::LockLost)
        }
        _ => None,
    }
}

pub(super) const fn act(change: WorkloadChange) -> Decision {
    Decision::Act(Effect::Workload(change))
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
