//! Orders to application instances.

use triton_core::model::{FlowName, InstanceId, NonUpdateStrategy, Revision, UpdateStrategy};
use triton_core::service::{ApiError, InstanceOrder, Made, RollbackTo};

use super::paths::{ORDER, Paths, ROLLBACK};
use super::strategy::{non_update_strategy, update_strategy, wire_non_update_strategy, wire_update_strategy};
use super::{at_least, broken, fault, given, instance_id, wire_count};
use crate::application::{
    EmptyReply, InstanceMeta, InstanceMetaRequest, RestartRequest, RollbackReply, RollbackRequest,
    ScaleRequest, StartRequest, StopRequest,
};
use crate::deployflow as wire;

/// What somebody orders of an instance.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    /// Which instance.
    pub(crate) instance: InstanceId,
    /// What.
    pub(crate) order: InstanceOrder,
    /// Identification of the request.
    pub(crate) request: Option<String>,
}

/// An order as the call that carries it.
#[derive(Clone, Debug)]
pub(crate) enum OrderCall {
    Restart(RestartRequest),
    Scale(ScaleRequest),
    Rollback(RollbackRequest),
    Start(StartRequest),
    Stop(StopRequest),
    Delete(InstanceMetaRequest),
}

/// Where the fields of a manifest stand in the request of this order.
pub(crate) const fn paths(order: &InstanceOrder) -> Paths {
    match order {
        InstanceOrder::Rollback { .. } => ROLLBACK,
        _ => ORDER,
    }
}

impl TryFrom<RestartRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: RestartRequest) -> Result<Self, ApiError> {
        let order = InstanceOrder::Restart { strategy: plain(request.strategy) };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

impl TryFrom<ScaleRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: ScaleRequest) -> Result<Self, ApiError> {
        let replicas = at_least(0, "replicas", request.replicas)?;
        let order = InstanceOrder::Scale { replicas, strategy: plain(request.strategy) };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

impl TryFrom<RollbackRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: RollbackRequest) -> Result<Self, ApiError> {
        let to = match (given(&request.deploy_name), given(&request.revision)) {
            (None, None) => RollbackTo::LastGood,
            (Some(flow), None) => {
                RollbackTo::Flow(FlowName::new(flow).map_err(|e| fault("deployName", e.fault))?)
            }
            (None, Some(name)) => {
                RollbackTo::Revision(Revision::new(name).map_err(|e| fault("revision", e.fault))?)
            }
            (Some(_), Some(_)) => {
                return Err(fault("revision", "stands instead of deployName: give one of them"));
            }
        };
        let strategy = request.strategy.map_or_else(UpdateStrategy::default, update_strategy);
        let order = InstanceOrder::Rollback { to, strategy };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

impl TryFrom<StartRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: StartRequest) -> Result<Self, ApiError> {
        let replicas = request.replicas.map(|replicas| at_least(0, "replicas", replicas)).transpose()?;
        let order = InstanceOrder::Start { replicas, strategy: plain(request.strategy) };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

impl TryFrom<StopRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: StopRequest) -> Result<Self, ApiError> {
        let order = InstanceOrder::Stop { strategy: plain(request.strategy) };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

impl TryFrom<InstanceMetaRequest> for Asked {
    type Error = ApiError;

    fn try_from(request: InstanceMetaRequest) -> Result<Self, ApiError> {
        let order = InstanceOrder::Delete { strategy: plain(request.strategy) };
        asked(request.instance.as_ref(), order, request.request_id)
    }
}

fn asked(instance: Option<&InstanceMeta>, order: InstanceOrder, request: String) -> Result<Asked, ApiError> {
    let request = Some(request).filter(|id| !id.is_empty());
    Ok(Asked { instance: instance_id(instance)?, order, request })
}

fn plain(strategy: Option<wire::NonUpdateStrategy>) -> NonUpdateStrategy {
    strategy.map_or_else(NonUpdateStrategy::default, non_update_strategy)
}

/// Orders something of an instance.
///
/// # Errors
/// What the wire cannot carry, the core refuses: the words are the core's.
pub(crate) fn order_call(
    id: &InstanceId,
    order: InstanceOrder,
    request: Option<&str>,
) -> Result<OrderCall, ApiError> {
    let instance = Some(InstanceMeta { namespace: id.namespace.to_string(), name: id.name.to_string() });
    let request_id = request.unwrap_or_default().to_owned();
    let plain = |strategy| wire_non_update_strategy(strategy).map(Some);
    Ok(match order {
        InstanceOrder::Restart { strategy } => {
            OrderCall::Restart(RestartRequest { instance, strategy: plain(strategy)?, request_id })
        }
        InstanceOrder::Scale { replicas, strategy } => {
            let replicas = wire_count(replicas);
            OrderCall::Scale(ScaleRequest { instance, strategy: plain(strategy)?, replicas, request_id })
        }
        InstanceOrder::Rollback { to, strategy } => {
            let (deploy_name, revision) = match to {
                RollbackTo::LastGood => (String::new(), String::new()),
                RollbackTo::Flow(flow) => (flow.into(), String::new()),
                RollbackTo::Revision(revision) => (String::new(), revision.into()),
            };
            let strategy = Some(wire_update_strategy(strategy)?);
            OrderCall::Rollback(RollbackRequest { instance, deploy_name, strategy, request_id, revision })
        }
        InstanceOrder::Start { replicas, strategy } => {
            let replicas = replicas.map(wire_count);
            OrderCall::Start(StartRequest { instance, strategy: plain(strategy)?, replicas, request_id })
        }
        InstanceOrder::Stop { strategy } => {
            OrderCall::Stop(StopRequest { instance, strategy: plain(strategy)?, request_id })
        }
        InstanceOrder::Delete { strategy } => OrderCall::Delete(InstanceMetaRequest {
            instance,
            strategy: plain(strategy)?,
            request_id,
            ..InstanceMetaRequest::default()
        }),
    })
}

/// The name of the flow that was made; empty when there was nothing to do.
pub(crate) fn deploy_name(made: &Made) -> String {
    made.flow.as_ref().map(|flow| flow.id.name.to_string()).unwrap_or_default()
}

/// Answers to a rollback.
pub(crate) fn rollback_reply(made: Made) -> RollbackReply {
    RollbackReply { deploy_name: deploy_name(&made), rollback_to: made.rollback_to }
}

/// Answers to a delete.
pub(crate) fn delete_reply(made: &Made) -> EmptyReply {
    EmptyReply { deploy_name: deploy_name(made) }
}

/// The flow that a server made; `None` when there was nothing to do.
pub(crate) fn made_name(name: &str) -> Result<Option<FlowName>, ApiError> {
    given(name).map(FlowName::new).transpose().map_err(broken)
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
