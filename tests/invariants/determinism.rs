//! S20: the same question gives the same answer.

use triton_core::engine::decide;

use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S20Determinism,
    says: "the same flow, look and time give the same decision",
    source: "reliability S20",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let again = decide(intent.flow, intent.seen, intent.now);
    ensure(again == *intent.decision, || format!("{:?}, then {again:?}", intent.decision))
}
