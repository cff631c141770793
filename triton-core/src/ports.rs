//! The doors to the world: five traits that a host implements.

mod clock;
mod error;
mod names;
mod store;
mod traffic;
mod workload;

pub use clock::{Clock, Reading, Watching};
pub use error::{PortError, PortErrorKind};
pub use names::Names;
pub use store::{FlowStore, Invalid, Loaded, NewFlow, StoreEvent, Stored};
pub use traffic::TrafficRegistry;
pub use workload::{Subject, WorkloadBackend, are_as_seen};

pub use crate::model::{TrafficChange, WorkloadChange};
