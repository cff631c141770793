//! The workload backend over the simulated world.

use std::boxed::Box;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::vec::Vec;

use async_trait::async_trait;

use super::super::cloneset::Lifecycle;
use super::super::journal::Happening;
use super::super::tally::Fault;
use super::super::world::{Held, Pod, Workload, World, version};
use super::memory::{Memory, Watched};
use super::{Host, change, outcome};
use crate::model::{
    Edits, Field, FieldEdit, Flow, FlowUid, Holder, InstanceId, LastHolder, Lasts, Left, Lock, Obstacle,
    PodChange, PodName, PodsAsSeen, Revision, RevisionLabel, Shape, TrafficView, Trouble, Version,
    WorkloadChange, WorkloadPod, WorkloadView,
};
use crate::ports::{PortError, PortErrorKind, Subject, WorkloadBackend, are_as_seen};

#[async_trait]
impl WorkloadBackend for Host {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let mut memory = self.memory();
        memory.stale = memory.silence(world.now());
        let broken = memory.faults.broken_list;
        if memory.random.chance(broken / 2) {
            world.tally.count(Fault::NoList);
            return Err(PortError::new(PortErrorKind::Transient, "410: the list expired, list again"));
        }
        let id = subject.instance;
        let object = memory.look(&mut world, id, Watched::Object);
        let pods = memory.look(&mut world, id, Watched::Pods);
        // A cache that has nothing is not certain: the world itself is asked.
        let (Some(mut object), Some(pods)) = (object, pods) else {
            note(&mut world, &memory, subject);
            return Ok(None);
        };
        // Nor is one that says that a flow does not hold its lock: a flow would fail of it.
        if !is_holder(&object.1, subject.flow)
            && let Some(now) = world.snapshot(id)
        {
            object = now;
        }
        if !Arc::ptr_eq(&object.1, &pods.1) && object.1 != pods.1 {
            world.tally.count(Fault::MixedLook);
        }
        if !object.1.observed_latest() {
            world.tally.count(Fault::ControllerBehind);
        }
        memory.pods = Some(Arc::clone(&pods.1));
        memory.object = Some(Arc::clone(&object.1));
        let own = memory.contains_own(id, Watched::Object, object.0)
            && memory.contains_own(id, Watched::Pods, pods.0);
        let mut view = view(&world, &object.1, &pods.1, subject.flow);
        view.settled &= own;
        if memory.random.chance(broken.div_ceil(2)) {
            let left = memory.random.below(view.pods.len() as u64);
            view.pods.truncate(usize::try_from(left).unwrap_or(0));
            world.tally.count(Fault::PartOfList);
            view.settled = false;
        }
        if world.journal.is_kept() {
            memory.looked = Some((subject.flow.cloned().map(Box::new), Box::new(view.clone())));
        }
        Ok(Some(view))
    }

    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        self.write(|world, memory| change_workload(world, memory, subject, change, seen)).await
    }

    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        self.write(|world, memory| change_pods(world, memory, subject, change)).await
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let looked = self.memory().object.clone();
        let looked = looked.filter(|it| it.id == *instance && version(it.version) == *seen);
        let same = |now: &Workload| {
            let of = |it: &Workload| (it.uid.clone(), it.generation, it.lock.clone());
            looked.is_some_and(|looked| of(&looked) == of(now))
        };
        if world.workload(instance).is_some_and(same) {
            return Ok(());
        }
        world.tally.count(Fault::NotConfirmed);
        let text = std::format!("workload {instance} is not as it was seen");
        Err(PortError::new(PortErrorKind::Conflict, text))
    }

    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let same = |now: &Workload| {
            let terminating = now.pods.iter().filter(|pod| !pod.active()).map(|pod| &pod.uid);
            are_as_seen(seen, which, now.active().map(|pod| (&pod.uid, &pod.version)), terminating)
        };
        if world.workload(instance).is_some_and(same) {
            return Ok(());
        }
        world.tally.count(Fault::NotConfirmed);
        let text = std::format!("the pods of workload {instance} are not as they were seen");
        Err(PortError::new(PortErrorKind::Conflict, text))
    }
}

/// Writes a look at a workload that is not there into the journal; others follow with the registry's view.
fn note(world: &mut World, memory: &Memory, subject: Subject<'_>) {
    let (host, now, instance) = (memory.number, memory.time(world.now()), subject.instance.clone());
    let flow = subject.flow.cloned().map(Box::new);
    let (traffic, stale) = (TrafficView::default(), memory.stale);
    world.journal.write(|| Happening::Saw { host, now, stale, instance, flow, workload: None, traffic });
}

fn change_workload(
    world: &mut World,
    memory: &mut Memory,
    subject: Subject<'_>,
    change: &WorkloadChange,
    seen: Option<&Version>,
) -> (Result<(), PortError>, Option<Happening>) {
    let id = subject.instance;
    let result = change::change_workload(world, subject, change, seen);
    if result.is_ok() {
        memory.remember(id, Watched::Object, world.sequence());
    }
    let write = outcome(world, memory, &result, *result.as_ref().unwrap_or(&false));
    let (flow, change) = (subject.flow.cloned().map(Box::new), change.clone());
    let happening = Happening::Workload { write, instance: id.clone(), flow, change };
    (result.map(|_| ()), Some(happening))
}

fn change_pods(
    world: &mut World,
    memory: &mut Memory,
    subject: Subject<'_>,
    change: &PodChange,
) -> (Result<(), PortError>, Option<Happening>) {
    let id = subject.instance;
    let result = change::change_pods(world, subject, &change::reached(memory, change));
    // Some may have been changed although others could not be.
    memory.remember(id, Watched::Pods, world.sequence());
    let write = outcome(world, memory, &result, *result.as_ref().unwrap_or(&false));
    let (flow, change) = (subject.flow.cloned().map(Box::new), change.clone());
    let happening = Happening::Pods { write, instance: id.clone(), flow, change };
    (result.map(|_| ()), Some(happening))
}

/// A workload and its pods as the port shows them.
pub(super) fn view(world: &World, object: &Workload, pods: &Workload, flow: Option<&Flow>) -> WorkloadView {
    let (listed, ending): (Vec<&Pod>, Vec<&Pod>) = pods.pods.iter().partition(|pod| pod.active());
    let shape = change::shape(object, flow, doomed(object, &listed));
    WorkloadView {
        uid: object.uid.parse().expect("a uid"),
        version: version(object.version),
        settled: object.observed_latest(),
        lock: lock(world, object, flow.map(|flow| &flow.uid)),
        last: object.last.clone(),
        settings: None,
        left: left(world, object, flow.map(|flow| &flow.uid)),
        paused: object.paused,
        edits: edits(object, &shape),
        shape,
        revision: revision(object).cloned(),
        stable: object.current_revision.clone(),
        label: label(object, &listed),
        obstacle: obstacle(object),
        trouble: object.trouble.clone().map(|what| Trouble { at: None, what }),
        note: None,
        in_place: object.policy.in_place(),
        available: None,
        unhooked: !object.hook || (object.policy.in_place() && !object.in_place_hook),
        remembered: object.remembered,
        good: object.good.clone(),
        carried: object.carried.clone(),
        differs: flow.map_or_else(Vec::new, |flow| differs(object, flow)),
        pods: listed.into_iter().map(|seen| pod(seen, flow)).collect(),
        terminating: ending.into_iter().map(|seen| pod(seen, flow)).collect(),
        ended: Vec::new(),
        min_ready: object.min_ready,
    }
}

/// What a flow orders that only a `create` sets: of these the world has labels alone.
fn differs(object: &Workload, flow: &Flow) -> Vec<&'static str> {
    let mut labels = flow.spec.labels.iter();
    let other = labels.any(|(key, value)| object.labels.get(key).is_none_or(|has| has != value));
    if other { std::vec!["spec.application.applicationLabel"] } else { Vec::new() }
}

/// Who holds the lock: a holder that is gone or has ended holds nothing. That it is gone is read from the
/// world itself, by its identity, not from what the host remembers.
fn lock(world: &World, object: &Workload, looking: Option<&FlowUid>) -> Lock {
    match &object.lock {
        Some(held) if held.spoilt => Lock::Unreadable { what: "somebody spoilt it".into() },
        Some(held) if Some(&held.holder.uid) == looking => Lock::Mine,
        Some(held) if world.flows().lives(&held.holder) => Lock::Theirs(held.holder.id.clone()),
        Some(_) => Lock::Free,
        None => match taken_off(object).map(|last| &last.holder).filter(|last| Some(&last.uid) != looking) {
            Some(last) if world.flows().lives(last) => Lock::Theirs(last.id.clone()),
            Some(_) | None => Lock::Free,
        },
    }
}

/// What a flow left that held the workload and is gone before it ended, or that lost it to the one that looks.
pub(in crate::sim) fn left(world: &World, object: &Workload, looking: Option<&FlowUid>) -> Option<Left> {
    let gone = |holder: &Holder| !world.flows().lives(holder) && !world.flows().ended(holder);
    let Some(held) = &object.lock else {
        let last =
            taken_off(object).filter(|last| Some(&last.holder.uid) != looking && gone(&last.holder))?;
        return Some(Left { size: last.size });
    };
    let mine = Some(&held.holder.uid) == looking;
    let replaced = || world.flows().flow(&held.holder).is_some_and(|flow| flow.replaced_what_was_left());
    let leaves = match world.flows().ended(&held.holder) {
        _ if mine => held.left,
        true => held.left && !replaced(),
        false => gone(&held.holder),
    };
    (leaves && !held.spoilt).then_some(Left { size: held.size })
}

/// The flow whose lock others took off.
pub(super) fn taken_off(object: &Workload) -> Option<&LastHolder> {
    object.last.as_ref().filter(|last| object.lock.is_none() && !last.gave_back)
}

fn is_holder(object: &Workload, flow: Option<&Flow>) -> bool {
    object.lock.as_ref().map(|held| &held.holder.uid) == flow.map(|flow| &flow.uid)
}

/// What the newest pod carries as the label of its revision.
fn label(object: &Workload, pods: &[&Pod]) -> RevisionLabel {
    match (pods.is_empty(), object.short_hash) {
        (true, _) => RevisionLabel::Unknown,
        (false, true) => RevisionLabel::Hash,
        (false, false) => RevisionLabel::Name,
    }
}

/// What the controller tells of the template, once it has taken notice of the last change.
fn revision(object: &Workload) -> Option<&Revision> {
    object.update_revision.as_ref().filter(|_| object.observed_latest())
}

/// Which fields others changed since the holder of the lock wrote last.
pub(super) fn edited(object: &Workload, held: &Held, shape: &Shape) -> std::vec::Vec<Field> {
    held.wrote.edits(shape, revision(object), object.policy.as_str(), object.paused)
}

/// What others changed since the holder of the lock wrote last.
fn edits(object: &Workload, shape: &Shape) -> Edits {
    let Some(held) = &object.lock else { return Edits::default() };
    Edits {
        fields: edited(object, held, shape).into_iter().map(|field| FieldEdit { field, by: None }).collect(),
        generation: object.generation,
        clean: held.wrote.clean,
        at: held.wrote.at,
    }
}

fn obstacle(object: &Workload) -> Option<Obstacle> {
    if object.deleting {
        Some(Obstacle::Deleted)
    } else {
        let owner = object.owner.as_ref();
        owner.map(|owner| Obstacle::Owned { owner: owner.clone() })
    }
}

/// Names of the list that are those of pods that are there.
fn doomed(object: &Workload, pods: &[&Pod]) -> BTreeSet<PodName> {
    let there = |name: &&PodName| pods.iter().any(|pod| pod.name == **name);
    object.pods_to_delete.iter().filter(there).cloned().collect()
}

fn pod(pod: &Pod, flow: Option<&Flow>) -> WorkloadPod {
    WorkloadPod {
        name: pod.name.clone(),
        uid: pod.uid.clone(),
        version: pod.version.clone(),
        revision: Some(pod.revision.clone()),
        // Until the controller says that it was swapped, the old container may be the one that runs.
        booted: pod.booted && pod.state != Lifecycle::Updating,
        marked: pod.marked(),
        swaps: pod.state == Lifecycle::PreparingUpdate,
        in_grace: false,
        hooked: pod.hooked,
        listed: flow.is_some_and(|flow| pod.due.as_ref() == Some(&flow.uid)),
        specified: pod.specified,
        gated: pod.gated(),
        ready: pod.ready(),
        failure: pod.failure.clone(),
        starts: None,
        steps: pod.steps(),
        lasts: Lasts::default(),
        phase: pod.phase(),
        ip: Some(pod.ip.as_ref().into()),
        port: pod.template.port,
    }
}
