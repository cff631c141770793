//! What a decision can be, and the words for it.

mod waiting;
mod why;

pub use self::waiting::{Time, Waiting};
pub use self::why::Why;
use crate::model::{
    Failure, FlowId, PodChange, Progress, Seconds, Timestamp, TrafficChange, Verdict, WorkloadChange,
};

/// When to look again where nothing else says so.
pub(crate) const LOOK_AGAIN: Seconds = Seconds(60);

/// What happens next. Exactly one of these:
///
/// - [`Move`](Decision::Move): persist this progress, then decide again;
/// - [`Act`](Decision::Act): do this one thing, then look again;
/// - [`Wait`](Decision::Wait): nothing to do until the world or the orders change, or the time comes;
/// - [`Done`](Decision::Done): the flow has ended and holds nothing.
///
/// Deciding again on the same look at the same time gives the same answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "it lives for one step, and the common ones are not on the heap"
)]
pub enum Decision {
    /// Persist this progress.
    Move(Progress, Why),
    /// Do this to the world.
    Act(Effect),
    /// Do nothing before this time, unless something changes.
    Wait(Waiting, Timestamp),
    /// Nothing is left to do.
    Done,
}

impl Decision {
    /// Changes the workload.
    pub(super) const fn change_workload(change: WorkloadChange) -> Self {
        Self::Act(Effect::Workload(change))
    }

    /// Waits, and looks again after [`LOOK_AGAIN`] where nothing changes before.
    pub(super) const fn look_again(waiting: Waiting, now: Timestamp) -> Self {
        Self::Wait(waiting, now.plus(LOOK_AGAIN))
    }

    /// Ends the flow.
    pub(super) fn end(verdict: Verdict, at: Timestamp) -> Self {
        let why = Why::Ended { verdict: verdict.clone(), cause: None };
        Self::Move(Progress::Finished { verdict, at }, why)
    }

    /// Ends the flow because it cannot do what was ordered.
    pub(super) fn fail(failure: Failure, at: Timestamp) -> Self {
        Self::end(failure.into(), at)
    }
}

/// One thing to be done to the world; idempotent and absolute.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// To the workload.
    Workload(WorkloadChange),
    /// To pods of the workload.
    Pods(PodChange),
    /// To the traffic registry.
    Traffic(TrafficChange),
    /// To the flow that holds the workload: it is to give way. Its own driver closes it.
    Supersede(FlowId),
}

impl Effect {
    /// Whether it changes pods: each is guarded by its own version, which says nothing of the workload.
    #[must_use]
    pub const fn is_to_pods(&self) -> bool {
        match self {
            Self::Pods(_) | Self::Traffic(_) => true,
            Self::Workload(_) | Self::Supersede(_) => false,
        }
    }
}

impl From<Failure> for Verdict {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
