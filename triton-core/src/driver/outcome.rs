//! What a call to the driver comes to.

use alloc::vec::Vec;

use crate::engine::{Effect, Waiting, Why};
use crate::model::Timestamp;
use crate::ports::{PortError, PortErrorKind};

/// How a call to [`Driver::advance`](super::Driver::advance) left the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Look again at this time at the latest, or when the world or the orders change.
    Until(Timestamp, Waiting),
    /// More can be done at once; the driver stopped to let others have a turn.
    Again,
    /// The flow has ended and holds nothing.
    Done,
    /// The stored progress cannot be read: the flow holds until somebody mends or deletes it.
    Corrupt,
    /// There is no such flow.
    Gone,
}

/// A step that failed; the world and the flow are unchanged as far as can be told. Try again with backoff.
#[derive(Debug, thiserror::Error)]
#[error("{during}: {source}")]
pub struct DriveError {
    /// What was being done.
    pub during: &'static str,
    /// What went wrong.
    #[source]
    pub source: PortError,
}

impl DriveError {
    /// Whether the flow was to return its workload to a revision that is not kept any more.
    pub(super) fn is_without_return(&self) -> bool {
        self.source.kind == PortErrorKind::NoRevision
    }

    /// One CamelCase word for the status.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self.source.kind {
            PortErrorKind::Transient => "Unreachable",
            PortErrorKind::Conflict => "Conflict",
            PortErrorKind::NotFound => "NotFound",
            PortErrorKind::Exists => "Exists",
            PortErrorKind::Unreadable => "WorkloadUnreadable",
            PortErrorKind::NoRevision => "NoRevision",
            PortErrorKind::Rejected | PortErrorKind::TooLarge => "Rejected",
        }
    }

    /// Whether a flow that shows this reason is refused something, and goes on only when somebody acts.
    pub(super) fn is_refusal(reason: &str) -> bool {
        ["NoRevision", "Rejected", "WorkloadUnreadable"].contains(&reason)
    }
}

/// What [`Driver::advance`](super::Driver::advance) did, for events, logs and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Progress was saved; these are the moves in it, oldest first.
    Saved(Vec<Why>),
    /// This was done to the world.
    Did(Effect),
}
