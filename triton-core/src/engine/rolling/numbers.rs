//! The numbers that a stage asks for, and which pods leave by name besides.

use alloc::collections::BTreeSet;

use super::Rolling;
use crate::engine::look::has_template;
use crate::engine::shape;
use crate::engine::table::{Row, Until};
use crate::model::{Facts, Kind, MAX_NAMED, Observation, PodName, Shape, Tolerance};

impl Rolling<'_> {
    /// The shape of the stage, and which new pods leave that nobody asked for.
    pub(super) fn shape(&self, row: Row, seen: &Observation) -> Shape {
        let want = self.shape_of(row, seen);
        let doomed = want.doomed.clone().or_else(|| self.unasked(row, &want, seen));
        Shape { doomed, ..want }
    }

    /// The numbers of the stage. Old pods that others added are kept until old pods leave anyway: the
    /// workload's controller would exchange them for new ones, wait for new pods to be available that the
    /// batch does not pull in yet, and never get on.
    pub(super) fn shape_of(&self, row: Row, seen: &Observation) -> Shape {
        let want = shape::rolling(self.plan, self.done, self.end(), row);
        // Pods that are to be deleted anyway are replaced one by one beside them: to keep those too would ask for more
        // and more.
        let others = |known| {
            let leave = Facts::MARKED | Facts::DOOMED | Facts::FOREIGN;
            seen.pods.count(Facts::empty(), known | leave)
        };
        let stays = self.kind() == Kind::Replace && !row.shrunk;
        match want.partition {
            None if self.kind() != Kind::Grow => {
                // Names that stayed would leave although more pods are asked for.
                let chosen = || shape::doomed(seen, self.plan, self.after(), false);
                // Pods that were chosen to be updated in place, for a template of others, count as unavailable: none
                // that is named would be chosen beside them. Choosing is safe: hooked pods stay until they are let go.
                let waits = seen.pods.any(Facts::UNAVAILABLE, Facts::empty());
                let unavailable = if waits { want.replicas.max(1) } else { want.unavailable };
                // Without them in the numbers no new pod would be started beside them.
                let more = if stays { others(Facts::FRESH).saturating_sub(self.before().stale) } else { 0 };
                let replicas = want.replicas.saturating_add(more);
                let doomed = Some(row.shrunk.then(chosen).unwrap_or_default());
                Shape { replicas, doomed, unavailable, ..want }
            }
            // Where others set the size, it is right: old pods that are too many leave by name, not for new ones.
            Some(stay) if stays && self.plan.base.followed.is_some() && has_template(seen, &want) => {
                let doomed = Some(shape::surplus(seen, stay)).filter(|names| !names.is_empty());
                Shape { doomed, ..want }
            }
            Some(partition) if stays => {
                // Which pods are new cannot be told before the flow's template is in place again.
                let more = if has_template(seen, &want) {
                    others(Facts::FRESH).saturating_sub(partition)
                } else {
                    others(Facts::empty()).saturating_sub(want.replicas)
                };
                let (replicas, partition) =
                    (want.replicas.saturating_add(more), partition.saturating_add(more));
                Shape { replicas, partition: Some(partition), ..want }
            }
            Some(_) if row.until == Until::Gone => match self.leave_idle(want.replicas, seen) {
                0 => self.sheds(want, row, seen),
                idle => Shape { doomed: Some(shape::idle(seen, idle)), ..want },
            },
            None | Some(_) => self.sheds(want, row, seen),
        }
    }

    /// New pods that nobody asked for leave by name as far as old ones are missing, which come in their places: where
    /// others set a size, a partition or names of pods, the workload's controller starts what is missing at the new
    /// revision. Those in traffic stay.
    pub(super) fn unasked(&self, row: Row, want: &Shape, seen: &Observation) -> Option<BTreeSet<PodName>> {
        // Where none of an earlier revision would be started in their places, new ones would be, without end.
        let starts_old = seen.stable.is_some() && seen.stable != seen.revision;
        let old_come = self.limited() && starts_old && has_template(seen, want);
        let partition = want.partition.filter(|_| old_come)?;
        let wanted = self.wanted(row);
        // Those in traffic that are to be deleted leave once the pods in their places serve.
        let serves = Facts::ASKED | Facts::IN;
        let stays = seen.pods.count(Facts::FRESH, Facts::DOOMED);
        let never = seen.pods.count(Facts::FRESH | Facts::DOOMED, serves);
        let surplus = stays.saturating_add(never).saturating_sub(wanted.fresh);
        let old = seen.pods.count(Facts::empty(), Facts::FRESH | Facts::MARKED | Facts::FOREIGN);
        let leaving = seen.pods.count(Facts::FRESH | Facts::MARKED, serves);
        let leave = surplus.min(partition.saturating_sub(old).saturating_add(leaving)).min(MAX_NAMED);
        (leave > 0).then(|| shape::unasked(seen, leave))
    }

    /// Failed pods that a batch goes on without leave by name: the workload's controller might choose others.
    fn sheds(&self, want: Shape, row: Row, seen: &Observation) -> Shape {
        let fresh = seen.pods.count(Facts::FRESH, Facts::empty());
        let surplus = fresh.saturating_sub(self.after().fresh);
        let tolerant = row.grown && self.flow.spec.tolerance != Tolerance::Nothing && surplus > 0;
        let doomed = tolerant.then(|| shape::failed(seen, surplus));
        Shape { doomed: doomed.or(want.doomed), ..want }
    }
}

/// Whether a shape asks for more new pods than the workload is told to have.
pub(super) fn asks_for_more(want: &Shape, seen: &Observation) -> bool {
    let new = |shape: &Shape| shape.replicas.saturating_sub(shape.partition.unwrap_or(0));
    seen.shape.as_ref().is_some_and(|told| new(want) > new(told))
}
