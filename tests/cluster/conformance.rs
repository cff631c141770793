//! The suites for those who implement a port, run on the ports of the operator itself: no operator runs beside
//! them.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use triton_core::{
    model::{Flow, FlowUid},
    ports::{FlowStore, Loaded, NewFlow, TrafficRegistry, WorkloadBackend},
    testing::{
        rig::{Rig, draft},
        store_suite, traffic_suite, workload_suite,
    },
};
use triton_operator::{
    backend::cloneset::CloneSets, clock::WallClock, limits::Limits, registry::readiness_gate::ReadinessGate,
    store::Flows, world::World,
};
use triton_tests::{cloneset::connect, scene::DEADLINE};

use crate::site::Site;

/// The ports over one namespace.
struct Ports {
    store: Flows,
    workload: CloneSets,
    traffic: ReadinessGate,
    _watches: JoinSet<String>,
}

impl Ports {
    async fn over(site: &Site) -> Self {
        site.kill_operator();
        let client =
            connect(site.rig.plane.kubeconfig(), "conformance-test").await.expect("the cluster answers");
        let world = World::new(Arc::new(|_| {}), Limits::default());
        let watches = world.watch(&client, Some(&site.namespace));
        timeout(DEADLINE, world.until_ready()).await.expect("the cluster is read");
        let store = Flows::new(client.clone(), Arc::clone(&world));
        Self {
            workload: CloneSets::new(client.clone(), Arc::clone(&world), store.clone()),
            traffic: ReadinessGate::new(client, world, WallClock),
            store,
            _watches: watches,
        }
    }
}

impl Rig for Ports {
    fn workload(&self) -> &dyn WorkloadBackend {
        &self.workload
    }

    fn traffic(&self) -> &dyn TrafficRegistry {
        &self.traffic
    }

    async fn register(&self, flow: &Flow) -> FlowUid {
        let (instance, template) =
            (flow.spec.identity.instance.clone(), flow.id.name.as_str().ends_with("-1"));
        let size = flow.spec.replicas.expect("a size");
        let draft = draft(instance.as_str(), if template { 1 } else { 2 }, size);
        let made = self.store.create(NewFlow { id: flow.id.clone(), draft, instance }).await;
        match made.expect("the flow is new") {
            Loaded::Flow(stored) => stored.flow.uid,
            other @ (Loaded::Invalid(_) | Loaded::Corrupt { .. }) => panic!("{other:?}"),
        }
    }

    async fn pass_time(&self) {
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_keeps_what_the_port_promises() {
    let site = Site::new("store-suite").await;
    let ports = Ports::over(&site).await;
    store_suite::all(&ports.store, &site.namespace, || ports.pass_time()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_keeps_what_the_port_promises() {
    let site = Site::new("workload-suite").await;
    workload_suite::all(&Ports::over(&site).await, &site.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_keeps_what_the_port_promises() {
    let site = Site::new("traffic-suite").await;
    site.apply(&json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "traffic"},
        "spec": {"selector": {"app.kubernetes.io/instance": "traffic"}, "ports": [{"name": "web", "port": 80}]},
    }));
    traffic_suite::all(&Ports::over(&site).await, &site.namespace).await;
}
