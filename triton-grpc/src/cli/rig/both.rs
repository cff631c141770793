//! One API of two: flows from the service, instances from the host.

use triton_core::model::{Edit, FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi, InstanceView,
    Ordered, PodFilter, PodId, PodView,
};

use super::Both;

impl DeployApi for Both {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.service.get(id).await
    }
    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        self.service.list(filter).await
    }
    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        self.service.create(flow).await
    }
    async fn dry_run(&self, flow: &CreateFlow) -> Result<Option<String>, ApiError> {
        self.service.dry_run(flow).await
    }
    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        self.service.next(id, expected).await
    }
    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.service.go_to(id, target).await
    }
    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.service.pause(id).await
    }
    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.service.resume(id).await
    }
    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.service.cancel(id).await
    }
    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        self.service.edit(id, edit).await
    }
    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.service.delete(id).await
    }
    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        self.service.watch(id, target).await
    }
    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        self.service.list_and_watch(filter).await
    }
}

impl InstanceApi for Both {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.host.instance(id).await
    }
    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        self.host.instances(namespace).await
    }
    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        self.host.pod(id).await
    }
    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        self.host.pods(filter).await
    }
}
