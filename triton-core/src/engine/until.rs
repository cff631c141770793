//! What a stage still waits for.

use super::goal::Goal;
use super::table::Until;
use crate::model::{Facts, Pods};

use super::decision::Waiting;

/// What is missing before the stage may end; `None` when nothing is. The interval is not judged here.
pub(super) fn unmet(until: Until, pods: &Pods, wanted: Goal) -> Option<Waiting> {
    match until {
        Until::Now | Until::Interval => None,
        Until::Booted => {
            let ready = pods.count(Facts::FRESH | Facts::BOOTED, Facts::MARKED);
            (ready < wanted.fresh).then_some(Waiting::Pods { ready, of: wanted.fresh })
        }
        Until::In => {
            let ready = pods.count(Facts::FRESH | Facts::IN, Facts::MARKED);
            (ready < wanted.fresh).then_some(Waiting::In { ready, of: wanted.fresh })
        }
        Until::Gone => {
            let leaving = pods.count(Facts::MARKED, Facts::empty());
            let stale = pods.count(Facts::empty(), Facts::MARKED | Facts::FRESH);
            let surplus = stale.saturating_sub(wanted.stale);
            let left = leaving.saturating_add(surplus);
            (left > 0).then_some(Waiting::Out { pods: left })
        }
    }
}
