//! Flows: list, look, make, change, forget.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use triton_core::model::{FlowId, FlowName, InstanceId, InstanceName, Namespace};
use triton_core::service::{ApiError, ApiErrorKind, CreateFlow, FlowFilter, FlowView, MAX_PAGE};

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
    let given_name = checked("name", given(body.name.clone()).map(FlowName::new).transpose())?;
    let repeats = given_name.is_none();
    let name = match (given_name, key, &instance) {
        (None, Some(key), Some(instance)) => checked("name", repeatable(instance, &key).map(Some))?,
        (name, ..) => name,
    };
    let asked = given(body.action.clone());
    let action = match (&asked, &instance) {
        (Some(action), _) => action.clone(),
        (None, Some(instance)) => usual(&door, &namespace, instance).await?.into(),
        // The core says what is wrong with the instance name.
        (None, None) => "create".into(),
    };
    let flow = CreateFlow { namespace: namespace.clone(), name: name.clone(), draft: body.draft(action) };
    let flow = match (door.api.create(flow).await, name, instance) {
        (Err(error), Some(name), Some(instance)) if error.kind == ApiErrorKind::AlreadyExists && repeats => {
            made_before(&door, FlowId { namespace, name }, &instance, asked, error).await?
        }
        (made, ..) => made.map_err(terms::of(terms::FLOW))?,
    };
    Ok(done(StatusCode::CREATED, Flow::from(flow)))
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

/// What is done with an application where nothing is said.
async fn usual(
    door: &Door,
    namespace: &Namespace,
    instance: &InstanceName,
) -> Result<&'static str, ApiError> {
    let id = InstanceId { namespace: namespace.clone(), name: instance.clone() };
    match door.api.instance(&id).await {
        Ok(_) => Ok("update"),
        Err(error) if error.kind == ApiErrorKind::NotFound => Ok("create"),
        Err(error) => Err(error),
    }
}

/// The flow that the same request made before; `taken` when it was another one.
async fn made_before(
    door: &Door,
    id: FlowId,
    instance: &InstanceName,
    action: Option<String>,
    taken: ApiError,
) -> Result<FlowView, ApiError> {
    let flow = door.api.get(&id).await?;
    let same = flow.instance_name == instance.as_str() && action.is_none_or(|action| action == flow.action);
    if same { Ok(flow) } else { Err(taken) }
}

/// The name of the flow that a request with a key makes: the same for the same key.
fn repeatable(instance: &InstanceName, key: &str) -> Result<FlowName, triton_core::model::NameError> {
    // FNV-1a, as for orders to instances: it guards nothing.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    FlowName::new(format!("{instance}-{hash:016x}"))
}
