//! Workloads whose pods have claims, and volumes that come late: the flow shows why it waits, and goes on.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};
use triton_tests::scene::{View, answers, name};

use crate::{
    app,
    heals::outlasts,
    safety::{Safety, all_run},
    site::Site,
};

/// Name of the test, when the class of the claims binds them, and what the scheduler says meanwhile.
const CASES: [[&str; 3]; 2] = [
    [
        "claims-first",
        "Immediate",
        "Unschedulable: 0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims",
    ],
    ["claims-last", "WaitForFirstConsumer", "node(s) didn't find available persistent volumes to bind"],
];

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_whose_claims_are_bound_late_waits_and_goes_on() {
    join_all(CASES.map(|[test, binds, words]| async move {
        let site = Site::on_own_plane(test).await;
        site.apply(&class(&site, binds));
        site.apply(&app::service());
        let safety = Safety::from_now(&site.scene);
        let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "failureGraceSeconds": 1});
        let orders = [app::create("first", 2, strategy.clone()), app::update("second", 2, strategy)];
        for (flow, image) in orders.iter().zip(["nginx:1", "nginx:2"]) {
            let order = name(flow);
            site.apply(&claiming(&site, flow));
            site.scene
                .holds(&format!("{order} says why its pods do not run"), |view| told(view, order, words))
                .await;
            // Twice the grace and more.
            outlasts(&site, order, Duration::from_secs(3)).await;
            site.apply(&volume(&site, image, 0));
            site.apply(&volume(&site, image, 1));
            site.succeeds(order).await;
            all_run(&site.view(), image, 2);
        }
        safety.never_held(&site.scene);
        // Claims go with their pods.
        let pods: BTreeSet<_> =
            site.view().pods().into_iter().map(|pod| format!("data-{}", name(pod))).collect();
        answers("the claims are those of the pods", || claims(&site), |claims| *claims == pods).await;
    }))
    .await;
}

/// Whether the flow waits for pods, and says so in the scheduler's words.
fn told(view: &View, flow: &str, words: &str) -> bool {
    let message = view.flow(flow)["status"]["waiting"]["message"].as_str().unwrap_or_default();
    let pods = view.batch(flow)["pods"].as_array().cloned().unwrap_or_default();
    let stuck = |pod: &Value| pod["reason"] == "Unschedulable" && pod["phase"] != "Failed";
    view.waits_for(flow) == "PodsStarting" && message.contains(words) && pods.iter().any(stuck)
}

fn class(site: &Site, binds: &str) -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": site.namespace},
        "provisioner": "kubernetes.io/no-provisioner",
        "volumeBindingMode": binds,
    })
}

fn claiming(site: &Site, flow: &Value) -> Value {
    let mut flow = flow.clone();
    flow["spec"]["application"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": site.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }]);
    flow
}

fn volume(site: &Site, image: &str, number: u32) -> Value {
    let image = image.replace(':', "-");
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": format!("{}-{image}-{number}", site.namespace)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": site.namespace,
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/nowhere"},
        },
    })
}

/// The claims of the namespace that are not being deleted.
fn claims(site: &Site) -> BTreeSet<String> {
    let list = site.kubectl_json(&["get", "persistentvolumeclaims"]);
    let stays = |claim: &&Value| claim["metadata"]["deletionTimestamp"].is_null();
    list["items"].as_array().into_iter().flatten().filter(stays).map(|claim| name(claim).to_owned()).collect()
}
