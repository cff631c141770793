//! New pods of a batch that fail: which of them count, how many may, and how a batch goes on without them.

use super::Rolling;
use crate::engine::goal::Goal;
use crate::engine::table::Row;
use crate::engine::until;
use crate::model::{Batch, Facts, Kind, Observation, Stage, Tolerance};

impl Rolling<'_> {
    /// The batch with what failed taken out of it, once everything else of it is ready: the rest is work for
    /// later batches.
    pub(super) fn without_failed(
        &self,
        failed: u32,
        row: Row,
        seen: &Observation,
        wanted: Goal,
    ) -> Option<Batch> {
        let early =
            matches!(self.batch.stage, Stage::Smoking | Stage::PullingIn) && self.kind() != Kind::Swap;
        let rest = Goal { fresh: wanted.fresh.saturating_sub(failed), ..wanted };
        let goes_on = early && failed > 0 && failed <= self.tolerated();
        (goes_on && until::unmet(self.kind(), row.until, &seen.pods, rest).is_none())
            .then(|| Batch { size: self.batch.size.saturating_sub(failed), ..self.batch })
    }

    /// New pods that fail now. Where pods only leave, none do; where they are only added, those that were out
    /// of service before do not count.
    pub(super) fn failing(&self, seen: &Observation) -> u32 {
        self.counted(seen, Facts::FAILED)
    }

    /// Whether nothing keeps more new pods from running than may fail, and none of them might fall over again.
    pub(in crate::engine) fn is_mended(&self, seen: &Observation) -> bool {
        self.runs(seen) && !Self::is_shaky(seen)
    }

    /// Whether it is not mended only because one of them might.
    pub(in crate::engine) fn calms(&self, seen: &Observation) -> bool {
        self.runs(seen) && Self::is_shaky(seen)
    }

    /// Those that a batch goes on without count, too: a flow that holds does not go on. Pods that are gone, or go, are
    /// not mended.
    fn runs(&self, seen: &Observation) -> bool {
        self.kept(seen, Facts::STUCK) <= self.tolerated() && self.absent(seen) <= self.tolerated()
    }

    fn is_shaky(seen: &Observation) -> bool {
        seen.pods.any(Facts::FRESH | Facts::SHAKY, Facts::MARKED)
    }

    /// The failures that count, of the pods with these facts.
    pub(super) fn counted(&self, seen: &Observation, with: Facts) -> u32 {
        self.kept(seen, with).saturating_sub(self.shed(seen))
    }

    /// The same, with those that the batch goes on without.
    fn kept(&self, seen: &Observation, with: Facts) -> u32 {
        let failing = seen.pods.count(Facts::FRESH | with, Facts::MARKED);
        match self.kind() {
            Kind::Shrink => 0,
            Kind::Grow | Kind::Replace | Kind::Swap => failing.saturating_sub(self.plan.base.degraded),
        }
    }

    /// New pods that the batch goes on without, on their way out: of those there are more than are wanted, and
    /// of all pods more than the stage asks for. New pods that came of numbers of others stay.
    fn shed(&self, seen: &Observation) -> u32 {
        if self.flow.spec.tolerance == Tolerance::Nothing {
            return 0;
        }
        let surplus = seen.pods.count(Facts::FRESH, Facts::MARKED).saturating_sub(self.after().fresh);
        let stay = self.shape(self.row(seen), seen).replicas;
        surplus.min(seen.pods.count(Facts::empty(), Facts::MARKED).saturating_sub(stay))
    }

    /// New pods of this batch that may fail: never all of them, and none once they take traffic.
    pub(super) fn tolerated(&self) -> u32 {
        let most = self.batch.size.saturating_sub(1);
        if self.last() || self.batch.stage > Stage::PullingIn {
            return 0;
        }
        self.flow.spec.tolerance.of(self.batch.size).min(most)
    }
}
