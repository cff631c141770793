//! What is stored and cannot be read: the spec of a running flow, the lock of a workload, the workload. Nothing
//! is exposed meanwhile, everybody is told what to mend, and it goes on.

use std::time::Duration;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers, name};

use crate::{app, input::lenient, rig::SETS, safety::all_run, site::Site};

const FLOW: &str = "second";
/// What must not happen gets so much time to happen.
const STILL: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_running_flow_whose_spec_cannot_be_read_holds_until_it_is_corrected() {
    let site = Site::apart("unread-spec").await;
    canary(&site).await;
    site.rig.define_flows_as(&lenient());
    // What is written, the field that is named, and what stood there.
    let faults = [
        (json!({"updateStrategy": {"supersededBy": "A B", "canceled": true}}), "updateStrategy.supersededBy"),
        (
            json!({"updateStrategy": {"resumes": -1, "batches": 9, "stage": "Baked"}}),
            "updateStrategy.resumes",
        ),
        (json!({"updateStrategy": {"batchSize": {"much": true}}}), "updateStrategy.batchSize"),
        (json!({"application": {"replicas": -2}}), "application.replicas"),
        // What reads well, and is not what the flow began with.
        (json!({"application": {"instanceName": "other"}}), "application.instanceName"),
        (json!({"application": {"template": {"spec": {"priority": 7}}}}), "application.template"),
        (json!({"action": "create"}), "action"),
    ];
    let good = site.kubectl_json(&["get", "df", FLOW])["spec"].clone();
    let before = workload(&site);
    for (patch, field) in faults {
        spoil(&site, &patch).await;
        holds(&site, field).await;
        let events = || site.kubectl(&["get", "events.events.k8s.io", "-o", "json"]);
        let told = |events: &String| events.contains("\"InvalidSpec\"") && events.contains(field);
        answers("an event names the field", events, told).await;
        // Another process knows it too.
        site.start_operator().await;
        holds(&site, field).await;
        tokio::time::sleep(STILL).await;
        assert_eq!(workload(&site), before, "{field}: the workload is left alone");
        assert_eq!(site.view().serving().len(), 2, "{field}");
        replace(&site, &good);
        site.asks(FLOW, 1, "Smoked").await;
    }
    never_served(&site, "nginx:2");
    site.rig.define_flows();
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_and_a_rollback_take_over_from_a_flow_that_cannot_be_read_and_expose_nothing_of_it() {
    let strategy = || json!({"mode": "auto", "drainSeconds": 0});
    let mut update = app::flow("third", "update", 2, "nginx:3", strategy());
    update["spec"]["application"].as_object_mut().and_then(|fields| fields.remove("replicas"));
    let rollback = app::order("third", "rollback", None, strategy());
    for (action, third, image) in [("update", update, "nginx:3"), ("rollback", rollback, "nginx:1")] {
        let site = Site::apart(&format!("unread-{action}")).await;
        canary(&site).await;
        site.rig.define_flows_as(&lenient());
        spoil(&site, &json!({"updateStrategy": {"resumes": -1}})).await;
        holds(&site, "updateStrategy.resumes").await;
        site.rig.define_flows();
        site.apply(&third);
        site.succeeds("third").await;
        site.ends(FLOW, "Aborted").await;
        all_run(&site.view(), image, 2);
        never_served(&site, "nginx:2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_cannot_be_read_is_deleted_and_its_new_pods_stay_out_until_another_flow_ends() {
    // A status that nobody can read, and a spec.
    for spec in [false, true] {
        let site = Site::apart(if spec { "unread-deleted" } else { "corrupt-deleted" }).await;
        canary(&site).await;
        let before = workload(&site);
        if spec {
            site.rig.define_flows_as(&lenient());
            spoil(&site, &json!({"updateStrategy": {"resumes": -1}})).await;
            holds(&site, "updateStrategy.resumes").await;
        } else {
            let status = r#"{"status":{"progress":{"work":7000}}}"#;
            site.kubectl(&["patch", "df", FLOW, "--subresource=status", "--type=merge", "-p", status]);
        }
        site.kubectl(&["delete", "df", FLOW, "--timeout=60s"]);
        site.rig.define_flows();
        tokio::time::sleep(STILL).await;
        site.start_operator().await;
        tokio::time::sleep(STILL).await;
        assert_eq!(workload(&site), before, "the workload is left alone");
        // Also where somebody takes the mark of what was left off.
        let empty = if spec { format!("{LOCK}=") } else { format!("{LOCK}-") };
        site.kubectl(&["annotate", SETS, app::NAME, "--overwrite", &empty]);
        tokio::time::sleep(STILL).await;
        let shown = app_call(&site, "Get").unwrap_or_else(|error| panic!("{error}"));
        assert!(shown.contains("\"Left\"") && shown.contains("\"replicas\": 2"), "{shown}");

        let scale = app::order("scaled", "scale", Some(4), json!({"mode": "auto"}));
        site.apply(&scale);
        site.ends("scaled", "Failed").await;
        assert_eq!(site.view().flow("scaled")["status"]["reason"], "Abandoned");
        let strategy = json!({"mode": "auto", "drainSeconds": 0});
        let mut third = app::flow("third", "update", 2, "nginx:3", strategy.clone());
        if spec {
            // Without pods it is left all the same: they would be of a template that nobody approved.
            site.apply(&app::order("stopped", "stop", None, strategy.clone()));
            site.ends("stopped", "Success").await;
            site.apply(&app::order("started", "start", None, strategy));
            site.ends("started", "Failed").await;
            assert_eq!(site.view().flow("started")["status"]["reason"], "Abandoned");
        } else {
            third["spec"]["application"].as_object_mut().and_then(|fields| fields.remove("replicas"));
        }
        site.apply(&third);
        site.succeeds("third").await;
        all_run(&site.view(), "nginx:3", 2);
        never_served(&site, "nginx:2");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_cannot_be_read_is_told_once_with_the_ways_out_and_the_flow_goes_on_once_it_is_mended()
{
    let site = Site::new("corrupt-told").await;
    canary(&site).await;
    let before = workload(&site);
    let good = site.kubectl_json(&["get", "df", FLOW])["status"]["progress"].clone();
    patch_status(&site, &json!([{ "op": "remove", "path": "/status/progress" }]));
    let ways = ["is missing although the flow has started", "put back what stood there", "delete the flow"];
    answers("an event tells it", || told(&site), |told| told.len() == 1).await;
    assert!(ways.iter().all(|way| told(&site)[0]["note"].to_string().contains(way)), "{:?}", told(&site));
    for (order, answers) in [("Get", site.try_order("Get", FLOW)), ("Next", site.try_order("Next", FLOW))] {
        let answer = answers.unwrap_or_else(|error| error.to_string());
        let named = answer.contains("CorruptStatus") && ways.iter().all(|way| answer.contains(way));
        assert!(named, "{order}: {answer}");
    }
    // Other looks and other changes of the object are no news; another fault is.
    site.kubectl(&["label", "df", FLOW, "news=none"]);
    let pod = name(site.view().pods()[0]).to_owned();
    site.kubectl(&["label", "pod", &pod, "news=none"]);
    let mut odd = good.clone();
    odd["work"] = json!(7000);
    patch_status(&site, &json!([{ "op": "add", "path": "/status/progress", "value": odd }]));
    answers("another fault is told", || told(&site), |told| told.len() == 2).await;
    site.kubectl(&["label", "pod", &pod, "news-"]);
    assert_eq!(workload(&site), before, "the workload is left alone");
    patch_status(&site, &json!([{ "op": "add", "path": "/status/progress", "value": good }]));
    site.asks(FLOW, 1, "Smoked").await;
    never_served(&site, "nginx:2");
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
    let series = told(&site).iter().filter(|event| !event["series"].is_null()).count();
    assert_eq!((told(&site).len(), series), (2, 0), "once each: {:?}", told(&site));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_whose_status_was_cleared_says_so_and_cancel_leaves_its_workload_to_the_next_one() {
    let site = Site::new("status-cleared").await;
    canary(&site).await;
    let before = workload(&site);
    patch_status(&site, &json!([{ "op": "remove", "path": "/status" }]));
    let waits = |view: &View| view.waits_for(FLOW) == "OldStatus";
    site.scene.holds("the flow says that its status is older than the lock", waits).await;
    assert!(site.view().flow(FLOW)["status"]["message"].to_string().contains("Cancel ends the flow"));
    site.order("Cancel", FLOW);
    site.ends(FLOW, "Failed").await;
    assert_eq!(site.view().flow(FLOW)["status"]["reason"], "StatusLost");
    site.gives_back(FLOW).await;
    // Neither the keeper nor another process takes it for free.
    site.start_operator().await;
    tokio::time::sleep(STILL).await;
    assert_eq!(workload(&site), before, "the workload is left alone");
    let shown = app_call(&site, "Get").unwrap_or_else(|error| panic!("{error}"));
    let left = format!("{}/{FLOW}", site.namespace);
    assert!(
        shown.contains("\"Left\"") && shown.contains(&left) && shown.contains("\"replicas\": 2"),
        "{shown}"
    );
    site.apply(&app::order("scaled", "scale", Some(4), json!({"mode": "auto"})));
    site.ends("scaled", "Failed").await;
    assert_eq!(site.view().flow("scaled")["status"]["reason"], "Abandoned");
    site.kubectl(&["delete", "df", FLOW, "--timeout=60s"]);
    let mut third = app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto", "drainSeconds": 0}));
    third["spec"]["application"].as_object_mut().and_then(|fields| fields.remove("replicas"));
    site.apply(&third);
    site.succeeds("third").await;
    all_run(&site.view(), "nginx:3", 2);
    never_served(&site, "nginx:2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_cannot_be_read_is_somebodys_and_nothing_is_written_until_it_is_mended() {
    let site = Site::new("unread-lock").await;
    canary(&site).await;
    let lock = |set: &Value| set["metadata"]["annotations"][LOCK].as_str().unwrap_or_default().to_owned();
    let set = || site.kubectl_json(&["get", SETS, app::NAME]);
    let note = lock(&set());
    let mut odd: Value = serde_json::from_str(&note).expect("a note");
    odd["wrote"]["template"] = json!("strange");
    for text in [odd.to_string(), "{".into(), "somebody".into()] {
        site.kubectl(&["annotate", SETS, app::NAME, "--overwrite", &format!("{LOCK}={text}")]);
        let waits = |view: &View| view.waits_for(FLOW) == "LockUnreadable";
        site.scene.holds("the flow says that the lock cannot be read", waits).await;
        warns(&site, "LockUnreadable").await;
        let (spec, since) = (set()["spec"].clone(), lock(&set()));
        // An order is heard, and not carried out; a new flow is refused.
        site.order("Pause", FLOW);
        let refusal = app_call(&site, "Restart").expect_err("the lock cannot be read");
        assert!(refusal.contains("LockUnreadable"), "{refusal}");
        tokio::time::sleep(STILL).await;
        assert_eq!((set()["spec"].clone(), lock(&set())), (spec, since), "nothing is written");
        site.order("Resume", FLOW);
        site.kubectl(&["annotate", SETS, app::NAME, "--overwrite", &format!("{LOCK}={note}")]);
        site.asks(FLOW, 1, "Smoked").await;
    }
    never_served(&site, "nginx:2");
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_that_cannot_be_read_is_not_absent_and_its_flow_waits() {
    let site = Site::new("unread-workload").await;
    canary(&site).await;
    let size = "apps.triton.io/replicas-before-stop";
    let annotate = |note: &str| site.kubectl(&["annotate", SETS, app::NAME, note]);
    annotate(&format!("{size}=many"));
    let waits = |view: &View| view.waits_for(FLOW) == "WorkloadUnreadable";
    site.scene.holds("the flow says what cannot be read", waits).await;
    assert!(site.view().flow(FLOW)["status"]["message"].to_string().contains(size));
    for order in ["Get", "Restart", "Delete"] {
        let refusal = app_call(&site, order).expect_err("it is there");
        assert!(refusal.contains("FailedPrecondition") && refusal.contains(size), "{order}: {refusal}");
    }
    annotate(&format!("{size}-"));
    site.asks(FLOW, 1, "Smoked").await;
    site.agrees(FLOW).await;
    site.succeeds(FLOW).await;
}

/// An event of the flow warns of this, and says what its status does.
async fn warns(site: &Site, reason: &str) {
    let message = site.view().flow(FLOW)["status"]["message"].clone();
    let told =
        |event: &Value| event["reason"] == *reason && event["type"] == "Warning" && event["note"] == message;
    let one = |events: &Vec<Value>| events.iter().any(told);
    answers(&format!("an event {reason} says {message}"), || site.events(), one).await;
}

const LOCK: &str = "apps.triton.io/lock";

/// Two pods serve, and a canary of the next revision waits out of traffic.
async fn canary(site: &Site) {
    site.serve(2).await;
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::update(FLOW, 2, strategy));
    site.asks(FLOW, 1, "Smoked").await;
}

/// Writes what no admission lets in; a new definition takes a moment to be in force.
async fn spoil(site: &Site, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    let write = || site.try_kubectl(&["patch", "df", FLOW, "--type=merge", "-p", &patch]);
    answers("the definition takes everything", write, Result::is_ok).await;
}

/// Changes what only the operator writes.
fn patch_status(site: &Site, patch: &Value) {
    let patch = patch.to_string();
    site.kubectl(&["patch", "df", FLOW, "--subresource=status", "--type=json", "-p", &patch]);
}

/// The events that tell of a status that cannot be read.
fn told(site: &Site) -> Vec<Value> {
    let events = site.kubectl_json(&["get", "events.events.k8s.io"]);
    let events = events["items"].as_array().cloned().unwrap_or_default();
    events.into_iter().filter(|event| event["reason"] == "CorruptStatus").collect()
}

/// Puts the spec back as it was.
fn replace(site: &Site, spec: &Value) {
    let patch = json!([{ "op": "replace", "path": "/spec", "value": spec }]).to_string();
    site.kubectl(&["patch", "df", FLOW, "--type=json", "-p", &patch]);
}

async fn holds(site: &Site, field: &str) {
    let what = format!("the flow holds and names {field}");
    let named = |view: &View| {
        let waiting = view.flow(FLOW)["status"]["waiting"]["message"].to_string();
        view.waits_for(FLOW) == "InvalidSpec" && waiting.contains(&format!("spec.{field}"))
    };
    site.scene.holds(&what, named).await;
    assert!(!site.view().flow(FLOW)["metadata"]["finalizers"].is_null(), "it is kept");
}

/// The workload and its pods, without what its controller and the kubelet say of them.
fn workload(site: &Site) -> Value {
    let set = site.kubectl_json(&["get", SETS, app::NAME]);
    let pods = site.view();
    let pods: Vec<_> =
        pods.pods().into_iter().map(|pod| json!([name(pod), pod["metadata"]["labels"]])).collect();
    json!([set["spec"], set["metadata"]["annotations"], pods])
}

/// No pod of this image was ever ready in an EndpointSlice.
fn never_served(site: &Site, image: &str) {
    let mut view = View::default();
    for entry in site.scene.journal() {
        view.apply(&entry);
        let early = view
            .all(Kind::Pod)
            .find(|pod| pod["spec"]["containers"][0]["image"] == image && view.serving().contains(name(pod)));
        assert!(
            early.is_none(),
            "{} took traffic at version {}",
            name(early.unwrap_or(&Value::Null)),
            entry.version
        );
    }
}

/// Calls a method of the application over gRPC; an error in grpcurl's words.
fn app_call(site: &Site, rpc: &str) -> Result<String, String> {
    let request = json!({"instance": {"name": app::NAME, "namespace": site.namespace}}).to_string();
    let (address, rpc) = (format!("localhost:{}", site.grpc), format!("application.Application/{rpc}"));
    site.rig
        .plane
        .grpcurl(&["--plaintext", "-d", &request, &address, &rpc])
        .map_err(|error| error.to_string())
}
