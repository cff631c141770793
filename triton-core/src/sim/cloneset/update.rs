//! Updates of pods, in place or by deletion.

use std::vec::Vec;

use super::diff::diff;
use super::order::{before, positions};
use super::{Changes, CloneSet, CloneSetPod, ControllerChange, Lifecycle};

/// Updates of old pods (OpenKruise: `realControl.Update`). What goes on with pods that were updated in
/// place comes first, also while the CloneSet is paused.
pub(super) fn update(set: &CloneSet, pods: &[CloneSetPod]) -> Changes {
    let refreshed = refresh(set, pods);
    if !refreshed.is_empty() {
        return Changes { pods: refreshed, ..Changes::default() };
    }
    let changes = chosen(set, pods).into_iter().filter_map(|at| Some((at, change(set, &pods[at])?)));
    Changes { pods: changes.collect(), ..Changes::default() }
}

/// How pods go on that were updated, or chosen to be and are as wanted again (OpenKruise:
/// `refreshPodState`).
fn refresh(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<(usize, ControllerChange)> {
    let mut changes = Vec::new();
    for (at, pod) in pods.iter().enumerate() {
        if pod.held_back && pod.swapped {
            changes.push((at, ControllerChange::Admit));
        }
        let held = set.in_place_hook && pod.hooked;
        // Either hook makes the whole of `spec.lifecycle` be there.
        let asks = set.in_place_hook || set.pre_delete_hook;
        let over = match pod.state {
            Lifecycle::PreparingUpdate => pod.updated,
            Lifecycle::Updating => pod.swapped,
            Lifecycle::Updated if held || !set.in_place_hook => {
                changes.push((at, ControllerChange::Settle));
                false
            }
            Lifecycle::Normal | Lifecycle::PreparingDelete | Lifecycle::Updated => false,
        };
        if over {
            changes
                .push((at, if asks && !held { ControllerChange::Finish } else { ControllerChange::Settle }));
        }
    }
    changes
}

/// Old pods that may be updated now, by their positions (OpenKruise: `SortUpdateIndexes`,
/// `limitUpdateIndexes`). Those that wait for the hook come first and count again in each reconcile.
fn chosen(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<usize> {
    let diff = diff(set, pods);
    if set.paused || diff.update == 0 {
        return Vec::new();
    }
    let mut at = positions(pods, |pod| !pod.updated && !pod.preparing_delete());
    at.sort_by(|a, b| before(&pods[*a], &pods[*b], false));
    at.sort_by_key(|at| pods[*at].state != Lifecycle::PreparingUpdate);
    at.truncate(diff.update as usize);
    let new_unavailable = pods.iter().filter(|pod| pod.updated && !pod.available()).count() as i64;
    let mut unavailable = pods.iter().filter(|pod| !pod.available()).count() as i64;
    let mut taken = 0;
    for at in &at {
        if new_unavailable + taken >= diff.update_unavailable {
            break;
        }
        if pods[*at].available() {
            if unavailable >= diff.update_unavailable {
                break;
            }
            unavailable += 1;
        }
        taken += 1;
    }
    at.truncate(taken as usize);
    at
}

/// What happens to a chosen pod (OpenKruise: `updatePod`).
fn change(set: &CloneSet, pod: &CloneSetPod) -> Option<ControllerChange> {
    use super::UpdatePolicy::{InPlaceIfPossible, InPlaceOnly, ReCreate};
    let asks = set.in_place_hook && pod.hooked;
    match (set.policy, pod.swappable) {
        (InPlaceIfPossible | InPlaceOnly, true) => match pod.state {
            Lifecycle::Normal if asks => Some(ControllerChange::Prepare),
            Lifecycle::PreparingUpdate if asks => None,
            Lifecycle::Updated => set.in_place_hook.then_some(ControllerChange::PrepareAgain),
            Lifecycle::Normal | Lifecycle::PreparingUpdate | Lifecycle::Updating => {
                Some(ControllerChange::Swap)
            }
            Lifecycle::PreparingDelete => None,
        },
        (InPlaceOnly, false) => None,
        (ReCreate, _) | (InPlaceIfPossible, false) => (!pod.specified).then_some(ControllerChange::Specify),
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
