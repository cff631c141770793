//! S1: enough pods stay in traffic.

use triton_core::engine::Decision;
use triton_core::model::{Facts, Progress};

use super::reading::{count_of, floor, in_traffic, missing, moved, size_after, taken_out};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S1Availability,
    says: "no write takes a pod out of traffic when that leaves fewer than the lower of the target and the \
           number in traffic when the batch started",
    source: "semantics section 6, reliability S1",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    closing_keeps_the_floor(intent)?;
    let (Some(pods), Some(floor)) = (taken_out(intent.decision), floor(intent.flow)) else { return Ok(()) };
    // Of pods chosen beyond what the workload updates none goes.
    let surplus = count_of(intent.seen, pods, Facts::IN | Facts::SURPLUS);
    let leaving = count_of(intent.seen, pods, Facts::IN) - surplus;
    let left = in_traffic(intent.seen) - leaving;
    ensure(leaving == 0 || left >= floor, || format!("taking out {leaving} leaves {left}, not {floor}"))
}

/// A cancelled flow remembers how many were in traffic when its batch started.
fn closing_keeps_the_floor(intent: &Intent<'_>) -> Outcome {
    let Decision::Move(Progress::Closing { plan, keep, floor, .. }, _) = intent.decision else {
        return Ok(());
    };
    let (Progress::Rolling { batch, .. }, Some(_)) = (&intent.flow.progress, moved(intent.decision)) else {
        return Ok(());
    };
    let missing = missing(intent.flow, plan, batch.size);
    let wanted = size_after(intent.flow, plan, *keep).saturating_sub(missing).min(batch.serving);
    ensure(*floor == wanted, || format!("closing keeps {floor} in traffic, not {wanted}"))
}

fn change(change: &Change<'_>) -> Outcome {
    let (before, after) = (in_traffic(change.before.world), in_traffic(change.after.world));
    let Some(now) = floor(change.after.flow) else { return Ok(()) };
    // A turn may be several writes: what it began with may have allowed it.
    let floor = floor(change.before.flow).map_or(now, |then| then.min(now));
    // What a flow left out of traffic stays out of it, and does not count before the first batch.
    let idle = match &change.after.flow.progress {
        Progress::Preparing { .. } => {
            change.before.world.pods.count(Facts::GATED, Facts::ASKED | Facts::MARKED)
        }
        _ => 0,
    };
    let floor = floor.saturating_sub(idle);
    let ours = matches!(change.cause, Cause::Driver | Cause::Controller) && after < before;
    let excused = change.mishaps + change.unheard + without(change, floor);
    ensure(!ours || after + excused >= floor, || {
        format!("{before} in traffic became {after}, fewer than {floor}, {excused} of them excused")
    })
}

/// Pods that others told the workload to do without. Before its first batch a flow gives no size; later the size counts
/// that others gave only as long as the flow has neither taken it back nor followed it: both leave no floor above it.
fn without(change: &Change<'_>, floor: u32) -> u32 {
    match &change.after.flow.progress {
        Progress::Preparing { .. } => change.fewer,
        _ => {
            let asked = change.after.world.shape.as_ref().map_or(floor, |shape| shape.replicas);
            change.fewer.min(floor.saturating_sub(asked))
        }
    }
}
