use std::convert::Infallible;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::*;

/// What an API server does: the versions in which it tells of CloneSets, and those in which it lists them.
#[derive(Clone, Copy)]
struct Serves {
    tells: &'static [&'static str],
    lists: &'static [&'static str],
    busy: bool,
}

const ALPHA: &[&str] = &["v1alpha1"];
const BOTH: &[&str] = &["v1alpha1", "v1beta1"];

#[tokio::test]
async fn the_oldest_version_that_is_served_at_first_is_read_for_as_long_as_it_is_served() {
    let serves = |tells, lists| Serves { tells, lists, busy: false };
    let (alpha, both, nothing) = (serves(ALPHA, ALPHA), serves(BOTH, BOTH), serves(&[], &[]));
    let beta = serves(&["v1beta1"], &["v1beta1"]);
    let (starts, empty) = (serves(&[], BOTH), serves(BOTH, &[]));
    let busy = Serves { busy: true, ..both };
    let (v1alpha1, v1beta1) = ("apps.kruise.io/v1alpha1", "apps.kruise.io/v1beta1");
    let now = |version: &str| format!("serves CloneSets as {version} now");
    // What is served at first and later, and what comes of the later question.
    let rows = [
        ("OpenKruise 1.9", alpha, alpha, Ok(v1alpha1)),
        ("a later one", both, both, Ok(v1alpha1)),
        ("one that serves v1beta1 alone", beta, beta, Ok(v1beta1)),
        ("it is installed", nothing, both, Ok(v1alpha1)),
        ("it is raised", alpha, both, Ok(v1alpha1)),
        ("it is raised, and v1alpha1 is not served any more", alpha, beta, Err(now(v1beta1))),
        ("it is put back", both, alpha, Ok(v1alpha1)),
        ("it is put back from v1beta1 alone to both", beta, both, Ok(v1beta1)),
        ("it is put back from v1beta1 alone", beta, alpha, Err(now(v1alpha1))),
        ("it is taken away", both, nothing, Err("serves no CloneSets".into())),
        ("the API server does not tell of all that it serves", beta, starts, Ok(v1beta1)),
        ("the API server tells of what it does not list yet", both, empty, Err("404".into())),
        ("the API server is busy", both, busy, Err("busy".into())),
        ("the API server is busy at first", busy, both, Ok(v1alpha1)),
    ];
    for (what, first, later, wanted) in rows {
        let (served, now) = (Served::default(), Arc::new(Mutex::new(first)));
        let client = server(Arc::clone(&now));
        let _ = served.version(&client, None).await;
        *now.lock() = later;
        let found = served.version(&client, None).await;
        match (&found, &wanted) {
            (Ok(found), Ok(wanted)) => assert_eq!(found.name(), *wanted, "{what}"),
            (Err(found), Err(wanted)) => assert!(found.to_string().contains(wanted), "{what}: {found}"),
            _ => panic!("{what}: {found:?} instead of {wanted:?}"),
        }
        assert!(first.busy || first.tells.is_empty() || served.chosen().is_some(), "{what}");
    }
}

fn server(serves: Arc<Mutex<Serves>>) -> Client {
    let answer = move |request: Request<kube::client::Body>| {
        let (serves, path) =
            (*serves.lock(), request.uri().path().trim_start_matches("/apis/apps.kruise.io/"));
        let (version, kind) = path.split_once('/').unwrap_or((path, ""));
        let (code, body) = match kind {
            _ if serves.busy => (503, failure("busy")),
            // The group has other kinds in every version.
            "" => (200, tells(serves.tells.contains(&version))),
            _ if serves.lists.contains(&version) => (200, json!({ "metadata": {}, "items": [] })),
            _ => (404, Value::Null),
        };
        let body = if body.is_null() { "404 page not found".into() } else { body.to_string() };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(code).expect("a code");
        std::future::ready(Ok::<_, Infallible>(response))
    };
    Client::new(tower::service_fn(answer), "default")
}

fn failure(message: &str) -> Value {
    json!({ "kind": "Status", "status": "Failure", "message": message, "reason": "", "code": 503 })
}

fn tells(clonesets: bool) -> Value {
    let kind = |name: &str| json!({ "name": name, "kind": name, "singularName": name, "namespaced": true, "verbs": ["list"] });
    let kinds =
        if clonesets { vec![kind("daemonsets"), kind("clonesets")] } else { vec![kind("daemonsets")] };
    json!({ "kind": "APIResourceList", "groupVersion": "apps.kruise.io", "resources": kinds })
}
