//! S5: until a person agrees, a canary stays a canary.

use std::time::Duration;

use triton_core::model::{BatchPhase, Brings, Facts, Kind, PodRef, Progress, Stage, Target};

use super::reading::{exposed, facts, fresh_after, pulled_in, requested_fresh, reshape, stale_after};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, Stand, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S5Canary,
    says: "until a person agrees, a canary batch takes no traffic, and then no other pod of a batch changes; \
           whoever asks new pods in leaves at most those in that batches have agreed to",
    source: "semantics section 4, reliability S5",
    intent: Some(intent),
    change: Some(change),
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
    let belongs = exposed(intent.seen) < fresh_after(flow, plan, *done);
    let resumed = plan.base.kind == Kind::Swap && batch.forgiven;
    let early = new && !belongs && !resumed && (batch.stage < Stage::PullingIn || !given(BatchPhase::Baking));
    ensure(!early, || "a canary pod is pulled in before a person agreed".into())
}

/// Whoever wrote it, and whatever it was decided on.
fn change(change: &Change<'_>) -> Outcome {
    let (before, after) = (change.before.world, change.after.world);
    // A turn may be several writes: what it began or ended with may have allowed it.
    let bounds = (allowed(&change.before), allowed(&change.after));
    let (Cause::Driver, (Some(then), Some(now))) = (change.cause, bounds) else { return Ok(()) };
    let allowed = then.max(now);
    let asked = |(pod, now, _): (&PodRef, Facts, Duration)| {
        let was = facts(before, pod);
        now.contains(Facts::FRESH | Facts::ASKED)
            && !now.contains(Facts::MARKED)
            && !was.contains(Facts::ASKED)
    };
    let (more, all) = (after.pods.iter().any(asked), exposed(after));
    ensure(!more || all <= allowed + change.strangers, || {
        format!("new pods were asked into traffic: {all}, more than {allowed}")
    })
}

/// New pods that may take traffic now; `None` where all may.
fn allowed(stand: &Stand<'_>) -> Option<u32> {
    let flow = stand.flow;
    match &flow.progress {
        Progress::Rolling { plan, done, batch } => {
            // Where nobody is asked, new pods that took the places of old ones serve at once.
            let follows = plan.base.kind == Kind::Swap && (!batch.canary || batch.forgiven);
            // Beyond that stage all that there is was agreed to, pods that a batch went on without among it.
            let all = plan.base.kind == Kind::Shrink || follows || batch.stage >= Stage::PullingIn;
            (!all).then(|| fresh_after(flow, plan, *done))
        }
        // Of a cancelled flow a canary that nobody agreed to is shed. What batches were let in for may still come.
        Progress::Closing { plan, keep, .. } => {
            let first = Target { batch: 1, phase: BatchPhase::Baking };
            let exposes = plan.base.brings != Brings::Nothing && plan.base.previous != stand.world.revision;
            let refused = flow.spec.canary > 0 && flow.orders.target < first;
            (refused && exposes && stand.world.settled && stand.world.revision.is_some())
                .then(|| fresh_after(flow, plan, *keep))
        }
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Verifying { .. }
        | Progress::Finished { .. } => None,
    }
}
