//! What an answer of the API server means: the only place where status codes are read.

use std::future::Future;
use std::time::Duration;

use kube::Error;
use kube::core::Status;
use triton_core::ports::{PortError, PortErrorKind};
use triton_core::service::{ApiError, ApiErrorKind};

use crate::world::WatchError;

/// Longest time to wait for the answer to one request. After it nobody knows whether a write was done,
/// which is safe: every write is guarded and says absolute things.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause before a read is made once more.
const PAUSE: Duration = Duration::from_millis(100);

/// What is said where the API server does not serve flows.
const UNDEFINED: &str =
    "the definition of deployflows is not installed: kubectl apply -f triton-operator/deploy/crd.yaml";

/// Waits for one request and says what its failure means.
///
/// # Errors
/// See [`meaning`]; `Transient` when no answer came in time.
pub async fn call<T>(request: impl Future<Output = Result<T, Error>>) -> Result<T, PortError> {
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(answer) => answer.map_err(meaning),
        Err(_) => Err(PortError::new(PortErrorKind::Transient, "the API server did not answer in time")),
    }
}

/// Makes a read, and once more where it failed for the moment. Writes are never repeated like this: whoever makes
/// one looks again first.
///
/// # Errors
/// As [`call`].
pub async fn read<T, F>(request: impl Fn() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, Error>>,
{
    match call(request()).await {
        Err(error) if error.kind == PortErrorKind::Transient => {
            tokio::time::sleep(PAUSE).await;
            call(request()).await
        }
        answer => answer,
    }
}

/// Reads one object, as [`read`]; `None` where there is none of that name.
///
/// # Errors
/// As [`call`].
pub async fn find<T, F>(request: impl Fn() -> F) -> Result<Option<T>, PortError>
where
    F: Future<Output = Result<T, Error>>,
{
    match read(request).await {
        Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

/// What a dry run came to.
#[derive(Debug)]
pub enum DryRun<T> {
    /// What was asked would be taken, and stored so.
    Taken(T),
    /// Nobody can tell: an admission webhook knows no dry runs.
    Unknown,
    /// What was asked would be refused.
    Refused(Box<Status>),
}

impl<T> DryRun<T> {
    /// The refusal; `None` when what was asked would be taken, or when nobody can tell.
    pub fn refused(self) -> Option<Box<Status>> {
        match self {
            Self::Refused(status) => Some(status),
            Self::Taken(_) | Self::Unknown => None,
        }
    }
}

/// Makes a dry run.
///
/// # Errors
/// As [`call`] for everything that says nothing about what was asked: no answer, a missing right, a change meanwhile.
pub async fn dry_run<T>(request: impl Future<Output = Result<T, Error>>) -> Result<DryRun<T>, PortError> {
    let refused = |status: &Status| match status.code {
        400 | 403 | 422 => !is_failed_test(&status.message) && !is_missing_right(status),
        _ => is_too_large(status),
    };
    match tokio::time::timeout(PATIENCE, request).await {
        Ok(Err(Error::Api(status))) if status.message.contains("does not support dry run") => {
            Ok(DryRun::Unknown)
        }
        Ok(Err(Error::Api(status))) if refused(&status) => Ok(DryRun::Refused(status)),
        answer => call(async { answer.unwrap_or_else(|_| Err(Error::Service("no answer in time".into()))) })
            .await
            .map(DryRun::Taken),
    }
}

/// What an error of the client means.
#[must_use]
pub fn meaning(error: Error) -> PortError {
    let Error::Api(status) = &error else {
        return PortError {
            message: with_root(&error),
            ..PortError::caused(PortErrorKind::Transient, error)
        };
    };
    let kind = match (status.code, status.reason.as_str()) {
        _ if is_unserved(status) => PortErrorKind::Transient,
        (409, "AlreadyExists") => PortErrorKind::Exists,
        (409, _) => PortErrorKind::Conflict,
        (404, _) => PortErrorKind::NotFound,
        (422, _) if is_another_object(&status.message) => PortErrorKind::NotFound,
        (422, _) if is_failed_test(&status.message) => PortErrorKind::Conflict,
        (413 | 422 | 500, _) if is_too_large(status) => PortErrorKind::TooLarge,
        (400 | 403 | 405 | 413 | 415 | 422, _) => PortErrorKind::Rejected,
        _ => PortErrorKind::Transient,
    };
    let message = match status.message.as_str() {
        "" => error.to_string(),
        text if is_unserved(status) => {
            format!("the API server does not serve this kind, or this version of it: {text}")
        }
        text => text.to_owned(),
    };
    PortError { kind, message, source: Some(Box::new(error)) }
}

/// What an error about a flow means: where the API server does not know flows it says so in no words of its own.
#[must_use]
pub fn about_flow(error: PortError) -> PortError {
    if knows_no_such_kind(&error) { PortError { message: UNDEFINED.into(), ..error } } else { error }
}

/// An error of the watch over a kind, for people.
#[must_use]
pub fn told(kind: &str, error: &WatchError) -> String {
    let undefined = kind == "deployflows" && error.status().is_some_and(is_unserved);
    if undefined { UNDEFINED.into() } else { error.to_string() }
}

/// What an error of a watch means to somebody who waits for what it brings.
#[must_use]
pub fn watching(error: &WatchError) -> ApiError {
    if matches!(error, WatchError::Unserved | WatchError::Replaced { .. }) {
        return ApiError::new(ApiErrorKind::FailedPrecondition, error.to_string());
    }
    let Some(status) = error.status() else {
        return ApiError::new(ApiErrorKind::Unavailable, with_root(error));
    };
    let kind = match status.code {
        401 => ApiErrorKind::Unauthenticated,
        403 => ApiErrorKind::PermissionDenied,
        404 => return ApiError::new(ApiErrorKind::FailedPrecondition, UNDEFINED),
        _ => ApiErrorKind::Unavailable,
    };
    ApiError::new(kind, if status.message.is_empty() { error.to_string() } else { status.message.clone() })
}

/// The API server does not know the address: it does not serve the kind, or not in that version. Nothing can be told of
/// what it has stored (Kubernetes: of an object that is not there it says `NotFound`, here it sends plain text).
fn is_unserved(status: &Status) -> bool {
    status.code == 404 && status.reason != "NotFound"
}

/// The API server does not serve the kind that was asked for.
#[must_use]
pub fn knows_no_such_kind(error: &PortError) -> bool {
    let cause = error.source.as_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(Error::Api(status)) if is_unserved(status))
}

/// An error and the one that all began with: "refused" says more than "cannot connect".
fn with_root(error: &(dyn std::error::Error + 'static)) -> String {
    let root = std::iter::successors(Some(error), |error| error.source()).last();
    let (text, root) = (error.to_string(), root.map(ToString::to_string).unwrap_or_default());
    if text.contains(&root) { text } else { format!("{text}: {root}") }
}

/// A `test` of a JSON patch did not hold, or a path that it names is not there: the object is not what it
/// was when the patch was made. The API server has no reason of its own for this.
fn is_failed_test(message: &str) -> bool {
    message.contains("rejected our request due to an error in our request") || message.contains("test failed")
}

/// A patch named the UID of an object whose name belongs to another one by now. Kubernetes 1.34 and 1.37 answer that the
/// field is immutable.
fn is_another_object(message: &str) -> bool {
    message.contains("metadata.uid: Invalid value") && message.contains("field is immutable")
}

/// Whoever asks may not do this at all (Kubernetes: RBAC). Admission refuses in other words.
fn is_missing_right(status: &Status) -> bool {
    status.code == 403
        && status.message.contains(" is forbidden: User ")
        && status.message.contains(" cannot ")
}

/// The API server, a field of the object, or etcd has no room for it. Only the first has a code of its own.
fn is_too_large(status: &Status) -> bool {
    let said = |words: &[&str]| words.iter().any(|words| status.message.contains(words));
    match status.code {
        413 => true,
        422 => said(&["Too long: ", "Too many: "]),
        _ => said(&["etcdserver: request is too large", "trying to send message larger than max"]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_code_has_its_meaning() {
        let cases = [
            (409, "AlreadyExists", "", PortErrorKind::Exists),
            (409, "Conflict", "", PortErrorKind::Conflict),
            (404, "NotFound", "", PortErrorKind::NotFound),
            (404, "Failed to parse error data", "404 page not found", PortErrorKind::Transient),
            (403, "Forbidden", "exceeded quota", PortErrorKind::Rejected),
            (422, "Invalid", "spec.replicas: Invalid value", PortErrorKind::Rejected),
            (422, "Invalid", "testing value /metadata/uid failed: test failed", PortErrorKind::Conflict),
            (
                422,
                "Invalid",
                "Pod \"a\" is invalid: metadata.uid: Invalid value: \"1\": field is immutable",
                PortErrorKind::NotFound,
            ),
            (422, "Invalid", "spec.selector: Invalid value: {}: field is immutable", PortErrorKind::Rejected),
            (429, "TooManyRequests", "", PortErrorKind::Transient),
            (500, "InternalError", "", PortErrorKind::Transient),
            (413, "RequestEntityTooLarge", "limit is 3145728", PortErrorKind::TooLarge),
            (
                422,
                "Invalid",
                "metadata.annotations: Too long: may not be more than 262144 bytes",
                PortErrorKind::TooLarge,
            ),
            (500, "", "etcdserver: request is too large", PortErrorKind::TooLarge),
            (504, "Timeout", "", PortErrorKind::Transient),
        ];
        for (code, reason, message, kind) in cases {
            let status = Status { code, reason: reason.into(), message: message.into(), ..Status::default() };
            assert_eq!(meaning(Error::Api(Box::new(status))).kind, kind, "{code} {reason} {message}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_is_made_once_more_where_it_failed_for_the_moment_and_no_request_waits_for_ever() {
        let answer = |code, reason: &str| {
            let status = Status { code, reason: reason.into(), ..Status::default() };
            Err::<(), _>(Error::Api(Box::new(status)))
        };
        for (code, reason, calls) in [(503, "", 2), (429, "", 2), (404, "NotFound", 1), (403, "", 1)] {
            let made = std::cell::Cell::new(0);
            let asked = read(|| {
                made.set(made.get() + 1);
                std::future::ready(answer(code, reason))
            });
            assert!(asked.await.is_err());
            assert_eq!(made.get(), calls, "{code}");
        }
        let begun = tokio::time::Instant::now();
        let silent = call(std::future::pending::<Result<(), _>>()).await.unwrap_err();
        assert_eq!((silent.kind, begun.elapsed()), (PortErrorKind::Transient, PATIENCE));
    }

    #[test]
    fn a_definition_that_is_not_installed_is_told_with_what_to_type() {
        // The first as kube-rs reads the plain text of an address that the API server does not know.
        let rows = [
            ("Failed to parse error data", "404 page not found\n", true),
            ("NotFound", "deployflows.apps.triton.io \"a\" not found", false),
        ];
        for (reason, message, undefined) in rows {
            let status =
                Status { code: 404, reason: reason.into(), message: message.into(), ..Status::default() };
            let error = || Error::Api(Box::new(status.clone()));
            let flow = about_flow(meaning(error()));
            assert_eq!(flow.message == UNDEFINED, undefined, "{flow}");
            for (kind, of_flows) in [("deployflows", true), ("clonesets", false)] {
                let told = told(kind, &WatchError::Refused(error()));
                assert_eq!(told == UNDEFINED, undefined && of_flows, "{kind}: {told}");
            }
        }
    }

    #[test]
    fn a_watch_says_which_right_is_missing_and_what_is_not_installed() {
        let of = |code, message: &str| {
            let status = Status { code, message: message.into(), ..Status::default() };
            watching(&WatchError::Refused(Error::Api(Box::new(status))))
        };
        let forbidden = "pods is forbidden: User \"jo\" cannot list resource \"pods\"";
        assert_eq!(of(403, forbidden), ApiError::new(ApiErrorKind::PermissionDenied, forbidden));
        assert_eq!(of(404, "404 page not found"), ApiError::new(ApiErrorKind::FailedPrecondition, UNDEFINED));
        assert!(of(503, "busy").kind.is_passing());
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let away = watching(&WatchError::Broken(Error::Service(Box::new(refused))));
        assert!(away.kind.is_passing() && away.message.contains("refused"), "{away}");
    }
}
