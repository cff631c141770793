//! The longer texts of decisions.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::model::{BatchPhase, CorruptRecord, Field, FieldEdit, FlowId, HoldReason, Place, Seconds};

/// Why a flow holds.
pub(super) const fn holds(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::PodsFailed => "paused because pods failed; it goes on by itself once they are mended",
        HoldReason::DeadlineExceeded => {
            "paused because the stage took longer than its deadline; it goes on by itself if what it waits for still \
             comes"
        }
        HoldReason::Drift | HoldReason::Resized => {
            "paused because others change what the flow owns; resume, or cancel"
        }
    }
}

/// Why a flow stops by itself.
pub(super) const fn stops(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::PodsFailed => "pods failed, as onFailure says",
        HoldReason::DeadlineExceeded => "the stage took longer than its deadline, as onFailure says",
        HoldReason::Drift | HoldReason::Resized => "others change what the flow owns",
    }
}

/// Why a flow ends whose order was carried out before.
pub(super) const fn already(stands: bool) -> &'static str {
    if stands {
        "carried out before, and the workload is still as ordered: nothing was done; to carry it out again, give \
         the object a new name"
    } else {
        "carried out before, and the workload was changed since: nothing was done; to carry it out again, give the \
         object a new name"
    }
}

/// One CamelCase word for a hold.
pub(super) const fn held_reason(reason: HoldReason) -> &'static str {
    match reason {
        HoldReason::PodsFailed => "PodsFailed",
        HoldReason::DeadlineExceeded => "DeadlineExceeded",
        HoldReason::Drift => "Drift",
        HoldReason::Resized => "Resized",
    }
}

/// What a permission for a phase means for people.
pub(super) const fn means(phase: BatchPhase) -> &'static str {
    match phase {
        BatchPhase::Baking => ", into traffic",
        BatchPhase::Pending
        | BatchPhase::Smoking
        | BatchPhase::SmokeFailed
        | BatchPhase::Smoked
        | BatchPhase::BakeFailed
        | BatchPhase::Baked => "",
    }
}

/// So many pods.
pub(super) fn pods(count: u32) -> String {
    if count == 1 { "1 pod".into() } else { format!("{count} pods") }
}

/// What keeps old pods from leaving.
pub(super) fn lost(what: &str) -> String {
    format!("old pods stay until this is mended: {what}")
}

/// Why a flow waits whose workload has a lock that cannot be read.
pub(super) fn lock_unreadable(what: &str) -> String {
    format!("waits because the lock of the workload cannot be read: {what}")
}

/// The edits, in words.
pub(super) fn listed(edits: &[FieldEdit]) -> String {
    let words: Vec<String> = edits.iter().map(ToString::to_string).collect();
    if words.is_empty() { "what the flow owns".into() } else { words.join(", ") }
}

/// What a flow does that stopped by itself for this cause.
pub(super) fn stopping(cause: &str) -> String {
    format!("cancelled because {cause}; leaving the workload clean")
}

/// What a held flow waits for; `blocks` where that cannot come while it holds.
pub(super) fn held(
    reason: HoldReason,
    failed: u32,
    edits: &[FieldEdit],
    paused: bool,
    blocks: bool,
) -> String {
    match reason {
        HoldReason::PodsFailed if paused => {
            format!(
                "paused because pods failed ({failed} fail now), and by order: mend them; Resume lets it go on"
            )
        }
        HoldReason::PodsFailed if blocks => {
            format!(
                "paused because pods failed ({failed} fail now), and those that another size took away are not \
                 started again while it is paused: Resume starts them"
            )
        }
        HoldReason::PodsFailed => {
            format!(
                "paused because pods failed ({failed} fail now): mend them, and it goes on by itself; Resume tries \
                 again at once"
            )
        }
        HoldReason::Resized if paused => {
            let what = listed(edits);
            format!(
                "paused because the flow cannot go on with the new size, others changed {what}, and by order: Resume \
                 gives the workload its size back"
            )
        }
        HoldReason::Drift => {
            let way_out = way_out(edits).unwrap_or("Resume sets it right");
            format!("paused because others changed {}: {way_out}", listed(edits))
        }
        HoldReason::Resized => {
            let what = listed(edits);
            format!(
                "paused because the flow cannot go on with the new size, others changed {what}: it goes on \
                 by itself once the size fits, Resume gives the workload its size back"
            )
        }
        HoldReason::DeadlineExceeded if blocks && !paused => {
            "paused because the stage took too long, and what it waits for cannot come while it is paused: Resume \
             gives it the same time again"
                .into()
        }
        HoldReason::DeadlineExceeded => {
            let goes_on = if paused {
                ", and by order: Resume lets it go on"
            } else {
                ": it goes on by itself once what it waits for is there; Resume gives it the same time again"
            };
            format!("paused because the stage took too long ({} fail now){goes_on}", pods(failed))
        }
    }
}

/// What a flow waits for that is not the first.
pub(super) fn queued(rival: &FlowId, place: Option<&Place>) -> String {
    match place {
        None => format!("waits for flow {rival}, which holds the workload"),
        Some(Place { number, behind }) if behind == rival => {
            format!("waits {} in line behind flow {behind}", ordinal(*number))
        }
        Some(Place { number, behind }) => format!(
            "waits for flow {rival}, which holds the workload, {} in line behind flow {behind}",
            ordinal(*number)
        ),
    }
}

fn ordinal(number: u32) -> String {
    match number {
        2 => "second".into(),
        3 => "third".into(),
        4 => "fourth".into(),
        5 => "fifth".into(),
        _ => format!("as number {number}"),
    }
}

/// Why a flow holds that others interfere with.
pub(super) fn drifted(edits: &[FieldEdit]) -> String {
    let way_out = way_out(edits).unwrap_or("resume to set it right");
    format!("paused because others changed {}; {way_out}, or cancel", listed(edits))
}

/// What to do where among the fields that others changed is one that no flow sets right.
fn way_out(edits: &[FieldEdit]) -> Option<&'static str> {
    let has = |field| edits.iter().any(|edit| edit.field == field);
    if has(Field::Policy) {
        Some("put back the type that stood there, then Resume")
    } else if has(Field::Revision) {
        Some("put back the template that stood there and Resume, or Resume to give pods the new one")
    } else if has(Field::Template) {
        Some("Resume sets it right; where an admission policy changes it at each write, mend that before")
    } else {
        None
    }
}

/// What a flow waits for whose new pods do not count as available yet, and so many old pods leave then.
pub(super) fn available(pods: u32, left: Seconds) -> String {
    let then = match pods {
        0 => "the batch is done".into(),
        1 => "1 old pod leaves".into(),
        pods => format!("{pods} old pods leave"),
    };
    format!(
        "waits until new pods have been ready for minReadySeconds of the workload, {left} more; then {then}"
    )
}

/// What a flow waits for whose record is older than its workload.
pub(super) const OLD_RECORD: &str = "waits for a newer status: by the lock of its workload the flow was \
                                     further than its status says; where somebody cleared the status, or put an \
                                     older one back, none will come, and Cancel ends the flow";

/// What is done about a flow whose status cannot be read.
pub(super) fn corrupt(what: &CorruptRecord) -> String {
    format!(
        "holds because its status cannot be read, and leaves the workload as it is: {what}; put back what stood \
         there (kubectl edit --subresource=status), or delete the flow with kubectl: its workload then waits for \
         an update, a rollback, a stop or a delete"
    )
}

/// Why a flow holds whose spec cannot be read.
pub(super) fn unread(faults: &str) -> String {
    format!(
        "holds because its spec cannot be read, and leaves the workload as it is: {faults}; correct that, or \
         order an update or a rollback, which takes over"
    )
}
