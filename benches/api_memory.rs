//! Resident memory of the operator: idle, and with 1,000 flows.

use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use triton_benches::{figure, head};
use triton_tests::{
    operator::Operator,
    scene::{Kind, View},
};

use crate::api_site::{Site, flow};

const FLOWS: usize = 1_000;
const NAMESPACE: &str = "memory";

pub(crate) async fn measure(site: &Site) -> Result<()> {
    let scene = site.scene(NAMESPACE).await?;
    let operator = site.operator(Some(NAMESPACE)).await?;
    head("memory of the operator, resident");
    show("idle", memory(&operator, "VmRSS")?, 30.0);
    let flows: Vec<Value> = (0..FLOWS).map(waiting_flow).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": flows});
    site.apply(NAMESPACE, &list)?;
    let known = |view: &View| {
        let waiting = |flow: &&Value| flow["status"]["waiting"]["reason"] == "Paused";
        view.all(Kind::Flow).filter(waiting).count() == FLOWS
    };
    scene.holds("every flow says what it waits for", known).await;
    show("with 1,000 flows", memory(&operator, "VmRSS")?, 60.0);
    Ok(())
}

/// A flow that exists, and does nothing before somebody lets it.
fn waiting_flow(number: usize) -> Value {
    let mut flow = flow("create", 3, "nginx:1", json!({"paused": true, "batchSize": 1}));
    flow["metadata"]["name"] = json!(format!("flow-{number}"));
    flow["spec"]["application"]["instanceName"] = json!(format!("app-{number}"));
    flow
}

fn show(what: &str, mib: f64, limit: f64) {
    figure(what, &format!("{mib:.1} MiB"), &format!("{limit:.0} MiB"), mib <= limit);
}

/// A figure of the operator's memory as Linux names it (`VmRSS`: resident now, `VmHWM`: the most ever), in MiB.
pub(crate) fn memory(operator: &Operator, name: &str) -> Result<f64> {
    let pid = operator.pid().context("the operator runs, on Linux")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()).context("no such figure")?;
    Ok(kib.parse::<f64>()? / 1024.0)
}
