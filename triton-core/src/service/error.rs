//! Errors of the API, the same at every door.

use alloc::string::{String, ToString};

use crate::model::Faults;
use crate::ports::{PortError, PortErrorKind};

/// What sort of error it is; every door has one code for each (section 10 of the semantics).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiErrorKind {
    /// Changed meanwhile: try again.
    Aborted,
    /// A flow or workload of that name exists.
    AlreadyExists,
    /// The order is not allowed in this state.
    FailedPrecondition,
    /// A bug in the server.
    Internal,
    /// Malformed or refused input.
    InvalidArgument,
    /// Unknown flow, instance or pod.
    NotFound,
    /// The caller may not do this.
    PermissionDenied,
    /// Over a limit.
    ResourceExhausted,
    /// No or bad credentials.
    Unauthenticated,
    /// The store or the cluster cannot be reached.
    Unavailable,
}

impl ApiErrorKind {
    /// Whether the same may succeed later: nothing is wrong with what was asked.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::Aborted | Self::Unavailable)
    }
}

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ApiError {
    /// What sort.
    pub kind: ApiErrorKind,
    /// What is wrong and what to do, for people. Names the field where there is one.
    pub message: String,
}

impl ApiError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::new(ApiErrorKind::InvalidArgument, faults.to_string())
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        let kind = match error.kind {
            PortErrorKind::Transient => ApiErrorKind::Unavailable,
            PortErrorKind::Conflict => ApiErrorKind::Aborted,
            PortErrorKind::NotFound => ApiErrorKind::NotFound,
            PortErrorKind::Exists => ApiErrorKind::AlreadyExists,
            PortErrorKind::Unreadable => ApiErrorKind::FailedPrecondition,
            PortErrorKind::Rejected | PortErrorKind::NoRevision | PortErrorKind::TooLarge => {
                ApiErrorKind::InvalidArgument
            }
        };
        Self::new(kind, error.message)
    }
}
