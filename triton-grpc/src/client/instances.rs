//! Instances, pods, and orders to instances.

use serde_json::Value;
use triton_core::model::{FlowId, InstanceId, Namespace};
use triton_core::service::{
    ApiError, DeployApi, InstanceApi, InstanceOrder, InstanceView, LifecycleApi, Made, PodFilter, PodId,
    PodView,
};

use super::{Client, in_terms_of_the_core};
use crate::convert::{self, OrderCall};

impl InstanceApi for Client {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        let get =
            || async { self.answer(self.applications.clone().get(convert::instance_request(id)).await) };
        self.again(get).await.and_then(convert::instance_view)
    }

    async fn warnings(&self, id: &InstanceId, template: Option<&Value>) -> Result<Vec<String>, ApiError> {
        let request = || convert::warnings_request(id, template);
        let get = || async { self.answer(self.applications.clone().get(request()?).await) };
        Ok(self.again(get).await?.warnings)
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        let request = || convert::instances_request(namespace);
        let gets = || async { self.answer(self.applications.clone().gets(request()).await) };
        self.again(gets).await.map(convert::instance_views)
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        let get = || async { self.answer(self.pods.clone().get(convert::pod_request(id)).await) };
        self.again(get).await.and_then(convert::pod_view)
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        let gets = || async { self.answer(self.pods.clone().gets(convert::pods_request(filter)).await) };
        self.again(gets).await.and_then(convert::pod_views)
    }
}

impl LifecycleApi for Client {
    /// As the trait says. The flow is read after it was made: it is the one that was made, as it is then.
    async fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        let paths = convert::paths(&order);
        let call = convert::order_call(instance, order, request)?;
        let ordered = self.retry.call(request.is_some(), || self.give(call.clone())).await;
        let (name, rollback_to) = ordered.map_err(|error| in_terms_of_the_core(paths, error))?;
        let flow = match convert::made_name(&name)? {
            Some(name) => Some(self.get(&FlowId { namespace: instance.namespace.clone(), name }).await?),
            None => None,
        };
        Ok(Made { flow, rollback_to })
    }
}

impl Client {
    /// Makes a call; answers the name of the flow that it made, and what that returns to.
    async fn give(&self, call: OrderCall) -> Result<(String, String), ApiError> {
        let mut to = self.applications.clone();
        let name = match call {
            OrderCall::Restart(request) => self.answer(to.restart(request).await)?.deploy_name,
            OrderCall::Scale(request) => self.answer(to.scale(request).await)?.deploy_name,
            OrderCall::Rollback(request) => {
                let reply = self.answer(to.rollback(request).await)?;
                return Ok((reply.deploy_name, reply.rollback_to));
            }
            OrderCall::Start(request) => self.answer(to.start(request).await)?.deploy_name,
            OrderCall::Stop(request) => self.answer(to.stop(request).await)?.deploy_name,
            OrderCall::Delete(request) => self.answer(to.delete(request).await)?.deploy_name,
        };
        Ok((name, String::new()))
    }
}
