//! The REST door against its own description: schemathesis calls every operation with all sorts of input, and
//! every answer must be one that the description knows. Watches are left out: they need not end.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;
use triton_tests::{
    operator::Operator,
    plane::free_port,
    python::{self, run},
};

/// What schemathesis is and needs, with versions.
const REQUIREMENTS: &str = include_str!("schemathesis/requirements.txt");
/// Names that most calls are about: those of the flow and the instance that there are.
const NAMED: &str = include_str!("schemathesis/named.toml");
/// What is checked of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,allow_header_conformance";
/// Calls per operation and run, beside those that try each rule of the description once.
const EXAMPLES: &str = "10";
/// Flow, instance and workload that the calls find.
const NAME: &str = "12122-sample-10010";

#[tokio::test]
async fn every_answer_of_the_rest_door_is_one_that_its_description_knows() -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    fs::create_dir_all(&folder)?;
    let Some(programs) = python::environment(&folder.join("venv"), REQUIREMENTS, "schemathesis").await?
    else {
        return Ok(());
    };
    let port = free_port();
    let mut operator = Operator::standalone(&[env!("CARGO_BIN_EXE_operator")], &folder, free_port(), port)?;
    operator.ready().await?;
    let made = operator.post("/api/v1/namespaces/default/deployflows", &flow().to_string()).await;
    assert!(made.as_ref().is_some_and(|(status, _)| *status == 201), "{made:?}");

    for (names, config, phases) in [("found", NAMED, "coverage,fuzzing"), ("any", "", "fuzzing")] {
        let calls = calls(&programs.join("schemathesis"), &folder, (names, config), phases, port)?;
        run(calls).await.with_context(|| format!("{names}: {}", operator.tail(20)))?;
        operator.alive()?;
    }
    Ok(())
}

/// Calls everything; `config` is a configuration of schemathesis.
fn calls(
    checker: &Path,
    folder: &Path,
    (names, config): (&str, &str),
    phases: &str,
    port: u16,
) -> Result<Command> {
    let file = folder.join(names).with_extension("toml");
    fs::write(&file, config)?;
    let mut calls = Command::new(checker);
    calls
        .arg(format!("--config-file={}", file.display()))
        .args(["run", &format!("http://127.0.0.1:{port}/api/v1/openapi.json")])
        .args(["--checks", CHECKS, "--exclude-path-regex", "/watch$"])
        .args(["--phases", phases, "--max-examples", EXAMPLES, "--generation-deterministic", "--no-shrink"])
        .args(["--request-timeout=10", "--warnings=off", "--no-color", "--suppress-health-check=all"])
        .current_dir(folder);
    Ok(calls)
}

/// A flow that waits for a person, so that orders find something to do.
fn flow() -> Value {
    let container = json!({ "name": "web", "image": "nginx:latest" });
    json!({
        "name": NAME,
        "applicationSpec": {
            "appID": 12122, "groupID": 10010, "appName": "deploy-demo-hello", "instanceName": NAME,
            "replicas": 3, "template": { "metadata": {}, "spec": { "containers": [container] } },
        },
        "updateStrategy": { "canary": 1, "batchSize": 1 },
    })
}
