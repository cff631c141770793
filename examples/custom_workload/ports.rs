//! The two ports over the machine: this is what a backend has to write.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use triton_core::model::{
    Edits, Flow, FlowUid, InstanceId, Lasts, Lock, PodChange, PodPhase, PodRef, PodTraffic, PodsAsSeen,
    RevisionLabel, Seconds, Shape, Steps, TemplateRef, Timestamp, Traffic, TrafficChange, TrafficView,
    Version, WorkloadChange, WorkloadPod, WorkloadUid, WorkloadView,
};
use triton_core::ports::{
    Clock, PortError, PortErrorKind, Subject, TrafficRegistry, WorkloadBackend, are_as_seen,
};
use triton_core::sim::Host;

use super::machine::{Group, Process};

/// A machine that runs processes, with the load balancer in front of them.
#[derive(Clone)]
pub(crate) struct Machine {
    clock: Host,
    groups: Arc<Mutex<BTreeMap<InstanceId, Group>>>,
}

impl Machine {
    pub(crate) fn new(clock: Host) -> Self {
        Self { clock, groups: Arc::default() }
    }

    /// What runs, one line each.
    pub(crate) fn processes(&self) -> Vec<String> {
        let groups = self.groups();
        let lines = groups.values().flat_map(|group| {
            group.processes.iter().map(|process| {
                let serving = if process.serving.0 { "serving" } else { "idle" };
                format!("process {} {} {serving}", process.number, group.revision_of(process))
            })
        });
        lines.collect()
    }

    /// For how long something is so. The clock of the simulated world never jumps; in yours measure with
    /// `std::time::Instant`.
    fn since(&self, then: Timestamp) -> Duration {
        Duration::from_micros(self.clock.now().micros_since(then).unsigned_abs())
    }

    fn groups(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl WorkloadBackend for Machine {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        let now = self.clock.now();
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(subject.instance) else { return Ok(None) };
        group.supervise(now);
        Ok(Some(view(group, subject.flow, now)))
    }

    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        let mut groups = self.groups();
        if !groups.contains_key(subject.instance) && matches!(change, WorkloadChange::Reshape(_)) {
            groups.insert(subject.instance.clone(), Group::new(subject.instance.clone()));
        } else if seen.is_none() {
            return Err(conflict("it exists although it was absent"));
        }
        let Some(group) = groups.get_mut(subject.instance) else {
            return Err(PortError::new(PortErrorKind::NotFound, "there is no such workload"));
        };
        if *change == WorkloadChange::Remove && seen == Some(&version(group.version)) {
            groups.remove(subject.instance);
            return Ok(());
        }
        if seen.is_some_and(|seen| *seen != version(group.version)) {
            return Err(conflict("the workload has changed"));
        }
        let Some(flow) = subject.flow else {
            return Err(PortError::new(PortErrorKind::Rejected, "only a flow changes a workload"));
        };
        own(group, flow, change)
    }

    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(subject.instance) else { return Ok(()) };
        match (change, subject.flow) {
            (PodChange::Hook(pods), _) => hook(group, pods, true),
            (PodChange::Unhook(pods), _) => hook(group, pods, false),
            (PodChange::MarkForReplacement(pods), Some(flow)) => {
                let due = Some(flow.uid.clone());
                each(group, pods, false, |process| process.due != due, |process| process.due.clone_from(&due))
            }
            (PodChange::MarkForReplacement(_), None) => {
                Err(PortError::new(PortErrorKind::Rejected, "only a flow marks pods to be replaced"))
            }
            // Nothing here deletes processes beside the numbers.
            (PodChange::ClearSpecifiedDelete(_), _) => Ok(()),
        }
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        match self.groups().get(instance) {
            Some(group) if version(group.version) == *seen => Ok(()),
            Some(_) | None => Err(conflict("the workload has changed")),
        }
    }

    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        let groups = self.groups();
        let Some(group) = groups.get(instance) else { return Err(conflict("the workload is gone")) };
        let now: Vec<_> =
            group.processes.iter().map(|process| pod(group, process, None, self.clock.now())).collect();
        let active = now.iter().map(|pod| (&pod.uid, &pod.version));
        // A process that was stopped is gone at once: none is ever being deleted.
        let same = are_as_seen(seen, which, active, std::iter::empty());
        if same { Ok(()) } else { Err(conflict("the pods have changed")) }
    }
}

/// Changes of the workload itself, guarded by its version.
fn own(group: &mut Group, flow: &Flow, change: &WorkloadChange) -> Result<(), PortError> {
    match change {
        WorkloadChange::Lock { remember } => {
            group.lock = Some((flow.id.clone(), flow.uid.clone()));
            group.remembered = remember.or(group.remembered);
        }
        WorkloadChange::Release { good } => {
            group.lock = None;
            // An order that was carried out is not carried out again.
            let revision = group.current_revision();
            group.carried = group.carried.noted(flow, Some(&revision), group.replicas);
            group.good = good.clone().unwrap_or_else(|| group.good.clone());
        }
        WorkloadChange::SetPaused(on) => group.paused = *on,
        WorkloadChange::Reshape(shape) => reshape(group, flow, shape)?,
        WorkloadChange::Remove => return Ok(()),
    }
    group.version += 1;
    Ok(())
}

fn reshape(group: &mut Group, flow: &Flow, shape: &Shape) -> Result<(), PortError> {
    // What this makes is locked from the start.
    group.lock.get_or_insert_with(|| (flow.id.clone(), flow.uid.clone()));
    match (&shape.template, &flow.spec.template) {
        (None, _) => {}
        (Some(TemplateRef::Flow), Some(template)) => {
            group.use_template(template);
            group.template_of = Some(flow.uid.clone());
        }
        (Some(TemplateRef::Revision(revision)), _) if group.use_revision(revision) => {
            group.template_of = None
        }
        _ => return Err(PortError::new(PortErrorKind::Rejected, "that template is not known")),
    }
    (group.replicas, group.partition) = (shape.replicas, shape.partition.unwrap_or(group.partition));
    group.doomed = shape.doomed.clone().unwrap_or_else(|| group.doomed.clone());
    (group.surge, group.unavailable) = (shape.surge, shape.unavailable);
    Ok(())
}

/// Hooking is guarded by identity alone, letting go by the version too: the pod may have been returned to
/// service meanwhile.
fn hook(group: &mut Group, pods: &[PodRef], on: bool) -> Result<(), PortError> {
    each(group, pods, !on, |process| process.hooked != on, |process| process.hooked = on)
}

/// Changes every named process that needs it; answers the first conflict after all were tried.
fn each(
    group: &mut Group,
    pods: &[PodRef],
    guarded: bool,
    needed: impl Fn(&Process) -> bool,
    change: impl Fn(&mut Process),
) -> Result<(), PortError> {
    let mut first = Ok(());
    for pod in pods {
        let next = group.tick();
        let found = group.processes.iter_mut().find(|process| uid(process) == pod.uid.as_str());
        let Some(process) = found.filter(|process| needed(process)) else { continue };
        if guarded && version(process.version) != pod.version {
            first = first.and(Err(conflict("the process has changed")));
            continue;
        }
        change(process);
        process.version = next;
    }
    first
}

fn view(group: &Group, flow: Option<&Flow>, now: Timestamp) -> WorkloadView {
    let uid = flow.map(|flow| &flow.uid);
    let lock = match &group.lock {
        None => Lock::Free,
        Some((_, holder)) if Some(holder) == uid => Lock::Mine,
        Some((id, _)) => Lock::Theirs(id.clone()),
    };
    let own = uid.is_some() && group.template_of.as_ref() == uid;
    let template = if own { TemplateRef::Flow } else { TemplateRef::Revision(group.current_revision()) };
    let names = group.processes.iter().map(|process| group.name(process));
    let doomed = names.filter(|name| group.doomed.contains(name)).collect();
    WorkloadView {
        // There is one group, and it is never made anew.
        uid: WorkloadUid::new("group").expect("it is not empty"),
        version: version(group.version),
        settled: true,
        lock,
        // Nobody edits a group by hand, so that every flow that holds one keeps its lock, and ends.
        last: None,
        settings: None,
        left: None,
        paused: group.paused,
        shape: Shape {
            template: Some(template),
            replicas: group.replicas,
            partition: Some(group.partition),
            doomed: Some(doomed),
            surge: group.surge,
            unavailable: group.unavailable,
        },
        revision: Some(group.current_revision()),
        stable: None,
        label: RevisionLabel::Unknown,
        obstacle: None,
        // Processes are started at once: there is nothing to tell of what keeps them from coming.
        trouble: None,
        note: None,
        in_place: false,
        available: None,
        unhooked: false,
        remembered: group.remembered,
        good: group.good.clone(),
        carried: group.carried.clone(),
        differs: Vec::new(),
        // Nobody else changes a group: no note of what was written is kept.
        edits: Edits::default(),
        pods: group.processes.iter().map(|process| pod(group, process, uid, now)).collect(),
        terminating: Vec::new(),
        ended: Vec::new(),
        min_ready: Seconds(0),
    }
}

fn pod(group: &Group, process: &Process, looks: Option<&FlowUid>, now: Timestamp) -> WorkloadPod {
    let booted = process.booted(now);
    WorkloadPod {
        name: group.name(process),
        uid: uid(process).parse().expect("a number is not empty"),
        version: version(process.version),
        revision: Some(group.revision_of(process)),
        booted,
        marked: process.marked,
        swaps: false,
        in_grace: false,
        hooked: process.hooked,
        listed: looks.is_some() && process.due.as_ref() == looks,
        specified: false,
        gated: true,
        ready: booted,
        failure: None,
        starts: None,
        steps: Steps::default(),
        lasts: Lasts::default(),
        phase: if booted { PodPhase::ContainersReady } else { PodPhase::Pending },
        ip: None,
        port: 0,
    }
}

#[async_trait]
impl TrafficRegistry for Machine {
    async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError> {
        let groups = self.groups();
        let processes = groups.get(instance).map_or(&[][..], |group| &group.processes);
        let mut view = TrafficView::default();
        for pod in pods {
            let found = processes.iter().find(|process| uid(process) == pod.uid.as_str());
            if let Some(Process { serving: (serving, since), .. }) = found {
                let shown = if *serving { Traffic::In } else { Traffic::Out { lasts: self.since(*since) } };
                view.pods.insert(pod.uid.clone(), PodTraffic { asked: Some(*serving), shown });
            }
        }
        Ok(view)
    }

    async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError> {
        let now = self.clock.now();
        let mut groups = self.groups();
        let Some(group) = groups.get_mut(instance) else { return Ok(()) };
        let (pods, on) = match change {
            TrafficChange::PullIn(pods) => (pods, true),
            TrafficChange::PullOut(pods) => (pods, false),
        };
        each(group, pods, true, |process| process.serving.0 != on, |process| process.serving = (on, now))
    }
}

fn uid(process: &Process) -> String {
    process.number.to_string()
}

fn version(count: u64) -> Version {
    count.to_string().parse().expect("a number is not empty")
}

fn conflict(what: &str) -> PortError {
    PortError::new(PortErrorKind::Conflict, what)
}
