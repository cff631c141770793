//! Every action on an application that serves, its traffic watched all the while.

use serde_json::{Value, json};
use triton_tests::scene::{Entry, Kind, View, is_active, name};

use crate::{
    app,
    site::Site,
    watched::{DRAIN, Watched, names},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_replaces_every_pod_by_one_of_the_same_revision() {
    let web = Watched::new("restart", 3).await;
    web.carry_out(&app::order("again", "restart", None, auto())).await;
    assert_eq!(web.check(3, 3), 3);
    web.safety.pods_at_most(&web.site.scene, 3 + 1 + 1);
    assert!(web.kept().is_empty(), "all were replaced");
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_one_pod_replaces_that_one_alone() {
    let web = Watched::new("restart-one", 3).await;
    let (chosen, rest) = one_of(&web);
    web.carry_out(&app::order("again", "restart", None, with(json!({"podsToDelete": [chosen]})))).await;
    assert_eq!(web.check(3, 3), 1);
    assert_eq!(web.kept().into_iter().collect::<Vec<_>>(), rest, "the others stay");
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_may_miss_a_pod_asks_for_no_extra_one() {
    let web = Watched::new("restart-swap", 3).await;
    web.carry_out(&app::order("again", "restart", None, with(json!({"maxUnavailable": 1})))).await;
    assert_eq!(web.check(3, 2), 3);
    asks_for_at_most(&web, 3);
    assert!(web.kept().is_empty(), "all were replaced");
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_out_adds_pods_and_touches_none() {
    let web = Watched::new("scale-out", 2).await;
    web.carry_out(&app::order("more", "scale_out", Some(4), auto())).await;
    assert_eq!(web.check(4, 2), 0);
    assert_eq!(web.kept(), web.old);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_in_removes_the_named_pod_first() {
    let web = Watched::new("scale-in", 4).await;
    let (chosen, _) = one_of(&web);
    let strategy = with(json!({"podsToDelete": [chosen], "batchIntervalSeconds": 0}));
    web.carry_out(&app::order("less", "scale_in", Some(2), strategy)).await;
    assert_eq!(web.check(2, 2), 2);
    let kept = web.kept();
    assert!(kept.len() == 2 && !kept.contains(&chosen), "{chosen} is not among {kept:?}");
    let asked = |entry: &Entry| entry.kind == Kind::Pod && !is_active(&entry.object);
    let first = web.site.scene.journal().into_iter().find(asked);
    assert_eq!(first.expect("two pods went").name(), chosen, "it was the first to go");
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scale_goes_either_way_and_nowhere() {
    let web = Watched::new("scale", 2).await;
    web.carry_out(&app::order("more", "scale", Some(3), auto())).await;
    assert_eq!(web.check(3, 2), 0);
    let web = web.again();
    web.carry_out(&app::order("same", "scale", Some(3), auto())).await;
    assert_eq!(web.check(3, 3), 0);
    web.carry_out(&app::order("less", "scale", Some(1), auto())).await;
    assert_eq!(web.check(1, 1), 2);
    assert_eq!(web.kept().len(), 1);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_keeps_the_workload_and_a_start_returns_to_its_size() {
    let web = Watched::new("stop", 3).await;
    let template = |web: &Watched| {
        let set = web.site.view().get(Kind::Set, app::NAME).cloned().expect("the CloneSet is there");
        (set["metadata"]["uid"].clone(), set["spec"]["template"].clone())
    };
    let before = template(&web);
    web.carry_out(&app::order("stop", "stop", None, auto())).await;
    assert_eq!(web.check(0, 0), 3);
    assert_eq!(template(&web), before, "the CloneSet and its template stay");

    web.carry_out(&app::order("start", "start", None, auto())).await;
    assert_eq!(web.check(3, 0), 3);
    assert_eq!(template(&web), before);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_to_another_size_is_one_too() {
    let web = Watched::new("start", 2).await;
    web.carry_out(&app::order("stop", "stop", Some(0), auto())).await;
    web.carry_out(&app::order("start", "start", Some(1), auto())).await;
    assert_eq!(web.check(1, 0), 2);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_drains_every_pod_and_removes_the_workload() {
    let web = Watched::new("delete", 3).await;
    web.carry_out(&app::order("gone", "delete", None, auto())).await;
    assert_eq!(web.check_traffic(0), 3);
    let view = web.site.view();
    assert!(view.get(Kind::Set, app::NAME).is_none(), "the CloneSet is gone");
    assert!(names(&view).is_empty(), "so are its pods");
    assert_eq!(view.all(Kind::Set).map(name).collect::<Vec<_>>(), ["other"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_may_miss_a_pod_asks_for_no_extra_one() {
    let web = Watched::new("swap", 3).await;
    web.carry_out(&app::update("second", 3, with(json!({"maxUnavailable": 1})))).await;
    assert_eq!(web.check(3, 2), 3);
    asks_for_at_most(&web, 3);
    web.runs("nginx:2", &now(&web.site.view()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_returns_to_the_last_good_revision() {
    let web = Watched::new("rollback", 2).await;
    web.carry_out(&app::update("second", 2, auto())).await;
    assert_ne!(now(&web.site.view()), web.revision);
    web.carry_out(&app::order("back", "rollback", None, auto())).await;
    assert_eq!(web.check(2, 2), 4);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_returns_to_the_template_of_a_named_flow_or_to_a_named_revision() {
    let web = Watched::new("rollback-named", 2).await;
    web.carry_out(&app::update("second", 2, auto())).await;
    let second = now(&web.site.view());
    web.carry_out(&app::flow("third", "update", 2, "nginx:3", auto())).await;

    let strategy = json!({"mode": "auto", "batchSize": "1", "drainSeconds": DRAIN});
    let back = web.site.call("Rollback", json!({"deployName": "first", "strategy": strategy}));
    web.site.succeeds(&back).await;
    web.check(2, 2);
    web.runs("nginx:1", &web.revision);

    let mut to = app::order("to-second", "rollback", None, auto());
    to["spec"]["rollbackTo"] = json!({"revision": second});
    web.carry_out(&to).await;
    assert_eq!(web.check(2, 2), 8);
    web.runs("nginx:2", &second);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_that_does_not_fit_the_workload_fails_and_touches_nothing() {
    let site = Site::new("actions-unfit").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let before = site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone());
    let unfit: [(&str, Value); 3] = [
        ("more", app::order("more", "scale_out", Some(1), auto())),
        ("less", app::order("less", "scale_in", Some(3), auto())),
        ("unknown", app::order("unknown", "restart", None, with(json!({"podsToDelete": ["web-none"]})))),
    ];
    for (name, flow) in unfit {
        site.apply(&flow);
        site.ends(name, "Failed").await;
        site.gives_back(name).await;
    }
    assert_eq!(site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone()), before);
}

/// The size that the workload is asked for was never larger. A pod that drains does not count in it: its
/// successor boots meanwhile.
fn asks_for_at_most(web: &Watched, most: u64) {
    for entry in web.site.scene.journal() {
        let size = entry.object["spec"]["replicas"].as_u64().unwrap_or_default();
        assert!(entry.kind != Kind::Set || size <= most, "{size} pods are asked for");
    }
    web.safety.pods_at_most(&web.site.scene, 3 + 1 + 1);
}

/// Without asking anybody, one pod after the other.
fn auto() -> Value {
    json!({"mode": "auto", "batchSize": 1, "drainSeconds": DRAIN})
}

/// The same with more.
fn with(more: Value) -> Value {
    let mut strategy = auto();
    let fields = strategy.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    strategy
}

/// One pod, and the others.
fn one_of(web: &Watched) -> (String, Vec<String>) {
    let mut pods: Vec<String> = web.old.iter().cloned().collect();
    (pods.remove(1), pods)
}

/// The revision that the workload starts.
fn now(view: &View) -> String {
    let set = view.get(Kind::Set, app::NAME).expect("the CloneSet is there");
    set["status"]["updateRevision"].as_str().unwrap_or_default().to_owned()
}
