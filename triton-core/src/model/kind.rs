//! What a batch does to pods.

use serde::{Deserialize, Serialize};

/// What a batch does to pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Kind {
    /// New pods come.
    Grow,
    /// New pods come beside the old ones, then old ones leave.
    Replace,
    /// Old pods leave, or are updated in place, and new ones take their places.
    Swap,
    /// Pods leave.
    Shrink,
}

impl Kind {
    /// Whether old pods are exchanged for new ones.
    #[must_use]
    pub const fn exchanges(self) -> bool {
        matches!(self, Self::Replace | Self::Swap)
    }
}
