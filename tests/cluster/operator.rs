//! The operator as people meet it: a process that ends when it is asked to, says how it is and what it
//! does, has no more rights than it needs, and gives everything back.

use std::{fs, path::PathBuf, time::Instant};

use serde_json::{Value, json};
use triton_tests::{
    operator::Operator,
    plane::{Plane, free_port},
    scene::{Kind, View, answers, name},
};

use crate::{app, rig::SETS, safety::all_run, site::Site};

const PROGRAM: &str = env!("CARGO_BIN_EXE_operator");

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_goes_on_with_the_next_operator_after_sigterm() {
    let site = Site::new("operator-sigterm").await;
    site.apply(&app::service());
    site.apply(&app::create("first", 3, json!({"mode": "auto", "batchSize": 1})));
    site.scene.holds("a pod boots", |view| view.at("first", 1, "Smoking") && !view.pods().is_empty()).await;
    let begun = Instant::now();
    let code = site.take_operator().terminate().await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(code, Some(0));
    assert!(begun.elapsed().as_secs() < 10, "it took {:?} to end", begun.elapsed());
    site.start_operator().await;
    site.ends("first", "Success").await;
    all_run(&site.view(), "nginx:1", 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_says_how_it_is_and_what_it_does() {
    let site = Site::new("operator-tells").await;
    site.serve(1).await;
    let operator = site.take_operator();
    let answer = |path: &'static str| operator.get(path);
    assert_eq!(answer("/healthz").await, Some((200, "ok".to_owned())));
    assert_eq!(answer("/readyz").await, Some((200, "ok".to_owned())));
    let (status, text) = answer("/metrics").await.expect("it answers");
    assert_eq!(status, 200);
    for metric in
        ["triton_moves_total{what=\"Succeeded\"}", "triton_size{what=\"pods\"} 1", "triton_look_seconds"]
    {
        assert!(text.contains(metric), "no {metric} in\n{text}");
    }

    let log = operator.log();
    let lines =
        log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")));
    let flow = format!("{}/first", site.namespace);
    let moves: Vec<Value> = lines.filter(|line| line["flow"] == *flow && !line["reason"].is_null()).collect();
    assert!(moves.iter().any(|line| line["reason"] == "Initializing" && line["level"] == "INFO"), "{log}");

    let reasons = |site: &Site| -> Vec<String> {
        let events = site.events().into_iter();
        let ours = events.filter(|event| {
            event["regarding"]["name"] == "first" && event["reportingController"] == "triton"
        });
        ours.filter_map(|event| event["reason"].as_str().map(str::to_owned)).collect()
    };
    let wanted = ["Initializing", "BatchStarted", "Succeeded"];
    let all =
        |reasons: &Vec<String>| wanted.iter().all(|wanted| reasons.iter().any(|reason| reason == wanted));
    answers(&format!("events {wanted:?}"), || reasons(&site), all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_an_api_server_lives_and_is_not_ready() {
    let site = Site::new("operator-alone").await;
    let nowhere = kubeconfig(&site, "nowhere", |config| {
        config["clusters"][0]["cluster"]["server"] = json!(format!("https://127.0.0.1:{}", free_port()));
    });
    let operator = Operator::start_as(site.rig.plane, &nowhere, &[PROGRAM], free_port(), None);
    let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
    operator.answers().await.unwrap_or_else(|error| panic!("{error}"));
    let (status, text) = operator.get("/readyz").await.expect("it answers");
    assert_eq!((status, &*text), (503, "not ready: the cluster was not read completely yet"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_of_the_manifest_are_enough() {
    let site = Site::on_own_plane("operator-rights").await;
    let rbac = concat!(env!("CARGO_MANIFEST_DIR"), "/../triton-operator/deploy/rbac.yaml");
    site.rig.plane.kubectl(&["apply", "-f", rbac]).unwrap_or_else(|error| panic!("{error}"));
    let token = ["-n", "triton-system", "create", "token", "triton-operator"];
    let token = site.rig.plane.kubectl(&token).unwrap_or_else(|error| panic!("{error}"));
    let config = kubeconfig(&site, "service-account", |config| {
        config["users"][0]["user"] = json!({"token": token.trim()});
    });
    site.start_operator_as(&config).await;

    site.serve(2).await;
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    site.apply(&app::update("second", 2, strategy.clone()));
    site.asks("second", 1, "Smoked").await;
    site.order("Cancel", "second");
    site.ends("second", "Canceled").await;
    site.order("Delete", "second");
    site.apply(&app::flow("third", "update", 2, "nginx:3", json!({"mode": "auto", "drainSeconds": 0})));
    site.ends("third", "Success").await;
    all_run(&site.view(), "nginx:3", 2);
    let auto = || json!({"mode": "auto", "drainSeconds": 0});
    for (action, replicas) in [
        ("restart", None),
        ("rollback", None),
        ("stop", None),
        ("start", None),
        ("scale", Some(3)),
        ("delete", None),
    ] {
        site.apply(&app::order(action, action, replicas, auto()));
        site.ends(action, "Success").await;
    }
    assert!(site.view().get(Kind::Set, app::NAME).is_none());
    let log = site.take_operator().log();
    assert!(!log.contains("forbidden"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_gives_everything_back_and_restarts_no_pod() {
    let site = Site::new("operator-release").await;
    site.serve(2).await;
    site.apply(&app::update("second", 2, json!({"mode": "auto", "canary": 1, "batchSize": 1})));
    site.asks("second", 1, "Smoked").await;
    site.kill_operator();
    let before = site.view();
    let release = |more: &str| {
        let line = format!("{PROGRAM} release --namespace {} {more}", site.namespace);
        site.rig.plane.shell(&line).unwrap_or_else(|error| panic!("{error}"))
    };

    let said = release("--dry-run");
    assert!(said.contains(&format!("CloneSet {}/{}", site.namespace, app::NAME)), "{said}");
    let set = |view: &View| view.get(Kind::Set, app::NAME).cloned().unwrap_or_default();
    assert_eq!(site.kubectl_json(&["get", SETS, app::NAME])["spec"], set(&before)["spec"]);
    let pods = |view: &View| -> Vec<(String, Value)> {
        let pods = view.pods();
        pods.into_iter().map(|pod| (name(pod).to_owned(), pod["metadata"]["uid"].clone())).collect()
    };

    release("");
    let clean = |view: &View| {
        let set = set(view);
        let ours = [&set["metadata"]["annotations"], &set["spec"]["lifecycle"], &set["metadata"]["labels"]];
        let marks = ["apps.triton.io/", "cloneset-scaling-exclude-preparing-delete"];
        let marked = ours.iter().any(|part| marks.iter().any(|mark| part.to_string().contains(mark)));
        let hooked =
            view.pods().iter().any(|pod| !pod["metadata"]["labels"]["apps.triton.io/in-traffic"].is_null());
        let kept = !view.flow("second")["metadata"]["finalizers"].is_null();
        !marked && !hooked && !kept
    };
    site.scene.holds("nothing of triton's is left", clean).await;
    assert_eq!(pods(&site.view()), pods(&before), "the same pods run");
}

#[tokio::test(flavor = "multi_thread")]
async fn release_names_a_workload_that_it_cannot_read_and_fails() {
    let site = Site::new("operator-release-unread").await;
    site.serve(2).await;
    site.gives_back("first").await;
    site.kill_operator();
    let annotate = |name: &str, note: &str| {
        site.kubectl(&["annotate", SETS, name, note]);
    };
    let line = format!("{PROGRAM} release --namespace {}", site.namespace);
    let before = site.kubectl_json(&["get", SETS, app::NAME]);
    annotate(app::NAME, "apps.triton.io/replicas-before-stop=many");
    let failed = site.rig.plane.shell(&line).expect_err("it cannot be read").to_string();
    assert!(failed.contains(&format!("{}/{}", site.namespace, app::NAME)), "{failed}");
    let after = site.kubectl_json(&["get", SETS, app::NAME]);
    assert_eq!(after["spec"], before["spec"], "it is left alone");
    let hooked = |view: &View| {
        view.pods().iter().all(|pod| !pod["metadata"]["labels"]["apps.triton.io/in-traffic"].is_null())
    };
    assert!(hooked(&site.view()), "and so are its pods");
    annotate(app::NAME, "apps.triton.io/replicas-before-stop-");
    site.rig.plane.shell(&line).unwrap_or_else(|error| panic!("{error}"));
    site.scene.holds("its pods are given back", |view| !hooked(view)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutorial_is_played_on_a_standalone_operator() {
    let (plane, grpc) = (Plane::own(), free_port());
    let folder = tempfile::tempdir().expect("a folder for its log");
    let operator = Operator::standalone(&[PROGRAM], folder.path(), grpc, free_port());
    let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
    operator.ready().await.unwrap_or_else(|error| panic!("{error}"));
    let call = |rpc: &str, input: &str| {
        let line = format!("grpcurl --plaintext -d @ localhost:{grpc} deployflow.DeployFlow/{rpc} {input}");
        plane.shell(&line).unwrap_or_else(|error| panic!("{error}"))
    };
    let request = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/tutorial/create.json");
    call("Create", &format!("< {request}"));
    let flow = "<<EOF\n{\"deploy\":{\"name\":\"12122-sample-10010-df\",\"namespace\":\"default\"}}\nEOF";
    // A watch ends where a person is asked, and with the flow.
    for stage in ["Smoked", "Baking", "Baked"] {
        let seen = call("Watch", flow);
        assert!(seen.contains(&format!("\"phase\": \"{stage}\"")), "{seen}");
        call("Next", flow);
    }
    let seen = call("Watch", flow);
    assert!(seen.contains("\"phase\": \"Success\""), "{seen}");
}

/// The kubeconfig of the site with a change.
pub(crate) fn kubeconfig(site: &Site, file: &str, change: impl FnOnce(&mut Value)) -> PathBuf {
    let text = fs::read_to_string(site.rig.plane.kubeconfig()).expect("the kubeconfig can be read");
    let mut config: Value = serde_norway::from_str(&text).expect("it is YAML, or JSON, which YAML contains");
    change(&mut config);
    let path = site.rig.plane.folder().join(format!("{file}-{}", site.namespace));
    fs::write(&path, config.to_string()).expect("the kubeconfig can be written");
    path
}
