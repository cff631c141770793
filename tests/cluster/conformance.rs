//! The suites for those who implement a port, run on the ports of the operator itself: no operator runs beside
//! them.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use triton_core::{
    model::{
        Base, Flow, FlowUid, Kind, Lock, Plan, Progress, Seconds, Shape, TemplateRef, Timestamp,
        WorkloadChange,
    },
    ports::{FlowStore, Loaded, NewFlow, PortErrorKind, Subject, TrafficRegistry, WorkloadBackend},
    testing::{
        rig::{Rig, draft, flow, until},
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
    watches: JoinSet<String>,
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
            watches,
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

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hears_nothing_more_touches_no_pod_and_takes_no_lock_as_lost() {
    let site = Site::new("two-hosts").await;
    let (mut behind, other) = (Ports::over(&site).await, Ports::over(&site).await);
    let flow = flow(&site.namespace, "shared", 1, 1);
    let flow = Flow { uid: other.register(&flow).await, ..flow };
    let instance = flow.instance();
    let shape = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 1,
        partition: Some(0),
        doomed: None,
        surge: 1,
        unavailable: 0,
    };
    let subject = Subject { instance: &instance, flow: Some(&flow) };
    let make = WorkloadChange::Reshape(shape);
    other.workload.change_workload(subject, &make, None).await.expect("it is made, with the lock");
    let made = until(&other, &flow, "a pod", |view| view.pods.iter().any(|pod| pod.booted)).await;
    let release = WorkloadChange::Release { good: None };
    other.workload.change_workload(subject, &release, Some(&made.version)).await.expect("released");
    until(&behind, &flow, "the free workload", |view| view.lock == Lock::Free && view.pods.len() == 1).await;
    behind.watches.shutdown().await;

    let free = until(&other, &flow, "a free workload", |view| view.lock == Lock::Free).await;
    let lock = WorkloadChange::Lock { remember: None };
    other.workload.change_workload(subject, &lock, Some(&free.version)).await.expect("locked again");

    let keeper = Subject { instance: &instance, flow: None };
    let seen = behind.workload.observe(keeper).await.expect("it answers").expect("it is there");
    assert_eq!((&seen.lock, seen.settled), (&Lock::Free, true), "the keeper does not know of the lock");
    let error = behind.workload.confirm(&instance, &seen.version).await.expect_err("it is locked");
    assert_eq!(error.kind, PortErrorKind::Conflict, "{error}");

    // That answer has told this host. Another one, that was told nothing, looks past its cache by itself.
    let locked = until(&other, &flow, "the lock", |view| view.lock == Lock::Mine).await;
    other.workload.change_workload(subject, &release, Some(&locked.version)).await.expect("released");
    let mut stale = Ports::over(&site).await;
    stale.watches.shutdown().await;
    let free = until(&other, &flow, "a free workload", |view| view.lock == Lock::Free).await;
    other
        .workload
        .change_workload(subject, &lock, Some(&free.version))
        .await
        .expect("locked for the last time");
    let verifying = Flow { progress: verifying(), ..flow.clone() };
    let subject = Subject { instance: &instance, flow: Some(&verifying) };
    let seen = stale.workload.observe(subject).await.expect("it answers").expect("it is there");
    assert_eq!(seen.lock, Lock::Mine, "a flow does not lose its lock to an old view");
}

/// A flow that has its workload.
fn verifying() -> Progress {
    let base = Base::new(Kind::Grow, 0, 1);
    let plan = Plan { base, fresh: 0, work: 1 };
    Progress::Verifying { plan, since: Timestamp::default(), counted: Seconds(0), hold: None, edited: None }
}
