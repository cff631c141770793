//! Flows that have ended are kept up to a limit, and a rollback needs none of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, name};

use crate::{app, safety::all_run, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn as_many_ended_flows_are_kept_as_the_limit_says_and_a_rollback_needs_none_of_the_others() {
    let site = Site::new("history").await;
    site.serve(2).await;
    for (flow, image) in [("second", "nginx:2"), ("third", "nginx:3")] {
        site.apply(&app::flow(flow, "update", 2, image, auto()));
        site.succeeds(flow).await;
    }
    for flow in ["fourth", "fifth"] {
        site.apply(&app::order(flow, "restart", None, auto()));
        site.succeeds(flow).await;
    }
    assert_eq!(flows(&site.view()).len(), 5, "the limit is ten where nobody says another one");

    site.start_operator_with("TRITON_HISTORY_LIMIT=2").await;
    keeps(&site, ["fourth", "fifth"]).await;

    let refused = json!({
        "instance": {"name": app::NAME, "namespace": site.namespace},
        "deployName": "second",
    });
    let address = format!("localhost:{}", site.grpc);
    let call = ["--plaintext", "-d", &refused.to_string(), &address, "application.Application/Rollback"];
    let refusal = site.rig.plane.grpcurl(&call).expect_err("it is gone").to_string();
    assert!(refusal.contains("NotFound") && refusal.contains("not kept any more"), "{refusal}");

    let back = site.call("Rollback", json!({"strategy": auto()}));
    site.succeeds(&back).await;
    all_run(&site.view(), "nginx:2", 2);
    keeps(&site, ["fifth", &back]).await;
}

/// Waits until these flows are left, in the API server, too.
async fn keeps(site: &Site, wanted: [&str; 2]) {
    let wanted = BTreeSet::from(wanted.map(str::to_owned));
    site.scene.holds("the others are removed", |view| flows(view) == wanted).await;
    let listed = site.kubectl_json(&["get", "df"]);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(wanted.len()));
}

fn flows(view: &View) -> BTreeSet<String> {
    view.all(Kind::Flow).map(|flow| name(flow).to_owned()).collect()
}

fn auto() -> Value {
    json!({"mode": "auto", "drainSeconds": 0})
}
