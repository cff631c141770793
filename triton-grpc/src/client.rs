//! The API over the wire: a [`Client`] is a [`DeployApi`] and an [`InstanceApi`].

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tonic::codec::Streaming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};
use triton_core::model::{FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiErrorKind, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi,
    InstanceView, MAX_PAGE, Ordered, PodFilter, PodId, PodView,
};

use crate::application::application_client::ApplicationClient;
use crate::convert;
use crate::deployflow::DeployReply;
use crate::deployflow::deploy_flow_client::DeployFlowClient;
use crate::pod::pod_client::PodClient;
use crate::status::from_status;

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;
/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection with an open call is asked for a sign of life this often, and given so long for it.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// A server of triton, reached over gRPC. Clones share the connection, which is restored when it breaks.
#[derive(Clone, Debug)]
pub struct Client {
    deploys: DeployFlowClient<Channel>,
    applications: ApplicationClient<Channel>,
    pods: PodClient<Channel>,
}

impl Client {
    /// Connects to a server, such as `http://localhost:8099`.
    ///
    /// # Errors
    /// `InvalidArgument` when the address is none, `Unavailable` when nobody answers there.
    pub async fn connect(address: &str) -> Result<Self, ApiError> {
        let invalid =
            |error| ApiError::new(ApiErrorKind::InvalidArgument, format!("address {address:?}: {error}"));
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(invalid)?;
        let endpoint = endpoint
            .connect_timeout(CONNECT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE.0)
            .keep_alive_timeout(KEEPALIVE.1);
        let channel = endpoint.connect().await;
        channel.map(Self::new).map_err(|error| {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            ApiError::new(ApiErrorKind::Unavailable, format!("{address} cannot be reached: {error}{cause}"))
        })
    }

    /// Over a channel of the caller's making.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            deploys: DeployFlowClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER),
            applications: ApplicationClient::new(channel.clone()).max_decoding_message_size(MAX_ANSWER),
            pods: PodClient::new(channel).max_decoding_message_size(MAX_ANSWER),
        }
    }

    /// A handle for one call; it shares the connection.
    fn deploys(&self) -> DeployFlowClient<Channel> {
        self.deploys.clone()
    }
}

impl DeployApi for Client {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        convert::flow_view(answer(self.deploys().get(convert::meta_request(id)).await)?)
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let wanted = if filter.page_size == 0 { MAX_PAGE } else { filter.page_size.min(MAX_PAGE) };
        let mut flows = Vec::new();
        loop {
            let got = u32::try_from(flows.len()).unwrap_or(u32::MAX);
            let start = filter.start.saturating_add(got);
            let page = FlowFilter { start, page_size: wanted.saturating_sub(got), ..filter.clone() };
            let reply = answer(self.deploys().gets(convert::list_request(&page)).await)?;
            let more = reply.more && !reply.deploys.is_empty();
            flows.extend(convert::flow_views(reply)?);
            if !more {
                return Ok(flows);
            }
        }
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        let request = convert::create_request(flow)?;
        let reply = answer(self.deploys().create(request).await).map_err(|mut error| {
            if error.kind == ApiErrorKind::InvalidArgument {
                error.message = convert::manifest_terms(&error.message);
            }
            error
        });
        convert::flow_view(reply?)
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        convert::flow_view(answer(self.deploys().next(convert::next_request(id, expected)).await)?)
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        convert::ordered(answer(self.deploys().r#continue(convert::continue_request(id, target)).await)?)
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        ordered(self.deploys().pause(convert::meta_request(id)).await).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        ordered(self.deploys().resume(convert::meta_request(id)).await).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        ordered(self.deploys().cancel(convert::meta_request(id)).await).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        answer(self.deploys().delete(convert::meta_request(id)).await).map(|_| ())
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        let replies = answer(self.deploys().watch(convert::watch_request(id, target)).await)?;
        Ok(Box::pin(Answers::new(replies, |reply, _| Ok(vec![convert::flow_view(reply)?]))))
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let replies = answer(self.deploys().list_and_watch(convert::list_request(filter)).await)?;
        Ok(Box::pin(Answers::new(replies, |reply, first| {
            if first {
                Ok(vec![FlowEvent::Listed(convert::flow_views(reply)?)])
            } else {
                convert::flow_event(reply)
            }
        })))
    }
}

impl InstanceApi for Client {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        convert::instance_view(answer(self.applications.clone().get(convert::instance_request(id)).await)?)
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        let request = convert::instances_request(namespace);
        answer(self.applications.clone().gets(request).await).map(convert::instance_views)
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        convert::pod_view(answer(self.pods.clone().get(convert::pod_request(id)).await)?)
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        convert::pod_views(answer(self.pods.clone().gets(convert::pods_request(filter)).await)?)
    }
}

fn answer<T>(outcome: Result<Response<T>, Status>) -> Result<T, ApiError> {
    outcome.map(Response::into_inner).map_err(|status| from_status(&status))
}

/// The first answer to an order; what follows it is not waited for.
async fn ordered(outcome: Result<Response<Streaming<DeployReply>>, Status>) -> Result<Ordered, ApiError> {
    let reply = answer(outcome)?.message().await.map_err(|status| from_status(&status))?;
    let nothing = || ApiError::new(ApiErrorKind::Internal, "the server did not answer the order");
    convert::ordered(reply.ok_or_else(nothing)?)
}

/// Reads one reply, which may tell several things; the flag is set for the first reply.
type Read<R, T> = fn(R, bool) -> Result<Vec<T>, ApiError>;

/// A stream of replies as a stream of what they tell.
struct Answers<R, T> {
    replies: Option<Streaming<R>>,
    read: Read<R, T>,
    first: bool,
    told: VecDeque<T>,
}

impl<R, T> Answers<R, T> {
    fn new(replies: Streaming<R>, read: Read<R, T>) -> Self {
        Self { replies: Some(replies), read, first: true, told: VecDeque::new() }
    }
}

impl<R, T: Unpin> Stream for Answers<R, T> {
    type Item = Result<T, ApiError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(item) = this.told.pop_front() {
                return Poll::Ready(Some(Ok(item)));
            }
            let Some(replies) = &mut this.replies else { return Poll::Ready(None) };
            let error = match ready!(Pin::new(replies).poll_next(cx)) {
                Some(Ok(reply)) => match (this.read)(reply, std::mem::take(&mut this.first)) {
                    Ok(told) => {
                        this.told = told.into();
                        continue;
                    }
                    Err(error) => Some(error),
                },
                Some(Err(status)) => Some(from_status(&status)),
                None => None,
            };
            this.replies = None;
            return Poll::Ready(error.map(Err));
        }
    }
}
