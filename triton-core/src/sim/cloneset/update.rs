//! Updates of pods.

use std::vec::Vec;

use super::diff::diff;
use super::order::{before, positions};
use super::{Changes, CloneSet, CloneSetPod, PodChange};

/// Updates of old pods (OpenKruise: `realControl.Update`, `limitUpdateIndexes`).
pub(super) fn update(set: &CloneSet, pods: &[CloneSetPod]) -> Changes {
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
