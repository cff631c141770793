//! Watches as server-sent events.

use std::time::Duration;

use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use triton_core::service::{ApiError, ApiErrorKind, FlowEvent};
use triton_grpc::rest::Config;

use crate::http::{Event, events, send};
use crate::stub::Stub;
use crate::views;

const WATCH: &str = "/api/v1/namespaces/default/deployflows/df/watch";
const LIST: &str = "/api/v1/namespaces/default/deployflows/watch";

#[tokio::test]
async fn a_flow_is_told_at_each_change_and_the_stream_ends_with_the_watch() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let response = send(served.address, "GET", WATCH, &[], None).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut events = events(response);
    stub.tell(Ok(views::smoked("df")));
    stub.tell(Ok(views::success("df")));
    stub.end();
    for phase in ["BatchStarted", "Success"] {
        let (name, data) = events.next().await.unwrap();
        assert_eq!((name.as_str(), &json(&data)["phase"]), ("", &json!(phase)));
    }
    assert_eq!(events.next().await, None);
    assert!(stub.asked()[0].ends_with("None)"));
}

#[tokio::test]
async fn a_watch_takes_a_target() {
    let (stub, served) = Stub::serve(Config::default()).await;
    for (query, target) in [
        ("batches=2", "Some(Target { batch: 2, phase: Baked })"),
        ("batches=2&stage=Smoked", "Some(Target { batch: 2, phase: Smoked })"),
    ] {
        send(served.address, "GET", &format!("{WATCH}?{query}"), &[], None).await;
        assert!(stub.asked()[0].ends_with(&format!("{target})")), "{query}");
    }
}

#[tokio::test]
async fn what_ends_a_watch_early_is_an_event_with_the_envelope_of_the_error() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let mut events = events(send(served.address, "GET", WATCH, &[], None).await);
    stub.tell(Err(ApiError::new(ApiErrorKind::NotFound, "flow default/df was removed")));
    let wanted =
        json!({ "code": 7, "data": {}, "msg": "flow default/df was removed", "status": "NOT_FOUND" });
    assert_eq!(told(&events.next().await), ("error", wanted));
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_list_is_told_then_each_change_and_each_removal() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let mut events = events(send(served.address, "GET", LIST, &[], None).await);
    stub.tell_lists(Ok(FlowEvent::Listed(vec![views::smoked("a"), views::smoked("b")])));
    stub.tell_lists(Ok(FlowEvent::Changed(views::success("a"))));
    stub.tell_lists(Ok(FlowEvent::Removed(views::id("b"))));
    let first = events.next().await;
    let (name, list) = told(&first);
    assert_eq!((name, &list[0]["name"], &list[1]["name"]), ("list", &json!("a"), &json!("b")));
    let second = events.next().await;
    let (name, flow) = told(&second);
    assert_eq!((name, &flow["name"], &flow["phase"]), ("changed", &json!("a"), &json!("Success")));
    let removed = json!({ "namespace": "default", "name": "b" });
    assert_eq!(told(&events.next().await), ("removed", removed));
}

#[tokio::test]
async fn there_are_no_more_watches_than_allowed_and_one_that_is_left_makes_room() {
    let (_, served) = Stub::serve(Config { max_watches: 1, ..Config::default() }).await;
    let open = send(served.address, "GET", WATCH, &[], None).await;
    assert_eq!(served.watches.live(), 1);
    for path in [WATCH, LIST] {
        let reply = served.ask("GET", path, None).await;
        assert_eq!((reply.http, &reply.json()["status"]), (429, &json!("RESOURCE_EXHAUSTED")));
    }
    drop(open);
    let start = std::time::Instant::now();
    while served.watches.live() > 0 {
        assert!(start.elapsed() < Duration::from_secs(30), "the watch was not given up");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(send(served.address, "GET", LIST, &[], None).await.status(), 200);
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_gets_comments() {
    let (_, served) = Stub::serve(Config { keepalive: Duration::from_millis(10), ..Config::default() }).await;
    let mut response = send(served.address, "GET", WATCH, &[], None).await;
    let frame = response.body_mut().frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(frame.starts_with(b":"), "{frame:?}");
}

#[tokio::test]
async fn watches_are_told_when_the_server_stops() {
    let (_, served) = Stub::serve(Config::default()).await;
    let mut events = events(send(served.address, "GET", WATCH, &[], None).await);
    let stopped = served.stop();
    let last = events.next().await;
    let (name, envelope) = told(&last);
    assert_eq!((name, &envelope["status"]), ("error", &json!("UNAVAILABLE")));
    assert_eq!(events.next().await, None);
    tokio::time::timeout(Duration::from_secs(30), stopped).await.expect("in time").unwrap();
}

fn told(event: &Option<Event>) -> (&str, Value) {
    let (name, data) = event.as_ref().expect("an event");
    (name, json(data))
}

fn json(data: &str) -> Value {
    serde_json::from_str(data).unwrap()
}
