//! What keeps the old pods of a batch from leaving, and how those that were chosen already return.

use super::Rolling;
use crate::engine::decision::{Effect, Waiting};
use crate::engine::look::ask;
use crate::engine::shape;
use crate::engine::table::Row;
use crate::engine::tend::{cleared, hooked};
use crate::model::{Facts, Kind, Observation, Shape, Stage};

impl Rolling<'_> {
    /// Whether the workload's controller was not told yet to let the old pods of the batch leave.
    pub(super) fn keeps_all(&self, seen: &Observation) -> bool {
        let told = |shape: &Shape| shape::lets_leave(self.plan, self.end(), shape);
        self.kind() == Kind::Replace && !seen.shape.as_ref().is_some_and(told)
    }

    /// What keeps the old pods of the batch from leaving: their places in the registry, or new pods that the workload's
    /// controller does not count as available yet. It is told to let them leave after that, so that a cancel keeps them.
    pub(super) fn keeps_old(&self, row: Row, seen: &Observation) -> Option<Waiting> {
        if !row.shrunk || !matches!(self.batch.stage, Stage::Leaving | Stage::Vacating) {
            return None;
        }
        let pods = self.before().stale.saturating_sub(self.after().stale);
        let young = seen.young_for.filter(|_| self.keeps_all(seen) && !self.plan.base.in_place && pods > 0);
        lost(seen).or_else(|| young.map(|left| Waiting::Available { pods, left: left.into() }))
    }

    /// What returns the old pods that were chosen and not let go, where the registry would lose what they stand for: they
    /// may be out of traffic already, and the last of it.
    pub(super) fn returns(&self, row: Row, seen: &Observation) -> Option<Effect> {
        if seen.lost.is_empty() {
            return None;
        }
        let want = self.keeping(row, seen);
        // Numbers that keep as many, or more, stay: others may have given them.
        let told = seen.shape.as_ref().and_then(|shape| shape.partition);
        let keeps_more = want.partition.is_none_or(|partition| told.is_some_and(|told| told < partition));
        let asked = || ask(seen, want).filter(|_| keeps_more);
        // In a swap alone pods are chosen by a label of their own, which no number takes back.
        let swaps = self.kind() == Kind::Swap && !self.plan.base.by_name();
        let cleared = || cleared(&seen.pods, Facts::empty(), Facts::FRESH).filter(|_| swaps);
        hooked(&seen.pods).or_else(asked).or_else(cleared)
    }

    /// The numbers of the stage with every old pod of the batch that is there still.
    fn keeping(&self, row: Row, seen: &Observation) -> Shape {
        let old = |with, without| seen.pods.count(with, without | Facts::FRESH);
        let let_go = old(Facts::MARKED, Facts::HOOKED);
        let stay = old(Facts::empty(), Facts::empty()).saturating_sub(let_go);
        // No more are gone than leave in this batch: in the places of others that are missing old ones come back.
        let (before, after) = (self.before().stale, self.after().stale);
        let gone = before.saturating_sub(stay.max(after));
        let beside = row.grown && self.kind() == Kind::Replace;
        let want = self.shape_of(Row { shrunk: false, grown: beside, ..row }, seen);
        let kept = want.replicas.saturating_sub(gone);
        // In a swap new ones take the places of those that are gone.
        let replicas = if row.grown { kept.max(self.after().total()) } else { kept };
        let partition = want.partition.map(|partition| partition.saturating_sub(gone));
        let doomed = self.plan.base.by_name().then(|| shape::let_go(seen));
        Shape { replicas, partition, doomed, ..want }
    }
}

/// What keeps old pods from leaving, if anything: the registry has pods of which it can have no successors.
pub(super) fn lost(seen: &Observation) -> Option<Waiting> {
    (!seen.lost.is_empty()).then(|| Waiting::ServiceLost { what: seen.lost.join("; ") })
}
