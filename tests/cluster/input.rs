//! Bad input: what the object alone shows is refused by the API server, which names the field; and an
//! object that nobody checked fails alone.

use std::time::{Duration, Instant};

use kube::CustomResourceExt;
use serde_json::{Value, json};
use triton_tests::scene::{Kind, View};

use crate::{app, site::Site};

/// A field below `spec`, a value that is refused there (null: the field is missing), the field that the
/// refusal names, and words of it.
type Case = (&'static str, Value, &'static str, &'static str);

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_refuses_what_the_object_alone_shows_and_names_the_field() {
    let site = Site::new("input").await;
    site.kill_operator();
    for (field, value, named, words) in cases() {
        let mut flow = app::create("bad", 5, json!({"batchSize": 1}));
        set(&mut flow["spec"], field, &value);
        let case = format!("{field}: {value}");
        let refusal = site.try_apply(&flow).expect_err(&case).to_string();
        let told =
            refusal.lines().any(|line| line.contains(&format!("spec.{named}")) && line.contains(words));
        assert!(told, "{case}: no line with spec.{named} and {words:?} in\n{refusal}");
    }
    assert!(site.view().all(Kind::Flow).next().is_none(), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_orders_of_a_flow_can_be_changed() {
    let site = Site::new("immutable").await;
    site.kill_operator();
    let flow = app::create("flow", 5, json!({"batchSize": 1, "mode": "manual", "canary": 1}));
    site.apply(&flow);
    let refused: [(&str, Value, &str); 7] = [
        ("action", json!("update"), "action"),
        ("application.replicas", json!(6), "application"),
        ("application.instanceName", json!("other"), "application"),
        ("application.template.spec.containers", json!([{"name": "web", "image": "nginx:9"}]), "application"),
        ("updateStrategy.mode", json!("auto"), "updateStrategy"),
        ("updateStrategy.canary", json!(2), "updateStrategy"),
        ("updateStrategy.noPullIn", json!(true), "updateStrategy"),
    ];
    for (field, value, named) in refused {
        let mut changed = flow.clone();
        set(&mut changed["spec"], field, &value);
        let refusal = site.try_apply(&changed).expect_err(field).to_string();
        assert!(refusal.contains(&format!("spec.{named}")) && refusal.contains("changed after"), "{refusal}");
    }
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

/// Everything of semantics.md, section 9, that the object alone shows.
fn cases() -> Vec<Case> {
    let mut cases = vec![
        ("action", json!("destroy"), "action", "must be one of"),
        ("action", json!("restart"), "action", "not carried out by this version"),
        ("nonUpdateStrategy", json!({"podsToDelete": ["web-1"]}), "nonUpdateStrategy", "updateStrategy"),
        ("updateStrategy.mode", json!("fast"), "updateStrategy.mode", "auto or manual"),
        ("updateStrategy.stage", json!("Frying"), "updateStrategy.stage", "must be one of"),
        ("updateStrategy.onFailure", json!("explode"), "updateStrategy.onFailure", "pause"),
        ("updateStrategy.canary", json!(-1), "updateStrategy.canary", "between 0 and 10000"),
        ("updateStrategy.canary", json!(10_001), "updateStrategy.canary", "between 0 and 10000"),
        ("updateStrategy.batches", json!(-1), "updateStrategy.batches", "between 0 and 1000"),
        ("updateStrategy.batches", json!(1_001), "updateStrategy.batches", "between 0 and 1000"),
        (
            "updateStrategy.batchIntervalSeconds",
            json!(-1),
            "updateStrategy.batchIntervalSeconds",
            "between 0",
        ),
        ("updateStrategy.drainSeconds", json!(-1), "updateStrategy.drainSeconds", "between 0"),
        (
            "updateStrategy.progressDeadlineSeconds",
            json!(0),
            "updateStrategy.progressDeadlineSeconds",
            "at least 1",
        ),
    ];
    cases.extend(applications());
    cases.extend(sizes());
    cases
}

fn applications() -> Vec<Case> {
    let long = "a".repeat(64);
    let mut cases = vec![
        ("application.replicas", Value::Null, "application.replicas", "required"),
        ("application.replicas", json!(-1), "application.replicas", "between 0 and 10000"),
        ("application.replicas", json!(10_001), "application.replicas", "between 0 and 10000"),
        ("application.template", Value::Null, "application.template", "required"),
        ("application.template.spec.containers", json!([]), "application.template", "at least one container"),
        ("application.appID", json!(-1), "application.appID", "between 0"),
        ("application.groupID", json!(-1), "application.groupID", "between 0"),
        ("application.appName", json!(""), "application.appName", "not be empty"),
        ("application.appName", json!("no spaces"), "application.appName", "letters, digits"),
        ("application.applicationType", json!("deployment"), "application.applicationType", "cloneset"),
    ];
    for (name, words) in
        [("", "not be empty"), ("Web", "lower case"), ("a_b", "lower case"), (&*long, "at most 63")]
    {
        cases.push(("application.instanceName", json!(name), "application.instanceName", words));
    }
    for labels in [json!({"app": "other"}), json!({"tier": "front"})] {
        let selector = json!({"matchLabels": labels});
        cases.push(("application.selector", selector, "application.selector", "does not match the labels"));
    }
    let expression = json!({"matchExpressions": [{"key": "tier", "operator": "Exists"}]});
    cases.push(("application.selector", expression, "application.selector", "does not match the labels"));
    cases
}

fn sizes() -> Vec<Case> {
    let mut cases = Vec::new();
    let sizes = [
        (json!(0), "at least 1"),
        (json!(-1), "at least 1"),
        (json!("0"), "at least 1"),
        (json!("-3"), "at least 1"),
        (json!(10_001), "at most 10000"),
        (json!("10001"), "at most 10000"),
        (json!("0%"), "between 1% and 100%"),
        (json!("101%"), "between 1% and 100%"),
        (json!("many"), "whole number or a percentage"),
        (json!(""), "whole number or a percentage"),
    ];
    for (size, words) in sizes {
        cases.push(("updateStrategy.batchSize", size.clone(), "updateStrategy.batchSize", words));
        let strategy = json!({"batchSizes": [1, size]});
        cases.push(("updateStrategy", strategy, "updateStrategy.batchSizes[1]", words));
    }
    cases.push(("updateStrategy", json!({"batchSizes": []}), "updateStrategy.batchSizes", "not be empty"));
    let both = json!({"batchSize": 1, "batchSizes": [1]});
    cases.push(("updateStrategy", both, "updateStrategy.batchSizes", "one of them"));
    cases.push(("application.replicas", json!(1_001), "updateStrategy.batchSize", "more than 1000 batches"));
    cases
}

/// What an older definition may have let in.
fn wrong_values() -> Vec<Case> {
    vec![
        ("action", json!("destroy"), "action", ""),
        ("application.replicas", json!(-1), "application.replicas", ""),
        ("updateStrategy.batchSize", json!(0), "updateStrategy.batchSize", ""),
        ("updateStrategy.batchSize", json!("many"), "updateStrategy.batchSize", ""),
        ("updateStrategy.mode", json!("fast"), "updateStrategy.mode", ""),
        ("nonUpdateStrategy", json!({"podsToDelete": ["web-1"]}), "nonUpdateStrategy", ""),
        ("application.template.spec.containers", json!([]), "application.template", ""),
        ("application.replicas", Value::Null, "application.replicas", ""),
        ("application.selector", json!({"matchLabels": {"app": "other"}}), "application.selector", ""),
    ]
}

/// What only a definition without types lets in.
fn wrong_types() -> Vec<Case> {
    vec![
        ("action", json!(7), "action", ""),
        ("application.replicas", json!("three"), "application.replicas", ""),
        ("application.template", json!("nginx"), "application", ""),
        ("application", Value::Null, "application", ""),
        ("updateStrategy", json!([1]), "updateStrategy", ""),
    ]
}

/// A definition of flows that takes everything.
fn lenient() -> String {
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
    let (parents, name) = path.rsplit_once('.').map_or((None, path), |(parents, name)| (Some(parents), name));
    let parent =
        parents.into_iter().flat_map(|path| path.split('.')).fold(spec, |value, name| &mut value[name]);
    if value.is_null() {
        parent.as_object_mut().and_then(|fields| fields.remove(name));
    } else {
        parent[name] = value.clone();
    }
}
