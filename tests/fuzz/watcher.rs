//! Sees every step of a run and judges it by every property.
//!
//! Decisions are judged by what the host saw, and what became of the true world by how it was before the
//! step, in every run, whatever goes wrong in it. What is not held against a flow:
//! - pods that failed or that others took away, when fewer are in traffic (S1), and the pods in their places,
//!   when there are more (S2): [`Others`] counts them. A host that decides on fresh looks has to know of
//!   lost pods itself, and none are discounted where it takes pods out of traffic;
//! - pods that others asked for, and those that were leaving for others in their places when the flow took the
//!   workload, in the number of pods (S2);
//! - pods of which a host does not know whether they take traffic, because it has heard nothing of endpoints for
//!   minutes (S1);
//! - pods that fail, or that others delete, at that very moment: such a step of the world is nobody's (S1, S2, S6). A
//!   pod
//!   that the workload's controller removes must be out of traffic in every step (S6);
//! - a record that somebody wrote over, until healing has put it back: what it says is not the flow's word;
//! - a workload that the flow does not hold: others may do with it what they please;
//! - the world that the last flow left, where others may have changed it since.

mod deadlines;
mod hosts;
mod others;
mod truth;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use triton_core::engine::Decision;
use triton_core::model::{
    Action, Facts, Flow, FlowId, FlowUid, Observation, PodRef, PodUid, Progress, Revision, Traffic,
    TrafficView, Verdict, WorkloadChange,
};
use triton_core::sim::scenario::{Chaos, Step, StepKind};
use triton_core::sim::{Cause as DeletedBy, Entry, Happening, Pod, Workload, World};

use self::deadlines::Deadlines;
use self::hosts::{decisions, left_alone};
use self::others::{Others, deleted, failed};
use self::truth::{has_begun, holder, observed, stored, truth};
use super::invariants::{Cause, Change, Stand, judge_change};
use super::oracle::{Ending, judge};

/// Pods that a host may be mistaken about: more than any of these workloads has.
const MISTAKEN: u32 = 1_000;

/// What a flow found when it began.
struct Start {
    from: u32,
    revision: Option<Revision>,
}

/// What was seen so far of one run.
pub(crate) struct Watcher {
    chaos: Chaos,
    flows: BTreeMap<FlowId, Flow>,
    starts: BTreeMap<FlowUid, Start>,
    world: Option<Observation>,
    /// The flow that ended last, and how it left the world.
    last: Option<(Flow, Verdict)>,
    end: Option<Workload>,
    others: Others,
    deadlines: Deadlines,
    /// The revision of the workload's template.
    template: Option<Revision>,
    /// Flows whose records somebody else wrote over.
    spoilt: BTreeSet<FlowId>,
    /// A flow that deletes has removed the workload.
    removed: bool,
    /// Pods that are asked into traffic.
    asked: BTreeSet<PodUid>,
    /// Most pods that a look of this step showed in traffic, or out of it, and that were not when it began.
    unheard: u32,
    /// Orders that were carried out: on which workload, and by which flow.
    carried: Vec<(String, Flow)>,
}

impl Watcher {
    pub(crate) fn new(chaos: Chaos) -> Self {
        Self {
            chaos,
            flows: BTreeMap::new(),
            starts: BTreeMap::new(),
            world: None,
            last: None,
            end: None,
            others: Others::default(),
            deadlines: Deadlines::default(),
            template: None,
            spoilt: BTreeSet::new(),
            removed: false,
            asked: BTreeSet::new(),
            unheard: 0,
            carried: Vec::new(),
        }
    }

    /// Judges a step.
    ///
    /// # Errors
    /// The property that does not hold.
    pub(crate) fn see(&mut self, world: &World, step: &Step) -> Result<(), String> {
        self.deadlines.pods(world.workloads().flat_map(Workload::active), world.now());
        self.unheard = 0;
        for happening in world.journal() {
            if let Happening::Saw { traffic, .. } = happening {
                self.unheard = self.unheard.max(self.mistaken(traffic));
            }
            self.happening(world, happening)?;
        }
        match step.what {
            StepKind::Blind { until } => self.deadlines.blind(step.at, until),
            // A host that takes the place of another one can look, whatever the one before could not reach.
            StepKind::Healed | StepKind::Restarted { .. } => self.deadlines.healed(step.at),
            _ => {}
        }
        old_containers_stay_out(world)?;
        self.nothing_is_exposed_unread(world, step)?;
        self.change(world, step)?;
        self.end = world.workloads().next().cloned();
        Ok(())
    }

    fn happening(&mut self, world: &World, happening: &Happening) -> Result<(), String> {
        left_alone(happening)?;
        match happening {
            Happening::Saw { now, stale, flow: Some(flow), workload, traffic, .. } => {
                let judged = |flow: &Flow, decision: &Decision| match self.spoilt.contains(&flow.id) {
                    true => Ok(()),
                    false => self.deadlines.judge(flow, workload.as_deref(), decision, world.now()),
                };
                decisions(flow, workload.as_deref(), traffic, *stale, *now, judged)
            }
            Happening::Deleted {
                pod,
                traffic: Traffic::In,
                steered: true,
                cause: DeletedBy::Controller,
                ..
            } => Err(format!("S6: {} was removed in traffic", pod.name)),
            Happening::Swapped { pod, traffic, steered: true, .. }
                if !matches!(traffic, Traffic::Out { .. }) =>
            {
                Err(format!("S6: {} was updated in place in traffic: {traffic:?}", pod.name))
            }
            Happening::Progress { write, id, before: Some(before), after } if write.result == Ok(true) => {
                self.saved(world, id, before, after)
            }
            Happening::Workload { change: WorkloadChange::Lock { .. }, flow: Some(flow), write, .. }
                if write.result == Ok(true) =>
            {
                self.not_again(world, flow)
            }
            Happening::Workload { change: WorkloadChange::Remove, flow, .. } => {
                self.removed |= flow.as_ref().is_some_and(|flow| flow.spec.action == Action::Delete);
                Ok(())
            }
            Happening::Saw { .. }
            | Happening::Created { .. }
            | Happening::Marked { .. }
            | Happening::Swapped { .. }
            | Happening::Deleted { .. }
            | Happening::Workload { .. }
            | Happening::Pods { .. }
            | Happening::Traffic { .. }
            | Happening::Progress { .. }
            | Happening::Orders { .. } => Ok(()),
        }
    }

    fn saved(
        &mut self,
        world: &World,
        id: &FlowId,
        before: &Progress,
        after: &Progress,
    ) -> Result<(), String> {
        self.deadlines.saved(id, after, world.now());
        // A flow that was to be deleted is gone once it has ended.
        let known = world.flows().get(id).and_then(stored).or_else(|| self.flows.get(id).cloned());
        let Some(flow) = known else { return Ok(()) };
        if let Progress::Preparing { base } = after {
            self.starts.insert(flow.uid.clone(), Start { from: base.from, revision: base.previous.clone() });
        }
        self.carries_out(world, &flow, before, after);
        // What never had the workload left nothing in it. What succeeded had it, and may have given it back already.
        let prepared = matches!(before, Progress::Preparing { .. }) && holder(world) != Some(id);
        // Nor what another flow has had since.
        let last = world.workloads().next().and_then(|workload| workload.last.as_ref());
        let passed_on = last.is_some_and(|last| last.holder.uid != flow.uid);
        if let Progress::Finished { verdict, .. } = after
            && (!prepared || *verdict == Verdict::Succeeded)
            && !passed_on
            && !matches!(verdict, Verdict::AlreadyCarriedOut { .. })
        {
            self.last = Some((flow.clone(), verdict.clone()));
        }
        let (old, new) =
            (Flow { progress: before.clone(), ..flow.clone() }, Flow { progress: after.clone(), ..flow });
        let nothing = Observation::absent();
        // A record that somebody wrote over is not this flow's word.
        if self.spoilt.contains(id) {
            return Ok(());
        }
        judge_change(&Change {
            before: Stand { flow: &old, world: &nothing },
            cause: Cause::Driver,
            after: Stand { flow: &new, world: &nothing },
            mishaps: 0,
            unheard: 0,
            fewer: 0,
            strangers: 0,
        })
        .map_err(|violation| violation.to_string())
    }

    /// Takes note of an order that was carried out.
    fn carries_out(&mut self, world: &World, flow: &Flow, before: &Progress, after: &Progress) {
        let succeeded = matches!(after, Progress::Finished { verdict: Verdict::Succeeded, .. });
        let had = before.base().and_then(|base| base.workload.as_ref());
        let same = |workload: &&Workload| had.is_some_and(|had| had.as_str() == workload.uid);
        let workload = world.workloads().next().filter(same).filter(|_| succeeded);
        self.carried.extend(workload.map(|workload| (workload.uid.clone(), flow.clone())));
    }

    /// A flow that is made again does not carry its order out again: what it brought does not come back.
    fn not_again(&self, world: &World, flow: &Flow) -> Result<(), String> {
        let Some(workload) = world.workloads().next() else { return Ok(()) };
        let same = |(uid, before): &&(String, Flow)| {
            *uid == workload.uid
                && before.uid != flow.uid
                && (&before.id, &before.spec) == (&flow.id, &flow.spec)
        };
        let before = self.carried.iter().find(same);
        before.map_or(Ok(()), |_| Err(format!("S14: {} is carried out again", flow.id)))
    }

    /// Compares how things stand with how they stood before the step.
    fn change(&mut self, world: &World, step: &Step) -> Result<(), String> {
        let flows: BTreeMap<FlowId, Flow> =
            world.flows().iter().filter_map(stored).map(|flow| (flow.id.clone(), flow)).collect();
        let now = truth(world);
        let before = self.world.replace(now.clone());
        let old = std::mem::replace(&mut self.flows, flows);
        let Some(before) = before else { return Ok(()) };
        let deleted_by_others = matches!(step.what, StepKind::Outside(_))
            && world.workloads().next().is_some_and(|workload| workload.deleting);
        self.removed |= deleted_by_others;
        if before.shape.is_some() && now.shape.is_none() && !self.removed {
            return Err("S14: the workload is gone".into());
        }
        let (journal, holder) = (world.journal(), holder(world));
        self.others.note(step, journal, (&before, &now), holder);
        let template = world.workloads().next().map(Workload::template_revision);
        let before_it = std::mem::replace(&mut self.template, template);
        if let (StepKind::Outside(_), Some(shape)) = (&step.what, &now.shape)
            && before_it != self.template
        {
            self.others.brought_a_template(shape, now.pods.len());
        }
        let taken = journal.iter().any(|happening| deleted(happening).is_some()) || failed(&before, &now);
        self.spoils(&step.what, &old);
        for (id, after) in &self.flows {
            let same = |flow: &&Flow| flow.uid == after.uid && !self.spoilt.contains(id);
            let Some(flow) = old.get(id).filter(same) else { continue };
            let nothing = Observation::absent();
            let (then, since) = if holder == Some(id) { (&before, &now) } else { (&nothing, &nothing) };
            let cause = cause(&step.what, id);
            let cause = if taken && cause == Cause::Controller { Cause::Nature } else { cause };
            let knows = cause == Cause::Driver && self.looks_are_fresh();
            judge_change(&Change {
                before: Stand { flow, world: then },
                cause,
                after: Stand { flow: after, world: since },
                mishaps: if knows { 0 } else { self.others.lost() },
                fewer: if knows { 0 } else { self.others.fewer() },
                unheard: match cause {
                    Cause::Driver => self.unheard,
                    _ if self.chaos.silent_watches => MISTAKEN,
                    _ => 0,
                },
                strangers: self.others.added(),
            })
            .map_err(|violation| violation.to_string())?;
        }
        if step.what == StepKind::Healed {
            self.spoilt.clear();
        }
        Ok(())
    }

    /// Pods that were in traffic before the step and are not shown so, or the other way round, where nothing may be
    /// heard of endpoints.
    fn mistaken(&self, traffic: &TrafficView) -> u32 {
        let Some(before) = self.world.as_ref().filter(|_| self.chaos.silent_watches) else { return 0 };
        let shown = |uid: &PodUid| traffic.pods.get(uid).is_some_and(|pod| pod.shown == Traffic::In);
        let differs =
            |(pod, facts, _): &(&PodRef, Facts, Duration)| facts.contains(Facts::IN) != shown(&pod.uid);
        u32::try_from(before.pods.iter().filter(differs).count()).expect("a count of pods fits")
    }

    /// While the flow that has the workload cannot be read, or is gone before it ended, and while the lock cannot be
    /// read, or others took it off, no pod is pulled in.
    fn nothing_is_exposed_unread(&mut self, world: &World, step: &Step) -> Result<(), String> {
        let pods = || world.workloads().flat_map(Workload::active);
        let asked = |pod: &Pod| pod.gate == Some(true);
        let now: BTreeSet<PodUid> = pods().filter(|pod| asked(pod)).map(|pod| pod.uid.clone()).collect();
        let before = std::mem::replace(&mut self.asked, now);
        let driven = matches!(step.what, StepKind::Drove { .. } | StepKind::Tended { .. });
        let Some(workload) = world.workloads().next().filter(|_| driven && self.looks_are_fresh()) else {
            return Ok(());
        };
        let closed = match &workload.lock {
            Some(held) => {
                let flow = world.flows().get(&held.holder.id).filter(|flow| flow.uid == held.holder.uid);
                let unread = |flow: &Entry| flow.spec().is_none() && !flow.is_finished();
                held.spoilt || flow.is_none_or(unread)
            }
            None => {
                let last = workload.last.as_ref().filter(|last| !last.gave_back);
                let there = |uid: &FlowUid| world.flows().iter().any(|flow| flow.uid == *uid);
                let gone = last.is_some_and(|last| !there(&last.holder.uid));
                gone || world.flows().iter().any(|flow| has_begun(flow, workload))
            }
        };
        if !closed {
            return Ok(());
        }
        let early = pods().find(|pod| asked(pod) && !before.contains(&pod.uid));
        early.map_or(Ok(()), |pod| Err(format!("S5: {} is pulled in, and nobody can tell why", pod.name)))
    }

    /// Takes note of flows whose records somebody else wrote over; healing puts them right.
    fn spoils(&mut self, what: &StepKind, before: &BTreeMap<FlowId, Flow>) {
        if !matches!(what, StepKind::Outside(_) | StepKind::Healed) {
            return;
        }
        let wrote = |id: &FlowId, flow: &Flow| {
            let now = self.flows.get(id);
            now.is_none_or(|now| now.uid == flow.uid && now.progress != flow.progress)
        };
        let spoilt = before.iter().filter(|(id, flow)| wrote(id, flow));
        self.spoilt.extend(spoilt.map(|(id, _)| id.clone()));
    }

    /// Whether what a host decides on is so when it writes.
    const fn looks_are_fresh(&self) -> bool {
        !self.chaos.stale_views && !self.chaos.silent_watches && !self.chaos.two_drivers
    }

    /// Whether the last flow is the last to have changed the workload. Pods that failed are mended by then.
    const fn has_the_last_word(&self) -> bool {
        !self.chaos.outside_edits && !self.chaos.hostile_records
    }

    /// Judges how the last flow left the world.
    ///
    /// # Errors
    /// How it differs from what must be.
    pub(crate) fn end(&self) -> Result<(), String> {
        let (Some((flow, verdict)), Some(workload), true) = (&self.last, &self.end, self.has_the_last_word())
        else {
            return Ok(());
        };
        let Some(start) = self.starts.get(&flow.uid) else { return Ok(()) };
        let closed = matches!(verdict, Verdict::Canceled | Verdict::Aborted { .. });
        let restored = closed && start.revision.as_ref() == Some(&workload.template_revision());
        let world = observed(workload, !restored);
        let ending = Ending { spec: &flow.spec, verdict, from: start.from };
        judge(&ending, &world).map_err(|what| format!("{what}\n{workload:?}"))
    }
}

fn cause(what: &StepKind, id: &FlowId) -> Cause {
    match what {
        StepKind::World => Cause::Controller,
        StepKind::Drove { .. } | StepKind::HeldUp { .. } | StepKind::Tended { .. } => Cause::Driver,
        StepKind::Asked { flow, command, .. } if flow == id => Cause::Person(*command),
        StepKind::Asked { .. }
        | StepKind::Made { .. }
        | StepKind::Restarted { .. }
        | StepKind::Blind { .. }
        | StepKind::Outside(_)
        | StepKind::Healed => Cause::Nature,
    }
}

/// A pod that was updated in place is not asked into traffic before its containers were swapped.
fn old_containers_stay_out(world: &World) -> Result<(), String> {
    let pods = world.workloads().flat_map(Workload::active);
    let early = pods.into_iter().find(|pod| !pod.swapped && pod.gate == Some(true));
    early.map_or(Ok(()), |pod| Err(format!("S6: {} is in with its old container: {pod:?}", pod.name)))
}
