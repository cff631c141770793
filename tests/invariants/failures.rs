//! S18: pods that fail stop the change.

use triton_core::model::{Facts, Kind, Progress, Stage};

use super::reading::{exposed, facts, fresh_after, moved, pulled_in, requested_fresh, reshape};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S18FailureBudget,
    says: "a look that shows more failed new pods than are tolerated widens nothing in that same step",
    source: "semantics section 6, reliability S18",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let (flow, seen) = (intent.flow, intent.seen);
    let Progress::Rolling { plan, done, batch } = &flow.progress else { return Ok(()) };
    let failed = seen.pods.count(Facts::FRESH | Facts::FAILED, Facts::MARKED);
    let tolerated = flow.spec.tolerance.of(batch.size);
    let failed = failed.saturating_sub(plan.base.degraded);
    if plan.base.kind == Kind::Shrink || failed <= tolerated {
        return Ok(());
    }
    if failed == 0 || batch.forgiven || flow.orders.canceled {
        return Ok(());
    }
    if let Some((shape, now)) = reshape(intent.decision).zip(seen.shape.as_ref()) {
        let fresh = |shape| requested_fresh(flow, shape);
        // Others may have asked for more and then for fewer: as many as are there and well start no new one.
        let well = seen.pods.count(Facts::FRESH, Facts::MARKED | Facts::SPECIFIED | Facts::FAILED);
        ensure(fresh(shape) <= fresh(now).map(|now| now.max(well)), || {
            format!("{failed} failed, yet {shape:?}")
        })?;
        let exchanged = plan.base.kind.exchanges() && shape.partition.is_some();
        ensure(!exchanged || shape.partition >= now.partition, || {
            format!("{failed} failed, yet old pods go: {shape:?}")
        })?;
    }
    if let Some(Progress::Rolling { batch: next, .. }) = moved(intent.decision) {
        ensure(next.stage == batch.stage, || format!("{failed} failed, yet {:?} is next", next.stage))?;
    }
    let been_in = batch.stage > Stage::PullingIn;
    let new = pulled_in(intent.decision)
        .map_or(0, |pods| pods.iter().filter(|pod| facts(seen, pod).contains(Facts::FRESH)).count());
    let kept = fresh_after(flow, plan, *done) as usize;
    ensure(new == 0 || been_in || exposed(seen) as usize + new <= kept, || {
        format!("{failed} failed, yet {new} new pods are pulled in")
    })
}
