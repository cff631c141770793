//! What a flow waits for, and the words for it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::engine::phrases;
use crate::model::{BatchPhase, FieldEdit, FlowId, HoldReason, Place, Seconds, Silence};

/// What a flow waits for. Every variant says in its text what a person should do, if anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// A person: `Next`, or `Continue` to at least this phase.
    Approval {
        /// Number of the batch that is asked about.
        batch: u32,
        /// The phase that permission is asked for.
        phase: BatchPhase,
    },
    /// New pods to run.
    Pods {
        /// That run.
        ready: u32,
        /// That must run.
        of: u32,
        /// One of them is kept out of traffic for an ordered time before it is updated in place.
        in_grace: bool,
    },
    /// The interval between batches.
    Interval,
    /// New pods to be shown by the registry.
    In {
        /// That are shown.
        ready: u32,
        /// That must be shown.
        of: u32,
    },
    /// Old pods to leave traffic, drain and go.
    Out {
        /// That are still there.
        pods: u32,
        /// One of them drains.
        drains: bool,
    },
    /// Pods that are being deleted to be gone, before new ones are asked for.
    Terminating {
        /// That are still there.
        pods: u32,
    },
    /// New pods to have been ready for as long as the workload demands, before its controller lets old ones leave, or
    /// before a batch is done whose old pods left first.
    Available {
        /// Old pods that leave then.
        pods: u32,
        /// How long that takes at the most, if they stay ready.
        left: Seconds,
    },
    /// The workload's controller to take notice of the last change.
    Backend,
    /// A newer record of the flow: by what it noted on its workload it was further than this one says.
    Record,
    /// News of the world: what is known of it is too old to act on.
    Unreachable {
        /// What was not heard of, and for how long.
        silence: Silence,
    },
    /// A person: `Resume`, because the flow was paused by order.
    Paused,
    /// A person: `Resume` or `Cancel`, because the flow holds by failure.
    Held {
        /// What happened.
        reason: HoldReason,
        /// Pods that fail now.
        failed: u32,
        /// What others changed and is not set right.
        edits: Vec<FieldEdit>,
        /// A person has paused the flow, too: it does not go on by itself.
        paused: bool,
        /// What the flow waited for cannot come while it holds: only a person lets it go on.
        blocks: bool,
    },
    /// Another flow that holds the workload's lock, or is to have it first.
    Rival {
        /// Which.
        rival: FlowId,
        /// The place in line, when it is not the first.
        place: Option<Place>,
        /// What keeps the other one from going on, and what to do, where it waits for a person to mend it.
        stuck: Option<String>,
    },
    /// A person: to correct what is stored of the flow, because its spec cannot be read.
    Spec {
        /// Which fields, and what is wrong with them.
        faults: String,
    },
    /// A person: to change the registry or the template, because old pods would leave for which the registry can
    /// have no new ones.
    ServiceLost {
        /// What is lost, and what to change.
        what: String,
    },
    /// A person: to mend the lock of the workload, which cannot be read.
    Lock {
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// The whole workload to be as ordered: all pods new, in traffic, none leaving.
    Verify {
        /// Pods that are as ordered.
        ready: u32,
        /// Pods ordered.
        of: u32,
        /// A pod drains.
        drains: bool,
    },
}

/// What a wait means for the time that counts against a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// The cluster is waited for: until the next look the time counts.
    Counts,
    /// Something else is waited for: until the next look no time counts.
    Stands,
    /// What was seen is not how things are: neither the time before nor the time after counts.
    Unseen,
}

impl Waiting {
    /// One CamelCase word.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Approval { .. } => "Approval",
            Self::Pods { .. } => "PodsStarting",
            Self::Interval => "Interval",
            Self::In { .. } => "PullingIn",
            Self::Out { .. } => "PodsLeaving",
            Self::Terminating { .. } => "PodsTerminating",
            Self::Available { .. } => "MinReady",
            Self::Backend => "Workload",
            Self::Record => "OldStatus",
            Self::Unreachable { .. } => "Unreachable",
            Self::Paused => "Paused",
            Self::Held { reason, .. } => phrases::held_reason(*reason),
            Self::Rival { .. } => "Rival",
            Self::Spec { .. } => "InvalidSpec",
            Self::ServiceLost { .. } => "ServiceLost",
            Self::Lock { .. } => "LockUnreadable",
            Self::Verify { .. } => "Verifying",
        }
    }

    /// Whether time that is spent so counts against a deadline.
    #[must_use]
    pub const fn time(&self) -> Time {
        match self {
            Self::Pods { in_grace: false, .. }
            | Self::In { .. }
            | Self::Out { drains: false, .. }
            | Self::Verify { drains: false, .. } => Time::Counts,
            Self::Backend | Self::Record | Self::Unreachable { .. } => Time::Unseen,
            Self::Approval { .. }
            | Self::Pods { in_grace: true, .. }
            | Self::Out { drains: true, .. }
            | Self::Verify { drains: true, .. }
            | Self::Available { .. }
            | Self::Terminating { .. }
            | Self::Interval
            | Self::Paused
            | Self::Held { .. }
            | Self::Rival { .. }
            | Self::Spec { .. }
            | Self::ServiceLost { .. }
            | Self::Lock { .. } => Time::Stands,
        }
    }

    /// Whether a person has to do something.
    #[must_use]
    pub const fn asks_a_person(&self) -> bool {
        match self {
            Self::Approval { .. }
            | Self::Paused
            | Self::Held { .. }
            | Self::Spec { .. }
            | Self::ServiceLost { .. }
            | Self::Lock { .. } => true,
            Self::Pods { .. }
            | Self::Interval
            | Self::In { .. }
            | Self::Out { .. }
            | Self::Available { .. }
            | Self::Terminating { .. }
            | Self::Backend
            | Self::Record
            | Self::Rival { .. }
            | Self::Unreachable { .. }
            | Self::Verify { .. } => false,
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Approval { batch, phase } => {
                write!(
                    f,
                    "waits for a person: Next lets batch {batch} go on to {phase}{}",
                    phrases::means(*phase)
                )
            }
            Self::Pods { ready, of, .. } => write!(f, "waits for new pods to run: {ready} of {of} do"),
            Self::Interval => f.write_str("waits for the interval before the next batch"),
            Self::In { ready, of } => {
                write!(f, "waits for the registry to show the new pods: {ready} of {of} are in traffic")
            }
            Self::Out { pods, .. } => {
                write!(f, "waits for {} to leave traffic, drain and go", phrases::pods(*pods))
            }
            Self::Terminating { pods } => write!(
                f,
                "waits until {} being deleted {} gone, as podReplacementPolicy says; then new ones are asked for",
                if *pods == 1 { "1 pod that is".into() } else { format!("{pods} pods that are") },
                if *pods == 1 { "is" } else { "are" },
            ),
            Self::Available { pods, left } => f.write_str(&phrases::available(*pods, *left)),
            Self::Backend => {
                f.write_str("waits for the workload's controller to take notice of the last change")
            }
            Self::Record => f.write_str(phrases::OLD_RECORD),
            Self::Unreachable { silence: Silence { kind, age: Seconds(0) } } => {
                write!(f, "waits until {kind} are read anew: their watch broke")
            }
            Self::Unreachable { silence: Silence { kind, age } } => write!(
                f,
                "waits to hear of {kind}: nothing was heard of them for more than {age}; nothing is removed, exposed \
                 or ended meanwhile"
            ),
            Self::Paused => f.write_str("paused by order: Resume lets it go on"),
            Self::Held { reason, failed, edits, paused, blocks } => {
                f.write_str(&phrases::held(*reason, *failed, edits, *paused, *blocks))
            }
            Self::Rival { rival, place, stuck } => {
                f.write_str(&phrases::queued(rival, place.as_ref()))?;
                stuck.as_ref().map_or(Ok(()), |stuck| write!(f, "; flow {rival} {stuck}"))
            }
            Self::Spec { faults } => f.write_str(&phrases::unread(faults)),
            Self::ServiceLost { what } => f.write_str(&phrases::lost(what)),
            Self::Lock { what } => f.write_str(&phrases::lock_unreadable(what)),
            Self::Verify { ready, of, .. } => {
                write!(
                    f,
                    "waits until the whole workload is as ordered: {ready} of {of} pods are, none may be leaving"
                )
            }
        }
    }
}
