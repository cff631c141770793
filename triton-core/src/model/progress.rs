//! How far a flow is: the half of a flow that the driver writes.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::base::{Base, Plan};
use super::failure::Failure;
use super::name::FlowId;
use super::orders::BatchPhase;
use super::time::{Seconds, Timestamp};

/// A stage of a batch: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Stage {
    /// Next; nothing asked for yet.
    Queued,
    /// Pods are pulled out, drained and let go, before new ones start or without any.
    Vacating,
    /// New pods boot.
    Smoking,
    /// New pods run, out of traffic.
    Smoked,
    /// New pods are pulled in.
    PullingIn,
    /// New pods are in traffic; somebody may have to agree.
    Proving,
    /// Old pods are pulled out, drained and let go.
    Leaving,
    /// Finished; the interval runs.
    Baked,
}

/// Why a flow holds although nobody paused it. A person answers with Resume or Cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum HoldReason {
    /// Pods of the batch failed.
    PodsFailed,
    /// The stage took longer than `progressDeadlineSeconds`.
    DeadlineExceeded,
    /// Somebody else changes what the flow owns.
    Drift,
    /// Somebody else gave the workload a size that the flow cannot follow.
    Resized,
}

impl HoldReason {
    /// Whether others are the reason, and no pod of the batch.
    #[must_use]
    pub const fn is_others(self) -> bool {
        matches!(self, Self::Drift | Self::Resized)
    }
}

/// A pause by failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hold {
    /// What happened.
    pub reason: HoldReason,
    /// `resumes` of the orders when the hold was placed; a higher number lifts it.
    pub resumes: u32,
}

/// The batch that a flow is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Batch {
    /// From 1.
    pub number: u32,
    /// Pods of work in it; decided when it starts.
    pub size: u32,
    /// Whether it is the canary batch.
    pub canary: bool,
    /// Its stage.
    pub stage: Stage,
    /// When the stage began, or was resumed.
    pub since: Timestamp,
    /// Of the time since then, what counts against the deadline, as of the last save.
    pub counted: Seconds,
    /// Pods in traffic when the batch started: removals never go below the lower of this and the size.
    pub serving: u32,
    /// Set while the flow holds by failure.
    pub hold: Option<Hold>,
    /// Set by Resume: failed pods have until the deadline to recover.
    pub forgiven: bool,
    /// In a stage that may ask a person: everything else was met when last looked, so the time counts as
    /// waiting for people.
    pub met: bool,
    /// The generation of the workload at which the first edit by others in this stage was seen.
    pub edited: Option<u64>,
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The world is as ordered.
    Succeeded,
    /// Nothing could be done.
    Failed(Failure),
    /// A person cancelled it, or it stopped by itself, and the world was left clean.
    Canceled,
    /// Another flow replaced it.
    Aborted {
        /// The flow that took over.
        by: FlowId,
    },
    /// A flow of the same name and spec carried it out before: nothing was done.
    AlreadyCarriedOut {
        /// The workload still has what that flow brought.
        stands: bool,
    },
}

impl Verdict {
    /// Whether the flow ended in the middle of its batches and left its workload as it was: the lock that it does not
    /// give back is the mark of that, as that of a flow that is gone.
    #[must_use]
    pub const fn leaves(&self) -> bool {
        matches!(self, Self::Failed(Failure::StatusLost))
    }
}

/// Where a flow is in its life. A finished flow has no way out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing was done yet.
    #[default]
    Pending,
    /// The base is durable; the workload is being locked and made ready.
    Preparing {
        /// The workload at the start.
        base: Base,
    },
    /// Batches run.
    Rolling {
        /// The base and the work.
        plan: Plan,
        /// Pods of work done in batches before this one.
        done: u32,
        /// The batch the flow is at.
        batch: Batch,
    },
    /// All batches are done; the whole world is compared with the spec.
    Verifying {
        /// The base and the work.
        plan: Plan,
        /// Since when.
        since: Timestamp,
        /// Of the time since then, what counts against the deadline, as of the last save.
        counted: Seconds,
        /// Set while the flow holds by failure.
        hold: Option<Hold>,
        /// The generation of the workload at which the first edit by others meanwhile was seen.
        edited: Option<u64>,
    },
    /// Cancelled; the world is being brought back to a clean state.
    Closing {
        /// The base and the work.
        plan: Plan,
        /// How the flow will have ended.
        verdict: Verdict,
        /// Pods of work that are kept.
        keep: u32,
        /// Fewest pods in traffic that closing may leave.
        floor: u32,
        /// New pods that are not kept are gone; what is left is to restore the template.
        shed: bool,
    },
    /// Ended.
    Finished {
        /// How.
        verdict: Verdict,
        /// When.
        at: Timestamp,
    },
}

impl Progress {
    /// Whether it says that nothing is left to do of what a flow changes, or takes back: an old view of the workload
    /// must not say so.
    #[must_use]
    pub const fn is_last_word(&self) -> bool {
        matches!(self, Self::Finished { .. } | Self::Closing { shed: true, .. })
    }

    /// Whether the first batch has not begun: the flow may have its workload already, and has changed no numbers.
    #[must_use]
    pub const fn is_before_batches(&self) -> bool {
        matches!(self, Self::Pending | Self::Preparing { .. })
    }

    /// Whether batches have begun and the flow has not ended: it has its workload, whatever that says.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.base().is_some_and(|base| base.workload.is_some())
    }

    /// Whether the flow has ended.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        matches!(self, Self::Finished { .. })
    }

    /// The current batch, while batches run.
    #[must_use]
    pub const fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Rolling { batch, .. } => Some(batch),
            Self::Pending
            | Self::Preparing { .. }
            | Self::Verifying { .. }
            | Self::Closing { .. }
            | Self::Finished { .. } => None,
        }
    }

    /// The hold by failure, if there is one.
    #[must_use]
    pub const fn hold(&self) -> Option<Hold> {
        match self {
            Self::Rolling { batch, .. } => batch.hold,
            Self::Verifying { hold, .. } => *hold,
            Self::Pending | Self::Preparing { .. } | Self::Closing { .. } | Self::Finished { .. } => None,
        }
    }

    /// The base, once known and not yet over.
    #[must_use]
    pub const fn base(&self) -> Option<&Base> {
        match self {
            Self::Preparing { base } => Some(base),
            Self::Rolling { plan, .. } | Self::Verifying { plan, .. } | Self::Closing { plan, .. } => {
                Some(&plan.base)
            }
            Self::Pending | Self::Finished { .. } => None,
        }
    }

    /// The base and the work, once known and not yet over.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Rolling { plan, .. } | Self::Verifying { plan, .. } | Self::Closing { plan, .. } => {
                Some(plan)
            }
            Self::Pending | Self::Preparing { .. } | Self::Finished { .. } => None,
        }
    }
}

/// How far a flow is, as shown to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FlowPhase {
    /// Nothing was done yet.
    #[default]
    Pending,
    /// The workload is being prepared.
    Initializing,
    /// A batch runs.
    BatchStarted,
    /// A batch is finished; the next one waits.
    BatchFinished,
    /// Ended: the world is as ordered.
    Success,
    /// Ended: nothing could be done.
    Failed,
    /// Ended: replaced by another flow.
    Aborted,
    /// Ended: cancelled.
    Canceled,
}

impl FlowPhase {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Initializing => "Initializing",
            Self::BatchStarted => "BatchStarted",
            Self::BatchFinished => "BatchFinished",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
            Self::Canceled => "Canceled",
        }
    }

    /// Whether the flow has ended.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Aborted | Self::Canceled)
    }
}

impl fmt::Display for FlowPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Progress> for FlowPhase {
    fn from(progress: &Progress) -> Self {
        match progress {
            Progress::Pending => Self::Pending,
            Progress::Preparing { .. } => Self::Initializing,
            Progress::Rolling { batch, .. } if batch.stage == Stage::Baked => Self::BatchFinished,
            Progress::Rolling { .. } => Self::BatchStarted,
            Progress::Verifying { .. } | Progress::Closing { .. } => Self::BatchFinished,
            Progress::Finished { verdict, .. } => match verdict {
                Verdict::Succeeded | Verdict::AlreadyCarriedOut { stands: true } => Self::Success,
                Verdict::Failed(_) => Self::Failed,
                Verdict::Canceled => Self::Canceled,
                Verdict::Aborted { .. } | Verdict::AlreadyCarriedOut { stands: false } => Self::Aborted,
            },
        }
    }
}

impl Batch {
    /// The phase shown to people.
    #[must_use]
    pub const fn phase(&self) -> BatchPhase {
        match (self.stage, self.hold) {
            (Stage::Queued, _) => BatchPhase::Pending,
            (Stage::Vacating | Stage::Smoking | Stage::Smoked, Some(_)) => BatchPhase::SmokeFailed,
            (Stage::PullingIn | Stage::Proving | Stage::Leaving, Some(_)) => BatchPhase::BakeFailed,
            (Stage::Vacating | Stage::Smoking, None) => BatchPhase::Smoking,
            (Stage::Smoked, None) => BatchPhase::Smoked,
            (Stage::PullingIn | Stage::Proving | Stage::Leaving, None) => BatchPhase::Baking,
            (Stage::Baked, _) => BatchPhase::Baked,
        }
    }
}

/// Which variant of [`Progress`] a record holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Step {
    /// [`Progress::Pending`]
    #[default]
    Pending,
    /// [`Progress::Preparing`]
    Preparing,
    /// [`Progress::Rolling`]
    Rolling,
    /// [`Progress::Verifying`]
    Verifying,
    /// [`Progress::Closing`]
    Closing,
    /// [`Progress::Finished`]
    Finished,
}
