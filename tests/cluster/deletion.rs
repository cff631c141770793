//! Deleting flows, one or all or with their definition, never removes a workload.

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers};

use crate::{
    app,
    safety::{Safety, all_run},
    site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_running_flow_cancels_it_and_leaves_the_workload() {
    let site = Site::new("deletion").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;
    assert!(
        !site.view().flow("second")["metadata"]["finalizers"].is_null(),
        "a running flow is not just gone"
    );

    site.kubectl(&["delete", "df", "second", "--timeout=60s"]);
    assert_left_alone(&site, &safety).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_flow_with_a_spoilt_status_can_be_deleted_and_blocks_nobody() {
    let site = Site::new("deletion-of-spoilt").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;
    let spoil = r#"{"status":{"progress":{"work":7000}}}"#;
    site.kubectl(&["patch", "df", "second", "--subresource=status", "--type=merge", "-p", spoil]);
    site.order("Get", "second");

    site.kubectl(&["delete", "df", "second", "--timeout=60s"]);
    site.apply(&app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto", "drainSeconds": 0})));
    site.ends("third", "Success").await;
    all_run(&site.view(), "nginx:3", 2);
    safety.serving_at_least(&site.scene, 2);
    safety.out_before_deletion(&site.scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_has_no_revision_to_return_to_can_be_deleted_and_exposes_nothing() {
    let site = Site::new("deletion-no-revision").await;
    site.serve(2).await;
    let revisions = ["get", "controllerrevisions", "-o", "name"];
    let before = site.kubectl(&revisions);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;
    let safety = Safety::from_now(&site.scene);
    site.kubectl(&["delete", before.trim()]);
    let cancel = r#"{"spec":{"updateStrategy":{"canceled":true}}}"#;
    site.kubectl(&["patch", "df", "second", "--type=merge", "-p", cancel]);
    let stuck = |view: &View| {
        let message = view.flow("second")["status"]["message"].to_string();
        message.contains("not kept any more") && message.contains("delete the DeployFlow")
    };
    site.scene.holds("the flow says the ways out", stuck).await;
    site.kubectl(&["delete", "df", "second", "--timeout=60s"]);

    let address = format!("localhost:{}", site.grpc);
    let web = json!({"instance": {"name": app::NAME, "namespace": site.namespace}}).to_string();
    let shown =
        || site.rig.plane.grpcurl(&["--plaintext", "-d", &web, &address, "application.Application/Get"]);
    let left = |answer: &Result<String, _>| answer.as_ref().is_ok_and(|text: &String| text.contains("Left"));
    answers("the workload waits for another flow", shown, left).await;
    site.apply(&app::order("scaled", "scale", Some(4), json!({"mode": "auto"})));
    site.ends("scaled", "Failed").await;
    assert_eq!(site.view().flow("scaled")["status"]["reason"], "Abandoned");
    site.apply(&app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto", "drainSeconds": 0})));
    site.ends("third", "Success").await;
    all_run(&site.view(), "nginx:3", 2);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finalizer_that_somebody_takes_off_a_flow_that_waits_comes_back() {
    let site = Site::new("deletion-unkept").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;
    let third = app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto"}));
    site.apply(&third);
    site.scene.holds("the third flow waits for the second", |view| view.waits_for("third") == "Rival").await;
    let tear = r#"[{"op": "remove", "path": "/metadata/finalizers"}]"#;
    // One waits for a person, one for the other.
    for (flow, manifest) in [("second", canary()), ("third", third)] {
        site.kubectl(&["patch", "df", flow, "--type=json", "-p", tear]);
        is_kept_again(&site, flow).await;
        let replace = ["-n", &site.namespace, "replace", "-f", "-"];
        site.rig
            .plane
            .kubectl_with_input(&replace, &manifest.to_string())
            .unwrap_or_else(|error| panic!("{error}"));
        is_kept_again(&site, flow).await;
    }
    site.kubectl(&["delete", "df", "third", "--timeout=60s"]);
    site.kubectl(&["delete", "df", "second", "--timeout=60s"]);
    assert_left_alone(&site, &safety).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_running_create_keeps_what_was_finished_and_the_workload() {
    let site = Site::new("deletion-of-create").await;
    site.apply(&app::service());
    let strategy = json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::create("first", 2, strategy));
    site.asks("first", 1, "Baked").await;

    site.kubectl(&["delete", "df", "first", "--timeout=60s"]);
    site.scene.holds("the lock is free", |view| view.get(Kind::Set, app::NAME).is_some_and(is_free)).await;
    site.scene.holds("the finished batch serves", |view| view.serving().len() == 1).await;
    all_run(&site.view(), "nginx:1", 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_all_flows_of_a_namespace_leaves_the_workload() {
    let site = Site::new("deletion-of-all").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;
    site.apply(&app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto"})));
    site.scene.holds("the third flow waits for the second", |view| view.waits_for("third") == "Rival").await;

    site.kubectl(&["delete", "df", "--all", "--timeout=60s"]);
    site.scene.holds("no flow is left", |view| view.all(Kind::Flow).next().is_none()).await;
    safety.out_before_deletion(&site.scene);
    let set = site.view().get(Kind::Set, app::NAME).cloned().expect("the workload stays");
    assert!(is_free(&set), "{}", set["metadata"]);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_definition_of_flows_leaves_the_workload() {
    let site = Site::apart("deletion-of-crd").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&canary());
    site.asks("second", 1, "Smoked").await;

    let delete = ["delete", "crd", "deployflows.apps.triton.io", "--timeout=60s"];
    site.rig.plane.kubectl(&delete).unwrap_or_else(|error| panic!("{error}"));
    assert_left_alone(&site, &safety).await;

    site.rig.define_flows();
    let again = app::flow("again", "update", 2, "nginx:4", json!({"mode": "auto", "drainSeconds": 0}));
    site.apply(&again);
    let done = |view: &View| view.pods().iter().all(|pod| pod["spec"]["containers"][0]["image"] == "nginx:4");
    site.scene.holds("flows are carried out again", done).await;
}

/// Each of these writes has taken the finalizer off.
async fn is_kept_again(site: &Site, flow: &str) {
    let read = || site.kubectl_json(&["get", "df", flow])["metadata"]["finalizers"].clone();
    answers(&format!("{flow} is kept again"), read, |kept| kept == &json!(["apps.triton.io/flow"])).await;
}

fn canary() -> Value {
    app::update("second", 2, json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0}))
}

/// The canary is gone again, the old pods serve as ever, nobody holds the workload.
async fn assert_left_alone(site: &Site, safety: &Safety) {
    site.scene.holds("the flow is gone", |view| view.get(Kind::Flow, "second").is_none()).await;
    site.scene.holds("the lock is free", |view| view.get(Kind::Set, app::NAME).is_some_and(is_free)).await;
    site.scene.holds("the old pods serve", |view| view.serving().len() == 2).await;
    all_run(&site.view(), "nginx:1", 2);
    safety.serving_at_least(&site.scene, 2);
    safety.out_before_deletion(&site.scene);
}

fn is_free(set: &Value) -> bool {
    let lock = &set["metadata"]["annotations"]["apps.triton.io/lock"];
    lock.as_str().unwrap_or_default().is_empty() && set["metadata"]["deletionTimestamp"].is_null()
}
