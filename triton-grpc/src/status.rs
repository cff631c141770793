//! The one table of API errors: what each kind is called over gRPC and over HTTP.

use tonic::{Code, Status};
use triton_core::model::{TextFor, shorten};
use triton_core::service::{ApiError, ApiErrorKind};

/// The codes of one kind of error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// Over gRPC.
    pub grpc: Code,
    /// Over HTTP.
    pub http: u16,
    /// The name of the gRPC code, which tells errors with one HTTP code apart.
    pub name: &'static str,
}

/// The codes of a kind of error, the same at every door.
#[must_use]
pub const fn codes(kind: ApiErrorKind) -> Codes {
    let (grpc, http, name) = match kind {
        ApiErrorKind::Aborted => (Code::Aborted, 409, "ABORTED"),
        ApiErrorKind::AlreadyExists => (Code::AlreadyExists, 409, "ALREADY_EXISTS"),
        ApiErrorKind::FailedPrecondition => (Code::FailedPrecondition, 409, "FAILED_PRECONDITION"),
        ApiErrorKind::Internal => (Code::Internal, 500, "INTERNAL"),
        ApiErrorKind::InvalidArgument => (Code::InvalidArgument, 400, "INVALID_ARGUMENT"),
        ApiErrorKind::NotFound => (Code::NotFound, 404, "NOT_FOUND"),
        ApiErrorKind::PermissionDenied => (Code::PermissionDenied, 403, "PERMISSION_DENIED"),
        ApiErrorKind::ResourceExhausted => (Code::ResourceExhausted, 429, "RESOURCE_EXHAUSTED"),
        ApiErrorKind::Unauthenticated => (Code::Unauthenticated, 401, "UNAUTHENTICATED"),
        ApiErrorKind::Unavailable => (Code::Unavailable, 503, "UNAVAILABLE"),
    };
    Codes { grpc, http, name }
}

/// An error as a gRPC status; a long message is shortened.
#[must_use]
pub fn to_status(error: &ApiError) -> Status {
    Status::new(codes(error.kind).grpc, shorten(&error.message, TextFor::Answer))
}

/// A gRPC status as an error: the inverse of [`to_status`]. Codes that no kind has are read as the kind that
/// tells the caller to do the same: try again, mend the request, or report a bug.
#[must_use]
pub fn from_status(status: &Status) -> ApiError {
    let kind = match status.code() {
        Code::Aborted => ApiErrorKind::Aborted,
        Code::AlreadyExists => ApiErrorKind::AlreadyExists,
        Code::FailedPrecondition | Code::Unimplemented => ApiErrorKind::FailedPrecondition,
        Code::InvalidArgument | Code::OutOfRange => ApiErrorKind::InvalidArgument,
        Code::NotFound => ApiErrorKind::NotFound,
        Code::PermissionDenied => ApiErrorKind::PermissionDenied,
        Code::ResourceExhausted => ApiErrorKind::ResourceExhausted,
        Code::Unauthenticated => ApiErrorKind::Unauthenticated,
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Unknown => {
            ApiErrorKind::Unavailable
        }
        Code::Internal | Code::DataLoss | Code::Ok => ApiErrorKind::Internal,
    };
    // Servers that do not know a call say no more than that.
    if status.code() == Code::Unimplemented && status.message().is_empty() {
        return ApiError::new(kind, "the server does not know this call: it is of an earlier version");
    }
    ApiError::new(kind, status.message())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers of the API, row by row.
    const TABLE: [(ApiErrorKind, Code, u16, &str); 10] = [
        (ApiErrorKind::NotFound, Code::NotFound, 404, "NOT_FOUND"),
        (ApiErrorKind::InvalidArgument, Code::InvalidArgument, 400, "INVALID_ARGUMENT"),
        (ApiErrorKind::FailedPrecondition, Code::FailedPrecondition, 409, "FAILED_PRECONDITION"),
        (ApiErrorKind::AlreadyExists, Code::AlreadyExists, 409, "ALREADY_EXISTS"),
        (ApiErrorKind::Aborted, Code::Aborted, 409, "ABORTED"),
        (ApiErrorKind::Unavailable, Code::Unavailable, 503, "UNAVAILABLE"),
        (ApiErrorKind::ResourceExhausted, Code::ResourceExhausted, 429, "RESOURCE_EXHAUSTED"),
        (ApiErrorKind::Unauthenticated, Code::Unauthenticated, 401, "UNAUTHENTICATED"),
        (ApiErrorKind::PermissionDenied, Code::PermissionDenied, 403, "PERMISSION_DENIED"),
        (ApiErrorKind::Internal, Code::Internal, 500, "INTERNAL"),
    ];

    #[test]
    fn every_row_of_the_table_of_answers_holds() {
        for (kind, grpc, http, name) in TABLE {
            assert_eq!(codes(kind), Codes { grpc, http, name }, "{kind:?}");
        }
    }

    #[test]
    fn an_error_survives_the_wire_with_kind_and_message() {
        for (kind, ..) in TABLE {
            let error = ApiError::new(kind, format!("{kind:?}: dépôt"));
            assert_eq!(from_status(&to_status(&error)), error);
        }
    }

    #[test]
    fn a_message_of_any_length_fits_into_a_header_and_says_that_it_was_shortened() {
        for text in ["spec.x: is bad; ", "dépôt ", "容器"] {
            let status = to_status(&ApiError::new(ApiErrorKind::InvalidArgument, text.repeat(10_000)));
            let mut headers = tonic::codegen::http::HeaderMap::new();
            status.add_header(&mut headers).expect("headers");
            let size = headers.get("grpc-message").map_or(0, |message| message.len());
            assert!((3_500..=4_096).contains(&size), "{size}");
            assert!(status.message().starts_with(text) && status.message().contains("shortened"), "{status}");
        }
    }

    #[test]
    fn every_code_is_some_kind_of_error() {
        for number in 1..=16 {
            let error = from_status(&Status::new(Code::from_i32(number), "text"));
            assert_eq!(error.message, "text", "{number}");
        }
        let unknown = from_status(&Status::unknown("transport error"));
        assert_eq!(unknown.kind, ApiErrorKind::Unavailable);
    }
}
