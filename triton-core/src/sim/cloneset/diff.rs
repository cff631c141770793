//! How many pods are missing, too many, and to be updated.

use super::{CloneSet, CloneSetPod};

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
            let (active, specified) = (!pod.preparing_delete(), pod.specified);
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
pub(super) struct Diff {
    pub(super) up: i64,
    pub(super) up_old: i64,
    pub(super) down: i64,
    pub(super) down_old: i64,
    /// Ready pods that may be deleted.
    pub(super) delete_ready: i64,
    /// Pods to be updated.
    pub(super) update: i64,
    /// Unavailable pods that updates may leave.
    pub(super) update_unavailable: i64,
}

pub(super) fn diff(set: &CloneSet, pods: &[CloneSetPod]) -> Diff {
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
