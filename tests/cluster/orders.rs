//! Pause, Resume and Cancel at every stage of a batch; after a Cancel the old revision is the one that
//! serves and that later pods get.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, is_marked, name, revision};

use crate::{
    app,
    rig::SETS,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";
/// How long old pods are drained where a pause falls into the drain.
const DRAIN: u32 = 5;
/// What must not happen gets so much time to happen: more than a drain takes.
const STILL: Duration = Duration::from_secs(7);

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_while_its_pods_boot() {
    let site = Site::on_own_plane("cancel-smoking").await;
    // A pod of the test nodes that says so never boots.
    let held = app::annotated(update(0), "triton.test/fail", "hold");
    let (old, safety) = begin(&site, &held).await;
    site.scene.holds("the canary boots", |view| view.at(FLOW, 1, "Smoking") && view.pods().len() == 3).await;
    stop_and_cancel(&site, &old, &safety, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_before_it_takes_traffic() {
    let site = Site::new("cancel-smoked").await;
    let (old, safety) = begin(&site, &update(0)).await;
    site.asks(FLOW, 1, "Smoked").await;
    stop_and_cancel(&site, &old, &safety, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_while_it_proves_itself() {
    let site = Site::new("cancel-proving").await;
    let (old, safety) = begin(&site, &update(0)).await;
    site.asks(FLOW, 1, "Smoked").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baking").await;
    assert_eq!(site.view().serving().len(), 3, "the new pod serves beside the old ones");
    stop_and_cancel(&site, &old, &safety, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_while_old_pods_leave() {
    let site = Site::new("cancel-leaving").await;
    let (old, safety) = begin(&site, &update(DRAIN)).await;
    until_an_old_pod_leaves(&site).await;
    stop_and_cancel(&site, &old, &safety, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_was_paused_while_old_pods_left_succeeds_after_resume() {
    let site = Site::new("resume-leaving").await;
    let (_, safety) = begin(&site, &update(DRAIN)).await;
    until_an_old_pod_leaves(&site).await;
    pause(&site).await;
    resume(&site).await;
    site.asks(FLOW, 1, "Baked").await;
    site.next(FLOW);
    site.ends(FLOW, "Success").await;
    all_run(&site.view(), "nginx:2", 2);
    safety.serving_at_least(&site.scene, 2);
    safety.pods_at_most(&site.scene, 3);
    assert_eq!(safety.out_before_deletion(&site.scene), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_while_it_is_pulled_in() {
    let site = Site::new("cancel-pulling-in").await;
    let mut held = update(0);
    // Nobody ever sets this gate: the pod is asked into traffic and never gets there.
    let gates = json!([{"conditionType": "triton.test/never"}]);
    held["spec"]["application"]["template"]["spec"]["readinessGates"] = gates;
    let (old, safety) = begin(&site, &held).await;
    site.asks(FLOW, 1, "Smoked").await;
    site.next(FLOW);
    site.scene.holds("the canary is asked into traffic", |view| view.waits_for(FLOW) == "PullingIn").await;
    stop_and_cancel(&site, &old, &safety, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_is_paused_before_it_starts_touches_nothing_and_is_cancelled() {
    let site = Site::new("cancel-pending").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let set = |site: &Site| {
        let set = site.view().get(Kind::Set, app::NAME).cloned().expect("it serves");
        (set["spec"].clone(), set["metadata"]["annotations"].clone(), set["metadata"]["generation"].clone())
    };
    let before = set(&site);
    let mut paused = update(0);
    paused["spec"]["updateStrategy"]["paused"] = json!(true);
    site.apply(&paused);
    site.scene.holds("it is paused", |view| view.waits_for(FLOW) == "Paused").await;
    site.order("Cancel", FLOW);
    site.ends(FLOW, "Canceled").await;
    assert_eq!(set(&site), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_paused_resumed_and_cancelled_and_leaves_an_empty_workload() {
    let site = Site::new("cancel-create").await;
    site.apply(&app::service());
    let strategy = json!({"mode": "manual", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::create(FLOW, 2, strategy));
    site.asks(FLOW, 1, "Smoked").await;
    pause(&site).await;
    resume(&site).await;
    site.order("Cancel", FLOW);
    site.ends(FLOW, "Canceled").await;
    site.scene.holds("no pod is left", |view| view.pods().is_empty()).await;
    assert!(site.view().get(Kind::Set, app::NAME).is_some_and(|set| set["spec"]["replicas"] == 0));
    site.apply(&app::update("third", 2, json!({"mode": "auto"})));
    site.ends("third", "Success").await;
    all_run(&site.view(), "nginx:2", 2);
}

async fn until_an_old_pod_leaves(site: &Site) {
    site.asks(FLOW, 1, "Smoked").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baking").await;
    site.next(FLOW);
    site.scene
        .holds("an old pod leaves", |view| {
            view.at(FLOW, 1, "Baking") && view.pods().into_iter().any(is_marked)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_paused_resumed_and_cancelled_after_it_is_baked() {
    let site = Site::new("cancel-baked").await;
    let (old, safety) = begin(&site, &update(0)).await;
    site.asks(FLOW, 1, "Smoked").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baking").await;
    site.next(FLOW);
    site.asks(FLOW, 1, "Baked").await;
    stop_and_cancel(&site, &old, &safety, 1).await;
}

/// The old pods, as they are before the flow.
struct Old {
    revision: String,
    pods: BTreeSet<String>,
}

fn update(drain: u32) -> Value {
    app::update(FLOW, 2, json!({"mode": "manual", "canary": 1, "batchSize": 1, "drainSeconds": drain}))
}

async fn begin(site: &Site, flow: &Value) -> (Old, Safety) {
    site.serve(2).await;
    let view = site.view();
    let revision = revision(view.pods()[0]).to_owned();
    let pods = view.pods().into_iter().map(|pod| name(pod).to_owned()).collect();
    let safety = Safety::from_now(&site.scene);
    site.apply(flow);
    (Old { revision, pods }, safety)
}

/// Pauses twice; while the flow is paused no pod comes or goes.
async fn pause(site: &Site) {
    site.order("Pause", FLOW);
    site.scene
        .holds("the workload stands still", |view| {
            let set =
                view.get(Kind::Set, app::NAME).map(|set| set["spec"]["updateStrategy"]["paused"] == true);
            set == Some(true) && view.flow(FLOW)["status"]["paused"] == true
        })
        .await;
    let still = Safety::from_now(&site.scene);
    site.order("Pause", FLOW);
    tokio::time::sleep(STILL).await;
    still.no_pod_comes_or_goes(&site.scene);
}

async fn resume(site: &Site) {
    site.order("Resume", FLOW);
    site.scene.holds("the flow goes on", |view| view.flow(FLOW)["status"]["paused"] == false).await;
}

/// Pauses, resumes and cancels; `kept` of the two old pods stay.
async fn stop_and_cancel(site: &Site, old: &Old, safety: &Safety, kept: usize) {
    pause(site).await;
    resume(site).await;
    site.order("Cancel", FLOW);
    site.ends(FLOW, "Canceled").await;
    let refusal = site.try_order("Next", FLOW).expect_err("the flow has ended").to_string();
    assert!(refusal.contains("FailedPrecondition"), "{refusal}");

    site.scene.holds("two pods serve", |view| view.serving().len() == 2 && view.pods().len() == 2).await;
    let names = |view: &View| -> BTreeSet<String> {
        view.pods().into_iter().map(|pod| name(pod).to_owned()).collect()
    };
    let left = names(&site.view());
    assert_eq!(left.intersection(&old.pods).count(), kept, "{left:?} of {:?}", old.pods);
    site.scene
        .holds("lock and finalizer are given back", |view| {
            let set = view.get(Kind::Set, app::NAME);
            let lock = set.map(|set| set["metadata"]["annotations"]["apps.triton.io/lock"].clone());
            let free = matches!(lock.as_ref().and_then(Value::as_str), None | Some(""));
            free && view.flow(FLOW)["metadata"]["finalizers"].is_null()
        })
        .await;
    safety.serving_at_least(&site.scene, 2);
    safety.pods_at_most(&site.scene, 3);
    safety.out_before_deletion(&site.scene);

    site.kubectl(&["scale", SETS, app::NAME, "--replicas=3"]);
    site.scene.holds("a third pod serves", |view| view.serving().len() == 3).await;
    let view = site.view();
    assert!(names(&view).is_superset(&left), "no pod was exchanged");
    let new = view.pods().into_iter().find(|pod| !left.contains(name(pod))).map(revision);
    assert_eq!(new, Some(old.revision.as_str()), "later pods get the revision before the flow");
}
