//! Requests that may be repeated: what they ask for is done once.

use super::api::DeployApi;
use super::error::{ApiError, ApiErrorKind};
use super::view::{CreateFlow, FlowView};
use crate::model::{Action, FlowId, FlowName, InstanceName};

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

/// Makes the flow of a request, or answers the one that it made before.
pub(super) async fn create<A: DeployApi + ?Sized>(
    api: &A,
    flow: CreateFlow,
    request: &str,
) -> Result<FlowView, ApiError> {
    if flow.name.is_some() {
        let text = "requestID: the name is made from it: give one of them";
        return Err(ApiError::new(ApiErrorKind::InvalidArgument, text));
    }
    let (spec, _) = flow.draft.parse_new()?;
    let instance = spec.identity.instance;
    let name = name_of_request(&instance, request)?;
    let id = FlowId { namespace: flow.namespace.clone(), name: name.clone() };
    // What was done already may not be possible a second time, so the flow is looked for first.
    if let Some(made) = before(api, &id, spec.action).await? {
        return Ok(made);
    }
    match api.create(CreateFlow { name: Some(name), ..flow }).await {
        Err(error) if error.kind == ApiErrorKind::AlreadyExists => {
            before(api, &id, spec.action).await?.ok_or(error)
        }
        made => made,
    }
}

/// The flow that a request made before; `None` when it made none.
///
/// # Errors
/// `AlreadyExists` when it asked for something else: the same identification of something else is a mistake,
/// not a repetition.
pub(super) async fn before<A: DeployApi + ?Sized>(
    api: &A,
    id: &FlowId,
    action: Action,
) -> Result<Option<FlowView>, ApiError> {
    match api.get(id).await {
        Ok(made) if made.action == action.as_str() => Ok(Some(made)),
        Ok(made) => {
            let text = alloc::format!("requestID: flow {id} of action {} was made with it", made.action);
            Err(ApiError::new(ApiErrorKind::AlreadyExists, text))
        }
        Err(error) if error.kind == ApiErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
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
