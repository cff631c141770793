//! S2: never too many pods.

use triton_core::model::{Facts, Flow, Observation, Plan, Progress};

use super::reading::{reshape, stale_after};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S2Surge,
    says: "pods asked for are at most the larger of the old and the new size, and one batch more",
    source: "reliability S2",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let Some(shape) = reshape(intent.decision) else { return Ok(()) };
    let bound = match &intent.flow.progress {
        Progress::Preparing { base } => base.from.max(base.to),
        Progress::Rolling { plan, done, batch } => {
            // Old pods that others added stay until old pods leave anyway.
            let leaving = Facts::FRESH | Facts::MARKED | Facts::SPECIFIED;
            let old = intent.seen.pods.count(Facts::empty(), leaving);
            let bound = larger(plan) + batch.size + old.saturating_sub(stale_after(intent.flow, plan, *done));
            // While the template is one of others, all pods stay, also new ones that others asked for: none is started.
            let there = intent.seen.pods.count(Facts::empty(), Facts::MARKED | Facts::SPECIFIED);
            if is_in_place(plan, intent.seen) { bound } else { bound.max(there) }
        }
        Progress::Verifying { plan, .. } => larger(plan),
        // Pods that are there may be asked for again, so that wrongly chosen ones return; and old ones, so that
        // others serve in their places, beside new ones that the controller chooses only then.
        Progress::Closing { plan, .. } => {
            let fresh = intent.seen.pods.count(Facts::FRESH, Facts::MARKED);
            intent.seen.pods.len().max(larger(plan) + fresh)
        }
        Progress::Pending | Progress::Finished { .. } => 0,
    };
    ensure(shape.replicas <= bound, || format!("{} pods asked for, more than {bound}", shape.replicas))?;
    ensure(shape.partition.unwrap_or(0) <= shape.replicas, || format!("partition beyond replicas: {shape:?}"))
}

fn change(change: &Change<'_>) -> Outcome {
    let Some(plan) = change.after.flow.progress.plan() else { return Ok(()) };
    let (before, after) = (change.before.world.pods.len(), change.after.world.pods.len());
    let bound = larger(plan) + largest_batch(change.after.flow, plan);
    // Of what others asked for, new pods leave that never served; those in their places come beside them.
    let unasked = change.after.world.pods.count(Facts::FRESH | Facts::MARKED, Facts::ASKED | Facts::IN);
    let unasked = if plan.base.followed.is_some() { unasked.min(change.strangers) } else { 0 };
    let bound = bound + change.mishaps + change.strangers + unasked;
    let created = change.cause == Cause::Controller && after > before;
    ensure(!created || after <= bound, || {
        let marked = change.after.world.pods.count(Facts::MARKED, Facts::empty());
        format!("{after} pods ({marked} leaving), more than {bound}")
    })
}

/// Whether the workload has the template that the flow brings.
fn is_in_place(plan: &Plan, seen: &Observation) -> bool {
    let has =
        |wanted| seen.shape.as_ref().is_some_and(|shape| shape.is_template(&wanted, seen.revision.as_ref()));
    plan.base.brings.template().is_none_or(has)
}

fn larger(plan: &Plan) -> u32 {
    plan.base.from.max(plan.base.to)
}

/// The most pods that a batch of this flow may have.
fn largest_batch(flow: &Flow, plan: &Plan) -> u32 {
    let current = flow.progress.batch().map_or(0, |batch| batch.size);
    let sizes = flow.orders.sizes.0.iter().map(|size| size.of(plan.base.to.max(1))).max();
    sizes.unwrap_or(plan.work).max(flow.spec.canary).max(current).min(plan.work.max(1))
}
