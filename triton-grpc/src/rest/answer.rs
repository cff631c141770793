//! The envelope: what every answer is wrapped in.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use triton_core::model::{TextFor, shorten};
use triton_core::service::{ApiError, ApiErrorKind};
use utoipa::{IntoResponses, ToSchema};

use crate::status::codes;

/// `code` of an answer that is none of what was asked for.
const FAILED: u32 = 7;

/// What was asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Envelope<T> {
    /// 0: done.
    #[schema(maximum = 0)]
    code: u32,
    /// What was asked for.
    data: T,
    /// `success`.
    msg: &'static str,
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page<T> {
    /// 0: done.
    #[schema(maximum = 0)]
    code: u32,
    /// The page.
    data: Vec<T>,
    /// `success`.
    msg: &'static str,
    /// How many were skipped.
    start: u32,
    /// How many are answered at most.
    #[serde(rename = "pageSize")]
    page_size: u32,
    /// `start` of the next page; null when this is the last one.
    next: Option<u32>,
}

/// Why it was not done.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failure {
    /// 7: not done.
    #[schema(minimum = 7, maximum = 7)]
    code: u32,
    /// Empty.
    data: Empty,
    /// What is wrong and what to do; names the field where there is one.
    msg: String,
    /// The kind of error by the name of its gRPC code: tells those with one HTTP code apart.
    status: &'static str,
}

/// Nothing.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Empty {}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    http: StatusCode,
    error: ApiError,
}

/// What a handler answers.
pub(super) type Answer = Result<Response, Refusal>;

impl Refusal {
    /// An error with an HTTP code of its own.
    pub(super) fn new(http: StatusCode, kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self { http, error: ApiError::new(kind, message) }
    }

    /// Bad input; `field` is as the caller knows it.
    pub(super) fn field(field: &str, message: impl std::fmt::Display) -> Self {
        crate::convert::fault(field, message).into()
    }

    /// The envelope of it.
    pub(super) fn envelope(self) -> Failure {
        let status = codes(self.error.kind).name;
        let msg = shorten(&self.error.message, TextFor::Answer);
        Failure { code: FAILED, data: Empty {}, msg, status }
    }
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        let http = StatusCode::from_u16(codes(error.kind).http);
        Self { http: http.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let http = self.http;
        json(http, &self.envelope())
    }
}

/// Answers with data.
pub(super) fn done<T: Serialize>(http: StatusCode, data: T) -> Response {
    json(http, &Envelope { code: 0, data, msg: "success" })
}

/// Answers with a page; `data` may hold one entry more than fits.
pub(super) fn page<T: Serialize>(mut data: Vec<T>, start: u32, page_size: u32, more: bool) -> Response {
    data.truncate(usize::try_from(page_size).unwrap_or(usize::MAX));
    let next = more.then(|| start.saturating_add(page_size));
    json(StatusCode::OK, &Page { code: 0, data, msg: "success", start, page_size, next })
}

fn json(http: StatusCode, body: &impl Serialize) -> Response {
    let (http, text) = match serde_json::to_vec(body) {
        Ok(text) => (http, text),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string().into_bytes()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = http;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// How a list can be refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described only")]
pub(super) enum ListRefused {
    /// Malformed or refused input; names the field.
    #[response(status = 400)]
    Invalid(Failure),
    /// Not allowed: asked under a foreign name.
    #[response(status = 403)]
    Denied(Failure),
    /// Over a limit; ask again later.
    #[response(status = 429)]
    Exhausted(Failure),
    /// A bug in the server.
    #[response(status = 500)]
    Internal(Failure),
    /// The store or the cluster cannot be reached, or the answer takes too long; try again.
    #[response(status = 503)]
    Unavailable(Failure),
}

/// How a look at one thing can be refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described only")]
pub(super) enum GetRefused {
    /// Malformed or refused input; names the field.
    #[response(status = 400)]
    Invalid(Failure),
    /// Not allowed: asked under a foreign name.
    #[response(status = 403)]
    Denied(Failure),
    /// There is none.
    #[response(status = 404)]
    NotFound(Failure),
    /// Not in a state to be shown; says why.
    #[response(status = 409)]
    Conflict(Failure),
    /// Over a limit; ask again later.
    #[response(status = 429)]
    Exhausted(Failure),
    /// A bug in the server.
    #[response(status = 500)]
    Internal(Failure),
    /// The store or the cluster cannot be reached, or the answer takes too long; try again.
    #[response(status = 503)]
    Unavailable(Failure),
}

/// How an order can be refused.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described only")]
pub(super) enum OrderRefused {
    /// Malformed or refused input; names the field.
    #[response(status = 400)]
    Invalid(Failure),
    /// Not allowed: asked under a foreign name, or by a page of another origin.
    #[response(status = 403)]
    Denied(Failure),
    /// There is nothing of that name.
    #[response(status = 404)]
    NotFound(Failure),
    /// Not allowed in this state, or there already, or changed meanwhile; `status` says which.
    #[response(status = 409)]
    Conflict(Failure),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(Failure),
    /// The body is not JSON by its content type.
    #[response(status = 415)]
    NotJson(Failure),
    /// Over a limit; ask again later.
    #[response(status = 429)]
    Exhausted(Failure),
    /// A bug in the server.
    #[response(status = 500)]
    Internal(Failure),
    /// The store or the cluster cannot be reached, or the answer takes too long; try again.
    #[response(status = 503)]
    Unavailable(Failure),
}
