//! What calls take: what the description says, and nothing else. So a handler cannot leave anything out in silence, and a
//! route that is added cannot forget to refuse.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Query, Request, State};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::answer::Refusal;

/// Longest body that may be nothing, in bytes.
const NOTHING: usize = 1 << 10;

/// Refuses a query and a body that the call does not have; what is not described, such as files of the page over the
/// description, is left alone.
pub(super) async fn known(
    State(description): State<Arc<Value>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let method = if request.method() == Method::HEAD { "get" } else { request.method().as_str() };
    let call = &description["paths"][path.as_str()][method.to_ascii_lowercase()];
    if call.is_null() {
        return next.run(request).await;
    }
    match taken(call, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// The request, where the call takes all of it.
async fn taken(call: &Value, request: Request) -> Result<Request, Refusal> {
    let has_body = !call["requestBody"].is_null();
    query(call, request.uri(), has_body)?;
    if has_body {
        return Ok(request);
    }
    let (head, body) = request.into_parts();
    let bytes = to_bytes(body, NOTHING).await;
    let nothing = |text: &[u8]| {
        let text = text.trim_ascii();
        let read = || serde_json::from_slice(text).unwrap_or(Value::Bool(true));
        text.is_empty()
            || matches!(read(), Value::Null)
            || read().as_object().is_some_and(|map| map.is_empty())
    };
    if bytes.is_ok_and(|bytes| nothing(&bytes)) {
        return Ok(Request::from_parts(head, Body::empty()));
    }
    Err(Refusal::field("body", "this call takes none: leave it out"))
}

fn query(call: &Value, uri: &Uri, has_body: bool) -> Result<(), Refusal> {
    let given = Query::<Vec<(String, String)>>::try_from_uri(uri);
    let given = given.map_err(|error| Refusal::field("query", error.body_text()))?;
    let parameters = call["parameters"].as_array().into_iter().flatten();
    let known = parameters.filter(|parameter| parameter["in"] == "query");
    let known: Vec<&str> = known.filter_map(|parameter| parameter["name"].as_str()).collect();
    let Some((other, _)) = given.iter().find(|(name, _)| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let mut text = match known.as_slice() {
        [] => "this call has no query".to_owned(),
        known => format!("is not in the query of this call, which has {}", known.join(", ")),
    };
    if has_body {
        text.push_str("; what is ordered stands in the body");
    }
    Err(Refusal::field(other, text))
}
