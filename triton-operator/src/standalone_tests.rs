use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tokio::sync::oneshot;
use triton_core::model::{Draft, Template, UpdateStrategy};
use triton_core::ports::NewFlow;
use triton_core::sim::NewWorkload;
use triton_core::sim::cloneset::UpdatePolicy;

use super::*;

/// A world in which nothing takes long.
const FAST: Timing =
    Timing { boot: (1, 1), react: (1, 1), endpoints: (1, 1), terminate: (1, 1), fail: (1, 1), heal: (1, 1) };

#[tokio::test]
async fn a_flow_that_holds_no_lock_keeps_no_pod_out_of_traffic() {
    let sim = Sim::on_clock(1, FAST, Arc::new(|| WallClock.now()));
    let id = serve(&sim, 2);
    order_paused_update(&sim, &id);
    let end = start(sim.clone(), 10).await;
    let lost = sim.world().workload(&id).and_then(|set| set.active().next().map(|pod| pod.uid.clone()));
    assert!(sim.world().lose_pod(&id, &lost.expect("there are two")));
    let mut changes = sim.watch();
    let serves = async {
        while sim.world().serving(&id) < 2 {
            changes.next().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), serves).await;
    waited.expect("the replacement is pulled in");
    drop(end);
}

#[tokio::test]
async fn as_many_ended_flows_are_kept_as_the_limit_says_also_of_those_from_before_the_start() {
    let sim = Sim::on_clock(1, FAST, Arc::new(|| WallClock.now()));
    let id = serve(&sim, 1);
    for nth in 0..5 {
        let draft = Draft {
            action: "scale".into(),
            app_name: "shop".into(),
            instance_name: id.name.as_str().into(),
            replicas: Some(1),
            ..Draft::default()
        };
        let flow = FlowId { namespace: id.namespace.clone(), name: format!("same-{nth}").parse().unwrap() };
        sim.world().create_flow(NewFlow { id: flow, draft, instance: id.name.clone() }).unwrap();
    }
    for limit in [3, 1] {
        let mut changes = sim.host().watch();
        let end = start(sim.clone(), limit).await;
        let trimmed = async {
            while sim.world().flows().iter().count() > limit as usize {
                changes.next().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), trimmed).await.expect("ended flows are removed");
        assert!(sim.world().flows().iter().all(|entry| entry.record.finished));
        drop(end);
    }
}

fn serve(sim: &Sim, replicas: u32) -> InstanceId {
    let id = InstanceId { namespace: "default".parse().unwrap(), name: "shop".parse().unwrap() };
    sim.world().add_workload(NewWorkload {
        id: id.clone(),
        template: Template::from_json(&template("nginx:1")),
        replicas,
        gated: true,
        hooked: true,
        policy: UpdatePolicy::ReCreate,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    });
    id
}

fn order_paused_update(sim: &Sim, id: &InstanceId) {
    let strategy = UpdateStrategy { paused: Some(true), ..UpdateStrategy::default() };
    let draft = Draft {
        action: "update".into(),
        app_name: "shop".into(),
        instance_name: id.name.as_str().into(),
        template: Some(template("nginx:2")),
        update_strategy: Some(strategy),
        ..Draft::default()
    };
    let flow = FlowId { namespace: id.namespace.clone(), name: "second".parse().unwrap() };
    sim.world().create_flow(NewFlow { id: flow, draft, instance: id.name.clone() }).unwrap();
}

fn template(image: &str) -> serde_json::Value {
    json!({ "spec": { "containers": [{ "name": "app", "image": image }] } })
}

/// Runs until the sender is dropped.
async fn start(sim: Sim, history: u32) -> oneshot::Sender<()> {
    let free = "127.0.0.1:0".parse().unwrap();
    let doors =
        Doors::bind(&Addresses { grpc: free, rest: free, health: free, metrics: free }).await.unwrap();
    let (end, ended) = oneshot::channel();
    let ended = async { drop(ended.await) };
    tokio::spawn(Standalone { doors, sim, history }.serve(ended));
    end
}
