//! Pods that were chosen to leave and cannot before others serve, and what a batch does meanwhile.

use super::Rolling;
use crate::engine::shape;
use crate::engine::table::{Row, Until};
use crate::engine::tend::{held_back, serving};
use crate::engine::until;
use crate::model::{Facts, Kind, Observation, Stage};

impl Rolling<'_> {
    /// On a workload that was left: old pods out of traffic that leave by name. The workload's controller chooses none
    /// while a pod that serves is to be deleted, and may not be yet because others are out of traffic.
    pub(super) fn leave_idle(&self, replicas: u32, seen: &Observation) -> u32 {
        let waits = seen.pods.any(Facts::DOOMED | Facts::IN, Facts::MARKED);
        if seen.left.is_some() && waits && !seen.pods.any(Facts::MARKED, Facts::empty()) {
            return Self::idle(seen).min(seen.pods.len().saturating_sub(replicas));
        }
        self.passed_over(seen)
    }

    /// Old pods that nobody asked into traffic and that were not chosen.
    fn idle(seen: &Observation) -> u32 {
        seen.pods.count(Facts::GATED, Facts::ASKED | Facts::MARKED | Facts::FRESH)
    }

    /// On a workload that was left: old pods out of traffic that leave by name, because those that the workload's
    /// controller chose have to serve; it chooses no others. Of them as many are replaced as new pods are missing. In
    /// the places of the others, which are too many, chosen ones return that nobody marked for deletion.
    pub(super) fn passed_over(&self, seen: &Observation) -> u32 {
        let pods = &seen.pods;
        if seen.left.is_none() || !self.is_held_up(seen) {
            return 0;
        }
        let missing = self.after().fresh.saturating_sub(pods.count(Facts::FRESH, Facts::MARKED));
        let staying = pods.count(Facts::empty(), Facts::SPECIFIED);
        let surplus = pods.count(Facts::MARKED, Facts::SPECIFIED);
        let surplus = surplus.min(staying.saturating_sub(self.after().total()));
        let chosen = pods.count(Facts::MARKED, Facts::empty());
        Self::idle(seen).min(missing.saturating_add(surplus)).min(chosen)
    }

    /// On a workload that was left, pods out of traffic make up the numbers, and nothing else is chosen while those
    /// that serve are: these leave in later batches, as far as new pods serve by then, or fewer are to serve.
    pub(super) fn goes_on_beside(&self, seen: &Observation) -> bool {
        let leaves = matches!(self.batch.stage, Stage::Vacating | Stage::Leaving);
        let serve = || until::unmet(self.kind(), Until::In, &seen.pods, self.after()).is_none();
        let left = leaves && seen.left.is_some() && self.is_held_up(seen);
        left && self.passed_over(seen) == 0 && (self.kind() != Kind::Replace || serve())
    }

    /// Every new pod of the batch is there, and no old one that was chosen can leave: the new ones took the
    /// places of pods that were lost, and the old ones leave once these serve.
    pub(super) fn has_come(&self, seen: &Observation) -> bool {
        let wanted = self.after().fresh;
        wanted > self.before().fresh
            && seen.pods.count(Facts::FRESH, Facts::MARKED) >= wanted
            && self.is_held_up(seen)
    }

    /// The old pods of the batch are gone, and those that others chose beside them can leave only when the new ones serve
    /// that are not asked for yet.
    pub(super) fn has_room(&self, row: Row, seen: &Observation) -> bool {
        let wanted = shape::rolling(self.plan, self.done, self.end(), row).replicas;
        let old = seen.pods.count(Facts::empty(), Facts::MARKED | Facts::FRESH);
        let gone = old <= self.after().stale && seen.pods.len() <= wanted;
        !row.grown && gone && self.is_held_up(seen)
    }

    /// Pods were chosen, and none of them can leave before others serve.
    fn is_held_up(&self, seen: &Observation) -> bool {
        let chosen = seen.pods.count(Facts::MARKED, Facts::empty());
        chosen > 0
            && chosen == held_back(&seen.pods, Facts::empty(), Facts::empty())
            && serving(&seen.pods) <= self.rule(false, true).floor
    }
}
