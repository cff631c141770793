//! May the flow go on? Follows from progress and orders alone.

use crate::model::{Batch, BatchPhase, Mode, Orders, Plan, Spec, Stage, Target};

/// The permission that a stage asks a person for; `None` when it asks nobody. `last`: nothing is left
/// after this batch.
#[must_use]
pub(super) fn asked(spec: &Spec, plan: &Plan, batch: &Batch, last: bool) -> Option<Target> {
    // What was cancelled returns without being asked.
    if plan.base.turned {
        return None;
    }
    let here = |phase| Target { batch: batch.number, phase };
    match batch.stage {
        Stage::Smoked if batch.canary => Some(here(BatchPhase::Baking)),
        Stage::Proving if batch.canary => Some(here(BatchPhase::Baked)),
        Stage::Baked if !last && (batch.canary || spec.mode == Mode::Manual) => {
            Some(Target { batch: batch.number.saturating_add(1), phase: BatchPhase::Smoking })
        }
        Stage::Queued
        | Stage::Vacating
        | Stage::Smoking
        | Stage::Smoked
        | Stage::PullingIn
        | Stage::Proving
        | Stage::Leaving
        | Stage::Baked => None,
    }
}

/// The permission that is asked for and was not given.
#[must_use]
pub(super) fn missing(
    spec: &Spec,
    orders: &Orders,
    plan: &Plan,
    batch: &Batch,
    last: bool,
) -> Option<Target> {
    asked(spec, plan, batch, last).filter(|point| orders.target < *point)
}

/// What a person has still to agree to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// The new pods of the batch, before they take traffic.
    Batch,
    /// The batches after it.
    Later,
}

/// What a person will be asked for from this stage on and has not agreed to, if anything. `last`: nothing is left after
/// this batch.
#[must_use]
pub(super) fn open(spec: &Spec, orders: &Orders, plan: &Plan, batch: &Batch, last: bool) -> Option<Open> {
    let at = |stage| missing(spec, orders, plan, &Batch { stage, ..*batch }, last);
    if batch.stage <= Stage::Smoked && at(Stage::Smoked).is_some() {
        return Some(Open::Batch);
    }
    at(Stage::Baked).map(|_| Open::Later)
}
