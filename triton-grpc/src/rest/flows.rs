//! Flows: list, look, make, change, forget.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use triton_core::model::{FlowId, FlowName, InstanceId, InstanceName, Namespace};
use triton_core::service::{ApiErrorKind, CreateFlow, FlowFilter, MAX_PAGE, name_of_request};

use super::Door;
use super::answer::{Answer, Envelope, GetRefused, ListRefused, OrderRefused, Page, Refusal, done, page};
use super::ask::{FlowQuery, NewFlow, StrategyPatch, given};
use super::extract::{Asked, At, InNamespace, Json, Key, Named, Repeatable, checked};
use super::show::{Flow, OrderedFlow};
use super::terms;

/// A page of flows, newest first.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/deployflows",
    tag = "flows",
    params(InNamespace, FlowQuery),
    responses((status = 200, description = "The page", body = Page<Flow>), ListRefused)
)]
pub(super) async fn list(
    State(door): State<Door>,
    At(namespace): At<Namespace>,
    Asked(query): Asked<FlowQuery>,
) -> Answer {
    let filter = query.filter(namespace)?;
    // One more than asked for tells whether there is a next page.
    let one_more = FlowFilter { page_size: (filter.page_size + 1).min(MAX_PAGE), ..filter.clone() };
    let flows = door.api.list(&one_more).await?;
    let found = u32::try_from(flows.len()).unwrap_or(u32::MAX);
    let more = found > filter.page_size || found == MAX_PAGE;
    Ok(page(flows.into_iter().map(Flow::from).collect(), filter.start, filter.page_size, more))
}

/// One flow.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/deployflows/{name}",
    tag = "flows",
    params(Named),
    responses((status = 200, description = "The flow", body = Envelope<Flow>), GetRefused)
)]
pub(super) async fn get(State(door): State<Door>, At(id): At<FlowId>) -> Answer {
    Ok(done(StatusCode::OK, Flow::from(door.api.get(&id).await?)))
}

/// Makes a flow from a whole application. Unknown fields are refused.
#[utoipa::path(
    post,
    path = "/namespaces/{namespace}/deployflows",
    tag = "flows",
    params(InNamespace, Repeatable),
    request_body = NewFlow,
    responses((status = 201, description = "The flow was made", body = Envelope<Flow>), OrderRefused)
)]
pub(super) async fn create(
    State(door): State<Door>,
    At(namespace): At<Namespace>,
    Key(key): Key,
    Json(body): Json<NewFlow>,
) -> Answer {
    let instance = InstanceName::new(&body.application_spec.instance_name).ok();
    let name = checked("name", given(body.name.clone()).map(FlowName::new).transpose())?;
    // A name makes the request repeatable by itself.
    let request = key.filter(|_| name.is_none());
    let action = match (given(body.action.clone()), &instance) {
        (Some(action), _) => action,
        (None, Some(instance)) => usual(&door, &namespace, instance, request.as_deref()).await?,
        // The core says what is wrong with the instance name.
        (None, None) => "create".into(),
    };
    let flow = CreateFlow { namespace, name, draft: body.draft(action) };
    let made = match request {
        Some(request) => door.api.create_once(flow, &request).await,
        None => door.api.create(flow).await,
    };
    Ok(done(StatusCode::CREATED, Flow::from(made.map_err(terms::of(terms::FLOW))?)))
}

/// Changes standing orders; all of the change is taken, or nothing. Fields that cannot change are refused.
#[utoipa::path(
    patch,
    path = "/namespaces/{namespace}/deployflows/{name}",
    tag = "flows",
    params(Named),
    request_body = StrategyPatch,
    responses((status = 200, description = "The flow as ordered", body = Envelope<OrderedFlow>), OrderRefused)
)]
pub(super) async fn patch(
    State(door): State<Door>,
    At(id): At<FlowId>,
    Json(patch): Json<StrategyPatch>,
) -> Answer {
    let edit = patch.edit()?;
    Ok(done(StatusCode::OK, OrderedFlow::from(door.api.edit(&id, &edit).await?)))
}

/// Forgets a finished flow; its workload stays. Forgetting one that is not there succeeds.
#[utoipa::path(
    delete,
    path = "/namespaces/{namespace}/deployflows/{name}",
    tag = "flows",
    params(Named),
    responses((status = 204, description = "It is gone, or was never there"), OrderRefused)
)]
pub(super) async fn delete(State(door): State<Door>, At(id): At<FlowId>) -> Result<Response, Refusal> {
    door.api.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What is done with an application where nothing is said; what was done, where this request was made before.
async fn usual(
    door: &Door,
    namespace: &Namespace,
    instance: &InstanceName,
    request: Option<&str>,
) -> Result<String, Refusal> {
    if let Some(request) = request {
        let name = name_of_request(instance, request).map_err(terms::of(terms::FLOW))?;
        match door.api.get(&FlowId { namespace: namespace.clone(), name }).await {
            Ok(made) if matches!(made.action.as_str(), "create" | "update") => return Ok(made.action),
            Err(error) if error.kind != ApiErrorKind::NotFound => return Err(error.into()),
            // The core refuses a request that did something else before.
            Ok(_) | Err(_) => {}
        }
    }
    let id = InstanceId { namespace: namespace.clone(), name: instance.clone() };
    match door.api.instance(&id).await {
        Ok(_) => Ok("update".into()),
        Err(error) if error.kind == ApiErrorKind::NotFound => Ok("create".into()),
        Err(error) => Err(error.into()),
    }
}
