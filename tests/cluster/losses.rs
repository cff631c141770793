//! Pods are lost in the middle of a batch: the flow ends with Success all the same.

use serde_json::json;
use triton_tests::scene::{View, is_marked, name};

use crate::{
    app,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";

#[tokio::test(flavor = "multi_thread")]
async fn new_old_and_leaving_pods_are_lost_and_the_rollout_still_succeeds() {
    let site = Site::new("losses").await;
    site.serve(3).await;
    let mut safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "canary": 2, "batchSize": 1, "drainSeconds": 3});
    site.apply(&app::update(FLOW, 3, strategy));

    site.asks(FLOW, 1, "Smoked").await;
    lose(&site, &mut safety, "nginx:2").await;
    lose(&site, &mut safety, "nginx:1").await;
    site.scene
        .holds("two new pods run and three old ones serve", |view| {
            let ready = view.batch(FLOW)["pods"].as_array().is_some_and(|pods| {
                pods.len() == 2 && pods.iter().all(|pod| pod["phase"] == "ContainersReady")
            });
            ready && view.waits_for(FLOW) == "Approval" && view.serving().len() == 3
        })
        .await;
    site.next(FLOW);

    site.asks(FLOW, 1, "Baking").await;
    lose(&site, &mut safety, "nginx:2").await;
    lose(&site, &mut safety, "nginx:1").await;
    site.scene
        .holds("all five serve again", |view| {
            view.serving().len() == 5 && view.at(FLOW, 1, "Baking") && view.waits_for(FLOW) == "Approval"
        })
        .await;
    site.next(FLOW);

    let leaving = site
        .scene
        .until("an old pod leaves", |view| {
            view.pods().into_iter().find(|pod| is_marked(pod)).map(|pod| name(pod).to_owned())
        })
        .await;
    delete(&site, &mut safety, &leaving);
    site.asks(FLOW, 1, "Baked").await;
    site.next(FLOW);
    site.ends(FLOW, "Success").await;

    all_run(&site.view(), "nginx:2", 3);
    site.scene.holds("all serve", |view| view.serving().len() == 3).await;
    safety.pods_at_most(&site.scene, 5);
    safety.out_before_deletion(&site.scene);
}

/// Loses a pod with this image, and waits until another is in its place.
async fn lose(site: &Site, safety: &mut Safety, image: &str) {
    let view = site.view();
    let runs = |view: &View| -> Vec<String> {
        let pods = view.pods();
        let of = pods.into_iter().filter(|pod| pod["spec"]["containers"][0]["image"] == image);
        of.map(|pod| name(pod).to_owned()).collect()
    };
    let pods = runs(&view);
    delete(site, safety, &pods[0]);
    site.scene
        .holds("the lost pod is replaced", |view| {
            let now = runs(view);
            now.len() == pods.len() && !now.contains(&pods[0])
        })
        .await;
}

fn delete(site: &Site, safety: &mut Safety, pod: &str) {
    safety.deleted_by_hand(pod);
    site.kubectl(&["delete", "pod", pod, "--wait=false"]);
}
