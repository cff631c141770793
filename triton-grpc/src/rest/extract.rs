//! What is read of a request. A part that cannot be read is refused in the envelope and by its name.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use triton_core::model::{
    self, Fault, FlowId, FlowName, InstanceId, InstanceName, NameError, Namespace, PodName,
};
use triton_core::service::{ApiErrorKind, PodId};
use utoipa::IntoParams;

use super::answer::Refusal;

/// Longest `Idempotency-Key`, in bytes.
const MAX_KEY: usize = 255;

/// What a path names.
#[derive(Clone, Debug)]
pub(super) struct At<T>(pub(super) T);

/// A JSON body.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

/// A JSON body that may be left out.
#[derive(Debug)]
pub(super) struct MayJson<T>(pub(super) T);

/// The query.
#[derive(Debug)]
pub(super) struct Asked<T>(pub(super) T);

/// The header `Idempotency-Key`.
#[derive(Debug)]
pub(super) struct Key(pub(super) Option<String>);

/// Path of something that has a name.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct Named {
    /// Namespace.
    #[param(max_length = 63, pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    namespace: String,
    /// Name.
    #[param(max_length = 253, pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
    name: String,
}

/// Path of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct InNamespace {
    /// Namespace.
    #[param(max_length = 63, pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    namespace: String,
}

/// Headers of an order that makes something.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "described only")]
pub(super) struct Repeatable {
    /// An identification of the caller's choice: the same order repeated with the same one acts once and
    /// answers the same.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    idempotency_key: Option<String>,
}

/// Something that a path can name.
pub(super) trait Place: Sized {
    /// How it is written.
    type Path: DeserializeOwned + Send;
    /// Reads it.
    fn read(path: Self::Path) -> Result<Self, Refusal>;
}

impl Place for Namespace {
    type Path = InNamespace;
    fn read(path: InNamespace) -> Result<Self, Refusal> {
        checked("namespace", Self::new(path.namespace))
    }
}

impl Place for FlowId {
    type Path = Named;
    fn read(path: Named) -> Result<Self, Refusal> {
        let namespace = checked("namespace", Namespace::new(path.namespace))?;
        Ok(Self { namespace, name: checked("name", FlowName::new(path.name))? })
    }
}

impl Place for InstanceId {
    type Path = Named;
    fn read(path: Named) -> Result<Self, Refusal> {
        let namespace = checked("namespace", Namespace::new(path.namespace))?;
        Ok(Self { namespace, name: checked("name", InstanceName::new(path.name))? })
    }
}

impl Place for PodId {
    type Path = Named;
    fn read(path: Named) -> Result<Self, Refusal> {
        let namespace = checked("namespace", Namespace::new(path.namespace))?;
        Ok(Self { namespace, name: checked("name", PodName::new(path.name))? })
    }
}

/// A name that came with the request; `field` names it in the refusal.
pub(super) fn checked<T>(field: &str, name: Result<T, NameError>) -> Result<T, Refusal> {
    name.map_err(|error| Refusal::field(field, error.fault))
}

impl<S: Send + Sync, T: Place> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let path = Path::<T::Path>::from_request_parts(parts, state).await;
        let Path(path) = path.map_err(|error| Refusal::field("path", error.body_text()))?;
        T::read(path).map(Self)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Self(asked)).map_err(|error| Refusal::field("query", error.body_text()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Key {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let bytes = value.as_bytes();
        if bytes.is_empty() || bytes.len() > MAX_KEY || !bytes.iter().all(u8::is_ascii_graphic) {
            let text = "must have 1 to 255 visible ASCII characters and no space";
            return Err(Refusal::field("Idempotency-Key", text));
        }
        Ok(Self(Some(String::from_utf8_lossy(bytes).into_owned())))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let body = body(request, state).await?;
        body.map(Self).ok_or_else(|| Refusal::field("body", "must be given as a JSON object"))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MayJson<T> {
    type Rejection = Refusal;
    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        body(request, state).await.map(|body| Self(body.unwrap_or_default()))
    }
}

async fn body<S: Send + Sync, T: DeserializeOwned>(
    request: Request,
    state: &S,
) -> Result<Option<T>, Refusal> {
    let is_json = is_json(request.headers());
    let bytes = Bytes::from_request(request, state).await.map_err(|error| {
        let kind = match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiErrorKind::ResourceExhausted,
            _ => ApiErrorKind::InvalidArgument,
        };
        Refusal::new(error.status(), kind, format!("body: {}", error.body_text()))
    })?;
    if matches!(bytes.trim_ascii(), b"" | b"null") {
        return Ok(None);
    }
    if !is_json {
        let text = "content-type: must be application/json";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ApiErrorKind::InvalidArgument, text));
    }
    let mut read = serde_json::Deserializer::from_slice(&bytes);
    let value = model::read(&mut read, "").map_err(|Fault { field, message }| {
        Refusal::field(if field.is_empty() { "body" } else { &field }, message)
    })?;
    read.end().map_err(|error| Refusal::field("body", error))?;
    Ok(Some(value))
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
