//! S21: old pods stay where the registry could have none in their place.

use triton_core::engine::{Decision, Effect};
use triton_core::model::{PodChange, Progress, Shape, Stage, TrafficChange};

use super::reading::reshape;
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S21Succession,
    says: "while the registry would have no pods in place of old ones, no batch chooses, pulls out or lets go of old \
           pods",
    source: "semantics section 7",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let Progress::Rolling { batch, .. } = &intent.flow.progress else { return Ok(()) };
    let stopped = intent.flow.orders.canceled || intent.flow.orders.paused || batch.hold.is_some();
    if intent.seen.lost.is_empty() || stopped {
        return Ok(());
    }
    let leaves = matches!(batch.stage, Stage::Leaving | Stage::Vacating);
    let goes = matches!(
        intent.decision,
        Decision::Act(Effect::Pods(PodChange::Unhook(_)) | Effect::Traffic(TrafficChange::PullOut(_)))
    );
    ensure(!(leaves && goes), || format!("{:?} although the registry would lose pods", intent.decision))?;
    let before = intent.seen.shape.as_ref();
    // A partition beyond the size keeps every pod, and no more than these.
    let kept = |shape: &Shape| shape.partition.map(|partition| partition.min(shape.replicas));
    let fewer = |shape: &Shape| before.is_some_and(|before| kept(shape) < kept(before));
    let chooses = leaves && reshape(intent.decision).is_some_and(fewer);
    ensure(!chooses, || format!("{:?} although the registry would lose pods", intent.decision))
}
