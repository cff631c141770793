//! A namespace that is deleted in the middle of a rollout goes away, whoever is at work.

use serde_json::json;
use triton_tests::scene::{Kind, answers};

use crate::{app, site::Site};

/// Failed steps that an operator may log while a namespace goes.
const FEW: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_is_deleted_in_the_middle_of_a_rollout_goes_away() {
    let site = Site::new("namespace-up").await;
    canary(&site).await;
    delete(&site);
    gone(&site).await;
    let operator = site.take_operator();
    let log = operator.log();
    let failed = log.lines().filter(|line| line.contains("a step failed")).count();
    assert!(failed < FEW, "{failed} failed steps\n{}", operator.tail(40));
    assert_eq!(operator.terminate().await.expect("it stops"), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_was_deleted_while_no_operator_ran_goes_away_when_one_starts() {
    let site = Site::new("namespace-down").await;
    canary(&site).await;
    site.kill_operator();
    delete(&site);
    let waits = |view: &triton_tests::scene::View| {
        let flow = view.flow("second");
        view.all(Kind::Pod).next().is_none() && !flow["metadata"]["deletionTimestamp"].is_null()
    };
    site.scene.holds("only the flow keeps the namespace", waits).await;
    site.start_operator().await;
    gone(&site).await;
}

async fn canary(site: &Site) {
    site.serve(2).await;
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 5});
    site.apply(&app::update("second", 2, strategy));
    site.asks("second", 1, "Smoked").await;
    site.next("second");
    site.asks("second", 1, "Baking").await;
}

fn delete(site: &Site) {
    site.rig.plane.kubectl(&["delete", "namespace", "--wait=false", &site.namespace]).expect("it is deleted");
}

async fn gone(site: &Site) {
    let ask =
        || site.rig.plane.kubectl(&["get", "namespace", &site.namespace, "--ignore-not-found", "-o", "yaml"]);
    answers("the namespace is gone", ask, |said| said.as_ref().is_ok_and(|said| said.trim().is_empty()))
        .await;
}
