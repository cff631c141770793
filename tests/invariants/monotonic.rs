//! S11: a flow never goes back.

use triton_core::model::Progress;

use super::reading::position;
use super::{Change, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S11Monotonic,
    says: "phases, batches, stages, finished work, permissions and resumes never decrease",
    source: "reliability S11",
    intent: None,
    change: Some(change),
};

fn change(change: &Change<'_>) -> Outcome {
    let (before, after) = (change.before.flow, change.after.flow);
    let (from, to) = (position(&before.progress), position(&after.progress));
    ensure(from <= to, || format!("{from:?} became {to:?}"))?;
    ensure(done(&before.progress) <= done(&after.progress), || "finished work shrank".into())?;
    ensure(before.orders.target <= after.orders.target, || "a permission was taken back".into())?;
    ensure(before.orders.resumes <= after.orders.resumes, || "resumes went back".into())?;
    let over = after.progress.is_finished();
    ensure(after.orders.canceled || !before.orders.canceled || over, || "a cancel was taken back".into())
}

fn done(progress: &Progress) -> u32 {
    // What was cancelled and returns has no work that it may not take back.
    if progress.base().is_some_and(|base| base.turned) {
        return u32::MAX;
    }
    match progress {
        Progress::Rolling { done, .. } => *done,
        Progress::Pending | Progress::Preparing { .. } => 0,
        Progress::Verifying { .. } | Progress::Closing { .. } | Progress::Finished { .. } => u32::MAX,
    }
}
