//! A namespace whose quota has no room for a pod more.

use serde_json::json;
use triton_tests::scene::View;

use crate::{
    app,
    safety::{Safety, all_run},
    site::Site,
};

const SIZE: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_finds_no_room_says_so_keeps_every_pod_and_goes_where_old_pods_leave_first() {
    let site = Site::new("quota").await;
    site.serve(3).await;
    site.gives_back("first").await;
    let safety = Safety::from_now(&site.scene);
    site.apply(&json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"},
        "spec": {"hard": {"pods": SIZE.to_string()}},
    }));
    let used = format!("--for=jsonpath={{.status.used.pods}}={SIZE}");
    site.kubectl(&["wait", "resourcequota/full", &used, "--timeout=30s"]);

    let strategy =
        |more: u32| json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "maxUnavailable": more});
    let mut surges = app::update("surges", 3, strategy(1));
    surges["spec"]["updateStrategy"].as_object_mut().expect("a strategy").remove("maxUnavailable");
    site.apply(&surges);
    let refused = |view: &View| {
        let message = view.flow("surges")["status"]["waiting"]["message"].as_str().unwrap_or_default();
        message.starts_with("waits for new pods") && message.contains("exceeded quota")
    };
    site.scene.holds("the flow says why no pod comes", refused).await;
    site.order("Cancel", "surges");
    site.ends("surges", "Canceled").await;
    site.gives_back("surges").await;
    all_run(&site.view(), "nginx:1", SIZE);
    safety.serving_at_least(&site.scene, SIZE);

    site.apply(&app::update("one-by-one", 3, strategy(1)));
    site.succeeds("one-by-one").await;
    all_run(&site.view(), "nginx:2", SIZE);
    safety.serving_at_least(&site.scene, SIZE - 1);
    safety.out_before_deletion(&site.scene);
    safety.pods_at_most(&site.scene, SIZE);
}
