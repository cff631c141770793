//! Why progress moved, and the words for it.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::Waiting;
use crate::engine::phrases;
use crate::model::{CorruptRecord, FieldEdit, FlowName, HoldReason, PodName, Stage, Verdict};

/// Why progress moved: the text of the event, the reason of the status and the log line in one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// The base was read; the workload is prepared.
    Started,
    /// A batch begins.
    BatchStarted {
        /// Number of the batch.
        batch: u32,
        /// Pods in it.
        size: u32,
    },
    /// A batch reached a stage.
    Reached {
        /// Number of the batch.
        batch: u32,
        /// The stage.
        stage: Stage,
    },
    /// New pods that were there went missing while the batch waits.
    PodsMissing {
        /// Number of the batch.
        batch: u32,
    },
    /// All batches are done.
    AllBatchesDone,
    /// The flow holds by failure.
    Held {
        /// What happened.
        reason: HoldReason,
    },
    /// Others changed what the flow owns: it is set right.
    Edited {
        /// What, and who.
        edits: Vec<FieldEdit>,
    },
    /// Others took the lock off the workload: the flow takes it again.
    Relocked,
    /// Others changed what the flow owns, again or in a way that is not set right unasked: the flow holds.
    Drifted {
        /// Drift, or a size that the flow cannot follow.
        reason: HoldReason,
        /// What, and who.
        edits: Vec<FieldEdit>,
    },
    /// Others gave the workload another size: the flow follows it.
    Resized {
        /// The size before.
        from: u32,
        /// The size from now on.
        to: u32,
        /// What others changed, and who.
        edits: Vec<FieldEdit>,
    },
    /// The batch goes on without pods that failed; they are work for later batches.
    GoesOnWithout {
        /// Number of the batch.
        batch: u32,
        /// Pods that failed.
        failed: u32,
    },
    /// The spec of the flow, which has begun, cannot be read any more: the flow holds.
    Unread {
        /// Which fields, and what is wrong with them.
        faults: String,
    },
    /// The status of the flow, which has begun, cannot be read any more: the flow holds.
    Corrupt {
        /// What is wrong with it.
        what: CorruptRecord,
    },
    /// The lock of the workload cannot be read any more: the flow waits.
    LockUnreadable {
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The size that others gave is one again that the flow can go on with: its hold is lifted.
    Fits,
    /// A person lifted the hold.
    Resumed,
    /// What the flow held for is gone: it goes on by itself.
    Mended,
    /// What a stage waited for beyond its deadline is there after all: it goes on by itself.
    CameLate,
    /// Something new keeps a pod from running. Nothing moved.
    PodStuck {
        /// Which pod.
        pod: PodName,
        /// What, in one word.
        reason: String,
        /// The same with the kubelet's or the scheduler's own words.
        message: String,
    },
    /// Pods could not be made: told when the deadline of a stage is over. Nothing moved.
    PodsNotMade {
        /// Why, in the words of the workload's controller.
        what: String,
    },
    /// A person cancelled the flow.
    Canceling,
    /// The flow stops by itself, as `onFailure` says.
    Stopping {
        /// What happened.
        reason: HoldReason,
    },
    /// Another flow takes over.
    GivingWay {
        /// Its name.
        to: FlowName,
    },
    /// What was changed returns, in batches.
    Reverting,
    /// The pods that are not kept are gone.
    Shed,
    /// The registry would lose pods for good: told before the first batch, and when the flow waits for it.
    ServiceLost {
        /// What is lost, and what to change.
        what: String,
    },
    /// The registry may lose pods, or those of others alone may be left to it: told before the first batch.
    ServiceAtRisk {
        /// Which place, why, and what to change if that is not meant.
        what: String,
    },
    /// The flow ended.
    Ended {
        /// How.
        verdict: Verdict,
        /// Why it stopped by itself, where it did.
        cause: Option<String>,
    },
}

impl Why {
    /// What is told when a flow begins to wait for this; `None` where a move has told it.
    #[must_use]
    pub fn waits(waiting: &Waiting) -> Option<Self> {
        match waiting {
            Waiting::ServiceLost { what } => Some(Self::ServiceLost { what: what.clone() }),
            Waiting::Spec { faults } => Some(Self::Unread { faults: faults.clone() }),
            Waiting::Lock { what } => Some(Self::LockUnreadable { what: what.clone() }),
            Waiting::Approval { .. }
            | Waiting::Pods { .. }
            | Waiting::Interval
            | Waiting::In { .. }
            | Waiting::Out { .. }
            | Waiting::Terminating { .. }
            | Waiting::Available { .. }
            | Waiting::Backend
            | Waiting::Record
            | Waiting::Unreachable { .. }
            | Waiting::Paused
            | Waiting::Held { .. }
            | Waiting::Rival { .. }
            | Waiting::Verify { .. } => None,
        }
    }

    /// The same with why the flow stopped by itself, where it ends after that.
    #[must_use]
    pub fn because(mut self, stopped: Option<&String>) -> Self {
        if let Self::Ended { verdict: Verdict::Canceled, cause } = &mut self {
            *cause = stopped.cloned();
        }
        self
    }

    /// One CamelCase word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Started => "Initializing",
            Self::BatchStarted { .. } => "BatchStarted",
            Self::Reached { stage, .. } => match stage {
                Stage::Queued => "BatchQueued",
                Stage::Vacating => "PodsLeaving",
                Stage::Smoking => "Smoking",
                Stage::Smoked => "Smoked",
                Stage::PullingIn => "PullingIn",
                Stage::Proving => "PulledIn",
                Stage::Leaving => "OldPodsLeaving",
                Stage::Baked => "Baked",
            },
            Self::PodsMissing { .. } => "PodsMissing",
            Self::AllBatchesDone => "Verifying",
            Self::Held { reason } | Self::Stopping { reason } => phrases::held_reason(*reason),
            Self::Edited { .. } => "Edited",
            Self::Relocked => "LockRestored",
            Self::Drifted { reason, .. } => phrases::held_reason(*reason),
            Self::Resized { .. } => "Resized",
            Self::GoesOnWithout { .. } => "PodsTolerated",
            Self::Unread { .. } => "InvalidSpec",
            Self::Corrupt { .. } => "CorruptStatus",
            Self::LockUnreadable { .. } => "LockUnreadable",
            Self::GivingWay { .. } => "GivingWay",
            Self::Reverting => "Reverting",
            Self::Fits => "SizeFits",
            Self::Resumed => "Resumed",
            Self::Mended => "PodsMended",
            Self::CameLate => "CameLate",
            Self::PodStuck { .. } => "PodStuck",
            Self::PodsNotMade { .. } => "PodsNotMade",
            Self::Canceling => "Canceling",
            Self::Shed => "NewPodsRemoved",
            Self::ServiceLost { .. } => "ServiceLost",
            Self::ServiceAtRisk { .. } => "ServiceAtRisk",
            Self::Ended { verdict, .. } => match verdict {
                Verdict::Succeeded => "Succeeded",
                Verdict::Failed(failure) => failure.reason(),
                Verdict::Canceled => "Canceled",
                Verdict::Aborted { .. } => "Aborted",
                Verdict::AlreadyCarriedOut { .. } => "AlreadyCarriedOut",
            },
        }
    }
}

impl fmt::Display for Why {
    #[expect(clippy::too_many_lines, reason = "one text per reason")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => f.write_str("preparing the workload"),
            Self::BatchStarted { batch, size } => {
                write!(f, "batch {batch} starts with {}", phrases::pods(*size))
            }
            Self::Reached { batch, stage } => match stage {
                Stage::Queued => write!(f, "batch {batch} is next"),
                Stage::Vacating => write!(f, "batch {batch}: pods leave"),
                Stage::Smoking => write!(f, "batch {batch}: new pods are starting"),
                Stage::Smoked => write!(f, "batch {batch}: all new pods run, out of traffic"),
                Stage::PullingIn => write!(f, "batch {batch}: new pods are pulled into traffic"),
                Stage::Proving => write!(f, "batch {batch}: all new pods are in traffic"),
                Stage::Leaving => write!(f, "batch {batch}: old pods leave"),
                Stage::Baked => write!(f, "batch {batch} is finished"),
            },
            Self::PodsMissing { batch } => {
                write!(f, "batch {batch}: new pods went missing; waiting for their replacements")
            }
            Self::AllBatchesDone => {
                f.write_str("all batches are finished; comparing the workload with the spec")
            }
            Self::Held { reason } => f.write_str(phrases::holds(*reason)),
            Self::Edited { edits } => {
                write!(
                    f,
                    "others changed {}; it is set right, and next time the flow holds",
                    phrases::listed(edits)
                )
            }
            Self::Relocked => {
                f.write_str(
                    "the lock of this flow, or a hook that comes with it, was not on the workload any more; the flow \
                     puts it back",
                )
            }
            Self::Drifted { edits, .. } => f.write_str(&phrases::drifted(edits)),
            Self::Resized { from, to, edits } => {
                write!(
                    f,
                    "others changed {}; the flow goes on with {} instead of {from}",
                    phrases::listed(edits),
                    phrases::pods(*to)
                )
            }
            Self::GoesOnWithout { batch, failed } => {
                write!(
                    f,
                    "batch {batch} goes on without {} that failed, to be tried again later",
                    phrases::pods(*failed)
                )
            }
            Self::Unread { faults } => f.write_str(&phrases::unread(faults)),
            Self::Corrupt { what } => f.write_str(&phrases::corrupt(what)),
            Self::LockUnreadable { what } => f.write_str(&phrases::lock_unreadable(what)),
            Self::Stopping { reason } => f.write_str(&phrases::stopping(phrases::stops(*reason))),
            Self::GivingWay { to } => write!(f, "flow {to} takes over; leaving the workload clean"),
            Self::Reverting => f.write_str("cancelled; returning the new pods to the revision before"),
            Self::Fits => f.write_str("the size of the workload is one again that the flow can go on with"),
            Self::Resumed => f.write_str("resumed"),
            Self::Mended => f.write_str("the pods that had failed are mended; the flow goes on by itself"),
            Self::CameLate => {
                f.write_str("what the stage waited for is there after its deadline; the flow goes on by itself")
            }
            Self::PodStuck { pod, reason, message } => write!(f, "pod {pod}: {reason}: {message}"),
            Self::Canceling => f.write_str("cancelled; leaving the workload clean"),
            Self::Shed => f.write_str("cancelled; restoring the template before"),
            Self::ServiceLost { what } => f.write_str(&phrases::lost(what)),
            Self::ServiceAtRisk { what } | Self::PodsNotMade { what } => f.write_str(what),
            Self::Ended { verdict: Verdict::Succeeded, .. } => f.write_str("the workload is as ordered"),
            Self::Ended { verdict: Verdict::Failed(failure), .. } => failure.fmt(f),
            Self::Ended { verdict: Verdict::Canceled, cause: None } => f.write_str("cancelled"),
            Self::Ended { verdict: Verdict::Canceled, cause: Some(cause) } => {
                write!(f, "cancelled because {cause}")
            }
            Self::Ended { verdict: Verdict::Aborted { by }, .. } => write!(f, "replaced by {by}"),
            Self::Ended { verdict: Verdict::AlreadyCarriedOut { stands }, .. } => {
                f.write_str(phrases::already(*stands))
            }
        }
    }
}
