//! The batches of a report, and the pods of each.

use alloc::string::String;
use alloc::vec::Vec;

use super::Seen;
use crate::engine::look::is_fresh;
use crate::model::{
    Batch, BatchPhase, BatchReport, Flow, Kind, PodPhase, PodReport, Progress, PullIn, Stage, Timestamp,
    Traffic, TrafficView, Verdict, WorkloadPod,
};

/// Most pod names kept per batch.
const MAX_PODS: usize = 100;

/// Keeps the list of batches: an entry for every batch that has started, each with its new pods.
pub(super) fn batches(list: &mut Vec<BatchReport>, flow: &Flow, seen: Seen<'_>, now: Timestamp) {
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
