//! S5: until a person agrees, a canary stays a canary.

use triton_core::model::{BatchPhase, Facts, Kind, Progress, Stage, Target};

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
        let asked = requested_fresh(flow, shape).unwrap_or(0);
        let (fresh, stale) = (fresh_after(flow, plan, done + batch.size), stale_after(flow, plan, *done));
        ensure(asked <= fresh, || format!("beyond the canary: {shape:?}"))?;
        let swaps = plan.base.kind == Kind::Swap;
        ensure(swaps || shape.replicas - asked >= stale, || format!("old pods leave: {shape:?}"))?;
    }
    let new = pulled_in(intent.decision)
        .is_some_and(|pods| pods.iter().any(|pod| facts(intent.seen, pod).contains(Facts::FRESH)));
    let belongs =
        intent.seen.pods.count(Facts::FRESH | Facts::ASKED, Facts::MARKED) < fresh_after(flow, plan, *done);
    let resumed = plan.base.kind == Kind::Swap && batch.forgiven;
    let early = new && !belongs && !resumed && (batch.stage < Stage::PullingIn || !given(BatchPhase::Baking));
    ensure(!early, || "a canary pod is pulled in before a person agreed".into())
}
