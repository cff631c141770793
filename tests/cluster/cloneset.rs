//! What triton relies on of the CloneSet controller: true of the stand-in, and to be true of the real one.
//! The hook here is not triton's, so nothing but the controller acts.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    definitions::CLONESETS,
    scene::{Kind, View, answers, is_active, is_marked, label, name, revision},
};

use crate::{
    app,
    rig::{Rig, SETS},
    site::Site,
};

const HOOK: &str = "test.triton.io/hold";
const INSTANCE: &str = "apps.kruise.io/cloneset-instance-id";

#[tokio::test(flavor = "multi_thread")]
async fn a_cloneset_exchanges_and_removes_pods_as_triton_expects() {
    let site = Site::new("cloneset").await;
    site.apply(&set("nginx:1"));
    site.scene
        .holds("three pods are available", |view| rests(view, 3) && count(view, "available") == 3)
        .await;
    let first = status(&site.view())["updateRevision"].clone();
    for pod in site.view().pods() {
        assert_eq!(revision(pod), first, "pods carry the full name of their revision");
        assert_eq!(label(pod, "lifecycle.apps.kruise.io/state"), "Normal");
        assert_eq!(pod["metadata"]["ownerReferences"][0]["kind"], "CloneSet");
    }

    let mut second = set("nginx:2");
    second["spec"]["updateStrategy"]["partition"] = json!(2);
    site.apply(&second);
    let marked = site.scene.until("one old pod waits beside a new one", |view| {
        let marked = view.pods().into_iter().find(|pod| is_marked(pod)).map(|pod| name(pod).to_owned())?;
        (rests(view, 4) && count(view, "updated") == 1 && count(view, "available") == 3).then_some(marked)
    });
    release(&site, &marked.await);
    site.scene.holds("the old pod is gone", |view| rests(view, 3) && count(view, "updated") == 1).await;

    site.apply(&set("nginx:1"));
    let marked = site.scene.until("the new pod waits to go", |view| {
        let same = status(view)["updateRevision"] == first;
        let marked = view.pods().into_iter().find(|pod| is_marked(pod) && revision(pod) != first);
        marked.filter(|_| same).map(|pod| name(pod).to_owned())
    });
    release(&site, &marked.await);
    site.scene
        .holds("all pods are of the first revision", |view| rests(view, 3) && count(view, "updated") == 3)
        .await;
    assert_eq!(status(&site.view())["currentRevision"], first);

    let chosen = name(site.view().pods()[1]).to_owned();
    patch(&site, &json!({"replicas": 2, "scaleStrategy": {"podsToDelete": [chosen]}}));
    site.scene
        .holds("the chosen pod waits", |view| view.get(Kind::Pod, &chosen).is_some_and(is_marked))
        .await;
    release(&site, &chosen);
    site.scene
        .holds("it is gone and its name, too", |view| {
            let list =
                &view.get(Kind::Set, "web").unwrap_or(&Value::Null)["spec"]["scaleStrategy"]["podsToDelete"];
            let empty = list.as_array().is_none_or(Vec::is_empty);
            rests(view, 2) && empty && !view.get(Kind::Pod, &chosen).is_some_and(is_active)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloneset_takes_back_a_choice_and_replaces_a_specified_pod_before_it_goes() {
    let site = Site::new("cloneset-choices").await;
    site.apply(&set("nginx:1"));
    let rested = |view: &View| {
        let normal = |pod: &Value| label(pod, "lifecycle.apps.kruise.io/state") == "Normal";
        rests(view, 3) && count(view, "available") == 3 && view.pods().into_iter().all(normal)
    };
    site.scene.holds("three pods are available", rested).await;
    let names = |view: &View| view.pods().into_iter().map(|pod| name(pod).to_owned()).collect::<Vec<_>>();
    let first = names(&site.view());

    patch(&site, &json!({"replicas": 2}));
    site.scene
        .holds("a pod is chosen and counts as unavailable at once", |view| {
            rests(view, 3) && count(view, "available") == 2 && view.pods().into_iter().any(is_marked)
        })
        .await;
    patch(&site, &json!({"replicas": 3}));
    site.scene.holds("the choice is taken back", |view| rested(view) && names(view) == first).await;

    // Whatever the value of the label.
    site.kubectl(&["label", "pod", &first[0], "apps.kruise.io/specified-delete=soon"]);
    site.scene
        .holds("another pod is available before the specified one is chosen", |view| {
            rests(view, 4)
                && count(view, "available") == 3
                && view.get(Kind::Pod, &first[0]).is_some_and(is_marked)
        })
        .await;
    release(&site, &first[0]);
    site.scene
        .holds("it is gone", |view| rested(view) && names(view).iter().all(|pod| *pod != first[0]))
        .await;

    let mut second = set("nginx:2");
    second["spec"]["updateStrategy"]["paused"] = json!(true);
    site.apply(&second);
    site.scene.holds("a paused update is seen", |view| rested(view) && count(view, "updated") == 0).await;
    let lost = names(&site.view())[0].clone();
    site.kubectl(&["delete", "pod", &lost, "--wait=false"]);
    site.scene
        .holds("a pause keeps no lost pod from being replaced, by one of the new revision", |view| {
            rested(view) && count(view, "updated") == 1 && !names(view).contains(&lost)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloneset_lets_no_old_pod_go_before_a_new_one_was_ready_for_min_ready_seconds() {
    const MIN_READY: u64 = 8;
    let site = Site::new("cloneset-age").await;
    let mut aged = set("nginx:1");
    aged["spec"]["minReadySeconds"] = json!(MIN_READY);
    site.apply(&aged);
    site.scene.holds("three pods are ready", |view| rests(view, 3) && count(view, "ready") == 3).await;
    site.scene.holds("and available later", |view| rests(view, 3) && count(view, "available") == 3).await;
    aged["spec"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:2");
    aged["spec"]["updateStrategy"]["partition"] = json!(2);
    site.apply(&aged);
    let young = |view: &View| {
        let ready = count(view, "updatedReady") == 1 && count(view, "updatedAvailable") == 0;
        rests(view, 4) && ready && !view.pods().into_iter().any(is_marked)
    };
    site.scene.holds("a new pod is ready, and none of the old ones is chosen", young).await;
    let since = Instant::now();
    let chosen = |view: &View| view.pods().into_iter().any(is_marked);
    site.scene.holds("an old one is chosen", chosen).await;
    // The API server keeps times in whole seconds, and the test has seen the pod ready some time after it was.
    let waited = since.elapsed() + Duration::from_secs(3);
    assert!(waited > Duration::from_secs(MIN_READY), "{waited:?} with 3 s more than it took");
    assert_eq!(count(&site.view(), "updated"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloneset_gives_its_pods_claims_that_go_with_them_and_outlast_their_loss() {
    let site = Site::new("cloneset-claims").await;
    let mut claiming = set("nginx:1");
    claiming["spec"].as_object_mut().and_then(|spec| spec.remove("lifecycle"));
    claiming["spec"]["volumeClaimTemplates"] = json!([{
        "metadata": {"name": "data", "labels": {"tier": "fast"}},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none",
            "resources": {"requests": {"storage": "1Gi"}}},
    }]);
    site.apply(&claiming);
    site.scene.holds("there are three pods", |view| rests(view, 3)).await;
    let before = claims(&site);
    let names = |view: &View| view.pods().into_iter().map(|pod| name(pod).to_owned()).collect::<Vec<_>>();
    let pods = names(&site.view());
    for pod in site.view().pods() {
        let claim = before.get(&format!("data-{}", name(pod))).expect("each pod has a claim of its name");
        let id = label(pod, INSTANCE);
        assert_eq!([label(claim, INSTANCE), label(claim, "app"), label(claim, "tier")], [id, "web", "fast"]);
        assert_eq!(claim["metadata"]["ownerReferences"], pod["metadata"]["ownerReferences"]);
        let volume = &pod["spec"]["volumes"][0];
        assert_eq!(
            (&volume["name"], &volume["persistentVolumeClaim"]["claimName"]),
            (&json!("data"), &claim["metadata"]["name"])
        );
    }
    assert_eq!(before.len(), 3);

    let lost = &pods[0];
    let uid = site.view().get(Kind::Pod, lost).expect("it is there")["metadata"]["uid"].clone();
    site.kubectl(&["delete", "pod", lost, "--wait=false"]);
    site.scene
        .holds("a pod of the same name takes over the claim of one that was lost", |view| {
            let other = |pod: &Value| pod["metadata"]["uid"] != uid;
            rests(view, 3) && view.get(Kind::Pod, lost).is_some_and(other)
        })
        .await;
    assert_eq!(uids(&claims(&site)), uids(&before));

    patch(&site, &json!({"replicas": 2}));
    site.scene.holds("a pod goes", |view| rests(view, 2)).await;
    let left: Vec<_> = names(&site.view()).into_iter().map(|pod| format!("data-{pod}")).collect();
    let kept = |claims: &BTreeMap<String, Value>| claims.keys().cloned().collect::<Vec<_>>() == left;
    answers("its claim goes with it", || claims(&site), kept).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloneset_that_could_never_exchange_a_pod_is_refused() {
    let site = Site::new("cloneset-refused").await;
    let mut stuck = set("nginx:1");
    stuck["spec"]["updateStrategy"]["maxSurge"] = json!(0);
    let refusal = site.try_apply(&stuck).expect_err("maxUnavailable and maxSurge are both 0").to_string();
    assert!(refusal.contains("maxUnavailable"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_the_definition_that_is_installed_is_known() {
    let rig = Rig::shared();
    let definition = rig.plane.kubectl(&["get", "crd", CLONESETS, "-o", "json"]).expect("it is defined");
    let definition: Value = serde_json::from_str(&definition).expect("kubectl prints JSON");
    let versions = definition["spec"]["versions"].as_array().expect("versions");
    let mut known = Vec::new();
    for version in versions {
        let named = ApiVersion::ALL.into_iter().find(|it| it.resource().version == version["name"]);
        let Some(named) = named.filter(|_| version["served"] == true) else { continue };
        let spec = &version["schema"]["openAPIV3Schema"]["properties"]["spec"];
        assert!(spec["properties"].is_object(), "{named:?} has a schema");
        assert_eq!(named.unknown(spec), [""; 0], "{named:?}: say in known.rs what triton makes of it");
        known.push(named);
    }
    assert!(!known.is_empty(), "none of the versions is known");
}

fn set(image: &str) -> Value {
    let mut set = app::cloneset(3, image);
    let spec = &mut set["spec"];
    spec["lifecycle"] = json!({"preDelete": {"labelsHandler": {HOOK: "true"}}});
    spec["updateStrategy"] = json!({"type": "ReCreate", "partition": 0, "maxSurge": 1, "maxUnavailable": 0});
    spec["template"]["metadata"]["labels"][HOOK] = json!("true");
    set
}

/// The claims of the namespace that are not being deleted, by name.
fn claims(site: &Site) -> BTreeMap<String, Value> {
    let list = site.kubectl_json(&["get", "persistentvolumeclaims"]);
    let claims = list["items"].as_array().cloned().unwrap_or_default().into_iter();
    let stays = claims.filter(|claim| claim["metadata"]["deletionTimestamp"].is_null());
    stays.map(|claim| (name(&claim).to_owned(), claim)).collect()
}

fn uids(claims: &BTreeMap<String, Value>) -> BTreeMap<&str, &Value> {
    claims.iter().map(|(name, claim)| (name.as_str(), &claim["metadata"]["uid"])).collect()
}

fn patch(site: &Site, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    site.kubectl(&["patch", SETS, "web", "--type=merge", "-p", &patch]);
}

fn release(site: &Site, pod: &str) {
    site.kubectl(&["label", "pod", pod, &format!("{HOOK}-")]);
}

fn status(view: &View) -> &Value {
    view.get(Kind::Set, "web").map_or(&Value::Null, |set| &set["status"])
}

fn count(view: &View, what: &str) -> u64 {
    status(view)[format!("{what}Replicas")].as_u64().unwrap_or(0)
}

/// The controller has seen the newest spec, and has so many pods.
fn rests(view: &View, pods: u64) -> bool {
    let generation = view.get(Kind::Set, "web").map(|set| &set["metadata"]["generation"]);
    let seen = generation.is_some_and(|generation| status(view)["observedGeneration"] == *generation);
    seen && status(view)["replicas"] == pods && view.pods().len() as u64 == pods
}
