//! S5: until a person agrees, a canary stays a canary.

use triton_core::model::{BatchPhase, Facts, Progress, Stage, Target};

use super::reading::{facts, fresh_after, pulled_in, requested_fresh, reshape, stale_after};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S5Canary,
    says: "until a person agrees, a canary batch takes no traffic, and then no other pod of a batch changes",
    source: "semantics section 4, reliability S5",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let flow = intent.flow;
    let Progress::Rolling { plan, done, batch } = &flow.progress else { return Ok(()) };
    let given = |phase| flow.orders.target >= Target { batch: batch.number, phase };
    if !batch.canary || given(BatchPhase::Baked) {
        return Ok(());
    }
    if let Some(shape) = reshape(intent.decision) {
        let (fresh, stale) = (fresh_after(flow, plan, done + batch.size), stale_after(flow, plan, *done));
        ensure(requested_fresh(shape) <= fresh, || format!("beyond the canary: {shape:?}"))?;
        ensure(shape.replicas - requested_fresh(shape) >= stale, || format!("old pods leave: {shape:?}"))?;
    }
    let new = pulled_in(intent.decision)
        .is_some_and(|pods| pods.iter().any(|pod| facts(intent.seen, pod).contains(Facts::FRESH)));
    let belongs =
        intent.seen.pods.count(Facts::FRESH | Facts::ASKED, Facts::MARKED) < fresh_after(flow, plan, *done);
    let early = new && !belongs && (batch.stage < Stage::PullingIn || !given(BatchPhase::Baking));
    ensure(!early, || "a canary pod is pulled in before a person agreed".into())
}
