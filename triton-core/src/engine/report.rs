//! What people are shown, made from the old report and one look. No decision reads it.

mod batches;
mod words;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use self::batches::batches;
use self::words::{NAMED, lifts, surplus, trouble, words};
pub use self::words::{late, newly_stuck};
use super::decision::{Waiting, Why};
use super::{goal, phrases, prepare};
use crate::model::{
    BatchPhase, Brings, Counts, Facts, Flow, HoldReason, Observation, Plan, Progress, Report, Stage,
    Succession, TemplateRef, TextFor, Timestamp, TrafficView, Verdict, WaitingReport, WorkloadView, shorten,
};

/// One look at the world with everything that people are shown of it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// What decisions read.
    pub observation: &'a Observation,
    /// The workload; `None` when there is none.
    pub workload: Option<&'a WorkloadView>,
    /// The registry.
    pub traffic: &'a TrafficView,
}

/// The report after a decision: `why` progress moved last, if it did, and what the flow waits for now.
#[must_use]
pub fn report(
    flow: &Flow,
    old: &Report,
    seen: Seen<'_>,
    why: Option<&Why>,
    waiting: Option<(&Waiting, Timestamp)>,
    now: Timestamp,
) -> Report {
    let mut new = old.clone();
    let progress = &flow.progress;
    if *progress != Progress::Pending && new.started_at.is_none() {
        new.started_at = Some(now);
    }
    new.counts = counts(flow, &old.counts, seen.observation);
    new.paused = flow.is_paused();
    if let Some(view) = seen.workload
        && brought(flow, view)
        && view.revision.is_some()
    {
        new.update_revision.clone_from(&view.revision);
    }
    batches(&mut new.batches, flow, seen, now);
    match (waiting, why) {
        (Some((waiting, until)), _) if !progress.is_finished() => {
            new.reason = waiting.reason().into();
            new.message = message(flow, &new, waiting, seen, now);
            new.waiting = Some(waiting_report(old, waiting, new.message.clone(), until, now));
        }
        (None, Some(why)) => {
            new.reason = why.reason().into();
            new.message = noted(flow, seen.observation, why.to_string());
            if let Why::Held { reason } = why {
                new.message.push_str(&causes(flow, new.started_at, *reason, seen));
            }
            if let (Why::Stopping { .. }, Some(cause)) = (why, &new.cause) {
                new.message = phrases::stopping(cause);
            }
            if let Progress::Finished { verdict, .. } = progress {
                new.message.push_str(&ending(seen.workload));
                new.message.push_str(&returning(verdict, seen.observation));
                append(&mut new.message, &seen.traffic.succession.at_risk);
            }
            new.waiting = None;
        }
        (None, None) | (Some(_), _) => {}
    }
    if let Progress::Finished { at, .. } = progress {
        new.finished_at = Some(*at);
        new.waiting = None;
    }
    new.updated_at = Some(now);
    new.fit();
    new
}

/// Of which pods it comes that a flow holds or stops.
fn causes(flow: &Flow, began: Option<Timestamp>, reason: HoldReason, seen: Seen<'_>) -> String {
    words(
        flow,
        began,
        &Waiting::Held { reason, failed: 0, edits: Vec::new(), paused: false, blocks: false },
        seen,
    )
}

/// What is to be known of a flow that stops by itself for as long as it is there: why, and which pods.
#[must_use]
pub fn cause(why: &Why, flow: &Flow, old: &Report, seen: Seen<'_>) -> Option<String> {
    let Why::Stopping { reason } = why else { return old.cause.clone() };
    let pods = causes(flow, old.started_at, *reason, seen);
    Some(shorten(&format!("{}{pods}", phrases::stops(*reason)), TextFor::Status))
}

/// Whether the workload has the template that the flow brings about.
fn brought(flow: &Flow, view: &WorkloadView) -> bool {
    match flow.progress.base().map(|base| &base.brings) {
        Some(Brings::Revision(revision)) => view.revision.as_ref() == Some(revision),
        Some(Brings::Nothing) => true,
        Some(Brings::Flow) | None => view.shape.template == Some(TemplateRef::Flow),
    }
}

/// Which pods had not ended when the flow did.
fn ending(workload: Option<&WorkloadView>) -> String {
    let pods = workload.map_or(&[][..], |view| &view.terminating);
    let names: Vec<&str> = pods.iter().take(NAMED).map(|pod| pod.name.as_str()).collect();
    match pods.len().saturating_sub(NAMED) {
        _ if names.is_empty() => String::new(),
        0 => format!("; not gone yet then: {}", names.join(", ")),
        more => format!("; not gone yet then: {} and {more} more", names.join(", ")),
    }
}

/// How many pods took traffic when a flow was cancelled, where some of them were still on their way back.
fn returning(verdict: &Verdict, seen: &Observation) -> String {
    let wanted = seen.shape.as_ref().map_or(0, |shape| shape.replicas);
    let serve = seen.pods.count(Facts::IN, Facts::MARKED);
    if *verdict == Verdict::Canceled && serve < wanted {
        format!("; {serve} of {wanted} pods took traffic then, and the others were on their way back")
    } else {
        String::new()
    }
}

/// A message, which fields of the spec have no effect, and that a workload without pods keeps its size.
fn noted(flow: &Flow, seen: &Observation, mut message: String) -> String {
    append(&mut message, flow.spec.unused_note());
    let size = seen.size.or_else(|| seen.shape.as_ref().map(|shape| shape.replicas));
    let empty = size == Some(0) && seen.pods.is_empty();
    if flow.spec.action.exchanges() && empty && flow.spec.replicas.unwrap_or(0) == 0 {
        message.push_str("; the application has 0 pods and keeps them: order a scale, or name replicas");
    }
    message
}

/// Adds notes to a message.
fn append(message: &mut String, notes: impl IntoIterator<Item: AsRef<str>>) {
    for note in notes {
        message.push_str("; ");
        message.push_str(note.as_ref());
    }
}

fn message(flow: &Flow, old: &Report, waiting: &Waiting, seen: Seen<'_>, now: Timestamp) -> String {
    let began = old.started_at;
    // One that is cancelled already, and stands on its way back, has no other end.
    let stands = matches!(waiting, Waiting::Held { .. } | Waiting::Paused);
    let end = if stands && !flow.orders.canceled { ", Cancel ends it" } else { "" };
    let mut message = noted(flow, seen.observation, format!("{waiting}{end}"));
    let leads = matches!(waiting, Waiting::Approval { phase: BatchPhase::Baking, .. });
    if leads && seen.observation.pods.any(Facts::FRESH, Facts::GATED) {
        message.push_str("; pods without the readiness gate take traffic already");
    }
    let more = surplus(flow, waiting, seen.observation);
    append(&mut message, lifts(flow, waiting, seen, now).into_iter().chain(more));
    let trouble = seen.workload.and_then(|view| trouble(view, began));
    let trouble = trouble.filter(|_| !matches!(waiting, Waiting::Held { .. }));
    let Succession { lost, at_risk } = &seen.traffic.succession;
    let lost = lost.iter().filter(|_| !matches!(waiting, Waiting::ServiceLost { .. }));
    let note = seen.workload.and_then(|view| view.note.as_ref());
    append(&mut message, trouble.iter().chain(note).chain(lost).chain(at_risk).chain(&seen.traffic.notes));
    message.push_str(&words(flow, began, waiting, seen));
    if let Some(cause) = &old.cause {
        message.push_str(&format!("; cancelled because {cause}"));
    }
    message
}

/// A wait keeps its times while they lie ahead, so that looking again changes nothing.
pub(super) fn waiting_report(
    old: &Report,
    waiting: &Waiting,
    message: String,
    until: Timestamp,
    now: Timestamp,
) -> WaitingReport {
    let before = old.waiting.as_ref().filter(|before| before.reason == waiting.reason());
    let since = before.map_or(now, |before| before.since);
    let until = before.filter(|before| before.until > now).map_or(until, |before| before.until.min(until));
    WaitingReport { reason: waiting.reason().into(), message, since, until }
}

/// The size that a flow leads to that has not begun; of one that ended so, what it was.
fn wanted(flow: &Flow, old: &Counts, seen: &Observation) -> Option<u32> {
    let there = seen.shape.as_ref().map_or(0, |shape| prepare::wanted(seen, shape.replicas));
    match flow.progress {
        Progress::Pending => {
            Some(prepare::size_to_reach(&flow.spec, seen.size.unwrap_or(there), seen.remembered))
        }
        Progress::Finished { .. } => old.wanted,
        Progress::Preparing { .. }
        | Progress::Rolling { .. }
        | Progress::Verifying { .. }
        | Progress::Closing { .. } => None,
    }
}

fn counts(flow: &Flow, old: &Counts, seen: &Observation) -> Counts {
    let pods = &seen.pods;
    let there = |with| pods.count(with, Facts::empty());
    let mut counts = Counts {
        replicas: pods.len(),
        available: there(Facts::IN),
        updated: there(Facts::FRESH),
        updated_ready: there(Facts::FRESH | Facts::IN),
        failed: pods.count(Facts::FAILED, Facts::MARKED),
        wanted: wanted(flow, old, seen),
        ..*old
    };
    let all = |plan: &Plan, current| goal::batches(&flow.spec, &flow.orders, plan, current);
    match &flow.progress {
        // The pods that are there are those of others.
        Progress::Pending if flow.spec.action.exchanges() => (counts.updated, counts.updated_ready) = (0, 0),
        Progress::Pending => {}
        Progress::Preparing { base } => {
            let plan = goal::plan(base.clone(), 0);
            counts.to_process = plan.work;
            counts.batches = all(&plan, None);
        }
        Progress::Rolling { plan, done, batch } => {
            let baked = batch.stage == Stage::Baked;
            counts.to_process = plan.work;
            counts.batches = all(plan, Some((batch.number, *done, batch.size)));
            counts.finished_batches = batch.number.saturating_sub(u32::from(!baked));
            counts.finished_replicas = if baked { done.saturating_add(batch.size) } else { *done };
        }
        Progress::Verifying { plan, .. } => {
            counts.to_process = plan.work;
            counts.finished_batches = counts.batches;
            counts.finished_replicas = plan.work;
        }
        Progress::Closing { .. } => {}
        Progress::Finished { verdict, .. } => {
            if *verdict == Verdict::Succeeded {
                counts.finished_batches = counts.batches;
                counts.finished_replicas = counts.to_process;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixtures::{NOW, base_of};
    use crate::model::{Action, Kind};

    #[test]
    fn who_stands_is_told_that_a_cancel_ends_the_flow_where_it_is_not_cancelled_yet() {
        let held =
            |reason| Waiting::Held { reason, failed: 0, edits: Vec::new(), paused: false, blocks: false };
        let rows = [
            (Waiting::Paused, true),
            (held(HoldReason::Drift), true),
            (held(HoldReason::DeadlineExceeded), true),
            (Waiting::Interval, false),
        ];
        let plan = goal::plan(base_of(Kind::Replace, 1, 1), 0);
        let flow = Flow::test(Action::Update, 1).at(plan, 1, 0, 1, Stage::Leaving);
        let (observation, traffic) = (Observation::mine(1, 0, 1), TrafficView::default());
        let seen = Seen { observation: &observation, workload: None, traffic: &traffic };
        for (waiting, stands) in rows {
            for canceled in [false, true] {
                let mut flow = flow.clone();
                flow.orders.canceled = canceled;
                let says = report(&flow, &Report::default(), seen, None, Some((&waiting, NOW)), NOW).message;
                assert_eq!(says.contains(", Cancel ends it"), stands && !canceled, "{waiting:?}: {says}");
            }
        }
    }

    #[test]
    fn the_last_message_tells_what_is_not_as_before() {
        let canceled = Verdict::Canceled;
        // How it ended, how many of two pods took traffic, a place that lost its last pod, and what is told.
        let rows = [
            (Verdict::Succeeded, 2, None, "the workload is as ordered"),
            (Verdict::Succeeded, 2, Some("web is empty"), "the workload is as ordered; web is empty"),
            (Verdict::Succeeded, 1, None, "the workload is as ordered"),
            (canceled.clone(), 2, None, "cancelled"),
            (
                canceled,
                1,
                None,
                "cancelled; 1 of 2 pods took traffic then, and the others were on their way back",
            ),
        ];
        for (verdict, serve, emptied, told) in rows {
            let progress = Progress::Finished { verdict: verdict.clone(), at: NOW };
            let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
            let observation = Observation::mine(2, 0, 2).with(serve, Facts::IN);
            let at_risk = emptied.into_iter().map(String::from).collect();
            let succession = Succession { lost: Vec::new(), at_risk };
            let traffic = TrafficView { succession, ..TrafficView::default() };
            let seen = Seen { observation: &observation, workload: None, traffic: &traffic };
            let why = Why::Ended { verdict, cause: None };
            assert_eq!(report(&flow, &Report::default(), seen, Some(&why), None, NOW).message, told);
        }
    }
}
