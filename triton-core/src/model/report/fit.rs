//! How much of a report is kept: everything of the size that an order has, and of what grows with pods and
//! batches as much as there is room for.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use serde::Serialize;

use super::{BatchReport, PodPhase, PodReport, Report};
use crate::model::text::{TextFor, shorten};

/// Most bytes of JSON of the batches of a status, without their pods.
const BATCHES: usize = 8 * 1024;
/// Most bytes of JSON of the pods of a status: in their batches, and in the list of names.
const PODS: usize = 8 * 1024;

impl Report {
    /// Leaves out what a status has no room for (etcd keeps 1.5 MiB, and every watcher gets all of it with
    /// every save). Of the batches the first and the newest stay; of their pods those that failed, and of the
    /// rest the newest. Texts are [shortened](shorten()). What fits stays as it is.
    pub fn fit(&mut self) {
        let texts = [&mut self.reason, &mut self.message].into_iter().chain(&mut self.cause);
        let waiting = self.waiting.iter_mut().flat_map(|waiting| [&mut waiting.reason, &mut waiting.message]);
        for text in texts.chain(waiting) {
            *text = shorten(text, TextFor::Status);
        }
        fit_batches(&mut self.batches);
        fit_pods(&mut self.batches);
    }

    /// What is left of a report where the whole is too large for its store.
    #[must_use]
    pub fn without_lists(&self) -> Self {
        Self { batches: Vec::new(), ..self.clone() }
    }
}

fn fit_batches(batches: &mut Vec<BatchReport>) {
    let first = batches.first().map_or(0, bare);
    let mut left = BATCHES.saturating_sub(first);
    let newest = batches.iter().skip(1).rev().take_while(|batch| take(&mut left, bare(batch))).count();
    let kept = batches.len().saturating_sub(newest);
    if kept > 1 {
        batches.drain(1..kept);
    }
}

/// A batch without its pods.
fn bare(batch: &BatchReport) -> usize {
    json(&BatchReport { pods: Vec::new(), ..*batch })
}

fn fit_pods(batches: &mut [BatchReport]) {
    let all = || {
        let batches = batches.iter().enumerate().rev();
        batches
            .flat_map(|(of, batch)| batch.pods.iter().enumerate().rev().map(move |(at, pod)| (of, at, pod)))
    };
    let is_failed = |pod: &PodReport| pod.phase == PodPhase::Failed;
    let failed = all().filter(|(_, _, pod)| is_failed(pod));
    let others = all().filter(|(_, _, pod)| !is_failed(pod));
    let mut left = PODS;
    let fits = failed
        .chain(others)
        .take_while(|(_, _, pod)| take(&mut left, json(pod).saturating_add(json(&pod.name))));
    let kept: BTreeSet<(usize, usize)> = fits.map(|(of, at, _)| (of, at)).collect();
    for (of, batch) in batches.iter_mut().enumerate() {
        let mut at = 0..;
        batch.pods.retain(|_| at.next().is_some_and(|at| kept.contains(&(of, at))));
    }
}

/// Takes so much of what is left, where there is enough.
fn take(left: &mut usize, size: usize) -> bool {
    let rest = left.checked_sub(size);
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

/// Bytes of something in a list, with the comma after it.
fn json(thing: &impl Serialize) -> usize {
    serde_json::to_vec(thing).map_or(usize::MAX, |json| json.len().saturating_add(1))
}

#[cfg(test)]
#[path = "fit_tests.rs"]
mod tests;
