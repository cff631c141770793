//! 1,000 small applications at once, all actions mixed, one of them stuck; then 10,000 flows that have ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    runtime::WatchStreamExt,
};
use serde_json::{Value, json};
use triton_benches::{figure, head};
use triton_core::model::{
    BatchPhase, BatchReport, Counts, PodPhase, PodReport, Progress, PullIn, Report, Timestamp, Verdict,
};
use triton_operator::crd::convert;
use triton_tests::{cloneset::connect, operator::Operator, plane::quantile, scene::Kind, watches::watch};

use crate::{
    api_memory::memory,
    api_site::{Site, flow},
};

const APPS: usize = 1_000;
const FINISHED: usize = 10_000;
const NAMESPACE: &str = "scale";
const HISTORY: &str = "history";
/// The application whose pods never boot.
const STUCK: usize = 0;
/// Pods of an application.
const SIZE: u32 = 2;
/// Writes at a time while flows are made.
const PARALLEL: usize = 16;
const PATIENCE: Duration = Duration::from_secs(900);
const PAGE: usize = 100;

/// A flow to each of 1,000 applications, twice; how they end, how fast the operator reacts, and its memory.
pub(crate) async fn at_once(site: &Site) -> Result<()> {
    site.plane.create_namespace(NAMESPACE)?;
    let operator = site.operator(Some(NAMESPACE)).await?;
    let before = site.plane.audit()?;
    head(&format!("{APPS} flows at once, {SIZE} pods each, one stuck"));
    let (made, wall) = carry_out(site, (0..APPS).map(create)).await?;
    let (mixed, mixed_wall) = carry_out(site, (1..APPS).map(order)).await?;
    let flows = made.len() + mixed.len();
    for (what, ended, wall) in [("create", made, wall), ("all actions, mixed", mixed, mixed_wall)] {
        let wrong = ended.iter().filter(|(_, phase)| *phase != "Success").count();
        figure(&format!("{what}: until all have ended"), &format!("{:.1} s", wall.as_secs_f64()), "", true);
        figure(
            &format!("{what}: flows that ended otherwise than in success"),
            &wrong.to_string(),
            "0",
            wrong == 0,
        );
    }
    let reactions = site.plane.reactions(NAMESPACE, "triton-operator", |_, name| instance(name))?;
    ensure!(reactions.len() >= APPS, "only {} reactions were found", reactions.len());
    let millis = |share| quantile(&reactions, share).as_secs_f64() * 1e3;
    figure("pod runs -> next write, median", &format!("{:.1} ms", millis(0.5)), "", true);
    figure(
        "pod runs -> next write, p99",
        &format!("{:.1} ms", millis(0.99)),
        "250 ms",
        millis(0.99) <= 250.0,
    );
    println!("reactions measured: {}", reactions.len());
    // Where the API server is at its limit, this is what everybody waits for.
    let calls = site.plane.audit()?.since(&before);
    let per_flow = calls.calls("triton-operator").writes as f64 / flows as f64;
    let all: u64 = calls.agents().map(|(_, calls)| calls.writes).sum();
    let rate = all as f64 / (wall + mixed_wall).as_secs_f64();
    figure("writes of the operator per flow", &format!("{per_flow:.1}"), "", true);
    figure("writes of everybody, on average", &format!("{rate:.0} /s"), "", true);
    peak("memory of the operator, at its peak", &operator, 100.0)
}

/// Makes all these flows at once; waits until every one but the stuck has ended. Answers how they ended, and
/// how long that took.
async fn carry_out(
    site: &Site,
    flows: impl Iterator<Item = Value>,
) -> Result<(BTreeMap<String, String>, Duration)> {
    let flows: Vec<Value> = flows.collect();
    let name = |flow: &Value| flow["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let mut open: BTreeSet<String> = flows.iter().map(name).filter(|name| *name != stuck()).collect();
    let api = flows_of(site, NAMESPACE).await?;
    let mut changes = std::pin::pin!(watch(api.clone()).applied_objects());
    let (began, mut ended) = (Instant::now(), BTreeMap::new());
    let making = tokio::spawn(async move { make(&api, flows).await });
    let wait = async {
        while !open.is_empty() {
            let object = changes.next().await.context("the watch ended")??;
            let name = object.metadata.name.unwrap_or_default();
            if object.data["status"]["finished"] == true && open.remove(&name) {
                ended.insert(name, object.data["status"]["phase"].as_str().unwrap_or_default().to_owned());
            }
        }
        anyhow::Ok(())
    };
    let both = async { tokio::try_join!(async { making.await? }, wait) };
    let waited = tokio::time::timeout(PATIENCE, both).await;
    waited.with_context(|| format!("not within {} s", PATIENCE.as_secs()))??;
    Ok((ended, began.elapsed()))
}

async fn flows_of(site: &Site, namespace: &str) -> Result<Api<DynamicObject>> {
    let client = connect(site.plane.kubeconfig(), "scale-bench").await?;
    Ok(Api::namespaced_with(client, namespace, &Kind::Flow.resource()))
}

async fn make(api: &Api<DynamicObject>, flows: Vec<Value>) -> Result<()> {
    let one = async |flow: Value| {
        api.create(&PostParams::default(), &serde_json::from_value(flow)?).await?;
        anyhow::Ok(())
    };
    stream::iter(flows.into_iter().map(one)).buffer_unordered(PARALLEL).try_collect().await
}

fn app(number: usize) -> String {
    format!("app{number}")
}

fn stuck() -> String {
    format!("create-{}", app(STUCK))
}

/// Whose a flow (`create-app7`) or a pod (`app7-x2x4z`) is.
fn instance(name: &str) -> Option<String> {
    name.split('-').find(|part| part.starts_with("app")).map(str::to_owned)
}

fn named(action: &str, number: usize, replicas: u32, image: &str, strategy: Value) -> Value {
    let mut flow = flow(action, replicas, image, strategy);
    flow["metadata"]["name"] = json!(format!("{}-{}", action.replace('_', "-"), app(number)));
    flow["spec"]["application"]["instanceName"] = json!(app(number));
    flow
}

fn create(number: usize) -> Value {
    let mut flow = named("create", number, SIZE, "nginx:1", json!({"mode": "auto"}));
    if number == STUCK {
        let fails = json!({"annotations": {"triton.test/fail": "image"}});
        flow["spec"]["application"]["template"]["metadata"] = fails;
    }
    flow
}

/// One order to each application: half are updates, one in ten each of the others.
fn order(number: usize) -> Value {
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0});
    let plain = |action: &str, replicas: Option<u32>| {
        let mut order = named(action, number, replicas.unwrap_or(SIZE), "", json!(null));
        let spec = &mut order["spec"];
        spec["application"].as_object_mut().map(|application| {
            application.remove("template");
            replicas.is_none().then(|| application.remove("replicas"))
        });
        spec.as_object_mut().map(|spec| spec.remove("updateStrategy"));
        spec["nonUpdateStrategy"] = strategy.clone();
        order
    };
    match number % 10 {
        0 => plain("restart", None),
        1 => plain("scale_out", Some(SIZE + 1)),
        2 => plain("scale_in", Some(SIZE - 1)),
        3 => plain("stop", None),
        4 => plain("delete", None),
        _ => named("update", number, SIZE, "nginx:2", strategy),
    }
}

/// Flows that ended long ago: what they cost in memory, and whether a page of them comes at once.
pub(crate) async fn ended(site: &Site) -> Result<()> {
    site.plane.create_namespace(HISTORY)?;
    let api = flows_of(site, HISTORY).await?;
    let finish = async |number: usize| {
        let flow = create(number + 1);
        let name = flow["metadata"]["name"].as_str().context("no name")?.to_owned();
        api.create(&PostParams::default(), &serde_json::from_value(flow)?).await?;
        let status = Patch::Merge(finished(&app(number + 1))?);
        api.patch_status(&name, &PatchParams::default(), &status).await?;
        anyhow::Ok(())
    };
    stream::iter((0..FINISHED).map(finish)).buffer_unordered(PARALLEL).try_collect::<()>().await?;
    let operator = site.operator(Some(HISTORY)).await?;
    head(&format!("{FINISHED} flows that have ended"));
    let mut slowest = Duration::ZERO;
    let mut seen = BTreeSet::new();
    for start in (0..FINISHED).step_by(PAGE) {
        let began = Instant::now();
        let path = format!("/api/v1/namespaces/{HISTORY}/deployflows?start={start}&pageSize={PAGE}");
        let (status, text) = operator.get(&path).await.context("it answers")?;
        slowest = slowest.max(began.elapsed());
        ensure!(status == 200, "{path}: {status}: {text}");
        let answer: Value = serde_json::from_str(&text)?;
        let page = answer["data"].as_array().context("a page")?;
        let lost = page.iter().find(|flow| flow["reason"] != "Success" || flow["instanceName"] == "");
        ensure!(lost.is_none(), "it was read as another record than the operator's: {lost:?}");
        seen.extend(page.iter().map(|flow| flow["name"].as_str().unwrap_or_default().to_owned()));
    }
    let all = seen.len() == FINISHED;
    figure(&format!("flows listed by pages of {PAGE}"), &seen.len().to_string(), &FINISHED.to_string(), all);
    figure("slowest page", &format!("{:.1} ms", slowest.as_secs_f64() * 1e3), "", true);
    peak("memory of the operator, at its peak", &operator, 150.0)
}

/// The status that the operator leaves of a flow that has succeeded.
fn finished(app: &str) -> Result<Value> {
    let at = |seconds: i64| Timestamp::from_micros((1_767_225_600 + seconds) * 1_000_000);
    let pod = |id: &str| {
        anyhow::Ok(PodReport {
            name: format!("{app}-{id}").parse()?,
            ip: "10.64.0.25".into(),
            port: 80,
            phase: PodPhase::Ready,
            pull_in_status: PullIn::PullInSucceeded,
            ungated: false,
            reason: String::new(),
            message: String::new(),
        })
    };
    let batch = BatchReport {
        batch: 1,
        batch_size: SIZE,
        canary: false,
        phase: BatchPhase::Baked,
        failed_replicas: 0,
        pods: vec![pod("aaaaa")?, pod("bbbbb")?],
        pods_total: SIZE,
        pods_in_traffic: SIZE,
        started_at: Some(at(0)),
        pulled_in_at: Some(at(4)),
        finished_at: Some(at(5)),
    };
    let counts = Counts {
        wanted: None,
        replicas: SIZE,
        to_process: SIZE,
        available: SIZE,
        updated: SIZE,
        updated_ready: SIZE,
        failed: 0,
        batches: 1,
        finished_batches: 1,
        finished_replicas: SIZE,
    };
    let report = Report {
        counts,
        update_revision: Some(format!("{app}-7c9b5d6f48").parse()?),
        batches: vec![batch],
        reason: "Success".into(),
        message: "the workload is as ordered".into(),
        started_at: Some(at(0)),
        updated_at: Some(at(6)),
        finished_at: Some(at(6)),
        ..Report::default()
    };
    let progress = Progress::Finished { verdict: Verdict::Succeeded, at: at(6) };
    Ok(json!({"status": convert::status(&progress, &report, 1, None, None)?}))
}

/// The most that was ever resident of the operator's memory.
fn peak(what: &str, operator: &Operator, limit: f64) -> Result<()> {
    let mib = memory(operator, "VmHWM")?;
    figure(what, &format!("{mib:.1} MiB"), &format!("{limit:.0} MiB"), mib <= limit);
    Ok(())
}
