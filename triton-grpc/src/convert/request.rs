//! What callers ask of flows: names, targets and filters.

use triton_core::model::{BatchPhase, FlowId, FlowName, InstanceName, Namespace, Target};
use triton_core::service::{ApiError, FlowFilter};

use super::{at_least, fault, given, stage, time, wire_count, wire_time};
use crate::deployflow::{
    BatchStage, ContinueRequest, DeployFilter, DeployMeta, DeployMetaRequest, DeploysReply, DeploysRequest,
    NextRequest, TargetState, WatchRequest,
};

/// Where a flow goes that is told a batch and no stage: as a manifest that names only the batch.
pub(super) const START: BatchPhase = BatchPhase::Smoking;

/// Names a flow.
pub(super) fn meta(id: &FlowId) -> DeployMeta {
    DeployMeta { namespace: id.namespace.to_string(), name: id.name.to_string() }
}

/// Asks about a flow.
pub(crate) fn meta_request(id: &FlowId) -> DeployMetaRequest {
    DeployMetaRequest { deploy: Some(meta(id)) }
}

/// Which flow is asked about.
pub(crate) fn flow_id(meta: Option<&DeployMeta>) -> Result<FlowId, ApiError> {
    let meta = meta.ok_or_else(|| fault("deploy", "must be given"))?;
    Ok(FlowId {
        namespace: Namespace::new(&meta.namespace).map_err(|e| fault("deploy.namespace", e.fault))?,
        name: FlowName::new(&meta.name).map_err(|e| fault("deploy.name", e.fault))?,
    })
}

/// Asks for the next permission.
pub(crate) fn next_request(id: &FlowId, expected: Option<Target>) -> NextRequest {
    let expected = expected
        .map(|target| BatchStage { batch: wire_count(target.batch), stage: target.phase.as_str().into() });
    NextRequest { deploy: Some(meta(id)), expected }
}

/// What the caller of Next saw waiting.
pub(crate) fn expected(request: &NextRequest) -> Result<Option<Target>, ApiError> {
    let Some(expected) = &request.expected else { return Ok(None) };
    let batch = at_least(1, "expected.batch", expected.batch)?;
    Ok(Some(Target { batch, phase: stage("expected.stage", &expected.stage)? }))
}

/// Asks to let a flow go on.
pub(crate) fn continue_request(id: &FlowId, target: Target) -> ContinueRequest {
    ContinueRequest { deploy: Some(meta(id)), target: Some(target_state(target)) }
}

/// How far a flow is to go on.
pub(crate) fn continue_target(request: &ContinueRequest) -> Result<Target, ApiError> {
    let target = request.target.as_ref().ok_or_else(|| fault("target", "must be given"))?;
    read_target(target, START)
}

/// Asks to watch a flow.
pub(crate) fn watch_request(id: &FlowId, target: Option<Target>) -> WatchRequest {
    WatchRequest { deploy: Some(meta(id)), target: target.map(target_state) }
}

/// Where a watch ends. Without a stage: when the batch is finished.
pub(crate) fn watch_target(request: &WatchRequest) -> Result<Option<Target>, ApiError> {
    let target = request.target.as_ref().filter(|target| **target != TargetState::default());
    target.map(|target| read_target(target, BatchPhase::Baked)).transpose()
}

/// Asks for a list.
pub(crate) fn list_request(filter: &FlowFilter) -> DeploysRequest {
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    let wire = DeployFilter {
        namespace: text(filter.namespace.as_ref().map(Namespace::as_str)),
        instance_name: text(filter.instance_name.as_ref().map(InstanceName::as_str)),
        action: text(filter.action.as_deref()),
        start: wire_count(filter.start),
        page_size: wire_count(filter.page_size),
        after: filter.after.map(wire_time),
    };
    DeploysRequest { filter: Some(wire) }
}

/// Which flows are asked for.
pub(crate) fn flow_filter(request: DeploysRequest) -> Result<FlowFilter, ApiError> {
    let wire = request.filter.unwrap_or_default();
    let namespace = given(&wire.namespace).map(Namespace::new).transpose();
    let instance_name = given(&wire.instance_name).map(InstanceName::new).transpose();
    let after = wire.after.map(|after| time(after).ok_or_else(|| fault("filter.after", "is not a time")));
    Ok(FlowFilter {
        namespace: namespace.map_err(|e| fault("filter.namespace", e.fault))?,
        instance_name: instance_name.map_err(|e| fault("filter.instanceName", e.fault))?,
        action: given(&wire.action).map(known_action).transpose()?,
        after: after.transpose()?,
        start: at_least(0, "filter.start", wire.start)?,
        page_size: at_least(0, "filter.pageSize", wire.page_size)?,
    })
}

/// Tells that flows are gone.
pub(crate) fn removed_reply(id: &FlowId) -> DeploysReply {
    DeploysReply { removed: vec![meta(id)], ..DeploysReply::default() }
}

/// Tells that the page did not fit.
pub(crate) fn more_reply() -> DeploysReply {
    DeploysReply { more: true, ..DeploysReply::default() }
}

fn known_action(name: &str) -> Result<String, ApiError> {
    match triton_core::model::Action::parse(name) {
        Some(action) => Ok(action.to_string()),
        None => Err(fault("filter.action", format!("{name:?} is not an action"))),
    }
}

/// A point in a rollout.
pub(super) fn target_state(target: Target) -> TargetState {
    TargetState { stage: target.phase.as_str().into(), batches: wire_count(target.batch) }
}

/// The point in a rollout that a caller names; `default`: the stage when none is named.
pub(super) fn read_target(target: &TargetState, default: BatchPhase) -> Result<Target, ApiError> {
    let batch = at_least(1, "target.batches", target.batches)?;
    let phase = match given(&target.stage) {
        Some(name) => stage("target.stage", name)?,
        None => default,
    };
    Ok(Target { batch, phase })
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
