//! What a stage waited for beyond its deadline and is there after all.

use super::Rolling;
use super::numbers::asks_for_more;
use crate::engine::decision::Waiting;
use crate::engine::table::Until;
use crate::engine::until;
use crate::model::{Facts, Observation, Stage};

impl Rolling<'_> {
    /// Whether nothing is missing any more but what the flow itself does next.
    pub(in crate::engine) fn has_come_late(&self, seen: &Observation) -> bool {
        self.is_mended(seen) && self.is_there(seen)
    }

    /// The same, whether or not new pods might fall over again.
    pub(in crate::engine) fn is_there(&self, seen: &Observation) -> bool {
        let row = self.row(seen);
        let goal = self.goal(row);
        let count = |with, without| seen.pods.count(with, without);
        let failed = self.failing(seen);
        if failed > self.tolerated() {
            return false;
        }
        if self.without_failed(failed, row, seen, goal).is_some() {
            return true;
        }
        if self.counted(seen, Facts::STUCK) > 0 {
            return false;
        }
        match (row.until, until::unmet(self.kind(), row.until, &seen.pods, goal)) {
            (_, None) => true,
            // All run, and no other is missing than those that were not asked in yet.
            (Until::In, Some(_)) => {
                let runs = Facts::FRESH | Facts::BOOTED;
                let (out, leave) = (Facts::MARKED | Facts::IN, Facts::MARKED);
                count(runs, leave) >= goal.fresh
                    && count(runs, out) == count(runs | Facts::GATED, out | Facts::ASKED)
            }
            // Those that are out of traffic are let go next.
            (_, Some(Waiting::Out { pods, .. })) => {
                pods <= count(Facts::MARKED | Facts::HOOKED | Facts::OUT, Facts::ASKED)
            }
            (_, Some(_)) => false,
        }
    }

    /// New pods of the batch that the stage waits for and that are not there. Before old pods have left for them there are
    /// none.
    pub(super) fn absent(&self, seen: &Observation) -> u32 {
        if self.batch.stage <= Stage::Vacating {
            return 0;
        }
        let wanted = self.goal(self.row(seen)).fresh;
        wanted.saturating_sub(seen.pods.count(Facts::FRESH, Facts::MARKED))
    }

    /// Whether such pods do not come while the flow is stopped: others changed the numbers that asked for them.
    pub(in crate::engine) fn is_short(&self, seen: &Observation) -> bool {
        self.absent(seen) > 0 && asks_for_more(&self.shape(self.row(seen), seen), seen)
    }
}

#[cfg(test)]
#[path = "came_tests.rs"]
mod tests;
