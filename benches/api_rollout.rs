//! Create and update of 100 pods by 25: the operator beside the null controller; and the interval.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use triton_benches::{figure, head};
use triton_tests::{plane::Calls, scene::Scene};

use crate::{
    api_null::Null,
    api_site::{Site, flow},
};

pub(crate) const PODS: u32 = 100;
pub(crate) const BATCH: u32 = 25;
/// The better of so many rounds counts: the rest is what else the machine does.
const ROUNDS: u32 = 3;

/// What one contestant took for one job.
struct Cost {
    wall: Duration,
    calls: Calls,
}

pub(crate) async fn measure(site: &Site) -> Result<()> {
    let mut best: [Option<Cost>; 4] = [const { None }; 4];
    for round in 0..ROUNDS {
        let [null_create, null_update] = null(site, &format!("null-{round}")).await?;
        let [create, update] = triton(site, &format!("triton-{round}")).await?;
        for (best, cost) in best.iter_mut().zip([null_create, create, null_update, update]) {
            if best.as_ref().is_none_or(|best| cost.wall < best.wall) {
                *best = Some(cost);
            }
        }
    }
    let [null_create, create, null_update, update] = best;
    compare("create 100 pods by 25", null_create, create, 1.4)?;
    compare("update 100 pods by 25, drain 0", null_update, update, 3.5)
}

async fn null(site: &Site, namespace: &str) -> Result<[Cost; 2]> {
    let scene = site.scene(namespace).await?;
    let null = Null::new(site, &scene, namespace).await?;
    let create = cost(site, "null-controller", null.create()).await?;
    let update = cost(site, "null-controller", null.update()).await?;
    tidy(site, namespace)?;
    Ok([create, update])
}

async fn triton(site: &Site, namespace: &str) -> Result<[Cost; 2]> {
    let scene = site.scene(namespace).await?;
    let operator = site.operator(Some(namespace)).await?;
    let strategy = || json!({"mode": "auto", "batchSize": BATCH, "drainSeconds": 0});
    let roll = async |action: &str, image: &str| {
        site.apply(namespace, &flow(action, PODS, image, strategy()))?;
        succeeds(&scene, action).await
    };
    let create = cost(site, "triton-operator", roll("create", "nginx:1")).await?;
    let update = cost(site, "triton-operator", roll("update", "nginx:2")).await?;
    drop(operator);
    tidy(site, namespace)?;
    Ok([create, update])
}

async fn cost(site: &Site, agent: &str, work: impl Future<Output = Result<()>>) -> Result<Cost> {
    let (before, began) = (site.plane.audit()?, Instant::now());
    work.await?;
    let wall = began.elapsed();
    Ok(Cost { wall, calls: site.plane.audit()?.since(&before).calls(agent) })
}

async fn succeeds(scene: &Scene, flow: &str) -> Result<()> {
    let ended = |view: &triton_tests::scene::View| {
        let status = &view.flow(flow)["status"];
        (status["finished"] == true).then(|| (status["phase"].clone(), status["message"].clone()))
    };
    let (phase, message) = scene.until(flow, ended).await;
    anyhow::ensure!(phase == "Success", "{flow} ended with {phase}: {message}");
    Ok(())
}

/// What is left behind must not slow the next round down.
fn tidy(site: &Site, namespace: &str) -> Result<()> {
    site.plane.kubectl(&["-n", namespace, "delete", "clonesets.apps.kruise.io", "--all"])?;
    site.plane.kubectl(&["-n", namespace, "wait", "--for=delete", "pod", "--all", "--timeout=60s"])?;
    Ok(())
}

fn compare(title: &str, null: Option<Cost>, ours: Option<Cost>, writes_limit: f64) -> Result<()> {
    let (null, ours) = (null.context("no round")?, ours.context("no round")?);
    let per_pod = |cost: &Cost| cost.calls.writes as f64 / f64::from(PODS);
    let (wall, floor) = (ours.wall.as_secs_f64(), null.wall.as_secs_f64());
    head(&format!("{title}, best of {ROUNDS} rounds"));
    figure("null controller: wall time", &format!("{floor:.2} s"), "", true);
    figure("null controller: writes per pod", &format!("{:.2}", per_pod(&null)), "", true);
    let limit = floor * 1.3;
    figure("triton: wall time", &format!("{wall:.2} s"), &format!("{limit:.2} s"), wall <= limit);
    let (writes, most) = (per_pod(&ours), format!("{writes_limit:.1}"));
    figure("triton: writes per pod", &format!("{writes:.2}"), &most, writes <= writes_limit);
    let conflicts = ours.calls.conflicts;
    figure("triton: conflicts (409)", &conflicts.to_string(), "0", conflicts == 0);
    println!("triton's calls: {:?}", ours.calls.by_call);
    Ok(())
}

/// The interval between batches: never cut short, and hardly longer.
pub(crate) async fn intervals(site: &Site) -> Result<()> {
    const BATCHES: u32 = 8;
    const INTERVAL: f64 = 2.0;
    let scene = site.scene("intervals").await?;
    let _operator = site.operator(Some("intervals")).await?;
    let strategy = json!({"mode": "auto", "batchSize": 1, "batchIntervalSeconds": INTERVAL as u32});
    site.apply("intervals", &flow("create", BATCHES, "nginx:1", strategy))?;
    succeeds(&scene, "create").await?;
    let view = scene.view();
    let batches = view.flow("create")["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let waits =
        batches.windows(2).map(|pair| Ok(seconds(&pair[1]["startedAt"])? - seconds(&pair[0]["finishedAt"])?));
    let waits: Vec<f64> = waits.collect::<Result<_>>()?;
    let least = waits.iter().copied().fold(f64::INFINITY, f64::min) - INTERVAL;
    let most = waits.iter().copied().fold(0.0, f64::max) - INTERVAL;
    head(&format!("interval of {INTERVAL} s, {} times", waits.len()));
    figure("overshoot, largest", &format!("{:.1} ms", most * 1e3), "50 ms", most <= 0.05);
    figure("overshoot, smallest (never early)", &format!("{:.1} ms", least * 1e3), ">= 0 ms", least >= 0.0);
    Ok(())
}

fn seconds(time: &Value) -> Result<f64> {
    let time: k8s_openapi::jiff::Timestamp = time.as_str().context("no time")?.parse()?;
    Ok(time.as_microsecond() as f64 / 1e6)
}
