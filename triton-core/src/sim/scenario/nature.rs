//! Nature and other actors: what happens to the world beside flows and people.

mod hostile;

use std::string::String;
use std::vec::Vec;

use super::super::cloneset::UpdatePolicy;
use super::super::host::Watched;
use super::super::tally::Fault;
use super::super::world::{Mishap, Pod};
use super::runner::Runner;
use super::{StepKind, Violation, draw};
use crate::model::{FailureClass, PodName, PodUid, Seconds, Template, Timestamp};
use crate::ports::NewFlow;

/// Most things that happen in one run.
const MOST: u32 = 12;
/// Templates that no flow brings, from this number.
const FOREIGN: u32 = 100;
/// What ends everything, in cases of 1,000 in which it might.
const RARE: u32 = 200;

/// What may happen.
#[derive(Clone, Copy)]
enum Event {
    Scale,
    DeletePod,
    RecreatePod,
    EditPartition,
    EditTemplate,
    DeleteWorkload,
    RecreateWorkload,
    RecreateFlow,
    LosePod,
    BreakPod,
    Mishaps,
    Stall,
    Outage,
    Absence,
    Jump,
    Tamper,
    BadFlow,
    SpoilSpec,
    SpoilLock,
    RemoveLock,
}

impl Event {
    /// What it counts as. Mishaps of new pods count when they befall one, an outage when it refuses a call.
    const fn fault(self) -> Option<Fault> {
        Some(match self {
            Self::Scale => Fault::Resized,
            Self::DeletePod => Fault::PodDeleted,
            Self::RecreatePod => Fault::PodRecreated,
            Self::EditPartition => Fault::PartitionEdited,
            Self::EditTemplate => Fault::TemplateEdited,
            Self::DeleteWorkload => Fault::WorkloadDeleted,
            Self::RecreateWorkload => Fault::WorkloadRecreated,
            Self::RecreateFlow => Fault::FlowRecreated,
            Self::LosePod => Fault::NodeLost,
            Self::BreakPod => Fault::PodBreaks,
            Self::Stall => Fault::ControllerDead,
            Self::Jump => Fault::ClockJump,
            Self::Tamper => Fault::RecordSpoilt,
            Self::BadFlow => Fault::BadSpec,
            Self::SpoilSpec => Fault::SpecSpoilt,
            Self::SpoilLock => Fault::LockSpoilt,
            Self::RemoveLock => Fault::LockRemoved,
            Self::Mishaps | Self::Outage | Self::Absence => return None,
        })
    }
}

impl Runner<'_> {
    /// Something happens, if it is time.
    pub(super) fn nature(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.healed || now < self.nature_at {
            return Ok(());
        }
        self.nature_at = now.plus(Seconds(self.random.between(1, 25)));
        let events = self.events();
        let Some(at) = self.random.index(events.len()).filter(|_| self.outside < MOST) else { return Ok(()) };
        match self.happen(events[at], now) {
            Some(words) => {
                self.outside += 1;
                if let Some(fault) = events[at].fault() {
                    self.sim.world().tally.count(fault);
                }
                if let Some(until) = self.blind_until.take() {
                    self.note(StepKind::Blind { until })?;
                }
                self.note(StepKind::Outside(words))
            }
            None => Ok(()),
        }
    }

    /// F9: a kind falls silent, if it is time; it counts when a host has noticed it.
    pub(super) fn silence(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.healed || !self.chaos.silence {
            return Ok(());
        }
        let Some(random) = self.silence.due(now, 20, 120) else { return Ok(()) };
        let until = now.plus(Seconds(random.between(1, 60)));
        let Some(at) = random.index(Watched::ALL.len()) else { return Ok(()) };
        let kind = Watched::ALL[at];
        for process in &self.processes {
            process.host.hush(kind, until);
        }
        self.note(StepKind::Outside(std::format!("nothing is heard of {} until {until}", kind.name())))
    }

    /// F13: Services can send to pods of one revision alone, or to all pods again, if it is time.
    pub(super) fn services(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.healed || !self.chaos.lost_services || self.services.due(now, 1, 40).is_none() {
            return Ok(());
        }
        let (id, mut world) = (draw::instance(), self.sim.world());
        let Some(workload) = world.workload(&id) else { return Ok(()) };
        let serves = |pod: &&Pod| pod.listed && pod.active();
        let only = workload.active().find(serves).filter(|_| workload.only.is_none());
        let only = only.map(|pod| pod.revision.clone());
        if !world.serve_only(&id, only.as_ref()) {
            return Ok(());
        }
        if only.is_some() {
            world.tally.count(Fault::ServicesMoved);
        }
        drop(world);
        let pods = only.map_or_else(|| "all pods again".into(), |only| std::format!("pods of {only} alone"));
        self.note(StepKind::Outside(std::format!("Services can send to {pods}")))
    }

    /// F13: somebody else names a pod of a workload that a flow has, to be deleted, or sets its partition, if it is time.
    pub(super) fn edits(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.healed || !self.chaos.outside_edits {
            return Ok(());
        }
        let Some(random) = self.edits.due(now, 1, 60) else { return Ok(()) };
        let (id, mut world) = (draw::instance(), self.sim.world());
        let Some(workload) = world.workload(&id).filter(|workload| workload.lock.is_some()) else {
            return Ok(());
        };
        let names: Vec<PodName> = workload.active().map(|pod| pod.name.clone()).collect();
        let named = random.index(names.len()).filter(|_| random.chance(500)).map(|at| &names[at]);
        let partition = random.between(0, workload.replicas);
        let (fault, words) = match named {
            Some(name) => (Fault::PodNamed, std::format!("{name} named by hand to be deleted")),
            None => (Fault::PartitionEdited, std::format!("partition set to {partition} by hand")),
        };
        world.edit(&id, |workload| match named {
            Some(name) => workload.pods_to_delete.push(name.clone()),
            None => workload.partition = partition,
        });
        world.tally.count(fault);
        drop(world);
        self.note(StepKind::Outside(words))
    }

    fn events(&self) -> Vec<Event> {
        let chaos = self.chaos;
        let mut events = Vec::new();
        let mut add = |on: bool, more: &[Event]| {
            if on {
                events.extend_from_slice(more);
            }
        };
        add(
            chaos.outside_edits,
            &[
                Event::Scale,
                Event::DeletePod,
                Event::RecreatePod,
                Event::EditPartition,
                Event::EditTemplate,
                Event::DeleteWorkload,
                Event::RecreateWorkload,
                Event::RecreateFlow,
            ],
        );
        add(chaos.pod_failures, &[Event::LosePod, Event::BreakPod, Event::Mishaps]);
        add(chaos.crashes, &[Event::Absence]);
        add(chaos.slow_controller, &[Event::Stall]);
        add(chaos.api_errors, &[Event::Outage]);
        add(chaos.clocks, &[Event::Jump]);
        add(
            chaos.hostile_records,
            &[Event::Tamper, Event::BadFlow, Event::SpoilSpec, Event::SpoilLock, Event::RemoveLock],
        );
        events
    }

    fn happen(&mut self, event: Event, now: Timestamp) -> Option<String> {
        let id = draw::instance();
        match event {
            Event::Scale => {
                let replicas = self.random.between(0, 9);
                let done = self.sim.world().scale_by_hand(&id, replicas);
                done.then(|| std::format!("scaled to {replicas} by hand"))
            }
            Event::EditPartition => {
                let partition = self.random.between(0, 5);
                let done = self.sim.world().edit(&id, |workload| workload.partition = partition);
                done.then(|| std::format!("partition set to {partition} by hand"))
            }
            Event::EditTemplate | Event::DeleteWorkload | Event::RecreateWorkload => {
                self.befall_workload(event)
            }
            Event::DeletePod | Event::LosePod | Event::RecreatePod | Event::BreakPod => {
                self.befall_a_pod(event)
            }
            Event::Mishaps => Some(self.mishaps()),
            Event::Stall => {
                let seconds = Seconds(self.random.between(1, 60));
                self.sim.world().stall_controller(&id, seconds);
                Some(std::format!("the workload's controller is dead for {seconds}"))
            }
            Event::Outage => Some(self.outage(now)),
            Event::Absence => self.absence(now),
            Event::Jump => {
                let steps = self.random.chance(400);
                if steps {
                    self.sim.world().tally.count(Fault::ClockStep);
                }
                let most = if steps { 600_000_000 } else { 10_000_000 };
                let skew = self.random.within((-most, most));
                self.faults.skew = skew;
                for process in &self.processes {
                    process.host.set_faults(self.faults);
                }
                Some(std::format!("clocks jump to {skew} us ahead"))
            }
            Event::RecreateFlow => self.recreate_flow(),
            Event::Tamper => self.tamper(),
            Event::BadFlow => self.bad_flow(),
            Event::SpoilSpec => self.spoil_spec(),
            Event::SpoilLock => self.spoil_lock(),
            Event::RemoveLock => self.remove_lock(),
        }
    }

    /// Nothing can be reached for a while; once in a run for long.
    fn outage(&mut self, now: Timestamp) -> String {
        let until = self.long(now, 250).unwrap_or_else(|| now.plus(Seconds(self.random.between(1, 60))));
        if self.blind_until == Some(until) {
            self.sim.world().tally.count(Fault::LongOutage);
        }
        for process in &self.processes {
            process.host.cut_off(until);
        }
        self.blind_until = Some(until);
        std::format!("nothing can be reached until {until}")
    }

    /// Every host dies, and none takes its place for long; once in a run.
    fn absence(&mut self, now: Timestamp) -> Option<String> {
        let until = self.long(now, 500)?;
        self.sim.world().tally.count(Fault::LongAbsence);
        for process in &mut self.processes {
            process.away(until);
        }
        Some(std::format!("no host runs until {until}"))
    }

    /// The end of a long time in which nobody looks, if there is one now.
    fn long(&mut self, now: Timestamp, rate: u32) -> Option<Timestamp> {
        if self.was_blind || !self.random.chance(rate) {
            return None;
        }
        self.was_blind = true;
        let until = now.plus(Seconds(self.random.between(720, 1_200)));
        self.blind_until = Some(until);
        self.heal_at = self.heal_at.max(until.plus(Seconds(60)));
        Some(until)
    }

    fn befall_workload(&mut self, event: Event) -> Option<String> {
        let id = draw::instance();
        match event {
            Event::EditTemplate => {
                let template = Template::from_json(&draw::template(FOREIGN + self.random.between(0, 2)));
                let done = self.sim.world().edit_template(&id, &template);
                done.then(|| "another template brought by hand".into())
            }
            Event::DeleteWorkload => {
                let done = self.random.chance(RARE) && self.sim.world().delete_workload(&id);
                done.then(|| "the workload deleted by hand".into())
            }
            _ => {
                let done = self.random.chance(RARE) && self.sim.world().recreate_workload(&id);
                done.then(|| "the workload lost and made anew by hand".into())
            }
        }
    }

    fn befall_a_pod(&mut self, event: Event) -> Option<String> {
        let (id, uid) = (draw::instance(), self.some_pod()?);
        let mut world = self.sim.world();
        let (done, what) = match event {
            Event::DeletePod => (world.delete_pod_by_hand(&id, &uid), "deleted by hand"),
            Event::LosePod => (world.lose_pod(&id, &uid), "lost with its node"),
            Event::RecreatePod => (world.recreate_pod(&id, &uid), "lost; the next pod gets its name"),
            _ => (world.break_pod(&id, &uid, FailureClass::CrashLoop), "crashes"),
        };
        done.then(|| std::format!("{uid} {what}"))
    }

    fn some_pod(&mut self) -> Option<PodUid> {
        let pods: Vec<PodUid> = {
            let world = self.sim.world();
            let workload = world.workload(&draw::instance())?;
            workload.active().map(|pod: &Pod| pod.uid.clone()).collect()
        };
        let at = self.random.index(pods.len())?;
        pods.into_iter().nth(at)
    }

    fn mishaps(&mut self) -> String {
        let classes = [
            Mishap::Fails(FailureClass::CrashLoop),
            Mishap::Fails(FailureClass::ImagePull),
            Mishap::Fails(FailureClass::Unschedulable),
            Mishap::Heals(FailureClass::ImagePull),
            Mishap::Heals(FailureClass::Unschedulable),
            Mishap::Heals(FailureClass::InitFailure),
            Mishap::Heals(FailureClass::CrashLoop),
            Mishap::NeverReady,
            Mishap::Flaps,
        ];
        let at = self.random.index(classes.len()).unwrap_or(0);
        let rate = self.random.between(0, 400);
        self.sim.world().set_mishaps(&[(classes[at], rate)]);
        std::format!("{rate} of 1000 new pods come to grief: {:?}", classes[at])
    }

    /// A finished flow is deleted and another one gets its name.
    fn recreate_flow(&mut self) -> Option<String> {
        let ended: Vec<usize> = (0..self.flows.len()).filter(|at| self.has_ended(&self.flows[*at])).collect();
        let at = self.random.index(ended.len())?;
        let id = self.flows[ended[at]].clone();
        let running = self.flows.iter().any(|other| !self.has_ended(other));
        if running || !self.random.chance(300) {
            return None;
        }
        let drafts = draw::drafts(&mut self.random, Some(3), UpdatePolicy::ReCreate, false);
        let mut world = self.sim.world();
        world.delete_flow(&id);
        let new =
            NewFlow { id: id.clone(), draft: drafts.into_iter().next()?, instance: draw::instance().name };
        world.create_flow(new).ok()?;
        Some(std::format!("{id} deleted and made anew"))
    }
}
