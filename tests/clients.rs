//! The clients in other languages, each against an embedded world of its own: with the proto files and nothing
//! else they lead the tutorial's flow to Success.
//!
//! The one for Python is left out where there is no Python, except in CI.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use triton_tests::{
    go,
    operator::Operator,
    plane::free_port,
    python::{self, run},
};

#[tokio::test]
async fn the_client_for_go_leads_a_flow_to_success() -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("client-go");
    fs::create_dir_all(&folder)?;
    let client = folder.join("quickstart");
    go::build(&clients().join("go"), &client).await?;
    leads(&[client.as_path()]).await
}

#[tokio::test]
async fn the_client_for_python_leads_a_flow_to_success() -> Result<()> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("client-python");
    let requirements = fs::read_to_string(clients().join("python/requirements.txt"))?;
    match python::environment(&folder, &requirements, "the client for Python").await? {
        Some(programs) => leads(&[&programs.join("python"), &clients().join("python/quickstart.py")]).await,
        None => Ok(()),
    }
}

/// Starts a world and runs a client in it, twice: the second time everything is done already.
async fn leads(command: &[&Path]) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut operator =
        Operator::standalone(&[env!("CARGO_BIN_EXE_operator")], folder.path(), free_port(), free_port())?;
    operator.ready().await?;
    let request = folder.path().join("create.json");
    fs::write(&request, hurried(&fs::read_to_string(root().join("docs/tutorial/create.json"))?)?)?;
    let client = || {
        let mut client = Command::new(command[0]);
        client.args(&command[1..]).arg("--address").arg(format!("127.0.0.1:{}", operator.grpc()));
        client.arg("--protos").arg(root().join("triton-grpc/proto")).arg("--request").arg(&request);
        client.env("PYTHONDONTWRITEBYTECODE", "1");
        client
    };
    let first = run(client()).await?;
    let steps: Vec<&str> = first.lines().filter(|line| line.starts_with("Next: ")).collect();
    let wanted = ["Smoked", "Baking", "Baked"].map(|stage| format!("Next: batch 1 was {stage}"));
    ensure!(steps == wanted, "other permissions were asked for:\n{first}");
    ensure!(first.starts_with("0 flows\n"), "the world was not empty:\n{first}");
    let end = first.lines().last().unwrap_or_default();
    ensure!(end.contains(" create Success, 3 of 3 pods serve"), "another end:\n{first}");

    let second = run(client()).await?;
    ensure!(second.starts_with("1 flows\n"), "the flow was not listed:\n{second}");
    ensure!(second.contains("the flow is there already") && !second.contains("Next: "), "{second}");
    Ok(())
}

/// The tutorial's request with a shorter wait between batches.
fn hurried(text: &str) -> Result<String> {
    let mut request: Value = serde_json::from_str(text)?;
    request["strategy"]["batchIntervalSeconds"] = 1.into();
    Ok(request.to_string())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or_else(|| Path::new("."))
}

fn clients() -> PathBuf {
    root().join("examples/clients")
}
