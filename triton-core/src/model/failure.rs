//! Why a flow fails.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

/// Why a flow failed: before it did anything, or because the workload or its lock was gone.
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
    /// The workload was made anew, or another flow has had it, while the flow ran.
    LockLost,
    /// The sizes do not fit the action.
    WrongSize {
        /// In which way, and what to do instead.
        what: String,
    },
    /// Pods that the flow names do not fit the workload.
    WrongPods {
        /// In which way, and what to do instead.
        what: String,
    },
    /// The API of the cluster refuses what the flow would write.
    Refused {
        /// What, in the words of whoever refuses, and what to do instead.
        what: String,
    },
    /// The record of the flow was lost in the middle of its batches: the workload stays as it is.
    StatusLost,
    /// A flow was deleted that held the workload and could not close.
    Abandoned,
    /// There is nothing to return to.
    NoRevision {
        /// What was looked for, and what to do instead.
        what: String,
    },
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
            Self::WrongSize { .. } => "WrongSize",
            Self::WrongPods { .. } => "WrongPods",
            Self::NoRevision { .. } => "NoRevision",
            Self::Refused { .. } => "Refused",
            Self::Abandoned => "Abandoned",
            Self::StatusLost => "StatusLost",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WorkloadExists => f.write_str("the workload exists already; use action update"),
            Self::WorkloadMissing => f.write_str("the workload does not exist, or was deleted while the flow ran; use action create"),
            Self::WorkloadDeleted => f.write_str("the workload is being deleted; wait, then create it anew"),
            Self::WorkloadOwned { owner } => {
                write!(f, "the workload is controlled by {owner}; change it there or remove that owner")
            }
            Self::Unsupported { what }
            | Self::WrongSize { what }
            | Self::WrongPods { what }
            | Self::NoRevision { what }
            | Self::Refused { what } => f.write_str(what),
            Self::InvalidSpec { fault } => f.write_str(fault),
            Self::Abandoned => f.write_str(
                "a flow that held the workload is gone before it ended, and left it in the middle of its batches; \
                 use action update or rollback first, or stop or delete",
            ),
            Self::StatusLost => f.write_str(
                "cancelled, but the status of the flow was cleared while it held the workload, and with it what the \
                 flow had found: the workload stays as it is; use action update or rollback, or stop or delete",
            ),
            Self::LockLost => f.write_str(
                "the workload was made anew, or another flow has had it, while this flow ran; look at it, then start a new flow",
            ),
        }
    }
}
