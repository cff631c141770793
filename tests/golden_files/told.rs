//! What is read of golden files, in words that stay when types change.

use serde_json::json;
use triton_core::model::Progress;
use triton_core::ports::Stored;
use triton_operator::backend::cloneset::lock::LockNote;

use super::sample::name;

/// A flow in words that stay when types change.
pub(crate) fn told(stored: &Stored) -> String {
    let (flow, progress) = (&stored.flow, &stored.flow.progress);
    let base = progress.base().map_or_else(String::new, |base| {
        let previous = base.previous.as_ref().map_or("-", |revision| revision.as_str());
        format!(" {} to {} pods, before {previous}, brings {:?}", base.from, base.to, base.brings)
    });
    let rest = match progress {
        Progress::Rolling { plan, done, batch } => format!(
            " {done} of {} done, batch {} of {}, since {}, {} served, met {}",
            plan.work, batch.number, batch.size, batch.since, batch.serving, batch.met
        ),
        Progress::Verifying { plan, since, .. } => format!(" {} done, since {since}", plan.work),
        Progress::Closing { plan, keep, floor, .. } => {
            format!(" {keep} of {} kept, {floor} stay in", plan.work)
        }
        Progress::Finished { verdict, at } => format!(" {verdict:?} at {at}"),
        Progress::Pending | Progress::Preparing { .. } => String::new(),
    };
    let orders = &flow.orders;
    format!(
        "{}{base}{rest}; {}, sizes {:?}, paused {}, canceled {}, target {}; {} batches told, \"{}\"",
        name(progress),
        flow.spec.action.as_str(),
        orders.sizes.0,
        orders.paused,
        orders.canceled,
        orders.target,
        stored.report.batches.len(),
        stored.report.message,
    )
}

/// A lock in words.
pub(crate) fn told_of_lock(note: &LockNote) -> String {
    let LockNote { holder, workload, before, wrote, size, sized_by, brings, left } = note;
    let wrote = wrote.as_ref().map_or_else(
        || "nothing".into(),
        |wrote| {
            let numbers = (wrote.replicas, wrote.partition, wrote.max_surge, wrote.max_unavailable);
            format!("{:?} {numbers:?}, clean at {}", wrote.template, wrote.clean)
        },
    );
    let found = json!(before);
    format!(
        "held by {} {} on {}, found {found}, size {size:?}{}, brings {brings}, left {left}, wrote {wrote}",
        holder.id,
        holder.uid,
        workload.as_deref().unwrap_or("any"),
        sized_by.as_ref().map_or_else(String::new, |who| format!(" beside {who}"))
    )
}
