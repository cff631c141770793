//! S4: batches and stages come one after the other, each with its permission.

use triton_core::model::{Batch, BatchPhase, Flow, Mode, Progress, Stage, Target};

use super::reading::{follows_a_size, moved};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S4Order,
    says: "a batch starts only when the one before is Baked and its interval is over or a person agreed; a \
           stage follows only the one before it, with the permission that it asks for",
    source: "semantics sections 3 and 4, reliability S4",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let flow = intent.flow;
    if follows_a_size(intent.decision) {
        return Ok(());
    }
    match (&flow.progress, moved(intent.decision)) {
        (Progress::Preparing { .. }, Some(Progress::Rolling { done, batch, .. })) => {
            let first = batch.number == 1 && *done == 0 && batch.stage == Stage::Queued;
            ensure(first, || format!("a flow begins with {batch:?}"))
        }
        (Progress::Rolling { plan, done, batch }, Some(Progress::Rolling { batch: next, .. }))
            if next.number != batch.number =>
        {
            let in_order = next.number == batch.number + 1 && next.stage == Stage::Queued;
            ensure(in_order && batch.stage == Stage::Baked, || format!("{next:?} after {batch:?}"))?;
            next_batch(flow, batch, done + batch.size >= plan.work, intent)
        }
        (Progress::Rolling { batch, .. }, Some(Progress::Rolling { batch: next, .. })) => {
            stages(flow, batch, next)
        }
        (Progress::Rolling { batch, .. }, Some(Progress::Verifying { .. })) => {
            ensure(batch.stage == Stage::Baked, || format!("all is verified after {batch:?}"))
        }
        _ => Ok(()),
    }
}

fn next_batch(flow: &Flow, batch: &Batch, last: bool, intent: &Intent<'_>) -> Outcome {
    let turned = flow.progress.base().is_some_and(|base| base.turned);
    if (batch.canary || flow.spec.mode == Mode::Manual) && !turned {
        return allowed(flow, batch.number + 1, BatchPhase::Smoking);
    }
    let over = batch.since.plus(flow.orders.interval);
    ensure(last || intent.now >= over, || format!("the interval ends at {over}, it is {}", intent.now))
}

fn stages(flow: &Flow, batch: &Batch, next: &Batch) -> Outcome {
    use Stage::{Baked, Leaving, Proving, PullingIn, Queued, Smoked, Smoking, Vacating};
    let follows = matches!(
        (batch.stage, next.stage),
        (Queued, Smoking | Vacating)
            | (Vacating, Smoking | Baked)
            | (Smoking, Smoked)
            | (Smoked, PullingIn)
            | (PullingIn, Proving)
            | (Proving, Leaving | Baked)
            | (Leaving, Baked)
    );
    ensure(follows || batch.stage == next.stage, || format!("{:?} after {:?}", next.stage, batch.stage))?;
    match (batch.canary, batch.stage) {
        (true, Smoked) if follows => allowed(flow, batch.number, BatchPhase::Baking),
        (true, Proving) if follows => allowed(flow, batch.number, BatchPhase::Baked),
        _ => Ok(()),
    }
}

fn allowed(flow: &Flow, batch: u32, phase: BatchPhase) -> Outcome {
    let (needed, given) = (Target { batch, phase }, flow.orders.target);
    ensure(given >= needed, || format!("{needed} begins, but only {given} was allowed"))
}
