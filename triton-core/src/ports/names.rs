//! Names for flows that the service makes.

use crate::model::{FlowName, InstanceName};

/// Mints names. The engine never does: the simulator's names are seeded.
pub trait Names: Send + Sync {
    /// A name for a new flow of this instance, `<instance>-<suffix>`, not used before.
    fn fresh(&self, instance: &InstanceName) -> FlowName;
}
