//! What people are shown, made from the old report and one look. No decision reads it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::decision::{Waiting, Why};
use super::goal;
use super::look::is_fresh;
use crate::model::{
    Batch, BatchPhase, BatchReport, Brings, Counts, Facts, Flow, Kind, Observation, Plan, PodPhase,
    PodReport, Progress, PullIn, Report, Stage, TemplateRef, Timestamp, Traffic, TrafficView, Verdict,
    WaitingReport, WorkloadPod, WorkloadView,
};

/// Most pod names kept per batch.
const MAX_PODS: usize = 100;

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
    new.paused = !progress.is_finished() && (flow.orders.paused || progress.hold().is_some());
    if let Some(view) = seen.workload
        && brought(flow, view)
        && view.revision.is_some()
    {
        new.update_revision.clone_from(&view.revision);
    }
    batches(&mut new.batches, flow, seen, now);
    match (waiting, why) {
        (Some((waiting, until)), _) => {
            new.reason = waiting.reason().into();
            new.message = message(waiting, seen);
            new.waiting = Some(waiting_report(old, waiting, new.message.clone(), until, now));
        }
        (None, Some(why)) => {
            new.reason = why.reason().into();
            new.message = why.to_string();
            new.waiting = None;
        }
        (None, None) => {}
    }
    if let Progress::Finished { at, .. } = progress {
        new.finished_at = Some(*at);
        new.waiting = None;
    }
    new.updated_at = Some(now);
    new
}

/// Whether the workload has the template that the flow brings about.
fn brought(flow: &Flow, view: &WorkloadView) -> bool {
    match flow.progress.base().map(|base| &base.brings) {
        Some(Brings::Revision(revision)) => view.revision.as_ref() == Some(revision),
        Some(Brings::Nothing) => true,
        Some(Brings::Flow) | None => view.shape.template == Some(TemplateRef::Flow),
    }
}

fn message(waiting: &Waiting, seen: Seen<'_>) -> String {
    let mut message = waiting.to_string();
    let missing = |view: &&WorkloadView| view.pods.len() < view.shape.replicas as usize;
    let trouble = seen.workload.filter(missing).and_then(|view| view.trouble.as_ref());
    for note in trouble.into_iter().chain(&seen.traffic.notes) {
        message.push_str("; ");
        message.push_str(note);
    }
    message
}

/// A wait keeps its times while they lie ahead, so that looking again changes nothing.
fn waiting_report(
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

fn counts(flow: &Flow, old: &Counts, seen: &Observation) -> Counts {
    let pods = &seen.pods;
    let active = |with| pods.count(with, Facts::MARKED);
    let mut counts = Counts {
        replicas: pods.len(),
        available: pods.count(Facts::IN, Facts::empty()),
        updated: active(Facts::FRESH),
        updated_ready: active(Facts::FRESH | Facts::IN),
        failed: active(Facts::FAILED),
        ..*old
    };
    let all = |plan: &Plan, current| goal::batches(&flow.spec, &flow.orders, plan, current);
    match &flow.progress {
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

/// Keeps the list of batches: an entry for every batch that has started, each with its new pods.
fn batches(list: &mut Vec<BatchReport>, flow: &Flow, seen: Seen<'_>, now: Timestamp) {
    if let Progress::Rolling { batch, .. } = &flow.progress {
        current(list, batch, now);
    }
    if matches!(
        flow.progress,
        Progress::Verifying { .. } | Progress::Finished { verdict: Verdict::Succeeded, .. }
    ) {
        list.iter_mut().for_each(|entry| finish(entry, now));
    }
    if seen.workload.is_none() {
        return;
    }
    if matches!(flow.progress, Progress::Rolling { .. } | Progress::Verifying { .. }) {
        assign(list, flow, seen);
    }
    let pods = seen.workload.map_or(&[][..], |view| &view.pods);
    for entry in list.iter_mut() {
        let failed = entry.phase == BatchPhase::BakeFailed;
        for shown in &mut entry.pods {
            match pods.iter().find(|pod| pod.name == shown.name) {
                Some(pod) => *shown = pod_report(pod, seen.traffic, failed, shown),
                None => shown.phase = PodPhase::Outdated,
            }
        }
        let names = entry.pods.iter();
        let failing = |shown: &&PodReport| shown.phase == PodPhase::Failed;
        entry.failed_replicas = u32::try_from(names.filter(failing).count()).unwrap_or(u32::MAX);
    }
}

fn finish(entry: &mut BatchReport, now: Timestamp) {
    entry.phase = BatchPhase::Baked;
    entry.pulled_in_at.get_or_insert(now);
    entry.finished_at.get_or_insert(now);
}

/// The entry of the current batch, made when the batch starts; those before it are finished.
fn current(list: &mut Vec<BatchReport>, batch: &Batch, now: Timestamp) {
    list.iter_mut().filter(|entry| entry.batch < batch.number).for_each(|entry| finish(entry, now));
    if list.last().is_none_or(|entry| entry.batch < batch.number) {
        list.push(BatchReport {
            batch: batch.number,
            batch_size: batch.size,
            canary: batch.canary,
            phase: BatchPhase::Pending,
            failed_replicas: 0,
            pods: Vec::new(),
            pods_total: 0,
            started_at: Some(now),
            pulled_in_at: None,
            finished_at: None,
        });
    }
    let Some(entry) = list.last_mut() else { return };
    entry.phase = batch.phase();
    if batch.stage > Stage::PullingIn {
        entry.pulled_in_at.get_or_insert(now);
    }
    if batch.stage == Stage::Baked {
        entry.finished_at.get_or_insert(now);
    }
}

/// Gives each new pod its place: a batch keeps the pods it has; a pod that is gone leaves its place to the
/// next new pod, oldest batch first.
fn assign(list: &mut [BatchReport], flow: &Flow, seen: Seen<'_>) {
    let Some(view) = seen.workload else { return };
    let fresh: Vec<&WorkloadPod> =
        view.pods.iter().filter(|pod| !pod.marked && is_fresh(Some(flow), view, pod)).collect();
    let known = |list: &[BatchReport], pod: &WorkloadPod| {
        list.iter().any(|entry| entry.pods.iter().any(|shown| shown.name == pod.name))
    };
    for entry in list.iter_mut() {
        let before = entry.pods.len();
        entry.pods.retain(|shown| fresh.iter().any(|pod| pod.name == shown.name));
        let gone = u32::try_from(before.saturating_sub(entry.pods.len())).unwrap_or(u32::MAX);
        entry.pods_total = entry.pods_total.saturating_sub(gone);
    }
    // Pods that were there and need no work have no place in a batch; where pods only leave, none has.
    let already = flow.progress.plan().map_or(0, |plan| match plan.base.kind {
        Kind::Grow => plan.base.from,
        Kind::Replace | Kind::Swap => plan.fresh,
        Kind::Shrink => u32::MAX,
    });
    let skip = usize::try_from(already).unwrap_or(usize::MAX);
    for pod in fresh.iter().skip(skip) {
        if known(list, pod) {
            continue;
        }
        let Some(entry) = list.iter_mut().find(|entry| entry.pods_total < entry.batch_size) else {
            return;
        };
        entry.pods_total = entry.pods_total.saturating_add(1);
        if entry.pods.len() < MAX_PODS {
            entry.pods.push(PodReport {
                name: pod.name.clone(),
                ip: String::new(),
                port: 0,
                phase: PodPhase::Pending,
                pull_in_status: PullIn::None,
                ungated: !pod.gated,
            });
        }
    }
}

fn pod_report(pod: &WorkloadPod, traffic: &TrafficView, failed: bool, before: &PodReport) -> PodReport {
    let shown = traffic.pods.get(&pod.uid).map(|traffic| traffic.shown);
    let is_in = shown == Some(Traffic::In);
    let phase = match (is_in, pod.failure.is_some()) {
        (true, _) => PodPhase::Ready,
        (false, true) => PodPhase::Failed,
        (false, false) if pod.phase == PodPhase::Ready => PodPhase::ContainersReady,
        (false, false) => pod.phase,
    };
    let pull_in_status = match (is_in, failed) {
        (true, _) => PullIn::PullInSucceeded,
        (false, true) => PullIn::PullInFailed,
        (false, false) => before.pull_in_status,
    };
    PodReport {
        name: pod.name.clone(),
        ip: pod.ip.clone().unwrap_or_default(),
        port: pod.port,
        phase,
        pull_in_status,
        ungated: !pod.gated,
    }
}
