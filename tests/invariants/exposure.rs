//! S3: no more new pods than batches were allowed.

use triton_core::model::{Brings, Facts, Kind, Mode, Progress, Stage};

use super::reading::{exposed, fresh_after, moved, pulled_in, requested_fresh, reshape, span};
use super::{Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S3Exposure,
    says: "new pods asked for are at most those of the batches that were allowed; manual mode never goes \
           beyond the ordered batch",
    source: "semantics section 4, reliability S3",
    intent: Some(intent),
    change: None,
};

fn intent(intent: &Intent<'_>) -> Outcome {
    requests(intent)?;
    pull_ins(intent)?;
    let (Some(Progress::Rolling { batch, .. }), Mode::Manual) =
        (moved(intent.decision), intent.flow.spec.mode)
    else {
        return Ok(());
    };
    if turned(&intent.flow.progress) {
        return Ok(());
    }
    let ordered = intent.flow.orders.target.batch;
    ensure(batch.number <= ordered, || format!("batch {} starts, only {ordered} ordered", batch.number))
}

fn requests(intent: &Intent<'_>) -> Outcome {
    let Some(shape) = reshape(intent.decision) else { return Ok(()) };
    let bound = bound(intent, Stage::Smoking);
    let Some(asked) = requested_fresh(intent.flow, shape) else { return Ok(()) };
    if intent.flow.progress.base().is_some_and(|base| base.kind == Kind::Shrink) {
        return Ok(());
    }
    ensure(asked <= bound, || format!("{asked} new pods asked for, more than {bound}"))
}

fn pull_ins(intent: &Intent<'_>) -> Outcome {
    let Some(pods) = pulled_in(intent.decision) else { return Ok(()) };
    let Progress::Rolling { plan, batch, .. } = &intent.flow.progress else { return Ok(()) };
    if plan.base.kind == Kind::Shrink {
        return Ok(());
    }
    let fresh =
        pods.iter().filter(|pod| super::reading::facts(intent.seen, pod).contains(Facts::FRESH)).count();
    let exposed = exposed(intent.seen);
    // Where nobody is asked, new pods that took the places of old ones serve at once.
    let follows = plan.base.kind == Kind::Swap && (!batch.canary || batch.forgiven);
    let bound = bound(intent, if follows { Stage::Smoking } else { Stage::PullingIn });
    // Of a template that a flow brings, also those are too many that others asked for.
    let brings = plan.base.kind.exchanges() && plan.base.brings != Brings::Nothing && !plan.base.turned;
    let limited = fresh > 0 && (brings || (!follows && batch.stage < Stage::PullingIn));
    ensure(!limited || exposed as usize + fresh <= bound as usize, || {
        format!("{fresh} new pods pulled in beside {exposed}, more than {bound}")
    })
}

/// New pods allowed: those of this batch count once it has reached `from`.
fn bound(intent: &Intent<'_>, from: Stage) -> u32 {
    let flow = intent.flow;
    match (&flow.progress, span(&flow.progress)) {
        (Progress::Rolling { plan, batch, .. }, Some((done, end))) => {
            let swaps = plan.base.kind == Kind::Swap && batch.stage > Stage::Queued && from == Stage::Smoking;
            fresh_after(flow, plan, if batch.stage >= from || swaps { end } else { done })
        }
        (Progress::Verifying { plan, .. }, _) => fresh_after(flow, plan, plan.work),
        // Pods that are there may be asked for again, so that wrongly chosen ones return.
        (Progress::Closing { plan, keep, .. }, _) => {
            fresh_after(flow, plan, *keep).max(intent.seen.pods.count(Facts::FRESH, Facts::empty()))
        }
        (Progress::Preparing { base }, _) if base.brings == Brings::Nothing => base.from,
        _ => 0,
    }
}

/// The flow was cancelled and returns what it had changed.
fn turned(progress: &Progress) -> bool {
    progress.base().is_some_and(|base| base.turned)
}
