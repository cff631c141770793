//! The read model: application instances and pods as the API shows them.

use std::string::{String, ToString};
use std::vec::Vec;

use super::super::cloneset::UpdatePolicy;
use super::super::world::{Pod, Workload, World};
use super::Host;
use super::backend::{left, taken_off};
use crate::engine::{rollback_target, size};
use crate::model::{InstanceId, Namespace, Revision};
use crate::service::{ApiError, ApiErrorKind, InstanceApi, InstanceView, PodFilter, PodId, PodView};

impl InstanceApi for Host {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let found = world.workload(id).map(|workload| instance(&world, workload));
        found.ok_or_else(|| ApiError::new(ApiErrorKind::NotFound, std::format!("there is no instance {id}")))
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let wanted = |workload: &&Workload| namespace.is_none_or(|name| workload.id.namespace == *name);
        Ok(world.workloads().filter(wanted).map(|workload| instance(&world, workload)).collect())
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let found = pods(&world).find(|(w, pod)| w.id.namespace == id.namespace && pod.name == id.name);
        found.map(|(workload, pod)| view(workload, pod)).ok_or_else(|| {
            let PodId { namespace, name } = id;
            ApiError::new(ApiErrorKind::NotFound, std::format!("there is no pod {namespace}/{name}"))
        })
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        let mut world = self.sim.world();
        self.may_read(&mut world)?;
        let wanted = |(workload, pod): &(&Workload, &Pod)| {
            filter.namespace.as_ref().is_none_or(|namespace| workload.id.namespace == *namespace)
                && filter.instance_name.as_ref().is_none_or(|name| workload.id.name == *name)
                && filter.ip.as_ref().is_none_or(|ip| **ip == *pod.ip)
        };
        let mut found: Vec<PodView> =
            pods(&world).filter(wanted).map(|(workload, pod)| view(workload, pod)).collect();
        if !filter.no_sort {
            found.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| a.name.cmp(&b.name)));
        }
        Ok(found)
    }
}

fn pods(world: &World) -> impl Iterator<Item = (&Workload, &Pod)> {
    world.workloads().flat_map(|workload| workload.active().map(move |pod| (workload, pod)))
}

fn instance(world: &World, workload: &Workload) -> InstanceView {
    let label = |key: &str| workload.labels.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
    let serving = workload.serving();
    let worked_on = workload.lock.as_ref().is_some_and(|held| world.flows().lives(&held.holder));
    let at_rest = workload.observed_latest() && workload.active_count() == workload.replicas;
    let ready = !worked_on && at_rest && serving == workload.replicas;
    let left = left(world, workload, None);
    let marked = workload.lock.as_ref().map(|held| &held.holder);
    let marked = marked.or_else(|| taken_off(workload).map(|last| &last.holder));
    let left_by = marked.filter(|_| left.is_some());
    let status = match left {
        Some(_) => "Left",
        None if ready => "Ready",
        None => "InProgress",
    };
    let held = workload.lock.as_ref().filter(|_| worked_on);
    let holder = held.and_then(|held| world.flows().flow(&held.holder));
    let back = rollback_target(workload.update_revision.as_ref(), &workload.good, holder.as_ref());
    let image = |revision: &Revision| Some(workload.revisions.get(revision)?.images().join(", "));
    let template = &workload.template;
    let newest = workload.update_revision.as_ref();
    let others = workload.active().filter(|pod| newest.is_some_and(|newest| pod.revision != *newest));
    InstanceView {
        namespace: workload.id.namespace.to_string(),
        name: workload.id.name.to_string(),
        available_replicas: serving,
        replicas: size(
            workload.replicas,
            holder.as_ref(),
            held.map_or_else(|| left.and_then(|left| left.size), |held| held.size),
        ),
        status: status.into(),
        app_id: label("app"),
        group_id: label("group"),
        app_name: workload.labels.get("app.kubernetes.io/name").cloned().unwrap_or_default(),
        image: template.image.clone(),
        cpu: template.cpu.0.clone(),
        memory: template.memory.0.clone(),
        request_cpu: template.cpu.1.clone(),
        request_memory: template.memory.1.clone(),
        update_revision: workload.update_revision.as_ref().map(|r| short(workload, r)).unwrap_or_default(),
        in_place: workload.policy != UpdatePolicy::ReCreate,
        other_revision_replicas: u32::try_from(others.count()).unwrap_or(u32::MAX),
        sized_by: String::new(),
        min_ready: workload.min_ready,
        left_by: left_by.map_or_else(String::new, |holder| holder.id.to_string()),
        held_by: held.map_or_else(String::new, |held| held.holder.id.to_string()),
        rollback_to: back.map(|back| short(workload, back)).unwrap_or_default(),
        rollback_image: back.and_then(image).unwrap_or_default(),
        replicas_before_stop: workload.remembered,
        carried_out: workload.carried.as_str().into(),
    }
}

fn view(workload: &Workload, pod: &Pod) -> PodView {
    let template = &pod.template;
    PodView {
        namespace: workload.id.namespace.to_string(),
        name: pod.name.to_string(),
        instance_name: workload.id.name.to_string(),
        image: template.image.clone(),
        cpu: template.cpu.0.clone(),
        memory: template.memory.0.clone(),
        guaranteed_cpu: template.cpu.1.clone(),
        guaranteed_memory: template.memory.1.clone(),
        public_network: template.host_network,
        container_name: template.container.clone(),
        pod_ip: pod.ip.to_string(),
        status: std::format!("{:?}", pod.phase()),
        host_ip: pod.host_ip.to_string(),
        update_revision: short(workload, &pod.revision),
        created_at: Some(pod.created_at),
    }
}

/// The hash of a revision without the workload's name.
fn short(workload: &Workload, revision: &Revision) -> String {
    let name = revision.as_str();
    let hash = name.strip_prefix(workload.id.name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    hash.unwrap_or(name).into()
}
