//! S7: a paused flow takes no step of its own.

use triton_core::engine::{Decision, Effect, Why};
use triton_core::model::{
    Command, Facts, HoldReason, Kind, MAX_REPLICAS, PodChange, Progress, Shape, Stage, TrafficChange,
    WorkloadChange,
};

use super::reading::{exposed, facts, fresh_after};
use super::{Cause, Change, Intent, Invariant, Outcome, Property, ensure};

pub(super) const ROW: Invariant = Invariant {
    property: Property::S7Pause,
    says: "after Pause nothing widens or removes but upkeep, and only a person lifts it; another size of others is followed with old pods; a hold for a size ends when the size fits, one by failed pods when nothing keeps them from running, one by a missed deadline when they run",
    source: "semantics sections 5 and 7, reliability S7",
    intent: Some(intent),
    change: Some(change),
};

fn intent(intent: &Intent<'_>) -> Outcome {
    let flow = intent.flow;
    let orders = &flow.orders;
    let turned = flow.progress.base().is_some_and(|base| base.turned);
    let closes = (orders.canceled && !turned)
        || matches!(flow.progress, Progress::Closing { .. } | Progress::Finished { .. });
    let held = flow.progress.hold().is_some_and(|hold| hold.resumes >= orders.resumes);
    if closes || !(orders.paused || held) {
        return Ok(());
    }
    let stage = flow.progress.batch().map(|batch| batch.stage);
    let fine = match intent.decision {
        Decision::Wait(..) | Decision::Done => true,
        Decision::Move(_, Why::Fits) => !orders.paused && fits(intent),
        Decision::Move(_, Why::Mended) => !orders.paused && mended(intent, HoldReason::PodsFailed),
        Decision::Move(_, Why::CameLate) => {
            !orders.paused && mended(intent, HoldReason::DeadlineExceeded) && run(intent)
        }
        Decision::Move(progress, Why::Resized { .. }) => same_place(&flow.progress, progress),
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => followed(intent, shape),
        // Whose the workload is may be told at any time.
        Decision::Move(_, Why::Relocked) => true,
        Decision::Act(Effect::Workload(WorkloadChange::Lock { .. })) => true,
        Decision::Move(progress, _) => matches!(progress, Progress::Finished { .. }),
        Decision::Act(Effect::Workload(WorkloadChange::SetPaused(on))) => *on,
        Decision::Act(Effect::Pods(PodChange::Hook(_))) => true,
        Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) => {
            let new = pods.iter().filter(|pod| facts(intent.seen, pod).contains(Facts::FRESH)).count();
            new == 0 || belongs(intent, u32::try_from(new).expect("a count of pods fits"))
        }
        Decision::Act(Effect::Pods(PodChange::Unhook(_)) | Effect::Traffic(TrafficChange::PullOut(_))) => {
            !matches!(stage, Some(Stage::Leaving | Stage::Vacating))
        }
        Decision::Act(Effect::Workload(_) | Effect::Pods(_) | Effect::Supersede(_)) => false,
    };
    ensure(fine, || format!("{:?} while paused", intent.decision))
}

/// Others gave the workload a size that held the flow, and now it has one that a flow may have.
fn fits(intent: &Intent<'_>) -> bool {
    let resized = intent.flow.progress.hold().is_some_and(|hold| hold.reason == HoldReason::Resized);
    let size = intent.seen.shape.as_ref().map_or(0, |shape| shape.replicas);
    resized && (1..=MAX_REPLICAS).contains(&size)
}

/// The size changes and nothing else: neither stage nor batch, and not what holds the flow.
fn same_place(before: &Progress, after: &Progress) -> bool {
    let (Some(old), Some(new)) = (before.batch(), after.batch()) else { return false };
    (old.number, old.stage, old.hold) == (new.number, new.stage, new.hold)
}

/// The flow followed another size, and the numbers for it ask for no more new pods than those that stand there.
fn followed(intent: &Intent<'_>, shape: &Shape) -> bool {
    let Some(there) = &intent.seen.shape else { return false };
    let followed = intent.flow.progress.base().and_then(|base| base.followed);
    let new = |shape: &Shape| shape.partition.map(|partition| shape.replicas.saturating_sub(partition));
    let unwritten = followed.is_some_and(|at| at > intent.seen.edits.clean);
    // New pods that came with that size and that nobody asked for leave by name.
    let named = Shape { doomed: shape.doomed.clone(), ..there.clone() } == *shape;
    let leave = named && followed.is_some() && intent.seen.edits.fields.is_empty();
    (unwritten && new(shape).unwrap_or(0) <= new(there).unwrap_or(0)) || leave
}

/// Where new pods are waited for: all that the stages so far asked for run, or may fail; in the final check all of them.
fn run(intent: &Intent<'_>) -> bool {
    let (flow, seen) = (intent.flow, intent.seen);
    let run = seen.pods.count(Facts::FRESH | Facts::BOOTED, Facts::MARKED);
    match &flow.progress {
        Progress::Rolling { batch, .. } if matches!(batch.stage, Stage::Vacating | Stage::Leaving) => true,
        Progress::Rolling { plan, done, batch } => {
            let may_fail = plan.base.degraded + flow.spec.tolerance.of(batch.size);
            plan.base.kind == Kind::Shrink || run + may_fail >= fresh_after(flow, plan, done + batch.size)
        }
        Progress::Verifying { plan, .. } => run >= plan.base.to,
        _ => false,
    }
}

/// The flow held for this reason, and of those that it brings no more are kept from running now than may fail; none has
/// restarted lately.
fn mended(intent: &Intent<'_>, reason: HoldReason) -> bool {
    let (flow, seen) = (intent.flow, intent.seen);
    let failed = flow.progress.hold().is_some_and(|hold| hold.reason == reason);
    let stuck = seen.pods.count(Facts::FRESH | Facts::STUCK, Facts::MARKED);
    let shaky = seen.pods.any(Facts::FRESH | Facts::SHAKY, Facts::MARKED);
    let mended = match &flow.progress {
        Progress::Rolling { plan, batch, .. } => {
            let tolerated = flow.spec.tolerance.of(batch.size);
            plan.base.kind == Kind::Shrink || stuck.saturating_sub(plan.base.degraded) <= tolerated && !shaky
        }
        Progress::Verifying { .. } => stuck == 0,
        _ => false,
    };
    failed && mended
}

/// New pods of finished batches, and of this one once it has been in traffic, belong there; outside the
/// batches all do.
fn belongs(intent: &Intent<'_>, more: u32) -> bool {
    match &intent.flow.progress {
        Progress::Preparing { .. } | Progress::Verifying { .. } => true,
        Progress::Rolling { batch, .. } if batch.stage > Stage::PullingIn => true,
        Progress::Rolling { plan, .. } if plan.base.kind == Kind::Shrink => true,
        Progress::Rolling { plan, done, .. } => {
            exposed(intent.seen) + more <= fresh_after(intent.flow, plan, *done)
        }
        _ => false,
    }
}

fn change(change: &Change<'_>) -> Outcome {
    let lifted = change.before.flow.orders.paused && !change.after.flow.orders.paused;
    let person = matches!(change.cause, Cause::Person(Command::Resume | Command::Cancel));
    ensure(!lifted || person, || format!("{:?} lifted a pause", change.cause))
}
