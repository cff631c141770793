//! With no flow running, whatever happens to the pods, they get into traffic and leave it by themselves.

use std::time::Duration;

use serde_json::json;
use triton_tests::scene::{View, is_marked, name};

use crate::{app, rig::SETS, safety::Safety, site::Site};

/// How long a pod that was removed by hand is drained.
const DRAIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_come_and_go_without_a_flow_are_led_into_traffic_and_out_of_it() {
    let site = Site::new("keeper").await;
    site.serve(2).await;

    let lost = name(site.view().pods()[0]).to_owned();
    site.kubectl(&["delete", "pod", &lost, "--wait=false"]);
    let two = |view: &View| view.serving().len() == 2 && !view.serving().contains(&lost);
    site.scene.holds("the replacement of a deleted pod serves", two).await;

    scale(&site, 3);
    site.scene.holds("a pod that was added by hand serves", |view| view.serving().len() == 3).await;

    let safety = Safety::from_now(&site.scene);
    scale(&site, 2);
    let leaving = site
        .scene
        .until("the workload chose a pod", |view| {
            view.pods().into_iter().find(|pod| is_marked(pod)).map(|pod| name(pod).to_owned())
        })
        .await;
    site.scene.holds("it is out of traffic", |view| !view.serving().contains(&leaving)).await;
    site.scene.holds("it is gone", |view| view.pods().len() == 2).await;
    assert_eq!(safety.out_before_deletion(&site.scene), 1);
    safety.drained(&site.scene, DRAIN);
    safety.serving_at_least(&site.scene, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_waits_in_pending_keeps_no_replacement_out_of_traffic() {
    let site = Site::new("keeper-beside").await;
    site.serve(2).await;
    site.apply(&app::update("second", 2, json!({"mode": "auto", "paused": true})));
    site.scene.holds("the update is paused", |view| view.waits_for("second") == "Paused").await;

    let lost = name(site.view().pods()[0]).to_owned();
    site.kubectl(&["delete", "pod", &lost, "--wait=false"]);
    let two = |view: &View| view.serving().len() == 2 && !view.serving().contains(&lost);
    site.scene.holds("the replacement serves", two).await;
    assert_eq!(site.view().phase("second"), "Pending");
}

fn scale(site: &Site, replicas: u32) {
    site.kubectl(&["scale", SETS, app::NAME, &format!("--replicas={replicas}")]);
}
