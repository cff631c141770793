//! What people ordered: standing orders, and the single commands that change them.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::count::Sizes;
use super::name::FlowName;
use super::time::Seconds;

/// How far a batch is, as shown to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BatchPhase {
    /// The batch is next; nothing of it has been asked for.
    #[default]
    Pending,
    /// Its new pods are asked for and boot.
    Smoking,
    /// All its new pods run and are out of traffic.
    Smoked,
    /// Its pods are pulled into traffic and prove themselves; then old pods leave.
    Baking,
    /// The batch is finished.
    Baked,
    /// Its pods did not start in time, or failed.
    SmokeFailed,
    /// Its pods did not get into traffic, or old ones not out of it, in time.
    BakeFailed,
}

impl BatchPhase {
    /// The phases a person may name as a target.
    pub const TARGETS: [Self; 5] = [Self::Pending, Self::Smoking, Self::Smoked, Self::Baking, Self::Baked];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Smoking => "Smoking",
            Self::Smoked => "Smoked",
            Self::Baking => "Baking",
            Self::Baked => "Baked",
            Self::SmokeFailed => "SmokeFailed",
            Self::BakeFailed => "BakeFailed",
        }
    }

    /// The target phase of that name.
    #[must_use]
    pub fn parse_target(name: &str) -> Option<Self> {
        Self::TARGETS.into_iter().find(|phase| phase.as_str() == name)
    }
}

impl fmt::Display for BatchPhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A point in a rollout, ordered in time: "as far as this phase of this batch".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// Batch number, from 1.
    pub batch: u32,
    /// Phase inside it.
    pub phase: BatchPhase,
}

impl Target {
    /// Beyond the end of every flow: a watch as far as this goes on until the flow has ended.
    pub const END: Self = Self { batch: u32::MAX, phase: BatchPhase::Baked };
}

impl Default for Target {
    /// The first batch may start.
    fn default() -> Self {
        Self { batch: 1, phase: BatchPhase::Smoking }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "batch {} {}", self.batch, self.phase)
    }
}

/// What is wrong with `supersededBy` beside no order to cancel: by itself it has no effect.
pub const SUPERSEDED_ALONE: &str = "stands beside canceled: true, where the flow that takes over writes both; leave it \
                                    out, and order an update or a rollback, which takes over";

/// Standing orders: the half of a flow that people write.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Orders {
    /// Take no step of the flow's own.
    pub paused: bool,
    /// Stop for good and close cleanly.
    pub canceled: bool,
    /// The flow that takes over, by its name; the flow is canceled too then.
    pub superseded: Option<FlowName>,
    /// How often a pause was lifted; lifts a hold that was placed at a lower count.
    pub resumes: u32,
    /// Permission given so far, for stages that ask a person.
    pub target: Target,
    /// Batch sizes; batches that have started keep theirs.
    pub sizes: Sizes,
    /// Wait between a finished batch and the next one in mode auto.
    pub interval: Seconds,
    /// How long a stage may take before the flow pauses, not counting time that the flow itself orders.
    pub deadline: Seconds,
    /// For how long a pod may be kept from running, without progress, before it counts as failed.
    pub grace: Seconds,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            paused: false,
            canceled: false,
            superseded: None,
            resumes: 0,
            target: Target::default(),
            sizes: Sizes::default(),
            interval: Seconds(0),
            deadline: DEFAULT_DEADLINE,
            grace: DEFAULT_GRACE,
        }
    }
}

/// `progressDeadlineSeconds` when nothing is said.
pub const DEFAULT_DEADLINE: Seconds = Seconds(600);
/// `failureGraceSeconds` when nothing is said.
pub const DEFAULT_GRACE: Seconds = Seconds(120);
/// `drainSeconds` when nothing is said.
pub const DEFAULT_DRAIN: Seconds = Seconds(10);

/// One request from a person to a flow that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Give the permission that the current stage asks for. `expected` is the batch and phase that the
    /// caller believes is waiting: anything else is refused, so a double click never advances twice.
    Next {
        /// Batch and phase the caller saw waiting.
        expected: Option<Target>,
    },
    /// Go as far as this point.
    GoTo(Target),
    /// Stop the flow's own steps.
    Pause,
    /// Lift a pause.
    Resume,
    /// Stop for good.
    Cancel,
    /// Forget the flow; only once it has ended.
    Delete,
}

/// A change of standing orders, as a patch of the strategy makes it: what is absent stays. All of it is
/// taken, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edit {
    /// `true`: as [`Command::Pause`]; `false`: as [`Command::Resume`].
    pub paused: Option<bool>,
    /// `true`: as [`Command::Cancel`]; a cancel cannot be taken back.
    pub canceled: Option<bool>,
    /// As [`Command::GoTo`].
    pub target: Option<Target>,
    /// Sizes of the batches that have not started.
    pub sizes: Option<Sizes>,
    /// Wait between batches.
    pub interval: Option<Seconds>,
    /// How long a stage may take.
    pub deadline: Option<Seconds>,
    /// For how long a pod may be kept from running before it counts as failed.
    pub grace: Option<Seconds>,
}
