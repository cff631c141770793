//! The article's tutorial, its commands word for word: only the port, the address of the manifest and the
//! stray `-o` of `describe` differ.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use triton_tests::scene::{Kind, name};

use crate::{safety::Safety, site::Site};

const FLOW: &str = "12122-sample-10010-df";
const INSTANCE: &str = "12122-sample-10010";

const APPLY: &str =
    "kubectl apply -f https://github.com/triton-io/triton/raw/main/docs/tutorial/v1/nginx-deployflow.yaml";
const COLUMNS: &str = "kubectl get df";
const STATUS: &str = "kubectl get df  12122-sample-10010-df -o yaml";
const SERVICE: &str = "kubectl describe svc sample-12122-svc";
const NEXT: &str = r#"grpcurl --plaintext -d '{"deploy":{"name":"12122-sample-10010-df","namespace":"default"}}' localhost:8099 deployflow.DeployFlow/Next"#;
const GET: &str = r#"grpcurl --plaintext -d '{"deploy":{"name":"12122-sample-10010-df","namespace":"default"}}' localhost:8099 deployflow.DeployFlow/Get"#;

const SCALE: &str = r#"grpcurl --plaintext -d '{"instance":{"name":"12122-sample-10010","namespace":"default"},"replicas":2,"strategy":{"podsToDelete":["12122-sample-10010-zh98f"],"batchSize":"1","batches":"1","batchIntervalSeconds":10}}' localhost:8099 application.Application/Scale"#;

const WIDE: &str = "kubectl get df -o wide";

#[test]
fn the_page_gives_the_commands_of_the_article() {
    let page = words(include_str!("../../docs/tutorial.md"));
    for command in [COLUMNS, STATUS, SERVICE, NEXT, GET] {
        assert!(page.contains(&words(command)), "{command}");
    }
    assert!(page.contains("kubectl apply -f docs/tutorial/nginx-deployflow.yaml"));
}

#[test]
fn the_request_of_the_page_asks_for_the_flow_of_the_manifest() {
    let manifest = include_str!("../../docs/tutorial/nginx-deployflow.yaml");
    let manifest = serde_norway::Deserializer::from_str(manifest).next().map(Value::deserialize);
    let manifest = manifest.expect("the flow comes first").expect("it is YAML");
    let request: Value =
        serde_json::from_str(include_str!("../../docs/tutorial/create.json")).expect("it is JSON");
    let (spec, application) = (&manifest["spec"], &manifest["spec"]["application"]);
    for field in ["name", "namespace"] {
        assert_eq!(request[field], manifest["metadata"][field], "{field}");
    }
    assert_eq!(request["action"], spec["action"]);
    for field in ["appID", "groupID", "appName", "instanceName", "replicas"] {
        assert_eq!(request["applicationSpec"][field], application[field], "{field}");
    }
    let mut strategy = spec["updateStrategy"].clone();
    strategy["batchSize"] = json!(strategy["batchSize"].to_string());
    assert_eq!(request["strategy"], strategy);
    let mut container = application["template"]["spec"]["containers"][0].clone();
    container.as_object_mut().expect("a container").remove("resources");
    assert_eq!(request["template"]["spec"]["containers"], json!([container]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_of_the_article_runs_word_for_word() {
    let site = Site::of_the_tutorial().await;
    run(&site, APPLY);

    site.asks(FLOW, 1, "Smoked").await;
    let columns = [
        "NAME",
        "REPLICAS",
        "UPDATED_READY_REPLICAS",
        "FINISHED_REPLICAS",
        "PHASE",
        "BATCHES",
        "CURRENT_BATCH_SIZE",
        "AGE",
    ];
    assert_eq!(row(&site, 0)[..], columns);
    assert_eq!(row(&site, 1)[..7], [FLOW, "1", "0", "0", "BatchStarted", "3", "1"]);
    the_canary_is_smoked(&site);
    the_wide_columns_are_there(&site);
    let canary = site.view().batch(FLOW)["pods"][0].clone();
    assert_eq!(endpoints(&site), "", "a canary pod that is Smoked is not in the Service");
    assert!(site.view().serving().is_empty());

    run(&site, NEXT);
    site.asks(FLOW, 1, "Baking").await;
    assert_eq!(endpoints(&site), format!("{}:80", text(&canary["ip"])));
    assert_eq!(row(&site, 1)[..7], [FLOW, "1", "1", "0", "BatchStarted", "3", "1"]);
    assert_eq!(site.view().batch(FLOW)["pods"][0]["pullInStatus"], "PullInSucceeded");

    run(&site, NEXT);
    site.asks(FLOW, 1, "Baked").await;
    assert_eq!(row(&site, 1)[..7], [FLOW, "1", "1", "1", "BatchFinished", "3", "1"]);

    run(&site, NEXT);
    site.ends(FLOW, "Success").await;
    assert_eq!(row(&site, 1)[..7], [FLOW, "3", "3", "3", "Success", "3", "1"]);
    assert_eq!(endpoints(&site).matches(":80").count(), 3, "{}", endpoints(&site));
    let view = site.view();
    let batches = &view.flow(FLOW)["status"]["conditions"];
    let interval = seconds(&batches[2]["startedAt"]) - seconds(&batches[1]["finishedAt"]);
    assert!((10.0..12.0).contains(&interval), "the batches are 10 s apart, not {interval}");
    let approved = seconds(&batches[1]["startedAt"]) - seconds(&batches[0]["finishedAt"]);
    assert!(approved < 9.0, "the approval replaces the interval: {approved} s");
    get_answers_with_the_fields_of_the_article(&site);
    the_named_pod_and_no_other_is_scaled_away(&site).await;
    get_answers_with_the_fields_of_the_article(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_the_readme_bring_an_application_and_a_canary_of_its_next_version() {
    let site = Site::new("own").await;
    let [first, second] = ["shop-1", "shop-2"]
        .map(|name| format!("{}/../docs/tutorial/{name}.yaml", env!("CARGO_MANIFEST_DIR")));
    site.kubectl(&["apply", "-f", &first]);
    site.succeeds("shop-1").await;
    site.kubectl(&["apply", "-f", &second]);
    site.agrees("shop-2").await;
    site.succeeds("shop-2").await;
    assert_eq!(site.view().serving().len(), 4);
}

/// The article's section on scaling.
async fn the_named_pod_and_no_other_is_scaled_away(site: &Site) {
    let safety = Safety::from_now(&site.scene);
    let mut rest: Vec<String> = site.view().pods().into_iter().map(|pod| name(pod).to_owned()).collect();
    let named = rest.remove(2);
    let answer: Value = serde_json::from_str(&run(site, &SCALE.replace("12122-sample-10010-zh98f", &named)))
        .expect("grpcurl prints JSON");
    let flow = text(&answer["deployName"]);
    assert!(flow.starts_with(&format!("{INSTANCE}-")), "{answer}");
    site.ends(flow, "Success").await;

    let view = site.view();
    assert_eq!(view.pods().into_iter().map(name).collect::<Vec<_>>(), rest, "{named} was named");
    assert_eq!(safety.out_before_deletion(&site.scene), 1);
    safety.drained(&site.scene, Duration::from_secs(10));
    safety.serving_at_least(&site.scene, 2);
    assert_eq!(endpoints(site).matches(":80").count(), 2, "{}", endpoints(site));
    let answer: Value =
        serde_json::from_str(&run(site, &GET.replace(FLOW, flow))).expect("grpcurl prints JSON");
    let shown = json!({
        "namespace": "default", "name": flow, "appID": 12122, "groupID": 10010,
        "appName": "deploy-demo-hello", "instanceName": INSTANCE, "replicas": 2, "action": "scale_in",
        "availableReplicas": 2, "phase": "Success", "finished": true, "batches": 1, "batchSize": 1,
        "finishedBatches": 1, "batchIntervalSeconds": 10,
        "conditions": [{"batch": 1, "batchSize": 1, "phase": "Baked"}],
    });
    contains(&answer["deploy"], &shown, "deploy");
}

fn the_wide_columns_are_there(site: &Site) {
    let table = run(site, WIDE);
    let head = table.lines().next().unwrap_or_default();
    for column in ["UPDATE_AT", "PODS"] {
        assert!(head.split_whitespace().any(|found| found == column), "no {column} in\n{table}");
    }
    let pod = site.view().flow(FLOW)["status"]["pods"][0].clone();
    assert!(table.contains(text(&pod)) && text(&pod).starts_with(INSTANCE), "{pod} in\n{table}");
}

/// `status` as the article shows it for the canary batch.
fn the_canary_is_smoked(site: &Site) {
    let yaml = run(site, STATUS);
    for line in
        ["  - batch: 1", "    batchSize: 1", "    canary: true", "    phase: Smoked", "  paused: false"]
    {
        assert!(yaml.lines().any(|found| found == line), "no line {line:?} in\n{yaml}");
    }
    let flow = site.view().flow(FLOW).clone();
    let shown = json!({
        "availableReplicas": 0, "batches": 3, "failedReplicas": 0, "finished": false, "finishedAt": null,
        "finishedBatches": 0, "finishedReplicas": 0, "paused": false, "phase": "BatchStarted", "replicas": 1,
        "replicasToProcess": 3, "updatedReadyReplicas": 0, "updatedReplicas": 1,
        "conditions": [{
            "batch": 1, "batchSize": 1, "canary": true, "failedReplicas": 0, "finishedAt": null,
            "phase": "Smoked", "pulledInAt": null,
            "pods": [{"phase": "ContainersReady", "port": 80, "pullInStatus": ""}],
        }],
    });
    contains(&flow["status"], &shown, "status");
    let pod = text(&flow["status"]["conditions"][0]["pods"][0]["name"]);
    assert!(pod.starts_with(&format!("{INSTANCE}-")), "{pod}");
    assert_eq!(flow["status"]["pods"], json!([pod]));
    let revision = text(&flow["status"]["updateRevision"]);
    assert!(revision.starts_with(&format!("{INSTANCE}-")), "{revision}");
    let set = site.view().get(Kind::Set, INSTANCE).cloned().expect("the CloneSet has the instance's name");
    assert!(set["metadata"]["ownerReferences"].is_null(), "a flow never owns its workload");
}

fn get_answers_with_the_fields_of_the_article(site: &Site) {
    let answer: Value = serde_json::from_str(&run(site, GET)).expect("grpcurl prints JSON");
    let batch = |number: u32| {
        json!({
            "batch": number, "batchSize": 1, "phase": "Baked",
            "pods": [{"port": 80, "phase": "Ready", "pullInStatus": "PullInSucceeded"}],
        })
    };
    let shown = json!({
        "namespace": "default", "name": FLOW, "appID": 12122, "groupID": 10010,
        "appName": "deploy-demo-hello", "instanceName": INSTANCE, "replicas": 3, "action": "create",
        "availableReplicas": 3, "updatedReplicas": 3, "updatedReadyReplicas": 3,
        "conditions": [batch(1), batch(2), batch(3)],
        "phase": "Success", "finished": true, "batches": 3, "batchSize": 1, "finishedBatches": 3,
        "finishedReplicas": 3, "mode": "auto", "batchIntervalSeconds": 10, "canary": 1,
    });
    let deploy = &answer["deploy"];
    contains(deploy, &shown, "deploy");
    assert_eq!(deploy["conditions"][0]["canary"], true);
    let revision = format!("{INSTANCE}-{}", text(&deploy["updateRevision"]));
    assert_eq!(site.view().flow(FLOW)["status"]["updateRevision"], json!(revision), "the short hash here");
    for time in [
        &deploy["startedAt"],
        &deploy["finishedAt"],
        &deploy["updatedAt"],
        &deploy["conditions"][2]["finishedAt"],
    ] {
        assert!(seconds(time) > 1.7e9, "{time}");
    }
}

/// Runs a command of the article.
fn run(site: &Site, line: &str) -> String {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tutorial/nginx-deployflow.yaml");
    let line = line
        .replace(
            "https://github.com/triton-io/triton/raw/main/docs/tutorial/v1/nginx-deployflow.yaml",
            manifest,
        )
        .replace("localhost:8099", &format!("localhost:{}", site.grpc));
    site.rig.plane.shell(&line).unwrap_or_else(|error| panic!("{error}"))
}

/// The words of a line of the table of flows.
fn row(site: &Site, at: usize) -> Vec<String> {
    let table = run(site, COLUMNS);
    let line = table.lines().nth(at).unwrap_or_else(|| panic!("no line {at} in\n{table}"));
    line.split_whitespace().map(str::to_owned).collect()
}

/// The line `Endpoints:` of the Service.
fn endpoints(site: &Site) -> String {
    let described = run(site, SERVICE);
    let line = described.lines().find_map(|line| line.strip_prefix("Endpoints:"));
    line.unwrap_or_else(|| panic!("no endpoints in\n{described}")).trim().to_owned()
}

/// Everything that is expected is there; there may be more.
fn contains(found: &Value, expected: &Value, at: &str) {
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                contains(&found[name], value, &format!("{at}.{name}"));
            }
        }
        Value::Array(items) => {
            assert_eq!(found.as_array().map(Vec::len), Some(items.len()), "{at}: {found}");
            for (index, value) in items.iter().enumerate() {
                contains(&found[index], value, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(found, expected, "{at}"),
    }
}

/// With one space between words.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A time in seconds since the epoch.
fn seconds(time: &Value) -> f64 {
    let time: k8s_openapi::jiff::Timestamp = text(time).parse().unwrap_or_else(|_| panic!("no time: {time}"));
    time.as_microsecond() as f64 / 1e6
}
