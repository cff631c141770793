use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use futures::{FutureExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;
use crate::world::pods::PodEntry;

/// What the API server does with a watch.
#[derive(Clone)]
enum Watch {
    /// Brings this and ends after so many seconds.
    Brings(Vec<Value>, u64),
    /// Brings nothing and does not end.
    Silent,
    /// Breaks after a second.
    Breaks,
}

/// Requests, as `list` or the version that a watch begins at.
type Asked = Arc<Mutex<Vec<String>>>;

#[tokio::test(start_paused = true)]
async fn after_a_watch_that_ran_its_time_the_next_one_goes_on_and_after_anything_else_the_kind_is_listed() {
    let bookmark = json!({ "type": "BOOKMARK", "object": {
        "apiVersion": "v1", "kind": "Pod", "metadata": { "resourceVersion": "9" },
    } });
    let expired = json!({ "type": "ERROR", "object": { "code": 410, "message": "too old" } });
    let rows = [
        ("it ran its time", Watch::Brings(vec![], 30), "5"),
        ("it brought a bookmark and ran its time", Watch::Brings(vec![bookmark], 30), "9"),
        ("it ended before its time", Watch::Brings(vec![], 1), "list"),
        ("it began with too old a version", Watch::Brings(vec![expired], 30), "list"),
        ("it is silent", Watch::Silent, "list"),
        ("it broke", Watch::Breaks, "list"),
    ];
    for (what, watch, next) in rows {
        let (asked, cache, took) = fed(vec![watch], 3).await;
        assert_eq!(asked[..2], ["list".to_owned(), "5".to_owned()], "{what}");
        assert_eq!(asked[2], next, "{what}");
        assert!(took < Duration::from_secs(40), "{what}: after {took:?}");
        assert!(cache.age().is_some_and(|age| age < Limits::default().view()), "{what}: {:?}", cache.age());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_every_watch_at_once_is_not_asked_without_pause() {
    let (asked, _, took) = fed(vec![Watch::Brings(vec![], 0); 20], 20).await;
    assert!(took > Duration::from_secs(30), "{} requests in {took:?}", asked.len());
}

/// Feeds a cache until there were so many requests; answers them, the cache and how long that took.
async fn fed(watches: Vec<Watch>, requests: usize) -> (Vec<String>, Cache<PodEntry>, Duration) {
    let (asked, cache) = (Asked::default(), Cache::new("pods", Box::new(|_, _| ())));
    let api: Api<Pod> = Api::all(server(watches, Arc::clone(&asked)));
    let open = || std::future::ready(Ok(api.clone()));
    let failed: Failed = Arc::new(|_, _| ());
    cache.heard();
    let began = Instant::now();
    let enough = async {
        while asked.lock().len() < requests {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        why = feed(open, PodEntry::of, &cache, Limits::default(), &failed) => panic!("{why}"),
        () = enough => {}
        () = tokio::time::sleep(Duration::from_secs(3_600)) => panic!("only {:?}", asked.lock()),
    }
    let asked = asked.lock().clone();
    (asked, cache, began.elapsed())
}

/// An API server whose lists are empty and at version 5; watches beyond those given run their time.
fn server(watches: Vec<Watch>, asked: Asked) -> Client {
    let watches = Arc::new(Mutex::new(VecDeque::from(watches)));
    let answer = move |request: Request<kube::client::Body>| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let version = query.split('&').find_map(|part| part.strip_prefix("resourceVersion="));
        let is_watch = query.contains("watch=true");
        asked.lock().push(if is_watch { version.unwrap_or_default().to_owned() } else { "list".to_owned() });
        let body = if is_watch {
            watch(watches.lock().pop_front().unwrap_or(Watch::Brings(vec![], 30)))
        } else {
            let list = json!({ "apiVersion": "v1", "kind": "PodList", "items": [],
                "metadata": { "resourceVersion": "5" } });
            Body::from(list.to_string())
        };
        std::future::ready(Ok::<_, Infallible>(Response::new(body)))
    };
    Client::new(tower::service_fn(answer), "default")
}

fn watch(watch: Watch) -> Body {
    let pause = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
    match watch {
        Watch::Brings(events, seconds) => {
            let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
            let end = pause(seconds).map(|()| Ok::<_, std::io::Error>(String::new())).into_stream();
            Body::from_stream(stream::iter([Ok(lines)]).chain(end))
        }
        Watch::Silent => Body::from_stream(stream::pending::<Result<String, std::io::Error>>()),
        Watch::Breaks => {
            let broken = || Err::<String, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
            Body::from_stream(pause(1).map(move |()| broken()).into_stream())
        }
    }
}
