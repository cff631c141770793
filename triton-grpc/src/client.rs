//! The API over the wire: a [`Client`] is a [`DeployApi`], an
//! [`InstanceApi`](triton_core::service::InstanceApi) and a
//! [`LifecycleApi`](triton_core::service::LifecycleApi).
//!
//! A call that finds nobody (`Unavailable`) is tried again, see [`Retry`], where it may happen twice: looking,
//! Continue, Pause, Resume, Cancel, Edit (one that cancels must do nothing else), Delete; Next when it says what
//! it expects; making a flow or giving an order to an instance when the request has an identification.

mod answers;
mod instances;
mod resume;
mod retry;

pub use retry::Retry;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tonic::codec::Streaming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};
use triton_core::model::{Edit, FlowId, Target};
use triton_core::service::{
    ApiError, ApiErrorKind, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, MAX_PAGE,
    Ordered,
};

use answers::Answers;

use crate::age::ViewAge;
use crate::application::application_client::ApplicationClient;
use crate::convert::{self, Paths};
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
    retry: Retry,
    age: Arc<Mutex<Option<ViewAge>>>,
}

impl Client {
    /// Connects to a server, such as `http://localhost:8099`.
    ///
    /// # Errors
    /// `InvalidArgument` when the address is none, or one of TLS, which is not built; `Unavailable` when nobody answers there.
    pub async fn connect(address: &str) -> Result<Self, ApiError> {
        let invalid =
            |error| ApiError::new(ApiErrorKind::InvalidArgument, format!("address {address:?}: {error}"));
        let endpoint = Endpoint::from_shared(address.to_owned()).map_err(invalid)?;
        if endpoint.uri().scheme_str().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https")) {
            let text = format!(
                "address {address:?}: TLS is not built yet: name the operator with http://, through kubectl port-forward or a \
                 proxy on this machine where the network is not trusted"
            );
            return Err(ApiError::new(ApiErrorKind::InvalidArgument, text));
        }
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
            retry: Retry::default(),
            age: Arc::default(),
        }
    }

    /// The same with other patience.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The flow now and each change, until it has ended or `until` is reached, also over broken connections and
    /// servers that start anew: the watch is taken up again and nothing is told twice in a row. States in between
    /// may be lost. The stream gives up after as many calls as `retry` allows without an answer.
    ///
    /// The one difference to [`DeployApi::watch`] besides: without `until`, it does not end where a person is
    /// asked.
    #[must_use]
    pub fn follow(&self, id: &FlowId, until: Option<Target>, retry: Retry) -> ApiStream<FlowView> {
        resume::follow(self.clone().with_retry(Retry::NEVER), id.clone(), until, retry)
    }

    /// How old what the last answer told was; `None` before the first, and where the server does not say.
    #[must_use]
    pub fn view_age(&self) -> Option<ViewAge> {
        self.age.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer<T>(&self, outcome: Result<Response<T>, Status>) -> Result<T, ApiError> {
        let metadata = outcome.as_ref().map_or_else(Status::metadata, Response::metadata);
        let age = ViewAge::of(metadata.as_ref());
        *self.age.lock().unwrap_or_else(PoisonError::into_inner) = age;
        outcome.map(Response::into_inner).map_err(|status| from_status(&status))
    }

    /// The first answer to an order; what follows it is not waited for.
    async fn ordered(
        &self,
        outcome: Result<Response<Streaming<DeployReply>>, Status>,
    ) -> Result<Ordered, ApiError> {
        let reply = self.answer(outcome)?.message().await.map_err(|status| from_status(&status))?;
        let nothing = || ApiError::new(ApiErrorKind::Internal, "the server did not answer the order");
        convert::ordered(reply.ok_or_else(nothing)?)
    }

    /// A handle for one call; it shares the connection.
    fn deploys(&self) -> DeployFlowClient<Channel> {
        self.deploys.clone()
    }

    /// Calls what may be called twice.
    async fn again<T, F>(&self, call: impl FnMut() -> F + Send) -> Result<T, ApiError>
    where
        T: Send,
        F: Future<Output = Result<T, ApiError>> + Send,
    {
        self.retry.call(true, call).await
    }

    /// Makes a flow; what is wrong with it is said in the terms of the core.
    async fn make(&self, flow: CreateFlow, request: Option<&str>) -> Result<FlowView, ApiError> {
        let wire = convert::create_request(flow, request)?;
        let create = || async { self.answer(self.deploys().create(wire.clone()).await) };
        let reply = self.retry.call(request.is_some(), create).await;
        convert::flow_view(reply.map_err(|error| in_terms_of_the_core(convert::CREATE, error))?)
    }
}

impl DeployApi for Client {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        let get = || async { self.answer(self.deploys().get(convert::meta_request(id)).await) };
        self.again(get).await.and_then(convert::flow_view)
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let wanted = if filter.page_size == 0 { MAX_PAGE } else { filter.page_size.min(MAX_PAGE) };
        let mut flows = Vec::new();
        loop {
            let got = u32::try_from(flows.len()).unwrap_or(u32::MAX);
            let start = filter.start.saturating_add(got);
            let page = FlowFilter { start, page_size: wanted.saturating_sub(got), ..filter.clone() };
            let gets = || async { self.answer(self.deploys().gets(convert::list_request(&page)).await) };
            let reply = self.again(gets).await?;
            let more = reply.more && !reply.deploys.is_empty();
            flows.extend(convert::flow_views(reply)?);
            if !more {
                return Ok(flows);
            }
        }
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        self.make(flow, None).await
    }

    async fn dry_run(&self, flow: &CreateFlow) -> Result<Option<String>, ApiError> {
        let wire = convert::create_request(flow.clone(), None)?;
        let reply = self.again(|| async { self.answer(self.deploys().dry_run(wire.clone()).await) }).await;
        let reply = reply.map_err(|error| in_terms_of_the_core(convert::CREATE, error))?;
        Ok(Some(reply.message).filter(|message| !message.is_empty()))
    }

    async fn create_once(&self, flow: CreateFlow, request: &str) -> Result<FlowView, ApiError> {
        self.make(flow, Some(request)).await
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        let mut calls = 0;
        let next = || {
            calls += 1;
            async { self.answer(self.deploys().next(convert::next_request(id, expected)).await) }
        };
        match (self.retry.call(expected.is_some(), next).await, expected) {
            // An earlier call may have been heard although its answer was not.
            (Err(error), Some(expected)) if calls > 1 && error.kind == ApiErrorKind::FailedPrecondition => {
                let view = self.get(id).await?;
                if view.target > expected { Ok(view) } else { Err(error) }
            }
            (reply, _) => reply.and_then(convert::flow_view),
        }
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        let go_on =
            || async { self.answer(self.deploys().r#continue(convert::continue_request(id, target)).await) };
        self.again(go_on).await.and_then(convert::ordered)
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.again(|| async { self.ordered(self.deploys().pause(convert::meta_request(id)).await).await })
            .await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.again(|| async { self.ordered(self.deploys().resume(convert::meta_request(id)).await).await })
            .await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.again(|| async { self.ordered(self.deploys().cancel(convert::meta_request(id)).await).await })
            .await
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        let cancel = Edit { canceled: Some(true), ..Edit::default() };
        // A cancel that was heard stands in the way of whatever else the edit says.
        let repeatable = edit.canceled != Some(true) || *edit == cancel;
        let call = || async { self.answer(self.deploys().edit(convert::edit_request(id, edit)).await) };
        self.retry.call(repeatable, call).await.and_then(convert::ordered)
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        let delete = || async { self.answer(self.deploys().delete(convert::meta_request(id)).await) };
        self.again(delete).await.map(|_| ())
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        let watch = || async { self.answer(self.deploys().watch(convert::watch_request(id, target)).await) };
        let replies = self.again(watch).await?;
        Ok(Box::pin(Answers::new(replies, |reply, _| Ok(vec![convert::flow_view(reply)?]))))
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let watch =
            || async { self.answer(self.deploys().list_and_watch(convert::list_request(filter)).await) };
        let replies = self.again(watch).await?;
        Ok(Box::pin(Answers::new(replies, |reply, first| {
            if first {
                Ok(vec![FlowEvent::Listed(convert::flow_views(reply)?)])
            } else {
                convert::flow_event(reply)
            }
        })))
    }
}

/// What the server said of its request, said of the manifest.
fn in_terms_of_the_core(paths: Paths, mut error: ApiError) -> ApiError {
    if error.kind == ApiErrorKind::InvalidArgument {
        error.message = convert::manifest_terms(paths, &error.message);
    }
    error
}
