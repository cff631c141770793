//! Somebody else changes the workload while a flow runs: set right once, then the flow holds, and it follows
//! another size.

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers, name};

use crate::{
    app,
    gitops::notes,
    rig::SETS,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_others_set_twice_holds_the_flow_until_resume() {
    let (site, safety) = canary("drift", 3).await;

    let before = strategy(&site);
    let edited = json!({"spec": {"updateStrategy": {"partition": 2}}});
    patch(&site, &edited);
    site.scene.holds("the partition is set right", |view| counts(view, 1)).await;
    until_strategy(&site, &before).await;

    patch(&site, &edited);
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Drift").await;
    let message = site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("partition (by kubectl-patch)"), "{message}");

    site.order("Resume", FLOW);
    site.asks(FLOW, 1, "Smoked").await;
    until_strategy(&site, &before).await;
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 3);
    safety.serving_at_least(&site.scene, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_others_bring_holds_the_flow_at_once() {
    let (site, safety) = canary("drift-template", 2).await;

    brings(&site, "nginx:3");
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Drift").await;
    let message = site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("template (by kubectl-patch)"), "{message}");
    let booted = |pod: &Value| {
        let conditions = pod["status"]["conditions"].as_array();
        conditions
            .is_some_and(|all| all.iter().any(|it| it["type"] == "ContainersReady" && it["status"] == "True"))
    };
    let runs = |view: &View| {
        view.pods().iter().any(|pod| pod["spec"]["containers"][0]["image"] == "nginx:3" && booted(pod))
    };
    site.scene.holds("a pod of the template of others runs", runs).await;
    safety.never_serves(&site.scene, "nginx:2");

    site.order("Resume", FLOW);
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    safety.never_serves(&site.scene, "nginx:3");
}

/// Pods of it come in the places of those that are lost meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn no_pod_of_a_template_that_was_put_back_serves_or_stays_in_a_flow_that_brings_none() {
    for order in ["Resume", "Cancel"] {
        let site = Site::new(&format!("put-back-{}", order.to_lowercase())).await;
        site.serve(2).await;
        site.gives_back("first").await;
        let safety = Safety::from_now(&site.scene);
        let slowly = json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0});
        site.apply(&app::order(FLOW, "scale_out", Some(4), slowly));
        site.asks(FLOW, 1, "Baked").await;

        brings(&site, "nginx:9");
        site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Drift").await;
        let lost = site.view().serving().into_iter().next().unwrap_or_default();
        site.kubectl(&["delete", "pod", &lost, "--wait=false"]);
        site.scene.holds("a pod of it is there", |view| of_image(view, "nginx:9") > 0).await;
        brings(&site, "nginx:1");
        let back = |view: &View| {
            let set = view.get(Kind::Set, app::NAME).map(|set| set["status"].clone()).unwrap_or_default();
            set["updateRevision"] == set["currentRevision"]
        };
        site.scene.holds("the template is back", back).await;

        site.order(order, FLOW);
        if order == "Resume" {
            site.asks(FLOW, 1, "Baked").await;
            site.next(FLOW);
            site.succeeds(FLOW).await;
            all_run(&site.view(), "nginx:1", 4);
        } else {
            site.ends(FLOW, "Canceled").await;
            assert_eq!(of_image(&site.view(), "nginx:9"), 0, "{}", site.view().summary());
        }
        safety.never_serves(&site.scene, "nginx:9");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_some_pods_have_already_holds_a_flow_that_brings_none() {
    let (site, _) = canary("known-template", 3).await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baking").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baked").await;
    site.order("Cancel", FLOW);
    site.ends(FLOW, "Canceled").await;
    site.gives_back(FLOW).await;
    assert_eq!(of_image(&site.view(), "nginx:2"), 1, "{}", site.view().summary());

    let slowly = json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::order("more", "scale_out", Some(5), slowly));
    site.asks("more", 1, "Baked").await;
    let safety = Safety::from_now(&site.scene);
    brings(&site, "nginx:2");
    site.scene.holds("the flow holds", |view| view.waits_for("more") == "Drift").await;
    brings(&site, "nginx:1");
    let told = |view: &View| of_template(view) == "nginx:1" && view.waits_for("more") == "Drift";
    site.scene.holds("the template is back", told).await;
    site.order("Resume", "more");
    site.asks("more", 1, "Baked").await;
    site.next("more");
    site.succeeds("more").await;
    assert_eq!((of_image(&site.view(), "nginx:1"), of_image(&site.view(), "nginx:2")), (4, 1));
    safety.serving_at_least(&site.scene, 3);
}

/// Somebody gives the workload this image.
fn brings(site: &Site, image: &str) {
    let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
    let name = format!("{SETS}/{}", app::NAME);
    site.kubectl(&["patch", &name, "--type", "json", "-p", &image.to_string()]);
}

/// The image of the template.
fn of_template(view: &View) -> String {
    let set = view.get(Kind::Set, app::NAME);
    let image = set.map(|set| set["spec"]["template"]["spec"]["containers"][0]["image"].clone());
    image.unwrap_or_default().as_str().unwrap_or_default().to_owned()
}

/// How many pods have this image.
fn of_image(view: &View, image: &str) -> usize {
    view.pods().iter().filter(|pod| pod["spec"]["containers"][0]["image"] == image).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_others_take_off_exposes_nothing_and_the_flow_goes_on() {
    let lock = |value: Value| json!({"metadata": {"annotations": {"apps.triton.io/lock": value}}});
    let other = json!({"namespace": "default", "name": "other", "uid": "of-nobody"}).to_string();
    // The name of the namespace, and how somebody takes the lock off; the last one as it was before the flow.
    let rows = [
        ("removed", Some(lock(Value::Null))),
        ("emptied", Some(lock("".into()))),
        ("all-annotations", Some(json!({"metadata": {"annotations": null}}))),
        ("of-nobody", Some(lock(other.into()))),
        ("restored", None),
    ];
    for (how, edit) in rows {
        let site = Site::new(&format!("lock-{how}")).await;
        site.serve(3).await;
        site.gives_back("first").await;
        let backup = site.kubectl_json(&["get", SETS, app::NAME])["metadata"]["annotations"].clone();
        let edit = edit.unwrap_or_else(|| json!({"metadata": {"annotations": backup}}));
        let safety = Safety::from_now(&site.scene);
        let before = strategy(&site);
        site.apply(&app::update(
            FLOW,
            3,
            json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0}),
        ));
        site.asks(FLOW, 1, "Smoked").await;
        patch(&site, &edit);
        let held = |view: &View| {
            let set = view.get(Kind::Set, app::NAME);
            set.is_some_and(|set| {
                set["metadata"]["annotations"]["apps.triton.io/lock"]
                    .as_str()
                    .is_some_and(|it| it.contains(FLOW))
            })
        };
        site.scene.holds("the flow has its lock again", held).await;
        site.asks(FLOW, 1, "Smoked").await;
        answers("an event tells it", || notes(&site, "LockRestored"), |notes| notes.len() == 1).await;
        safety.never_serves(&site.scene, "nginx:2");

        site.agrees(FLOW).await;
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 3);
        assert_eq!(strategy(&site), before, "{how}: what the flow changed is given back");
        safety.serving_at_least(&site.scene, 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_size_that_grows_in_the_middle_of_a_canary_brings_old_pods_that_serve_and_no_more_new_ones() {
    let site = Site::new("grown").await;
    site.serve(3).await;
    let canary = json!({"mode": "auto", "canary": 1, "batchSize": 4, "drainSeconds": 0});
    site.apply(&app::update(FLOW, 3, canary));
    let mut size = 3;
    for (stage, serve) in [("Smoked", 0), ("Baking", 1)] {
        site.asks(FLOW, 1, stage).await;
        size += 5;
        site.kubectl(&["scale", SETS, app::NAME, &format!("--replicas={size}")]);
        let served = |view: &View| {
            assert!(new_serving(view) <= serve, "at {stage}: {}", view.summary());
            view.flow(FLOW)["status"]["replicasToProcess"] == size && view.serving().len() >= size
        };
        site.scene.holds("old pods serve in the places that were added", served).await;
        site.next(FLOW);
    }
    site.asks(FLOW, 1, "Baked").await;
    assert_eq!(new_serving(&site.view()), 1, "{}", site.view().summary());
    site.next(FLOW);
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", size);
}

/// How many pods of the flow's image serve.
fn new_serving(view: &View) -> usize {
    let new = |pod: &&&Value| pod["spec"]["containers"][0]["image"] == "nginx:2";
    let serving = view.serving();
    view.pods().iter().filter(new).filter(|pod| serving.contains(name(pod))).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_others_set_while_an_approved_canary_serves_leads_no_more_new_pods_into_traffic() {
    let site = Site::new("partition").await;
    site.serve(4).await;
    let safety = Safety::from_now(&site.scene);
    let canary = json!({"mode": "auto", "canary": 1, "batchSize": 4, "drainSeconds": 0});
    site.apply(&app::update(FLOW, 4, canary));
    site.asks(FLOW, 1, "Smoked").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baking").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baked").await;
    let before = strategy(&site);
    let alone = |view: &View| {
        let new = new_serving(view);
        assert!(new <= 1, "{new} new pods serve: {}", view.summary());
        new == 1
    };

    let edited = json!({"spec": {"updateStrategy": {"partition": 0}}});
    patch(&site, &edited);
    site.scene.holds("the partition is set right", |view| alone(view) && counts(view, 1)).await;
    until_strategy(&site, &before).await;
    patch(&site, &edited);
    site.scene.holds("the flow holds", |view| alone(view) && view.waits_for(FLOW) == "Drift").await;
    site.order("Resume", FLOW);
    site.scene
        .holds("new pods that nobody agreed to are gone, and old ones serve", |view| {
            let new = |pod: &&Value| pod["spec"]["containers"][0]["image"] == "nginx:2";
            let there = view.pods().into_iter().filter(new).count();
            alone(view) && there == 1 && view.serving().len() == 4 && view.waits_for(FLOW) == "Approval"
        })
        .await;
    site.next(FLOW);
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 4);
    safety.serving_at_least(&site.scene, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_follows_a_size_that_others_set_and_no_unapproved_pod_serves() {
    let site = Site::new("resized").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&app::update(
        FLOW,
        2,
        json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0}),
    ));
    site.asks(FLOW, 1, "Smoked").await;

    site.kubectl(&["scale", SETS, app::NAME, "--replicas=4"]);
    let followed = |view: &View| view.flow(FLOW)["status"]["replicasToProcess"] == 4;
    site.scene.holds("the update is one of four pods", followed).await;
    // The workload's controller may have started one before the partition moved: it serves nobody.
    let asked = |view: &View| {
        let set = view.get(Kind::Set, app::NAME).map(|set| set["spec"].clone()).unwrap_or_default();
        let numbers = (&set["replicas"], &set["updateStrategy"]["partition"]);
        numbers == (&json!(5), &json!(4)) && view.pods().len() == 5 && view.serving().len() >= 3
    };
    site.scene.holds("the partition moved with the size", asked).await;
    let view = site.view();
    let new = |pod: &&&Value| pod["spec"]["containers"][0]["image"] == "nginx:2";
    let serving = view.serving();
    assert!(!view.pods().iter().filter(new).any(|pod| serving.contains(name(pod))), "{}", view.summary());

    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 4);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_others_take_off_while_no_operator_runs_costs_no_setting() {
    let site = Site::new("lock-downtime").await;
    site.serve(2).await;
    let before = strategy(&site);
    site.apply(&app::update(
        FLOW,
        2,
        json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0}),
    ));
    site.asks(FLOW, 1, "Smoked").await;
    let safety = Safety::from_now(&site.scene);
    let paused = |view: &View, wanted: bool| {
        let set = view.get(Kind::Set, app::NAME);
        // An OpenKruise that converts leaves out what is not so.
        set.is_some_and(|set| set["spec"]["updateStrategy"]["paused"].as_bool().unwrap_or_default() == wanted)
    };
    site.order("Pause", FLOW);
    site.scene.holds("the workload's controller is paused", |view| paused(view, true)).await;

    site.kill_operator();
    patch(&site, &json!({"metadata": {"annotations": {"apps.triton.io/lock": ""}}}));
    site.start_operator().await;
    answers("an event tells it", || notes(&site, "LockRestored"), |notes| notes.len() == 1).await;
    safety.never_serves(&site.scene, "nginx:2");

    site.order("Resume", FLOW);
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    site.gives_back(FLOW).await;
    assert_eq!(strategy(&site), before, "what the flow changed is given back");
    site.scene.holds("the workload's controller goes on", |view| paused(view, false)).await;
}

/// What others take off or change of a workload by which its pods leave only when the flow lets them.
#[tokio::test(flavor = "multi_thread")]
async fn hooks_that_others_take_off_come_back_and_another_way_to_exchange_pods_holds_the_flow() {
    let (site, safety) = canary("hooks", 3).await;

    patch(&site, &json!({"spec": {"lifecycle": null}}));
    let hooked = |view: &View| {
        let set = view.get(Kind::Set, app::NAME);
        set.is_some_and(|set| set["spec"]["lifecycle"]["preDelete"]["labelsHandler"].is_object())
    };
    site.scene.holds("the hook is back", hooked).await;
    answers("an event tells it", || notes(&site, "LockRestored"), |notes| notes.len() == 1).await;
    site.asks(FLOW, 1, "Smoked").await;

    patch(&site, &json!({"spec": {"updateStrategy": {"type": "InPlaceIfPossible"}}}));
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "Drift").await;
    site.order("Resume", FLOW);
    let again = |view: &View| view.flow(FLOW)["status"]["progress"]["batch"]["hold"]["resumes"] == 1;
    site.scene.holds("the flow holds again", |view| again(view) && view.waits_for(FLOW) == "Drift").await;
    let message = site.view().flow(FLOW)["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("updateStrategy.type (by kubectl-patch): put back the type"), "{message}");
    safety.never_serves(&site.scene, "nginx:2");

    patch(&site, &json!({"spec": {"updateStrategy": {"type": "ReCreate"}}}));
    site.order("Resume", FLOW);
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 3);
    safety.serving_at_least(&site.scene, 3);
}

/// So many pods serve, and the canary of an update of them runs and waits for a person.
async fn canary(name: &str, pods: u32) -> (Site, Safety) {
    let site = Site::new(name).await;
    site.serve(pods).await;
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::update(FLOW, pods, strategy));
    site.asks(FLOW, 1, "Smoked").await;
    (site, safety)
}

fn patch(site: &Site, edit: &Value) {
    let name = format!("{SETS}/{}", app::NAME);
    site.kubectl(&["patch", &name, "--type", "merge", "-p", &edit.to_string()]);
}

/// The progress has counted an edit in the present stage.
fn counts(view: &View, batch: u64) -> bool {
    let progress = &view.flow(FLOW)["status"]["progress"];
    progress["batch"]["number"] == batch && progress["batch"]["edited"].is_u64()
}

fn strategy(site: &Site) -> [Value; 3] {
    numbers(&site.kubectl_json(&["get", SETS, app::NAME]))
}

/// What is set right of an update strategy. A pause leaves `paused: false` behind, or nothing.
fn numbers(set: &Value) -> [Value; 3] {
    ["partition", "maxSurge", "maxUnavailable"].map(|field| set["spec"]["updateStrategy"][field].clone())
}

async fn until_strategy(site: &Site, wanted: &[Value; 3]) {
    let right = |view: &View| view.get(Kind::Set, app::NAME).is_some_and(|set| numbers(set) == *wanted);
    site.scene.holds("the workload is as the flow wants it", right).await;
}
