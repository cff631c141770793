//! An application that serves is updated, and its traffic is watched all the while.

use std::time::Duration;

use serde_json::{Value, json};
use triton_tests::scene::Kind;

use crate::{
    app,
    rig::SETS,
    safety::{Safety, all_run, batches_once},
    site::Site,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_update_never_takes_a_pod_out_before_another_serves() {
    let site = Site::new("traffic").await;
    site.serve(4).await;
    set_foreign_fields(&site).await;
    let set = |site: &Site| site.view().get(Kind::Set, app::NAME).cloned().unwrap_or_default();
    let before = set(&site);

    let safety = Safety::from_now(&site.scene);
    site.apply(&app::update("second", 4, json!({"mode": "auto", "batchSize": 2, "drainSeconds": 2})));
    site.ends("second", "Success").await;
    site.scene
        .holds("maxSurge, maxUnavailable and paused are given back", |view| {
            view.get(Kind::Set, app::NAME).map(lent) == Some(lent(&before))
        })
        .await;

    safety.serving_at_least(&site.scene, 4);
    safety.pods_at_most(&site.scene, 4 + 2);
    assert_eq!(safety.out_before_deletion(&site.scene), 4, "every old pod was exchanged");
    safety.drained(&site.scene, Duration::from_secs(2));
    all_run(&site.view(), "nginx:2", 4);
    batches_once(&site.view(), "second", 4);
    assert_eq!(site.view().serving().len(), 4);
    assert_eq!(not_ours(&set(&site)), not_ours(&before), "foreign fields are as they were");
}

/// Sets fields of the CloneSet that triton does not own.
pub(crate) async fn set_foreign_fields(site: &Site) {
    let foreign = json!({
        "metadata": {"labels": {"team": "shop"}, "annotations": {"example.org/note": "ours"}},
        "spec": {
            "revisionHistoryLimit": 7,
            "updateStrategy": {"scatterStrategy": [{"key": "app", "value": "1"}]},
        },
    });
    let patch = ["patch", SETS, app::NAME, "--type=merge", "-p", &foreign.to_string()];
    site.kubectl(&patch);
    site.scene
        .holds("the patch is seen", |view| {
            view.get(Kind::Set, app::NAME).is_some_and(|set| set["spec"]["revisionHistoryLimit"] == 7)
        })
        .await;
}

/// The settings of a CloneSet that a flow borrows. OpenKruise leaves a `paused` out that is false, when it
/// writes the object.
pub(crate) fn lent(set: &Value) -> (Value, Value, bool) {
    let strategy = &set["spec"]["updateStrategy"];
    let field = |name: &str| strategy[name].clone();
    (field("maxSurge"), field("maxUnavailable"), strategy["paused"] == true)
}

/// What is left of a CloneSet without the fields that triton owns.
pub(crate) fn not_ours(set: &Value) -> Value {
    let (mut meta, mut spec) = (set["metadata"].clone(), set["spec"].clone());
    let remove = |value: &mut Value, names: &[&str]| {
        if let Some(fields) = value.as_object_mut() {
            fields.retain(|name, _| !names.iter().any(|ours| name.starts_with(ours)));
        }
    };
    remove(&mut meta, &["generation", "managedFields", "resourceVersion"]);
    remove(&mut meta["annotations"], &["apps.triton.io/"]);
    remove(&mut spec, &["replicas", "template", "selector", "lifecycle"]);
    remove(&mut spec["updateStrategy"], &["partition", "maxSurge", "maxUnavailable", "paused"]);
    remove(&mut spec["scaleStrategy"], &["podsToDelete"]);
    json!({"metadata": meta, "spec": spec})
}
