//! What a host knows: what it saw and wrote. All of it is lost when it dies.

use core::time::Duration;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::fault::{Death, Faults, Moment, Upsetting};
use super::super::random::Random;
use super::super::tally::Fault;
use super::super::world::{Workload, World, span};
use crate::model::{Flow, FlowId, InstanceId, PodUid, Silence, Timestamp, Traffic, WorkloadView};
use crate::ports::{Loaded, PortError, Watching};

/// A state of something at a point in the history of the world.
#[derive(Clone)]
pub(super) struct Seen<T> {
    /// The world's change number then.
    pub(super) seq: u64,
    /// When it was read.
    pub(super) at: Timestamp,
    /// The state.
    pub(super) what: T,
}

/// Kinds of objects that are watched apart from each other, so that news of them come in any order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sim) enum Watched {
    /// The workload's object.
    Object,
    /// Its pods.
    Pods,
    /// The endpoints.
    Endpoints,
    /// Flows.
    Flows,
}

impl Watched {
    /// Every kind.
    pub(in crate::sim) const ALL: [Self; 4] = [Self::Object, Self::Pods, Self::Endpoints, Self::Flows];

    pub(in crate::sim) const fn name(self) -> &'static str {
        match self {
            Self::Object => "clonesets",
            Self::Pods => "pods",
            Self::Endpoints => "endpointslices",
            Self::Flows => "deployflows",
        }
    }
}

/// Nothing is heard of a kind.
#[derive(Clone, Copy)]
pub(super) struct Quiet {
    kind: Watched,
    since: Timestamp,
    until: Timestamp,
}

/// A host's memory.
pub(super) struct Memory {
    pub(super) number: u32,
    pub(super) faults: Faults,
    pub(super) random: Random,
    pub(super) down: bool,
    /// Writes so far, the one that is being made included.
    pub(super) writes: u32,
    pub(super) quiet: Option<Quiet>,
    /// What had not been heard of for too long at the last look.
    pub(super) stale: Option<Silence>,
    /// When it was cut off last, and until when.
    cut_off: Option<(Timestamp, Timestamp)>,
    /// Until when, and for how long before that, its stopwatch stood still.
    stood: (Timestamp, Duration),
    /// Since when it has seen pods out of traffic, on the world's clock.
    out: BTreeMap<PodUid, Timestamp>,
    pub(super) watching: Watching,
    views: BTreeMap<(InstanceId, Watched), Seen<Arc<Workload>>>,
    /// Change numbers of the host's own last writes to the object and to pods of a workload.
    wrote: BTreeMap<(InstanceId, Watched), u64>,
    /// What the host asked of the registry, per pod, and the change number of it.
    pub(super) asked: BTreeMap<PodUid, (u64, bool)>,
    /// The flow and the view of the look that the registry's answer completes; for the journal.
    pub(super) looked: Option<(Option<Box<Flow>>, Box<WorkloadView>)>,
    /// The pods of the look that the registry's answer completes.
    pub(super) pods: Option<Arc<Workload>>,
    /// The object of the last look: what a change of pods is confirmed by.
    pub(super) object: Option<Arc<Workload>>,
    flows: BTreeMap<FlowId, Seen<Loaded>>,
    /// Of which kinds nothing may be heard for a while: object, pods, endpoints.
    falls_silent: [bool; 3],
    /// Until when nothing is heard of a kind of object of a workload, and the host does not know.
    silent: BTreeMap<(InstanceId, Watched), Timestamp>,
    wrote_flows: BTreeMap<FlowId, u64>,
}

impl Memory {
    pub(super) fn new(number: u32, faults: Faults, world: &mut World) -> Self {
        let mut random = Random::new(world.seed(), 1_000 + u64::from(number));
        let (mut views, mut flows) = (BTreeMap::new(), BTreeMap::new());
        let mut travelled = false;
        let falls_silent = [(); 3].map(|()| faults.silent > 0 && random.chance(500));
        if faults.time_travel && faults.stale > 0 {
            let now = world.now();
            for (id, past) in world.past.workloads() {
                let Some(at) = random.index(past.len()) else { continue };
                let (seq, _, what) = past[at].clone();
                travelled |= world.workload(id) != Some(&*what);
                for kind in [Watched::Object, Watched::Pods, Watched::Endpoints] {
                    views.insert((id.clone(), kind), Seen { seq, at: now, what: Arc::clone(&what) });
                }
            }
            for (id, past) in world.past.flows() {
                let Some(at) = random.index(past.len()) else { continue };
                let (seq, _, what) = past[at].clone();
                travelled |= world.flows.get(id).is_none_or(|flow| flow.version > seq);
                flows.insert(id.clone(), Seen { seq, at: now, what });
            }
        }
        if travelled {
            world.tally.count(Fault::TimeTravel);
        }
        if faults.skew != 0 {
            world.tally.count(Fault::WrongClock);
        }
        Self {
            number,
            faults,
            random,
            down: false,
            writes: 0,
            quiet: None,
            stale: None,
            cut_off: None,
            stood: (world.now(), Duration::ZERO),
            out: BTreeMap::new(),
            watching: Watching::default(),
            views,
            wrote: BTreeMap::new(),
            asked: BTreeMap::new(),
            looked: None,
            pods: None,
            object: None,
            flows,
            falls_silent,
            silent: BTreeMap::new(),
            wrote_flows: BTreeMap::new(),
        }
    }

    /// What is to befall the host before this write does; whether nothing can be reached any more.
    pub(super) fn is_upset(&mut self, world: &mut World) -> bool {
        let Some(upset) = self.faults.upset.filter(|upset| upset.write == self.writes) else { return false };
        match upset.what {
            Upsetting::CutOff(seconds) => {
                world.tally.count(Fault::Outage);
                self.cut_off(world.now(), world.now().plus(seconds));
                true
            }
            Upsetting::Jump(micros) => {
                world.tally.count(Fault::ClockJump);
                self.faults.skew += micros;
                false
            }
        }
    }

    /// Whether the write that is being made is the host's last, at this moment.
    pub(super) fn dies_at(&self, moment: Moment) -> bool {
        self.faults.dies == Some(Death { write: self.writes, moment })
    }

    /// How many of the pods of the write that is being made are reached.
    pub(super) fn reaches(&self, pods: usize) -> usize {
        if self.dies_at(Moment::Midway) { pods.div_ceil(2) } else { pods }
    }

    /// The host's clock when the world's shows `now`.
    pub(super) const fn time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_micros(now.as_micros().saturating_add(self.faults.skew))
    }

    /// F7: all calls are refused until then, on the world's clock.
    pub(super) fn cut_off(&mut self, now: Timestamp, until: Timestamp) {
        self.stood.1 = self.stood_still(now);
        self.cut_off = Some((now, until));
    }

    /// For how long it could look at the world, when the world's clock shows `now`.
    pub(super) fn watched(&self, now: Timestamp) -> Duration {
        span(self.stood.0, now).saturating_sub(self.stood_still(now))
    }

    fn stood_still(&self, now: Timestamp) -> Duration {
        let last = self.cut_off.map_or(Duration::ZERO, |(from, until)| span(from, until.min(now)));
        self.stood.1.saturating_add(last)
    }

    /// For how long it has seen a pod as the registry shows it, where that is out of traffic.
    pub(super) fn seen(&mut self, pod: &PodUid, shown: Traffic, now: Timestamp) -> Traffic {
        match shown {
            Traffic::Out { .. } => {
                let since = *self.out.entry(pod.clone()).or_insert(now);
                Traffic::Out { lasts: span(since, now) }
            }
            Traffic::In | Traffic::Moving => {
                self.out.remove(pod);
                shown
            }
        }
    }

    pub(super) fn reachable(&self, world: &mut World) -> Result<(), PortError> {
        if self.down {
            Err(super::down())
        } else if self.cut_off.is_some_and(|(_, until)| world.now() < until) {
            world.tally.count(Fault::Outage);
            Err(super::refused())
        } else {
            Ok(())
        }
    }

    /// Hears nothing of a kind until then; up to now everything was heard.
    pub(super) fn hush(&mut self, world: &mut World, kind: Watched, until: Timestamp) {
        let since = world.now();
        let ids: std::vec::Vec<InstanceId> = world.workloads().map(|workload| workload.id.clone()).collect();
        for id in ids.into_iter().filter(|_| kind != Watched::Flows) {
            if let Some((seq, what)) = world.snapshot(&id) {
                self.views.insert((id, kind), Seen { seq, at: since, what });
            }
        }
        let seq = world.sequence();
        for entry in world.flows.iter().filter(|_| kind == Watched::Flows) {
            self.flows.insert(entry.id.clone(), Seen { seq, at: since, what: entry.load() });
        }
        self.quiet = Some(Quiet { kind, since, until });
    }

    /// Takes what a kind of object is like now from the answer to a write, also while nothing is heard of it.
    pub(super) fn answered(&mut self, id: &InstanceId, kind: Watched, now: Timestamp) {
        if !self.hears(kind, now) {
            self.views.remove(&(id.clone(), kind));
        }
    }

    /// Reads a flow anew at the next look: a write to it was a conflict.
    pub(super) fn forget_flow(&mut self, id: &FlowId) {
        self.flows.remove(id);
    }

    pub(super) fn hears_flows(&self, now: Timestamp) -> bool {
        self.hears(Watched::Flows, now)
    }

    fn hears(&self, kind: Watched, now: Timestamp) -> bool {
        self.quiet.is_none_or(|quiet| quiet.kind != kind || now >= quiet.until)
    }

    /// What has not been heard of for too long. Views that are late by [`Faults::lag`] are within the limit.
    pub(super) fn silence(&self, now: Timestamp) -> Option<Silence> {
        let Quiet { kind, since, until } = self.quiet.filter(|quiet| now < quiet.until)?;
        let micros = |span: i64| Duration::from_micros(span.unsigned_abs());
        debug_assert!(since <= until, "a silence has a beginning and an end");
        Silence::beyond(micros(self.faults.lag), kind.name(), micros(now.micros_since(since)))
    }

    /// What a look at one kind of object of a workload shows: the state now, or, with the stale fault, the
    /// state of an earlier look.
    pub(super) fn look(
        &mut self,
        world: &mut World,
        id: &InstanceId,
        kind: Watched,
    ) -> Option<(u64, Arc<Workload>)> {
        let key = (id.clone(), kind);
        let (now, Faults { stale, lag, .. }) = (world.now(), self.faults);
        let hears = self.hears(kind, now);
        let silent = self.is_silent(self.silent.get(&key).copied(), now);
        if let Some(seen) = self.views.get(&key)
            && ((silent || !hears) && self.contains_own(id, kind, seen.seq)
                || now.micros_since(seen.at) <= lag && stale > 0 && self.random.chance(stale))
        {
            if world.workload(id) != Some(&*seen.what) {
                world.tally.count(if silent { Fault::SilentWatch } else { Fault::OldLook });
            }
            return Some((seen.seq, Arc::clone(&seen.what)));
        }
        let (seq, what) = world.snapshot(id)?;
        if !silent && let Some(until) = self.falls_silent(kind as usize, now) {
            self.silent.insert(key.clone(), until);
        }
        if stale > 0 || !hears || self.faults.silent > 0 {
            world.past.keep_workload(id, seq, now, &what);
            self.views.insert(key, Seen { seq, at: now, what: Arc::clone(&what) });
        }
        Some((seq, what))
    }

    /// Whether the watch of this kind is one that falls silent.
    #[cfg(test)]
    pub(super) const fn may_fall_silent(&self, kind: Watched) -> bool {
        self.falls_silent[kind as usize]
    }

    fn is_silent(&self, until: Option<Timestamp>, now: Timestamp) -> bool {
        self.faults.silent > 0 && until.is_some_and(|until| now < until)
    }

    /// Until when nothing more is heard of what was just looked at, if so.
    fn falls_silent(&mut self, kind: usize, now: Timestamp) -> Option<Timestamp> {
        let Faults { silent, silence, .. } = self.faults;
        let falls = silent > 0 && self.falls_silent[kind] && self.random.chance(silent);
        falls.then(|| Timestamp::from_micros(now.as_micros() + self.random.within((0, silence))))
    }

    /// The same for a flow.
    pub(super) fn look_at_flow(&mut self, world: &mut World, id: &FlowId) -> Option<Loaded> {
        let (now, Faults { stale, lag, .. }) = (world.now(), self.faults);
        let wrote = self.wrote_flows.get(id).copied().unwrap_or(0);
        let hears = self.hears(Watched::Flows, now);
        if let Some(seen) = self.flows.get(id)
            && seen.seq >= wrote
            && (!hears || now.micros_since(seen.at) <= lag && stale > 0 && self.random.chance(stale))
        {
            if world.flows.get(id).is_none_or(|now| now.version > seen.seq) {
                world.tally.count(Fault::OldFlow);
            }
            return Some(seen.what.clone());
        }
        let what = world.flows.get(id)?.load();
        if stale > 0 || self.faults.silent > 0 {
            let seq = world.sequence();
            world.past.keep_flow(id, seq, now, &what);
            self.flows.insert(id.clone(), Seen { seq, at: now, what: what.clone() });
        }
        Some(what)
    }

    /// Remembers an own write.
    pub(super) fn remember(&mut self, id: &InstanceId, kind: Watched, seq: u64) {
        self.wrote.insert((id.clone(), kind), seq);
        self.knows(id, kind);
    }

    /// The answer to an own write shows what was written as it is then, also while nothing else is heard of it.
    pub(super) fn knows(&mut self, id: &InstanceId, kind: Watched) {
        let key = (id.clone(), kind);
        if self.silent.contains_key(&key) {
            self.views.remove(&key);
        }
    }

    /// Remembers an own write of a flow.
    pub(super) fn remember_flow(&mut self, id: &FlowId, seq: u64) {
        self.wrote_flows.insert(id.clone(), seq);
    }

    /// Whether a view of that age contains the host's own last write.
    pub(super) fn contains_own(&self, id: &InstanceId, kind: Watched, seq: u64) -> bool {
        self.wrote.get(&(id.clone(), kind)).is_none_or(|wrote| seq >= *wrote)
    }
}
