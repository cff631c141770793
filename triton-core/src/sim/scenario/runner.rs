//! The loop of a run: whoever is due next has a turn.

use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::vec::Vec;

use super::super::fault::Faults;
use super::super::host::{Host, Sim};
use super::super::random::Random;
use super::super::tally::Fault;
use super::process::{Duty, Process, Turn, begin};
use super::stream::Stream;
use super::{Chaos, Observer, Step, StepKind, Summary, Violation, draw};
use crate::driver::Rest;
use crate::model::{Draft, FlowId, FlowPhase, FlowUid, Seconds, Timestamp};
use crate::service::Service;

/// Most steps of a run.
const STEPS: u32 = 40_000;
/// How long the first part of a run is at most, in virtual seconds.
const STORM: Seconds = Seconds(240);
const MILLI: i64 = 1_000;
/// Every wake-up is lost, in cases of 1,000.
const SILENT: u32 = 1_000;

pub(super) struct Runner<'a> {
    pub(super) sim: Sim,
    pub(super) seed: u64,
    pub(super) chaos: Chaos,
    pub(super) random: Random,
    pub(super) faults: Faults,
    pub(super) service: Service<Host, Host>,
    pub(super) processes: Vec<Process>,
    pub(super) drafts: Vec<Draft>,
    pub(super) flows: Vec<FlowId>,
    pub(super) healed: bool,
    pub(super) outside: u32,
    /// When people, nature and the next flow have their next turn.
    pub(super) people_at: Timestamp,
    pub(super) nature_at: Timestamp,
    /// Kinds fall silent.
    pub(super) silence: Stream,
    /// Services change.
    pub(super) services: Stream,
    /// Somebody else changes the workload of a flow.
    pub(super) edits: Stream,
    /// A flow that has ended is made again.
    pub(super) again: Stream,
    pub(super) next_flow_at: Timestamp,
    /// Wake-ups that are lost, in cases of 1,000.
    pub(super) deaf: u32,
    pub(super) tampered: Vec<(FlowId, crate::model::Record)>,
    /// Flows whose specs cannot be read, with what stood there before.
    pub(super) spoilt: Vec<(FlowId, FlowUid, Draft)>,
    pub(super) healed_at: Option<Timestamp>,
    /// How much longer flows may take because they wait for the end of pods.
    pub(super) waits_for: Seconds,
    pub(super) calm_since: Option<(Timestamp, u64)>,
    pub(super) heal_at: Timestamp,
    /// Nobody can look at the world from now on until then; not told yet.
    pub(super) blind_until: Option<Timestamp>,
    /// Nobody could look at the world for long already.
    pub(super) was_blind: bool,
    began: Timestamp,
    seen: u64,
    steps: u32,
    crashes: u32,
    digest: u64,
    observer: Observer<'a>,
}

impl<'a> Runner<'a> {
    #[expect(clippy::too_many_lines, reason = "one line per field")]
    pub(super) fn new(seed: u64, chaos: Chaos, observer: Observer<'a>) -> Self {
        let mut random = Random::new(seed, 2);
        let timing = draw::timing(&mut random, seed);
        let sim = Sim::new(seed, timing);
        let policy = draw::policy(seed);
        let workload = draw::workload(&mut random, policy);
        let size = workload.as_ref().map(|workload| workload.replicas);
        let mut drafts = draw::drafts(&mut random, size, policy, chaos.crowd);
        draw::waits_for_termination(seed, policy, &mut drafts);
        let waits_for = draw::waits_for(timing, &drafts);
        if let Some(workload) = workload {
            let id = workload.id.clone();
            sim.world().add_workload(workload);
            let min_ready = draw::min_ready(seed);
            if min_ready > Seconds(0) {
                sim.world().edit(&id, |workload| workload.min_ready = min_ready);
            }
        }
        sim.world().keep_journal(true);
        let now = sim.world().now();
        let faults = allowed(Faults::draw(&mut random), chaos);
        let faults = if chaos.silent_watches { faults.with_silence(&mut random) } else { faults };
        let deaf = if chaos.lost_events { [0, 0, 100, 500, SILENT][random.below(5) as usize] } else { 0 };
        let two = chaos.two_drivers || chaos.silent_watches;
        let count = if two && random.chance(500) { 2 } else { 1 };
        if count > 1 {
            sim.world().tally.count(Fault::SecondHost);
        }
        let processes = (0..count).map(|_| Process::new(sim.faulty_host(faults))).collect();
        let host = sim.host();
        Self {
            service: Service { store: host.clone(), names: host },
            sim,
            seed,
            chaos,
            faults,
            processes,
            drafts,
            flows: Vec::new(),
            healed: false,
            outside: 0,
            people_at: now.plus(Seconds(random.between(0, 10))),
            nature_at: now.plus(Seconds(random.between(1, 20))),
            next_flow_at: now,
            silence: Stream::new(seed, 6, now.plus(Seconds(5))),
            services: Stream::new(seed, 7, now),
            edits: Stream::new(seed, 9, now),
            again: Stream::new(seed, 8, now.plus(Seconds(10))),
            deaf,
            tampered: Vec::new(),
            spoilt: Vec::new(),
            healed_at: None,
            waits_for,
            calm_since: None,
            heal_at: now.plus(STORM),
            blind_until: None,
            was_blind: false,
            began: now,
            seen: 0,
            steps: 0,
            crashes: 0,
            digest: seed,
            random,
            observer,
        }
    }

    pub(super) fn run(mut self) -> Result<Summary, Violation> {
        while !self.is_over()? {
            if self.steps >= STEPS {
                return Err(self.violation("the run does not end: too many steps"));
            }
            let now = self.pass_time()?;
            if !self.healed && now >= self.heal_at {
                self.heal()?;
            }
            self.make_flow(now)?;
            self.people(now)?;
            self.again(now)?;
            self.nature(now)?;
            self.silence(now)?;
            self.services(now)?;
            self.edits(now)?;
            self.drive(now)?;
        }
        Ok(self.summary())
    }

    /// Sets the clock to when something is due next. An event in the world wakes the processes.
    fn pass_time(&mut self) -> Result<Timestamp, Violation> {
        let mine = self.processes.iter().filter_map(Process::next).chain(self.actors()).min();
        let before = self.now();
        let next = {
            let world = self.sim.world();
            mine.into_iter().chain(world.next_event()).min()
        };
        let Some(next) = next else { return Err(self.violation("nothing is due any more")) };
        if next > before || self.sim.world().next_event().is_some_and(|at| at <= before) {
            self.sim.world().advance(next.max(before));
            let changed = self.sim.world().sequence() != self.seen;
            if changed {
                self.note(StepKind::World)?;
            }
        }
        self.wake();
        Ok(self.now())
    }

    /// When somebody besides the processes has a turn.
    fn actors(&self) -> impl Iterator<Item = Timestamp> {
        let storm = [self.people_at, self.nature_at, self.heal_at];
        let flow = (self.flows.len() < self.drafts.len()).then_some(self.next_flow_at);
        let people = self.healed.then_some(self.people_at);
        storm.into_iter().filter(|_| !self.healed).chain(flow).chain(people)
    }

    /// Processes hear of changes, unless they are deaf.
    fn wake(&mut self) {
        let (now, sequence) = (self.now(), self.sim.world().sequence());
        if sequence == self.seen {
            return;
        }
        self.seen = sequence;
        let duties = self.duties();
        for process in &mut self.processes {
            for duty in &duties {
                let at = Timestamp::from_micros(now.as_micros() + self.random.within((0, 20 * MILLI)));
                let new = !process.due.contains_key(duty);
                let heard = new || !self.random.chance(self.deaf);
                if heard {
                    let backing_off = process.failed.get(duty).is_some_and(|failed| *failed > 0);
                    let due = process.due.entry(duty.clone()).or_insert(at);
                    *due = if backing_off { *due } else { at.min(*due) };
                } else {
                    let fault = if self.deaf == SILENT { Fault::DeadWatch } else { Fault::LostWake };
                    self.sim.world().tally.count(fault);
                }
            }
        }
    }

    fn duties(&self) -> Vec<Duty> {
        let flows =
            self.sim.world().flows().iter().map(|entry| Duty::Flow(entry.id.clone())).collect::<Vec<_>>();
        let keepers = self
            .sim
            .world()
            .workloads()
            .map(|workload| Duty::Keeper(workload.id.clone()))
            .collect::<Vec<_>>();
        flows.into_iter().chain(keepers).collect()
    }

    /// Gives every process that is due a turn.
    fn drive(&mut self, now: Timestamp) -> Result<(), Violation> {
        for at in 0..self.processes.len() {
            if self.processes[at].host.is_down() {
                self.restart(at, now)?;
                continue;
            }
            if let Some((duty, turn)) = self.processes[at].held_up.take() {
                if self.processes[at].back_at > now {
                    self.processes[at].held_up = Some((duty, turn));
                } else {
                    self.turn(at, duty, turn)?;
                }
                continue;
            }
            while let Some(duty) = self.processes[at].take_due(now) {
                let driver = Arc::clone(&self.processes[at].driver);
                self.turn(at, duty.clone(), begin(driver, duty))?;
                if self.processes[at].held_up.is_some() || self.processes[at].host.is_down() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One turn of a process, as far as it goes without being held up.
    fn turn(&mut self, at: usize, duty: Duty, mut turn: Turn) -> Result<(), Violation> {
        let now = self.now();
        let host = self.processes[at].host.number();
        let Poll::Ready(result) = turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            let back = self.random.within((0, 3_000 * MILLI));
            let process = &mut self.processes[at];
            process.back_at = Timestamp::from_micros(now.as_micros() + back);
            process.held_up = Some((duty, turn));
            return self.note(StepKind::HeldUp { host });
        };
        let failed = self.processes[at].failed.entry(duty.clone()).or_default();
        let due = match &result {
            Ok(Rest::Until(until, _)) => {
                *failed = 0;
                // The host told the time by its own clock.
                Some(Timestamp::from_micros(until.as_micros().saturating_sub(self.skew())).max(soon(now)))
            }
            Ok(Rest::Again) => Some(soon(now)),
            Ok(Rest::Done | Rest::Gone | Rest::Corrupt) => {
                *failed = 0;
                None
            }
            Err(_) => {
                *failed = (*failed + 1).min(10);
                let wait = (50 * MILLI) << *failed;
                Some(Timestamp::from_micros(now.as_micros() + wait))
            }
        };
        let due = due.unwrap_or(Timestamp::from_micros(i64::MAX));
        self.processes[at].due.insert(duty.clone(), due);
        match duty {
            Duty::Flow(flow) => self.note(StepKind::Drove { host, flow, rest: result.ok() }),
            Duty::Keeper(instance) => self.note(StepKind::Tended { host, instance }),
        }
    }

    fn restart(&mut self, at: usize, now: Timestamp) -> Result<(), Violation> {
        let process = &mut self.processes[at];
        if process.held_up.take().is_some() || process.back_at == Timestamp::default() {
            let wait = self.random.within((0, 4_000 * MILLI));
            self.processes[at].back_at = Timestamp::from_micros(now.as_micros() + wait);
            return Ok(());
        }
        if process.back_at > now {
            return Ok(());
        }
        self.crashes += 1;
        let faults = if self.healed { Faults::NONE } else { self.faults };
        let mut fresh = Process::new(self.sim.faulty_host(faults));
        fresh.due = self.duties().into_iter().map(|duty| (duty, now)).collect();
        let host = fresh.host.number();
        self.processes[at] = fresh;
        self.note(StepKind::Restarted { host })
    }

    /// Tells the observer of a step.
    pub(super) fn note(&mut self, what: StepKind) -> Result<(), Violation> {
        self.steps += 1;
        let mut world = self.sim.world();
        let step = Step { number: self.steps, at: world.now(), what, healed: self.healed };
        let mark = world.sequence() ^ step.at.as_micros().unsigned_abs().rotate_left(17);
        self.digest = (self.digest ^ mark).wrapping_mul(0x0100_0000_01B3).rotate_left(5);
        let judged = (self.observer)(&world, &step);
        world.empty_journal();
        drop(world);
        judged.map_err(|what| self.violation(&what))
    }

    pub(super) fn violation(&self, what: &str) -> Violation {
        let world = self.sim.world();
        let mut text = std::format!("{world:?}");
        for entry in world.flows().iter() {
            let record = &entry.record;
            text.push_str(&std::format!(
                "{} {:?} {}: {} ({:?})\n  orders {:?}\n  progress {:?}\n",
                entry.id,
                record.phase,
                record.reason,
                record.message,
                record.waiting,
                entry.orders(),
                record.progress
            ));
        }
        Violation { seed: self.seed, step: self.steps, at: world.now(), what: what.into(), world: text }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.sim.world().now()
    }

    fn skew(&self) -> i64 {
        if self.healed { 0 } else { self.faults.skew }
    }

    fn summary(&self) -> Summary {
        let world = self.sim.world();
        let phase =
            |id: &FlowId| -> Option<FlowPhase> { world.flows().get(id).map(|entry| entry.record.phase) };
        Summary {
            steps: self.steps,
            micros: world.now().micros_since(self.began),
            crashes: self.crashes,
            flows: self.flows.iter().map(|id| (id.clone(), phase(id))).collect(),
            refused: self.flows.iter().filter_map(|id| refused(&world, id)).collect(),
            outside: self.outside,
            digest: self.digest,
            tally: *world.tally(),
        }
    }
}

/// Why a flow failed, if it did.
fn refused(world: &super::super::world::World, id: &FlowId) -> Option<std::string::String> {
    let record = &world.flows().get(id)?.record;
    (record.phase == FlowPhase::Failed).then(|| record.reason.clone())
}

/// The earliest time at which a duty that just had a turn has another: time passes between turns.
const fn soon(now: Timestamp) -> Timestamp {
    Timestamp::from_micros(now.as_micros() + 1)
}

/// The drawn faults of a host, as far as the run may have them.
fn allowed(drawn: Faults, chaos: Chaos) -> Faults {
    let when = |on: bool, rate: u32| if on { rate } else { 0 };
    Faults {
        crash: when(chaos.crashes, drawn.crash),
        dies: None,
        stale: when(chaos.stale_views, drawn.stale),
        lag: drawn.lag,
        time_travel: chaos.time_travel && drawn.time_travel,
        silent: 0,
        silence: 0,
        conflict: when(chaos.api_errors, drawn.conflict),
        broken_list: when(chaos.api_errors, drawn.broken_list),
        refuse: when(chaos.api_errors, drawn.refuse),
        lost_answer: when(chaos.api_errors, drawn.lost_answer),
        hiccup: when(chaos.two_drivers, drawn.hiccup),
        skew: if chaos.clocks { drawn.skew } else { 0 },
        upset: None,
    }
}
