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
