//! What every door offers: one method per verb, an outcome per verb.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;

use futures_core::Stream;
use serde_json::Value;

use super::error::{ApiError, ApiErrorKind};
use super::request::name_of_request;
use super::view::{
    CreateFlow, FlowEvent, FlowFilter, FlowView, InstanceView, Ordered, PodFilter, PodId, PodView,
};
use crate::model::{Action, Edit, FlowId, InstanceId, Namespace, Target};

/// A stream of answers. It ends after an error.
pub type ApiStream<T> = Pin<Box<dyn Stream<Item = Result<T, ApiError>> + Send>>;

/// Everything that can be asked of flows.
///
/// Implemented in-process by [`Service`](super::Service) and remotely by clients, so that one test
/// suite runs against all. Errors: `NotFound` for an unknown flow, `FailedPrecondition` for an order
/// that is not allowed now, `InvalidArgument` for bad input, `Aborted` when the flow changed meanwhile,
/// `Unavailable` when the store cannot be reached.
pub trait DeployApi: Send + Sync {
    /// One flow.
    fn get(&self, id: &FlowId) -> impl Future<Output = Result<FlowView, ApiError>> + Send;

    /// A page of flows, newest first.
    fn list(&self, filter: &FlowFilter) -> impl Future<Output = Result<Vec<FlowView>, ApiError>> + Send;

    /// Makes a flow. `InvalidArgument` names the fields that are wrong; `AlreadyExists` when the name is
    /// taken, or the workload that it would create exists; `FailedPrecondition` when the workload that it
    /// would change is missing, is being deleted or belongs to another controller.
    fn create(&self, flow: CreateFlow) -> impl Future<Output = Result<FlowView, ApiError>> + Send;

    /// Checks a flow as [`create`](Self::create) does, and makes none: what `create` would refuse is refused with the same
    /// error, but for a name that is taken. `Some`: its order was carried out already, nothing would be done, and why.
    /// The default knows what the flow itself says.
    fn dry_run(&self, flow: &CreateFlow) -> impl Future<Output = Result<Option<String>, ApiError>> + Send {
        let faults = flow.draft.parse_new().err();
        async { faults.map_or(Ok(None), |faults| Err(faults.into())) }
    }

    /// Makes a flow without a name once: repeated with the same `request`, an identification of the caller's
    /// choice, it answers the flow that the first call made. `AlreadyExists` when that one is another
    /// action's.
    fn create_once(
        &self,
        flow: CreateFlow,
        request: &str,
    ) -> impl Future<Output = Result<FlowView, ApiError>> + Send {
        create_once(self, flow, request)
    }

    /// Gives the permission that the current stage asks for. `expected`: what the caller saw waiting.
    fn next(
        &self,
        id: &FlowId,
        expected: Option<Target>,
    ) -> impl Future<Output = Result<FlowView, ApiError>> + Send;

    /// Lets the flow go as far as `target`; going backwards is refused.
    fn go_to(&self, id: &FlowId, target: Target) -> impl Future<Output = Result<Ordered, ApiError>> + Send;

    /// Stops the flow's own steps.
    fn pause(&self, id: &FlowId) -> impl Future<Output = Result<Ordered, ApiError>> + Send;

    /// Lifts a pause, by a person or by failure.
    fn resume(&self, id: &FlowId) -> impl Future<Output = Result<Ordered, ApiError>> + Send;

    /// Stops for good and closes cleanly.
    fn cancel(&self, id: &FlowId) -> impl Future<Output = Result<Ordered, ApiError>> + Send;

    /// Changes standing orders; all of the edit is taken, or nothing.
    fn edit(&self, id: &FlowId, edit: &Edit) -> impl Future<Output = Result<Ordered, ApiError>> + Send;

    /// Forgets a finished flow; forgetting one that is not there succeeds.
    fn delete(&self, id: &FlowId) -> impl Future<Output = Result<(), ApiError>> + Send;

    /// The flow now and at each change, until [`FlowView::ends_watch`]; the last item is that view.
    fn watch(
        &self,
        id: &FlowId,
        target: Option<Target>,
    ) -> impl Future<Output = Result<ApiStream<FlowView>, ApiError>> + Send;

    /// The flows that match now, then each change of one that matches (paging aside), without end.
    fn list_and_watch(
        &self,
        filter: &FlowFilter,
    ) -> impl Future<Output = Result<ApiStream<FlowEvent>, ApiError>> + Send;
}

/// Looks up what flows were made with.
pub trait Templates: Send + Sync {
    /// The pod template that a flow brought; `NotFound` when there is no such flow, `FailedPrecondition`
    /// when it brought none.
    fn template(&self, id: &FlowId) -> impl Future<Output = Result<serde_json::Value, ApiError>> + Send;
}

/// Everything that can be asked of application instances and pods.
pub trait InstanceApi: Send + Sync {
    /// One instance; `NotFound` when there is none.
    fn instance(&self, id: &InstanceId) -> impl Future<Output = Result<InstanceView, ApiError>> + Send;

    /// What is to be known of whatever sends traffic to an instance before its pods are exchanged for those of a
    /// template, identity labels included; for those of the template that it has where this one is an empty object; or
    /// as they are where there is none: one sentence each. `NotFound` when there is no such instance. The default knows
    /// nothing, which is right where every pod has the same place.
    fn warnings(
        &self,
        id: &InstanceId,
        template: Option<&Value>,
    ) -> impl Future<Output = Result<Vec<String>, ApiError>> + Send {
        let _ = (id, template);
        async { Ok(Vec::new()) }
    }

    /// The instances of a namespace, or of all, by namespace and name.
    fn instances(
        &self,
        namespace: Option<&Namespace>,
    ) -> impl Future<Output = Result<Vec<InstanceView>, ApiError>> + Send;

    /// One pod; `NotFound` when there is none.
    fn pod(&self, id: &PodId) -> impl Future<Output = Result<PodView, ApiError>> + Send;

    /// The pods that match, newest first.
    fn pods(&self, filter: &PodFilter) -> impl Future<Output = Result<Vec<PodView>, ApiError>> + Send;
}

/// Makes the flow of a request, or answers the one that it made before.
async fn create_once<A: DeployApi + ?Sized>(
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
