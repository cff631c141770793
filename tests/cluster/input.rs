//! Bad input: what the object alone shows is refused by the API server, which names the field; and an
//! object that nobody checked fails alone.

use std::time::{Duration, Instant};

use kube::CustomResourceExt;
use serde_json::{Value, json};
use triton_operator::crd::convert;
use triton_tests::scene::{Kind, View};

use crate::{
    app,
    bad::{Case, cases, orders, wrong_types, wrong_values},
    rig::SETS,
    site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_refuses_what_the_object_alone_shows_and_names_the_field() {
    let site = Site::new("input").await;
    site.kill_operator();
    let create = app::create("bad", 5, json!({"batchSize": 1}));
    let creates = cases().into_iter().map(|case| (create.clone(), case));
    for (mut flow, (field, value, named, words)) in creates.chain(orders()) {
        set(&mut flow["spec"], field, &value);
        let case = format!("{} with {field}: {value}", flow["spec"]["action"]);
        let refusal = site.try_apply(&flow).expect_err(&case).to_string();
        let told =
            refusal.lines().any(|line| line.contains(&format!("spec.{named}")) && line.contains(words));
        assert!(told, "{case}: no line with spec.{named} and {words:?} in\n{refusal}");
        for message in messages_of_the_core(&flow["spec"], named) {
            assert!(refusal.contains(&message), "{case}: the core says {message:?}, not\n{refusal}");
        }
    }
    assert!(site.view().all(Kind::Flow).next().is_none(), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_orders_of_a_flow_can_be_changed() {
    let site = Site::new("immutable").await;
    site.kill_operator();
    let flow = app::create("flow", 5, json!({"batchSize": 1, "mode": "manual", "canary": 1}));
    site.apply(&flow);
    let refused: [(&str, Value, &str); 13] = [
        ("action", json!("update"), "action"),
        ("application.replicas", json!(6), "application"),
        ("application.instanceName", json!("other"), "application"),
        ("application.template.spec.containers", json!([{"name": "web", "image": "nginx:9"}]), "application"),
        ("updateStrategy.mode", json!("auto"), "updateStrategy"),
        ("updateStrategy.canary", json!(2), "updateStrategy"),
        ("updateStrategy.drainSeconds", json!(1), "updateStrategy"),
        ("updateStrategy.noPullIn", json!(true), "updateStrategy"),
        ("updateStrategy.maxUnavailable", json!(1), "updateStrategy"),
        ("updateStrategy.failureThreshold", json!(1), "updateStrategy"),
        ("updateStrategy.onFailure", json!("cancel"), "updateStrategy"),
        ("updateStrategy.cancelPolicy", json!("revert"), "updateStrategy"),
        ("updateStrategy.podReplacementPolicy", json!("TerminationComplete"), "updateStrategy"),
    ];
    for (field, value, named) in refused {
        cannot_be_changed(&site, &flow, field, &value, named);
    }
    let restart = app::order("restart", "restart", None, json!({"podsToDelete": ["web-1"]}));
    let mut back = app::order("back", "rollback", None, json!({"mode": "auto"}));
    back["spec"]["rollbackTo"] = json!({"revision": "web-1"});
    site.apply(&restart);
    site.apply(&back);
    let pods = "nonUpdateStrategy.podsToDelete";
    cannot_be_changed(&site, &restart, pods, &json!(["web-1", "web-2"]), "nonUpdateStrategy");
    cannot_be_changed(&site, &restart, pods, &Value::Null, "nonUpdateStrategy");
    let missing = "nonUpdateStrategy.maxUnavailable";
    cannot_be_changed(&site, &restart, missing, &json!(1), "nonUpdateStrategy");
    cannot_be_changed(&site, &back, "rollbackTo", &json!({"revision": "web-2"}), "rollbackTo");
    cannot_be_changed(&site, &back, "rollbackTo", &Value::Null, "rollbackTo");
    for (field, value) in [
        ("updateStrategy.paused", json!(true)),
        ("updateStrategy.batchSize", json!("50%")),
        ("updateStrategy.batchIntervalSeconds", json!(5)),
        ("updateStrategy.batches", json!(3)),
        ("updateStrategy.progressDeadlineSeconds", json!(60)),
    ] {
        let mut changed = flow.clone();
        set(&mut changed["spec"], field, &value);
        site.apply(&changed);
    }
}

fn cannot_be_changed(site: &Site, flow: &Value, field: &str, value: &Value, named: &str) {
    let mut changed = flow.clone();
    set(&mut changed["spec"], field, value);
    let refusal = site.try_apply(&changed).expect_err(field).to_string();
    assert!(refusal.contains(&format!("spec.{named}")) && refusal.contains("changed after"), "{refusal}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_original_could_carry_out_is_taken_and_parsed() {
    let site = Site::new("input-accepted").await;
    site.kill_operator();
    for (index, (field, value)) in accepted().into_iter().enumerate() {
        let name = format!("good-{index}");
        let mut flow = app::create(&name, 5, json!({"batchSize": 1}));
        set_raw(&mut flow["spec"], field, value.clone());
        site.try_apply(&flow).unwrap_or_else(|error| panic!("{field}: {value}: {error}"));
        let stored = site.kubectl_json(&["get", "df", &name]);
        let parsed = convert::draft(&stored["spec"]).and_then(|draft| draft.parse());
        assert!(parsed.is_ok(), "{field}: {value}: {parsed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_cluster_shows_fails_the_flow_and_touches_nothing() {
    let site = Site::new("input-cluster").await;
    site.serve(1).await;
    site.gives_back("first").await;
    let held = || site.kubectl_json(&["get", SETS, app::NAME]);
    let edit = |patch: Value| {
        let patch = patch.to_string();
        site.kubectl(&["patch", SETS, app::NAME, "--type=merge", "-p", &patch]);
    };
    let mut missing = app::update("missing", 1, json!({"mode": "auto"}));
    missing["spec"]["application"]["instanceName"] = json!("nothing");
    let before = held();
    fails_with(&site, &app::create("exists", 1, json!({"mode": "auto"})), "WorkloadExists").await;
    fails_with(&site, &missing, "WorkloadMissing").await;
    assert_eq!(held(), before);

    // The garbage collector deletes what belongs to an owner that does not exist.
    site.kubectl(&["create", "configmap", "boss"]);
    let uid = site.kubectl_json(&["get", "configmap", "boss"])["metadata"]["uid"].clone();
    let owner =
        json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "boss", "uid": uid, "controller": true}]);
    edit(json!({"metadata": {"finalizers": ["triton.test/stay"], "ownerReferences": owner}}));
    let before = held();
    fails_with(&site, &app::update("owned", 1, json!({"mode": "auto"})), "WorkloadOwned").await;
    assert_eq!(held(), before);
    site.kubectl(&["delete", SETS, app::NAME, "--wait=false"]);
    let before = held();
    fails_with(&site, &app::update("deleted", 1, json!({"mode": "auto"})), "WorkloadDeleted").await;
    assert_eq!(held()["spec"], before["spec"]);
    edit(json!({"metadata": {"finalizers": null}}));
}

async fn fails_with(site: &Site, flow: &Value, reason: &str) {
    site.apply(flow);
    let name = flow["metadata"]["name"].as_str().expect("it has a name");
    site.ends(name, "Failed").await;
    assert_eq!(site.view().flow(name)["status"]["reason"], reason);
}

/// Wrong types come first, with the lenient definition in force: under one with rules the API server takes
/// no status for them, because it cannot evaluate its rules on them.
#[tokio::test(flavor = "multi_thread")]
async fn stored_flows_that_nobody_checked_fail_alone_and_touch_nothing() {
    let site = Site::apart("stored").await;
    site.rig.define_flows_as(&lenient());
    store(&site, "types", &wrong_types()).await;
    fail(&site, "types", &wrong_types()).await;
    site.kill_operator();
    store(&site, "values", &wrong_values()).await;
    site.rig.define_flows();

    site.start_operator().await;
    site.serve(1).await;
    fail(&site, "values", &wrong_values()).await;
    let workloads = site.view().all(Kind::Set).count();
    assert_eq!(workloads, 1, "only the good flow made a workload");
}

/// Stores flows that have no rules to keep; a new definition takes a moment to be in force.
async fn store(site: &Site, name: &str, cases: &[Case]) {
    for (index, (field, value, ..)) in cases.iter().enumerate() {
        let name = format!("{name}-{index}");
        let mut flow = app::create(&name, 2, json!({"batchSize": 1}));
        flow["spec"]["application"]["instanceName"] = json!(format!("app-{name}"));
        set(&mut flow["spec"], field, value);
        let deadline = Instant::now() + Duration::from_secs(30);
        while let Err(refusal) = site.try_apply(&flow) {
            assert!(Instant::now() < deadline, "{field}: {value}: {refusal}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Waits until each of them has failed, with the field in its message.
async fn fail(site: &Site, name: &str, cases: &[Case]) {
    for (index, (field, value, named, _)) in cases.iter().enumerate() {
        let name = format!("{name}-{index}");
        let failed = |view: &View| {
            view.phase(&name) == "Failed" && view.flow(&name)["status"]["reason"] == "InvalidSpec"
        };
        site.scene.holds(&format!("{name} with {field} {value} fails"), failed).await;
        let message = site.view().flow(&name)["status"]["message"].to_string();
        assert!(message.contains(&format!("spec.{named}")), "{field} {value}: {message}");
    }
}

/// The words of the core for a field; those for selectors, and for keys of labels, name more than the API
/// server can.
fn messages_of_the_core(spec: &Value, named: &str) -> Vec<String> {
    let Err(faults) = convert::draft(spec).and_then(|draft| draft.parse()) else {
        panic!("the core takes what the API server refuses: {spec}")
    };
    let field = format!("spec.{named}");
    let about = faults.0.into_iter().filter(|fault| fault.field.starts_with(&field));
    let messages: Vec<String> = about.map(|fault| fault.message).collect();
    assert!(!messages.is_empty(), "the core says nothing of {field}");
    if named == "application.selector" { Vec::new() } else { messages }
}

/// What Go's clients of the original store, and what its manifests may say.
fn accepted() -> Vec<(&'static str, Value)> {
    vec![
        ("nonUpdateStrategy", Value::Null),
        ("updateStrategy", Value::Null),
        ("updateStrategy", json!({"paused": null, "batchSize": "2"})),
        ("updateStrategy", json!({"batchSize": "20%", "mode": ""})),
        ("updateStrategy", json!({"batches": 2, "stage": "Smoked", "noPullIn": true})),
        ("application.applicationType", json!("CloneSet")),
        ("application.applicationLabel", json!({"team": "shop", "empty": ""})),
        ("application.template.metadata", json!({"labels": {"tier": "front"}, "creationTimestamp": null})),
        ("application.selector", json!({"matchLabels": {"app": "1", "managed-by": "triton-io"}})),
        ("application.replicas", json!(0)),
        (
            "application.volumeClaimTemplates",
            json!([{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }]),
        ),
    ]
}

/// A definition of flows that takes everything.
pub(crate) fn lenient() -> String {
    let mut definition = triton_operator::crd::DeployFlow::crd();
    for version in &mut definition.spec.versions {
        let Some(schema) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
        for field in ["spec", "status"] {
            let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            let anything = serde_json::from_value(anything).expect("a schema");
            schema.properties.get_or_insert_default().insert(field.to_owned(), anything);
        }
    }
    serde_json::to_string(&definition).expect("a definition is JSON")
}

/// Sets a field by its path; null removes it.
fn set(spec: &mut Value, path: &str, value: &Value) {
    let (parent, name) = place(spec, path);
    if value.is_null() {
        parent.as_object_mut().and_then(|fields| fields.remove(name));
    } else {
        parent[name] = value.clone();
    }
}

/// Sets a field by its path, to null too.
fn set_raw(spec: &mut Value, path: &str, value: Value) {
    let (parent, name) = place(spec, path);
    parent[name] = value;
}

fn place<'a, 'b>(spec: &'a mut Value, path: &'b str) -> (&'a mut Value, &'b str) {
    let (parents, name) = path.rsplit_once('.').map_or((None, path), |(parents, name)| (Some(parents), name));
    let parents = parents.into_iter().flat_map(|path| path.split('.'));
    (parents.fold(spec, |value, name| &mut value[name]), name)
}
