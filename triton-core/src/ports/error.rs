//! What can go wrong at a port.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use core::error::Error;

/// What the caller should do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// Not reachable or overloaded; it may or may not have been done. Try again with backoff.
    Transient,
    /// The thing changed meanwhile. Look again.
    Conflict,
    /// The thing is not there.
    NotFound,
    /// It is there already.
    Exists,
    /// It is there and cannot be read: somebody has to mend it.
    Unreadable,
    /// Refused for a reason that trying again does not change (validation, admission, quota, rights).
    Rejected,
    /// The revision to return to is not kept any more. Trying again helps only where somebody mends that by hand.
    NoRevision,
    /// Refused because it is too large for the store. Trying again does not help; less of it may.
    TooLarge,
}

/// An error of a port.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    /// What to do about it.
    pub kind: PortErrorKind,
    /// What happened, for people; carries the words of the API that refused.
    pub message: String,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl PortError {
    /// An error without a further cause.
    #[must_use]
    pub fn new(kind: PortErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error with its cause.
    #[must_use]
    pub fn caused(kind: PortErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, message: source.to_string(), source: Some(Box::new(source)) }
    }
}
