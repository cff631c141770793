//! A whole application to be rolled out: the request of Create.

use triton_core::model::{Draft, FlowName, Namespace, RollbackTarget};
use triton_core::service::{ApiError, CreateFlow};

use super::json::{json_list, json_object, wire_list, wire_object};
use super::strategy::{non_update_strategy, update_strategy, wire_non_update_strategy, wire_update_strategy};
use super::{fault, given};
use crate::deployflow as wire;

/// What a request without an action asks for.
const DEFAULT_ACTION: &str = "create";

/// The flow that a request asks for, and the identification of the request; what is in the flow is checked by
/// the core.
pub(crate) fn create_flow(request: wire::CreateRequest) -> Result<(CreateFlow, Option<String>), ApiError> {
    let spec = request.application_spec.unwrap_or_default();
    let same = "must equal the one outside applicationSpec, or be left out";
    let template = request.template.map(|it| json_object("template", it)).transpose()?;
    let selector = request.selector.map(|it| json_object("selector", it)).transpose()?;
    let claims =
        request.volume_claim_templates.map(|it| json_list("volumeClaimTemplates", it)).transpose()?;
    let either = |field: &str, outer: String, inner: String| {
        if !inner.is_empty() && !outer.is_empty() && inner != outer {
            return Err(fault(field, same));
        }
        Ok(if outer.is_empty() { inner } else { outer })
    };
    let number = |field: &str, outer: i32, inner: i32| {
        if inner != 0 && outer != 0 && inner != outer {
            return Err(fault(field, same));
        }
        Ok(i64::from(if outer == 0 { inner } else { outer }))
    };
    let draft = Draft {
        action: given(&request.action).unwrap_or(DEFAULT_ACTION).to_owned(),
        app_id: number("applicationSpec.appID", request.app_id, spec.app_id)?,
        group_id: number("applicationSpec.groupID", request.group_id, spec.group_id)?,
        app_name: either("applicationSpec.appName", request.app_name, spec.app_name)?,
        instance_name: either("applicationSpec.instanceName", request.instance_name, spec.instance_name)?,
        replicas: spec.replicas.map(i64::from),
        application_type: spec.application_type,
        application_label: spec.application_label.into_iter().collect(),
        selector,
        template,
        volume_claim_templates: claims,
        update_strategy: request.strategy.map(update_strategy),
        rollback_to: request.rollback_to.map(|to| RollbackTarget { revision: to.revision }),
        non_update_strategy: request.non_update_strategy.map(non_update_strategy),
        labels: request.labels.into_iter().collect(),
        annotations: request.annotations.into_iter().collect(),
    };
    let name = given(&request.name).map(FlowName::new).transpose();
    let flow = CreateFlow {
        namespace: Namespace::new(&request.namespace).map_err(|e| fault("namespace", e.fault))?,
        name: name.map_err(|e| fault("name", e.fault))?,
        draft,
    };
    Ok((flow, Some(request.request_id).filter(|id| !id.is_empty())))
}

/// Asks for a flow; `request` identifies the request.
///
/// # Errors
/// What the wire cannot carry, the core refuses: the words are the core's.
pub(crate) fn create_request(
    flow: CreateFlow,
    request: Option<&str>,
) -> Result<wire::CreateRequest, ApiError> {
    let draft = flow.draft;
    if draft.action.is_empty() {
        // The wire would read it as the default.
        draft.parse()?;
    }
    let id = |field: &str, id: i64| {
        i32::try_from(id).map_err(|_| fault(field, "must be between 0 and 2147483647"))
    };
    let replicas = draft.replicas.map(|replicas| {
        i32::try_from(replicas).map_err(|_| fault("spec.application.replicas", "must be between 0 and 10000"))
    });
    let object = |field: &str, value: Option<_>| value.map(|it| wire_object(field, &it)).transpose();
    let claims = draft.volume_claim_templates.as_ref();
    let claims = claims.map(|it| wire_list("spec.application.volumeClaimTemplates", it)).transpose()?;
    Ok(wire::CreateRequest {
        app_id: id("spec.application.appID", draft.app_id)?,
        group_id: id("spec.application.groupID", draft.group_id)?,
        app_name: draft.app_name,
        instance_name: draft.instance_name,
        namespace: flow.namespace.into(),
        application_spec: Some(wire::ApplicationSpec {
            replicas: replicas.transpose()?,
            application_type: draft.application_type,
            application_label: draft.application_label.into_iter().collect(),
            ..wire::ApplicationSpec::default()
        }),
        strategy: draft.update_strategy.map(wire_update_strategy).transpose()?,
        template: object("spec.application.template", draft.template)?,
        name: flow.name.map(String::from).unwrap_or_default(),
        action: draft.action,
        selector: object("spec.application.selector", draft.selector)?,
        volume_claim_templates: claims,
        non_update_strategy: draft.non_update_strategy.map(wire_non_update_strategy).transpose()?,
        rollback_to: draft.rollback_to.map(|to| wire::RollbackTarget { revision: to.revision }),
        request_id: request.unwrap_or_default().into(),
        labels: draft.labels.into_iter().collect(),
        annotations: draft.annotations.into_iter().collect(),
    })
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
