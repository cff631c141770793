//! What others change of a workload that the flow holds: set right once, then the flow holds. A lock that others took
//! off is taken again.
//!
//! An edit is told from the flow's own writes by the note that the backend keeps of these (see
//! [`Edits`]), and counted in the progress before it is set right. Both carry the generation of the
//! workload, so that neither a crash in between nor an old view makes two edits of one.

use super::decision::{Decision, Waiting, Why};
use super::look::is_mine;
use super::resized::{self, Size};
use crate::model::{
    Base, Batch, Edits, Field, Flow, Hold, HoldReason, LastHolder, Lock, Observation, Progress, TemplateRef,
    Timestamp, WorkloadChange,
};

/// What a flow does about edits by others; `None` where there are none, and where they are to be set right:
/// the stage asks for its shape anyway.
pub(super) fn drifted(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    let counted = match &flow.progress {
        Progress::Rolling { batch, .. } => batch.edited,
        Progress::Verifying { edited, .. } => *edited,
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => return None,
    };
    if !is_mine(seen) || seen.edits.is_empty() {
        return None;
    }
    let Edits { fields, generation, clean, .. } = &seen.edits;
    let held = |reason| {
        let hold = Hold { reason, resumes: flow.orders.resumes };
        let progress = edited(&flow.progress, *generation, Some(hold));
        Some(Decision::Move(progress, Why::Drifted { reason, edits: fields.clone() }))
    };
    // With another type the workload's controller exchanges pods in a way that this flow does not wait for, and with a
    // template that the flow does not bring it exchanges pods that nobody meant. No flow writes either.
    if seen.edits.has(Field::Policy) || seen.edits.has(Field::Revision) {
        return held(HoldReason::Drift);
    }
    match (resized::size(flow, seen), counted) {
        (Some(Size::Within(size)), _) => return resized::follow(flow, size, &seen.edits, now),
        (Some(Size::Beyond), Some(at)) if *clean < at => return None,
        (Some(Size::Beyond), _) => return held(HoldReason::Resized),
        (None, _) => {}
    }
    let followed = flow.progress.base().and_then(|base| base.followed);
    if followed.is_some_and(|at| *clean < at) {
        return None;
    }
    match counted {
        // Counted, or agreed to by a person, and not set right yet.
        Some(at) if *clean < at => None,
        None if !seen.edits.has(Field::Template) => {
            let progress = edited(&flow.progress, *generation, None);
            Some(Decision::Move(progress, Why::Edited { edits: fields.clone() }))
        }
        None | Some(_) => held(HoldReason::Drift),
    }
}

/// What a flow does whose lock, or the hooks that came with it, others took off its workload, although no other flow has
/// taken the lock since: it takes the lock again, before anything else, and tells so once in a stage. The workload is its
/// own by the record; or by the note of who took the lock last, where the template of the flow is in place. Before that,
/// the base may be read anew.
pub(super) fn retake(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    let base = flow.progress.base()?;
    let same = base.workload.is_some() && base.workload == seen.workload;
    let brought = seen.shape.as_ref().is_some_and(|shape| shape.template == Some(TemplateRef::Flow));
    let noted = base.workload.is_none() && brought && seen.had_lock(&flow.uid);
    let taken_off = matches!(seen.lock, Lock::Free | Lock::Theirs(_)) || (is_mine(seen) && seen.unhooked);
    if !(same || noted) || !taken_off || is_passed_on(Some(base), seen.last.as_ref()) {
        return None;
    }
    if !seen.settled {
        return Some(Decision::look_again(Waiting::Backend, now));
    }
    let untold = match &flow.progress {
        Progress::Rolling { batch, .. } => batch.edited.is_none(),
        Progress::Verifying { edited, .. } => edited.is_none(),
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => false,
    };
    if untold {
        let progress = edited(&flow.progress, seen.edits.generation, flow.progress.hold());
        return Some(Decision::Move(progress, Why::Relocked));
    }
    Some(Decision::change_workload(WorkloadChange::Lock { remember: None }))
}

/// Whether another flow has taken the lock of a workload since the one with this base did. Whatever stands in the lock by
/// hand, or comes back from a backup, is no sign of that.
pub(crate) fn is_passed_on(base: Option<&Base>, last: Option<&LastHolder>) -> bool {
    base.and_then(|base| base.turn).zip(last).is_some_and(|(turn, last)| last.turn > turn)
}

/// The progress with an edit counted: what is there at this generation may be set right.
fn edited(progress: &Progress, generation: u64, held: Option<Hold>) -> Progress {
    match progress.clone() {
        Progress::Rolling { plan, done, batch } => {
            let batch = Batch { edited: Some(generation), hold: held, ..batch };
            Progress::Rolling { plan, done, batch }
        }
        Progress::Verifying { plan, since, counted, .. } => {
            Progress::Verifying { plan, since, counted, hold: held, edited: Some(generation) }
        }
        other @ (Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. }) => other,
    }
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
