//! Orders to application instances: each makes a flow, which carries it out.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use triton_core::model::{FlowName, InstanceId, Revision};
use triton_core::service::{ApiError, ApiErrorKind, FlowView, InstanceOrder, Made, RollbackTo};
use utoipa::ToSchema;

use super::Door;
use super::answer::{Answer, Envelope, OrderRefused, Refusal, done};
use super::ask::given;
use super::extract::{At, Json, Key, MayJson, Named, Repeatable, checked};
use super::show::{MadeFlow, MadeRollback};
use super::strategy::{NonUpdate, Update};
use super::terms;
use crate::convert::Paths;

/// A rollback.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Rollback {
    /// To the template that this flow brought. Neither this nor a revision: to the last good one.
    deploy_name: Option<String>,
    /// To this revision of the workload, full name or hash.
    revision: Option<String>,
    /// How it goes.
    update_strategy: Option<Update>,
}

/// A change of size.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Scale {
    /// Pods wanted.
    replicas: u32,
    /// How it goes.
    non_update_strategy: Option<NonUpdate>,
}

/// A start.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Start {
    /// Pods wanted; the size the instance had when it was stopped when not set.
    replicas: Option<u32>,
    /// How it goes.
    non_update_strategy: Option<NonUpdate>,
}

/// Returns to an earlier template.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/instances/{name}/rollbacks",
    tag = "instances",
    params(Named, Repeatable),
    request_body = Option<Rollback>,
    responses((status = 201, description = "A flow was made", body = Envelope<MadeRollback>), OrderRefused)
)]
pub(super) async fn rollback(
    State(door): State<Door>,
    At(id): At<InstanceId>,
    Key(key): Key,
    MayJson(body): MayJson<Rollback>,
) -> Answer {
    let to = match (given(body.deploy_name), given(body.revision)) {
        (None, None) => RollbackTo::LastGood,
        (Some(flow), None) => RollbackTo::Flow(checked("deployName", FlowName::new(flow))?),
        (None, Some(revision)) => RollbackTo::Revision(checked("revision", Revision::new(revision))?),
        (Some(_), Some(_)) => {
            return Err(Refusal::field("revision", "stands instead of deployName: give one of them"));
        }
    };
    let strategy = body.update_strategy.map(Update::into).unwrap_or_default();
    let order = InstanceOrder::Rollback { to, strategy };
    let made = door.api.order(&id, order, key.as_deref()).await.map_err(terms::of(terms::ROLLBACK))?;
    Ok(done(StatusCode::CREATED, MadeRollback::from(made)))
}

/// Replaces all pods, or those that `podsToDelete` names, by pods of the same template.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/instances/{name}/restarts",
    tag = "instances",
    params(Named, Repeatable),
    request_body = Option<NonUpdate>,
    responses((status = 201, description = "A flow was made", body = Envelope<MadeFlow>), OrderRefused)
)]
pub(super) async fn restart(
    State(door): State<Door>,
    At(id): At<InstanceId>,
    Key(key): Key,
    MayJson(strategy): MayJson<NonUpdate>,
) -> Answer {
    let order = InstanceOrder::Restart { strategy: strategy.into() };
    made(&door, &id, order, key, terms::STRATEGY).await
}

/// Changes the size. `podsToDelete` names pods that leave first.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/instances/{name}/scales",
    tag = "instances",
    params(Named, Repeatable),
    request_body = Scale,
    responses((status = 201, description = "A flow was made", body = Envelope<MadeFlow>), OrderRefused)
)]
pub(super) async fn scale(
    State(door): State<Door>,
    At(id): At<InstanceId>,
    Key(key): Key,
    Json(body): Json<Scale>,
) -> Answer {
    let strategy = body.non_update_strategy.map(NonUpdate::into).unwrap_or_default();
    let order = InstanceOrder::Scale { replicas: body.replicas, strategy };
    made(&door, &id, order, key, terms::SIZE).await
}

/// Brings a stopped instance back.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/instances/{name}/starts",
    tag = "instances",
    params(Named, Repeatable),
    request_body = Option<Start>,
    responses((status = 201, description = "A flow was made", body = Envelope<MadeFlow>), OrderRefused)
)]
pub(super) async fn start(
    State(door): State<Door>,
    At(id): At<InstanceId>,
    Key(key): Key,
    MayJson(body): MayJson<Start>,
) -> Answer {
    let strategy = body.non_update_strategy.map(NonUpdate::into).unwrap_or_default();
    let order = InstanceOrder::Start { replicas: body.replicas, strategy };
    made(&door, &id, order, key, terms::SIZE).await
}

/// Goes to zero pods and keeps the workload, its template and the size to return to.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/instances/{name}/stops",
    tag = "instances",
    params(Named, Repeatable),
    request_body = Option<NonUpdate>,
    responses((status = 201, description = "A flow was made", body = Envelope<MadeFlow>), OrderRefused)
)]
pub(super) async fn stop(
    State(door): State<Door>,
    At(id): At<InstanceId>,
    Key(key): Key,
    MayJson(strategy): MayJson<NonUpdate>,
) -> Answer {
    let order = InstanceOrder::Stop { strategy: strategy.into() };
    made(&door, &id, order, key, terms::STRATEGY).await
}

/// Removes every pod, drained, and then the workload. 202: the flow that does so was made; 204: there is no
/// such instance, and nothing to do.
#[utoipa::path(
    delete,
    path = "/namespaces/{namespace}/instances/{name}",
    operation_id = "delete_instance",
    tag = "instances",
    params(Named, Repeatable),
    responses(
        (status = 202, description = "A flow was made; the instance is gone when it has ended",
            body = Envelope<MadeFlow>),
        (status = 204, description = "There is no such instance"),
        OrderRefused
    )
)]
pub(super) async fn delete(State(door): State<Door>, At(id): At<InstanceId>, Key(key): Key) -> Answer {
    let order = InstanceOrder::Delete { strategy: NonUpdate::default().into() };
    match door.api.order(&id, order, key.as_deref()).await? {
        Made { flow: Some(flow), .. } => Ok(done(StatusCode::ACCEPTED, MadeFlow::from(flow))),
        Made { flow: None, .. } => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

async fn made(
    door: &Door,
    id: &InstanceId,
    order: InstanceOrder,
    key: Option<String>,
    terms: Paths,
) -> Answer {
    let made = door.api.order(id, order, key.as_deref()).await.map_err(terms::of(terms))?;
    Ok(done(StatusCode::CREATED, MadeFlow::from(only(made)?)))
}

/// The flow of an order that always makes one.
fn only(made: Made) -> Result<FlowView, Refusal> {
    made.flow.ok_or_else(|| ApiError::new(ApiErrorKind::Internal, "the order made no flow").into())
}
