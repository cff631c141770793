//! S22: new pods come once old ones are gone, where a flow orders that.

use triton_core::model::{Flow, PodReplacementPolicy, Progress};

use super::{Cause, Change, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S22Termination,
    says: "a batch of a flow that waits for termination asks for no more pods while a pod is being deleted",
    source: "semantics section 2",
    intent: None,
    change: Some(change),
};

fn change(change: &Change<'_>) -> Outcome {
    let Change { before, after, .. } = change;
    let waits = before.flow.spec.pod_replacement_policy == PodReplacementPolicy::TerminationComplete;
    let rolls = |flow: &Flow| matches!(flow.progress, Progress::Rolling { .. }) && !flow.orders.canceled;
    let batch = rolls(before.flow) && rolls(after.flow);
    let (Some(had), Some(has)) = (&before.world.shape, &after.world.shape) else { return Ok(()) };
    let asks = has.replicas > had.replicas;
    ensure(!(change.cause == Cause::Driver && waits && batch && asks && before.world.ending > 0), || {
        let pods = before.world.ending;
        format!(
            "{} pods are asked for instead of {} while {pods} are being deleted",
            has.replicas, had.replicas
        )
    })
}
