//! What can be done to the world, as data.

use alloc::vec::Vec;

use super::observation::{PodRef, Shape};

/// Something to be done to a workload. Idempotent and absolute: doing it twice changes nothing more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WorkloadChange {
    /// Take the lock of an existing workload for this flow, remember its surge, unavailable and pause
    /// settings beside the lock, and make the workload ask before it removes a pod (`preDelete` hook).
    Lock,
    /// Give the lock back and with it those settings. The hook stays.
    Release,
    /// Bring the workload to these numbers and this template, in one write. Makes the workload, locked
    /// and with its hook, when it does not exist.
    Reshape(Shape),
    /// Tell the workload's controller to pause updates, or to go on.
    Freeze(bool),
    /// Set the hook label on these pods.
    Hook(Vec<PodRef>),
    /// Take the hook label off these pods: their workload may remove them now.
    LetGo(Vec<PodRef>),
}

/// Something to be asked of a registry. Idempotent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TrafficChange {
    /// Pull these pods in. Guarded by each pod's UID and version: another driver may have let one go
    /// meanwhile.
    PullIn(Vec<PodRef>),
    /// Pull these pods out. Guarded by each pod's UID and version.
    PullOut(Vec<PodRef>),
}
