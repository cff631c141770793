//! What a stage waited for beyond its deadline and is there after all.

use super::Rolling;
use crate::engine::decision::Waiting;
use crate::engine::table::Until;
use crate::engine::until;
use crate::model::{Facts, Observation};

impl Rolling<'_> {
    /// Whether nothing is missing any more but what the flow itself does next.
    pub(in crate::engine) fn has_come_late(&self, seen: &Observation) -> bool {
        let row = self.row(seen);
        let goal = self.goal(row);
        let failed = self.failing(seen);
        if !self.is_mended(seen) || failed > self.tolerated() {
            return false;
        }
        if self.without_failed(failed, row, seen, goal).is_some() {
            return true;
        }
        if self.counted(seen, Facts::STUCK) > 0 {
            return false;
        }
        let count = |with, without| seen.pods.count(with, without);
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
}

#[cfg(test)]
#[path = "came_tests.rs"]
mod tests;
