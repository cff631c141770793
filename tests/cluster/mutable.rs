//! What the API server takes as a change of a running flow, the core can read.

use std::collections::{BTreeMap, BTreeSet};

use kube::{
    Api, CustomResourceExt,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Map, Value, json};
use triton_operator::crd::{DeployFlow, convert};
use triton_tests::{cloneset::connect, scene::Kind};

use crate::{app, site::Site};

/// Changes of several fields at once, beside each value of each field alone.
const MIXED: usize = 600;

/// A field, and values that somebody may write there: good ones, and such as are not.
type Field = (&'static str, Vec<Value>);

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_running_flow_that_the_api_server_takes_can_be_read_by_the_core() {
    let site = Site::new("mutable").await;
    site.kill_operator();
    let sizes = json!({"batchSize": 10, "mode": "manual"});
    site.apply(&app::create("update", 5_000, sizes.clone()));
    site.apply(&app::order("scale", "scale", Some(5_000), sizes));
    let client = connect(site.rig.plane.kubeconfig(), "changing-test").await.expect("the cluster answers");
    let api = Api::<DynamicObject>::namespaced_with(client, &site.namespace, &Kind::Flow.resource());
    let mut random = 7_u64;
    for (flow, strategy) in [("update", "updateStrategy"), ("scale", "nonUpdateStrategy")] {
        let (mut taken, mut refused) = (BTreeSet::new(), BTreeSet::new());
        for (field, values) in fields() {
            for value in values {
                let mut change = Map::from_iter([(field.to_owned(), value)]);
                if field == "supersededBy" {
                    // By itself it is refused.
                    change.insert("canceled".into(), json!(true));
                }
                let outcome = send(&api, flow, strategy, &change).await;
                if outcome { &mut taken } else { &mut refused }.insert(field);
            }
        }
        let all: BTreeSet<&str> = fields().iter().map(|(field, _)| *field).collect();
        assert_eq!((&taken, &refused), (&all, &all), "of each field something is taken and something is not");
        for _ in 0..MIXED {
            let mut change = Map::new();
            for _ in 0..2 + draw(&mut random, 3) {
                let (field, values) = &fields()[draw(&mut random, fields().len())];
                change.insert((*field).to_owned(), values[draw(&mut random, values.len())].clone());
            }
            send(&api, flow, strategy, &change).await;
        }
        nothing_else_can_be_changed(&api, flow, strategy).await;
    }
}

/// Sends a change; whether it was taken. What was stored must be readable.
async fn send(api: &Api<DynamicObject>, flow: &str, strategy: &str, change: &Map<String, Value>) -> bool {
    let patch = json!({ "spec": { strategy: change } });
    match api.patch(flow, &PatchParams::default(), &Patch::Merge(&patch)).await {
        Ok(stored) => {
            let read = convert::draft(&stored.data["spec"]).and_then(|draft| draft.parse());
            assert!(read.is_ok(), "{strategy} with {change:?} is stored, and the core says: {read:?}");
            true
        }
        Err(kube::Error::Api(status)) if matches!(status.code, 400 | 422) => false,
        Err(error) => panic!("{change:?}: {error}"),
    }
}

/// A number below `of`; the same numbers in every run.
fn draw(random: &mut u64, of: usize) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*random >> 33).expect("31 bits") % of
}

/// Everything of a strategy that is an order, with what may stand there.
fn fields() -> Vec<Field> {
    let switch = || vec![json!(true), json!(false), json!("yes"), json!(1), Value::Null];
    let numbers = |good: &[i64]| {
        let mut values: Vec<Value> = good.iter().map(|n| json!(n)).collect();
        values.extend([-1, 1_001, 2_147_483_647, 2_147_483_648, i64::MIN, i64::MAX].map(|n| json!(n)));
        values.extend([json!(1.5), json!(1.0), json!(1e3), json!("1"), json!(true), Value::Null]);
        values
    };
    let names = ["web-2", "a", "a.b-c", "", "A B", "Web", "web_2", "-a", "a-", "a..b", " a", "a\n", "é"];
    let stages = ["", "Pending", "Smoking", "Smoked", "Baking", "Baked", "baked", "SmokeFailed", "Baked "];
    let mut superseded: Vec<Value> = names.map(|name| json!(name)).into();
    superseded.extend([json!("a".repeat(253)), json!("a".repeat(254)), json!(7), Value::Null]);
    let mut stage: Vec<Value> = stages.map(|stage| json!(stage)).into();
    stage.extend([json!(1), Value::Null]);
    vec![
        ("paused", switch()),
        ("canceled", switch()),
        ("resumes", numbers(&[0, 1, 5])),
        ("batches", numbers(&[0, 1, 1_000])),
        ("stage", stage),
        ("batchSizes", lists()),
        ("batchSize", sizes()),
        ("batchIntervalSeconds", numbers(&[0, 5])),
        ("progressDeadlineSeconds", numbers(&[1, 600, 0])),
        ("failureGraceSeconds", numbers(&[1, 120, 0])),
        ("supersededBy", superseded),
    ]
}

/// What may stand for a size.
fn sizes() -> Vec<Value> {
    let sizes = [
        "1",
        "10",
        " 7 ",
        "+5",
        "10000",
        "1%",
        "100%",
        " 25% ",
        "0",
        "-3",
        "0%",
        "101%",
        "10001",
        "many",
        "",
        "5 %",
        "1.5",
        "1e3",
        "+",
        "%",
        "\t7",
        "7\n",
        "99999999999999999999",
        "0x10",
        "007",
        "+050%",
    ];
    let mut sizes: Vec<Value> = sizes.map(|size| json!(size)).into();
    sizes.extend([0, 1, 4, 5, 10, 10_000, 10_001, -1, i64::MAX].map(|size| json!(size)));
    sizes.extend([json!(1.5), json!(5.0), json!(true), json!(null)]);
    sizes
}

/// The same for a list of sizes.
fn lists() -> Vec<Value> {
    let mut lists: Vec<Value> = sizes().iter().map(|size| json!([1, size])).collect();
    lists.extend(sizes().iter().map(|size| json!([size, "50%"])));
    lists.extend([
        json!([]),
        json!([10]),
        json!("1"),
        Value::Null,
        json!(vec![10; 1_000]),
        json!(vec![10; 1_001]),
    ]);
    lists
}

/// Each field that the definition has and [`fields`] has not is refused as a change. A field that is in neither
/// list is new: it belongs into one of them.
async fn nothing_else_can_be_changed(api: &Api<DynamicObject>, flow: &str, strategy: &str) {
    let fixed: BTreeMap<&str, Value> = [
        ("mode", json!("auto")),
        ("noPullIn", json!(true)),
        ("canary", json!(2)),
        ("drainSeconds", json!(1)),
        ("maxUnavailable", json!(1)),
        ("failureThreshold", json!(1)),
        ("onFailure", json!("cancel")),
        ("cancelPolicy", json!("revert")),
        ("podReplacementPolicy", json!("TerminationComplete")),
        ("podsToDelete", json!(["web-1"])),
    ]
    .into();
    let definition = serde_json::to_value(DeployFlow::crd()).expect("a definition is JSON");
    let spec =
        &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    let known: BTreeSet<&str> = spec.as_object().expect("a schema").keys().map(String::as_str).collect();
    let parts = ["action", "application", "updateStrategy", "nonUpdateStrategy", "rollbackTo"];
    assert_eq!(known, parts.into(), "a new part of the spec: may it be changed?");
    let declared = spec[strategy]["properties"].as_object().expect("a schema");
    let generated: BTreeSet<&str> = fields().iter().map(|(field, _)| *field).collect();
    for field in declared.keys().filter(|field| !generated.contains(field.as_str())) {
        let value = fixed
            .get(field.as_str())
            .unwrap_or_else(|| panic!("{strategy}.{field} is new: may it be changed?"));
        let change = Map::from_iter([(field.clone(), value.clone())]);
        assert!(!send(api, flow, strategy, &change).await, "{strategy}.{field} can be changed");
    }
}
