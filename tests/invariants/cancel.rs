//! S8: a cancelled flow never widens the change, and ends in a clean world.

use triton_core::model::{Brings, Facts, Kind, Progress, TemplateRef, Verdict};

use super::reading::{
    exposed, fresh_after, is_mine, moved, pulled_in, requested_fresh, reshape, size_after, stale_after,
};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S8Cancel,
    says: "after Cancel fewer new pods, never more; Canceled is said only of a workload with its final size, \
           nothing leaving, and the old template where old pods serve",
    source: "semantics section 5, reliability S8",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let turned = intent.flow.progress.base().is_some_and(|base| base.turned);
    if !intent.flow.orders.canceled || turned {
        return Ok(());
    }
    let shrinks = intent.flow.progress.base().is_some_and(|base| base.kind == Kind::Shrink);
    if !shrinks && let Some((shape, seen)) = reshape(intent.decision).zip(intent.seen.shape.as_ref()) {
        let there = intent.seen.pods.count(Facts::FRESH, Facts::empty());
        let fresh = |shape| requested_fresh(intent.flow, shape).unwrap_or(0);
        let (before, after) = (fresh(seen).max(kept(intent)).max(there), fresh(shape));
        ensure(after <= before, || format!("{after} new pods asked for, {before} before"))?;
    }
    if let (Some(pods), Progress::Closing { plan, keep, .. }) =
        (pulled_in(intent.decision), &intent.flow.progress)
    {
        let kept = fresh_after(intent.flow, plan, *keep) as usize;
        // A flow that brought the very template that served before exposes nothing new.
        let brings = plan.base.brought.as_ref().or(intent.seen.revision.as_ref());
        let same = matches!(plan.base.kind, Kind::Shrink)
            || plan.base.brings == Brings::Nothing
            || brings.is_some() && plan.base.previous.as_ref() == brings;
        let new =
            pods.iter().filter(|pod| super::reading::facts(intent.seen, pod).contains(Facts::FRESH)).count();
        ensure(same || new == 0 || exposed(intent.seen) as usize + new <= kept, || {
            format!("{new} new pods pulled in, {kept} are kept")
        })?;
    }
    match moved(intent.decision) {
        Some(Progress::Finished { verdict: Verdict::Canceled, .. }) => clean(intent),
        _ => Ok(()),
    }
}

/// New pods that stay, those from before the flow included.
fn kept(intent: &Intent<'_>) -> u32 {
    match &intent.flow.progress {
        Progress::Closing { plan, keep, .. } => fresh_after(intent.flow, plan, *keep),
        _ => 0,
    }
}

fn clean(intent: &Intent<'_>) -> Outcome {
    let (flow, seen) = (intent.flow, intent.seen);
    let Progress::Closing { plan, keep, shed, .. } = &flow.progress else { return Ok(()) };
    let Some(shape) = seen.shape.as_ref().filter(|_| is_mine(seen)) else { return Ok(()) };
    ensure(*shed && seen.settled, || "closed before the new pods were gone".into())?;
    let stale = stale_after(flow, plan, *keep);
    let size = size_after(flow, plan, *keep);
    ensure(shape.replicas == size, || format!("{} pods asked for at the end, not {size}", shape.replicas))?;
    let marked = seen.pods.count(Facts::MARKED, Facts::empty());
    ensure(marked == 0 && seen.pods.len() <= size, || format!("{} pods, {marked} leaving", seen.pods.len()))?;
    if plan.base.kind.exchanges() && plan.base.brings != Brings::Nothing && stale > 0 {
        // An update to the template that was there already changes nothing.
        let back = shape.template != Some(TemplateRef::Flow) || plan.base.previous == seen.revision;
        ensure(back, || "the old template is not back".into())?;
        let foreign = seen.pods.count(Facts::empty(), Facts::CURRENT | Facts::MARKED);
        ensure(foreign <= shape.partition.unwrap_or(0), || {
            format!("{foreign} kept pods, some would be replaced: {shape:?}")
        })?;
    }
    Ok(())
}
