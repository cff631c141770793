//! The description of the API, and a page to browse it, which loads nothing from elsewhere.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use triton_core::service::{ApiError, ApiErrorKind};
use utoipa_swagger_ui::Config;

use super::answer::{Answer, ListRefused, Refusal};
use super::{BASE, Door};

/// Only what this server itself serves.
const POLICY: &str = "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; \
    style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// This document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi",
    tag = "description",
    responses((status = 200, description = "OpenAPI 3.1", body = Object), ListRefused)
)]
pub(super) async fn description(State(door): State<Door>) -> Answer {
    Ok(served("application/json", door.description.as_bytes().to_vec()))
}

/// The page under `/docs`. It is no part of the API and not in its description.
pub(super) fn page() -> Router<Door> {
    let config = Config::from(format!("{BASE}/openapi.json")).validator_url("none").try_it_out_enabled(true);
    let index = Arc::new(config);
    let other = index.clone();
    Router::new()
        .route(&format!("{BASE}/docs"), get(|| async { Redirect::permanent(&format!("{BASE}/docs/")) }))
        .route(&format!("{BASE}/docs/"), get(move || file("index.html".to_owned(), index)))
        .route(&format!("{BASE}/docs/{{*file}}"), get(move |Path(name): Path<String>| file(name, other)))
}

async fn file(name: String, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(&name, config) {
        Ok(Some(file)) => served(&file.content_type, file.bytes.into_owned()),
        Ok(None) => {
            let text = format!("the page has no file {name}");
            Refusal::from(ApiError::new(ApiErrorKind::NotFound, text)).into_response()
        }
        Err(error) => Refusal::from(ApiError::new(ApiErrorKind::Internal, error.to_string())).into_response(),
    }
}

fn served(kind: &str, bytes: Vec<u8>) -> Response {
    let mut response = (StatusCode::OK, Body::from(bytes)).into_response();
    let headers = response.headers_mut();
    let kind = HeaderValue::from_str(kind);
    headers.insert(CONTENT_TYPE, kind.unwrap_or(HeaderValue::from_static("application/octet-stream")));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
