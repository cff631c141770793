//! What can be done to the world, as data.

use alloc::vec::Vec;

use super::name::Revision;
use super::pods::PodRef;
use super::shape::Shape;

/// Something to be done to a workload, guarded by its version. Idempotent and absolute: doing it twice changes nothing
/// more.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum WorkloadChange {
    /// Take the lock of an existing workload for this flow, remember its surge, unavailable and pause
    /// settings beside the lock, and make the workload ask before it removes a pod (`preDelete` hook) or
    /// updates it in place.
    Lock {
        /// The size to return to, where the flow stops the workload.
        remember: Option<u32>,
    },
    /// Give the lock back and with it those settings. The hook stays. What another flow left behind
    /// ([`Left`](super::Left)) is over once a flow has succeeded; where the one that gives the lock back has not, it
    /// is noted for the next one, and the settings stay.
    Release {
        /// The revisions that flows brought successfully, newest first, where they change.
        good: Option<Vec<Revision>>,
    },
    /// Delete the workload.
    Remove,
    /// Bring the workload to these numbers and this template, in one write. Makes the workload, locked
    /// and with its hook, when it does not exist.
    Reshape(Shape),
    /// Tell the workload's controller to pause updates (`true`), or to go on.
    SetPaused(bool),
}

/// Something to be done to pods of a workload. Idempotent; each pod is guarded by its own UID, and by its version where
/// the change says so.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PodChange {
    /// Set the hook label: the workload asks before it deletes or updates the pod.
    Hook(Vec<PodRef>),
    /// Take the hook label off: the workload may delete or update the pod now. Guarded by the version, too: the pod may
    /// have been returned to service meanwhile.
    Unhook(Vec<PodRef>),
    /// Mark pods as those that the flow, a restart, replaces.
    MarkForReplacement(Vec<PodRef>),
    /// Take the mark off that has pods deleted whatever the numbers say (OpenKruise: label
    /// `apps.kruise.io/specified-delete`).
    ClearSpecifiedDelete(Vec<PodRef>),
}

impl PodChange {
    /// The pods to be changed.
    #[must_use]
    pub const fn pods(&self) -> &Vec<PodRef> {
        match self {
            Self::Hook(pods)
            | Self::Unhook(pods)
            | Self::MarkForReplacement(pods)
            | Self::ClearSpecifiedDelete(pods) => pods,
        }
    }
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
