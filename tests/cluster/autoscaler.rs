//! A HorizontalPodAutoscaler on the workload: its sizes are followed, and where it takes away the pods of an
//! exchange the flow holds with a reason; it never fights.

use serde_json::{Value, json};
use triton_tests::scene::{View, answers};

use crate::{
    app,
    rig::SETS,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";
const HPA: &str = "horizontalpodautoscalers.autoscaling";

#[tokio::test(flavor = "multi_thread")]
async fn an_update_follows_the_size_that_an_autoscaler_asks_for() {
    let site = Site::new("autoscaled").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&app::update(FLOW, 2, canary()));
    site.asks(FLOW, 1, "Smoked").await;

    autoscale(&site, 4, 6);
    let followed = |view: &View| view.flow(FLOW)["status"]["replicasToProcess"] == 4;
    site.scene.holds("the update is one of four pods", followed).await;
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 4);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_pods_an_autoscaler_takes_away_holds_and_does_not_fight() {
    let site = Site::new("autoscaled-full").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    autoscale(&site, 1, 2);
    site.apply(&app::update(FLOW, 2, canary()));
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Drift").await;
    let message = site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("replicas (by kube-controller-manager)"), "{message}");
    let generation = || workload(&site)["metadata"]["generation"].clone();
    let then = generation();
    for resource in ["memory", "cpu"] {
        looks(&site, resource).await;
    }
    assert_eq!(generation(), then, "nobody writes against the other");

    autoscale(&site, 1, 3);
    site.order("Resume", FLOW);
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_without_surge_leaves_the_size_to_an_autoscaler() {
    let site = Site::new("autoscaled-tight").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    autoscale(&site, 2, 2);
    let one_by_one = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "maxUnavailable": 1});
    site.apply(&app::update(FLOW, 2, one_by_one));
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    safety.serving_at_least(&site.scene, 1);
    safety.pods_at_most(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_changes_the_size_says_which_autoscaler_sets_it_too() {
    let site = Site::new("autoscaled-resized").await;
    site.serve(2).await;
    autoscale(&site, 2, 6);
    site.apply(&app::update(FLOW, 3, canary()));
    site.asks(FLOW, 1, "Smoked").await;
    let message = || site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(
        message().contains("HorizontalPodAutoscaler web sets the size of this workload"),
        "{}",
        message()
    );
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_comes_back_lifts_its_hold_by_itself() {
    let site = Site::new("resized-back").await;
    site.serve(2).await;
    site.apply(&of_any_size(canary()));
    site.asks(FLOW, 1, "Smoked").await;
    let scale = |size: &str| site.kubectl(&["scale", SETS, app::NAME, &format!("--replicas={size}")]);
    scale("0");
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Resized").await;
    let message = site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("others changed replicas"), "{message}");
    scale("4");
    let follows = |view: &View| {
        view.flow(FLOW)["status"]["replicasToProcess"] == 4 && view.waits_for(FLOW) == "Approval"
    };
    site.scene.holds("the flow goes on with the new size", follows).await;
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 4);
}

/// Where old pods leave first, those that left already are the ones that are too many.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_shrinks_in_the_middle_of_a_swap_leaves_pods_in_traffic() {
    for (policy, most, smoked) in [
        ("ReCreate", json!("50%"), false),
        ("ReCreate", json!(3), true),
        ("InPlaceIfPossible", json!(3), false),
        ("InPlaceIfPossible", json!("50%"), true),
    ] {
        let site = Site::new(&format!("shrinks-{}-{smoked}", policy.to_lowercase())).await;
        site.serve(6).await;
        site.gives_back("first").await;
        site.exchanges(policy).await;
        let safety = Safety::from_now(&site.scene);
        let canary = if smoked { 3 } else { 0 };
        let swap = json!({"mode": "auto", "canary": canary, "batchSize": 3, "maxUnavailable": most,
            "drainSeconds": 4});
        site.apply(&of_any_size(swap));
        if smoked {
            site.asks(FLOW, 1, "Smoked").await;
        } else {
            site.scene.holds("three pods drain", |view| view.serving().len() == 3).await;
        }
        site.kubectl(&["scale", SETS, app::NAME, "--replicas=3"]);
        let follows = |view: &View| view.flow(FLOW)["status"]["replicasToProcess"] == 3;
        site.scene.holds("the flow follows the size", follows).await;
        if smoked {
            site.agrees(FLOW).await;
        }
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 3);
        safety.serving_at_least(&site.scene, 1);
    }
}

/// What was written last is the size that comes back.
#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_comes_back_while_a_swap_is_stopped_stays() {
    for (stage, least) in [("Smoked", 2), ("Baked", 3)] {
        let site = Site::new(&format!("comes-back-{}", stage.to_lowercase())).await;
        site.serve(5).await;
        site.gives_back("first").await;
        let stops = json!({"mode": "auto", "canary": 2, "maxUnavailable": 2, "drainSeconds": 0});
        site.apply(&of_any_size(stops));
        site.asks(FLOW, 1, "Smoked").await;
        if stage == "Baked" {
            site.next(FLOW);
            site.asks(FLOW, 1, "Baking").await;
            site.next(FLOW);
            site.asks(FLOW, 1, "Baked").await;
        }
        site.order("Pause", FLOW);
        for size in [least, 5] {
            site.kubectl(&["scale", SETS, app::NAME, &format!("--replicas={size}")]);
            let follows = |view: &View| view.flow(FLOW)["status"]["replicasToProcess"] == size;
            site.scene.holds("the flow follows the size", follows).await;
        }
        site.order("Resume", FLOW);
        let stages: &[&str] = if stage == "Smoked" { &["Smoked", "Baking", "Baked"] } else { &["Baked"] };
        for stage in stages {
            site.asks(FLOW, 1, stage).await;
            site.next(FLOW);
        }
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 5);
    }
}

/// Beside a canary that nobody has agreed to, old pods serve, whatever the size was meanwhile: OpenKruise starts pods that
/// are added at the new revision, and takes them away first.
#[tokio::test(flavor = "multi_thread")]
async fn sizes_that_others_set_beside_a_canary_are_those_of_old_pods() {
    for (unavailable, paused, sizes) in [
        (1, false, &[8][..]),
        (1, true, &[8]),
        (1, false, &[1, 4]),
        (1, true, &[1, 4]),
        (0, false, &[8]),
        (0, false, &[1, 4]),
        (0, true, &[1, 4]),
    ] {
        let (from, to) = (4, sizes[sizes.len() - 1]);
        let site = Site::new(&format!("beside-{unavailable}-{paused}-{to}")).await;
        site.serve(from).await;
        site.gives_back("first").await;
        let safety = Safety::from_now(&site.scene);
        let mut strategy = json!({"mode": "auto", "canary": 1, "drainSeconds": 0});
        if unavailable > 0 {
            strategy["maxUnavailable"] = json!(unavailable);
        }
        site.apply(&of_any_size(strategy));
        site.asks(FLOW, 1, "Smoked").await;
        if paused {
            site.order("Pause", FLOW);
        }
        for size in sizes {
            site.kubectl(&["scale", SETS, app::NAME, &format!("--replicas={size}")]);
            let holds = *size == 1 && unavailable > 0;
            let seen = |view: &View| match (holds, paused) {
                // Old pods of the larger size stay until it is known what is to become of them.
                (true, false) => view.waits_for(FLOW) == "Resized",
                (true, true) => view.pods().len() < 4,
                (false, _) => view.flow(FLOW)["status"]["replicasToProcess"] == *size,
            };
            site.scene.holds("the flow saw the size", seen).await;
            let serve = |view: &View| view.serving().len() + unavailable >= *size;
            site.scene.holds("old pods serve", serve).await;
        }
        safety.never_serves(&site.scene, "nginx:2");
        safety.serving_at_least(&site.scene, 1);
        if paused {
            site.order("Resume", FLOW);
        }
        site.agrees(FLOW).await;
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", to);
        safety.serving_at_least(&site.scene, 1);
    }
}

/// An update that keeps the size.
fn of_any_size(strategy: Value) -> Value {
    let mut update = app::update(FLOW, 1, strategy);
    update["spec"]["application"].as_object_mut().and_then(|fields| fields.remove("replicas"));
    update
}

fn canary() -> Value {
    json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0})
}

/// The autoscaler looks once more: it tells of the metric that it is given now.
async fn looks(site: &Site, resource: &str) {
    let target = json!({"type": "Utilization", "averageUtilization": 80});
    let metrics = json!([{"type": "Resource", "resource": {"name": resource, "target": target}}]);
    let patch = json!({"spec": {"metrics": metrics}}).to_string();
    site.kubectl(&["patch", HPA, app::NAME, "--type=merge", "-p", &patch]);
    let told = || site.kubectl_json(&["get", HPA, app::NAME])["status"]["conditions"].to_string();
    let word = format!("failed to get {resource} utilization");
    answers(&word, told, |told| told.contains(&word)).await;
}

/// No metrics are served: the autoscaler keeps the size within its bounds, and does nothing else.
fn autoscale(site: &Site, least: u32, most: u32) {
    site.apply(&json!({
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": app::NAME},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": app::NAME},
            "minReplicas": least,
            "maxReplicas": most,
        },
    }));
}

fn workload(site: &Site) -> Value {
    site.kubectl_json(&["get", SETS, app::NAME])
}
