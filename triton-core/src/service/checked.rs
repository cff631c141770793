//! What the workload shows, checked before a flow is made.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::again;
use super::api::{ApiStream, DeployApi, Templates};
use super::deploys::Service;
use super::error::{ApiError, ApiErrorKind};
use super::view::{CreateFlow, FlowEvent, FlowFilter, FlowView, Ordered};
use crate::engine::{Decision, begins, decide, look, size, unproven};
use crate::model::{
    Base, Edit, Failure, Flow, FlowId, FlowName, Lock, NameError, Progress, Target, Timestamp, TrafficView,
    Verdict, WorkloadView,
};
use crate::ports::{FlowStore, Loaded, Names, PortErrorKind, Subject, WorkloadBackend};

/// A [`DeployApi`] that refuses to make a flow that would fail at its first look at the workload:
/// `AlreadyExists` where the workload exists, `InvalidArgument` where the cluster refuses a field of it, else
/// `FailedPrecondition`. A flow whose order was carried out already is made, and the answer says what becomes of it. What
/// changes after this look the flow itself finds.
#[derive(Clone, Debug)]
pub struct Checked<D, W> {
    /// Makes the flows.
    pub deploys: D,
    /// Shows the workloads.
    pub workloads: W,
}

impl<S: FlowStore, N: Names, W: WorkloadBackend> Checked<Service<S, N>, W> {
    /// The workload as a flow finds it once it is its turn: without the pods that the flow which holds it now asks for
    /// beside, and without its lock.
    async fn in_its_turn(&self, flow: &Flow, view: &mut WorkloadView) -> Result<(), ApiError> {
        let holder = match &view.lock {
            Lock::Free | Lock::Mine => return Ok(()),
            Lock::Unreadable { what } => {
                let text = alloc::format!("LockUnreadable: {what}");
                return Err(ApiError::new(ApiErrorKind::FailedPrecondition, text));
            }
            Lock::Theirs(holder) => self.deploys.store.load(holder).await,
        };
        view.lock = Lock::Free;
        let there = view.shape.replicas;
        view.shape.replicas = match holder {
            Ok(Loaded::Flow(holder)) => {
                if let Some(failure) = unproven(&holder.flow, flow, &view.good) {
                    return Err(refused(&failure));
                }
                size(there, Some(&holder.flow), None)
            }
            Ok(Loaded::Invalid(holder)) => {
                size(there, None, holder.progress.base().and_then(Base::size_of_exchange))
            }
            Ok(Loaded::Corrupt { .. }) => there,
            Err(error) if error.kind == PortErrorKind::NotFound => there,
            Err(error) => return Err(error.into()),
        };
        Ok(())
    }
}

pub(super) fn refused(failure: &Failure) -> ApiError {
    let kind = match failure {
        Failure::WorkloadExists => ApiErrorKind::AlreadyExists,
        Failure::InvalidSpec { fault } => return ApiError::new(ApiErrorKind::InvalidArgument, fault.clone()),
        _ => ApiErrorKind::FailedPrecondition,
    };
    ApiError::new(kind, alloc::format!("{}: {failure}", failure.reason()))
}

impl<S: FlowStore, N: Names, W: WorkloadBackend> DeployApi for Checked<Service<S, N>, W> {
    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        let told = self.dry_run(&flow).await?;
        let mut made = self.deploys.create(flow).await?;
        if let Some(told) = told {
            let notes = [told, core::mem::take(&mut made.record.message)];
            made.record.message = notes.join(" ").trim_end().into();
        }
        Ok(made)
    }

    async fn dry_run(&self, new: &CreateFlow) -> Result<Option<String>, ApiError> {
        let (spec, _) = new.draft.parse_new()?;
        let internal = |error: NameError| ApiError::new(ApiErrorKind::Internal, error.to_string());
        let name = FlowName::new("unmade").map_err(internal)?;
        let id = |name| FlowId { namespace: new.namespace.clone(), name };
        // Whether it would fail is asked of an order that nobody has carried out.
        let flow = again::unmade(id(name), spec).map_err(internal)?;
        let instance = flow.instance();
        let mut view = self.workloads.observe(Subject { instance: &instance, flow: Some(&flow) }).await?;
        if let Some(view) = &mut view {
            let named = new.name.clone().map(|name| Flow { id: id(name), ..flow.clone() });
            if let Some(told) = named.and_then(|flow| again::note(&view.carried, &flow)) {
                return Ok(Some(told));
            }
            self.in_its_turn(&flow, view).await?;
        }
        let mut seen = look(Some(&flow), view.as_ref(), &TrafficView::default());
        if begins(&flow, &seen, Timestamp::default()) {
            let version = view.as_ref().map(|view| &view.version);
            seen.refused = match self.workloads.dry_run(&flow, version).await {
                // Whoever may not ask leaves it to the flow itself.
                Err(error) if error.kind == PortErrorKind::Rejected => None,
                asked => asked?,
            };
        }
        match decide(&flow, &seen, Timestamp::default()) {
            Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) => {
                Err(refused(&failure))
            }
            Decision::Move(..) | Decision::Act(_) | Decision::Wait(..) | Decision::Done => Ok(None),
        }
    }

    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.deploys.get(id).await
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        self.deploys.list(filter).await
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        self.deploys.next(id, expected).await
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        self.deploys.go_to(id, target).await
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.deploys.pause(id).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.deploys.resume(id).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.deploys.cancel(id).await
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        self.deploys.edit(id, edit).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.deploys.delete(id).await
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        self.deploys.watch(id, target).await
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        self.deploys.list_and_watch(filter).await
    }
}

impl<D: Templates, W: WorkloadBackend> Templates for Checked<D, W> {
    async fn template(&self, id: &FlowId) -> Result<serde_json::Value, ApiError> {
        self.deploys.template(id).await
    }
}
