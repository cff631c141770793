//! An API whose flows do what a test says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::StreamExt;
use futures::stream::unfold;
use parking_lot::Mutex;
use tokio::sync::broadcast;
use triton_core::model::{Edit, FlowId, InstanceId, Namespace, Target};
use triton_core::service::{
    ApiError, ApiErrorKind, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi,
    InstanceOrder, InstanceView, LifecycleApi, Made, Ordered, PodFilter, PodId, PodView, RollbackTo,
};

/// Flows in memory, and whoever is told of their changes.
pub(crate) struct Fake {
    flows: Mutex<BTreeMap<FlowId, FlowView>>,
    events: Mutex<broadcast::Sender<FlowEvent>>,
    subscriptions: AtomicUsize,
    dead: AtomicBool,
    orders: Mutex<Vec<(InstanceId, InstanceOrder, Option<String>)>>,
    refusal: Mutex<Option<ApiError>>,
    failures: AtomicUsize,
    calls: AtomicUsize,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            flows: Mutex::default(),
            events: Mutex::new(events()),
            subscriptions: AtomicUsize::new(0),
            dead: AtomicBool::new(false),
            orders: Mutex::default(),
            refusal: Mutex::default(),
            failures: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
        }
    }
}

impl Fake {
    /// With these flows.
    pub(crate) fn with(flows: impl IntoIterator<Item = FlowView>) -> Self {
        let fake = Self::default();
        flows.into_iter().for_each(|flow| fake.store(flow));
        fake
    }

    /// Keeps a flow and tells nobody.
    pub(crate) fn store(&self, view: FlowView) {
        self.flows.lock().insert(view.id.clone(), view);
    }

    /// Tells of something and keeps nothing.
    pub(crate) fn tell(&self, event: FlowEvent) {
        // Nobody may listen yet.
        let _ = self.events.lock().send(event);
    }

    /// Keeps a flow and tells of it.
    pub(crate) fn set(&self, view: FlowView) {
        self.store(view.clone());
        self.tell(FlowEvent::Changed(view));
    }

    /// Removes a flow and tells of it.
    pub(crate) fn remove(&self, id: &FlowId) {
        self.flows.lock().remove(id);
        self.tell(FlowEvent::Removed(id.clone()));
    }

    /// Ends all streams of changes.
    pub(crate) fn break_streams(&self) {
        *self.events.lock() = events();
    }

    /// Refuses everything, or no more.
    pub(crate) fn die(&self, dead: bool) {
        self.dead.store(dead, Ordering::SeqCst);
    }

    /// How often somebody asked for the stream of changes.
    pub(crate) fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::SeqCst)
    }

    /// Cannot be reached by the next so many calls.
    pub(crate) fn fail(&self, calls: usize) {
        self.failures.store(calls, Ordering::SeqCst);
        self.calls.store(0, Ordering::SeqCst);
    }

    /// Calls since then.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Answers orders to instances with this from now on.
    pub(crate) fn refuse(&self, error: ApiError) {
        *self.refusal.lock() = Some(error);
    }

    /// The orders to instances so far.
    pub(crate) fn orders(&self) -> Vec<(InstanceId, InstanceOrder, Option<String>)> {
        self.orders.lock().clone()
    }

    /// Counts a call, and fails it when it is to fail.
    fn called(&self) -> Result<(), ApiError> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.dead.load(Ordering::SeqCst) || call < self.failures.load(Ordering::SeqCst) {
            return Err(ApiError::new(ApiErrorKind::Unavailable, "the store cannot be reached"));
        }
        Ok(())
    }

    fn read(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.called()?;
        let missing = || ApiError::new(ApiErrorKind::NotFound, format!("there is no flow {id}"));
        self.flows.lock().get(id).cloned().ok_or_else(missing)
    }

    /// What an order answers: it stands, and nothing happens until the test says so.
    fn order(&self, id: &FlowId, already: impl Fn(&FlowView) -> bool) -> Result<Ordered, ApiError> {
        let flow = self.read(id)?;
        if flow.record.finished {
            return Err(ApiError::new(ApiErrorKind::FailedPrecondition, "Finished: the flow has ended"));
        }
        Ok(Ordered { already: already(&flow), flow })
    }
}

fn events() -> broadcast::Sender<FlowEvent> {
    broadcast::channel(100_000).0
}

impl DeployApi for Fake {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.read(id)
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        if self.calls.fetch_add(1, Ordering::SeqCst) < self.failures.load(Ordering::SeqCst) {
            return Err(ApiError::new(ApiErrorKind::Unavailable, "the store cannot be reached"));
        }
        let flows: Vec<_> = self.flows.lock().values().cloned().collect();
        Ok(filter.page(flows))
    }

    async fn create(&self, _: CreateFlow) -> Result<FlowView, ApiError> {
        self.called()?;
        Err(ApiError::new(ApiErrorKind::PermissionDenied, "this server makes no flows"))
    }

    async fn next(&self, id: &FlowId, _: Option<Target>) -> Result<FlowView, ApiError> {
        self.order(id, |_| false).map(|ordered| ordered.flow)
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.order(id, |flow| flow.target == target)
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, |flow| flow.record.paused)
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, |flow| !flow.record.paused)
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, |flow| flow.canceled)
    }

    async fn edit(&self, id: &FlowId, _: &Edit) -> Result<Ordered, ApiError> {
        self.order(id, |_| false)
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.called()?;
        self.remove(id);
        Ok(())
    }

    async fn watch(&self, _: &FlowId, _: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        panic!("a server follows one stream for all watches")
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let receiver = self.events.lock().subscribe();
        if self.dead.load(Ordering::SeqCst) {
            return Err(ApiError::new(ApiErrorKind::Unavailable, "the store cannot be reached"));
        }
        self.subscriptions.fetch_add(1, Ordering::SeqCst);
        let list = FlowEvent::Listed(self.list(filter).await?);
        let changes = unfold(receiver, |mut receiver| async move {
            receiver.recv().await.ok().map(|event| (Ok(event), receiver))
        });
        Ok(Box::pin(futures::stream::iter([Ok(list)]).chain(changes)))
    }
}

impl InstanceApi for Fake {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.called()?;
        Err(ApiError::new(ApiErrorKind::NotFound, format!("there is no instance {id}")))
    }

    async fn instances(&self, _: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        self.called()?;
        Ok(Vec::new())
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        self.called()?;
        Err(ApiError::new(ApiErrorKind::NotFound, format!("there is no pod {}", id.name)))
    }

    async fn pods(&self, _: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        self.called()?;
        Ok(Vec::new())
    }
}

impl LifecycleApi for Fake {
    async fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        self.called()?;
        if let Some(error) = self.refusal.lock().clone() {
            return Err(error);
        }
        let rollback_to = match &order {
            InstanceOrder::Rollback { to: RollbackTo::Flow(flow), .. } => flow.to_string(),
            _ => String::new(),
        };
        self.orders.lock().push((instance.clone(), order, request.map(Into::into)));
        let flow =
            self.flows.lock().values().find(|flow| flow.instance_name == instance.name.as_str()).cloned();
        Ok(Made { flow, rollback_to })
    }
}
