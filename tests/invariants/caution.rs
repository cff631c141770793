//! S15: what is not known for certain is left alone.

use triton_core::engine::{Decision, Effect, Waiting};
use triton_core::model::{Facts, PodChange, Progress};

use super::reading::{facts, is_mine, taken_out};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S15Caution,
    says: "a view that is not settled leads to no write, one that is too old to nothing at all, and no pod is \
           let go whose traffic is unknown",
    source: "semantics section 7, reliability S15",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let seen = intent.seen;
    let waits = matches!(intent.decision, Decision::Wait(Waiting::Unreachable { .. }, _));
    ensure(seen.stale.is_none() || waits, || format!("{:?} on a stale view", intent.decision))?;
    let running = !intent.flow.progress.is_finished();
    let acts = matches!(intent.decision, Decision::Act(_));
    let forward = matches!(
        intent.decision,
        Decision::Move(Progress::Preparing { .. } | Progress::Rolling { .. } | Progress::Verifying { .. }, _)
    );
    ensure(!(running && is_mine(seen) && !seen.settled && (acts || forward)), || {
        format!("{:?} on a view that is not settled", intent.decision)
    })?;
    let lets_go = matches!(intent.decision, Decision::Act(Effect::Pods(PodChange::Unhook(_))));
    let unknown = |facts: Facts| !facts.intersects(Facts::IN | Facts::OUT);
    let blind = taken_out(intent.decision).filter(|_| lets_go);
    let blind = blind.is_some_and(|pods| pods.iter().any(|pod| unknown(facts(seen, pod))));
    ensure(!blind, || format!("{:?} with unknown traffic", intent.decision))
}
