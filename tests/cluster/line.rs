//! Several flows that wait for the same application get it one after the other.

use serde_json::{Value, json};
use triton_tests::scene::View;

use crate::{app, safety::all_run, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn flows_that_wait_get_the_workload_in_order_a_rollback_first_and_a_paused_one_stops_nobody() {
    let site = Site::new("line").await;
    site.serve(2).await;
    site.apply(&app::update("second", 2, auto()));
    site.succeeds("second").await;
    site.apply(&app::order(
        "holder",
        "restart",
        None,
        json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0}),
    ));
    site.asks("holder", 1, "Baked").await;

    let mut paused = auto();
    paused["paused"] = json!(true);
    site.apply(&app::order("a-paused", "scale", Some(5), paused));
    site.scene.holds("it is paused", |view| view.waits_for("a-paused") == "Paused").await;
    // Made within one second they are told apart by their names.
    site.apply(&app::order("b-restart", "restart", None, auto()));
    tells(&site, "b-restart", &["holder, which holds the workload"]).await;
    site.apply(&app::order("c-scale", "scale", Some(3), auto()));
    tells(&site, "c-scale", &["holder, which holds the workload", "second in line behind", "/b-restart"])
        .await;
    site.apply(&app::order("d-back", "rollback", None, auto()));
    tells(&site, "b-restart", &["second in line behind", "/d-back"]).await;
    tells(&site, "c-scale", &["third in line behind", "/b-restart"]).await;

    site.next("holder");
    for flow in ["holder", "d-back", "b-restart", "c-scale"] {
        site.succeeds(flow).await;
    }
    let view = site.view();
    let started = ["d-back", "b-restart", "c-scale"].map(|flow| at(&view, flow, "startedAt"));
    assert!(started.is_sorted(), "{started:?}");
    assert!(
        at(&view, "d-back", "finishedAt") <= started[1] && at(&view, "b-restart", "finishedAt") <= started[2]
    );
    all_run(&view, "nginx:1", 3);
    assert_eq!((view.phase("a-paused"), view.waits_for("a-paused")), ("Pending", "Paused"));
}

/// Waits until a flow says that it waits, and for whom.
async fn tells(site: &Site, flow: &str, words: &[&str]) {
    let what = format!("{flow} tells of {words:?}");
    let told = |view: &View| {
        let message = view.flow(flow)["status"]["message"].as_str().unwrap_or_default();
        view.waits_for(flow) == "Rival" && words.iter().all(|word| message.contains(word))
    };
    site.scene.holds(&what, told).await;
}

/// A time of the status; all have as many digits.
fn at(view: &View, flow: &str, field: &str) -> String {
    view.flow(flow)["status"][field].as_str().unwrap_or_default().to_owned()
}

fn auto() -> Value {
    json!({"mode": "auto", "drainSeconds": 0})
}
