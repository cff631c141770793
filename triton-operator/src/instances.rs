//! The read model over the cluster: application instances and pods as the API shows them.

use std::sync::Arc;

use kube::Client;
use serde_json::Value;
use triton_core::model::{InstanceId, Namespace, Seconds, Succession, Timestamp};
use triton_core::ports::PortError;
use triton_core::service::{ApiError, ApiErrorKind, InstanceApi, InstanceView, PodFilter, PodId, PodView};

use crate::backend::cloneset::entry::CloneSetEntry;
use crate::backend::cloneset::lock::LockNote;
use crate::backend::cloneset::sizer::sizer;
use crate::backend::cloneset::state::CloneSetState;
use crate::crd::convert::Fate;
use crate::labels;
use crate::registry::readiness_gate::endpoints::Endpoints;
use crate::registry::readiness_gate::lost::{HadByAll, may_be_of, succession};
use crate::store::Flows;
use crate::world::World;
use crate::world::cache::{Entry, Key};
use crate::world::endpoints::ServiceEntry;
use crate::world::offer::Offer;
use crate::world::pods::PodEntry;

/// Instances and pods out of the caches: of the API server nothing is asked but for the autoscaler of an instance.
#[derive(Clone)]
pub struct Instances {
    client: Client,
    world: Arc<World>,
    flows: Flows,
}

impl Instances {
    /// A read model of this cluster.
    #[must_use]
    pub const fn new(client: Client, world: Arc<World>, flows: Flows) -> Self {
        Self { client, world, flows }
    }

    /// An instance; of one whose CloneSet cannot be read only that.
    async fn shown(&self, state: &CloneSetState) -> Result<InstanceView, ApiError> {
        match state {
            CloneSetState::Read(entry) => Ok(self.view(entry, self.left(entry).await?)),
            CloneSetState::Unreadable { key, .. } => Ok(InstanceView {
                namespace: key.namespace.to_string(),
                name: key.name.to_string(),
                status: "Unreadable".into(),
                ..InstanceView::default()
            }),
        }
    }

    /// The lock, where its flow left the workload in the middle of its batches.
    async fn left<'a>(&self, cloneset: &'a CloneSetEntry) -> Result<Option<&'a LockNote>, ApiError> {
        let Some(note) = &cloneset.lock else { return Ok(None) };
        let fate = self.flows.fate(&note.holder, &cloneset.key).await?;
        let gone = matches!(fate, Fate::Left | Fate::Gone);
        Ok(Some(note).filter(|_| gone))
    }

    fn view(&self, cloneset: &CloneSetEntry, left: Option<&LockNote>) -> InstanceView {
        let pods = self.world.pods.group(&Key::new(&cloneset.key.namespace, &cloneset.uid));
        let active = pods.iter().filter(|pod| pod.is_active()).count();
        let serving = |pod: &&Arc<PodEntry>| pod.is_active() && pod.ready && pod.gate != Some(false);
        let available = pods.iter().filter(serving).count();
        let wanted = usize::try_from(cloneset.replicas).unwrap_or(usize::MAX);
        let worked_on = self.world.flows.group(&cloneset.key).iter().any(|flow| !flow.finished);
        let ready = !worked_on && cloneset.is_observed() && active == wanted && available == wanted;
        let status = match (&cloneset.lock_fault, left) {
            (Some(_), _) => "LockUnreadable",
            (None, Some(_)) => "Left",
            (None, None) if ready => "Ready",
            (None, None) => "InProgress",
        };
        let revision = cloneset.update_revision.as_deref().unwrap_or_default();
        let newest = short(&cloneset.key.name, revision);
        let is_other = |pod: &&Arc<PodEntry>| {
            let label = pod.labels.get(labels::REVISION).map_or("", String::as_str);
            pod.is_active() && !newest.is_empty() && short(&pod.owner_name, label) != newest
        };
        let others = pods.iter().filter(is_other).count();
        let main = &cloneset.main;
        InstanceView {
            namespace: cloneset.key.namespace.to_string(),
            name: cloneset.key.name.to_string(),
            available_replicas: u32::try_from(available).unwrap_or(u32::MAX),
            replicas: left.and_then(|note| note.size).unwrap_or(cloneset.replicas),
            status: status.into(),
            app_id: cloneset.ids.0,
            group_id: cloneset.ids.1,
            app_name: cloneset.app_name.clone(),
            image: main.image.clone(),
            cpu: main.cpu.clone(),
            memory: main.memory.clone(),
            request_cpu: main.request_cpu.clone(),
            request_memory: main.request_memory.clone(),
            update_revision: newest,
            in_place: cloneset.in_place,
            other_revision_replicas: u32::try_from(others).unwrap_or(u32::MAX),
            sized_by: cloneset.sized_by.clone().unwrap_or_default(),
            min_ready: Seconds(cloneset.min_ready),
            left_by: left.map_or_else(String::new, |note| note.holder.id.to_string()),
        }
    }

    fn pod_view(&self, entry: &PodEntry) -> PodView {
        let cloneset = self.world.clonesets.get(&Key::new(&entry.key.namespace, &entry.owner_name));
        let cloneset = cloneset.and_then(|cached| cached.entry.read().ok());
        let main = entry.main(cloneset.as_ref().map_or(&[][..], |cloneset| &cloneset.containers));
        let main = main.cloned().unwrap_or_default();
        let revision = entry.labels.get(labels::REVISION).map(String::as_str).unwrap_or_default();
        PodView {
            namespace: entry.key.namespace.to_string(),
            name: entry.key.name.to_string(),
            instance_name: instance_of(entry).into(),
            image: main.image,
            cpu: main.cpu,
            memory: main.memory,
            guaranteed_cpu: main.request_cpu,
            guaranteed_memory: main.request_memory,
            public_network: entry.host_network,
            container_name: main.name,
            pod_ip: entry.ip.clone().unwrap_or_default(),
            status: format!("{:?}", entry.phase),
            host_ip: entry.host_ip.clone(),
            update_revision: short(&entry.owner_name, revision),
            created_at: Some(Timestamp::from_micros(entry.created)),
        }
    }

    fn check_ready(&self) -> Result<(), ApiError> {
        self.world.check_ready().map_err(|error: PortError| error.into())
    }
}

impl InstanceApi for Instances {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.check_ready()?;
        let cached = self.world.clonesets.get(&Key::new(id.namespace.as_str(), id.name.as_str()));
        let gone = || ApiError::new(ApiErrorKind::NotFound, format!("there is no instance {id}"));
        let cloneset = cached.ok_or_else(gone)?.entry.read()?;
        let sized_by = sizer(&self.client, &cloneset).await.unwrap_or_default();
        let left = self.left(&cloneset).await?;
        Ok(InstanceView { sized_by, ..self.view(&cloneset, left) })
    }

    async fn warnings(&self, id: &InstanceId, template: Option<&Value>) -> Result<Vec<String>, ApiError> {
        self.check_ready()?;
        let cached = self.world.clonesets.get(&Key::new(id.namespace.as_str(), id.name.as_str()));
        let gone = || ApiError::new(ApiErrorKind::NotFound, format!("there is no instance {id}"));
        let cloneset = cached.ok_or_else(gone)?.entry.read()?;
        let mut pods = self.world.pods.group(&Key::new(&cloneset.key.namespace, &cloneset.uid));
        pods.retain(|pod| pod.is_active());
        let services = self.world.services.group(&Key::new(id.namespace.as_str(), ""));
        let slices = |service: &str| self.world.slices.group(&Key::new(id.namespace.as_str(), service));
        let mut endpoints = Endpoints::new(services.clone(), slices);
        for pod in &pods {
            endpoints.shown(pod);
        }
        let old: Vec<Offer<'_>> = pods.iter().map(|pod| pod.offer()).collect();
        let after = template.map(Offer::of_template);
        let new = after.iter().flat_map(|after| old.iter().map(|pod| pod.exchanged(&cloneset.offer, after)));
        let new: Vec<Offer<'_>> = new.collect();
        let slices = |service: &ServiceEntry| slices(&service.key.name);
        let is_own = |pod: &str| may_be_of(id.name.as_str(), pod);
        let Succession { lost, at_risk } =
            succession(&services, (&old, &new), slices, is_own, &mut HadByAll::new());
        Ok(lost.into_iter().chain(at_risk).chain(endpoints.notes()).collect())
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        self.check_ready()?;
        let mut all = self.world.clonesets.all();
        all.retain(|entry| namespace.is_none_or(|namespace| *entry.key().namespace == *namespace.as_str()));
        all.sort_by(|a, b| a.key().cmp(b.key()));
        let mut shown = Vec::with_capacity(all.len());
        for entry in &all {
            shown.push(self.shown(entry).await?);
        }
        Ok(shown)
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        self.check_ready()?;
        let PodId { namespace, name } = id;
        let cached = self.world.pods.get(&Key::new(namespace.as_str(), name.as_str()));
        let gone = || ApiError::new(ApiErrorKind::NotFound, format!("there is no pod {namespace}/{name}"));
        cached.map(|cached| self.pod_view(&cached.entry)).ok_or_else(gone)
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        self.check_ready()?;
        let mut all = self.world.pods.all();
        all.retain(|entry| {
            filter.namespace.as_ref().is_none_or(|namespace| *entry.key.namespace == *namespace.as_str())
                && filter.instance_name.as_ref().is_none_or(|name| name.as_str() == instance_of(entry))
                && filter.ip.as_ref().is_none_or(|ip| entry.ip.as_ref() == Some(ip))
        });
        if !filter.no_sort {
            all.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| a.key.cmp(&b.key)));
        }
        Ok(all.iter().map(|entry| self.pod_view(entry)).collect())
    }
}

fn instance_of(pod: &PodEntry) -> &str {
    pod.labels.get("app.kubernetes.io/instance").unwrap_or(&pod.owner_name)
}

/// The hash of a revision without the workload's name.
fn short(workload: &str, revision: &str) -> String {
    let hash = revision.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-'));
    hash.unwrap_or(revision).into()
}
