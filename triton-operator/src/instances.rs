//! The read model over the cluster: application instances and pods as the API shows them.

use std::sync::Arc;

use kube::Client;
use serde_json::Value;
use triton_core::engine::{rollback_target, size};
use triton_core::model::{Holder, InstanceId, Namespace, Revision, Seconds, Succession, Timestamp};
use triton_core::ports::PortError;
use triton_core::service::{ApiError, ApiErrorKind, InstanceApi, InstanceView, PodFilter, PodId, PodView};

use crate::backend::cloneset::entry::CloneSetEntry;
use crate::backend::cloneset::sizer::sizer;
use crate::backend::cloneset::state::CloneSetState;
use crate::backend::cloneset::{template_of, view};
use crate::crd::convert::{Fate, FlowEntry};
use crate::labels;
use crate::registry::readiness_gate::endpoints::Endpoints;
use crate::registry::readiness_gate::expected::Offers;
use crate::registry::readiness_gate::lost::{Had, may_be_of, succession};
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
    offers: Offers,
}

/// Who counts as the holder of a workload.
#[derive(Default)]
struct Held<'a> {
    /// The mark of a flow that is at work.
    by: Option<Mark<'a>>,
    /// That flow.
    flow: Option<Arc<FlowEntry>>,
    /// The mark of a flow that left the workload in the middle of its batches.
    left: Option<Mark<'a>>,
}

/// What stands on a workload of the flow that took it last.
#[derive(Clone, Copy)]
struct Mark<'a> {
    holder: &'a Holder,
    /// The size that the workload is to have, where the flow exchanges pods.
    size: Option<u32>,
}

impl<'a> Mark<'a> {
    /// The lock, or who had it last where others took it off.
    fn of(cloneset: &'a CloneSetEntry) -> Option<Self> {
        let lock = cloneset.lock.as_ref().map(|note| Self { holder: &note.holder, size: note.size });
        lock.or_else(|| cloneset.taken_off().map(|last| Self { holder: &last.holder, size: last.size }))
    }
}

impl Instances {
    /// A read model of this cluster.
    #[must_use]
    pub fn new(client: Client, world: Arc<World>, flows: Flows) -> Self {
        Self { offers: Offers::new(client.clone()), client, world, flows }
    }

    /// The CloneSet of this instance, as it is now.
    fn cloneset(&self, id: &InstanceId) -> Result<Arc<CloneSetEntry>, ApiError> {
        self.check_ready()?;
        let cached = self.world.clonesets.get(&Key::new(id.namespace.as_str(), id.name.as_str()));
        let gone = || ApiError::new(ApiErrorKind::NotFound, format!("there is no instance {id}"));
        Ok(cached.ok_or_else(gone)?.entry.read()?)
    }

    /// An instance; of one whose CloneSet cannot be read only that.
    async fn shown(&self, state: &CloneSetState) -> Result<InstanceView, ApiError> {
        match state {
            CloneSetState::Read(entry) => Ok(self.view(entry, &self.lock(entry).await?).0),
            CloneSetState::Unreadable { key, .. } => Ok(InstanceView {
                namespace: key.namespace.to_string(),
                name: key.name.to_string(),
                status: "Unreadable".into(),
                ..InstanceView::default()
            }),
        }
    }

    /// The lock, where it counts: its flow is at work, or left the workload in the middle of its batches.
    async fn lock<'a>(&self, cloneset: &'a CloneSetEntry) -> Result<Held<'a>, ApiError> {
        let Some(mark) = Mark::of(cloneset) else { return Ok(Held::default()) };
        Ok(match self.flows.fate(mark.holder, &cloneset.key).await? {
            Fate::Left | Fate::Gone => Held { left: Some(mark), ..Held::default() },
            Fate::Alive => {
                let key = Key::new(mark.holder.id.namespace.as_str(), mark.holder.id.name.as_str());
                Held {
                    by: Some(mark),
                    flow: self.world.flows.get(&key).map(|cached| cached.entry),
                    left: None,
                }
            }
            Fate::Ended => Held::default(),
        })
    }

    /// The instance, and what a rollback returns it to.
    fn view(&self, cloneset: &CloneSetEntry, held: &Held<'_>) -> (InstanceView, Option<Revision>) {
        let Held { by, left, .. } = *held;
        let holder = held.flow.as_ref().and_then(|entry| entry.flow());
        let good = cloneset.good.iter().filter_map(|name| Revision::new(name).ok()).collect::<Vec<_>>();
        let back = rollback_target(view::told_revision(cloneset).as_ref(), &good, holder).cloned();
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
        let noted = by.or(left).and_then(|mark| mark.size);
        let named = |mark: Option<Mark<'_>>| mark.map_or_else(String::new, |mark| mark.holder.id.to_string());
        let instance = InstanceView {
            namespace: cloneset.key.namespace.to_string(),
            name: cloneset.key.name.to_string(),
            available_replicas: u32::try_from(available).unwrap_or(u32::MAX),
            replicas: size(cloneset.replicas, holder, noted),
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
            left_by: named(left),
            held_by: named(by),
            rollback_to: back
                .as_ref()
                .map(|back| short(&cloneset.key.name, back.as_str()))
                .unwrap_or_default(),
            rollback_image: String::new(),
            replicas_before_stop: cloneset.remembered,
            carried_out: String::new(),
        };
        (instance, back)
    }

    /// Images of the containers of a revision; empty where nobody can tell.
    async fn images(&self, cloneset: &CloneSetEntry, revision: Option<&Revision>) -> String {
        let Some(revision) = revision else { return String::new() };
        let template = template_of(&self.client, cloneset, revision).await.unwrap_or_default();
        let containers = template["spec"]["containers"].as_array().into_iter().flatten();
        let images = containers.filter_map(|container| container["image"].as_str());
        images.collect::<Vec<_>>().join(", ")
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
        let sized_by = sizer(&self.client, &*self.cloneset(id)?).await.unwrap_or_default();
        // Its flow may have ended while the autoscalers were read: both are told as they are now.
        let cloneset = self.cloneset(id)?;
        let (instance, back) = self.view(&cloneset, &self.lock(&cloneset).await?);
        let rollback_image = self.images(&cloneset, back.as_ref()).await;
        let carried_out = cloneset.carried.as_str().into();
        Ok(InstanceView { sized_by, rollback_image, carried_out, ..instance })
    }

    async fn warnings(&self, id: &InstanceId, template: Option<&Value>) -> Result<Vec<String>, ApiError> {
        let cloneset = self.cloneset(id)?;
        let mut pods = self.world.pods.group(&Key::new(&cloneset.key.namespace, &cloneset.uid));
        pods.retain(|pod| pod.is_active());
        let services = self.world.services.group(&Key::new(id.namespace.as_str(), ""));
        let slices = |service: &str| self.world.slices.group(&Key::new(id.namespace.as_str(), service));
        let mut endpoints = Endpoints::new(services.clone(), slices);
        for pod in &pods {
            endpoints.shown(pod);
        }
        let new = match template {
            Some(template) => {
                let own = template.as_object().is_some_and(serde_json::Map::is_empty);
                let after = (!own).then(|| Offer::of_template(template));
                self.offers.expected(&cloneset, &pods, None, after.as_ref()).await?
            }
            None => Vec::new(),
        };
        let old: Vec<Offer<'_>> = pods.iter().map(|pod| pod.offer()).collect();
        let slices = |service: &ServiceEntry| slices(&service.key.name);
        let is_own = |pod: &str| may_be_of(id.name.as_str(), pod);
        let Succession { lost, at_risk } =
            succession(&services, (&old, &new), slices, is_own, &mut Had::default());
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use hyper::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use triton_core::model::InstanceName;

    use super::*;
    use crate::limits::Limits;

    /// The API server answers a list of autoscalers only after the cancelled flow has returned `demo-new` to `demo-now`.
    #[tokio::test]
    async fn an_instance_is_told_as_it_is_after_the_api_server_has_answered() {
        let world = World::new(Arc::new(|_| {}), Limits::default());
        world.flows.relisted();
        world.pods.relisted();
        world.services.relisted();
        world.slices.relisted();
        world.clonesets.relisted();
        world.clonesets.watched(cloneset("9", "demo-new"));
        let answering = Arc::clone(&world);
        let answer = move |_: Request<Body>| {
            answering.clonesets.watched(cloneset("10", "demo-now"));
            let list = json!({ "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscalerList",
                "metadata": {}, "items": [] });
            std::future::ready(Ok::<_, Infallible>(Response::new(Body::from(list.to_string().into_bytes()))))
        };
        let client = Client::new(tower::service_fn(answer), "default");
        let instances =
            Instances::new(client.clone(), Arc::clone(&world), Flows::new(client, Arc::clone(&world)));
        let id = InstanceId {
            namespace: Namespace::new("default").unwrap(),
            name: InstanceName::new("demo").unwrap(),
        };
        let shown = instances.instance(&id).await.unwrap();
        assert_eq!((&*shown.update_revision, &*shown.rollback_to), ("now", "before"));
        assert_eq!(shown.replicas_before_stop, Some(6));
        assert_eq!(shown.carried_out, "a:0123456789abcdef:3:");
    }

    fn cloneset(version: &str, revision: &str) -> CloneSetState {
        let object = json!({
            "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
            "metadata": {
                "name": "demo", "namespace": "default", "uid": "cs-uid", "resourceVersion": version,
                "annotations": { (labels::GOOD): "demo-now,demo-before", (labels::REMEMBERED): "6",
                    (labels::CARRIED_OUT): "a:0123456789abcdef:3:", },
            },
            "spec": { "replicas": 4, "selector": {}, "template": {} },
            "status": { "updateRevision": revision },
        });
        CloneSetState::of(&serde_json::from_value(object).unwrap()).unwrap()
    }
}
