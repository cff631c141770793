//! S17: Success is true.

use triton_core::model::{Facts, Progress, Verdict};

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
    let plan = flow.progress.plan().ok_or("Success without a plan")?;
    let ordered = flow.spec.replicas.unwrap_or(plan.base.from);
    let good = seen.pods.count(Facts::FRESH | Facts::BOOTED | Facts::IN, Facts::MARKED | Facts::FAILED);
    ensure(good == ordered && seen.pods.len() == ordered && seen.terminating == 0, || {
        format!(
            "{good} of {ordered} pods are as ordered, {} in all, {} ending",
            seen.pods.len(),
            seen.terminating
        )
    })?;
    let asked = seen.shape.as_ref().map_or(0, requested_fresh);
    ensure(asked == ordered && seen.settled, || format!("{asked} new pods are asked for at the end"))
}
