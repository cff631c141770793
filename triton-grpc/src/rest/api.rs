//! The three APIs with their types forgotten, so that there is one set of handlers.

use std::sync::Arc;

use async_trait::async_trait;
use triton_core::model::{Edit, FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi, InstanceOrder,
    InstanceView, LifecycleApi, Made, Ordered, PodFilter, PodId, PodView,
};

type Answer<T> = Result<T, ApiError>;

/// [`DeployApi`], [`InstanceApi`] and [`LifecycleApi`] in one.
#[async_trait]
pub(super) trait Api: Send + Sync {
    async fn get(&self, id: &FlowId) -> Answer<FlowView>;
    async fn list(&self, filter: &FlowFilter) -> Answer<Vec<FlowView>>;
    async fn create(&self, flow: CreateFlow) -> Answer<FlowView>;
    async fn create_once(&self, flow: CreateFlow, request: &str) -> Answer<FlowView>;
    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Answer<FlowView>;
    async fn go_to(&self, id: &FlowId, target: Target) -> Answer<Ordered>;
    async fn pause(&self, id: &FlowId) -> Answer<Ordered>;
    async fn resume(&self, id: &FlowId) -> Answer<Ordered>;
    async fn cancel(&self, id: &FlowId) -> Answer<Ordered>;
    async fn edit(&self, id: &FlowId, edit: &Edit) -> Answer<Ordered>;
    async fn delete(&self, id: &FlowId) -> Answer<()>;
    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Answer<ApiStream<FlowView>>;
    async fn list_and_watch(&self, filter: &FlowFilter) -> Answer<ApiStream<FlowEvent>>;
    async fn instance(&self, id: &InstanceId) -> Answer<InstanceView>;
    async fn instances(&self, namespace: &Namespace) -> Answer<Vec<InstanceView>>;
    async fn pod(&self, id: &PodId) -> Answer<PodView>;
    async fn pods(&self, filter: &PodFilter) -> Answer<Vec<PodView>>;
    async fn order(&self, id: &InstanceId, order: InstanceOrder, request: Option<&str>) -> Answer<Made>;
}

/// Somebody's three APIs.
pub(super) struct Three<D, I, L> {
    pub(super) deploys: Arc<D>,
    pub(super) instances: Arc<I>,
    pub(super) lifecycle: Arc<L>,
}

#[async_trait]
impl<D: DeployApi, I: InstanceApi, L: LifecycleApi> Api for Three<D, I, L> {
    async fn get(&self, id: &FlowId) -> Answer<FlowView> {
        self.deploys.get(id).await
    }

    async fn list(&self, filter: &FlowFilter) -> Answer<Vec<FlowView>> {
        self.deploys.list(filter).await
    }

    async fn create(&self, flow: CreateFlow) -> Answer<FlowView> {
        self.deploys.create(flow).await
    }

    async fn create_once(&self, flow: CreateFlow, request: &str) -> Answer<FlowView> {
        self.deploys.create_once(flow, request).await
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Answer<FlowView> {
        self.deploys.next(id, expected).await
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Answer<Ordered> {
        self.deploys.go_to(id, target).await
    }

    async fn pause(&self, id: &FlowId) -> Answer<Ordered> {
        self.deploys.pause(id).await
    }

    async fn resume(&self, id: &FlowId) -> Answer<Ordered> {
        self.deploys.resume(id).await
    }

    async fn cancel(&self, id: &FlowId) -> Answer<Ordered> {
        self.deploys.cancel(id).await
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Answer<Ordered> {
        self.deploys.edit(id, edit).await
    }

    async fn delete(&self, id: &FlowId) -> Answer<()> {
        self.deploys.delete(id).await
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Answer<ApiStream<FlowView>> {
        self.deploys.watch(id, target).await
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Answer<ApiStream<FlowEvent>> {
        self.deploys.list_and_watch(filter).await
    }

    async fn instance(&self, id: &InstanceId) -> Answer<InstanceView> {
        self.instances.instance(id).await
    }

    async fn instances(&self, namespace: &Namespace) -> Answer<Vec<InstanceView>> {
        self.instances.instances(Some(namespace)).await
    }

    async fn pod(&self, id: &PodId) -> Answer<PodView> {
        self.instances.pod(id).await
    }

    async fn pods(&self, filter: &PodFilter) -> Answer<Vec<PodView>> {
        self.instances.pods(filter).await
    }

    async fn order(&self, id: &InstanceId, order: InstanceOrder, request: Option<&str>) -> Answer<Made> {
        self.lifecycle.order(id, order, request).await
    }
}
