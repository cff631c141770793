//! A folder of flows that tools apply again and again, a restore of objects without their status, and what tools
//! read of a flow.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers};

use crate::{app, rig::SETS, safety::all_run, site::Site};

const ALREADY: &str = "AlreadyCarriedOut";

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_applied_again_in_rounds_brings_no_old_version_back() {
    let site = Site::new("gitops").await;
    site.start_operator_with("TRITON_HISTORY_LIMIT=2").await;
    site.apply(&app::service());
    let update =
        |version: u32| app::flow(&format!("web-{version}"), "update", 2, &format!("nginx:{version}"), auto());
    let folder = [app::create("web-1", 2, auto()), update(29), update(30), update(31)];
    for file in &folder {
        site.apply(file);
        site.succeeds(name_of(file)).await;
    }
    let before = set(&site);
    for round in 0..4 {
        let (start, backwards) = (round % folder.len(), round % 2 == 1);
        let mut files: Vec<&Value> = folder.iter().cycle().skip(start).take(folder.len()).collect();
        if backwards {
            files.reverse();
        }
        files.into_iter().for_each(|file| site.apply(file));
        let ended =
            |view: &View| folder.iter().all(|file| view.flow(name_of(file))["status"]["finished"] == true);
        site.scene.holds("all flows have ended", ended).await;
    }
    // Those that the limit had removed were made again, and are kept: nobody makes them once more.
    let ends = |view: &View| folder.iter().map(|file| end(view, name_of(file))).collect::<Vec<_>>();
    let text =
        ["Aborted AlreadyCarriedOut", "Aborted AlreadyCarriedOut", "Success Succeeded", "Success Succeeded"];
    assert_eq!(ends(&site.view()), text);
    let after = set(&site);
    assert_eq!(
        after["metadata"]["generation"], before["metadata"]["generation"],
        "nothing of it was touched"
    );
    assert_eq!(after["metadata"]["annotations"], before["metadata"]["annotations"]);
    all_run(&site.view(), "nginx:31", 2);

    // The order of an old file is carried out under a new name.
    site.apply(&app::flow("web-32", "update", 2, "nginx:29", auto()));
    site.succeeds("web-32").await;
    all_run(&site.view(), "nginx:29", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_was_deleted_and_applied_again_ends_at_once_unless_it_was_not_carried_out() {
    let site = Site::new("self-heal").await;
    site.serve(2).await;
    let second = app::update("second", 2, auto());
    site.apply(&second);
    site.succeeds("second").await;
    let restart = app::order("third", "restart", None, auto());
    site.apply(&restart);
    site.succeeds("third").await;
    let pods: BTreeSet<String> = pods(&site.view());

    // `second` was defaulted in another way: it means the same.
    let mut said = second.clone();
    said["spec"]["updateStrategy"]["canary"] = json!(0);
    said["spec"]["updateStrategy"]["onFailure"] = json!("pause");
    said["spec"]["updateStrategy"]["batchSize"] = json!(1);
    for (file, wanted) in [
        (app::create("first", 2, json!({"mode": "auto"})), "Aborted AlreadyCarriedOut"),
        (said, "Success AlreadyCarriedOut"),
        (restart, "Success AlreadyCarriedOut"),
    ] {
        let name = name_of(&file);
        site.kubectl(&["delete", "df", name]);
        site.apply(&file);
        let what = format!("{name} ends at once");
        site.scene.holds(&what, |view| end(view, name) == wanted).await;
        let flow = site.view().flow(name).clone();
        assert!(flow["metadata"]["finalizers"].is_null(), "{flow}");
        assert!(flow["status"]["message"].as_str().unwrap_or_default().contains("a new name"), "{flow}");
    }
    assert_eq!(self::pods(&site.view()), pods, "no pod was touched");

    // A cancelled flow was not carried out, and another spec is another order.
    let canary =
        app::flow("fourth", "update", 2, "nginx:4", json!({"mode": "auto", "canary": 1, "drainSeconds": 0}));
    site.apply(&canary);
    site.asks("fourth", 1, "Smoked").await;
    site.order("Cancel", "fourth");
    site.ends("fourth", "Canceled").await;
    site.gives_back("fourth").await;
    site.kubectl(&["delete", "df", "fourth"]);
    site.apply(&canary);
    site.agrees("fourth").await;
    site.succeeds("fourth").await;
    site.kubectl(&["delete", "df", "second"]);
    site.apply(&app::flow("second", "update", 2, "nginx:5", auto()));
    site.succeeds("second").await;
    all_run(&site.view(), "nginx:5", 2);

    // A new CloneSet remembers nothing.
    site.apply(&app::order("gone", "delete", None, auto()));
    site.ends("gone", "Success").await;
    site.kubectl(&["delete", "df", "first"]);
    site.apply(&app::create("first", 2, json!({"mode": "auto"})));
    site.succeeds("first").await;
    all_run(&site.view(), "nginx:1", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_were_restored_without_status_are_carried_out_only_where_they_were_not() {
    let site = Site::new("velero").await;
    site.serve(2).await;
    let second = app::update("second", 2, auto());
    site.apply(&second);
    site.succeeds("second").await;
    let third =
        app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto", "canary": 1, "drainSeconds": 0}));
    site.apply(&third);
    site.asks("third", 1, "Smoked").await;

    // The objects come back with new UIDs and without a status; the lock is that of a flow that is gone.
    site.kill_operator();
    for flow in ["first", "second", "third"] {
        let free = json!({"metadata": {"finalizers": null}}).to_string();
        site.kubectl(&["patch", "df", flow, "--type=merge", "-p", &free]);
        site.kubectl(&["delete", "df", flow]);
    }
    for file in [&third, &second, &app::create("first", 2, json!({"mode": "auto"}))] {
        site.apply(file);
    }
    let fresh = site.kubectl_json(&["get", "df", "second"]);
    assert_eq!(fresh["status"]["observedGeneration"], -1, "kstatus knows that nobody has looked yet");
    site.start_operator().await;
    for flow in ["first", "second"] {
        site.scene.holds(flow, |view| end(view, flow) == format!("Aborted {ALREADY}")).await;
    }
    site.agrees("third").await;
    site.succeeds("third").await;
    all_run(&site.view(), "nginx:3", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_waits_for_the_condition_of_a_flow() {
    let site = Site::new("conditions").await;
    site.apply(&app::update("early", 1, auto()));
    site.ends("early", "Failed").await;
    assert_eq!(condition(&site, "early"), ("Stalled".into(), "WorkloadMissing".into(), 0));
    site.serve(2).await;
    site.kubectl(&["wait", "df/first", "--for=condition=Ready", "--timeout=30s"]);
    site.kubectl(&["wait", "df/first", "--for=jsonpath={.status.phase}=Success", "--timeout=30s"]);
    let two = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::update("second", 2, two));
    site.asks("second", 1, "Smoked").await;
    assert_eq!(condition(&site, "second"), ("Reconciling".into(), "Approval".into(), 1));
    let ready = site.try_kubectl(&["wait", "df/second", "--for=condition=Ready", "--timeout=1s"]);
    ready.expect_err("it is not ready");

    let image =
        json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "nginx:9"}]);
    let workload = format!("{SETS}/{}", app::NAME);
    site.kubectl(&["patch", &workload, "--type", "json", "-p", &image.to_string()]);
    site.kubectl(&["wait", "df/second", "--for=condition=Stalled", "--timeout=60s"]);
    site.scene.holds("it says why", |view| view.waits_for("second") == "Drift").await;
    assert_eq!(condition(&site, "second"), ("Stalled".into(), "Drift".into(), 1));
    site.order("Resume", "second");
    site.agrees("second").await;
    site.kubectl(&["wait", "df/second", "--for=condition=Ready", "--timeout=60s"]);
    assert_eq!(condition(&site, "second"), ("Ready".into(), "Succeeded".into(), 2));
    let flow = site.kubectl_json(&["get", "df", "second"]);
    assert!(flow["status"]["conditions"][0]["type"].is_null(), "older entries have none: {flow}");

    let interval = json!({"spec": {"updateStrategy": {"batchIntervalSeconds": 7}}}).to_string();
    site.kubectl(&["patch", "df", "second", "--type=merge", "-p", &interval]);
    let observed = |view: &View| {
        let flow = view.flow("second");
        flow["spec"]["updateStrategy"]["batchIntervalSeconds"] == 7
            && flow["status"]["observedGeneration"] == flow["metadata"]["generation"]
    };
    site.scene.holds("what is edited after the end is observed", observed).await;
    assert_eq!(condition(&site, "second"), ("Ready".into(), "Succeeded".into(), 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn three_people_who_change_the_surge_are_three_readable_events() {
    let site = Site::new("events").await;
    site.serve(3).await;
    site.apply(&app::update(
        "second",
        3,
        json!({"mode": "manual", "canary": 1, "batchSize": 1, "drainSeconds": 0}),
    ));
    let workload = format!("{SETS}/{}", app::NAME);
    let edit = json!({"spec": {"updateStrategy": {"maxSurge": 3}}}).to_string();
    let stages = [("alice", 1, "Smoked"), ("bob", 1, "Baking"), ("carol", 2, "Smoking")];
    for (who, batch, stage) in stages {
        if stage == "Smoking" {
            site.asks("second", 1, "Baked").await;
        } else {
            site.asks("second", batch, stage).await;
        }
        let manager = format!("--field-manager={who}");
        site.kubectl(&["patch", &workload, "--type=merge", "-p", &edit, &manager]);
        let note = |events: &Vec<String>| events.iter().any(|note| note.contains(&format!("by {who}")));
        answers(&format!("an event names {who}"), || notes(&site, "Edited"), note).await;
        site.next("second");
    }
    let notes = notes(&site, "Edited");
    assert_eq!(notes.len(), 3, "{notes:#?}");
}

/// The texts of the events of a reason, of flow `second`.
pub(crate) fn notes(site: &Site, reason: &str) -> Vec<String> {
    let events = site.events().into_iter();
    let told = events.filter(|event| event["reason"] == reason && event["regarding"]["name"] == "second");
    told.filter_map(|event| event["note"].as_str().map(str::to_owned)).collect()
}

/// Type and reason of the condition of a flow, and the batch of its entry.
fn condition(site: &Site, flow: &str) -> (String, String, u64) {
    let flow = site.kubectl_json(&["get", "df", flow]);
    let newest =
        flow["status"]["conditions"].as_array().and_then(|list| list.last()).cloned().unwrap_or_default();
    assert_eq!(newest["status"], "True", "{flow}");
    let text = |field: &str| newest[field].as_str().unwrap_or_default().to_owned();
    assert_eq!(text("message"), flow["status"]["message"].as_str().unwrap_or_default());
    (text("type"), text("reason"), newest["batch"].as_u64().unwrap_or(99))
}

fn end(view: &View, flow: &str) -> String {
    let status = &view.flow(flow)["status"];
    let text = |field: &str| status[field].as_str().unwrap_or_default();
    format!("{} {}", text("phase"), text("reason"))
}

fn set(site: &Site) -> Value {
    site.kubectl_json(&["get", SETS, app::NAME])
}

fn pods(view: &View) -> BTreeSet<String> {
    view.all(Kind::Pod).map(|pod| triton_tests::scene::name(pod).to_owned()).collect()
}

fn name_of(file: &Value) -> &str {
    file["metadata"]["name"].as_str().expect("a name")
}

fn auto() -> Value {
    json!({"mode": "auto", "drainSeconds": 0})
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_a_workload_does_not_have_are_refused_and_fields_without_effect_are_named() {
    let site = Site::new("fixed").await;
    let labelled = |mut flow: Value, team: &str| {
        flow["spec"]["application"]["applicationLabel"] = json!({"team": team});
        flow
    };
    site.apply(&app::service());
    site.apply(&labelled(app::create("first", 1, auto()), "tea"));
    site.succeeds("first").await;
    let before = set(&site);
    site.apply(&labelled(app::update("other", 1, auto()), "coffee"));
    site.ends("other", "Failed").await;
    let message = site.view().flow("other")["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("spec.application.applicationLabel: "), "{message}");
    assert_eq!(set(&site)["metadata"]["generation"], before["metadata"]["generation"]);
    site.apply(&labelled(app::update("same", 1, auto()), "tea"));
    site.succeeds("same").await;

    let mut restart = app::order("again", "restart", Some(7), auto());
    restart["spec"]["application"]["template"] =
        app::update("", 1, auto())["spec"]["application"]["template"].clone();
    site.apply(&restart);
    site.succeeds("again").await;
    let message = site.view().flow("again")["status"]["message"].as_str().unwrap_or_default().to_owned();
    let note = "spec.application.template, spec.application.replicas have no effect for action restart";
    assert!(message.contains(note), "{message}");
    all_run(&site.view(), "nginx:2", 1);
}
