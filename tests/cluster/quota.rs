//! A namespace whose quota has no room for a pod more.

use serde_json::{Value, json};
use triton_tests::scene::{View, answers};

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

    // One that stops by itself says why until it has ended.
    let mut stops = app::update("stops", 3, strategy(1));
    let fields = stops["spec"]["updateStrategy"].as_object_mut().expect("a strategy");
    fields.remove("maxUnavailable");
    fields.extend([("onFailure".into(), json!("cancel")), ("progressDeadlineSeconds".into(), json!(2))]);
    site.apply(&stops);
    site.ends("stops", "Canceled").await;
    let status = site.view().flow("stops")["status"].clone();
    for said in [&status["message"], &status["cause"]] {
        let said = said.as_str().unwrap_or_default();
        let why = said.contains("the stage took longer than its deadline, as onFailure says");
        assert!(why && said.contains("exceeded quota"), "{status}");
    }
    let events = || site.kubectl(&["get", "events", "-o", "json"]);
    let told = |events: &String| {
        let events: Value = serde_json::from_str(events).expect("kubectl prints JSON");
        let has = |reason: &str| {
            let of = |event: &&Value| event["reason"] == reason && event["involvedObject"]["name"] == "stops";
            let mut of = events["items"].as_array().into_iter().flatten().filter(of);
            of.any(|event| {
                event["type"] == "Warning" && event["message"].to_string().contains("exceeded quota")
            })
        };
        has("PodsNotMade") && has("Canceled")
    };
    answers("events say why", events, told).await;
    site.gives_back("stops").await;

    site.apply(&app::update("one-by-one", 3, strategy(1)));
    site.succeeds("one-by-one").await;
    all_run(&site.view(), "nginx:2", SIZE);
    safety.serving_at_least(&site.scene, SIZE - 1);
    safety.out_before_deletion(&site.scene);
    safety.pods_at_most(&site.scene, SIZE);
}
