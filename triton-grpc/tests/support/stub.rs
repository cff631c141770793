//! APIs that answer what a test says, and remember what they were asked.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::unfold;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use triton_core::model::{Edit, FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiErrorKind, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi,
    InstanceOrder, InstanceView, LifecycleApi, Made, Ordered, PodFilter, PodId, PodView,
};
use triton_grpc::rest::Config;

use super::http::Served;
use super::views;

/// What the APIs do.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mood {
    /// Everything succeeds.
    #[default]
    Well,
    /// Everything is refused so.
    Refuse(ApiErrorKind),
    /// Nothing is ever answered.
    Hang,
    /// Everything panics.
    Panic,
}

/// The three APIs. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Stub(Arc<Shared>);

#[derive(Default)]
struct Shared {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<String>>,
    flows: Mutex<Vec<mpsc::UnboundedSender<Result<FlowView, ApiError>>>>,
    lists: Mutex<Vec<mpsc::UnboundedSender<Result<FlowEvent, ApiError>>>>,
}

impl Stub {
    /// Serves one over REST.
    pub(crate) async fn serve(config: Config) -> (Self, Served) {
        let stub = Self::default();
        let served = Served::start(stub.clone(), stub.clone(), stub.clone(), config).await;
        (stub, served)
    }

    /// From now on.
    pub(crate) fn be(&self, mood: Mood) {
        *self.0.mood.lock() = mood;
    }

    /// What was asked since the last time, as Debug writes it.
    pub(crate) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.asked.lock())
    }

    /// Tells all watches of one flow.
    pub(crate) fn tell(&self, item: Result<FlowView, ApiError>) {
        self.0.flows.lock().retain(|watch| watch.send(item.clone()).is_ok());
    }

    /// Tells all watches of lists.
    pub(crate) fn tell_lists(&self, item: Result<FlowEvent, ApiError>) {
        self.0.lists.lock().retain(|watch| watch.send(item.clone()).is_ok());
    }

    /// Ends all watches.
    pub(crate) fn end(&self) {
        self.0.flows.lock().clear();
        self.0.lists.lock().clear();
    }

    async fn answer<T>(&self, asked: impl std::fmt::Debug, answer: T) -> Result<T, ApiError> {
        self.0.asked.lock().push(format!("{asked:?}"));
        let mood = self.0.mood.lock().clone();
        match mood {
            Mood::Well => Ok(answer),
            Mood::Refuse(kind) => Err(ApiError::new(kind, format!("{kind:?}: dépôt"))),
            Mood::Hang => std::future::pending().await,
            Mood::Panic => panic!("this is what the test wants"),
        }
    }
}

fn flow() -> FlowView {
    views::smoked("df")
}

fn ordered() -> Ordered {
    Ordered { flow: flow(), already: true }
}

fn stream<T: Send + 'static>(items: mpsc::UnboundedReceiver<Result<T, ApiError>>) -> ApiStream<T> {
    unfold(items, |mut items| async move { items.recv().await.map(|item| (item, items)) }).boxed()
}

impl DeployApi for Stub {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.answer(("get", id), flow()).await
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let flows = (0..25).map(|at| views::smoked(&format!("df-{at}")));
        let page = flows.skip(filter.start as usize).take(filter.page_size as usize).collect();
        self.answer(("list", filter), page).await
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        self.answer(("create", flow), self::flow()).await
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        self.answer(("next", id, expected), flow()).await
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.answer(("go_to", id, target), ordered()).await
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.answer(("pause", id), ordered()).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.answer(("resume", id), ordered()).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.answer(("cancel", id), ordered()).await
    }

    async fn edit(&self, _: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        self.answer(edit, ordered()).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.answer(("delete", id), ()).await
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        let (tell, told) = mpsc::unbounded_channel();
        self.0.flows.lock().push(tell);
        self.answer(("watch", id, target), stream(told)).await
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let (tell, told) = mpsc::unbounded_channel();
        self.0.lists.lock().push(tell);
        self.answer(("list_and_watch", filter), stream(told)).await
    }
}

impl InstanceApi for Stub {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.answer(("instance", id), InstanceView::default()).await
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        self.answer(("instances", namespace), vec![InstanceView::default()]).await
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        self.answer(("pod", id), PodView::default()).await
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        self.answer(("pods", filter), vec![PodView::default()]).await
    }
}

impl LifecycleApi for Stub {
    async fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        let absent = instance.name.as_str() == "absent";
        let made = Made { flow: (!absent).then(flow), rollback_to: "df-1".into() };
        self.answer((order, request), made).await
    }
}
