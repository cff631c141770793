//! CloneSets that update in place: pods stay, and each is out of traffic and drained before its container
//! is swapped.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use triton_tests::scene::{Kind, Scene, View, label, name, revision};

use crate::{
    app,
    rig::SETS,
    safety::{LATE, Safety},
    site::Site,
};

const DRAIN: Duration = Duration::from_secs(2);
const STATE: &str = "lifecycle.apps.kruise.io/state";

#[tokio::test(flavor = "multi_thread")]
async fn pods_are_updated_in_place_out_of_traffic_and_drained() {
    let site = Site::new("in-place").await;
    site.serve(3).await;
    site.gives_back("first").await;
    site.exchanges("InPlaceIfPossible").await;
    let (safety, since, before) = (Safety::from_now(&site.scene), site.scene.version(), uids(&site.view()));

    let strategy = json!({"mode": "auto", "batchSize": 2, "canary": 1, "drainSeconds": DRAIN.as_secs()});
    site.apply(&app::update("second", 3, strategy));
    site.asks("second", 1, "Smoked").await;
    let view = site.view();
    assert_eq!(running(&view, "nginx:2").len(), 1, "{}", view.summary());
    assert_eq!(view.serving(), running(&view, "nginx:1"), "the canary waits out of traffic");
    for stage in ["Baking", "Baked"] {
        site.next("second");
        site.asks("second", 1, stage).await;
    }
    site.next("second");
    site.succeeds("second").await;
    settled(&site, "nginx:2", 3).await;
    assert_eq!(swapped_when_drained(&site.scene, since, DRAIN), 3);

    let since = site.scene.version();
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": DRAIN.as_secs()});
    site.apply(&app::order("back", "rollback", None, strategy));
    site.succeeds("back").await;
    settled(&site, "nginx:1", 3).await;
    assert_eq!(swapped_when_drained(&site.scene, since, DRAIN), 3);

    assert_eq!(uids(&site.view()), before, "the same pods");
    safety.no_pod_comes_or_goes(&site.scene);
    safety.serving_at_least(&site.scene, 1);
}

/// OpenKruise keeps a pod out of traffic for so long before it is updated. The deadline is shorter.
#[tokio::test(flavor = "multi_thread")]
async fn the_grace_of_an_update_in_place_is_named_and_counts_against_no_deadline() {
    let site = Site::new("in-place-grace").await;
    site.serve(2).await;
    site.gives_back("first").await;
    site.exchanges("InPlaceIfPossible").await;
    let grace = json!({"spec": {"updateStrategy": {"inPlaceUpdateStrategy": {"gracePeriodSeconds": 8}}}});
    site.kubectl(&["patch", SETS, app::NAME, "--type=merge", "-p", &grace.to_string()]);
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "progressDeadlineSeconds": 5,
        "onFailure": "rollback"});
    site.apply(&app::update("second", 2, strategy));
    let words = "once inPlaceUpdateStrategy.gracePeriodSeconds (8 s) of its CloneSet is over";
    let told = |view: &View| view.flow("second")["status"]["message"].to_string().contains(words);
    site.scene.holds("the flow says what its pod waits for", told).await;
    site.succeeds("second").await;
    settled(&site, "nginx:2", 2).await;
    safety.no_pod_comes_or_goes(&site.scene);
    safety.never_held(&site.scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_in_place_that_is_cancelled_while_a_pod_drains_restarts_nothing() {
    let site = Site::new("in-place-cancel").await;
    site.serve(2).await;
    site.gives_back("first").await;
    site.exchanges("InPlaceOnly").await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&app::update("second", 2, json!({"mode": "auto", "batchSize": 1, "drainSeconds": 600})));
    site.scene.holds("a pod drains", |view| view.serving().len() == 1 && prepared(view) == 1).await;
    site.order("Cancel", "second");
    site.ends("second", "Canceled").await;
    settled(&site, "nginx:1", 2).await;
    safety.no_pod_comes_or_goes(&site.scene);
    let restarted = |pod: &&Value| pod["status"]["containerStatuses"][0]["restartCount"] != 0;
    assert!(!site.view().pods().iter().any(restarted), "{}", site.view().summary());
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_others_are_updated_in_place_without_the_gate() {
    let site = Site::new("in-place-adopted").await;
    site.apply(&app::service());
    site.apply(&set());
    site.scene.holds("its pods serve", |view| view.serving().len() == 3).await;
    let (safety, before) = (Safety::from_now(&site.scene), uids(&site.view()));
    site.apply(&app::update("second", 3, json!({"mode": "auto", "batchSize": 1, "drainSeconds": 1})));
    site.succeeds("second").await;
    settled(&site, "nginx:2", 3).await;
    let view = site.view();
    assert_eq!(uids(&view), before, "the same pods");
    let gated = |pod: &&Value| pod["spec"]["readinessGates"].to_string().contains("apps.triton.io/ready");
    assert!(!view.pods().iter().any(gated), "{}", view.summary());
    let shown = &view.batch("second")["pods"];
    assert_eq!(shown[0]["ungated"], true, "people are told: {shown}");
    safety.no_pod_comes_or_goes(&site.scene);
    safety.serving_at_least(&site.scene, 2);
}

/// A CloneSet as others make it.
fn set() -> Value {
    let labels = json!({"app.kubernetes.io/instance": app::NAME});
    json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": {"name": app::NAME},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "InPlaceIfPossible", "maxUnavailable": 1},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{
                    "name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}],
                }]},
            },
        },
    })
}

/// Waits until all pods run this image, serve, and are done with their update.
async fn settled(site: &Site, image: &str, pods: usize) {
    site.scene
        .holds("every pod is updated and serves", |view| {
            let normal = view.pods().iter().all(|pod| label(pod, STATE) == "Normal");
            normal && running(view, image).len() == pods && view.serving() == running(view, image)
        })
        .await;
}

fn prepared(view: &View) -> usize {
    view.pods().iter().filter(|pod| label(pod, STATE) == "PreparingUpdate").count()
}

fn uids(view: &View) -> BTreeMap<String, String> {
    let uid = |pod: &Value| pod["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    view.pods().into_iter().map(|pod| (name(pod).to_owned(), uid(pod))).collect()
}

/// Pods whose container runs this image.
fn running(view: &View, image: &str) -> BTreeSet<String> {
    let runs = |pod: &&Value| pod["status"]["containerStatuses"][0]["image"] == image;
    view.pods().into_iter().filter(runs).map(|pod| name(pod).to_owned()).collect()
}

/// How many pods got another revision. Each had been out of traffic for so long, and came back only once
/// its container ran the image that it was given.
fn swapped_when_drained(scene: &Scene, since: u64, drain: Duration) -> usize {
    let (mut view, mut out, mut swaps) = (View::default(), BTreeMap::<String, Instant>::new(), 0);
    for entry in scene.journal() {
        let before = view.clone();
        view.apply(&entry);
        let (was, is) = (before.serving(), view.serving());
        for pod in was.difference(&is) {
            out.insert(pod.clone(), entry.at);
        }
        for pod in is.difference(&was).filter_map(|pod| view.get(Kind::Pod, pod)) {
            let (wanted, runs) = (&pod["spec"]["containers"][0], &pod["status"]["containerStatuses"][0]);
            assert_eq!(wanted["image"], runs["image"], "{} serves with its old container", name(pod));
        }
        if entry.kind != Kind::Pod || entry.version <= since || entry.gone {
            continue;
        }
        let old = before.get(Kind::Pod, entry.name()).map(revision);
        if old.is_some_and(|old| old != revision(&entry.object)) {
            swaps += 1;
            assert!(!was.contains(entry.name()), "{} was swapped in traffic", entry.name());
            let drained = out.get(entry.name()).map(|out| entry.at.saturating_duration_since(*out));
            let enough = drained.is_some_and(|drained| drained + LATE >= drain);
            assert!(enough, "{} was drained for {drained:?} instead of {drain:?}", entry.name());
        }
    }
    swaps
}
