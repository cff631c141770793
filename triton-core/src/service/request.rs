//! Requests that may be repeated: the name of the flow that they make.

use super::error::{ApiError, ApiErrorKind};
use crate::model::{FlowName, InstanceName};

/// The name of the flow that a request with an identification makes: the same for the same one.
///
/// # Errors
/// `InvalidArgument` when it is empty, or the instance's name leaves no room.
pub fn name_of_request(instance: &InstanceName, request: &str) -> Result<FlowName, ApiError> {
    if request.is_empty() {
        return Err(ApiError::new(ApiErrorKind::InvalidArgument, "requestID: must not be empty"));
    }
    // FNV-1a: short, stable and good enough for names; it guards nothing.
    let hash = request.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let named = FlowName::new(alloc::format!("{instance}-{hash:016x}"));
    named.map_err(|error| {
        ApiError::new(ApiErrorKind::InvalidArgument, alloc::format!("requestID: makes no name: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_without_an_identification_of_its_own_makes_no_name() {
        let name = |instance: &str, request| {
            let instance = instance.parse().expect("a name");
            name_of_request(&instance, request).map_err(|error| error.message)
        };
        assert_eq!(name("web", "a"), name("web", "a"));
        assert_ne!(name("web", "a"), name("web", "b"));
        assert_eq!(name("web", ""), Err("requestID: must not be empty".into()));
    }
}
