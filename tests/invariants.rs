//! What must hold after every step, whatever happens to the world: one property per file, and the table
//! of them. The exhaustive search and the seeded runs check the same functions.
//!
//! The arithmetic is written here a second time on purpose: a mistake in the engine's own must show.

mod availability;
mod canary;
mod cancel;
mod caution;
mod determinism;
mod exposure;
mod failures;
mod fencing;
mod idempotence;
mod loss;
mod monotonic;
mod order;
mod ownership;
mod partition;
mod pause;
mod pull;
mod reading;
mod succession;
mod surge;
mod terminal;
mod termination;
mod truth;

use triton_core::engine::Decision;
use triton_core::model::{Command, Flow, Observation, Timestamp};

/// A decision, and what it was decided on.
#[derive(Clone, Copy)]
pub(crate) struct Intent<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) seen: &'a Observation,
    pub(crate) now: Timestamp,
    pub(crate) decision: &'a Decision,
}

/// How things really stand: the stored flow and the true world, without delay.
#[derive(Clone, Copy)]
pub(crate) struct Stand<'a> {
    pub(crate) flow: &'a Flow,
    pub(crate) world: &'a Observation,
}

/// Who changed something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The driver, by a write.
    Driver,
    /// A person.
    Person(Command),
    /// The workload's controller.
    Controller,
    /// Kubelet, endpoints, time, and mishaps.
    Nature,
}

/// One change of how things stand.
#[derive(Clone, Copy)]
pub(crate) struct Change<'a> {
    pub(crate) before: Stand<'a>,
    pub(crate) cause: Cause,
    pub(crate) after: Stand<'a>,
    /// Pods that mishaps have taken out of service so far, at most.
    pub(crate) mishaps: u32,
    /// Pods that others told the workload to do without so far, at most.
    pub(crate) fewer: u32,
    /// Pods of which whoever acts cannot know whether they take traffic, at most.
    pub(crate) unheard: u32,
    /// Pods that others asked for so far, at most.
    pub(crate) strangers: u32,
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{property}: {what}")]
pub(crate) struct Violation {
    pub(crate) property: Property,
    pub(crate) what: String,
}

/// The properties, by the letters of the list they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Property {
    S1Availability,
    S2Surge,
    S3Exposure,
    S4Order,
    S5Canary,
    S6PullInBeforePullOut,
    S7Pause,
    S8Cancel,
    S10Terminal,
    S11Monotonic,
    S12Idempotence,
    S13Partition,
    S14Ownership,
    S15Caution,
    S16Fencing,
    S17Truth,
    S18FailureBudget,
    S19NoSilentLoss,
    S20Determinism,
    S21Succession,
    S22Termination,
}

impl std::fmt::Display for Property {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// What a check answers: nothing, or what is wrong.
pub(crate) type Outcome = Result<(), String>;

/// A row of the table.
pub(crate) struct Invariant {
    pub(crate) property: Property,
    /// The property in words.
    pub(crate) says: &'static str,
    /// Where it comes from.
    pub(crate) source: &'static str,
    /// Judges a decision by what it was decided on.
    intent: Option<fn(&Intent<'_>) -> Outcome>,
    /// Judges what became of the world.
    change: Option<fn(&Change<'_>) -> Outcome>,
}

/// Every safety property, once.
pub(crate) const TABLE: [Invariant; 21] = [
    availability::ROW,
    surge::ROW,
    exposure::ROW,
    order::ROW,
    canary::ROW,
    pull::ROW,
    pause::ROW,
    cancel::ROW,
    terminal::ROW,
    monotonic::ROW,
    idempotence::ROW,
    partition::ROW,
    ownership::ROW,
    caution::ROW,
    fencing::ROW,
    truth::ROW,
    failures::ROW,
    loss::ROW,
    determinism::ROW,
    succession::ROW,
    termination::ROW,
];

/// Judges a decision by every property.
pub(crate) fn judge_intent(intent: &Intent<'_>) -> Result<(), Violation> {
    TABLE.iter().try_for_each(|row| row.intent.map_or(Ok(()), |check| row.blame(check(intent))))
}

/// Judges a change of the world by every property.
pub(crate) fn judge_change(change: &Change<'_>) -> Result<(), Violation> {
    TABLE.iter().try_for_each(|row| row.change.map_or(Ok(()), |check| row.blame(check(change))))
}

impl Invariant {
    fn blame(&self, outcome: Outcome) -> Result<(), Violation> {
        outcome.map_err(|what| Violation {
            property: self.property,
            what: format!("{what} (must hold: {}; {})", self.says, self.source),
        })
    }
}

/// An error with this text unless the condition holds.
fn ensure(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what()) }
}
