//! What keeps a pod from running, and for how long it has been seen so.

use alloc::string::String;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// How a pod failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// Its image cannot be pulled.
    ImagePull,
    /// No node takes it.
    Unschedulable,
    /// A container keeps ending.
    CrashLoop,
    /// An init container keeps failing.
    InitFailure,
    /// It has ended as a whole and does not come back: evicted, rejected by its node, or shut down with it.
    Ended,
    /// It cannot be set up for another reason (configuration, volumes).
    Setup,
}

impl FailureClass {
    /// One CamelCase word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ImagePull => "ImagePull",
            Self::Unschedulable => "Unschedulable",
            Self::CrashLoop => "CrashLoop",
            Self::InitFailure => "InitFailure",
            Self::Ended => "Ended",
            Self::Setup => "Setup",
        }
    }
}

/// When what keeps a pod from running counts as its failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Heals {
    /// It does not heal by itself: at once.
    Never,
    /// It may heal: once the pod was seen without progress for `failureGraceSeconds`.
    Maybe,
    /// It heals when others make room: at the deadline of the stage.
    WithRoom,
}

/// What keeps a pod from running.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodFailure {
    /// Kind of failure.
    pub class: FailureClass,
    /// When it counts as a failure of the pod.
    pub heals: Heals,
    /// Container, reason, the kubelet's or the scheduler's own words, exit code and restarts, as far as known.
    pub message: String,
}

/// How far the containers of a pod have come, init containers included. More of anything is progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Steps {
    /// Restarts.
    pub restarts: u32,
    /// Containers that run or have ended well.
    pub started: u32,
    /// Containers that are ready.
    pub ready: u32,
}

/// For how long a pod has been seen in a state, by a process that was in touch with the cluster. Told by the
/// driver; zero where nobody has watched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lasts {
    /// Kept from running, without progress.
    pub stuck: Duration,
    /// Containers ready, and no restart.
    pub calm: Duration,
    /// Ready.
    pub ready: Duration,
}
