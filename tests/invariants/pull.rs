//! S6: new pods are in before old ones go, and a pod goes only once it is out and drained.

use std::time::Duration;

use triton_core::engine::{Decision, Effect};
use triton_core::model::{Brings, Facts, Kind, Observation, PodChange, PodRef, Progress, Shape, Stage};

use super::reading::{fresh_after, moved, reshape, size_after, stale_after};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S6PullInBeforePullOut,
    says: "no old pod is chosen before all new pods of the batch are verified in; a pod is let go only when \
           it is verified out and its drain is over",
    source: "semantics sections 2, 3 and 7, reliability S6",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    chosen(intent)?;
    let Decision::Act(Effect::Pods(PodChange::Unhook(pods))) = intent.decision else { return Ok(()) };
    pods.iter().try_for_each(|pod| let_go(intent, pod))
}

/// Old pods are chosen by a lower partition, at the earliest in stage Leaving.
fn chosen(intent: &Intent<'_>) -> Outcome {
    let flow = intent.flow;
    let Progress::Rolling { plan, done, batch } = &flow.progress else { return Ok(()) };
    // Later a lower partition only repairs what others changed.
    if plan.base.kind != Kind::Replace || batch.stage > Stage::Leaving {
        return Ok(());
    }
    let leaves = batch.stage < Stage::Leaving
        && matches!(moved(intent.decision), Some(Progress::Rolling { batch, .. }) if batch.stage == Stage::Leaving);
    let old = intent.seen.pods.count(Facts::empty(), Facts::FRESH | Facts::MARKED);
    let kept = stale_after(flow, plan, *done).min(old);
    let size = size_after(flow, plan, *done);
    let fewer = |shape: &Shape| match plan.base.brings {
        Brings::Nothing => shape.replicas < size + batch.size,
        Brings::Flow | Brings::Revision(_) => shape.partition.is_some_and(|partition| partition < kept),
    };
    let grown = batch.stage >= Stage::Smoking;
    let asked = |decision: &Decision| grown && reshape(decision).is_some_and(fewer);
    let first = intent.seen.shape.as_ref().is_some_and(|shape| !fewer(shape));
    if !(leaves || (asked(intent.decision) && first)) {
        return Ok(());
    }
    let (wanted, is) = (fresh_after(flow, plan, done + batch.size), verified_in(intent.seen));
    ensure(is >= wanted, || format!("old pods are chosen with {is} of {wanted} new ones in traffic"))
}

fn verified_in(seen: &Observation) -> u32 {
    seen.pods.count(Facts::FRESH | Facts::IN, Facts::MARKED)
}

fn let_go(intent: &Intent<'_>, pod: &PodRef) -> Outcome {
    let found = intent.seen.pods.iter().find(|(at, _, _)| at.uid == pod.uid);
    let Some((_, facts, lasts)) = found else { return Err(format!("{pod:?} was never seen")) };
    ensure(facts.contains(Facts::MARKED), || format!("{pod:?} is let go but was not chosen"))?;
    if !facts.contains(Facts::GATED) {
        return Ok(());
    }
    let drained = facts.contains(Facts::OUT)
        && !facts.contains(Facts::ASKED)
        && lasts >= Duration::from(intent.flow.spec.drain);
    ensure(drained, || format!("{pod:?} is let go with {facts:?}, out for {lasts:?}"))
}

/// Whom the controller removes, it removes out of traffic.
fn change(change: &Change<'_>) -> Outcome {
    if change.cause != Cause::Controller {
        return Ok(());
    }
    let stays = |pod: &PodRef| change.after.world.pods.iter().any(|(at, _, _)| at.uid == pod.uid);
    let removed = |(_, facts, _): &(&PodRef, Facts, Duration)| facts.contains(Facts::IN | Facts::GATED);
    let victim = change.before.world.pods.iter().filter(removed).find(|(pod, _, _)| !stays(pod));
    victim.map_or(Ok(()), |(pod, facts, _)| Err(format!("{pod:?} was removed in traffic: {facts:?}")))
}
