//! S19: nothing is taken as done that was not seen.
//!
//! On a workload that another flow left, a batch ends with pods that are still chosen, where no more of them serve
//! than have to: what was left out of traffic makes up the numbers. New pods beside them serve.

use triton_core::model::{
    Batch, Facts, Flow, Kind, Observation, Plan, PodReplacementPolicy, Progress, Stage,
};

use super::reading::{floor, follows_a_size, fresh_after, moved, requested_fresh, stale_after};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S19NoSilentLoss,
    says: "a stage ends only when this very look shows what it waits for",
    source: "semantics section 3, reliability S19",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let flow = intent.flow;
    if follows_a_size(intent.decision) {
        return Ok(());
    }
    match (&flow.progress, moved(intent.decision)) {
        (Progress::Rolling { plan, done, batch }, Some(Progress::Rolling { batch: next, .. }))
            if next.stage != batch.stage || next.number != batch.number =>
        {
            stage_is_over(flow, plan, done + batch.size, batch, intent.seen)
        }
        (Progress::Rolling { plan, done, batch }, Some(Progress::Verifying { .. })) => {
            stage_is_over(flow, plan, done + batch.size, batch, intent.seen)
        }
        _ => Ok(()),
    }
}

fn stage_is_over(flow: &Flow, plan: &Plan, end: u32, batch: &Batch, seen: &Observation) -> Outcome {
    let (fresh, stale) = (fresh_after(flow, plan, end), stale_after(flow, plan, end));
    let new = |facts| seen.pods.count(Facts::FRESH | facts, Facts::MARKED);
    let asked = seen.shape.as_ref().and_then(|shape| requested_fresh(flow, shape)).unwrap_or(fresh);
    // Pods that were out of service before pods were added are not waited for.
    let fresh_ready = fresh - plan.base.degraded.min(fresh);
    let over = match batch.stage {
        Stage::Queued => true,
        Stage::Smoking | Stage::Smoked => new(Facts::BOOTED) >= fresh_ready && asked == fresh,
        Stage::PullingIn | Stage::Proving => new(Facts::IN) >= fresh_ready && asked == fresh,
        Stage::Vacating | Stage::Leaving | Stage::Baked => {
            let marked = seen.pods.count(Facts::MARKED, Facts::empty());
            let old = match plan.base.kind {
                Kind::Shrink => {
                    seen.pods.count(Facts::empty(), Facts::MARKED) - fresh.min(new(Facts::empty()))
                }
                _ => seen.pods.count(Facts::empty(), Facts::MARKED | Facts::FRESH),
            };
            // New pods in the places of lost ones: old ones leave once these serve.
            let held = Facts::MARKED | Facts::HOOKED | Facts::IN;
            let unsteered = seen.pods.count(held, Facts::ASKED | Facts::GATED);
            let kept = seen.pods.count(held | Facts::ASKED, Facts::empty()) + unsteered;
            let come = plan.base.kind == Kind::Swap && new(Facts::empty()) >= fresh;
            let gone = marked == 0 && old <= stale;
            let serves = seen.pods.count(Facts::IN, Facts::empty());
            let needed = floor(flow).is_some_and(|floor| serves <= floor);
            let beside = plan.base.kind != Kind::Replace || new(Facts::IN) >= fresh && asked == fresh;
            let left = seen.left.is_some() && needed && beside;
            let vacates = batch.stage == Stage::Vacating;
            // Where new pods are asked for after old ones are gone, those that others chose leave after they serve.
            let waits = flow.spec.pod_replacement_policy == PodReplacementPolicy::TerminationComplete;
            let room = waits && plan.base.kind == Kind::Swap && old <= stale && needed;
            let come = vacates && (come || room);
            batch.stage == Stage::Baked || gone || marked > 0 && marked == kept && (come || left)
        }
    };
    ensure(over, || {
        format!(
            "{:?} ends with {} booted and {} in of {fresh}, {asked} asked for, {stale} old may stay",
            batch.stage,
            new(Facts::BOOTED),
            new(Facts::IN)
        )
    })
}
