//! Changes of a workload and its pods, with their guards: what an API server does with the backend's
//! writes.

mod lock;

use std::collections::BTreeSet;

use self::lock::{held, lock, release};
use super::super::cloneset::UpdatePolicy;
use super::super::world::{Held, Pod, Workload, World, default_unavailable, version};
use super::backend::edited;
use super::memory::Memory;
use crate::model::{
    Flow, InstanceId, LastHolder, PodChange, PodName, PodRef, PodUid, Shape, TemplateRef, TrafficChange,
    Version, WorkloadChange, Wrote,
};
use crate::ports::{PortError, PortErrorKind, Subject};

/// Changes a workload; answers whether anything was different.
pub(super) fn change_workload(
    world: &mut World,
    subject: Subject<'_>,
    change: &WorkloadChange,
    seen: Option<&Version>,
) -> Result<bool, PortError> {
    let id = subject.instance;
    let Some(flow) = subject.flow else { return Err(without_flow()) };
    if let WorkloadChange::Reshape(shape) = change {
        match (world.workload(id).is_some(), seen) {
            (false, None) => return create(world, id, flow, shape),
            (false, Some(_)) => return Err(gone()),
            (true, _) => {}
        }
    }
    guarded(world, id, seen, |world| match change {
        WorkloadChange::Reshape(shape) => reshape(world, id, flow, shape),
        WorkloadChange::Lock { remember } => lock(world, id, flow, *remember),
        WorkloadChange::Release { good } => release(world, id, flow, good.as_ref()),
        WorkloadChange::Remove => remove(world, id, flow),
        WorkloadChange::SetPaused(on) => set_paused(world, id, flow, *on),
    })
}

/// Changes pods; answers whether anything was different.
pub(super) fn change_pods(
    world: &mut World,
    subject: Subject<'_>,
    change: &PodChange,
) -> Result<bool, PortError> {
    let Subject { instance: id, flow } = subject;
    match (change, flow) {
        (PodChange::Hook(pods), _) => {
            each(world, id, pods, |pod, _| (!pod.hooked).then_some(true), |pod| pod.hooked = true)
        }
        (PodChange::Unhook(pods), _) => each(
            world,
            id,
            pods,
            |pod, wanted| pod.hooked.then(|| pod.version == *wanted),
            |pod| pod.hooked = false,
        ),
        (PodChange::MarkForReplacement(pods), Some(flow)) => {
            let differs = |pod: &Pod, _: &Version| (pod.due.as_ref() != Some(&flow.uid)).then_some(true);
            each(world, id, pods, differs, |pod| pod.due = Some(flow.uid.clone()))
        }
        (PodChange::ClearSpecifiedDelete(pods), Some(_)) => {
            each(world, id, pods, |pod, _| pod.specified.then_some(true), |pod| pod.specified = false)
        }
        (PodChange::MarkForReplacement(_) | PodChange::ClearSpecifiedDelete(_), None) => Err(without_flow()),
    }
}

fn without_flow() -> PortError {
    PortError::new(PortErrorKind::Rejected, "only a flow may do that to a workload")
}

/// Asks pods in or out; answers whether anything was different.
pub(super) fn steer(world: &mut World, id: &InstanceId, change: &TrafficChange) -> Result<bool, PortError> {
    match change {
        TrafficChange::PullIn(pods) => {
            let differs = |pod: &Pod, wanted: &Version| {
                (pod.gated() && pod.gate != Some(true)).then(|| pod.version == *wanted)
            };
            each(world, id, pods, differs, |pod| pod.gate = Some(true))
        }
        TrafficChange::PullOut(pods) => {
            let differs = |pod: &Pod, wanted: &Version| {
                (pod.gated() && pod.gate == Some(true)).then(|| pod.version == *wanted)
            };
            each(world, id, pods, differs, |pod| pod.gate = Some(false))
        }
    }
}

/// The part of a write to several pods that is made by a host that dies in the middle of it.
pub(super) fn reached(memory: &Memory, change: &PodChange) -> PodChange {
    let mut change = change.clone();
    let (PodChange::Hook(pods)
    | PodChange::Unhook(pods)
    | PodChange::MarkForReplacement(pods)
    | PodChange::ClearSpecifiedDelete(pods)) = &mut change;
    pods.truncate(memory.reaches(pods.len()));
    change
}

/// The same for a request to the registry.
pub(super) fn asked(memory: &Memory, change: &TrafficChange) -> TrafficChange {
    let mut change = change.clone();
    let (TrafficChange::PullIn(pods) | TrafficChange::PullOut(pods)) = &mut change;
    pods.truncate(memory.reaches(pods.len()));
    change
}

/// Whether the workload has the template that this flow brings.
pub(super) fn has_template_of(workload: &Workload, flow: &Flow) -> bool {
    let template = &workload.template;
    template.hooked
        && template.gated == gated(Some(workload), flow)
        && flow.spec.template.as_ref() == Some(&template.json)
}

/// The numbers of a workload through the eyes of a flow, if one looks.
pub(super) fn shape(workload: &Workload, flow: Option<&Flow>, doomed: BTreeSet<PodName>) -> Shape {
    let template = if flow.is_some_and(|flow| has_template_of(workload, flow)) {
        TemplateRef::Flow
    } else {
        TemplateRef::Revision(workload.template_revision())
    };
    Shape {
        template: Some(template),
        replicas: workload.replicas,
        partition: Some(workload.partition),
        doomed: Some(doomed),
        surge: workload.surge,
        unavailable: workload.unavailable,
    }
}

fn numbers(workload: &Workload, flow: &Flow) -> Shape {
    shape(workload, Some(flow), workload.pods_to_delete.iter().cloned().collect())
}

/// Changes pods one by one. `differs`: `None` when the pod is as wanted, else whether its guard holds.
fn each(
    world: &mut World,
    id: &InstanceId,
    pods: &[PodRef],
    differs: impl Fn(&Pod, &Version) -> Option<bool>,
    change: impl Fn(&mut Pod),
) -> Result<bool, PortError> {
    let (mut changed, mut conflict) = (false, None);
    for wanted in pods {
        let found = |uid: &PodUid| world.workload(id)?.pod(uid).filter(|pod| pod.active());
        match found(&wanted.uid).and_then(|pod| differs(pod, &wanted.version)) {
            None => {}
            Some(true) => changed |= world.change_pod(id, &wanted.uid, &change),
            Some(false) => {
                conflict.get_or_insert_with(|| {
                    PortError::new(
                        PortErrorKind::Conflict,
                        std::format!("pod {} has been modified", wanted.name),
                    )
                });
            }
        }
    }
    conflict.map_or(Ok(changed), Err)
}

/// Does something to a workload only if it is still as it was seen.
fn guarded(
    world: &mut World,
    id: &InstanceId,
    seen: Option<&Version>,
    act: impl FnOnce(&mut World) -> Result<bool, PortError>,
) -> Result<bool, PortError> {
    match (world.workload(id), seen) {
        (None, _) => Err(gone()),
        (Some(workload), Some(seen)) if version(workload.version) == *seen => act(world),
        (Some(_), _) => {
            Err(PortError::new(PortErrorKind::Conflict, std::format!("workload {id} has been modified")))
        }
    }
}

/// Changes the object when that makes a difference; a new generation when it is the spec that changes.
fn edit(world: &mut World, id: &InstanceId, change: impl FnOnce(&mut Workload)) -> Result<bool, PortError> {
    let Some(workload) = world.workload(id) else { return Err(gone()) };
    let mut edited = workload.clone();
    change(&mut edited);
    if edited == *workload {
        return Ok(false);
    }
    let spec = |w: &Workload| {
        let strategy = (w.partition, w.surge, w.unavailable, w.paused);
        let hooks = (w.hook, w.in_place_hook);
        (w.replicas, strategy, w.pods_to_delete.clone(), hooks, w.template_revision())
    };
    if edited.replicas > 0 && edited.surge == 0 && edited.unavailable == 0 {
        // OpenKruise's webhook: one of maxUnavailable and maxSurge must be at least 1.
        let text = "spec.updateStrategy: maxUnavailable and maxSurge cannot both be less than 1";
        return Err(PortError::new(PortErrorKind::Rejected, text));
    }
    if edited.policy == UpdatePolicy::InPlaceOnly {
        only_in_place(workload, &edited)?;
    }
    let generation = edited.generation + u64::from(spec(&edited) != spec(workload));
    world.replace_workload(Workload { generation, ..edited });
    Ok(true)
}

/// OpenKruise's webhook: what it refuses of a workload that updates in place alone.
fn only_in_place(before: &Workload, after: &Workload) -> Result<(), PortError> {
    let refused = |text| Err(PortError::new(PortErrorKind::Rejected, text));
    if after.surge > 0 {
        return refused("spec.updateStrategy.maxSurge: can not use maxSurge with strategy type InPlaceOnly");
    }
    if !before.template.differs_in_images_alone(&after.template) {
        return refused("spec.template.spec: only allowed to update images in spec for InPlaceOnly");
    }
    Ok(())
}

/// Deletes a workload that a flow holds.
fn remove(world: &mut World, id: &InstanceId, flow: &Flow) -> Result<bool, PortError> {
    let held = world.workload(id).and_then(|workload| workload.lock.as_ref());
    if held.is_none_or(|held| held.holder.uid != flow.uid) {
        return Err(PortError::new(PortErrorKind::Conflict, "the workload is not locked by this flow"));
    }
    Ok(world.delete_workload(id))
}

fn reshape(world: &mut World, id: &InstanceId, flow: &Flow, shape: &Shape) -> Result<bool, PortError> {
    let template = match &shape.template {
        Some(TemplateRef::Flow) => Some(flow_template(world, id, flow)?),
        Some(TemplateRef::Revision(revision)) => {
            let known = world.workload(id).and_then(|workload| workload.revisions.get(revision).cloned());
            Some(known.ok_or_else(|| {
                PortError::new(PortErrorKind::NoRevision, std::format!("there is no revision {revision}"))
            })?)
        }
        None => None,
    };
    if let (Some(wanted), Some(workload)) = (&shape.doomed, world.workload(id)) {
        // OpenKruise's webhook: a new name must be that of a pod that is there.
        let there = |name: &&PodName| workload.active().any(|pod| pod.name == **name);
        let new = wanted.iter().filter(|name| !workload.pods_to_delete.contains(name));
        if let Some(name) = new.into_iter().find(|name| !there(name)) {
            let text = std::format!("spec.scaleStrategy.podsToDelete: there is no pod {name}");
            return Err(PortError::new(PortErrorKind::Rejected, text));
        }
    }
    let before = world.workload(id).map(|workload| numbers(workload, flow));
    edit(world, id, |workload| {
        if let Some(template) = template {
            workload.revisions.insert(template.revision(&id.name), template.clone());
            workload.template = template;
        }
        if let Some(doomed) = &shape.doomed {
            workload.pods_to_delete = doomed.iter().cloned().collect();
        }
        workload.replicas = shape.replicas;
        workload.partition = shape.partition.unwrap_or(workload.partition);
        workload.surge = shape.surge;
        workload.unavailable = shape.unavailable;
        let (paused, generation) = (workload.paused, workload.generation);
        let changed = before.as_ref() != Some(&numbers(workload, flow));
        if let Some(held) = &mut workload.lock {
            let wrote = held.wrote.reshaped(shape, flow.progress.position(), paused, generation);
            if changed || !wrote.same(&held.wrote) {
                held.wrote = wrote;
            }
        }
    })
}

fn set_paused(world: &mut World, id: &InstanceId, flow: &Flow, on: bool) -> Result<bool, PortError> {
    edit(world, id, |workload| {
        let seen = numbers(workload, flow);
        let edits = workload.lock.as_ref().map(|held| edited(workload, held, &seen)).unwrap_or_default();
        if workload.paused != on
            && let Some(held) = &mut workload.lock
        {
            held.wrote = held.wrote.froze(on, &edits, workload.generation);
        }
        workload.paused = on;
    })
}

fn create(world: &mut World, id: &InstanceId, flow: &Flow, shape: &Shape) -> Result<bool, PortError> {
    if shape.template != Some(TemplateRef::Flow) {
        return Err(gone());
    }
    let template = flow_template(world, id, flow)?;
    let mut labels: std::collections::BTreeMap<_, _> = flow.spec.labels.iter().cloned().collect();
    labels.extend(flow.spec.identity.labels().map(|(key, value)| (key.into(), value)));
    let at = flow.progress.position();
    let new = Workload::empty(id.clone(), world.fresh_uid("workload"), template);
    let workload = Workload {
        labels,
        lock: Some(Held {
            unavailable: default_unavailable(flow.spec.replicas.unwrap_or(0)),
            wrote: Wrote::locked(None, false, at).reshaped(shape, at, false, 0),
            ..held(&new, flow, false)
        }),
        last: Some(LastHolder::taken(None, flow)),
        replicas: shape.replicas,
        partition: shape.partition.unwrap_or(0),
        surge: shape.surge,
        unavailable: shape.unavailable,
        hook: true,
        exclude_preparing_delete: true,
        ..new
    };
    world.replace_workload(workload);
    Ok(true)
}

fn flow_template(
    world: &mut World,
    id: &InstanceId,
    flow: &Flow,
) -> Result<std::sync::Arc<super::super::world::PodTemplate>, PortError> {
    let json = flow.spec.template.as_ref();
    let json = json.ok_or_else(|| PortError::new(PortErrorKind::Rejected, "the flow has no template"))?;
    let gated = gated(world.workload(id), flow);
    Ok(world.read_template(json, gated, true))
}

/// Whether pods of a flow's template have the readiness gate. One more or less could not be updated in place.
fn gated(workload: Option<&Workload>, flow: &Flow) -> bool {
    match workload {
        Some(workload) if workload.policy.in_place() => workload.template.gated,
        Some(_) | None => !flow.spec.no_pull_in,
    }
}

fn gone() -> PortError {
    PortError::new(PortErrorKind::NotFound, "there is no such workload")
}
