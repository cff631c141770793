//! One host at a time beside a simulated world, people who order what the case says, and a watcher that
//! checks every safety property after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use triton_core::driver::{Driver, Rest};
use triton_core::model::{
    Batch, Command, Draft, FlowId, FlowPhase, InstanceId, OnFailure, PodName, PodUid, Progress, Revision,
    Seconds, Template, Timestamp, TrafficChange,
};
use triton_core::ports::Clock;
use triton_core::service::{CreateFlow, DeployApi, Service};
use triton_core::sim::cloneset::UpdatePolicy;
use triton_core::sim::scenario::{Chaos, Step, StepKind};
use triton_core::sim::{Entry, Happening, Host, NewWorkload, Sim, Timing, Workload, World, Write};

use super::cases::{Case, Ends, What, template};
use super::fate::{Fate, Written};
use super::played::{Begun, Played, same};
use super::watcher::Watcher;

/// Longest run, in virtual time.
const LONGEST: Seconds = Seconds(3_600);
/// How long nothing may be written once everything has ended.
const CALM: Seconds = Seconds(20);

pub(crate) struct Rig<'a> {
    case: &'a Case,
    fate: Fate,
    shown: bool,
    sim: Sim,
    service: Service<Host, Host>,
    host: Host,
    driver: Driver<Host, Host, Host>,
    hosts: u32,
    /// When a dead host is replaced.
    back_at: Timestamp,
    /// When the driver must look again.
    due: Timestamp,
    flows: Vec<FlowId>,
    cues: usize,
    steps: u32,
    watcher: Watcher,
    /// Pods from before, and the revision of their template.
    before: Vec<(PodName, PodUid)>,
    original: Option<Revision>,
    made: u32,
    several: BTreeSet<u32>,
    writes: u32,
    batches: Vec<Begun>,
}

impl<'a> Rig<'a> {
    pub(crate) fn new(case: &'a Case, fate: Fate, shown: bool) -> Self {
        let sim = Sim::new(3, Timing::default());
        let person = sim.host();
        let host = sim.faulty_host(fate.of(1));
        if let Some(replicas) = case.pods {
            sim.world().add_workload(NewWorkload {
                id: instance(),
                policy: UpdatePolicy::ReCreate,
                template: Template::from_json(&template(1)),
                replicas,
                gated: case.ours,
                hooked: case.ours,
                labels: BTreeMap::new(),
                annotations: BTreeMap::new(),
            });
        }
        sim.world().keep_journal(true);
        let found = sim.world().workload(&instance()).cloned();
        let pods = |workload: &Workload| -> Vec<(PodName, PodUid)> {
            workload.active().map(|pod| (pod.name.clone(), pod.uid.clone())).collect()
        };
        let now = sim.world().now();
        Self {
            case,
            fate,
            shown,
            service: Service { store: person.clone(), names: person },
            driver: driver(&host),
            host,
            sim,
            hosts: 1,
            back_at: now,
            due: now,
            flows: Vec::new(),
            cues: 0,
            steps: 0,
            watcher: Watcher::new(Chaos::NONE),
            before: found.as_ref().map(pods).unwrap_or_default(),
            original: found.map(|workload| workload.template_revision()),
            made: 0,
            several: BTreeSet::new(),
            writes: 0,
            batches: Vec::new(),
        }
    }

    /// Plays until everything is over, and judges what is left.
    ///
    /// # Errors
    /// What is not as it must be.
    pub(crate) fn play(mut self) -> Result<Played, String> {
        let end = self.now().plus(LONGEST);
        let mut calm: Option<(Timestamp, u64)> = None;
        while calm.is_none_or(|(since, _)| self.now() < since.plus(CALM)) {
            if self.now() > end {
                return Err(format!("it does not end: {:?}", self.sim));
            }
            self.people()?;
            self.drive()?;
            let sequence = self.sim.world().sequence();
            calm = self.is_over().then(|| match calm {
                Some((since, at)) if at == sequence => (since, at),
                Some(_) | None => (self.now(), sequence),
            });
            self.pass()?;
        }
        self.watcher.end()?;
        self.ends(&self.case.ends)?;
        let several = |nth| self.several.contains(&nth);
        let writes = (1..=self.writes).map(|nth| Written { nth, several: several(nth) }).collect();
        let made = self.case.cues.is_empty().then_some(self.made);
        Ok(Played { writes, batches: self.batches, made })
    }

    /// People make the flows, order what the case says, and let go on what asks them.
    fn people(&mut self) -> Result<(), String> {
        let (made, all) = (self.flows.len(), self.case.flows.len());
        if made < all && self.flows.iter().all(|id| self.has_ended(id)) {
            self.make()?;
        }
        while let Some(cue) = self.case.cues.get(self.cues) {
            let flow = self.flows[0].clone();
            let is_there = |batch: &Batch| (batch.number, batch.stage) >= (cue.batch, cue.stage);
            if !self.progress(&flow).is_some_and(|progress| progress.batch().is_some_and(is_there)) {
                break;
            }
            self.cues += 1;
            match cue.what {
                What::Order(command) => self.ask(&flow, command)?,
                What::MakeNext => self.make()?,
            }
        }
        for flow in self.flows.clone() {
            let waits = self.sim.world().flows().get(&flow).and_then(|entry| entry.record.waiting.clone());
            match waits.as_ref().map(|waits| waits.reason.as_str()) {
                Some("Approval") => self.ask(&flow, Command::Next { expected: None })?,
                Some("Paused") if self.flows.len() == 1 => self.ask(&flow, Command::Resume)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn make(&mut self) -> Result<(), String> {
        let InstanceId { namespace, .. } = instance();
        let names: Vec<PodName> = self.before.iter().map(|(name, _)| name.clone()).collect();
        let nth = self.flows.len();
        let name = format!("flow{nth}").parse().map_err(|error| format!("{error:?}"))?;
        let flow = CreateFlow { namespace, name: Some(name), draft: self.draft(nth, &names) };
        let made = ready(self.service.create(flow)).map_err(|error| format!("refused: {error}"))?;
        self.flows.push(made.id.clone());
        self.note(StepKind::Made { flow: made.id })
    }

    fn draft(&self, nth: usize, pods: &[PodName]) -> Draft {
        let mut draft = self.case.flows[nth](pods);
        let policy = match self.fate.policy() {
            OnFailure::Pause => None,
            OnFailure::Cancel => Some("cancel".into()),
            OnFailure::Rollback => Some("rollback".into()),
        };
        if let Some(strategy) = &mut draft.update_strategy {
            strategy.on_failure.clone_from(&policy);
        }
        if let Some(strategy) = &mut draft.non_update_strategy {
            strategy.on_failure = policy;
        }
        draft
    }

    fn ask(&mut self, flow: &FlowId, command: Command) -> Result<(), String> {
        let allowed = match command {
            Command::Next { expected } => ready(self.service.next(flow, expected)).is_ok(),
            Command::GoTo(target) => ready(self.service.go_to(flow, target)).is_ok(),
            Command::Pause => ready(self.service.pause(flow)).is_ok(),
            Command::Resume => ready(self.service.resume(flow)).is_ok(),
            Command::Cancel => ready(self.service.cancel(flow)).is_ok(),
            Command::Delete => {
                self.sim.world().delete_flow(flow);
                true
            }
        };
        self.due = self.now();
        self.note(StepKind::Asked { flow: flow.clone(), command, allowed })
    }

    /// The host drives every flow as far as it goes and tends the workload; a dead one is replaced.
    fn drive(&mut self) -> Result<(), String> {
        let now = self.now();
        if self.host.is_down() {
            if now < self.back_at {
                return Ok(());
            }
            self.hosts += 1;
            self.host = self.sim.faulty_host(self.fate.of(self.hosts));
            self.driver = driver(&self.host);
            self.note(StepKind::Restarted { host: self.host.number() })?;
        }
        self.due = now.plus(self.fate.tick());
        let host = self.host.number();
        let flows: Vec<FlowId> = self.sim.world().flows().iter().map(|entry| entry.id.clone()).collect();
        for flow in flows {
            let rest = ready(self.driver.advance(&flow, &mut |_, _| {})).ok();
            self.due = self.due.min(match &rest {
                Some(Rest::Until(until, _)) => self.world_time(*until),
                Some(Rest::Again) => now,
                None if matches!(self.fate, Fate::Upset(..)) => now.plus(Seconds(1)),
                None => now,
                Some(Rest::Done | Rest::Corrupt | Rest::Gone) => self.due,
            });
            self.note(StepKind::Drove { host, flow, rest })?;
        }
        let again = ready(self.driver.tend("cloneset", &instance(), Seconds(1)));
        self.due = self.due.min(again.ok().flatten().map_or(self.due, |until| self.world_time(until)));
        self.note(StepKind::Tended { host, instance: instance() })?;
        if self.hosts == 1 {
            self.writes = self.host.writes();
        }
        if self.host.is_down() {
            self.back_at = now.plus(self.fate.pause());
        }
        Ok(())
    }

    /// What the world's clock shows when the host's shows `at`.
    fn world_time(&self, at: Timestamp) -> Timestamp {
        let ahead = self.host.now().as_micros() - self.now().as_micros();
        Timestamp::from_micros(at.as_micros() - ahead)
    }

    /// Time passes until something is due.
    fn pass(&mut self) -> Result<(), String> {
        let now = self.now();
        let mine = if self.host.is_down() { self.back_at } else { self.due };
        let event = self.sim.world().next_event().unwrap_or(mine);
        let before = self.sim.world().sequence();
        let soon = if self.host.is_down() { now } else { Timestamp::from_micros(now.as_micros() + 1) };
        self.sim.world().advance(mine.min(event).max(soon));
        if self.sim.world().sequence() == before { Ok(()) } else { self.note(StepKind::World) }
    }

    /// Tells the watcher of a step.
    fn note(&mut self, what: StepKind) -> Result<(), String> {
        self.steps += 1;
        let sim = self.sim.clone();
        let mut world = sim.world();
        let step = Step { number: self.steps, at: world.now(), what, healed: false };
        if self.shown {
            println!("{step}");
        }
        for happening in world.journal() {
            if self.shown && !matches!(happening, Happening::Saw { .. }) {
                println!("      {happening:?}");
            }
            self.happened(happening);
        }
        let judged = self.watcher.see(&world, &step);
        world.empty_journal();
        judged.map_err(|what| format!("{step}: {what}\n{}", told(&world)))
    }

    fn happened(&mut self, happening: &Happening) {
        let (write, pods) = match happening {
            Happening::Created { .. } => return self.made += 1,
            Happening::Progress { write: Write { result: Ok(true), .. }, id, before, after } => {
                return self.saved(id, before.as_ref(), after);
            }
            Happening::Pods { write, change, .. } => (write, change.pods()),
            Happening::Traffic {
                write,
                change: TrafficChange::PullIn(pods) | TrafficChange::PullOut(pods),
                ..
            } => (write, pods),
            _ => return,
        };
        if self.hosts == 1 && write.host == self.host.number() && pods.len() > 1 {
            self.several.insert(write.nth);
        }
    }

    /// Notes a batch that begins.
    fn saved(&mut self, id: &FlowId, before: Option<&Progress>, after: &Progress) {
        let number = |progress: &Progress| {
            let turned = progress.base().is_some_and(|base| base.turned);
            progress.batch().map(|batch| (turned, batch.number))
        };
        if let Some((turned, at)) = number(after).filter(|at| before.and_then(number) != Some(*at)) {
            self.batches.push((id.clone(), turned, at));
        }
    }

    fn is_over(&self) -> bool {
        let free = self.workload().is_none_or(|workload| workload.lock.is_none());
        let all = self.flows.len() == self.case.flows.len() && self.cues == self.case.cues.len();
        let ended = self.flows.iter().all(|id| self.has_ended(id));
        // Also the last write, which gives a flow free, waits for a host that is away.
        let world = self.sim.world();
        let kept = self.flows.iter().any(|id| world.flows().get(id).is_some_and(|entry| entry.kept));
        free && all && ended && !kept && world.next_event().is_none()
    }

    /// Judges the end: how the flows ended, and exactly which pods are there.
    fn ends(&self, ends: &Ends) -> Result<(), String> {
        let phase = |id: &FlowId| self.sim.world().flows().get(id).map(|entry| entry.record.phase);
        let phases: Vec<Option<FlowPhase>> = self.flows.iter().map(phase).collect();
        same("phases", &phases, &ends.phases)?;
        let workload = self.workload();
        same("there is a workload", &workload.is_some(), &ends.exists)?;
        let Some(workload) = workload else { return same("pods made", &self.made, &ends.new) };
        let there = |uid: &PodUid| workload.pods.iter().any(|pod| pod.uid == *uid);
        let stay = count(self.before.iter().filter(|(_, uid)| there(uid)));
        if stay > ends.stay || stay + ends.let_go < ends.stay {
            return Err(format!("{stay} pods from before are left, must be {}", ends.stay));
        }
        let all = ends.stay + ends.new;
        same("pods asked for", &workload.replicas, &all)?;
        same("pods", &count(workload.pods.iter()), &all)?;
        same("pods that serve", &workload.serving(), &all)?;
        let original = workload.pods.iter().filter(|pod| Some(&pod.revision) == self.original.as_ref());
        // Those that were let go come back with it, or their exchange is completed.
        let (original, gone) = (count(original), ends.stay - stay);
        if original + gone != ends.original {
            same("pods of the template from before", &original, &ends.original)?;
        }
        if let Some(at) = ends.gone.iter().find(|at| there(&self.before[**at].1)) {
            return Err(format!("{} is still there", self.before[*at].0));
        }
        let vain = self.made.saturating_sub(ends.new + ends.stay - stay);
        if vain <= ends.shed { Ok(()) } else { Err(format!("{vain} pods were made in vain")) }
    }

    fn workload(&self) -> Option<Workload> {
        self.sim.world().workload(&instance()).cloned()
    }

    fn progress(&self, flow: &FlowId) -> Option<Progress> {
        self.sim.world().flows().get(flow)?.progress()
    }

    fn has_ended(&self, flow: &FlowId) -> bool {
        self.sim.world().flows().get(flow).is_none_or(Entry::is_finished)
    }

    fn now(&self) -> Timestamp {
        self.sim.world().now()
    }
}

fn told(world: &World) -> String {
    let mut text = format!("{world:?}");
    for entry in world.flows().iter() {
        text.push_str(&format!("{}: {:?}\n", entry.id, entry.progress()));
    }
    text
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).expect("a count of pods fits")
}

fn instance() -> InstanceId {
    InstanceId { namespace: "default".parse().expect("a name"), name: "app".parse().expect("a name") }
}

fn driver(host: &Host) -> Driver<Host, Host, Host> {
    Driver { store: host.clone(), clock: host.clone(), adapters: host.clone() }
}

/// What a future comes to that has nothing to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}
