//! kubectl, gRPC, REST and the command line are four doors to one thing.

use std::process::Command;

use serde_json::{Value, json};

use crate::{app, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_scaled_alike_through_every_door() {
    let site = Site::new("doors").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let strategy = json!({"mode": "auto", "batchSize": "1", "drainSeconds": 0});

    let mut outcomes = Vec::new();
    for door in ["kubectl", "gRPC", "REST", "kubectl-triton"] {
        let flow = match door {
            "kubectl" => {
                site.apply(&app::order("manifest", "scale", Some(4), strategy.clone()));
                "manifest".to_owned()
            }
            "gRPC" => site.call("Scale", json!({"replicas": 4, "strategy": strategy})),
            "REST" => site.post("scales", &json!({"replicas": 4, "nonUpdateStrategy": strategy})).await,
            _ => typed(&site),
        };
        site.succeeds(&flow).await;
        assert_eq!(site.view().serving().len(), 4, "{door}");
        outcomes.push((door, outcome(site.view().flow(&flow))));
        let back = format!("back-from-{}", door.to_lowercase());
        site.apply(&app::order(&back, "scale", Some(2), strategy.clone()));
        site.succeeds(&back).await;
    }
    for (door, found) in &outcomes[1..] {
        assert_eq!(*found, outcomes[0].1, "{door}");
    }
}

/// Orders it with the command line; answers the flow's name.
fn typed(site: &Site) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cli"))
        .args(["scale", app::NAME, "--replicas=4", "--mode=auto", "--batch-size=1", "--drain=0"])
        .args(["--namespace", &site.namespace, "--output=name"])
        .env("TRITON_SERVER", format!("http://127.0.0.1:{}", site.grpc))
        .env("KUBECONFIG", "none")
        .output()
        .expect("the program can be started");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    let name = out.trim().rsplit('/').next().unwrap_or_default();
    name.to_owned()
}

/// What was ordered and what came of it, without names and times.
fn outcome(flow: &Value) -> Value {
    let (spec, status) = (&flow["spec"], &flow["status"]);
    let fields = [
        "phase",
        "finished",
        "replicas",
        "batches",
        "finishedBatches",
        "finishedReplicas",
        "updatedReadyReplicas",
        "availableReplicas",
        "reason",
        "message",
        "updateRevision",
    ];
    let ended: Vec<&Value> = fields.iter().map(|field| &status[*field]).collect();
    let batches = status["conditions"].as_array().into_iter().flatten();
    let batches: Vec<Value> =
        batches.map(|batch| json!([batch["batch"], batch["batchSize"], batch["phase"]])).collect();
    json!({
        "action": spec["action"],
        "application": spec["application"],
        "mode": spec["nonUpdateStrategy"]["mode"],
        "batchSize": spec["nonUpdateStrategy"]["batchSize"].to_string().trim_matches('"'),
        "drainSeconds": spec["nonUpdateStrategy"]["drainSeconds"],
        "ended": ended,
        "batches": batches,
    })
}
