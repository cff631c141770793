//! What holds for every request: it is answered in time, a panic is an answer, and pages of other origins
//! give no orders.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::header::{HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use triton_core::service::{ApiError, ApiErrorKind};

use super::Door;
use super::answer::Refusal;

/// Answers a request, whatever becomes of it.
pub(super) async fn guard(State(door): State<Door>, request: Request, next: Next) -> Response {
    let mut response = match forbidden(&door, &request) {
        None => {
            let within = door.config.call_timeout;
            let answer = AssertUnwindSafe(tokio::time::timeout(within, next.run(request))).catch_unwind();
            answered(answer.await).unwrap_or_else(|error| Refusal::from(error).into_response())
        }
        Some(text) => Refusal::from(ApiError::new(ApiErrorKind::PermissionDenied, text)).into_response(),
    };
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    door.config.age.tell(response.headers_mut());
    response
}

/// Why this request is not for this server. A page in a browser of this machine needs no permission to send
/// requests to loopback; what it sends along tells it from a person.
fn forbidden(door: &Door, request: &Request) -> Option<&'static str> {
    let headers = request.headers();
    if door.loopback && !is_for_loopback(headers) {
        Some("host: this server listens on loopback and answers to localhost, 127.0.0.1 and [::1] only")
    } else if !request.method().is_safe() && !is_of_no_other_origin(headers) {
        Some("origin: pages of another origin give no orders")
    } else {
        None
    }
}

fn answered<E, P>(answer: Result<Result<Response, E>, P>) -> Result<Response, ApiError> {
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => {
            let text = "the request was not answered in time; whether it had an effect is not known";
            Err(ApiError::new(ApiErrorKind::Unavailable, text))
        }
        Err(_) => Err(ApiError::new(ApiErrorKind::Internal, "a bug in the server; its log says more")),
    }
}

/// A name that an attacker points at loopback is still in the header (DNS rebinding).
fn is_for_loopback(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST) else { return true };
    let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    host.is_some_and(|host| {
        let name = host.host().trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    })
}

/// Browsers send along which page gives an order.
fn is_of_no_other_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    match (origin.as_ref().and_then(Uri::authority), host) {
        (Some(origin), Some(host)) => origin.as_str().eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Answers for paths that there are not.
pub(super) async fn no_such_path(uri: Uri) -> Refusal {
    let text = format!("there is no path {}; {}/docs shows those that there are", uri.path(), super::BASE);
    ApiError::new(ApiErrorKind::NotFound, text).into()
}

/// Answers for methods that a path does not have.
pub(super) async fn no_such_method(method: Method, uri: Uri) -> Refusal {
    let text = format!("path {} has no method {method}", uri.path());
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ApiErrorKind::InvalidArgument, text)
}
