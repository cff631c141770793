//! The service `application.Application`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use triton_core::service::{ApiError, InstanceApi, LifecycleApi, Made};

use super::generated::application::application_server::Application;
use crate::application::{
    EmptyReply, GetsRequest, InstanceMetaRequest, InstanceReply, InstancesReply, RestartReply,
    RestartRequest, RollbackReply, RollbackRequest, ScaleReply, ScaleRequest, StartReply, StartRequest,
    StopReply, StopRequest,
};
use crate::convert::{self, Asked};
use crate::status::to_status;

/// Instances, and orders to them.
pub(crate) struct Applications<I, L> {
    pub(crate) instances: Arc<I>,
    pub(crate) lifecycle: Arc<L>,
}

#[tonic::async_trait]
impl<I: InstanceApi + 'static, L: LifecycleApi + 'static> Application for Applications<I, L> {
    async fn get(&self, request: Request<InstanceMetaRequest>) -> Result<Response<InstanceReply>, Status> {
        let request = request.into_inner();
        let id = convert::instance_id(request.instance.as_ref()).map_err(|e| to_status(&e))?;
        let instance = self.instances.instance(&id).await.map_err(|e| to_status(&e))?;
        let mut reply = convert::instance_reply(instance);
        if request.warns {
            let template = convert::warnings_template(request.template).map_err(|e| to_status(&e))?;
            let warnings = self.instances.warnings(&id, template.as_ref()).await;
            reply.warnings = warnings.map_err(|e| to_status(&e))?;
        }
        Ok(Response::new(reply))
    }

    async fn gets(&self, request: Request<GetsRequest>) -> Result<Response<InstancesReply>, Status> {
        let namespace = convert::instances_namespace(request.get_ref()).map_err(|e| to_status(&e))?;
        let instances = self.instances.instances(namespace.as_ref()).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(convert::instances_reply(instances)))
    }

    async fn restart(&self, request: Request<RestartRequest>) -> Result<Response<RestartReply>, Status> {
        let made = self.order(request).await?;
        Ok(Response::new(RestartReply { deploy_name: convert::deploy_name(&made) }))
    }

    async fn scale(&self, request: Request<ScaleRequest>) -> Result<Response<ScaleReply>, Status> {
        let made = self.order(request).await?;
        Ok(Response::new(ScaleReply { deploy_name: convert::deploy_name(&made) }))
    }

    async fn rollback(&self, request: Request<RollbackRequest>) -> Result<Response<RollbackReply>, Status> {
        self.order(request).await.map(|made| Response::new(convert::rollback_reply(made)))
    }

    async fn delete(&self, request: Request<InstanceMetaRequest>) -> Result<Response<EmptyReply>, Status> {
        self.order(request).await.map(|made| Response::new(convert::delete_reply(&made)))
    }

    async fn start(&self, request: Request<StartRequest>) -> Result<Response<StartReply>, Status> {
        let made = self.order(request).await?;
        Ok(Response::new(StartReply { deploy_name: convert::deploy_name(&made) }))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopReply>, Status> {
        let made = self.order(request).await?;
        Ok(Response::new(StopReply { deploy_name: convert::deploy_name(&made) }))
    }
}

impl<I, L: LifecycleApi> Applications<I, L> {
    /// Gives an order; what is wrong with it is said in the terms of the request.
    async fn order(
        &self,
        request: Request<impl TryInto<Asked, Error = ApiError> + Send>,
    ) -> Result<Made, Status> {
        let Asked { instance, order, request } =
            request.into_inner().try_into().map_err(|e| to_status(&e))?;
        let paths = convert::paths(&order);
        let made = self.lifecycle.order(&instance, order, request.as_deref()).await;
        made.map_err(convert::in_request_terms(paths)).map_err(|error| to_status(&error))
    }
}
