//! The command line against an operator over an embedded world, each a program of its own.

use std::{
    fs,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use triton_tests::{operator::Operator, plane::free_port};

const TUTORIAL: &str = include_str!("../docs/tutorial/nginx-deployflow.yaml");
const NAME: &str = "12122-sample-10010-df";
const INSTANCE: &str = "12122-sample-10010";

#[tokio::test]
async fn the_nginx_tutorial_is_typed_from_its_manifest_to_success() {
    let operator = World::start().await;
    let folder = tempfile::tempdir().expect("a folder for the manifest");
    let file = folder.path().join("nginx.yaml");
    let quick = TUTORIAL.replace("batchIntervalSeconds: 10", "batchIntervalSeconds: 1");
    fs::write(&file, quick).expect("the manifest can be written");
    let file = file.to_str().expect("a path of text");

    let plan = operator.typed(&["plan", "-f", file, "-o", "json"], 0);
    let plan: Value = serde_json::from_str(&plan).expect("a plan");
    let made = operator.typed(&["create", "-f", file], 0);
    assert!(made.starts_with(&format!("flow default/{NAME}: made")), "{made}");

    for gate in ["Smoked", "Baking", "Baked"] {
        let waits = operator.typed(&["wait", NAME, "--for=waiting", "--timeout=60s"], 0);
        assert!(waits.contains(&format!("batch 1 {gate}")), "{gate}: {waits}");
        operator.typed(&["wait", NAME, "--timeout=60s"], 6);
        let why = operator.typed(&["explain", NAME], 0);
        assert!(why.contains(&format!("next {NAME} --expect 1/{gate}")), "{gate}: {why}");
        operator.typed(&["next", NAME, "--expect", &format!("1/{gate}")], 0);
    }
    let end = operator.typed(&["wait", NAME, "--timeout=60s"], 0);
    assert!(end.contains("Success"), "{end}");

    let flow = operator.typed(&["get", NAME, "-o", "json"], 0);
    let flow: Value = serde_json::from_str(&flow).expect("a flow");
    let sizes = |list: &Value| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|batch| batch["batchSize"].clone()).collect()
    };
    assert_eq!(sizes(&plan["batches"]), sizes(&flow["status"]["conditions"]));
    assert_eq!(flow["status"]["updatedReadyReplicas"], 3);
    let pods = operator.typed(&["pods", INSTANCE, "-o", "name"], 0);
    assert_eq!(pods.lines().count(), 3, "{pods}");
    assert!(operator.typed(&["watch", NAME], 0).contains("Success"));
    operator.typed(&["delete", "flow", NAME], 0);
    operator.typed(&["get", NAME], 1);
}

#[tokio::test]
async fn a_wait_that_takes_too_long_and_a_flow_that_is_cancelled_have_codes_of_their_own() {
    let operator = World::start().await;
    let folder = tempfile::tempdir().expect("a folder for the manifest");
    let file = folder.path().join("nginx.yaml");
    fs::write(&file, TUTORIAL).expect("the manifest can be written");
    operator.typed(&["create", "-f", file.to_str().expect("a path of text")], 0);
    operator.typed(&["wait", NAME, "--for=batch=3/Baked", "--stay", "--timeout=1s"], 5);
    operator.typed(&["cancel", NAME], 0);
    operator.typed(&["wait", NAME, "--timeout=60s"], 4);
    operator.typed(&["wait", NAME, "--for=finished"], 0);
    operator.typed(&["scale", INSTANCE], 2);
    operator.typed(&["list", "--context", "prod"], 2);
}

#[test]
fn an_operator_that_is_not_there_is_named_with_what_to_type() {
    let server = format!("http://127.0.0.1:{}", free_port());
    let output = kubectl_triton(&server, &["list"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&server) && text.contains("port-forward"), "{text}");
}

#[test]
fn usage_names_what_is_missing_and_not_what_the_environment_gives() {
    let output = kubectl_triton("http://127.0.0.1:1", &["scale", INSTANCE]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--replicas") && !text.contains("--server"), "{text}");
}

#[test]
fn without_a_server_and_a_kubeconfig_both_ways_are_named() {
    let output = kubectl_triton("", &["list"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("--server") && text.contains("--kubeconfig"), "{text}");
}

/// An operator over an embedded world, on free ports.
struct World {
    _operator: Operator,
    _log: tempfile::TempDir,
    server: String,
}

impl World {
    async fn start() -> Self {
        let (log, grpc) = (tempfile::tempdir().expect("a folder for its log"), free_port());
        let operator = Operator::standalone(&[env!("CARGO_BIN_EXE_operator")], log.path(), grpc, free_port());
        let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
        operator.ready().await.unwrap_or_else(|error| panic!("{error}"));
        Self { _operator: operator, _log: log, server: format!("http://127.0.0.1:{grpc}") }
    }

    /// Types a command, which ends with this code; answers what it printed.
    fn typed(&self, words: &[&str], code: i32) -> String {
        let output = kubectl_triton(&self.server, words);
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        out.into_owned()
    }
}

/// Types a command without a kubeconfig, so that the namespace is `default`.
fn kubectl_triton(server: &str, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cli"))
        .args(words)
        .env("TRITON_SERVER", server)
        .env("KUBECONFIG", "none")
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started")
}
