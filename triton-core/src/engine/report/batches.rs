//! The batches of a report, and the pods of each. The stored list has gaps
//! ([`Report::fit`](crate::model::Report::fit)): what is not in it is counted.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::Seen;
use crate::engine::goal;
use crate::engine::look::is_fresh;
use crate::model::{
    Batch, BatchPhase, BatchReport, Facts, Flow, Kind, Plan, PodName, PodPhase, PodReport, Progress, PullIn,
    Stage, TextFor, Timestamp, Traffic, TrafficView, Verdict, WorkloadPod, shorten,
};

/// Keeps the list of batches: an entry for every batch that has started, each with all its new pods.
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
    let pods: BTreeMap<&PodName, &WorkloadPod> = pods.iter().map(|pod| (&pod.name, pod)).collect();
    let fallen = seen.observation.pods.matching(Facts::FAILED, Facts::empty());
    let fallen: BTreeSet<&PodName> = fallen.map(|(pod, _, _)| &pod.name).collect();
    for entry in list.iter_mut() {
        let failed = entry.phase == BatchPhase::BakeFailed;
        for shown in &mut entry.pods {
            match pods.get(&shown.name) {
                Some(pod) => {
                    let counts = fallen.contains(&pod.name);
                    *shown = pod_report(pod, seen.traffic, (failed, counts), shown);
                }
                None => {
                    shown.phase = PodPhase::Outdated;
                    (shown.reason, shown.message) = (String::new(), String::new());
                }
            }
        }
        // Where nothing is assigned any more only those that are listed can be told from others.
        if entry.hidden() == 0 {
            entry.failed_replicas = count(entry.pods.iter().filter(|pod| pod.phase == PodPhase::Failed));
            entry.pods_in_traffic = count(entry.pods.iter().filter(|pod| pod.is_in()));
        }
    }
}

fn count<T>(things: impl Iterator<Item = T>) -> u32 {
    u32::try_from(things.count()).unwrap_or(u32::MAX)
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
        list.push(BatchReport::new(batch, now));
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
/// next new pod, oldest batch first. Pods that the stored list left out take the places that were counted
/// for them, in the order in which they were made.
fn assign(list: &mut [BatchReport], flow: &Flow, seen: Seen<'_>) {
    let (Some(view), Some(plan)) = (seen.workload, flow.progress.plan()) else { return };
    let fresh = view.pods.iter().filter(|pod| !pod.marked && is_fresh(Some(flow), view, pod));
    let ages: BTreeMap<&PodName, usize> = fresh.clone().zip(0..).map(|(pod, at)| (&pod.name, at)).collect();
    let (brought, mut lost) = brought(list, flow, plan);
    let hidden: Vec<usize> = list.iter().map(BatchReport::hidden).collect();
    list.iter_mut().for_each(|entry| entry.pods.retain(|shown| ages.contains_key(&shown.name)));
    let listed: BTreeSet<PodName> =
        list.iter().flat_map(|entry| &entry.pods).map(|shown| shown.name.clone()).collect();
    // Pods that were there and need no work have no place in a batch; where pods only leave, none has.
    let already = match plan.base.kind {
        Kind::Grow => plan.base.from,
        Kind::Replace | Kind::Swap => plan.fresh,
        Kind::Shrink => u32::MAX,
    };
    let mut others = fresh.filter(|pod| !listed.contains(&pod.name)).skip(size(already));
    let mut before = 0_u32;
    for (entry, hidden) in list.iter_mut().zip(hidden) {
        if entry.batch > before.saturating_add(1) {
            others.by_ref().take(core::mem::take(&mut lost)).for_each(drop);
        }
        before = entry.batch;
        entry.pods.extend(others.by_ref().take(hidden).map(newcomer));
    }
    let mut places = list.iter_mut().zip(brought);
    let mut place = places.next();
    for pod in others {
        while place.as_ref().is_some_and(|(entry, brought)| entry.pods.len() >= *brought) {
            place = places.next();
        }
        let Some((entry, _)) = &mut place else { break };
        entry.pods.push(newcomer(pod));
    }
    for entry in list {
        entry.pods.sort_by_key(|shown| ages.get(&shown.name).copied());
        entry.pods_total = count(entry.pods.iter());
    }
}

/// How many new pods each of these batches brings, and how many those brought that are not in the list.
fn brought(list: &[BatchReport], flow: &Flow, plan: &Plan) -> (Vec<usize>, usize) {
    let fresh = |done| goal::goal(plan, done).fresh;
    let (done, current) = match &flow.progress {
        Progress::Rolling { done, batch, .. } => (*done, Some(batch)),
        Progress::Pending
        | Progress::Preparing { .. }
        | Progress::Verifying { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => (plan.work, None),
    };
    let mut end = current.map_or(done, |batch| done.saturating_add(batch.size));
    let mut known = fresh(end).saturating_sub(fresh(0));
    let mut each = Vec::new();
    for entry in list.iter().rev() {
        let is_current = current.is_some_and(|batch| batch.number == entry.batch);
        let (from, to) = match entry.batch {
            _ if is_current => (done, end),
            1 => (0, entry.batch_size),
            _ => (end.saturating_sub(entry.batch_size), end),
        };
        let brings = fresh(to).saturating_sub(fresh(from));
        known = known.saturating_sub(brings);
        each.push(size(brings));
        end = from;
    }
    each.reverse();
    (each, size(known))
}

fn size(pods: u32) -> usize {
    usize::try_from(pods).unwrap_or(usize::MAX)
}

fn newcomer(pod: &WorkloadPod) -> PodReport {
    PodReport {
        name: pod.name.clone(),
        ip: String::new(),
        port: 0,
        phase: PodPhase::Pending,
        pull_in_status: PullIn::None,
        ungated: !pod.gated,
        reason: String::new(),
        message: String::new(),
    }
}

/// A pod as people see it. `failed`: whether the batch failed, and whether the pod did.
fn pod_report(
    pod: &WorkloadPod,
    traffic: &TrafficView,
    (failed, counts): (bool, bool),
    before: &PodReport,
) -> PodReport {
    let shown = traffic.pods.get(&pod.uid).map(|traffic| traffic.shown);
    let is_in = shown == Some(Traffic::In);
    let phase = match (is_in, counts) {
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
        reason: pod.failure.as_ref().map_or_else(String::new, |failure| failure.class.as_str().into()),
        message: pod
            .failure
            .as_ref()
            .map_or_else(String::new, |failure| shorten(&failure.message, TextFor::Pod)),
    }
}

#[cfg(test)]
#[path = "batches_tests.rs"]
mod tests;
