//! Connections between operator and API server that fall silent without being closed, and rights that are taken
//! away: the operator notices, leaves everything alone while it does not know how things are, and is at work again
//! soon after it does.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use triton_tests::{proxy::Proxy, scene::View};

use crate::{
    app,
    operator::kubeconfig,
    safety::{Safety, all_run},
    site::Site,
};

/// About a tenth of all limits.
const SHORT: &str = "TRITON_MAX_VIEW_AGE=8";
/// A tenth of the 90 s in which an operator is at work again, and as long again for a machine that is busy.
const SOON: Duration = Duration::from_secs(18);

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_that_falls_silent_alone_is_noticed_and_replaced() {
    let (site, proxy) = behind_a_proxy("silence-each", SHORT).await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    let lines = proxy.open();
    assert!(lines.len() >= 5, "a connection for each watch: {lines:?}");
    for (round, number) in lines.into_iter().enumerate() {
        if !proxy.open().contains(&number) {
            continue;
        }
        proxy.hush(number);
        let (name, size) = (format!("round-{round}"), if round % 2 == 0 { 3 } else { 2 });
        let took = reacts(&site, &name, size).await;
        eprintln!("connection {number} silent: at work after {took:.1?}");
        assert!(took < SOON, "connection {number}: it took {took:?}");
        site.ends(&name, "Success").await;
    }
    safety.serving_at_least(&site.scene, 2);
    safety.out_before_deletion(&site.scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nothing_is_heard_nothing_happens_and_everybody_can_tell() {
    let (site, proxy) = behind_a_proxy("silence-all", SHORT).await;
    site.serve(3).await;
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "batchSize": 1, "batchIntervalSeconds": 1, "drainSeconds": 1});
    site.apply(&app::update("second", 3, strategy));
    site.scene.holds("it is under way", |view| view.batch("second")["batch"] == 1).await;
    proxy.hush_all(true);
    let operator = site.take_operator();
    let told = |path: &'static str| {
        let operator = &operator;
        async move { operator.get(path).await.expect("it answers") }
    };
    let begun = Instant::now();
    let unready = loop {
        let (status, text) = told("/readyz").await;
        if status == 503 {
            break text;
        }
        assert!(begun.elapsed() < SOON, "still ready: {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        unready.contains("not ready: nothing was heard of ") && unready.contains(" for more than 8 s"),
        "{unready}"
    );
    let stale = unready.split_whitespace().nth(6).expect("a kind").to_owned();
    assert_eq!(told("/healthz").await.0, 200, "an outage restarts nothing");
    let (_, metrics) = told("/metrics").await;
    let age = |line: &str| line.rsplit(' ').next().and_then(|age| age.parse::<f64>().ok());
    let ages = metrics.lines().filter(|line| line.starts_with("triton_view_age_seconds{")).filter_map(age);
    assert_eq!(ages.filter(|age| *age > 6.0).count(), 5, "{metrics}");
    let path = "/api/v1/namespaces/default/instances";
    assert_eq!(operator.header(path, "triton-view-stale").await, Some(stale.clone()));
    let age = operator.header(path, "triton-view-age-seconds").await.and_then(|age| age.parse::<u64>().ok());
    assert!(age.is_some_and(|age| age >= 8), "{age:?}");
    let list = std::process::Command::new(env!("CARGO_BIN_EXE_cli"))
        .args(["--server", &format!("http://127.0.0.1:{}", site.grpc), "-n", &site.namespace, "list"])
        .output()
        .expect("the command line runs");
    let warning = String::from_utf8_lossy(&list.stderr).into_owned();
    assert!(warning.contains("out of date") && warning.contains(&stale), "{warning}");

    // What was on its way when the lines fell silent has arrived by now.
    let version = site.scene.version();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(site.scene.changes_since(version), 0, "{}", site.view().summary());
    site.put_operator(operator);
    proxy.hush_new(false);
    let heard = Instant::now();
    let took = reacts(&site, "third", 3).await;
    eprintln!("all connections silent, new ones later: at work after {took:.1?}");
    assert!(heard.elapsed() < SOON, "it took {took:?}");
    site.ends("second", "Success").await;
    site.ends("third", "Success").await;
    all_run(&site.view(), "nginx:2", 3);
    safety.serving_at_least(&site.scene, 3);
    safety.out_before_deletion(&site.scene);
}

/// With the limits that operators have.
#[tokio::test(flavor = "multi_thread")]
async fn after_all_connections_fell_silent_it_is_at_work_again_within_90_s() {
    let (site, proxy) = behind_a_proxy("silence-real", "TRITON_MAX_VIEW_AGE=75").await;
    site.serve(2).await;
    let safety = Safety::from_now(&site.scene);
    proxy.hush_all(false);
    let took = reacts(&site, "second", 3).await;
    eprintln!("all connections silent, with the real limits: at work after {took:.1?}");
    assert!(took < Duration::from_secs(90), "it took {took:?}");
    site.ends("second", "Success").await;
    safety.serving_at_least(&site.scene, 2);
    safety.out_before_deletion(&site.scene);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_lost_its_right_is_stale_and_named_until_it_has_it_again() {
    let site = Site::on_own_plane("silence-rights").await;
    let config = with_rights(&site, true);
    site.start_operator_as_with(&config, SHORT).await;
    site.serve(2).await;
    site.apply(&app::update("second", 2, json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0})));
    site.scene.holds("it waits for a person", |view| view.waits_for("second") == "Approval").await;
    with_rights(&site, false);
    let named = |view: &View| {
        let waiting = &view.flow("second")["status"]["waiting"];
        let text = waiting["message"].as_str().unwrap_or_default();
        waiting["reason"] == "Unreachable" && text.contains("hear of pods") && text.contains("more than 8 s")
    };
    site.scene.holds("people are told which kind", named).await;
    let operator = site.take_operator();
    let (status, text) = operator.get("/readyz").await.expect("it answers");
    assert!(status == 503 && text.contains(" pods "), "{status} {text}");
    site.put_operator(operator);
    with_rights(&site, true);
    site.scene.holds("it goes on", |view| view.waits_for("second") == "Approval").await;
    site.order("Cancel", "second");
    site.ends("second", "Canceled").await;
}

/// A site whose operator reaches the API server through a proxy, with a setting.
async fn behind_a_proxy(name: &str, setting: &str) -> (Site, Proxy) {
    let site = Site::on_own_plane(name).await;
    let port = site.rig.plane.port().expect("the suite started it");
    let proxy = Proxy::start(port).await.expect("a free port");
    let config = kubeconfig(&site, "proxied", |config| {
        let server = format!("https://127.0.0.1:{}", proxy.port());
        config["clusters"][0]["cluster"]["server"] = json!(server);
    });
    site.start_operator_as_with(&config, setting).await;
    (site, proxy)
}

/// How long it takes until the operator does something for a new flow, which scales.
async fn reacts(site: &Site, name: &str, size: u32) -> Duration {
    let begun = Instant::now();
    site.apply(&app::order(name, "scale", Some(size), json!({"mode": "auto", "drainSeconds": 0})));
    let seen = |view: &View| !view.flow(name)["status"]["phase"].is_null();
    site.scene.holds(&format!("{name} is taken up"), seen).await;
    begun.elapsed()
}

/// Gives a service account of the site the rights of the manifest, those to pods or not; answers its kubeconfig.
fn with_rights(site: &Site, pods: bool) -> PathBuf {
    let plane = site.rig.plane;
    let rbac = concat!(env!("CARGO_MANIFEST_DIR"), "/../triton-operator/deploy/rbac.yaml");
    let rbac = std::fs::read_to_string(rbac).expect("the manifest can be read");
    let documents = rbac.split("\n---").filter_map(|text| serde_norway::from_str::<Value>(text).ok());
    let mut role = documents.into_iter().find(|it| it["kind"] == "ClusterRole").expect("a role");
    let name = &site.namespace;
    role["metadata"] = json!({ "name": name });
    let rules = role["rules"].as_array_mut().expect("rules");
    rules
        .retain(|rule| pods || !rule["resources"].as_array().is_some_and(|all| all.contains(&json!("pods"))));
    let subject = json!({"kind": "ServiceAccount", "name": "default", "namespace": name});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [subject],
    });
    for object in [role, binding] {
        let applied = plane.kubectl_with_input(&["apply", "-f", "-"], &object.to_string());
        applied.unwrap_or_else(|error| panic!("{error}"));
    }
    let token = site.kubectl(&["create", "token", "default"]);
    kubeconfig(site, "few-rights", |config| config["users"][0]["user"] = json!({"token": token.trim()}))
}
