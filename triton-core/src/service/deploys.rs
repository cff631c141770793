//! The API over the ports.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;

use super::api::{ApiStream, DeployApi, Templates};
use super::error::{ApiError, ApiErrorKind};
use super::view::{CreateFlow, FlowEvent, FlowFilter, FlowView, Ordered};
use crate::engine::{Answer, Refusal, Why, admit, edit};
use crate::model::{Command, Edit, Flow, FlowId, FlowPhase, Progress, Target, Version};
use crate::ports::{FlowStore, Loaded, Names, NewFlow, PortErrorKind, StoreEvent, Stored};

/// [`DeployApi`] in-process.
#[derive(Clone, Debug)]
pub struct Service<S, N> {
    /// Where flows are kept.
    pub store: S,
    /// Names for flows that are made without one.
    pub names: N,
}

/// Tries at an order whose flow changes at the same moment.
const TRIES: u32 = 5;

impl<S: FlowStore, N: Names> Service<S, N> {
    async fn load(&self, id: &FlowId) -> Result<Box<Stored>, ApiError> {
        match self.store.load(id).await {
            Ok(Loaded::Flow(stored)) => Ok(stored),
            Ok(Loaded::Invalid(invalid)) => {
                let faults = &invalid.faults;
                let text = match invalid.progress {
                    Progress::Pending | Progress::Finished { .. } => {
                        alloc::format!("InvalidSpec: flow {id} was not carried out: {faults}")
                    }
                    _ => alloc::format!(
                        "InvalidSpec: flow {id} holds because its spec cannot be read: {faults}; correct that, \
                         or order an update or a rollback"
                    ),
                };
                Err(ApiError::new(ApiErrorKind::FailedPrecondition, text))
            }
            Ok(Loaded::Corrupt { error, .. }) => {
                let text = alloc::format!("CorruptStatus: flow {id} {}", Why::Corrupt { what: error });
                Err(ApiError::new(ApiErrorKind::FailedPrecondition, text))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Admits one command and saves the orders it makes.
    async fn order(&self, id: &FlowId, command: Command) -> Result<Ordered, ApiError> {
        self.change(id, |flow| admit(flow, command)).await
    }

    /// Saves the orders that `admitted` makes, guarded by the version they were made from.
    async fn change(
        &self,
        id: &FlowId,
        admitted: impl Fn(&Flow) -> Result<Answer, Refusal> + Send,
    ) -> Result<Ordered, ApiError> {
        let mut conflict = None;
        for _ in 0..TRIES {
            let stored = self.load(id).await?;
            let refused = |refusal: Refusal| {
                ApiError::new(ApiErrorKind::FailedPrecondition, explain(&stored, &refusal))
            };
            let orders = match admitted(&stored.flow).map_err(refused)? {
                Answer::Orders(orders) => {
                    stored.flow.spec.takes(&orders)?;
                    orders
                }
                Answer::AlreadySo | Answer::Remove => {
                    return Ok(Ordered { flow: FlowView::new(&stored), already: true });
                }
            };
            match self.store.save_orders(id, &orders, &stored.version).await.map_err(ApiError::from) {
                Ok(Loaded::Flow(stored)) => {
                    return Ok(Ordered { flow: FlowView::new(&stored), already: false });
                }
                Ok(Loaded::Invalid(_) | Loaded::Corrupt { .. }) => {}
                Err(error) if error.kind == ApiErrorKind::Aborted => conflict = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(conflict
            .unwrap_or_else(|| ApiError::new(ApiErrorKind::Aborted, "the flow keeps changing; try again")))
    }

    /// The version of a flow that may be removed; `None` when there is no such flow.
    async fn removable(&self, id: &FlowId) -> Result<Option<Version>, ApiError> {
        match self.store.load(id).await {
            Ok(Loaded::Flow(stored)) => {
                admit(&stored.flow, Command::Delete).map_err(|refusal| {
                    ApiError::new(ApiErrorKind::FailedPrecondition, explain(&stored, &refusal))
                })?;
                Ok(Some(stored.version))
            }
            Ok(Loaded::Invalid(invalid)) => match invalid.progress {
                Progress::Pending | Progress::Finished { .. } => Ok(Some(invalid.version)),
                _ => {
                    let refusal = Refusal::Unfinished { phase: FlowPhase::from(&invalid.progress) };
                    Err(ApiError::new(ApiErrorKind::FailedPrecondition, refusal.to_string()))
                }
            },
            // The original's flows that have ended carry no progress.
            Ok(Loaded::Corrupt { version, phase, .. }) if phase.is_final() => Ok(Some(version)),
            Ok(Loaded::Corrupt { error, .. }) => {
                let text =
                    alloc::format!("CorruptStatus: {error}; nobody can tell whether the flow has ended");
                Err(ApiError::new(ApiErrorKind::FailedPrecondition, text))
            }
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// The refusal, and what the flow waits for instead.
fn explain(stored: &Stored, refusal: &Refusal) -> alloc::string::String {
    match &stored.report.waiting {
        Some(waiting) => alloc::format!("{refusal}; its status says: {}", waiting.message),
        None => refusal.to_string(),
    }
}

impl<S: FlowStore, N: Names> DeployApi for Service<S, N> {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        Ok(FlowView::of(&self.store.load(id).await?))
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let flows = self.store.list(filter.namespace.as_ref()).await?;
        Ok(filter.page(flows.iter().map(FlowView::of)))
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        let (spec, _) = flow.draft.parse_new()?;
        let instance = spec.identity.instance;
        let name = flow.name.unwrap_or_else(|| self.names.fresh(&instance));
        let id = FlowId { namespace: flow.namespace, name };
        let created = self.store.create(NewFlow { id, draft: flow.draft, instance }).await?;
        Ok(FlowView::of(&created))
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        self.order(id, Command::Next { expected }).await.map(|ordered| ordered.flow)
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.order(id, Command::GoTo(target)).await
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, Command::Pause).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, Command::Resume).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, Command::Cancel).await
    }

    async fn edit(&self, id: &FlowId, change: &Edit) -> Result<Ordered, ApiError> {
        self.change(id, |flow| edit(flow, change)).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        let mut tries = 1;
        while let Some(version) = self.removable(id).await? {
            match self.store.delete(id, &version).await {
                Err(error) if error.kind == PortErrorKind::Conflict && tries < TRIES => tries += 1,
                outcome => return Ok(outcome?),
            }
        }
        Ok(())
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        // Subscribe before reading, so that no change falls between.
        let changes = self.store.watch();
        let first = self.get(id).await?;
        Ok(Box::pin(WatchOne { id: id.clone(), target, first: Some(first), changes, over: false }))
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let changes = self.store.watch();
        let first = Some(self.list(filter).await?);
        Ok(Box::pin(WatchAll { filter: filter.clone(), first, changes, over: false }))
    }
}

impl<S: FlowStore, N: Names> Templates for Service<S, N> {
    async fn template(&self, id: &FlowId) -> Result<serde_json::Value, ApiError> {
        let stored = self.load(id).await?;
        let none = || {
            let text = alloc::format!("flow {id} brought no template; name the flow that did, or a revision");
            ApiError::new(ApiErrorKind::FailedPrecondition, text)
        };
        stored.flow.spec.template.as_ref().map(crate::model::Template::to_json).ok_or_else(none)
    }
}

type Changes = Pin<Box<dyn Stream<Item = StoreEvent> + Send>>;

struct WatchOne {
    id: FlowId,
    target: Option<Target>,
    first: Option<FlowView>,
    changes: Changes,
    over: bool,
}

impl Stream for WatchOne {
    type Item = Result<FlowView, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.over {
            return Poll::Ready(None);
        }
        loop {
            let view = match self.first.take() {
                Some(view) => view,
                None => match core::task::ready!(self.changes.as_mut().poll_next(cx)) {
                    Some(StoreEvent::Changed(loaded)) if *loaded.id() == self.id => FlowView::of(&loaded),
                    Some(StoreEvent::Removed(id)) if id == self.id => {
                        self.over = true;
                        let text = alloc::format!("flow {id} was removed");
                        return Poll::Ready(Some(Err(ApiError::new(ApiErrorKind::NotFound, text))));
                    }
                    Some(StoreEvent::Changed(_) | StoreEvent::Removed(_)) => continue,
                    None => {
                        self.over = true;
                        return Poll::Ready(Some(Err(behind())));
                    }
                },
            };
            self.over = view.ends_watch(self.target);
            return Poll::Ready(Some(Ok(view)));
        }
    }
}

struct WatchAll {
    filter: FlowFilter,
    first: Option<Vec<FlowView>>,
    changes: Changes,
    over: bool,
}

impl Stream for WatchAll {
    type Item = Result<FlowEvent, ApiError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(FlowEvent::Listed(first))));
        }
        while !self.over {
            match core::task::ready!(self.changes.as_mut().poll_next(cx)) {
                Some(StoreEvent::Changed(loaded)) => {
                    let view = FlowView::of(&loaded);
                    if self.filter.matches(&view) {
                        return Poll::Ready(Some(Ok(FlowEvent::Changed(view))));
                    }
                }
                Some(StoreEvent::Removed(id)) => {
                    let ours =
                        self.filter.namespace.as_ref().is_none_or(|namespace| *namespace == id.namespace);
                    if ours {
                        return Poll::Ready(Some(Ok(FlowEvent::Removed(id))));
                    }
                }
                None => {
                    self.over = true;
                    return Poll::Ready(Some(Err(behind())));
                }
            }
        }
        Poll::Ready(None)
    }
}

fn behind() -> ApiError {
    ApiError::new(ApiErrorKind::Aborted, "the watch ended before the flow did: get it and watch again")
}
