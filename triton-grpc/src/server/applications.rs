//! The service `application.Application`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use triton_core::service::InstanceApi;

use super::generated::application::application_server::Application;
use crate::application::{
    EmptyReply, GetsRequest, InstanceMetaRequest, InstanceReply, InstancesReply, RestartReply,
    RestartRequest, RollbackReply, RollbackRequest, ScaleReply, ScaleRequest,
};
use crate::convert;
use crate::status::to_status;

/// Instances over an API.
pub(crate) struct Applications<I>(pub(crate) Arc<I>);

#[tonic::async_trait]
impl<I: InstanceApi + 'static> Application for Applications<I> {
    async fn get(&self, request: Request<InstanceMetaRequest>) -> Result<Response<InstanceReply>, Status> {
        let id = convert::instance_id(request.get_ref().instance.as_ref()).map_err(|e| to_status(&e))?;
        let instance = self.0.instance(&id).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(convert::instance_reply(instance)))
    }

    async fn gets(&self, request: Request<GetsRequest>) -> Result<Response<InstancesReply>, Status> {
        let namespace = convert::instances_namespace(request.get_ref()).map_err(|e| to_status(&e))?;
        let instances = self.0.instances(namespace.as_ref()).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(convert::instances_reply(instances)))
    }

    async fn restart(&self, _: Request<RestartRequest>) -> Result<Response<RestartReply>, Status> {
        Err(not_built("Restart"))
    }

    async fn scale(&self, _: Request<ScaleRequest>) -> Result<Response<ScaleReply>, Status> {
        Err(not_built("Scale"))
    }

    async fn rollback(&self, _: Request<RollbackRequest>) -> Result<Response<RollbackReply>, Status> {
        Err(not_built("Rollback"))
    }

    async fn delete(&self, _: Request<InstanceMetaRequest>) -> Result<Response<EmptyReply>, Status> {
        Err(not_built("Delete"))
    }
}

fn not_built(call: &str) -> Status {
    let text = "is not built yet and nothing was done: this version carries out create and update";
    Status::unimplemented(format!("application.Application/{call} {text}"))
}
