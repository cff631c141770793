//! The service `pod.Pod`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use triton_core::service::InstanceApi;

use super::generated::pod::pod_server::Pod;
use crate::convert;
use crate::pod::{GetsRequest, PodMetaRequest, PodReply, PodsReply};
use crate::status::to_status;

/// Pods over an API.
pub(crate) struct Pods<I>(pub(crate) Arc<I>);

#[tonic::async_trait]
impl<I: InstanceApi + 'static> Pod for Pods<I> {
    async fn get(&self, request: Request<PodMetaRequest>) -> Result<Response<PodReply>, Status> {
        let id = convert::pod_id(request.get_ref().pod.as_ref()).map_err(|e| to_status(&e))?;
        let pod = self.0.pod(&id).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(convert::pod_reply(pod)))
    }

    async fn gets(&self, request: Request<GetsRequest>) -> Result<Response<PodsReply>, Status> {
        let filter = convert::pod_filter(request.into_inner()).map_err(|e| to_status(&e))?;
        let pods = self.0.pods(&filter).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(convert::pods_reply(pods)))
    }
}
