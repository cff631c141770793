//! Kubernetes itself as the traffic registry: the pod's readiness gate asks, EndpointSlices answer.
//!
//! Only the gate's own condition is written; `Ready` belongs to the kubelet. What is in effect is read
//! back from the EndpointSlices of every Service that selects the pod (Kubernetes: EndpointSlice API).

pub mod endpoints;
pub mod expected;
pub mod lost;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;
use triton_core::model::{
    Brings, Exchange, Flow, FlowUid, InstanceId, PodRef, PodTraffic, PodUid, Succession, Timestamp, Traffic,
    TrafficChange, TrafficView, WorkloadPod,
};
use triton_core::ports::{PortError, TrafficRegistry};

use self::endpoints::{Endpoints, Shown};
use self::expected::Offers;
use self::lost::{Had, may_be_of, succession};
use crate::backend::cloneset::patch;
use crate::clock::WallClock;
use crate::concurrent::each;
use crate::kube_error::call;
use crate::labels;
use crate::world::World;
use crate::world::cache::Key;
use crate::world::endpoints::ServiceEntry;
use crate::world::offer::Offer;
use crate::world::pods::PodEntry;

/// Steers pods through their readiness gate.
pub struct ReadinessGate {
    client: Client,
    world: Arc<World>,
    clock: WallClock,
    /// When this process first saw each pod verified out, on a clock that nobody can set. After a restart it
    /// starts anew: a drain is then longer than asked for, never shorter.
    out_since: Mutex<HashMap<InstanceId, BTreeMap<PodUid, Instant>>>,
    offers: Offers,
    /// By flow, what its old pods had when this process first saw them. After a restart that is told by those that are
    /// there then: a Service is then held for more than it has to be, never for less.
    had: Mutex<HashMap<FlowUid, Had>>,
}

/// Flows of which it is kept what their old pods had.
const FLOWS: usize = 1_024;

impl ReadinessGate {
    /// A registry over this cluster.
    #[must_use]
    pub fn new(client: Client, world: Arc<World>, clock: WallClock) -> Self {
        Self {
            offers: Offers::new(client.clone()),
            client,
            world,
            clock,
            out_since: Mutex::default(),
            had: Mutex::default(),
        }
    }

    fn pod(&self, instance: &InstanceId, name: &str, uid: &str) -> Option<Arc<PodEntry>> {
        let cached = self.world.pods.get(&Key::new(instance.namespace.as_str(), name))?;
        (cached.entry.uid == uid).then_some(cached.entry)
    }

    /// Writes the gate's condition of each pod that is not asked so already, all at once.
    async fn ask(&self, instance: &InstanceId, pods: &[PodRef], on: bool) -> Result<(), PortError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), instance.namespace.as_str());
        let params = PatchParams { field_manager: Some(labels::MANAGER.into()), ..PatchParams::default() };
        let now = self.clock.now();
        let wanted = pods.iter().filter(|pod| {
            let cached = self.pod(instance, pod.name.as_str(), pod.uid.as_str());
            cached.is_some_and(|cached| cached.gated && cached.gate.unwrap_or(false) != on)
        });
        each(wanted, |pod| {
            let (api, params) = (&api, &params);
            async move {
                let patch = Patch::Strategic(condition(pod, on, now));
                self.world.took_pod(call(api.patch_status(pod.name.as_str(), params, &patch)).await)
            }
        })
        .await
    }

    /// What the new pods of a flow will offer that has none yet. Empty where that cannot be told.
    async fn expected(&self, flow: &Flow, old: &[Arc<PodEntry>]) -> Result<Vec<Offer<'static>>, PortError> {
        let instance = flow.instance();
        let key = Key::new(instance.namespace.as_str(), instance.name.as_str());
        let (Some(cached), Some(base)) = (self.world.clonesets.get(&key), flow.progress.base()) else {
            return Ok(Vec::new());
        };
        let cloneset = cached.entry.read()?;
        let after = match &base.brings {
            Brings::Nothing => None,
            Brings::Flow => Some(Arc::new(Offer::of_template(&patch::pod_template(flow, true)))),
            Brings::Revision(wanted) => match self.offers.of_revision(&cloneset, wanted).await? {
                Some(after) => Some(after),
                None => return Ok(Vec::new()),
            },
        };
        self.offers.expected(&cloneset, old, base.previous.as_ref(), after.as_deref()).await
    }

    /// Puts into the view for how long pods were seen out.
    fn remember(&self, instance: &InstanceId, shown: &mut BTreeMap<PodUid, PodTraffic>) {
        let now = Instant::now();
        let mut all = self.out_since.lock();
        let before = all.remove(instance).unwrap_or_default();
        let mut out = BTreeMap::new();
        for (uid, traffic) in shown {
            if let Traffic::Out { lasts } = &mut traffic.shown {
                let since = before.get(uid).copied().unwrap_or(now);
                *lasts = now - since;
                out.insert(uid.clone(), since);
            }
        }
        if !out.is_empty() {
            all.insert(instance.clone(), out);
        }
    }
}

#[async_trait]
impl TrafficRegistry for ReadinessGate {
    async fn observe(&self, instance: &InstanceId, pods: &[WorkloadPod]) -> Result<TrafficView, PortError> {
        self.world.check_ready()?;
        let namespace = instance.namespace.as_str();
        let services = self.world.services.group(&Key::new(namespace, ""));
        let mut endpoints =
            Endpoints::new(services, |service| self.world.slices.group(&Key::new(namespace, service)));
        let mut shown = BTreeMap::new();
        for pod in pods {
            let cached = self.pod(instance, pod.name.as_str(), pod.uid.as_str());
            // A pod that changed since the workload was looked at is looked at again: what is known of it
            // here would be guarded by what was seen there.
            let Some(cached) = cached.filter(|cached| cached.version == pod.version.as_str()) else {
                continue;
            };
            let traffic = PodTraffic {
                asked: cached.gated.then(|| cached.gate.unwrap_or(false)),
                shown: match endpoints.shown(&cached) {
                    Shown::In => Traffic::In,
                    Shown::Out => Traffic::Out { lasts: Duration::ZERO },
                    Shown::Moving => Traffic::Moving,
                },
            };
            shown.insert(pod.uid.clone(), traffic);
        }
        self.remember(instance, &mut shown);
        Ok(TrafficView { pods: shown, notes: endpoints.notes(), succession: Succession::default() })
    }

    async fn succession(&self, exchange: &Exchange<'_>) -> Result<Succession, PortError> {
        let instance = exchange.flow.instance();
        let services = self.world.services.group(&Key::new(instance.namespace.as_str(), ""));
        if services.is_empty() {
            return Ok(Succession::default());
        }
        let cached = |pod: &&WorkloadPod| self.pod(&instance, pod.name.as_str(), pod.uid.as_str());
        let old: Vec<_> = exchange.old.iter().filter_map(cached).collect();
        // New pods that leave again take no places.
        let new: Vec<_> = exchange.new.iter().filter(|pod| !pod.marked).filter_map(cached).collect();
        let new: Vec<Offer<'_>> = new.iter().map(|pod| pod.offer()).collect();
        let none_yet = new.is_empty() && !old.is_empty();
        let new = if none_yet { self.expected(exchange.flow, &old).await? } else { new };
        let old: Vec<Offer<'_>> = old.iter().map(|pod| pod.offer()).collect();
        let slices = |service: &ServiceEntry| self.world.slices.group(&service.key);
        let is_own = |pod: &str| may_be_of(instance.name.as_str(), pod);
        let mut all = self.had.lock();
        if all.len() >= FLOWS && !all.contains_key(&exchange.flow.uid) {
            all.clear();
        }
        let had = all.entry(exchange.flow.uid.clone()).or_default();
        Ok(succession(&services, (&old, &new), slices, is_own, had))
    }

    async fn change_traffic(&self, instance: &InstanceId, change: &TrafficChange) -> Result<(), PortError> {
        match change {
            TrafficChange::PullIn(pods) => self.ask(instance, pods, true).await,
            TrafficChange::PullOut(pods) => self.ask(instance, pods, false).await,
        }
    }
}

/// Strategic merge patch of the one condition (merge key: type). Refused by a pod of that name made later,
/// and when the pod is not as it was seen.
fn condition(pod: &PodRef, on: bool, now: Timestamp) -> Value {
    let (status, reason, message) = if on {
        ("True", "PulledIn", "triton lets the pod take traffic")
    } else {
        ("False", "PulledOut", "triton took the pod out of traffic")
    };
    // Kubernetes keeps whole seconds (meta/v1 Time).
    let second = Timestamp::from_micros(now.as_micros() - now.as_micros().rem_euclid(1_000_000));
    json!({
        "metadata": { "uid": pod.uid, "resourceVersion": pod.version },
        "status": { "conditions": [{
            "type": labels::GATE, "status": status, "reason": reason, "message": message,
            "lastTransitionTime": second,
        }] },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use triton_core::model::{PodName, Version};

    #[test]
    fn pulling_in_and_out_are_guarded_by_uid_and_version() {
        let pod = PodRef {
            name: PodName::new("demo-x").unwrap(),
            uid: PodUid::new("pod-uid").unwrap(),
            version: Version::new("7").unwrap(),
        };
        let body = condition(&pod, true, Timestamp::from_micros(1_700_000_000_900_000));
        assert_eq!(body["metadata"], json!({ "uid": "pod-uid", "resourceVersion": "7" }));
        let given = &body["status"]["conditions"][0];
        assert_eq!(
            (&given["status"], &given["lastTransitionTime"]),
            (&json!("True"), &json!("2023-11-14T22:13:20Z"))
        );
        let body = condition(&pod, false, Timestamp::default());
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        assert_eq!(body["status"]["conditions"].as_array().unwrap().len(), 1, "Ready is the kubelet's");
    }
}
