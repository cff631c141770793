//! Creation and deletion of pods.

use std::vec::Vec;

use super::diff::{Diff, diff};
use super::order::{before, positions};
use super::{Changes, CloneSet, CloneSetPod, ControllerChange};

/// Creation and deletion; `None` when neither was due (OpenKruise: `realControl.Scale`).
pub(super) fn scale(set: &CloneSet, pods: &[CloneSetPod]) -> Option<Changes> {
    let planned = pods.iter().filter(|pod| pod.specified || pod.preparing_delete()).count();
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
    let marked = positions(pods, |pod| pod.preparing_delete());
    if let Some(changes) = delete(set, pods, marked) {
        return Some(changes);
    }
    let mut ready_left = diff.delete_ready;
    let specified = positions(pods, |pod| pod.specified && !pod.preparing_delete());
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
fn return_to_normal(set: &CloneSet, pods: &[CloneSetPod], planned: usize) -> Vec<(usize, ControllerChange)> {
    let staying = pods.len() - planned;
    let room = (set.replicas as usize).saturating_sub(staying);
    let marked = positions(pods, |pod| pod.preparing_delete() && !pod.specified);
    marked.into_iter().take(room).map(|at| (at, ControllerChange::Unmark)).collect()
}

/// Deletes pods, or marks those that the hook holds; `None` when all are marked already.
fn delete(set: &CloneSet, pods: &[CloneSetPod], at: Vec<usize>) -> Option<Changes> {
    let change = |at: usize| match pods[at] {
        pod if !(set.pre_delete_hook && pod.hooked) => Some((at, ControllerChange::Delete)),
        pod if !pod.preparing_delete() => Some((at, ControllerChange::Mark)),
        _ => None,
    };
    let changes: Vec<_> = at.into_iter().filter_map(change).collect();
    (!changes.is_empty()).then(|| Changes { pods: changes, ..Changes::default() })
}

/// Of these pods, all that do not serve and as many of those that do as may be missing.
fn within(pods: &[CloneSetPod], at: Vec<usize>, ready_left: &mut i64) -> Vec<usize> {
    let allowed = |at: &usize| {
        let free = !pods[*at].serves();
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

fn number(count: i64) -> u32 {
    u32::try_from(count).unwrap_or(0)
}
