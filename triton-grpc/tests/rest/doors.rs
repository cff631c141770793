//! What a stranger with curl finds at the REST door: the envelope whatever happens, refusals that name fields,
//! limits.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use triton_grpc::rest::Config;
use triton_grpc::status::codes;
use triton_grpc::{Age, ViewAge};

use crate::http::{Reply, ask};
use crate::rest::KINDS;
use crate::stub::{Mood, Stub};

const FLOW: &str = "/api/v1/namespaces/default/deployflows/df";
const FLOWS: &str = "/api/v1/namespaces/default/deployflows";
const INSTANCE: &str = "/api/v1/namespaces/default/instances/12122-sample-10010";

/// Method, path and body.
type Call = (&'static str, String, Option<Value>);

/// Every call with the code of its success.
fn calls() -> Vec<(&'static str, String, Option<Value>, u16)> {
    let order = |verb: &str| format!("{FLOW}/{verb}");
    let of = |verb: &str| format!("{INSTANCE}/{verb}");
    let pods = "/api/v1/namespaces/default/pods";
    vec![
        ("GET", FLOWS.into(), None, 200),
        ("GET", FLOW.into(), None, 200),
        ("POST", FLOWS.into(), Some(json!({ "action": "create", "applicationSpec": {} })), 201),
        ("PATCH", FLOW.into(), Some(json!({ "paused": false })), 200),
        ("DELETE", FLOW.into(), None, 204),
        ("POST", order("next"), None, 200),
        ("POST", order("continue"), Some(json!({ "batches": 2 })), 200),
        ("POST", order("pause"), None, 200),
        ("POST", order("resume"), None, 200),
        ("POST", order("cancel"), None, 200),
        ("GET", "/api/v1/namespaces/default/instances".into(), None, 200),
        ("GET", INSTANCE.into(), None, 200),
        ("DELETE", INSTANCE.into(), None, 202),
        ("POST", of("rollbacks"), None, 201),
        ("POST", of("restarts"), None, 201),
        ("POST", of("scales"), Some(json!({ "replicas": 0 })), 201),
        ("POST", of("starts"), None, 201),
        ("POST", of("stops"), None, 201),
        ("GET", pods.into(), None, 200),
        ("GET", format!("{pods}/p"), None, 200),
    ]
}

#[tokio::test]
async fn every_call_answers_in_the_envelope_and_with_the_code_of_the_table() {
    let (stub, served) = Stub::serve(Config::default()).await;
    for (method, path, body, http) in calls() {
        let reply = served.ask(method, &path, body.as_ref()).await;
        assert_eq!(reply.http, http, "{method} {path}: {}", reply.text);
        if http == 204 {
            assert_eq!(reply.text, "");
        } else {
            let json = reply.json();
            assert_eq!((&json["code"], &json["msg"]), (&json!(0), &json!("success")), "{method} {path}");
            assert_eq!(reply.headers["content-type"], "application/json");
        }
        assert_eq!(stub.asked().len(), 1, "{method} {path}");
    }
    let watches = [("GET", format!("{FLOW}/watch"), None, 200), ("GET", format!("{FLOWS}/watch"), None, 200)];
    for kind in KINDS {
        stub.be(Mood::Refuse(kind));
        for (method, path, body, _) in calls().into_iter().chain(watches.clone()) {
            let reply = served.ask(method, &path, body.as_ref()).await;
            assert_eq!(reply.http, codes(kind).http, "{kind:?} of {method} {path}");
            let wanted = json!({
                "code": 7, "data": {}, "msg": format!("{kind:?}: dépôt"), "status": codes(kind).name
            });
            assert_eq!(reply.json(), wanted, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn bad_input_is_refused_and_the_field_named() {
    let new = |change: Value| {
        let mut body = json!({ "action": "create", "applicationSpec": { "instanceName": "a" } });
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        Some(body)
    };
    let table = [
        (("GET", FLOW.replace("df", "DF"), None), "name: must consist of"),
        (("GET", FLOW.replace("default", "a.b"), None), "namespace: must not contain '.'"),
        (("GET", INSTANCE.replace("12122", "A"), None), "name: must consist of"),
        (("GET", format!("{FLOWS}?instanceName=A"), None), "instanceName: "),
        (("GET", format!("{FLOWS}?pageSize=-1"), None), "pageSize: must be a number from 0"),
        (("GET", format!("{FLOWS}?start=x"), None), "start: must be a number"),
        (("GET", format!("{FLOWS}?action=explode"), None), "action: \"explode\" is not an action"),
        (("GET", format!("{FLOWS}?after=yesterday"), None), "after: "),
        (
            ("GET", format!("{FLOWS}?pagesize=1"), None),
            "pagesize: is not in the query of this call, which has instanceName",
        ),
        (("GET", format!("{FLOWS}?start=1&start=2"), None), "query: "),
        (("GET", format!("{FLOW}/watch?stage=Baked"), None), "batches: must be given beside stage"),
        (("GET", format!("{FLOW}/watch?batches=0"), None), "batches: must be at least 1"),
        (("GET", format!("{FLOW}/watch?batches=1&stage=Raw"), None), "stage: must be one of"),
        (("POST", FLOWS.into(), None), "body: must be given"),
        (("POST", FLOWS.into(), Some(json!({}))), "body: missing field `applicationSpec`"),
        (("POST", FLOWS.into(), Some(json!([]))), "body: must be an object"),
        (("POST", FLOWS.into(), Some(json!("x"))), "body: invalid type: string \"x\", expected an object"),
        (
            ("POST", FLOWS.into(), new(json!({ "applicationSpec": [1, 1, "a", "a"] }))),
            "applicationSpec: must be an object",
        ),
        (
            ("POST", FLOWS.into(), new(json!({ "updateStrategy": [true, true, null, 3] }))),
            "updateStrategy: must be an object",
        ),
        (("POST", FLOWS.into(), new(json!({ "name": "A" }))), "name: "),
        (("POST", FLOWS.into(), new(json!({ "updateStrategy": { "batchsize": 1 } }))), "updateStrategy"),
        (
            ("POST", FLOWS.into(), new(json!({ "updateStrategy": { "batchSize": 1.5 } }))),
            "updateStrategy.batchSize: must be a whole number or a percentage",
        ),
        (
            ("POST", FLOWS.into(), new(json!({ "applicationSpec": { "template": "x" } }))),
            "applicationSpec.template: invalid type",
        ),
    ];
    refuse_all(table).await;
}

#[tokio::test]
async fn bad_orders_are_refused_and_the_field_named() {
    let (order, of) = (|verb: &str| format!("{FLOW}/{verb}"), |verb: &str| format!("{INSTANCE}/{verb}"));
    let patch = |patch: Value| ("PATCH", FLOW.to_owned(), Some(patch));
    let table = [
        (patch(json!({ "canary": 1 })), "canary: unknown field `canary`"),
        (patch(json!({ "stage": "Baked" })), "batches: must be given beside stage"),
        (patch(json!({ "batches": 0 })), "batches: must be at least 1"),
        (patch(json!({ "batches": 1, "stage": "SmokeFailed" })), "stage: must be one of"),
        (patch(json!({ "batchSize": "0%" })), "batchSize: must be between"),
        (patch(json!({ "batchSizes": [] })), "batchSizes: must not be empty"),
        (patch(json!({ "batchSizes": [1], "batchSize": 1 })), "batchSizes: stands instead"),
        (patch(json!({ "progressDeadlineSeconds": 0 })), "progressDeadlineSeconds: must be at least 1"),
        (patch(json!({ "batchIntervalSeconds": -1 })), "batchIntervalSeconds: invalid value"),
        (patch(json!({ "paused": 1 })), "paused: invalid type"),
        (("POST", order("next"), Some(json!({ "batch": 1 }))), "stage: must be given beside batch"),
        (("POST", order("next"), Some(json!({ "stage": "Baked" }))), "batch: must be given beside stage"),
        (("POST", order("continue"), None), "body: must be given"),
        (("POST", order("continue"), Some(json!({ "stage": "Baked" }))), "body: missing field `batches`"),
        (("POST", of("scales"), None), "body: must be given"),
        (("POST", of("scales"), Some(json!({}))), "body: missing field `replicas`"),
        (("POST", of("scales"), Some(json!({ "replicas": -1 }))), "replicas: invalid value"),
        (("POST", of("rollbacks"), Some(json!({ "deployName": "A" }))), "deployName: "),
        (
            ("POST", of("rollbacks"), Some(json!({ "deployName": "a", "revision": "b" }))),
            "revision: stands instead of deployName",
        ),
        (("POST", of("stops"), Some(json!({ "canary": 1 }))), "canary: unknown field"),
        (
            ("POST", of("scales"), Some(json!({ "replicas": 1, "nonUpdateStrategy": [true] }))),
            "nonUpdateStrategy: must be an object",
        ),
        (
            ("POST", of("restarts?podsToDelete=a"), None),
            "podsToDelete: this call has no query; what is ordered stands in the body",
        ),
    ];
    refuse_all(table).await;
}

#[tokio::test]
async fn what_is_not_understood_is_refused_in_the_envelope_too() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let at = served.address;
    for path in ["/", "/api/v1", "/api/v1/namespaces/default", "/api/v2/x", "/api/v1/docs/no-such-file"] {
        let reply = served.ask("GET", path, None).await;
        assert_eq!((reply.http, &reply.json()["status"]), (404, &json!("NOT_FOUND")), "{path}");
    }
    for method in ["PUT", "OPTIONS", "TRACE", "BREW"] {
        let reply = served.ask(method, FLOW, None).await;
        refused(&reply, 405, &format!("path {FLOW} has no method {method}"));
        assert!(reply.headers["allow"].to_str().unwrap().contains("PATCH"));
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control-")));
    }
    let text = [("content-type", "text/plain")];
    refused(&ask(at, "POST", FLOWS, &text, Some("{}".into())).await, 415, "content-type: must be");
    refused(&ask(at, "POST", FLOWS, &[], Some("{".into())).await, 400, "body: EOF while parsing");
    refused(&ask(at, "POST", FLOWS, &[], Some("{\"action\"".into())).await, 400, "");
    refused(&ask(at, "PATCH", FLOW, &[], Some("{} {}".into())).await, 400, "body: trailing characters");
    refused(&served.ask("GET", "/api/v1/namespaces/%ff/pods", None).await, 400, "path: ");
    for key in ["", "a b", &"k".repeat(256)] {
        let reply = ask(at, "POST", &format!("{INSTANCE}/stops"), &[("idempotency-key", key)], None).await;
        refused(&reply, 400, "Idempotency-Key: must have");
    }
    let next = ask(at, "POST", &format!("{FLOW}/next"), &[("idempotency-key", "k")], None).await;
    refused(&next, 400, "Idempotency-Key: does not make this repeatable");
    assert_eq!(stub.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_an_application_may_be_larger_than_an_order() {
    let (_, served) = Stub::serve(Config::default()).await;
    let body = |size: usize| {
        let spec = json!({ "instanceName": "a", "template": { "x": "y".repeat(size) } });
        Some(json!({ "action": "create", "applicationSpec": spec }))
    };
    assert_eq!(served.ask("POST", FLOWS, body(300 << 10).as_ref()).await.http, 201);
    refused(&served.ask("POST", FLOWS, body(4 << 20).as_ref()).await, 413, "body: ");
    let order = json!({ "stage": "x".repeat(300 << 10) });
    refused(&served.ask("PATCH", FLOW, Some(&order)).await, 413, "body: ");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let request = format!("GET {FLOW} HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", "y".repeat(20 << 10));
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_call_that_hangs_and_one_that_panics_are_answered() {
    let (stub, served) =
        Stub::serve(Config { call_timeout: Duration::from_millis(50), ..Config::default() }).await;
    stub.be(Mood::Hang);
    refused(&served.ask("GET", FLOW, None).await, 503, "the request was not answered in time");
    refused(&served.ask("GET", &format!("{FLOW}/watch"), None).await, 503, "the request was not answered");
    stub.be(Mood::Panic);
    refused(&served.ask("GET", FLOW, None).await, 500, "a bug in the server");
    stub.be(Mood::Well);
    assert_eq!(served.ask("GET", FLOW, None).await.http, 200);
}

#[tokio::test]
async fn every_answer_tells_how_old_it_is_and_what_is_too_old() {
    let age = Age::new(|| Some(ViewAge { age: Duration::from_millis(80_900), stale: Some("pods".into()) }));
    let (stub, served) = Stub::serve(Config { age, ..Config::default() }).await;
    let nowhere = "/api/v1/nowhere";
    for (mood, path, status) in
        [(Mood::Well, FLOW, 200), (Mood::Well, nowhere, 404), (Mood::Panic, FLOW, 500)]
    {
        stub.be(mood);
        let reply = served.ask("GET", path, None).await;
        assert_eq!(reply.http, status);
        let told = |name: &str| reply.headers.get(name).and_then(|value| value.to_str().ok());
        let (age, stale) = (told("triton-view-age-seconds"), told("triton-view-stale"));
        assert_eq!((age, stale), (Some("80"), Some("pods")), "{path}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_look_and_give_no_orders() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let own = format!("http://{}", served.address);
    let pause = format!("{FLOW}/pause");
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        let reply = ask(served.address, "POST", &pause, &[("origin", origin)], None).await;
        refused(&reply, 403, "origin: ");
    }
    assert_eq!(stub.asked(), Vec::<String>::new());
    assert_eq!(ask(served.address, "POST", &pause, &[("origin", &own)], None).await.http, 200);
    let look = ask(served.address, "GET", FLOW, &[("origin", "http://evil.example")], None).await;
    assert!(look.http == 200 && !look.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_server_on_loopback_answers_to_names_of_loopback_only() {
    let (stub, served) = Stub::serve(Config::default()).await;
    for host in ["evil.example", "evil.example:8088", "localhost.evil.example", "10.0.0.1", "::1"] {
        refused(&ask(served.address, "GET", FLOW, &[("host", host)], None).await, 403, "host: ");
    }
    assert_eq!(stub.asked(), Vec::<String>::new());
    for host in ["localhost", "LOCALHOST:8088", "127.0.0.1:1", "[::1]", "[::1]:8088"] {
        assert_eq!(ask(served.address, "GET", FLOW, &[("host", host)], None).await.http, 200, "{host}");
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_idle_ones_are_closed() {
    let config =
        Config { max_connections: 1, header_timeout: Duration::from_millis(200), ..Config::default() };
    let (_, served) = Stub::serve(config).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(served.ask("GET", FLOW, None).await.http, 200, "after the idle one was closed");
    let mut rest = String::new();
    idle.read_to_string(&mut rest).await.unwrap();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
}

#[tokio::test]
async fn a_server_that_stops_lets_calls_end_and_then_goes() {
    let config = Config { grace: Duration::from_millis(100), ..Config::default() };
    let (stub, served) = Stub::serve(config).await;
    stub.be(Mood::Hang);
    let hanging = tokio::spawn(ask_quietly(served.address));
    while stub.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::timeout(Duration::from_secs(30), served.stop()).await.expect("it goes").unwrap();
    let _ = hanging.await;
}

async fn ask_quietly(address: std::net::SocketAddr) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {FLOW} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

fn refused(reply: &Reply, http: u16, begins: &str) {
    assert_eq!(reply.http, http, "{}", reply.text);
    let json = reply.json();
    assert_eq!((&json["code"], &json["data"]), (&json!(7), &json!({})), "{json}");
    assert!(reply.msg().starts_with(begins), "{begins:?} is not at the head of {:?}", reply.msg());
    assert_eq!(reply.headers["content-type"], "application/json");
}

/// Asks all of it; each is refused with these words, and the API not asked.
async fn refuse_all<const N: usize>(table: [(Call, &str); N]) {
    let (stub, served) = Stub::serve(Config::default()).await;
    for ((method, path, body), begins) in table {
        let reply = served.ask(method, &path, body.as_ref()).await;
        refused(&reply, 400, begins);
        assert_eq!(stub.asked(), Vec::<String>::new(), "{method} {path} reached the API");
    }
}
