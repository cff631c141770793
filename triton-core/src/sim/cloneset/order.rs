//! Which pods go first.

use core::cmp::{Ordering, Reverse};
use std::vec::Vec;

use super::CloneSetPod;

/// Which of two pods goes first (OpenKruise: `ActivePodsWithRanks`; Kubernetes: `ActivePods`): no node
/// yet, not running, not available, not ready, lower deletion cost, ready more recently, more restarts,
/// younger. Ranks by node are left out. An update looks at neither availability nor deletion cost.
pub(super) fn before(a: &CloneSetPod, b: &CloneSetPod, scale_in: bool) -> Ordering {
    let weight = |pod: &CloneSetPod| {
        if scale_in { (pod.available(), pod.deletion_cost) } else { (false, 0) }
    };
    let state = |pod: &CloneSetPod| (pod.scheduled, pod.running, weight(pod).0, pod.ready, weight(pod).1);
    let since = |pod: &CloneSetPod| pod.ready.then_some(Reverse(pod.ready_since));
    let youth = |pod: &CloneSetPod| (since(pod), Reverse(pod.restarts), Reverse(pod.created_at));
    state(a).cmp(&state(b)).then_with(|| youth(a).cmp(&youth(b)))
}

pub(super) fn positions(pods: &[CloneSetPod], wanted: impl Fn(&CloneSetPod) -> bool) -> Vec<usize> {
    pods.iter().enumerate().filter(|(_, pod)| wanted(pod)).map(|(at, _)| at).collect()
}
