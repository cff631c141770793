//! S17: Success is true.

use triton_core::model::{Action, Facts, Progress, Verdict};

use super::reading::{moved, requested_fresh};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S17Truth,
    says: "Success is said only of the ordered number of pods, all new, all verified in, none leaving, at \
           that very look",
    source: "semantics section 3, reliability S17",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let Some(Progress::Finished { verdict: Verdict::Succeeded, .. }) = moved(intent.decision) else {
        return Ok(());
    };
    let (flow, seen) = (intent.flow, intent.seen);
    let Some(plan) = flow.progress.plan() else {
        let nothing = flow.spec.action == Action::Delete && seen.shape.is_none();
        return ensure(nothing, || "Success without a plan".into());
    };
    let ordered = plan.base.to;
    // Where others gave another size, that is the one.
    let sized = plan.base.followed.is_some() || flow.spec.action == Action::Delete;
    ensure(sized || flow.spec.replicas.is_none_or(|r| r == ordered), || {
        format!("{ordered} pods were planned, {:?} ordered", flow.spec.replicas)
    })?;
    if flow.spec.action == Action::Delete {
        let gone = seen.shape.is_none() && seen.pods.is_empty();
        let anew = plan.base.workload.is_some() && plan.base.workload != seen.workload;
        return ensure(gone || anew, || "the workload is there".into());
    }
    let good = seen.pods.count(Facts::FRESH | Facts::BOOTED | Facts::IN, Facts::MARKED | Facts::FAILED);
    ensure(good == ordered && seen.pods.len() == ordered && seen.terminating == 0, || {
        format!(
            "{good} of {ordered} pods are as ordered, {} in all, {} ending",
            seen.pods.len(),
            seen.terminating
        )
    })?;
    let asked = seen.shape.as_ref().and_then(|shape| requested_fresh(flow, shape)).unwrap_or(ordered);
    ensure(asked == ordered && seen.settled, || format!("{asked} new pods are asked for at the end"))
}
