//! The second part of a run: nothing goes wrong any more, and everything must come to its end.

use std::string::String;

use super::super::cloneset::Lifecycle;
use super::super::fault::Faults;
use super::super::host::left;
use super::super::world::{Pod, Workload};
use super::runner::Runner;
use super::{StepKind, Violation, draw};
use crate::model::{InstanceId, Seconds, Timestamp};

/// How long flows may take once everything has healed, in virtual seconds.
const PATIENCE: Seconds = Seconds(3_600);
/// How long nothing may be written once everything has ended, in virtual seconds.
const CALM: Seconds = Seconds(180);

impl Runner<'_> {
    /// Everything works from now on.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        self.healed = true;
        self.deaf = 0;
        let now = self.now();
        for process in &mut self.processes {
            process.host.set_faults(Faults::NONE);
            process.host.cut_off(now);
            process.host.hear();
            process.hurry(now);
        }
        for spoilt in core::mem::take(&mut self.spoilt) {
            self.mend(&spoilt);
        }
        let mut world = self.sim.world();
        world.set_mishaps(&[]);
        for (id, record) in core::mem::take(&mut self.tampered) {
            // A record that could still be read was not spoilt, and its flow has gone on since.
            world.tamper(&id, |entry| {
                if entry.progress().is_none() {
                    entry.record = record;
                }
            });
        }
        let ids: std::vec::Vec<InstanceId> = world.workloads().map(|workload| workload.id.clone()).collect();
        for id in ids {
            let mended = |workload: &mut Workload| {
                if let Some(held) = &mut workload.lock {
                    held.spoilt = false;
                }
            };
            world.edit(&id, mended);
            world.revive_controller(&id);
            world.serve_only(&id, None);
            world.repair(&id);
        }
        drop(world);
        self.note(StepKind::Healed)
    }

    /// Whether the run is over: all flows were made and have ended, and the world is calm.
    pub(super) fn is_over(&mut self) -> Result<bool, Violation> {
        let all_made = self.flows.len() == self.drafts.len();
        let ended = all_made && self.flows.iter().all(|id| self.has_ended(id));
        if !self.healed {
            return if ended && self.random.chance(20) { self.heal().map(|()| false) } else { Ok(false) };
        }
        let now = self.now();
        let since = *self.healed_at.get_or_insert(now);
        if now > since.plus(PATIENCE).plus(self.waits_for) {
            return Err(self.violation(&self.restless()));
        }
        if ended && self.is_left() {
            // What a flow left that was deleted in the middle of its batches waits for another flow.
            let draft = draw::last(&mut self.random, draw::policy(self.seed));
            self.drafts.push(draft);
            // What is being deleted is given the time to go.
            self.next_flow_at = now.plus(Seconds(10));
            return Ok(false);
        }
        if !ended || self.unrest().is_some() {
            self.calm_since = None;
            return Ok(false);
        }
        self.rest(now)
    }

    /// At rest nothing may be written any more.
    fn rest(&mut self, now: Timestamp) -> Result<bool, Violation> {
        let sequence = self.sim.world().sequence();
        let Some((since, at_rest)) = self.calm_since else {
            self.calm_since = Some((now, sequence));
            for process in &mut self.processes {
                process.hurry(now);
            }
            return Ok(false);
        };
        if at_rest != sequence {
            self.calm_since = None;
        }
        Ok(at_rest == sequence && now >= since.plus(CALM))
    }

    fn restless(&self) -> String {
        let open = self.flows.iter().filter(|id| !self.has_ended(id)).count();
        match self.unrest() {
            _ if open > 0 => std::format!("{open} flows have not ended long after everything healed"),
            Some(what) => std::format!("the world does not come to rest: {what}"),
            None => "something is still written although everything has ended".into(),
        }
    }

    /// Whether the workload waits for another flow: one that could not be read held it, and was deleted.
    fn is_left(&self) -> bool {
        let world = self.sim.world();
        let workload = world.workload(&draw::instance());
        self.chaos.hostile_records && workload.is_some_and(|workload| left(&world, workload, None).is_some())
    }

    /// What is not as it should be when all flows have ended.
    fn unrest(&self) -> Option<String> {
        let world = self.sim.world();
        let workload = world.workload(&draw::instance())?;
        unrest(workload, workload.lock.is_some())
    }
}

fn unrest(workload: &Workload, locked: bool) -> Option<String> {
    let (active, serving, wanted) = (workload.active_count(), workload.serving(), workload.replicas);
    if active != wanted || serving != wanted {
        Some(std::format!("{serving} of {active} pods serve, {wanted} are wanted"))
    } else if workload.active().any(|pod| pod.state == Lifecycle::PreparingDelete) {
        Some("pods are marked".into())
    } else if workload.active().any(|pod| updates(workload, pod)) {
        Some("pods are in the middle of an update".into())
    } else if workload.active().any(|pod| !pod.hooked) {
        Some("pods that serve do not ask before they are touched".into())
    } else if locked {
        Some("the lock is held".into())
    } else {
        None
    }
}

/// Whether a pod is being updated in place. One that was chosen stays so where nothing more is to be updated.
fn updates(workload: &Workload, pod: &Pod) -> bool {
    let revision = workload.template_revision();
    let old = workload.active().filter(|pod| pod.revision != revision).count();
    match pod.state {
        Lifecycle::Updating | Lifecycle::Updated => true,
        Lifecycle::PreparingUpdate => old > workload.partition as usize && !workload.paused,
        Lifecycle::Normal | Lifecycle::PreparingDelete => !pod.swapped,
    }
}
