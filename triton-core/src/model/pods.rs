//! The pods of a workload in the form that decisions read: facts that are counted fast.

use alloc::vec::Vec;
use core::time::Duration;

use super::name::{PodName, PodUid, Version};

/// A pod that an effect acts on, guarded by what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PodRef {
    /// Name to address it by.
    pub name: PodName,
    /// Identity: another pod of that name is not touched.
    pub uid: PodUid,
    /// What was seen: pulling out and letting go are refused when the pod has changed since.
    pub version: Version,
}

bitflags::bitflags! {
    /// What is true of a pod, packed so that a hundred pods are counted in nanoseconds.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub struct Facts: u32 {
        /// It is one of those the flow wants (update: of the target revision).
        const FRESH = 1;
        /// All containers are ready.
        const BOOTED = 1 << 1;
        /// Chosen to leave, or to be updated in place.
        const MARKED = 1 << 2;
        /// Carries the hook label.
        const HOOKED = 1 << 3;
        /// The registry can steer it.
        const GATED = 1 << 4;
        /// It was asked to be in traffic.
        const ASKED = 1 << 5;
        /// The registry shows it.
        const IN = 1 << 6;
        /// The registry does not show it, for certain.
        const OUT = 1 << 7;
        /// It failed: what keeps it from running counts.
        const FAILED = 1 << 8;
        /// It is of the revision that the workload gives new pods.
        const CURRENT = 1 << 9;
        /// It carries the mark of the flow: to be replaced by it.
        const LISTED = 1 << 10;
        /// The flow names it, or names none and means all.
        const NAMED = 1 << 11;
        /// It is to be deleted, whatever the numbers say.
        const SPECIFIED = 1 << 12;
        /// One more chosen to be updated in place than the workload still updates; which of them it is cannot
        /// be told.
        const SURPLUS = 1 << 13;
        /// Chosen to be updated in place, and stays in traffic all the same: the workload's controller counts it as
        /// not available (OpenKruise: `IsPodUpdateReady` and lifecycle state `Normal`).
        const UNAVAILABLE = 1 << 14;
        /// Something keeps it from running, whether that counts already or not.
        const STUCK = 1 << 15;
        /// It has restarted before, and was not seen ready for long enough since.
        const SHAKY = 1 << 16;
        /// Of a revision that others brought while the flow has the workload: it counts as one that does not run.
        const FOREIGN = 1 << 17;
        /// It leaves once others serve in its place, whatever the numbers say: it is [specified](Self::SPECIFIED), or
        /// named by [`Shape::doomed`](super::Shape::doomed).
        const DOOMED = 1 << 18;
        /// It is kept out of traffic for an ordered time before it is updated in place.
        const IN_GRACE = 1 << 19;
    }
}

impl Facts {
    const fn are(self, with: Self, without: Self) -> bool {
        self.contains(with) && !self.intersects(without)
    }
}

/// The active pods of a workload, and a tally of the facts that occur: pods are alike but for a few sorts, so
/// that counting a hundred of them costs no more than counting these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pods {
    all: Vec<(PodRef, Facts, Duration)>,
    tally: Vec<Sort>,
}

/// How many pods have exactly these facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Sort {
    facts: Facts,
    pods: u32,
    longest_out: Duration,
}

impl Pods {
    /// Adds a pod; `out_for`, how long it has been out of traffic, matters only with [`Facts::OUT`].
    pub fn push(&mut self, pod: PodRef, facts: Facts, out_for: Duration) {
        self.all.push((pod, facts, out_for));
        match self.tally.iter_mut().find(|sort| sort.facts == facts) {
            Some(sort) => {
                sort.pods = sort.pods.saturating_add(1);
                sort.longest_out = sort.longest_out.max(out_for);
            }
            None => self.tally.push(Sort { facts, pods: 1, longest_out: out_for }),
        }
    }

    /// Number of pods.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32::try_from(self.all.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// How many have all of `with` and none of `without`.
    #[must_use]
    pub fn count(&self, with: Facts, without: Facts) -> u32 {
        self.sorts(with, without).map(|sort| sort.pods).sum()
    }

    /// Whether any has all of `with` and none of `without`.
    #[must_use]
    pub fn any(&self, with: Facts, without: Facts) -> bool {
        self.sorts(with, without).next().is_some()
    }

    /// The longest `out_for` of those that have all of `with` and none of `without`.
    #[must_use]
    pub fn longest_out(&self, with: Facts, without: Facts) -> Option<Duration> {
        self.sorts(with, without).map(|sort| sort.longest_out).max()
    }

    fn sorts(&self, with: Facts, without: Facts) -> impl Iterator<Item = &Sort> {
        self.tally.iter().filter(move |sort| sort.facts.are(with, without))
    }

    /// The pods one by one.
    pub fn iter(&self) -> impl Iterator<Item = (&PodRef, Facts, Duration)> {
        self.all.iter().map(|(pod, facts, out_for)| (pod, *facts, *out_for))
    }

    /// Those that have all of `with` and none of `without`, one by one; where there is none, nothing is walked.
    pub fn matching(&self, with: Facts, without: Facts) -> impl Iterator<Item = (&PodRef, Facts, Duration)> {
        let pods = usize::try_from(self.count(with, without)).unwrap_or(usize::MAX);
        self.iter().filter(move |(_, facts, _)| facts.are(with, without)).take(pods)
    }
}

/// Which pods must not have changed since they were seen, before something is written that rests on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PodsAsSeen {
    /// Those that ran. Pods that were starting change all the time, and nobody counts on them: they only have to be
    /// there.
    Running,
    /// All: one that was starting may have been asked into traffic since.
    All,
}

#[cfg(test)]
#[path = "pods_tests.rs"]
mod tests;
