//! What a stage still waits for.

use super::goal::Goal;
use super::table::Until;
use crate::model::{Facts, Kind, Pods};

use super::decision::Waiting;

/// What is missing before the stage may end; `None` when nothing is. The interval is not judged here.
pub(super) fn unmet(kind: Kind, until: Until, pods: &Pods, wanted: Goal) -> Option<Waiting> {
    match until {
        Until::Now | Until::Interval => None,
        Until::Booted => {
            let ready = pods.count(Facts::FRESH | Facts::BOOTED, Facts::MARKED);
            (ready < wanted.fresh).then(|| running(ready, wanted.fresh, pods))
        }
        Until::In => {
            let ready = pods.count(Facts::FRESH | Facts::IN, Facts::MARKED);
            (ready < wanted.fresh).then_some(Waiting::In { ready, of: wanted.fresh })
        }
        Until::Gone => {
            let leaving = pods.count(Facts::MARKED, Facts::empty());
            let left = leaving.saturating_add(surplus(kind, pods, wanted));
            (left > 0).then_some(Waiting::Out { pods: left, drains: false })
        }
    }
}

/// What is waited for while `ready` of the new pods run.
pub(super) fn running(ready: u32, of: u32, pods: &Pods) -> Waiting {
    Waiting::Pods { ready, of, in_grace: pods.any(Facts::FRESH | Facts::IN_GRACE, Facts::MARKED) }
}

/// Pods that are too many and were not chosen yet.
fn surplus(kind: Kind, pods: &Pods, wanted: Goal) -> u32 {
    let (all, stale) =
        (pods.count(Facts::empty(), Facts::MARKED), pods.count(Facts::empty(), Facts::MARKED | Facts::FRESH));
    match kind {
        Kind::Shrink => all.saturating_sub(wanted.total()),
        Kind::Grow | Kind::Replace | Kind::Swap => stale.saturating_sub(wanted.stale),
    }
}
