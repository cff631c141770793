//! The service `deployflow.DeployFlow`.

use std::sync::Arc;

use tonic::{Request, Response, Status};
use triton_core::model::FlowId;
use triton_core::service::{ApiError, DeployApi, FlowView, Ordered};

use super::frame::{Frame, pages};
use super::generated::deployflow::deploy_flow_server::DeployFlow;
use super::hub::{Change, Hub};
use super::watch::{self, Replies, Until};
use crate::convert;
use crate::deployflow::{
    ContinueRequest, CreateRequest, DeployMetaRequest, DeploysRequest, DryRunReply, EditRequest, EmptyReply,
    NextRequest, WatchRequest,
};
use crate::status::to_status;

/// Flows over an API and a hub that is fed from it.
pub(crate) struct Deploys<A> {
    pub(crate) api: Arc<A>,
    pub(crate) hub: Hub,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl<A: DeployApi + 'static> DeployFlow for Deploys<A> {
    type CancelStream = Replies;
    type PauseStream = Replies;
    type ResumeStream = Replies;
    type WatchStream = Replies;
    type ListAndWatchStream = Replies;

    async fn get(&self, request: Request<DeployMetaRequest>) -> Answer<Frame> {
        let id = self.flow(&request)?;
        answer(self.api.get(&id).await.map(reply))
    }

    async fn gets(&self, request: Request<DeploysRequest>) -> Answer<Frame> {
        let filter = convert::flow_filter(request.into_inner()).map_err(refuse)?;
        let views = self.api.list(&filter).await.map_err(refuse)?;
        let frames: Vec<Frame> = views.into_iter().map(reply).collect();
        let mut pages = pages(&frames).into_iter();
        let first = pages.next();
        let more = pages.next().map(|_| Frame::encode(&convert::more_reply()));
        Ok(Response::new(Frame::join(first.iter().chain(&more))))
    }

    async fn cancel(&self, request: Request<DeployMetaRequest>) -> Answer<Replies> {
        let id = self.flow(&request)?;
        answer(self.order(&id, Until::Ended, self.api.cancel(&id)).await)
    }

    async fn pause(&self, request: Request<DeployMetaRequest>) -> Answer<Replies> {
        let id = self.flow(&request)?;
        answer(self.order(&id, Until::Paused, self.api.pause(&id)).await)
    }

    async fn resume(&self, request: Request<DeployMetaRequest>) -> Answer<Replies> {
        let id = self.flow(&request)?;
        answer(self.order(&id, Until::Resumed, self.api.resume(&id)).await)
    }

    async fn r#continue(&self, request: Request<ContinueRequest>) -> Answer<Frame> {
        let request = request.into_inner();
        let id = convert::flow_id(request.deploy.as_ref()).map_err(refuse)?;
        let target = convert::continue_target(&request).map_err(refuse)?;
        let ordered = self.api.go_to(&id, target).await;
        answer(ordered.map(|ordered| Frame::encode(&convert::first_reply(&ordered))))
    }

    async fn next(&self, request: Request<NextRequest>) -> Answer<Frame> {
        let request = request.into_inner();
        let id = convert::flow_id(request.deploy.as_ref()).map_err(refuse)?;
        let expected = convert::expected(&request).map_err(refuse)?;
        answer(self.api.next(&id, expected).await.map(reply))
    }

    async fn delete(&self, request: Request<DeployMetaRequest>) -> Answer<EmptyReply> {
        let id = self.flow(&request)?;
        answer(self.api.delete(&id).await.map(|()| EmptyReply {}))
    }

    async fn watch(&self, request: Request<WatchRequest>) -> Answer<Replies> {
        let request = request.into_inner();
        let id = convert::flow_id(request.deploy.as_ref()).map_err(refuse)?;
        let target = convert::watch_target(&request).map_err(refuse)?;
        // The watcher first: a change between the two is then seen, not lost.
        let watcher = self.hub.watch(&id).await.map_err(refuse)?;
        let first = self.api.get(&id).await.map(Change::new).map_err(refuse)?;
        let reply = first.frame.clone();
        Ok(Response::new(watch::one(self.api.clone(), watcher, first, reply, Until::Reached(target))))
    }

    async fn list_and_watch(&self, request: Request<DeploysRequest>) -> Answer<Replies> {
        let filter = convert::flow_filter(request.into_inner()).map_err(refuse)?;
        let watcher = self.hub.watch_every().await.map_err(refuse)?;
        let list = self.api.list(&filter).await.map_err(refuse)?;
        Ok(Response::new(watch::every(self.api.clone(), watcher, filter, list)))
    }

    async fn create(&self, request: Request<CreateRequest>) -> Answer<Frame> {
        let (flow, request) = convert::create_flow(request.into_inner()).map_err(refuse)?;
        let created = match request {
            Some(request) => self.api.create_once(flow, &request).await,
            None => self.api.create(flow).await,
        };
        answer(created.map_err(convert::in_request_terms(convert::CREATE)).map(reply))
    }

    async fn dry_run(&self, request: Request<CreateRequest>) -> Answer<DryRunReply> {
        let (flow, request) = convert::create_flow(request.into_inner()).map_err(refuse)?;
        if request.is_some() {
            return Err(refuse(convert::fault("requestID", "must be left out: a dry run makes no flow")));
        }
        let told = self.api.dry_run(&flow).await.map_err(convert::in_request_terms(convert::CREATE));
        answer(told.map(|told| DryRunReply { message: told.unwrap_or_default() }))
    }

    async fn edit(&self, request: Request<EditRequest>) -> Answer<Frame> {
        let request = request.into_inner();
        let id = convert::flow_id(request.deploy.as_ref()).map_err(refuse)?;
        let edit = convert::edit(&request).map_err(refuse)?;
        let ordered = self.api.edit(&id, &edit).await;
        answer(ordered.map(|ordered| Frame::encode(&convert::first_reply(&ordered))))
    }
}

impl<A: DeployApi + 'static> Deploys<A> {
    fn flow(&self, request: &Request<DeployMetaRequest>) -> Result<FlowId, Status> {
        convert::flow_id(request.get_ref().deploy.as_ref()).map_err(refuse)
    }

    /// Gives an order and follows it until it has taken effect.
    async fn order(
        &self,
        id: &FlowId,
        until: Until,
        order: impl Future<Output = Result<Ordered, ApiError>> + Send,
    ) -> Result<Replies, ApiError> {
        let watcher = self.hub.watch(id).await?;
        let ordered = order.await?;
        let reply = Frame::encode(&convert::first_reply(&ordered));
        Ok(watch::one(self.api.clone(), watcher, Change::new(ordered.flow), reply, until))
    }
}

fn reply(view: FlowView) -> Frame {
    Frame::encode(&convert::deploy_reply(&view))
}

fn answer<T>(outcome: Result<T, ApiError>) -> Answer<T> {
    outcome.map(Response::new).map_err(refuse)
}

fn refuse(error: ApiError) -> Status {
    to_status(&error)
}
