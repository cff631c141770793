//! Seeded scenarios: flows, people, other actors and faults, all drawn from one number, run until
//! everything is over. The same seed gives the same run, byte for byte.
//!
//! A run has two parts. First the chosen faults happen, at random. Then everything heals, permissions are
//! given, and the run demands that every flow ends, that the world is as it should be, and that nothing is
//! written any more. What must hold meanwhile is judged by an observer that sees the world after every
//! step.

mod draw;
mod heal;
mod nature;
mod people;
mod process;
mod runner;
mod stream;

use core::fmt;
use std::string::String;
use std::vec::Vec;

use super::tally::Tally;
use super::world::World;
use crate::driver::Rest;
use crate::model::{Command, FlowId, FlowPhase, InstanceId, Timestamp};

/// Which faults a run may have. The seed decides which of these it has, how often and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chaos {
    /// F1: hosts die right before or after a write, and are away for 12 minutes now and then.
    pub crashes: bool,
    /// F2, F4: looks show older states, per kind of object.
    pub stale_views: bool,
    /// F2: a host that starts sees states from before its predecessor's end.
    pub time_travel: bool,
    /// F3, F9: wake-ups are lost now and then, or for good.
    pub lost_events: bool,
    /// F9: nothing is heard of one kind for a while.
    pub silence: bool,
    /// F3, F4: hosts hear nothing of a kind of object for up to five minutes and do not know that they do.
    pub silent_watches: bool,
    /// F5, F6, F7, F8: conflicts, broken lists, refusals, outages of a second to 20 minutes, lost answers.
    pub api_errors: bool,
    /// F11: two hosts drive the same flows, and are held up right before writes.
    pub two_drivers: bool,
    /// F12: clocks are wrong, and jump by up to ten minutes.
    pub clocks: bool,
    /// F13: others change size, partition and template, and delete and recreate pods, flows and the workload.
    pub outside_edits: bool,
    /// F13: Services can send to pods of one revision alone for a while.
    pub lost_services: bool,
    /// F14: pods fail, flap, hang, are evicted and lost.
    pub pod_failures: bool,
    /// F15: the workload's controller is slow or dead for a while.
    pub slow_controller: bool,
    /// F16: records are corrupted, and flows with specs that nobody checked are put into the store.
    pub hostile_records: bool,
    /// People pause, resume, cancel, delete and hurry flows at random moments.
    pub people: bool,
    /// People make several flows at once instead of one after the other.
    pub crowd: bool,
}

impl Chaos {
    /// Nothing but the flows themselves.
    pub const NONE: Self = Self {
        crashes: false,
        stale_views: false,
        time_travel: false,
        lost_events: false,
        silence: false,
        silent_watches: false,
        api_errors: false,
        two_drivers: false,
        clocks: false,
        outside_edits: false,
        lost_services: false,
        pod_failures: false,
        slow_controller: false,
        hostile_records: false,
        people: false,
        crowd: false,
    };
    /// Everything.
    pub const ALL: Self = Self {
        crashes: true,
        stale_views: true,
        time_travel: true,
        lost_events: true,
        silence: true,
        silent_watches: true,
        api_errors: true,
        two_drivers: true,
        clocks: true,
        outside_edits: true,
        lost_services: true,
        pod_failures: true,
        slow_controller: true,
        hostile_records: true,
        people: true,
        crowd: true,
    };
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// From 1.
    pub number: u32,
    /// On the world's clock.
    pub at: Timestamp,
    /// What was done.
    pub what: StepKind,
    /// The faults are over.
    pub healed: bool,
}

/// What a step was. What exactly changed is in the world's journal, which is emptied after each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepKind {
    /// Time passed, and what was due in the world happened.
    World,
    /// A host took a flow as far as it would go.
    Drove {
        /// Number of the host.
        host: u32,
        /// The flow.
        flow: FlowId,
        /// How that ended; `None` when it failed.
        rest: Option<Rest>,
    },
    /// A host was held up in the middle of that.
    HeldUp {
        /// Number of the host.
        host: u32,
    },
    /// A host tended a workload that no flow acts on.
    Tended {
        /// Number of the host.
        host: u32,
        /// The workload.
        instance: InstanceId,
    },
    /// A person asked for something.
    Asked {
        /// Of this flow.
        flow: FlowId,
        /// What.
        command: Command,
        /// Whether it was allowed.
        allowed: bool,
    },
    /// A person made a flow.
    Made {
        /// The flow.
        flow: FlowId,
    },
    /// A host died and another took its place.
    Restarted {
        /// Number of the new host.
        host: u32,
    },
    /// Nobody can look at the world any more.
    Blind {
        /// Until then at the latest.
        until: Timestamp,
    },
    /// Somebody or something else did this to the world; in words.
    Outside(String),
    /// From here on nothing goes wrong any more.
    Healed,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} {} {:?}", self.number, self.at, self.what)
    }
}

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Steps it took.
    pub steps: u32,
    /// Virtual time it took, in microseconds.
    pub micros: i64,
    /// Hosts that died.
    pub crashes: u32,
    /// The flows and how they ended; `None` for a flow that was deleted.
    pub flows: Vec<(FlowId, Option<FlowPhase>)>,
    /// Why flows failed.
    pub refused: Vec<String>,
    /// Changes by somebody or something else.
    pub outside: u32,
    /// Differs when anything in the run differs.
    pub digest: u64,
    /// What went wrong, how often.
    pub tally: Tally,
}

/// A run in which something was wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, step {step}, at {at}: {what}\n{world}")]
pub struct Violation {
    /// The seed that shows it again.
    pub seed: u64,
    /// The step.
    pub step: u32,
    /// When, on the world's clock.
    pub at: Timestamp,
    /// What is wrong.
    pub what: String,
    /// The world at that moment, for people.
    pub world: String,
}

/// Sees the world after every step; an error ends the run.
pub type Observer<'a> = &'a mut dyn FnMut(&World, &Step) -> Result<(), String>;

/// Runs the scenario of a seed.
///
/// # Errors
/// The [`Violation`] when the observer objects, when flows do not end although nothing goes wrong any
/// more, or when the world does not come to rest as it should.
pub fn run(seed: u64, chaos: &Chaos, observer: Observer<'_>) -> Result<Summary, Violation> {
    runner::Runner::new(seed, *chaos, observer).run()
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
