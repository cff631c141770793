//! What time it is.

use crate::model::Timestamp;

/// Tells the time. Sleeping belongs to the host.
pub trait Clock: Send + Sync {
    /// The time now. May jump; the engine only compares it with times it was told before.
    fn now(&self) -> Timestamp;
}
