//! What the REST door says of flows, and what it makes of what it is told.

use serde_json::{Value, json};
use triton_core::service::{Lifecycle, Service};
use triton_core::sim::{Sim, Timing};
use triton_core::testing::api_suite::ApiRig;
use triton_grpc::rest::Config;

use crate::http::{Served, ask};
use crate::rig::{Rig, lifecycle, service};
use crate::stub::Stub;

const FLOW: &str = "/api/v1/namespaces/default/deployflows/df";
const FLOWS: &str = "/api/v1/namespaces/default/deployflows";
const INSTANCE: &str = "/api/v1/namespaces/default/instances/12122-sample-10010";

#[tokio::test]
async fn a_flow_has_the_fields_of_the_message_under_the_same_names() {
    let (_, served) = Stub::serve(Config::default()).await;
    let flow = served.ask("GET", FLOW, None).await.json();
    let mut wanted = json!({
        "namespace": "default", "name": "df", "appID": 12122, "groupID": 10010, "appName": "deploy-demo-hello",
        "instanceName": "12122-sample-10010", "replicas": 3, "action": "create", "availableReplicas": 0,
        "updatedReplicas": 1, "updatedReadyReplicas": 0, "updateRevision": "6ddf9b7cf4",
        "conditions": [{
            "batch": 1, "batchSize": 1, "canary": true, "phase": "Smoked", "failedReplicas": 0,
            "pods": [{
                "name": "12122-sample-10010-2mwkt", "ip": "172.31.230.23", "port": 80,
                "phase": "ContainersReady", "pullInStatus": "", "ungated": false, "reason": "", "message": "",
            }],
            "podsTotal": 1, "podsInTraffic": 0, "startedAt": "2021-09-13T12:49:04.000001Z", "pulledInAt": null,
            "finishedAt": null,
        }],
        "paused": false, "phase": "BatchStarted", "finished": false, "batches": 3, "batchSize": 1,
        "finishedBatches": 0, "finishedReplicas": 0, "failedReplicas": 0,
        "startedAt": "2021-09-13T12:49:04.000001Z", "finishedAt": null, "mode": "auto",
        "batchIntervalSeconds": 10, "timeoutSeconds": 0, "gracefulPeriodSeconds": 0, "canary": 1,
        "updatedAt": "2021-09-13T12:49:21.000001Z", "reason": "Approval",
        "message": "batch 1 waits for a person before its pods take traffic",
        "waiting": {
            "reason": "Approval", "message": "waits for a person: Next lets batch 1 take traffic",
            "since": "2021-09-13T12:49:21.000001Z", "until": "2021-09-13T12:59:21.000001Z",
        },
        "target": { "stage": "Smoking", "batches": 1 }, "canceled": false,
        "createdAt": "2021-09-13T12:49:03.000001Z", "progressDeadlineSeconds": 600, "failureGraceSeconds": 120, "drainSeconds": 10,
        "activeReplicas": 1, "replicasToProcess": 3, "updateRevisionName": "12122-sample-10010-6ddf9b7cf4",
    });
    for (field, value) in [("supersededBy", ""), ("rollbackTo", ""), ("image", "nginx:latest")] {
        wanted[field] = value.into();
    }
    assert_eq!(flow, json!({ "code": 0, "data": wanted, "msg": "success" }));
    let paused = served.ask("POST", &format!("{FLOW}/pause"), None).await.json();
    let mut ordered = wanted;
    ordered["already"] = json!(true);
    assert_eq!(paused["data"], ordered);
}

#[tokio::test]
async fn a_list_says_how_to_page() {
    let (_, served) = Stub::serve(Config::default()).await;
    // Of 25 flows.
    for (query, length, page) in [
        ("", 10, json!({ "start": 0, "pageSize": 10, "next": 10 })),
        ("?instanceName=&start=&pageSize=", 10, json!({ "start": 0, "pageSize": 10, "next": 10 })),
        ("?start=10&pageSize=10", 10, json!({ "start": 10, "pageSize": 10, "next": 20 })),
        ("?start=20", 5, json!({ "start": 20, "pageSize": 10, "next": null })),
        ("?start=15&pageSize=10", 10, json!({ "start": 15, "pageSize": 10, "next": null })),
        ("?start=30", 0, json!({ "start": 30, "pageSize": 10, "next": null })),
        ("?pageSize=501", 25, json!({ "start": 0, "pageSize": 500, "next": null })),
    ] {
        let list = served.ask("GET", &format!("{FLOWS}{query}"), None).await.json();
        assert_eq!(list["data"].as_array().unwrap().len(), length, "{query}");
        for (field, value) in page.as_object().unwrap() {
            assert_eq!(&list[field], value, "{field} of {query}");
        }
    }
}

#[tokio::test]
async fn a_patch_can_set_false_and_zero_and_leaves_alone_what_it_does_not_name() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let edit = |fields: &str| {
        let all = ["paused", "canceled", "target", "sizes", "interval", "deadline", "grace"];
        let shown = |name: &&str| {
            let set = fields.split("; ").find_map(|field| field.strip_prefix(name)?.strip_prefix("="));
            format!("{name}: {}", set.unwrap_or("None"))
        };
        format!("Edit {{ {} }}", all.iter().map(shown).collect::<Vec<_>>().join(", "))
    };
    for (patch, wanted) in [
        (json!({}), ""),
        (json!({ "paused": null }), ""),
        (json!({ "paused": false, "canceled": false }), "paused=Some(false); canceled=Some(false)"),
        (json!({ "batchIntervalSeconds": 0 }), "interval=Some(Seconds(0))"),
        (json!({ "progressDeadlineSeconds": 60 }), "deadline=Some(Seconds(60))"),
        (json!({ "failureGraceSeconds": 0 }), "grace=Some(Seconds(0))"),
        (json!({ "batches": 2 }), "target=Some(Target { batch: 2, phase: Smoking })"),
        (json!({ "batches": 2, "stage": "Baked" }), "target=Some(Target { batch: 2, phase: Baked })"),
        (json!({ "batchSize": "25%" }), "sizes=Some(Sizes([Percent(25)]))"),
        (json!({ "batchSizes": [1, "2", "50%"] }), "sizes=Some(Sizes([Pods(1), Pods(2), Percent(50)]))"),
    ] {
        assert_eq!(served.ask("PATCH", FLOW, Some(&patch)).await.http, 200, "{patch}");
        assert_eq!(stub.asked(), [edit(wanted)], "{patch}");
    }
}

#[tokio::test]
async fn orders_reach_the_api_as_they_were_given() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let target = |verb: &str, target: &str| {
        let id = "FlowId { namespace: Namespace(\"default\"), name: FlowName(\"df\") }";
        format!("({verb:?}, {id}, {target})")
    };
    for (path, body, wanted) in [
        ("next", json!({}), target("next", "None")),
        ("next", Value::Null, target("next", "None")),
        (
            "next",
            json!({ "batch": 1, "stage": "Smoked" }),
            target("next", "Some(Target { batch: 1, phase: Smoked })"),
        ),
        ("continue", json!({ "batches": 2 }), target("go_to", "Target { batch: 2, phase: Smoking }")),
        (
            "continue",
            json!({ "batches": 2, "stage": "Baking" }),
            target("go_to", "Target { batch: 2, phase: Baking }"),
        ),
    ] {
        assert_eq!(served.ask("POST", &format!("{FLOW}/{path}"), Some(&body)).await.http, 200);
        assert_eq!(stub.asked(), [wanted], "{path} {body}");
    }
}

#[tokio::test]
async fn orders_to_instances_reach_the_api_with_size_strategy_and_key() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let strategy = json!({ "batchSize": "1", "mode": "auto", "podsToDelete": ["a"] });
    let parts = ["batch_size: Some(Text(\"1\"))", "mode: Some(\"auto\")", "pods_to_delete: Some([\"a\"])"];
    let message = "batch 1 waits for a person before its pods take traffic";
    let made = json!({ "deployName": "df", "message": message });
    let table = [
        ("restarts", strategy.clone(), "(Restart { strategy: NonUpdateStrategy {", made.clone()),
        ("stops", strategy.clone(), "(Stop { strategy: NonUpdateStrategy {", made.clone()),
        (
            "scales",
            json!({ "replicas": 7, "nonUpdateStrategy": strategy }),
            "(Scale { replicas: 7, strategy: NonUpdateStrategy {",
            made.clone(),
        ),
        (
            "starts",
            json!({ "replicas": 7, "nonUpdateStrategy": strategy }),
            "(Start { replicas: Some(7), strategy: NonUpdateStrategy {",
            made.clone(),
        ),
    ];
    for (verb, body, begins, answer) in table {
        let path = format!("{INSTANCE}/{verb}");
        let key = [("idempotency-key", "click-1")];
        let reply = ask(served.address, "POST", &path, &key, Some(body.to_string())).await;
        assert_eq!((reply.http, &reply.json()["data"]), (201, &answer), "{verb}");
        let [asked] = <[String; 1]>::try_from(stub.asked()).unwrap();
        assert!(asked.starts_with(begins) && asked.ends_with(", Some(\"click-1\"))"), "{asked}");
        assert!(parts.iter().all(|part| asked.contains(part)), "{asked}");
    }
    for (body, to) in [
        (json!({}), "LastGood"),
        (json!({ "deployName": "df-1" }), "Flow(FlowName(\"df-1\"))"),
        (json!({ "revision": "6ddf9b7cf4" }), "Revision(Revision(\"6ddf9b7cf4\"))"),
    ] {
        let reply = served.ask("POST", &format!("{INSTANCE}/rollbacks"), Some(&body)).await;
        assert_eq!(
            reply.json()["data"],
            json!({ "deployName": "df", "rollbackTo": "df-1", "message": message })
        );
        let [asked] = <[String; 1]>::try_from(stub.asked()).unwrap();
        assert!(asked.starts_with(&format!("(Rollback {{ to: {to}, strategy: UpdateStrategy {{")), "{asked}");
    }
}

#[tokio::test]
async fn deleting_an_instance_names_the_flow_or_says_that_there_is_nothing_to_do() {
    let (_, served) = Stub::serve(Config::default()).await;
    let reply = served.ask("DELETE", INSTANCE, None).await;
    assert_eq!((reply.http, &reply.json()["data"]["deployName"]), (202, &json!("df")));
    let absent = "/api/v1/namespaces/default/instances/absent";
    let reply = served.ask("DELETE", absent, None).await;
    assert_eq!((reply.http, reply.text.as_str()), (204, ""));
}

#[tokio::test]
async fn a_flow_without_an_action_creates_what_is_absent_and_updates_what_is_there() {
    let (sim, served) = simulated().await;
    let made = served.ask("POST", FLOWS, Some(&application("web"))).await.json();
    assert_eq!(made["data"]["action"], "create", "{made}");
    assert!(made["data"]["name"].as_str().unwrap().starts_with("web-"));
    let (stub, stubbed) = Stub::serve(Config::default()).await;
    assert_eq!(stubbed.ask("POST", FLOWS, Some(&application("web"))).await.http, 201);
    assert!(stub.asked().iter().any(|asked| asked.contains("action: \"update\"")));
    drop(sim);
}

#[tokio::test]
async fn a_request_with_a_key_makes_one_flow_however_often_it_comes() {
    let (sim, served) = simulated().await;
    let make = async |key: &str, body: &Value| {
        ask(served.address, "POST", FLOWS, &[("idempotency-key", key)], Some(body.to_string())).await
    };
    let first = make("a", &application("web")).await;
    let again = make("a", &application("web")).await;
    assert_eq!((first.http, again.http), (201, 201));
    assert_eq!(first.json()["data"]["name"], again.json()["data"]["name"]);
    assert_eq!(sim.world().flows().iter().count(), 1);
    let other = make("b", &application("web")).await;
    assert_ne!(first.json()["data"]["name"], other.json()["data"]["name"]);
    let mut named = application("web");
    named["name"] = first.json()["data"]["name"].clone();
    let taken = make("c", &named).await;
    assert_eq!((taken.http, &taken.json()["status"]), (409, &json!("ALREADY_EXISTS")));
}

#[tokio::test]
async fn a_request_with_a_key_is_answered_also_where_it_could_not_be_carried_out_a_second_time() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let served = Served::start(service(&host), host.clone(), lifecycle(&host), Config::default()).await;
    let rig = Rig::new(sim, service(&host), None);
    let make = async |key: &str, body: &Value| {
        ask(served.address, "POST", FLOWS, &[("idempotency-key", key)], Some(body.to_string())).await
    };
    let mut create = application("web");
    create["updateStrategy"] = json!({ "mode": "auto" });
    let mut delete = application("web");
    delete["action"] = json!("delete");
    delete["applicationSpec"]["replicas"] = json!(0);
    for (key, body) in [("a", &create), ("b", &delete)] {
        let first = make(key, body).await;
        assert_eq!(first.http, 201, "{}", first.text);
        let name = first.json()["data"]["name"].clone();
        let flow = format!("{FLOWS}/{}", name.as_str().unwrap());
        while served.ask("GET", &flow, None).await.json()["data"]["finished"] != json!(true) {
            rig.pass_time().await;
        }
        let again = make(key, body).await;
        assert_eq!((again.http, &again.json()["data"]["name"]), (201, &name), "{}", again.text);
        assert_eq!(again.json()["data"]["phase"], json!("Success"));
        if key == "a" {
            let mut other = create.clone();
            other["action"] = json!("create");
            let other = make("c", &other).await;
            assert_eq!(
                (other.http, &other.json()["status"]),
                (409, &json!("ALREADY_EXISTS")),
                "{}",
                other.text
            );
        }
    }
}

#[tokio::test]
async fn an_order_to_an_instance_names_fields_without_effect() {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let served = Served::start(service(&host), host.clone(), lifecycle(&host), Config::default()).await;
    let rig = Rig::new(sim, service(&host), None);
    let mut create = application("web");
    create["updateStrategy"] = json!({ "mode": "auto" });
    let name = served.ask("POST", FLOWS, Some(&create)).await.json()["data"]["name"].clone();
    let flow = format!("{FLOWS}/{}", name.as_str().unwrap());
    while served.ask("GET", &flow, None).await.json()["data"]["finished"] != json!(true) {
        rig.pass_time().await;
    }
    let rows = [
        (
            "stops",
            json!({ "maxUnavailable": 1 }),
            "spec.nonUpdateStrategy.maxUnavailable has no effect for action stop",
        ),
        ("restarts", json!({ "maxUnavailable": 1 }), ""),
        (
            "scales",
            json!({ "replicas": 2, "nonUpdateStrategy": { "maxUnavailable": 1 } }),
            "spec.nonUpdateStrategy.maxUnavailable has no effect for action scale",
        ),
    ];
    for (verb, body, told) in rows {
        let path = format!("/api/v1/namespaces/default/instances/web/{verb}");
        let reply = served.ask("POST", &path, Some(&body)).await;
        assert_eq!(
            (reply.http, &reply.json()["data"]["message"]),
            (201, &json!(told)),
            "{verb}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn an_application_that_the_core_refuses_is_refused_in_the_terms_of_the_body() {
    let (_, served) = simulated().await;
    let mut body = application("web");
    body["applicationSpec"]["appID"] = json!(-1);
    body["applicationSpec"]["replicas"] = json!(10_001);
    body["updateStrategy"] = json!({ "batchSize": "0%", "mode": "whenever" });
    let reply = served.ask("POST", FLOWS, Some(&body)).await;
    assert_eq!(reply.http, 400);
    for fault in ["applicationSpec.appID: ", "applicationSpec.replicas: ", "updateStrategy.batchSize: "] {
        assert!(reply.msg().contains(fault), "{fault} is not in {}", reply.msg());
    }
    assert!(!reply.msg().contains("spec.application."), "{}", reply.msg());
}

fn application(instance: &str) -> Value {
    json!({ "applicationSpec": {
        "appID": 1, "groupID": 1, "appName": "app", "instanceName": instance, "replicas": 1,
        "template": { "metadata": {}, "spec": { "containers": [{ "name": "web", "image": "app:1" }] } },
    }})
}

async fn simulated() -> (Sim, Served) {
    let sim = Sim::new(1, Timing::default());
    let host = sim.host();
    let service = Service { store: host.clone(), names: host.clone() };
    let lifecycle = Lifecycle { deploys: service.clone(), instances: host.clone() };
    let served = Served::start(service, host, lifecycle, Config::default()).await;
    (sim, served)
}
