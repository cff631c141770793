//! etcd is restored from a backup in the middle of a rollout: what the operator knew is from a history that did
//! not happen.

use std::time::Duration;

use serde_json::{Value, json};
use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    cloneset::StandIn,
    definitions::install,
    operator::Operator,
    plane::{Plane, free_port},
    scene::answers,
};

use crate::app;

const NAMESPACE: &str = "restored";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_of_etcd_the_operator_goes_on_from_the_backup() {
    let mut plane = Plane::start_own().unwrap_or_else(|error| panic!("{error}"));
    let stand_in = install(&plane, &[ApiVersion::V1Alpha1]).unwrap_or_else(|error| panic!("{error:#}"));
    plane.create_namespace(NAMESPACE).unwrap_or_else(|error| panic!("{error}"));
    let program = ["TRITON_MAX_VIEW_AGE=8", env!("CARGO_BIN_EXE_operator")];
    let operator = Operator::start(&plane, &program, free_port(), Some(NAMESPACE));
    let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
    operator.ready().await.unwrap_or_else(|error| panic!("{error}"));
    let grpc = operator.grpc();

    apply(&plane, &app::service());
    apply(&plane, &app::create("first", 3, json!({"mode": "auto", "drainSeconds": 0})));
    answers("first ends", || phase(&plane, "first"), |phase| phase == "Success").await;
    apply(
        &plane,
        &app::update("second", 3, json!({"mode": "auto", "canary": 1, "batchSize": 2, "drainSeconds": 0})),
    );
    asks(&plane, "Smoked").await;
    let backup = plane.snapshot().unwrap_or_else(|error| panic!("{error}"));
    // What happens from here on will not have happened: the canary, and a batch after it.
    for stage in ["Baking", "Baked"] {
        next(&plane, grpc);
        asks(&plane, stage).await;
    }
    let newest = version(&plane);

    drop(stand_in);
    plane.restore(&backup).unwrap_or_else(|error| panic!("{error}"));
    assert!(version(&plane) < newest, "resource versions go back");
    let _stand_in = StandIn::start(plane.kubeconfig()).unwrap_or_else(|error| panic!("{error:#}"));
    let begun = std::time::Instant::now();
    let path = format!("/api/v1/namespaces/{NAMESPACE}/deployflows/second");
    loop {
        let answer = operator.get(&path).await.map(|(_, text)| text).unwrap_or_default();
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        if answer["data"]["conditions"]
            .as_array()
            .and_then(|all| all.last())
            .is_some_and(|it| it["phase"] == "Smoked")
        {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(90), "it still shows {answer}\n{}", operator.tail(20));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    eprintln!("the operator shows the backup {:.1?} after the cluster was there again", begun.elapsed());
    for stage in ["Smoked", "Baking", "Baked"] {
        asks(&plane, stage).await;
        next(&plane, grpc);
    }
    answers("second ends", || phase(&plane, "second"), |phase| phase == "Success").await;
    let pods = get(&plane, &["pods"]);
    let images = pods["items"].as_array().into_iter().flatten();
    let images: Vec<&Value> = images.map(|pod| &pod["spec"]["containers"][0]["image"]).collect();
    assert_eq!(images, ["nginx:2"; 3]);
    operator.alive().unwrap_or_else(|error| panic!("{error}"));
}

fn apply(plane: &Plane, object: &Value) {
    let applied = plane.kubectl_with_input(&["-n", NAMESPACE, "apply", "-f", "-"], &object.to_string());
    applied.unwrap_or_else(|error| panic!("{error}"));
}

fn get(plane: &Plane, what: &[&str]) -> Value {
    let text = plane.kubectl(&[&["-n", NAMESPACE, "get", "-o", "json"], what].concat());
    serde_json::from_str(&text.unwrap_or_else(|error| panic!("{error}"))).expect("kubectl prints JSON")
}

fn phase(plane: &Plane, flow: &str) -> String {
    get(plane, &["df", flow])["status"]["phase"].as_str().unwrap_or_default().to_owned()
}

/// The version of the flow.
fn version(plane: &Plane) -> u64 {
    let flow = get(plane, &["df", "second"]);
    flow["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a version")
}

/// Waits until the canary asks a person in this stage.
async fn asks(plane: &Plane, stage: &str) {
    let status = || get(plane, &["df", "second"])["status"].clone();
    let asks = |status: &Value| {
        let batch = status["conditions"].as_array().and_then(|batches| batches.last());
        batch.is_some_and(|batch| batch["phase"] == stage) && status["waiting"]["reason"] == "Approval"
    };
    answers(&format!("second asks in {stage}"), status, asks).await;
}

fn next(plane: &Plane, grpc: u16) {
    let request = json!({"deploy": {"name": "second", "namespace": NAMESPACE}}).to_string();
    let args = ["--plaintext", "-d", &request, &format!("localhost:{grpc}"), "deployflow.DeployFlow/Next"];
    plane.grpcurl(&args).unwrap_or_else(|error| panic!("{error}"));
}
