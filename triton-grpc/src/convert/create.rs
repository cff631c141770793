//! A whole application to be rolled out: the request of Create.

use triton_core::model::{Draft, FlowName, Namespace, NonUpdateStrategy, RawSize, UpdateStrategy};
use triton_core::service::{ApiError, CreateFlow};

use super::json::{json_list, json_object, wire_list, wire_object};
use super::{fault, given};
use crate::deployflow as wire;

/// What a request without an action asks for.
const DEFAULT_ACTION: &str = "create";

/// The flow that a request asks for; what is in it is checked by the core.
pub(crate) fn create_flow(request: wire::CreateRequest) -> Result<CreateFlow, ApiError> {
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
        non_update_strategy: request.non_update_strategy.map(non_update_strategy),
    };
    let name = given(&request.name).map(FlowName::new).transpose();
    Ok(CreateFlow {
        namespace: Namespace::new(&request.namespace).map_err(|e| fault("namespace", e.fault))?,
        name: name.map_err(|e| fault("name", e.fault))?,
        draft,
    })
}

/// Asks for a flow.
///
/// # Errors
/// What the wire cannot carry, the core refuses: the words are the core's.
pub(crate) fn create_request(flow: CreateFlow) -> Result<wire::CreateRequest, ApiError> {
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
        non_update_strategy: draft.non_update_strategy.map(wire_non_update_strategy),
    })
}

/// A number that is set when it is not zero.
fn set(number: i32) -> Option<i32> {
    (number != 0).then_some(number)
}

/// A size; one without a percent sign is a number of pods.
fn size(text: &str) -> RawSize {
    text.trim().parse().map_or_else(|_| RawSize::Text(text.to_owned()), RawSize::Int)
}

fn wire_size(size: RawSize) -> String {
    match size {
        RawSize::Int(pods) => pods.to_string(),
        RawSize::Text(text) => text,
    }
}

fn update_strategy(wire: wire::UpdateStrategy) -> UpdateStrategy {
    let sizes: Vec<_> = wire.batch_sizes.iter().map(|text| size(text)).collect();
    UpdateStrategy {
        paused: wire.paused,
        canceled: wire.canceled,
        resumes: None,
        batch_size: given(&wire.batch_size).map(size),
        batch_sizes: (!sizes.is_empty()).then_some(sizes),
        batch_interval_seconds: set(wire.batch_interval_seconds),
        mode: given(&wire.mode).map(str::to_owned),
        batches: set(wire.batches),
        stage: given(&wire.stage).map(str::to_owned),
        no_pull_in: wire.no_pull_in.then_some(true),
        canary: set(wire.canary),
        progress_deadline_seconds: wire.progress_deadline_seconds,
        drain_seconds: wire.drain_seconds,
        max_unavailable: given(&wire.max_unavailable).map(size),
        failure_threshold: given(&wire.failure_threshold).map(size),
        on_failure: given(&wire.on_failure).map(str::to_owned),
        cancel_policy: given(&wire.cancel_policy).map(str::to_owned),
    }
}

fn wire_update_strategy(strategy: UpdateStrategy) -> Result<wire::UpdateStrategy, ApiError> {
    let text = |size: Option<RawSize>| size.map(wire_size).unwrap_or_default();
    if strategy.batch_sizes.as_ref().is_some_and(Vec::is_empty) {
        return Err(fault("spec.updateStrategy.batchSizes", "must not be empty"));
    }
    Ok(wire::UpdateStrategy {
        canary: strategy.canary.unwrap_or_default(),
        batch_size: text(strategy.batch_size),
        no_pull_in: strategy.no_pull_in.unwrap_or_default(),
        stage: strategy.stage.unwrap_or_default(),
        batches: strategy.batches.unwrap_or_default(),
        batch_interval_seconds: strategy.batch_interval_seconds.unwrap_or_default(),
        mode: strategy.mode.unwrap_or_default(),
        paused: strategy.paused,
        canceled: strategy.canceled,
        batch_sizes: strategy.batch_sizes.unwrap_or_default().into_iter().map(wire_size).collect(),
        progress_deadline_seconds: strategy.progress_deadline_seconds,
        drain_seconds: strategy.drain_seconds,
        max_unavailable: text(strategy.max_unavailable),
        failure_threshold: text(strategy.failure_threshold),
        on_failure: strategy.on_failure.unwrap_or_default(),
        cancel_policy: strategy.cancel_policy.unwrap_or_default(),
    })
}

fn non_update_strategy(wire: wire::NonUpdateStrategy) -> NonUpdateStrategy {
    let pods = wire.pods_to_delete;
    NonUpdateStrategy {
        paused: wire.paused,
        canceled: wire.canceled,
        resumes: None,
        batch_size: given(&wire.batch_size).map(size),
        batch_interval_seconds: set(wire.batch_interval_seconds),
        mode: given(&wire.mode).map(str::to_owned),
        batches: set(wire.batches),
        pods_to_delete: (!pods.is_empty()).then_some(pods),
    }
}

fn wire_non_update_strategy(strategy: NonUpdateStrategy) -> wire::NonUpdateStrategy {
    wire::NonUpdateStrategy {
        batch_size: strategy.batch_size.map(wire_size).unwrap_or_default(),
        pods_to_delete: strategy.pods_to_delete.unwrap_or_default(),
        batches: strategy.batches.unwrap_or_default(),
        batch_interval_seconds: strategy.batch_interval_seconds.unwrap_or_default(),
        mode: strategy.mode.unwrap_or_default(),
        paused: strategy.paused,
        canceled: strategy.canceled,
    }
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
