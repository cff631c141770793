//! CloneSets as an OpenKruise later than 1.9 has them: every action where `v1beta1` alone is served, and a definition
//! that changes while the operator runs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use triton_operator::backend::cloneset::api_version::ApiVersion::{self, V1Alpha1, V1Beta1};
use triton_tests::{
    definitions::{CLONESETS, define_clonesets, install},
    operator::Operator,
    plane::{Plane, free_port},
    scene::{Entry, Kind, View, name},
};

use crate::{
    app,
    direct::Person,
    safety::{Safety, all_run},
    site::Site,
};

const SETS: &str = "clonesets.v1beta1.apps.kruise.io";
const PROGRAM: &str = env!("CARGO_BIN_EXE_operator");

#[tokio::test(flavor = "multi_thread")]
async fn every_action_is_carried_out_where_v1beta1_alone_is_served() {
    let site = Site::later("later").await;
    site.serve(3).await;
    site.gives_back("first").await;
    let made = set(&site.view());
    assert_eq!(made["apiVersion"], V1Beta1.name());
    assert_eq!(
        made["spec"]["scaleStrategy"],
        json!({"excludePreparingDelete": true, "enablePVCReuse": true})
    );
    let lent = strategy(&made);
    let safety = Safety::from_now(&site.scene);

    site.apply(&app::update("second", 3, auto(json!({"canary": 1, "batchSize": 1}))));
    site.asks("second", 1, "Smoked").await;
    assert_eq!(strategy(&set(&site.view()))["partition"], 3);
    let edit = json!({"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}});
    patch(&site, &edit);
    let right = |view: &View| {
        let edited = view.flow("second")["status"]["progress"]["batch"]["edited"].is_u64();
        edited && strategy(&set(view))["partition"] == 3
    };
    site.scene.holds("the partition is set right", right).await;
    patch(&site, &edit);
    site.scene.holds("the flow holds", |view| view.waits_for("second") == "Drift").await;
    let message = site.view().flow("second")["status"]["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains("partition (by kubectl-patch)"), "{message}");
    site.order("Resume", "second");
    site.agrees("second").await;
    site.succeeds("second").await;
    all_run(&site.view(), "nginx:2", 3);

    site.apply(&app::order("back", "rollback", None, auto(json!({}))));
    site.succeeds("back").await;
    all_run(&site.view(), "nginx:1", 3);
    site.apply(&app::order("more", "scale", Some(4), auto(json!({}))));
    site.succeeds("more").await;
    safety.serving_at_least(&site.scene, 3);

    let since = site.scene.version();
    let again = Safety::from_now(&site.scene);
    site.apply(&app::order("again", "restart", None, auto(json!({"maxUnavailable": 1}))));
    site.succeeds("again").await;
    again.pods_at_most(&site.scene, 5);
    let counted = |entry: &Entry| {
        let later = entry.kind == Kind::Set && entry.version > since;
        later && entry.object["spec"]["scaleStrategy"]["excludePreparingDelete"] == false
    };
    assert!(site.scene.journal().iter().any(counted), "leaving pods count while each waits for room");
    let after = set(&site.view());
    assert_eq!(after["spec"]["scaleStrategy"]["excludePreparingDelete"], true, "and not afterwards");
    assert_eq!(strategy(&after), lent, "what was lent is given back");

    for action in ["stop", "start", "delete"] {
        site.apply(&app::order(action, action, None, auto(json!({}))));
        site.ends(action, "Success").await;
    }
    assert!(site.view().get(Kind::Set, app::NAME).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_of_v1beta1_are_updated_in_place_ordered_by_hand_and_released() {
    let site = Site::later("later-in-place").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let policy = json!({"podUpdatePolicy": "InPlaceOnly", "maxSurge": null});
    patch(&site, &json!({"spec": {"updateStrategy": {"rollingUpdate": policy}}}));
    let before = uids(&site.view());
    let jo = Person::with_the_rights_of_the_page(&site).await;
    let strategy = auto(json!({"canary": 1, "batchSize": 1}));
    jo.typed(&["create", "-f", &jo.file(&app::update("second", 2, strategy))], 0);
    site.asks("second", 1, "Smoked").await;
    assert!(jo.typed(&["plan", app::NAME], 0).contains("2 pods now"));
    site.agrees("second").await;
    site.succeeds("second").await;
    all_run(&site.view(), "nginx:2", 2);
    assert_eq!(uids(&site.view()), before, "the same pods");

    site.kill_operator();
    let release = format!("{PROGRAM} release --namespace {}", site.namespace);
    site.rig.plane.shell(&release).unwrap_or_else(|error| panic!("{error}"));
    let clean = |view: &View| {
        let set = set(view);
        let marks = [&set["metadata"]["labels"], &set["metadata"]["annotations"], &set["spec"]["lifecycle"]];
        let marked = marks.iter().any(|part| {
            let text = part.to_string();
            text.contains("apps.triton.io/") || text.contains("exclude-preparing-delete")
        });
        !marked && set["spec"]["scaleStrategy"].get("excludePreparingDelete").is_none()
    };
    site.scene.holds("nothing of triton's is left", clean).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_reads_its_version_on_beside_a_newer_one_and_ends_once_it_is_not_served_any_more() {
    let plane = Plane::start_own().unwrap_or_else(|error| panic!("{error}"));
    let _stand_in = install(&plane, &[V1Alpha1]).unwrap_or_else(|error| panic!("{error:#}"));
    let define = |versions: &[ApiVersion]| {
        define_clonesets(&plane, versions).unwrap_or_else(|error| panic!("{error:#}"));
    };
    let mut operator = started(&plane).await;
    define(&[V1Alpha1, V1Beta1]);
    let relisted = |operator: &Operator| {
        let told = operator.log();
        told.lines().any(|line| line.contains("listed and watched anew") && line.contains("\"clonesets\""))
    };
    until("the watch of CloneSets ends", &mut operator, relisted).await;
    let set = app::cloneset(1, "nginx:1").to_string();
    plane.kubectl_with_input(&["apply", "-f", "-"], &set).unwrap_or_else(|error| panic!("{error}"));
    let shows = |operator: &Operator| {
        let request = json!({"instance": {"name": app::NAME, "namespace": "default"}}).to_string();
        let address = format!("localhost:{}", operator.grpc());
        plane.grpcurl(&["--plaintext", "-d", &request, &address, "application.Application/Get"]).is_ok()
    };
    until("a CloneSet shows that was made since", &mut operator, shows).await;
    for now in [V1Beta1, V1Alpha1] {
        // A version in which objects were stored cannot be taken out of a definition.
        plane.kubectl(&["delete", "crd", CLONESETS]).unwrap_or_else(|error| panic!("{error}"));
        define(&[now]);
        let said = ended(&mut operator).await;
        let words = format!("clonesets ended: the API server serves CloneSets as {} now", now.name());
        assert!(said.contains(&words), "{said}");
        operator = started(&plane).await;
    }
}

async fn started(plane: &Plane) -> Operator {
    let operator = Operator::start(plane, &[PROGRAM], free_port(), None);
    let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
    operator.ready().await.unwrap_or_else(|error| panic!("{error}"));
    operator
}

/// Waits until something is so of an operator that goes on.
async fn until(what: &str, operator: &mut Operator, is_so: impl Fn(&Operator) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so(operator) {
        operator.alive().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(Instant::now() < deadline, "{what}: not within 60 s\n{}", operator.tail(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the operator has ended by itself; answers its log.
async fn ended(operator: &mut Operator) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    while operator.alive().is_ok() {
        assert!(Instant::now() < deadline, "it goes on\n{}", operator.tail(20));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    operator.log()
}

fn auto(mut strategy: Value) -> Value {
    (strategy["mode"], strategy["drainSeconds"]) = (json!("auto"), json!(0));
    strategy
}

fn set(view: &View) -> Value {
    view.get(Kind::Set, app::NAME).cloned().unwrap_or_default()
}

fn strategy(set: &Value) -> Value {
    set["spec"]["updateStrategy"]["rollingUpdate"].clone()
}

fn uids(view: &View) -> Vec<(String, Value)> {
    let pods = view.pods();
    pods.into_iter().map(|pod| (name(pod).to_owned(), pod["metadata"]["uid"].clone())).collect()
}

fn patch(site: &Site, edit: &Value) {
    site.kubectl(&["patch", SETS, app::NAME, "--type=merge", "-p", &edit.to_string()]);
}
