//! In traffic means reachable: Services that would lose the pods of an application, and pods that no Service can
//! send to, as the real EndpointSlice controller has it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, name};

use crate::{
    app,
    direct::Person,
    safety::{Safety, all_run},
    site::Site,
};

/// An update after which nobody would reach the application, and how that is mended.
struct Loss {
    name: &'static str,
    /// The Service.
    service: Value,
    /// Labels and ports of the pods before, and after.
    before: (Value, Value),
    after: (Value, Value),
    more: Value,
    /// What the flow says while it waits.
    says: &'static [&'static str],
    /// The Service from then on.
    mended: Value,
    /// The name of the port of the Service that must be reached all the while.
    port: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_renames_a_port_keeps_the_old_pods_until_the_service_fits() {
    keeps_old_pods(Loss {
        name: "renamed-port",
        service: service(json!({"app.kubernetes.io/instance": app::NAME}), &json!([to("", "http")])),
        before: (json!({}), json!([named("http", 80)])),
        after: (json!({}), json!([named("web", 80)])),
        more: json!({}),
        says: &["Service web", "targetPort http (TCP)"],
        mended: json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 80}]),
        port: "",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_renames_one_of_two_ports_keeps_the_old_pods() {
    let ports = json!([to("http", "http"), to("admin", "admin")]);
    keeps_old_pods(Loss {
        name: "one-of-two-ports",
        service: service(json!({"app.kubernetes.io/instance": app::NAME}), &ports),
        before: (json!({}), json!([named("http", 80), named("admin", 81)])),
        after: (json!({}), json!([named("web", 80), named("admin", 81)])),
        more: json!({}),
        says: &["Service web", "targetPort http (http, TCP)"],
        mended: json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 80}]),
        port: "http",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_leaves_the_selector_of_a_service_keeps_the_old_pods() {
    keeps_old_pods(Loss {
        name: "other-label",
        service: service(
            json!({"app.kubernetes.io/instance": app::NAME, "line": "green"}),
            &json!([to("", "http")]),
        ),
        before: (json!({"line": "green"}), json!([named("http", 80)])),
        after: (json!({"line": "black"}), json!([named("http", 80)])),
        more: json!({}),
        says: &["Service web", "line=green", "line=black"],
        mended: json!([{"op": "remove", "path": "/spec/selector/line"}]),
        port: "",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_pods_that_leave_first_do_not_leave_a_service_that_no_successor_has() {
    keeps_old_pods(Loss {
        name: "lost-label-swap",
        service: service(json!({"line": "green"}), &json!([to("", "http")])),
        before: (json!({"line": "green"}), json!([named("http", 80)])),
        after: (json!({}), json!([named("http", 80)])),
        more: json!({"maxUnavailable": 1}),
        says: &["Service web", "no label line"],
        mended: json!([
            {"op": "add", "path": "/spec/selector/app.kubernetes.io~1instance", "value": app::NAME},
            {"op": "remove", "path": "/spec/selector/line"},
        ]),
        port: "",
    })
    .await;
}

async fn keeps_old_pods(loss: Loss) {
    let Loss { name, service, before, after, more, says, mended, port } = loss;
    let site = Site::new(name).await;
    site.apply(&service);
    site.apply(&with(app::create("first", 3, json!({"mode": "auto"})), &before));
    site.succeeds("first").await;
    assert_eq!(reached(&site.view(), port).len(), 3, "the application is reached");
    let old = reached(&site.view(), port);

    let swaps = more["maxUnavailable"].is_number();
    let mut strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0});
    strategy.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    let safety = Safety::from_now(&site.scene);
    site.apply(&with(app::update("second", 3, strategy), &after));
    site.scene
        .holds("the flow waits for the Service", |view| view.waits_for("second") == "ServiceLost")
        .await;
    let message = site.view().flow("second")["status"]["message"].to_string();
    assert!(says.iter().all(|word| message.contains(word)), "{message}");
    site.tells("ServiceLost", "Service web").await;
    let warns = |event: &Value| event["reason"] == "ServiceLost" && event["type"] == "Warning";
    assert!(site.events().iter().any(warns));
    let view = site.view();
    assert_eq!(view.waits_for("second"), "ServiceLost");
    assert_eq!(reached(&view, port), old, "every old pod is reached");

    site.kubectl(&["patch", "service", app::NAME, "--type=json", "-p", &mended.to_string()]);
    site.succeeds("second").await;
    let now = reached(&site.view(), port);
    assert!(now.len() == 3 && now.is_disjoint(&old), "{now:?} are reached");
    safety.serving_at_least(&site.scene, if swaps { 2 } else { 3 });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cancels_while_a_service_would_be_lost_keeps_its_pods() {
    let site = Site::new("lost-cancel").await;
    site.apply(&service(json!({"line": "green"}), &json!([to("", "http")])));
    let ports = json!([named("http", 80)]);
    site.apply(&with(
        app::create("first", 3, json!({"mode": "auto"})),
        &(json!({"line": "green"}), ports.clone()),
    ));
    site.succeeds("first").await;
    let old = reached(&site.view(), "");
    let auto = json!({"mode": "auto", "drainSeconds": 0});
    site.apply(&with(app::update("second", 3, auto), &(json!({"line": "black"}), ports)));
    site.scene
        .holds("the flow waits for the Service", |view| view.waits_for("second") == "ServiceLost")
        .await;
    site.scene.holds("the new pods are there", |view| view.pods().len() == 6).await;
    let safety = Safety::from_now(&site.scene);
    site.order("Cancel", "second");
    site.ends("second", "Canceled").await;
    assert_eq!(reached(&site.view(), ""), old, "every old pod is reached");
    all_run(&site.view(), "nginx:1", 3);
    safety.serving_at_least(&site.scene, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_after_a_partial_rollout_names_the_service_that_it_would_empty() {
    let site = Site::new("lost-restart").await;
    partly_updated(&site, json!({"line": "green"}), json!({"line": "black"})).await;
    for of in ["green", "black"] {
        let mut service = service(json!({"line": of}), &json!([to("", "http")]));
        service["metadata"]["name"] = json!(of);
        site.apply(&service);
    }
    site.scene.holds("both Services have their pods", |view| reached(view, "").len() == 3).await;
    let before = reached(&site.view(), "");

    let swap = json!({"mode": "auto", "batchSize": 1, "maxUnavailable": 1, "drainSeconds": 0});
    let restart = app::order("again", "restart", None, swap);
    let says = "Service black selects 1 of the pods that are to leave and none of the new ones";
    plans_say(&site, &restart, &[says]).await;
    site.apply(&restart);
    site.scene.holds("the flow waits for the Service", |view| view.waits_for("again") == "ServiceLost").await;
    site.tells("ServiceLost", "Service black").await;
    assert_eq!(reached(&site.view(), ""), before, "every pod is reached");
    site.kubectl(&["delete", "service", "black"]);
    site.succeeds("again").await;
    assert!(reached(&site.view(), "").is_disjoint(&before));
}

/// The Service is changed while old pods of a batch are out of traffic already.
#[tokio::test(flavor = "multi_thread")]
async fn old_pods_that_were_chosen_return_to_a_service_that_would_lose_them() {
    for swaps in [true, false] {
        let site = Site::new(&format!("lost-midway-{swaps}")).await;
        let pods = |labels| (labels, json!([named("http", 80)]));
        site.apply(&service(json!({"app.kubernetes.io/instance": app::NAME}), &json!([to("", "http")])));
        let create = app::create("first", 4, json!({"mode": "auto"}));
        site.apply(&with(create, &pods(json!({"line": "green"}))));
        site.succeeds("first").await;
        let old = reached(&site.view(), "");
        let mut strategy = json!({"mode": "auto", "batchSize": 2, "drainSeconds": 15});
        if swaps {
            strategy["maxUnavailable"] = json!(2);
        }
        let safety = Safety::from_now(&site.scene);
        site.apply(&with(app::update("second", 4, strategy), &pods(json!({"line": "black"}))));
        let drain = |view: &View| reached(view, "").intersection(&old).count() == 2;
        site.scene.holds("two old pods drain", drain).await;
        let change =
            |op: &str| json!([{"op": op, "path": "/spec/selector/line", "value": "green"}]).to_string();
        site.kubectl(&["patch", "service", app::NAME, "--type=json", "-p", &change("add")]);
        let back = |view: &View| reached(view, "") == old && view.waits_for("second") == "ServiceLost";
        site.scene.holds("every old pod is back", back).await;
        site.kubectl(&["patch", "service", app::NAME, "--type=json", "-p", &change("remove")]);
        site.succeeds("second").await;
        let now = reached(&site.view(), "");
        assert!(now.len() == 4 && now.is_disjoint(&old), "{now:?} are reached");
        safety.serving_at_least(&site.scene, 2);
    }
}

/// Two pods of a revision with these labels, and one of the next revision with those.
async fn partly_updated(site: &Site, before: Value, after: Value) {
    let pods = |labels| (labels, json!([named("http", 80)]));
    site.apply(&with(app::create("first", 3, json!({"mode": "auto"})), &pods(before)));
    site.succeeds("first").await;
    let canary = json!({"canary": 1, "batches": 1, "stage": "Baked", "drainSeconds": 0});
    site.apply(&with(app::update("second", 3, canary), &pods(after)));
    site.scene.holds("the canary serves", |view| view.waits_for("second") == "Approval").await;
    site.order("Cancel", "second");
    site.ends("second", "Canceled").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_of_the_template_of_some_old_pods_is_not_one_that_was_given_by_hand() {
    let site = Site::new("lost-mixed").await;
    partly_updated(&site, json!({}), json!({"line": "black"})).await;
    site.apply(&service(json!({"line": "black"}), &json!([to("", "http")])));
    site.scene.holds("the canary is reached", |view| reached(view, "").len() == 1).await;
    let before = reached(&site.view(), "");

    let swap = json!({"mode": "auto", "batchSize": 3, "maxUnavailable": 3, "drainSeconds": 0});
    let update = with(app::update("third", 3, swap), &(json!({}), json!([named("http", 80)])));
    let says = "Service web selects 1 of the pods that are to leave and none of the new ones";
    plans_say(&site, &update, &[says]).await;
    site.apply(&update);
    site.scene.holds("the flow waits for the Service", |view| view.waits_for("third") == "ServiceLost").await;
    assert_eq!(reached(&site.view(), ""), before, "the pod of the Service stays");
    site.kubectl(&["delete", "service", "web"]);
    site.succeeds("third").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_had_each_old_pod_has_each_new_one_before_old_pods_leave() {
    let site = Site::new("not-each").await;
    let (pods, strategy) = ((json!({}), json!([named("http", 80)])), json!({"mode": "auto"}));
    site.apply(&with(app::create("first", 3, strategy), &pods));
    site.succeeds("first").await;
    // What others add to pods, such as a mesh, to all of the first version and to the canary of the second.
    let add = |image: &str| {
        for pod in site.view().pods().iter().filter(|pod| pod["spec"]["containers"][0]["image"] == image) {
            site.kubectl(&["label", "pod", pod["metadata"]["name"].as_str().expect("a name"), "mesh=on"]);
        }
    };
    site.apply(&service(json!({"mesh": "on"}), &json!([to("", "http")])));
    add("nginx:1");
    site.scene.holds("the old pods are reached", |view| reached(view, "").len() == 3).await;
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 2, "drainSeconds": 0});
    site.apply(&with(app::update("second", 3, strategy), &pods));
    site.asks("second", 1, "Smoked").await;
    add("nginx:2");
    site.agrees("second").await;
    let waits = |view: &View| view.waits_for("second") == "ServiceLost";
    site.scene.holds("the flow waits for the Service", waits).await;
    let message = site.view().flow("second")["status"]["message"].to_string();
    let says = "Service web selected each pod that was to leave, and pods web-";
    assert!(message.contains(says) && message.contains("mesh=on"), "{message}");
    assert_eq!(reached(&site.view(), "").len(), 3, "two old pods and the canary");
    add("nginx:2");
    site.succeeds("second").await;
    assert_eq!(reached(&site.view(), "").len(), 3);
    safety.serving_at_least(&site.scene, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_that_no_service_can_send_to_are_not_in_traffic_and_the_service_is_named() {
    let site = Site::new("unreached").await;
    let selector = json!({"app.kubernetes.io/instance": app::NAME});
    site.apply(&service(selector.clone(), &json!([to("", "http")])));
    let pods = (json!({}), json!([named("web", 80)]));
    site.apply(&with(app::create("first", 2, json!({"mode": "auto"})), &pods));
    let says = |view: &View| {
        let message = view.flow("first")["status"]["message"].to_string();
        view.waits_for("first") == "PullingIn" && message.contains("Service web can send nothing to pods")
    };
    site.scene.holds("the flow names the Service", says).await;
    // Another Service that can send to them is enough; one without ports needs none.
    let mut headless = service(selector, &json!([]));
    headless["metadata"]["name"] = json!("headless");
    headless["spec"]["clusterIP"] = json!("None");
    headless["spec"].as_object_mut().expect("an object").remove("ports");
    site.apply(&headless);
    site.succeeds("first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_no_pod_ever_had_holds_nothing() {
    let site = Site::new("missing-port").await;
    let ports = json!([to("http", "http"), to("mesh", "mesh")]);
    site.apply(&service(json!({"app.kubernetes.io/instance": app::NAME}), &ports));
    let pods = (json!({}), json!([named("http", 80)]));
    site.apply(&with(app::create("first", 2, json!({"mode": "auto"})), &pods));
    site.succeeds("first").await;
    site.apply(&with(app::update("second", 2, json!({"mode": "auto", "drainSeconds": 0})), &pods));
    site.succeeds("second").await;
    assert_eq!(reached(&site.view(), "http").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_identity_would_overwrite_is_refused_before_anything_is_touched() {
    let site = Site::new("identity-label").await;
    site.serve(1).await;
    let safety = Safety::from_now(&site.scene);
    let before = site.view().get(Kind::Set, app::NAME).map(|set| set["metadata"]["annotations"].clone());
    let pods = (json!({"app": "drinks"}), json!([named("http", 80)]));
    site.apply(&with(app::update("second", 1, json!({"mode": "auto"})), &pods));
    site.ends("second", "Failed").await;
    let status = site.view().flow("second")["status"].clone();
    assert_eq!(status["reason"], "InvalidSpec");
    let message = status["message"].to_string();
    assert!(message.contains("spec.application.template.metadata.labels.app: must be 1,"), "{message}");
    safety.no_pod_comes_or_goes(&site.scene);
    let after = site.view().get(Kind::Set, app::NAME).map(|set| set["metadata"]["annotations"].clone());
    assert_eq!(after, before, "the lock was not taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_readiness_gate_of_others_that_keeps_pods_out_is_named() {
    const OTHERS: &str = "target-health.example.org/web";
    let site = Site::new("foreign-gate").await;
    site.apply(&app::service());
    let mut flow = app::create("first", 1, json!({"mode": "auto"}));
    flow["spec"]["application"]["template"]["spec"]["readinessGates"] = json!([{"conditionType": OTHERS}]);
    site.apply(&flow);
    let says = |view: &View| {
        let message = view.flow("first")["status"]["message"].to_string();
        view.waits_for("first") == "PullingIn" && message.contains(OTHERS) && message.contains("web-")
    };
    site.scene.holds("the flow names the condition", says).await;
    let pod = site.view().pods()[0]["metadata"]["name"].as_str().expect("a name").to_owned();
    let met = json!({"status": {"conditions": [{"type": OTHERS, "status": "True"}]}});
    site.kubectl(&["patch", "pod", &pod, "--subresource=status", "--type=strategic", "-p", &met.to_string()]);
    site.succeeds("first").await;
}

/// An exchange that may leave a Service without pods that answer, or to those of others.
struct Risk {
    name: &'static str,
    service: Value,
    before: (Value, Value),
    after: (Value, Value),
    /// Labels of a pod of others.
    other: Value,
    says: &'static str,
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_puts_a_service_at_risk_is_told_and_holds_nothing() {
    let number = |port: u16| json!([{"containerPort": port}]);
    let own = json!({"app.kubernetes.io/instance": app::NAME});
    let risks = [
        Risk {
            name: "risk-number",
            service: service(own, &json!([{"port": 80, "targetPort": 8080}])),
            before: (json!({}), number(8080)),
            after: (json!({}), number(9090)),
            other: json!({}),
            says: "Service web sends to targetPort 8080 (TCP), which the pods that are to leave declare",
        },
        Risk {
            name: "risk-shared",
            service: service(json!({"line": "green"}), &json!([to("", "http")])),
            before: (json!({"line": "green"}), json!([named("http", 80)])),
            after: (json!({"line": "black"}), json!([named("http", 80)])),
            other: json!({"line": "green"}),
            says: "only pods of others serve it then",
        },
    ];
    for Risk { name, service, before, after, other, says } in risks {
        let site = Site::new(name).await;
        site.apply(&service);
        let container = json!({"name": "other", "image": "other:1", "ports": [named("http", 80)]});
        site.apply(&json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]},
            "metadata": {"name": "other", "labels": other}}));
        site.apply(&with(app::create("first", 2, json!({"mode": "auto"})), &before));
        site.succeeds("first").await;
        if other["line"].is_string() {
            let serves = |view: &View| reached(view, "").contains("other");
            site.scene.holds("the pod of others is reached", serves).await;
        }
        let strategy = json!({"mode": "manual", "batchSize": 1, "drainSeconds": 0});
        let update = with(app::update("second", 2, strategy), &after);
        plans_say(&site, &update, &[says]).await;
        site.apply(&update);
        site.scene.holds("it waits for a person", |view| view.waits_for("second") == "Approval").await;
        let message = site.view().flow("second")["status"]["message"].to_string();
        assert!(message.contains(says), "{name}: {message}");
        site.tells("ServiceAtRisk", says).await;
        site.order("Next", "second");
        site.succeeds("second").await;
    }
}

/// Where old pods leave first, nobody can tell whether somebody gives the label to the new ones in time.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_by_a_label_that_a_pod_was_given_by_hand_is_told_before_and_after() {
    let says = "Service web selects 1 of the pods that are to leave by label leader, which their template does not give";
    let after = "Service web has no pods any more: it sends to none of the new ones";
    for (action, policy, kept) in
        [("restart", "ReCreate", false), ("update", "ReCreate", false), ("update", "InPlaceIfPossible", true)]
    {
        let site = Site::new(&format!("given-{action}-{}", policy.to_lowercase())).await;
        site.serve(1).await;
        site.gives_back("first").await;
        site.exchanges(policy).await;
        site.apply(&service(json!({"leader": "yes"}), &json!([{"port": 80}])));
        let pod = site.view().pods().first().map(|pod| name(pod).to_owned()).unwrap_or_default();
        site.kubectl(&["label", "pod", &pod, "leader=yes"]);
        site.scene.holds("the leader is reached", |view| reached(view, "").contains(&pod)).await;
        let swap = json!({"mode": "auto", "maxUnavailable": 1, "drainSeconds": 0});
        let flow = match action {
            "restart" => app::order("second", "restart", None, swap),
            _ => app::update("second", 1, swap),
        };
        let unless = if kept { "unless they are updated in place, or whoever" } else { "unless whoever" };
        plans_say(&site, &flow, &[says, unless]).await;
        site.apply(&flow);
        site.tells("ServiceAtRisk", says).await;
        site.succeeds("second").await;
        let message = site.view().flow("second")["status"]["message"].to_string();
        assert_eq!(message.contains(after), !kept, "{action} {policy}: {message}");
        if !kept {
            site.tells("ServiceAtRisk", after).await;
        }
        assert_eq!(reached(&site.view(), "").contains(&pod), kept, "{action} {policy}");
    }
}

/// A plan of this flow warns in these words, on the cluster itself and through the operator.
async fn plans_say(site: &Site, flow: &Value, says: &[&str]) {
    let jo = Person::with_the_rights_of_the_page(site).await;
    let file = jo.file(flow);
    let direct = jo.typed(&["plan", "-f", &file], 0);
    let server = format!("http://127.0.0.1:{}", site.grpc);
    let asked = jo.typed(&["plan", "-f", &file, "--namespace", &site.namespace, "--server", &server], 0);
    for told in [direct, asked] {
        let warns = |line: &str| line.starts_with("warning: ") && says.iter().all(|says| line.contains(says));
        assert!(told.lines().any(warns), "{told}");
    }
}

/// Pods that are ready in a slice with this port of a Service.
fn reached(view: &View, port: &str) -> BTreeSet<String> {
    let has = |slice: &&Value| {
        let ports = slice["ports"].as_array();
        ports.is_some_and(|ports| ports.iter().any(|it| it["name"].as_str().unwrap_or_default() == port))
    };
    let endpoints = view.all(Kind::Slice).filter(has).filter_map(|slice| slice["endpoints"].as_array());
    let ready = endpoints.flatten().filter(|endpoint| endpoint["conditions"]["ready"] == true);
    ready.filter_map(|endpoint| endpoint["targetRef"]["name"].as_str().map(str::to_owned)).collect()
}

fn service(selector: Value, ports: &Value) -> Value {
    let mut service = app::service();
    service["spec"] = json!({"selector": selector, "ports": ports});
    service
}

/// A port of a Service.
fn to(name: &str, target: &str) -> Value {
    let port = if name == "admin" || name == "mesh" { 81 } else { 80 };
    let mut to = json!({"port": port, "targetPort": target});
    if !name.is_empty() {
        to["name"] = json!(name);
    }
    to
}

/// A port of a container.
fn named(name: &str, port: u16) -> Value {
    json!({"name": name, "containerPort": port})
}

/// The same flow with these labels and ports of its pods.
fn with(mut flow: Value, (labels, ports): &(Value, Value)) -> Value {
    let template = &mut flow["spec"]["application"]["template"];
    template["metadata"]["labels"] = labels.clone();
    template["spec"]["containers"][0]["ports"] = ports.clone();
    flow
}
