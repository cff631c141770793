//! Nobody looks for longer than a deadline: what is missing afterwards is waited for, and nothing is held, closed
//! or rolled back. What is late although somebody looks is found.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, is_marked};

use crate::{app, site::Site};

/// Pods before the flow.
const PODS: u32 = 2;
/// Seconds that a stage may take.
const DEADLINE: u64 = 12;
/// How long nobody looks.
const OUTAGE: Duration = Duration::from_secs(18);
const FLOW: &str = "second";

/// A kind of batch: its name, the flow, and when nobody looks any more. Its pods drain, or boot, for long enough
/// that something is missing when somebody looks again.
type Case = (&'static str, fn() -> Value, fn(&View) -> bool);

const CASES: [Case; 4] = [
    ("grow", || resized("scale_out", PODS + 2), |view| view.pods().len() > PODS as usize),
    ("replace", || app::update(FLOW, PODS, strategy(json!({"onFailure": "rollback"}))), leaves),
    (
        "swap",
        || app::update(FLOW, PODS, strategy(json!({"onFailure": "rollback", "maxUnavailable": 1}))),
        leaves,
    ),
    ("shrink", || resized("scale_in", PODS - 1), leaves),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_was_away_for_longer_than_a_deadline_holds_and_rolls_back_nothing() {
    let sites =
        join_all(CASES.map(|(name, ..)| async move { Site::new(&format!("away-{name}")).await })).await;
    begin(&sites, "20s").await;
    sites.iter().for_each(Site::kill_operator);
    tokio::time::sleep(OUTAGE).await;
    join_all(sites.iter().map(Site::start_operator)).await;
    end(&sites).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_was_silent_for_longer_than_a_deadline_holds_and_rolls_back_nothing() {
    let names = CASES.map(|(name, ..)| format!("silent-{name}"));
    let sites = Site::several_apart(&names).await;
    let Some(server) = sites[0].rig.plane.pid("kube-apiserver") else { return };
    // The test nodes are silent too, and begin anew.
    begin(&sites, "5s").await;
    let silent = Silent::of(server);
    tokio::time::sleep(OUTAGE).await;
    drop(silent);
    end(&sites).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_that_takes_longer_than_its_deadline_while_somebody_looks_is_found_in_time() {
    let site = Site::new("late").await;
    site.apply(&app::service());
    let slow = app::annotated(app::create("first", 1, strategy(json!({}))), "triton.test/boot", "1h");
    site.apply(&slow);
    let waits = |view: &View| view.waits_for("first") == "PodsStarting";
    site.scene.holds("the pod is waited for", waits).await;
    let began = Instant::now();
    site.scene.holds("the flow holds", |view| view.waits_for("first") == "DeadlineExceeded").await;
    let (took, deadline) = (began.elapsed(), Duration::from_secs(DEADLINE));
    // The API server is asked for a sign of life every five seconds.
    let most = deadline + Duration::from_secs(15);
    assert!(took + Duration::from_secs(1) > deadline && took < most, "found after {took:?}");
}

/// Every application serves, and every flow is in the middle of its batch. Pods that are added boot for so long.
async fn begin(sites: &[Site], boot: &str) {
    join_all(sites.iter().zip(CASES).map(|(site, (name, flow, there))| async move {
        let boots = if name == "grow" { boot } else { "0.3s" };
        site.apply(&app::service());
        let first = app::create("first", PODS, json!({"mode": "auto"}));
        site.apply(&app::annotated(first, "triton.test/boot", boots));
        site.succeeds("first").await;
        site.apply(&flow());
        site.scene.holds("the batch is in its middle", there).await;
    }))
    .await;
}

async fn end(sites: &[Site]) {
    join_all(sites.iter().map(|site| site.ends(FLOW, "Success"))).await;
    for site in sites {
        let told = site.kubectl(&["get", "events"]);
        assert!(!told.contains("DeadlineExceeded"), "{told}");
        assert!(site.view().get(Kind::Set, app::NAME).is_some());
    }
}

/// Old pods were chosen and drain.
fn leaves(view: &View) -> bool {
    view.pods().into_iter().any(is_marked)
}

fn strategy(more: Value) -> Value {
    let mut strategy =
        json!({"mode": "auto", "batchSize": 2, "drainSeconds": 4, "progressDeadlineSeconds": DEADLINE});
    let fields = strategy.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    strategy
}

fn resized(action: &str, replicas: u32) -> Value {
    app::order(FLOW, action, Some(replicas), strategy(json!({"onFailure": "cancel"})))
}

/// A process that is stopped until this is dropped.
struct Silent(u32);

impl Silent {
    fn of(process: u32) -> Self {
        signal("-STOP", process);
        Self(process)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        signal("-CONT", self.0);
    }
}

fn signal(signal: &str, process: u32) {
    let sent = std::process::Command::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "kill {signal} {process}");
}
