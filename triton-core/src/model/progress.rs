//! How far a flow is: the half of a flow that the driver writes.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::name::{FlowId, Revision};
use super::orders::BatchPhase;
use super::time::Timestamp;

/// What a batch does to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// New pods come.
    Grow,
    /// New pods come beside the old ones, then old ones leave.
    Replace,
}

/// A stage of a batch: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Stage {
    /// Next; nothing asked for yet.
    Queued,
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
    /// Pods in traffic when the batch started: removals never go below the lower of this and the size.
    pub serving: u32,
    /// Set while the flow holds by failure.
    pub hold: Option<Hold>,
    /// Set by Resume: failed pods have until the deadline to recover.
    pub forgiven: bool,
    /// In a stage that may ask a person: everything else was met when last looked, so the time counts as
    /// waiting for people.
    pub met: bool,
}

/// What the workload was like when the flow started; read once, durable before the first write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Base {
    /// Size of the workload then.
    pub from: u32,
    /// Size to reach.
    pub to: u32,
    /// Partition then (pods kept at the old revision).
    pub partition: u32,
    /// Revision that served then; `None` when there was no workload.
    pub previous: Option<Revision>,
}

/// The base, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Plan {
    /// The workload at the start.
    pub base: Base,
    /// Pods that were of the target revision and in traffic already.
    pub fresh: u32,
    /// Pods of work; the sizes of all batches add up to it.
    pub work: u32,
}

/// Why a flow failed before it did anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Failure {
    /// Create, but the workload exists.
    WorkloadExists,
    /// The workload to act on does not exist.
    WorkloadMissing,
    /// The workload is being deleted.
    WorkloadDeleted,
    /// The workload belongs to another controller.
    WorkloadOwned {
        /// Kind and name of the owner.
        owner: String,
    },
    /// The action or an option, or this kind of workload, is not carried out by this version.
    Unsupported {
        /// What, and what to do instead.
        what: String,
    },
    /// The stored spec is not one that admission lets in.
    InvalidSpec {
        /// Field path and message.
        fault: String,
    },
    /// The workload was made anew, or its lock was taken away, while the flow ran.
    LockLost,
}

impl Failure {
    /// A CamelCase word for it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WorkloadExists => "WorkloadExists",
            Self::WorkloadMissing => "WorkloadMissing",
            Self::WorkloadDeleted => "WorkloadDeleted",
            Self::WorkloadOwned { .. } => "WorkloadOwned",
            Self::Unsupported { .. } => "Unsupported",
            Self::InvalidSpec { .. } => "InvalidSpec",
            Self::LockLost => "LockLost",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkloadExists => f.write_str("the workload exists already; use action update"),
            Self::WorkloadMissing => f.write_str("the workload does not exist; use action create"),
            Self::WorkloadDeleted => f.write_str("the workload is being deleted; wait, then create it anew"),
            Self::WorkloadOwned { owner } => {
                write!(f, "the workload is controlled by {owner}; change it there or remove that owner")
            }
            Self::Unsupported { what } => f.write_str(what),
            Self::InvalidSpec { fault } => f.write_str(fault),
            Self::LockLost => f.write_str(
                "the workload was made anew or its lock was removed while the flow ran; look at it, then start a new flow",
            ),
        }
    }
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// The world is as ordered.
    Succeeded,
    /// Nothing could be done.
    Failed(Failure),
    /// A person cancelled it and the world was left clean.
    Canceled,
    /// Another flow replaced it.
    Aborted {
        /// The flow that took over.
        by: FlowId,
    },
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
        /// Set while the flow holds by failure.
        hold: Option<Hold>,
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
                Verdict::Succeeded => Self::Success,
                Verdict::Failed(_) => Self::Failed,
                Verdict::Canceled => Self::Canceled,
                Verdict::Aborted { .. } => Self::Aborted,
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
            (Stage::Smoking | Stage::Smoked, Some(_)) => BatchPhase::SmokeFailed,
            (Stage::PullingIn | Stage::Proving | Stage::Leaving, Some(_)) => BatchPhase::BakeFailed,
            (Stage::Smoking, None) => BatchPhase::Smoking,
            (Stage::Smoked, None) => BatchPhase::Smoked,
            (Stage::PullingIn | Stage::Proving | Stage::Leaving, None) => BatchPhase::Baking,
            (Stage::Baked, _) => BatchPhase::Baked,
        }
    }
}
