//! What went wrong, why, and what to type.

use std::io;

use serde_json::{Value, json};
use triton_core::model::{Fault, Faults};
use triton_core::service::{ApiError, ApiErrorKind};

use crate::status::codes;

/// What was asked was done, or what was waited for has come.
pub(super) const DONE: u8 = 0;
/// An error.
pub(super) const ERROR: u8 = 1;
/// What was typed makes no sense; clap's code too.
pub(super) const USAGE: u8 = 2;
/// A flow failed, was replaced, or ended short of what was waited for.
pub(super) const FAILED: u8 = 3;
/// A flow was cancelled.
pub(super) const CANCELED: u8 = 4;
/// The time to wait was over.
pub(super) const TIMEOUT: u8 = 5;
/// A flow waits for a person.
pub(super) const PERSON: u8 = 6;

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// The operator at this address.
    Operator(String),
    /// The API server.
    Cluster,
}

/// Why the program ends early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Exit code.
    pub(super) code: u8,
    /// What and why.
    pub(super) message: String,
    /// What to type.
    pub(super) hint: Option<String>,
    /// What kind of error the API has it for, where it is one.
    pub(super) kind: Option<ApiErrorKind>,
    /// Nobody reads the output any more.
    pub(super) silent: bool,
}

impl Failure {
    /// An error.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { code: ERROR, message: message.into(), hint: None, kind: None, silent: false }
    }

    /// Something that was typed.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, ..Self::new(message) }
    }

    /// With what to type.
    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// An error of this kind.
    pub(super) fn kind(self, kind: ApiErrorKind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// There is nobody to ask.
    pub(super) fn nobody(message: impl Into<String>) -> Self {
        Self::new(message).hint(
            "--kubeconfig FILE (or KUBECONFIG) to work on a cluster itself, or --server ADDRESS (or \
             TRITON_SERVER) to ask an operator over gRPC",
        )
    }

    /// An error of the API, behind this door.
    pub(super) fn of(error: ApiError, door: &Door) -> Self {
        let failure = Self::new(error.message).kind(error.kind);
        match (error.kind, door) {
            (ApiErrorKind::NotFound, _) => failure.hint("kubectl triton list shows what there is"),
            (ApiErrorKind::Unavailable, Door::Operator(server)) => failure.hint(format!(
                "is the operator there? {server} was asked (--server, TRITON_SERVER). In a cluster: \
                 kubectl -n NAMESPACE port-forward deployment/triton-operator 8099:8099"
            )),
            (ApiErrorKind::Unavailable, Door::Cluster) => {
                failure.hint("is the API server there? kubectl version asks it too")
            }
            (ApiErrorKind::PermissionDenied, Door::Cluster) => {
                failure.hint("the rights that are needed: triton-operator/deploy/user.yaml")
            }
            (ApiErrorKind::Aborted, _) => {
                failure.hint("somebody changed it at the same moment: type the same again")
            }
            (
                ApiErrorKind::InvalidArgument
                | ApiErrorKind::AlreadyExists
                | ApiErrorKind::FailedPrecondition
                | ApiErrorKind::Internal
                | ApiErrorKind::PermissionDenied
                | ApiErrorKind::ResourceExhausted
                | ApiErrorKind::Unauthenticated,
                _,
            ) => failure,
        }
    }

    /// For programs: the status of gRPC and REST where the API refused, the message, and what to type.
    pub(super) fn object(&self) -> Value {
        let status = self.kind.map(|kind| codes(kind).name);
        json!({ "error": { "status": status, "message": self.message, "try": self.hint } })
    }
}

impl From<io::Error> for Failure {
    /// Whoever closes a pipe has read enough.
    fn from(error: io::Error) -> Self {
        let silent = error.kind() == io::ErrorKind::BrokenPipe;
        Self { silent, ..Self::new(error.to_string()) }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(format!("the answer cannot be printed: {error}"))
    }
}

impl From<Faults> for Failure {
    /// One line for each fault.
    fn from(Faults(faults): Faults) -> Self {
        let line = |Fault { field, message }: &Fault| format!("\n  {field}: {message}");
        let lines: String = faults.iter().map(line).collect();
        Self::new(format!("invalid, nothing was applied:{lines}")).kind(ApiErrorKind::InvalidArgument)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_a_person_can_mend_says_what_to_type() {
        let door = Door::Operator("http://there:1".into());
        let of = |kind| Failure::of(ApiError::new(kind, "so"), &door).hint.unwrap_or_default();
        assert!(of(ApiErrorKind::NotFound).contains("kubectl triton list"));
        let unreachable = of(ApiErrorKind::Unavailable);
        assert!(unreachable.contains("http://there:1") && unreachable.contains("port-forward"));
        assert!(of(ApiErrorKind::Aborted).contains("again"));
        let direct = |kind| Failure::of(ApiError::new(kind, "so"), &Door::Cluster).hint.unwrap_or_default();
        assert!(direct(ApiErrorKind::Unavailable).contains("API server"));
        assert!(direct(ApiErrorKind::PermissionDenied).contains("user.yaml"));
        let both = Failure::nobody("so").hint.unwrap_or_default();
        assert!(both.contains("--server") && both.contains("--kubeconfig"));
    }

    #[test]
    fn programs_are_told_of_an_error_in_the_words_of_the_api() {
        let refused =
            Failure::of(ApiError::new(ApiErrorKind::NotFound, "there is no flow a/b"), &Door::Cluster);
        let error = refused.object()["error"].clone();
        assert_eq!(
            (&error["status"], &error["message"]),
            (&json!("NOT_FOUND"), &json!("there is no flow a/b"))
        );
        assert_eq!(Failure::usage("so").object()["error"]["status"], Value::Null);
    }

    #[test]
    fn a_closed_pipe_is_no_error() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(failure.silent);
        assert!(!Failure::from(io::Error::from(io::ErrorKind::NotFound)).silent);
    }
}
