//! The simulated world: workloads, their controller, a kubelet, endpoints, and a virtual clock.
//!
//! Nothing happens by itself: [`World::advance`] fires everything that is due up to a time, in order, and
//! [`World::next_event`] tells when something is due next. The same seed and the same calls give the same
//! world, byte for byte.

mod controller;
mod kubelet;
mod outside;
mod pod;
mod template;
mod workload;

use core::fmt;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use std::vec::Vec;

use super::flows::Flows;
use super::journal::{Happening, Journal};
use super::past::Past;
use super::random::Random;
use super::tally::Tally;
use super::watch::Watchers;
use crate::model::{InstanceId, Seconds, Template, Timestamp, Traffic, Version};

pub use outside::NewWorkload;
pub use pod::{Mishap, Pod};
pub use template::PodTemplate;
pub(super) use workload::default_unavailable;
pub use workload::{Held, Workload};

/// When a world begins: 2021-09-13T00:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_631_491_200_000_000);

/// How long things take, as ranges in microseconds, both ends included; the seed chooses in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From a pod's creation to its containers being ready.
    pub boot: (i64, i64),
    /// From a change to the reconcile of the workload's controller.
    pub react: (i64, i64),
    /// From a change of readiness to the endpoints.
    pub endpoints: (i64, i64),
    /// From the deletion of a pod to its end.
    pub terminate: (i64, i64),
    /// From a pod's creation to its failure, for pods that fail.
    pub fail: (i64, i64),
    /// From a pod's failure to its containers being ready, for pods that heal.
    pub heal: (i64, i64),
}

impl Default for Timing {
    fn default() -> Self {
        const MILLI: i64 = 1_000;
        Self {
            boot: (800 * MILLI, 6_000 * MILLI),
            react: (5 * MILLI, 200 * MILLI),
            endpoints: (5 * MILLI, 400 * MILLI),
            terminate: (100 * MILLI, 2_000 * MILLI),
            fail: (500 * MILLI, 5_000 * MILLI),
            heal: (5_000 * MILLI, 60_000 * MILLI),
        }
    }
}

/// How often new pods come to grief, in cases of 1,000.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mishaps(pub Vec<(Mishap, u32)>);

/// The world.
pub struct World {
    now: Timestamp,
    seed: u64,
    random: Random,
    /// How long things take.
    pub timing: Timing,
    /// What happens to new pods.
    pub mishaps: Mishaps,
    pub(super) workloads: BTreeMap<InstanceId, Workload>,
    pub(super) flows: Flows,
    pub(super) journal: Journal,
    seq: u64,
    templates: template::Templates,
    snapshots: BTreeMap<InstanceId, (u64, Arc<Workload>)>,
    pub(super) past: Past,
    pub(super) watchers: Watchers,
    pub(super) tally: Tally,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64, timing: Timing) -> Self {
        Self {
            now: BEGINNING,
            seed,
            random: Random::new(seed, 1),
            timing,
            mishaps: Mishaps::default(),
            workloads: BTreeMap::new(),
            flows: Flows::default(),
            journal: Journal::default(),
            seq: 0,
            templates: template::Templates::default(),
            snapshots: BTreeMap::new(),
            past: Past::default(),
            watchers: Watchers::default(),
            tally: Tally::default(),
        }
    }

    /// The time in the world.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The seed it was made from.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// A number that grows with every change of anything.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.seq
    }

    /// What went wrong so far.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// All workloads.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.workloads.values()
    }

    /// One workload.
    #[must_use]
    pub fn workload(&self, id: &InstanceId) -> Option<&Workload> {
        self.workloads.get(id)
    }

    /// The flows as they are stored, not as some host sees them.
    #[must_use]
    pub const fn flows(&self) -> &Flows {
        &self.flows
    }

    /// Everything that happened since the journal was last emptied; see [`World::keep_journal`].
    #[must_use]
    pub fn journal(&self) -> &[Happening] {
        self.journal.entries()
    }

    /// Whether to write the journal. Off by default: a world that runs for days would only grow.
    pub const fn keep_journal(&mut self, on: bool) {
        self.journal.keep(on);
    }

    /// Empties the journal.
    pub fn empty_journal(&mut self) {
        self.journal.empty();
    }

    /// How many pods of a workload take traffic and are meant to: shown by the endpoints, containers and
    /// gate in order, not being deleted.
    #[must_use]
    pub fn serving(&self, id: &InstanceId) -> u32 {
        self.workload(id).map_or(0, Workload::serving)
    }

    /// When something is due next; `None` when the world is at rest.
    #[must_use]
    pub fn next_event(&self) -> Option<Timestamp> {
        self.workloads.values().filter_map(Workload::next_event).min()
    }

    /// Fires everything that is due up to `to`, in order, and sets the clock there. Time never goes back.
    pub fn advance(&mut self, to: Timestamp) {
        while let Some(at) = self.next_event().filter(|at| *at <= to) {
            self.now = self.now.max(at);
            self.fire();
        }
        self.now = self.now.max(to);
    }

    /// Advances by so many seconds.
    pub fn advance_by(&mut self, seconds: Seconds) {
        self.advance(self.now.plus(seconds));
    }

    /// Fires what is due now: kubelet and endpoints first, then the workload's controller.
    fn fire(&mut self) {
        let due = |workload: &Workload, now| workload.next_event().is_some_and(|at| at <= now);
        let now = self.now;
        let ids: Vec<InstanceId> =
            self.workloads.values().filter(|workload| due(workload, now)).map(|w| w.id.clone()).collect();
        for id in ids {
            self.live(&id);
            self.reconcile(&id);
        }
    }

    /// Counts a change; returns its number, which also serves as a version.
    pub(super) const fn bump(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// The state of a workload now, with the number of the world's last change.
    pub(super) fn snapshot(&mut self, id: &InstanceId) -> Option<(u64, Arc<Workload>)> {
        let last = self.snapshots.get(id).filter(|(seq, _)| *seq == self.seq);
        if let Some(last) = last {
            return Some(last.clone());
        }
        let snapshot = (self.seq, Arc::new(self.workloads.get(id)?.clone()));
        self.snapshots.insert(id.clone(), snapshot.clone());
        Some(snapshot)
    }

    /// Puts a changed object in the place of a workload, or makes it.
    pub(super) fn replace_workload(&mut self, workload: Workload) {
        let (id, version) = (workload.id.clone(), self.bump());
        self.workloads.insert(id.clone(), Workload { version, ..workload });
        self.wake(&id);
    }

    /// A template, read once.
    pub(super) fn read_template(&mut self, json: &Template, gated: bool, hooked: bool) -> Arc<PodTemplate> {
        self.templates.read(json, gated, hooked)
    }

    /// A point in time after now, from a range of [`Timing`].
    pub(super) fn after(&mut self, range: (i64, i64)) -> Timestamp {
        let span = self.random.within(range);
        Timestamp::from_micros(self.now.as_micros().saturating_add(span))
    }

    /// An identity that was not used before.
    pub(super) fn fresh_uid(&mut self, of: &str) -> std::string::String {
        let number = self.bump();
        std::format!("{of}-{number}-{}", self.random.letters(6))
    }

    /// So many letters for a generated name.
    pub(super) fn letters(&mut self, count: usize) -> std::string::String {
        self.random.letters(count)
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "at {} (seed {}, change {})", self.now, self.seed, self.seq)?;
        for workload in self.workloads.values() {
            writeln!(f, "{workload:?}")?;
        }
        Ok(())
    }
}

/// A version from a change number.
pub(super) fn version(seq: u64) -> Version {
    Version::new(std::format!("{seq}")).expect("a number is not empty")
}

/// How long it is from `earlier` to `later`; zero when it is the other way round.
pub(super) fn span(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_micros(later.micros_since(earlier).unsigned_abs())
}

/// What the endpoints show of a pod now.
pub(super) fn shown(pod: &Pod, now: Timestamp) -> Traffic {
    told(pod, pod, now)
}

/// What endpoints and pod, seen at different times, tell together.
pub(super) fn told(endpoints: &Pod, pod: &Pod, now: Timestamp) -> Traffic {
    match (endpoints.listed, pod.serves()) {
        (true, true) => Traffic::In,
        (false, false) => Traffic::Out { lasts: span(endpoints.out_since, now) },
        (true, false) | (false, true) => Traffic::Moving,
    }
}

#[cfg(test)]
#[path = "world_tests.rs"]
mod tests;
