//! OpenKruise's CloneSet controller as one pure function: spec numbers and pods in, pod changes out.
//!
//! Written after the behaviour of OpenKruise 1.9.0, update type `ReCreate`, with a `preDelete` hook by
//! label. It knows nothing of the rest of the simulated world, because it is used three times: there, in
//! standalone mode, and by an adapter that plays the controller against a real API server.
//!
//! One call is one reconcile: like the original it either scales or updates, never both, and expects to
//! be called again after each change. Names come in as positions in the list of pods; pods that are being
//! deleted are not in the list.
//!
//! Left out: in-place update, scatter, priorities, spread constraints, `minReadySeconds`,
//! `scaleStrategy.maxUnavailable`, and the `PreparingNormal` state, through which a pod without a
//! `preNormal` hook only passes.

use core::cmp::{Ordering, Reverse};
use std::vec::Vec;

use crate::model::Timestamp;

/// The numbers of a CloneSet's spec, percentages already resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSet {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.updateStrategy.partition`: pods to keep at the old revision.
    pub partition: u32,
    /// `spec.updateStrategy.maxSurge`.
    pub max_surge: u32,
    /// `spec.updateStrategy.maxUnavailable`.
    pub max_unavailable: u32,
    /// `spec.updateStrategy.paused`: stops updates and zeroes surge; stops neither creation nor marking.
    pub paused: bool,
    /// `spec.lifecycle.preDelete` is set, and not by `markPodNotReady`.
    pub pre_delete_hook: bool,
    /// Label `apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"`.
    pub exclude_preparing_delete: bool,
}

/// What the controller reads of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSetPod {
    /// It is of the update revision.
    pub updated: bool,
    /// Its lifecycle state is `PreparingDelete`.
    pub preparing_delete: bool,
    /// It carries a label of the `preDelete` hook.
    pub hooked: bool,
    /// Label `apps.kruise.io/specified-delete`, whatever its value, or named by `scaleStrategy.podsToDelete`.
    pub specified: bool,
    /// It has a node.
    pub scheduled: bool,
    /// Its phase is `Running`.
    pub running: bool,
    /// Its condition `Ready` is true.
    pub ready: bool,
    /// Since when it is ready.
    pub ready_since: Timestamp,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Highest restart count of its containers.
    pub restarts: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

impl CloneSetPod {
    /// Available in the sense of `status.availableReplicas`: running, ready and in no lifecycle state
    /// but `Normal`. A pod in `PreparingDelete` is not, although it may still serve.
    #[must_use]
    pub const fn available(&self) -> bool {
        self.running && self.ready && !self.preparing_delete
    }
}

/// What happens to one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PodChange {
    /// Lifecycle state becomes `PreparingDelete`: the pod waits until its hook label is taken off.
    Mark,
    /// Lifecycle state becomes `Normal` again.
    Unmark,
    /// The pod is deleted.
    Delete,
    /// The label `apps.kruise.io/specified-delete` is set: how `ReCreate` updates a pod.
    Specify,
}

/// What one reconcile changes; nothing when the CloneSet is at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pods to make of the update revision.
    pub create_updated: u32,
    /// Pods to make of the current revision.
    pub create_current: u32,
    /// Changes of pods, by their position in the list.
    pub pods: Vec<(usize, PodChange)>,
}

impl Changes {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.create_updated == 0 && self.create_current == 0 && self.pods.is_empty()
    }
}

/// The numbers of a CloneSet's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSetStatus {
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.updatedReadyReplicas`.
    pub updated_ready: u32,
    /// `status.updatedAvailableReplicas`.
    pub updated_available: u32,
    /// `status.expectedUpdatedReplicas`.
    pub expected_updated: u32,
    /// `status.currentRevision` becomes the update revision: every pod is of it and there are as many as
    /// wanted, ready or not.
    pub current_follows: bool,
}

/// The status that belongs to these pods.
#[must_use]
pub fn status(set: &CloneSet, pods: &[CloneSetPod]) -> CloneSetStatus {
    let count = |of: &dyn Fn(&CloneSetPod) -> bool| pods.iter().map(|pod| u32::from(of(pod))).sum::<u32>();
    let (replicas, updated) = (count(&|_| true), count(&|pod| pod.updated));
    CloneSetStatus {
        replicas,
        ready: count(&|pod| pod.running && pod.ready),
        available: count(&CloneSetPod::available),
        updated,
        updated_ready: count(&|pod| pod.updated && pod.running && pod.ready),
        updated_available: count(&|pod| pod.updated && pod.available()),
        expected_updated: set.replicas.saturating_sub(set.partition),
        current_follows: updated == replicas && replicas == set.replicas,
    }
}

/// Decides what one reconcile changes.
///
/// The pods come in the order in which the controller's cache lists them, which Kubernetes does not
/// define: it decides which marked pod returns to `Normal` first.
#[must_use]
pub fn decide(set: &CloneSet, pods: &[CloneSetPod]) -> Changes {
    scale(set, pods).unwrap_or_else(|| update(set, pods))
}

/// Pods by revision and what is to become of them.
#[derive(Clone, Copy, Default)]
struct Group {
    all: i64,
    marked: i64,
    specified: i64,
    unavailable: i64,
}

impl Group {
    fn count<'a>(pods: impl Iterator<Item = &'a CloneSetPod>) -> Self {
        pods.fold(Self::default(), |sum, pod| {
            let (active, specified) = (!pod.preparing_delete, pod.specified);
            Self {
                all: sum.all + 1,
                marked: sum.marked + i64::from(!active),
                specified: sum.specified + i64::from(active && specified),
                unavailable: sum.unavailable + i64::from(active && !specified && !pod.available()),
            }
        })
    }

    const fn active(&self) -> i64 {
        self.all - self.marked
    }
}

/// How far the pods are from what is wanted (OpenKruise: `calculateDiffsWithExpectation`).
#[derive(Clone, Copy, Default)]
struct Diff {
    up: i64,
    up_old: i64,
    down: i64,
    down_old: i64,
    /// Ready pods that may be deleted.
    delete_ready: i64,
    /// Pods to be updated.
    update: i64,
    /// Unavailable pods that updates may leave.
    update_unavailable: i64,
}

fn diff(set: &CloneSet, pods: &[CloneSetPod]) -> Diff {
    let new = Group::count(pods.iter().filter(|pod| pod.updated));
    let old = Group::count(pods.iter().filter(|pod| !pod.updated));
    let (replicas, partition) = (i64::from(set.replicas), i64::from(set.partition.min(set.replicas)));
    let unavailable_max = i64::from(set.max_unavailable);
    let (all, marked, specified) =
        (new.all + old.all, new.marked + old.marked, new.specified + old.specified);
    let unavailable = marked + new.unavailable + old.unavailable;
    let old_excess = (old.active() - partition).max(0);
    let new_missing = (replicas - partition - new.active()).max(0);

    let updates = old_excess.min(new_missing);
    let surge_max = if set.paused { 0 } else { i64::from(set.max_surge) };
    let for_specified = (unavailable + specified - unavailable_max).clamp(0, specified);
    let (surge, surge_old) = if for_specified >= updates {
        let surge = surge_max.min(for_specified);
        (surge, surge.min((for_specified - new.specified).max(0)))
    } else {
        (surge_max.min(updates), 0)
    };

    let counted = if set.exclude_preparing_delete {
        (new.active() + old.active(), old.active())
    } else {
        (all, old.all)
    };
    let (wanted, wanted_old) = (replicas + surge, partition + surge_old);
    let up = (wanted - counted.0).max(0);
    let down = (counted.0 - specified - wanted).max(0);
    Diff {
        up,
        up_old: if up > 0 { (wanted_old - counted.1).max(0) } else { 0 },
        down,
        down_old: if down > 0 { (counted.1 - old.specified - wanted_old).max(0) } else { 0 },
        delete_ready: (unavailable_max + all - replicas - unavailable).max(0),
        update: updates,
        update_unavailable: unavailable_max + all - replicas,
    }
}

/// Creation and deletion; `None` when neither was due (OpenKruise: `realControl.Scale`).
fn scale(set: &CloneSet, pods: &[CloneSetPod]) -> Option<Changes> {
    let planned = pods.iter().filter(|pod| pod.specified || pod.preparing_delete).count();
    let back = return_to_normal(set, pods, planned);
    if !back.is_empty() {
        return Some(Changes { pods: back, ..Changes::default() });
    }
    let diff = diff(set, pods);
    if diff.up > 0 {
        let current = diff.up_old.min(diff.up);
        return Some(Changes {
            create_updated: number(diff.up - current),
            create_current: number(current),
            pods: Vec::new(),
        });
    }
    let marked = positions(pods, |pod| pod.preparing_delete);
    if let Some(changes) = delete(set, pods, marked) {
        return Some(changes);
    }
    let mut ready_left = diff.delete_ready;
    let specified = positions(pods, |pod| pod.specified && !pod.preparing_delete);
    if let Some(changes) = delete(set, pods, within(pods, specified, &mut ready_left)) {
        return Some(changes);
    }
    if diff.down > 0 && planned == 0 {
        return delete(set, pods, within(pods, choose(pods, diff), &mut ready_left));
    }
    None
}

/// Marked pods return to `Normal` when fewer than `replicas` are left without them
/// (OpenKruise: `managePreparingDelete`).
fn return_to_normal(set: &CloneSet, pods: &[CloneSetPod], planned: usize) -> Vec<(usize, PodChange)> {
    let staying = pods.len() - planned;
    let room = (set.replicas as usize).saturating_sub(staying);
    let marked = positions(pods, |pod| pod.preparing_delete && !pod.specified);
    marked.into_iter().take(room).map(|at| (at, PodChange::Unmark)).collect()
}

/// Deletes pods, or marks those that the hook holds; `None` when all are marked already.
fn delete(set: &CloneSet, pods: &[CloneSetPod], at: Vec<usize>) -> Option<Changes> {
    let change = |at: usize| match pods[at] {
        pod if !(set.pre_delete_hook && pod.hooked) => Some((at, PodChange::Delete)),
        pod if !pod.preparing_delete => Some((at, PodChange::Mark)),
        _ => None,
    };
    let changes: Vec<_> = at.into_iter().filter_map(change).collect();
    (!changes.is_empty()).then(|| Changes { pods: changes, ..Changes::default() })
}

/// Of these pods, all that are not available and as many available ones as may be missing.
fn within(pods: &[CloneSetPod], at: Vec<usize>, ready_left: &mut i64) -> Vec<usize> {
    let allowed = |at: &usize| {
        let free = !pods[*at].available();
        if !free {
            *ready_left -= 1;
        }
        free || *ready_left >= 0
    };
    at.into_iter().filter(allowed).collect()
}

/// Which pods a scale-in removes (OpenKruise: `choosePodsToDelete`).
fn choose(pods: &[CloneSetPod], diff: Diff) -> Vec<usize> {
    let (total, old) = (diff.down as usize, diff.down_old.min(diff.down) as usize);
    let first = |updated: bool, count: usize| {
        let mut at = positions(pods, |pod| pod.updated == updated);
        at.sort_by(|a, b| before(&pods[*a], &pods[*b], true));
        at.truncate(count);
        at
    };
    let mut chosen = first(false, old);
    chosen.extend(first(true, total - old));
    chosen
}

/// Updates of old pods (OpenKruise: `realControl.Update`, `limitUpdateIndexes`).
fn update(set: &CloneSet, pods: &[CloneSetPod]) -> Changes {
    let diff = diff(set, pods);
    if set.paused || diff.update == 0 {
        return Changes::default();
    }
    let mut at = positions(pods, |pod| !pod.updated && !pod.preparing_delete);
    at.sort_by(|a, b| before(&pods[*a], &pods[*b], false));
    at.truncate(diff.update as usize);
    let new_unavailable = pods.iter().filter(|pod| pod.updated && !pod.available()).count() as i64;
    let mut unavailable = pods.iter().filter(|pod| !pod.available()).count() as i64;
    let mut changes = Vec::new();
    for at in at {
        if new_unavailable + changes.len() as i64 >= diff.update_unavailable {
            break;
        }
        if pods[at].available() {
            if unavailable >= diff.update_unavailable {
                break;
            }
            unavailable += 1;
        }
        changes.push((at, PodChange::Specify));
    }
    changes.retain(|(at, _)| !pods[*at].specified);
    Changes { pods: changes, ..Changes::default() }
}

/// Which of two pods goes first (OpenKruise: `ActivePodsWithRanks`; Kubernetes: `ActivePods`): no node
/// yet, not running, not available, not ready, lower deletion cost, ready more recently, more restarts,
/// younger. Ranks by node are left out. An update looks at neither availability nor deletion cost.
fn before(a: &CloneSetPod, b: &CloneSetPod, scale_in: bool) -> Ordering {
    let weight = |pod: &CloneSetPod| {
        if scale_in { (pod.available(), pod.deletion_cost) } else { (false, 0) }
    };
    let state = |pod: &CloneSetPod| (pod.scheduled, pod.running, weight(pod).0, pod.ready, weight(pod).1);
    let since = |pod: &CloneSetPod| pod.ready.then_some(Reverse(pod.ready_since));
    let youth = |pod: &CloneSetPod| (since(pod), Reverse(pod.restarts), Reverse(pod.created_at));
    state(a).cmp(&state(b)).then_with(|| youth(a).cmp(&youth(b)))
}

fn positions(pods: &[CloneSetPod], wanted: impl Fn(&CloneSetPod) -> bool) -> Vec<usize> {
    pods.iter().enumerate().filter(|(_, pod)| wanted(pod)).map(|(at, _)| at).collect()
}

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0)
}

#[cfg(test)]
#[path = "cloneset_tests.rs"]
mod tests;
