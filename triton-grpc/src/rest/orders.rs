//! Orders to a flow that runs.

use axum::extract::State;
use axum::http::StatusCode;
use triton_core::model::FlowId;

use super::Door;
use super::answer::{Answer, Envelope, OrderRefused, Refusal, done};
use super::ask::{Continue, Expected};
use super::extract::{At, Json, Key, MayJson, Named};
use super::show::{Flow, OrderedFlow};

/// Gives the permission that the current stage asks a person for, and no other. 409 where nothing waits for a
/// person, or where something else waits than the body says: so a double click never advances twice.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows/{name}/next",
    tag = "orders",
    params(Named),
    request_body = Option<Expected>,
    responses((status = 200, description = "The flow as ordered", body = Envelope<Flow>), OrderRefused)
)]
pub(super) async fn next(
    State(door): State<Door>,
    At(id): At<FlowId>,
    Key(key): Key,
    MayJson(expected): MayJson<Expected>,
) -> Answer {
    let expected = expected.target()?;
    if key.is_some() && expected.is_none() {
        let text = "does not make this repeatable: say in the body which batch and stage wait";
        return Err(Refusal::field("Idempotency-Key", text));
    }
    Ok(done(StatusCode::OK, Flow::from(door.api.next(&id, expected).await?)))
}

/// Lets the flow go as far as a stage of a batch where a person is asked; going backwards is refused.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows/{name}/continue",
    operation_id = "continue",
    tag = "orders",
    params(Named),
    request_body = Continue,
    responses((status = 200, description = "The flow as ordered", body = Envelope<OrderedFlow>), OrderRefused)
)]
pub(super) async fn go_on(
    State(door): State<Door>,
    At(id): At<FlowId>,
    Json(body): Json<Continue>,
) -> Answer {
    let target = body.target()?;
    Ok(done(StatusCode::OK, OrderedFlow::from(door.api.go_to(&id, target).await?)))
}

/// Stops the flow's own steps.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows/{name}/pause",
    tag = "orders",
    params(Named),
    responses((status = 200, description = "The flow as ordered", body = Envelope<OrderedFlow>), OrderRefused)
)]
pub(super) async fn pause(State(door): State<Door>, At(id): At<FlowId>) -> Answer {
    Ok(done(StatusCode::OK, OrderedFlow::from(door.api.pause(&id).await?)))
}

/// Lifts a pause, by a person or by failure.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows/{name}/resume",
    tag = "orders",
    params(Named),
    responses((status = 200, description = "The flow as ordered", body = Envelope<OrderedFlow>), OrderRefused)
)]
pub(super) async fn resume(State(door): State<Door>, At(id): At<FlowId>) -> Answer {
    Ok(done(StatusCode::OK, OrderedFlow::from(door.api.resume(&id).await?)))
}

/// Stops for good and closes cleanly.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows/{name}/cancel",
    tag = "orders",
    params(Named),
    responses((status = 200, description = "The flow as ordered", body = Envelope<OrderedFlow>), OrderRefused)
)]
pub(super) async fn cancel(State(door): State<Door>, At(id): At<FlowId>) -> Answer {
    Ok(done(StatusCode::OK, OrderedFlow::from(door.api.cancel(&id).await?)))
}
