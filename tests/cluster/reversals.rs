//! Actions that are cancelled, that return to where they came from, and that take over from others.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, is_marked, label};

use crate::{
    app,
    watched::{DRAIN, Watched, pods},
};

/// Longer than any test takes.
const LONG: u32 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_scale_in_lets_the_pods_that_drain_return_to_traffic() {
    let web = Watched::new("cancel-scale-in", 3).await;
    web.site.apply(&app::order("less", "scale_in", Some(1), one_by_one(LONG)));
    let drains = |view: &View| view.serving().len() == 2 && view.pods().into_iter().any(is_marked);
    web.site.scene.holds("a pod drains", drains).await;
    cancel(&web, "less").await;
    web.site.scene.holds("all serve again", |view| view.serving().len() == 3).await;
    assert_eq!(web.check(3, 2), 0, "no pod went");
    assert_eq!(web.kept(), web.old);
    goes_on_with(&web, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_scale_in_keeps_the_size_that_it_reached() {
    let web = Watched::new("cancel-scale-in-later", 3).await;
    web.site.apply(&app::order("less", "scale_in", Some(1), one_by_one(DRAIN)));
    web.site.asks("less", 1, "Baked").await;
    cancel(&web, "less").await;
    assert_eq!(web.check(2, 2), 1);
    goes_on_with(&web, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_cancelled_between_batches_keeps_what_it_replaced() {
    let web = Watched::new("cancel-restart", 3).await;
    web.site.apply(&app::order("again", "restart", None, one_by_one(DRAIN)));
    web.site.asks("again", 1, "Baked").await;
    cancel(&web, "again").await;
    assert_eq!(web.check(3, 3), 1);
    assert_eq!(web.kept().len(), 2);
    web.runs("nginx:1", &web.revision);
    goes_on_with(&web, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_is_cancelled_while_a_pod_drains_completes_that_exchange() {
    let web = Watched::new("cancel-restart-leaving", 3).await;
    web.site.apply(&app::order("again", "restart", None, one_by_one(5)));
    let leaves = |view: &View| view.at("again", 1, "Baking") && view.pods().into_iter().any(is_marked);
    web.site.scene.holds("an old pod leaves", leaves).await;
    cancel(&web, "again").await;
    assert_eq!(web.check(3, 3), 1);
    web.safety.drained(&web.site.scene, Duration::from_secs(5));
    web.runs("nginx:1", &web.revision);
    goes_on_with(&web, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_update_that_reverts_returns_every_pod_to_the_old_revision() {
    let web = Watched::new("cancel-revert", 3).await;
    let mut strategy = one_by_one(DRAIN);
    strategy["cancelPolicy"] = json!("revert");
    web.site.apply(&app::update("second", 3, strategy));
    web.site.asks("second", 1, "Baked").await;
    web.site.next("second");
    web.site.asks("second", 2, "Baked").await;
    assert_eq!(web.kept().len(), 1);
    cancel(&web, "second").await;
    assert_eq!(web.check(3, 3), 4, "two pods went there and two back");
    web.runs("nginx:1", &web.revision);
    goes_on_with(&web, 4).await;
}

/// Pods of two revisions stand where an exchange begins that is cancelled: its own new pods are not among those that a
/// partition keeps.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_update_of_pods_of_several_revisions_leaves_none_of_its_own() {
    for (policy, swaps) in [("ReCreate", true), ("ReCreate", false), ("InPlaceIfPossible", true)] {
        let web = Watched::new(&format!("cancel-mixed-{}-{swaps}", policy.to_lowercase()), 4).await;
        web.site.exchanges(policy).await;
        let mut strategy = json!({"mode": "manual", "canary": 2, "batchSize": 2, "drainSeconds": 0});
        if swaps {
            strategy["maxUnavailable"] = json!(2);
        }
        web.site.apply(&app::update("second", 4, strategy.clone()));
        for stage in ["Smoked", "Baking"] {
            web.site.asks("second", 1, stage).await;
            web.site.next("second");
        }
        web.site.asks("second", 1, "Baked").await;
        cancel(&web, "second").await;
        let images = |view: &View| {
            let mut images = BTreeMap::<String, u32>::new();
            for pod in pods(view) {
                *images
                    .entry(pod["spec"]["containers"][0]["image"].as_str().unwrap_or_default().into())
                    .or_default() += 1;
            }
            images
        };
        let two_each = BTreeMap::from([("nginx:1".into(), 2), ("nginx:2".into(), 2)]);
        assert_eq!(images(&web.site.view()), two_each);
        web.site.apply(&app::flow("third", "update", 4, "nginx:3", strategy));
        web.site.asks("third", 1, "Smoked").await;
        cancel(&web, "third").await;
        let left = images(&web.site.view());
        assert!(!left.contains_key("nginx:3"), "{policy} {swaps}: {left:?}");
        web.site.scene.holds("four pods serve", |view| view.serving().len() == 4).await;
        assert!(!images(&web.site.view()).contains_key("nginx:3"), "{policy} {swaps}");
        web.safety.serving_at_least(&web.site.scene, if swaps { 2 } else { 4 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_over_from_a_running_update() {
    let web = Watched::new("takeover", 3).await;
    web.site.apply(&app::update("second", 3, one_by_one(DRAIN)));
    web.site.asks("second", 1, "Baked").await;
    let auto = json!({"mode": "auto", "batchSize": 1, "drainSeconds": DRAIN});
    web.carry_out(&app::order("back", "rollback", None, auto)).await;
    web.site.ends("second", "Aborted").await;
    web.check(3, 3);
    web.runs("nginx:1", &web.revision);
    goes_on_with(&web, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_takes_over_from_a_paused_one_alone() {
    let web = Watched::new("takeover-paused", 2).await;
    web.site.apply(&app::update("second", 2, one_by_one(DRAIN)));
    web.site.asks("second", 1, "Baked").await;
    let auto = json!({"mode": "auto", "batchSize": 1, "drainSeconds": DRAIN});
    web.site.apply(&app::flow("third", "update", 2, "nginx:3", auto));
    web.site.scene.holds("the third waits", |view| view.waits_for("third") == "Rival").await;
    web.site.order("Pause", "second");
    web.site.succeeds("third").await;
    web.site.ends("second", "Aborted").await;
    web.check(2, 2);
    let view = web.site.view();
    assert!(pods(&view).iter().all(|pod| pod["spec"]["containers"][0]["image"] == "nginx:3"));
}

fn one_by_one(drain: u32) -> Value {
    json!({"mode": "manual", "batchSize": 1, "drainSeconds": drain})
}

/// Cancels, and waits until nothing of the flow is left on workload and pods.
async fn cancel(web: &Watched, flow: &str) {
    web.site.order("Cancel", flow);
    web.site.ends(flow, "Canceled").await;
    web.site.gives_back(flow).await;
    let clean = |view: &View| {
        let Some(set) = view.get(Kind::Set, app::NAME) else { return false };
        let listed = set["spec"]["scaleStrategy"]["podsToDelete"].as_array().is_some_and(|it| !it.is_empty());
        let lock = set["metadata"]["annotations"]["apps.triton.io/lock"].as_str().unwrap_or_default();
        let chosen =
            |pod: &&Value| is_marked(pod) || !label(pod, "apps.kruise.io/specified-delete").is_empty();
        !listed && lock.is_empty() && !pods(view).iter().any(chosen)
    };
    web.site.scene.holds("nothing is listed, locked or chosen", clean).await;
}

/// A later scale-out adds a pod of the old revision and touches none.
async fn goes_on_with(web: &Watched, replicas: u32) {
    let before = crate::watched::names(&web.site.view());
    let auto = json!({"mode": "auto", "drainSeconds": DRAIN});
    web.carry_out(&app::order("later", "scale_out", Some(replicas), auto)).await;
    assert!(crate::watched::names(&web.site.view()).is_superset(&before), "no pod was exchanged");
    assert_eq!(web.site.view().serving().len() as u64, u64::from(replicas));
    web.runs("nginx:1", &web.revision);
}
