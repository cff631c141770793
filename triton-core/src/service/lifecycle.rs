//! Orders to application instances: each makes one flow.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::future::Future;

use super::api::{DeployApi, InstanceApi, Templates, before};
use super::checked::refused;
use super::error::{ApiError, ApiErrorKind};
use super::request::name_of_request;
use super::view::{CreateFlow, FlowFilter, FlowView, InstanceView};
use crate::engine::unended;
use crate::model::{
    Action, Draft, FlowId, FlowName, InstanceId, NonUpdateStrategy, Revision, RollbackTarget, UpdateStrategy,
};

/// What is ordered of an application instance.
#[derive(Clone, Debug, PartialEq)]
pub enum InstanceOrder {
    /// Replace all pods, or those that `strategy.podsToDelete` names, by pods of the same template.
    Restart {
        /// Batches, gates, pods.
        strategy: NonUpdateStrategy,
    },
    /// Change the size, whichever way. `strategy.podsToDelete` names pods that leave first.
    Scale {
        /// Pods wanted.
        replicas: u32,
        /// Batches, gates, pods.
        strategy: NonUpdateStrategy,
    },
    /// Return to an earlier template.
    Rollback {
        /// To which.
        to: RollbackTo,
        /// Batches, canary, gates.
        strategy: UpdateStrategy,
    },
    /// Bring a stopped instance back.
    Start {
        /// Pods wanted; the size it had when it was stopped when absent.
        replicas: Option<u32>,
        /// Batches, gates.
        strategy: NonUpdateStrategy,
    },
    /// Go to zero pods and keep the workload, its template and the size to return to.
    Stop {
        /// Batches, gates.
        strategy: NonUpdateStrategy,
    },
    /// Remove every pod, drained, and then the workload.
    Delete {
        /// Batches, gates.
        strategy: NonUpdateStrategy,
    },
}

/// What to return to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RollbackTo {
    /// The last good revision before the current one.
    #[default]
    LastGood,
    /// The template that this flow brought.
    Flow(FlowName),
    /// A revision of the workload, full name or hash.
    Revision(Revision),
}

/// What an order made.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    /// The flow that carries it out; `None` where there is nothing to do: an instance to delete is absent.
    pub flow: Option<FlowView>,
    /// For a rollback: the flow or revision that it returns to. Where none was named, the last good one as the workload
    /// shows it now; empty where that is not known.
    pub rollback_to: String,
}

/// Everything that can be ordered of application instances.
///
/// Errors: `NotFound` when there is no such instance or flow to return to, `InvalidArgument` names the
/// field, `FailedPrecondition` when the order does not fit the instance.
pub trait LifecycleApi: Send + Sync {
    /// Makes the flow that carries out an order. `request`: an identification of the caller's choice; the
    /// same order repeated with the same one answers the same and acts once.
    fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> impl Future<Output = Result<Made, ApiError>> + Send;
}

/// [`LifecycleApi`] over the two other APIs.
#[derive(Clone, Debug)]
pub struct Lifecycle<D, I> {
    /// Where flows are made.
    pub deploys: D,
    /// Where instances are looked up.
    pub instances: I,
}

impl<D: DeployApi + Templates, I: InstanceApi> LifecycleApi for Lifecycle<D, I> {
    async fn order(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        let view = match self.instances.instance(instance).await {
            Ok(view) => view,
            Err(error)
                if error.kind == ApiErrorKind::NotFound && matches!(order, InstanceOrder::Delete { .. }) =>
            {
                let flow = match request {
                    Some(request) => {
                        let name = name_of_request(&instance.name, request)?;
                        let id = FlowId { namespace: instance.namespace.clone(), name };
                        before(&self.deploys, &id, Action::Delete).await?
                    }
                    None => None,
                };
                return Ok(Made { flow, rollback_to: String::new() });
            }
            Err(error) => return Err(error),
        };
        let (rollback_to, template) = match &order {
            InstanceOrder::Rollback { to: RollbackTo::Flow(flow), .. } => {
                let id = FlowId { namespace: instance.namespace.clone(), name: flow.clone() };
                match self.deploys.template(&id).await {
                    Err(error) if error.kind == ApiErrorKind::NotFound => {
                        return Err(self.not_kept(instance, &id).await);
                    }
                    template => {
                        let template = template?;
                        self.may_return(instance, &id).await?;
                        (flow.to_string(), Some(template))
                    }
                }
            }
            InstanceOrder::Rollback { to: RollbackTo::Revision(revision), .. } => {
                (revision.to_string(), None)
            }
            InstanceOrder::Rollback { to: RollbackTo::LastGood, .. } => (view.rollback_to.clone(), None),
            _ => (String::new(), None),
        };
        let draft = Draft { template, ..draft(&view, order) };
        let flow = CreateFlow { namespace: instance.namespace.clone(), name: None, draft };
        let flow = match request {
            Some(request) => self.deploys.create_once(flow, request).await?,
            None => self.deploys.create(flow).await?,
        };
        Ok(Made { flow: Some(flow), rollback_to })
    }
}

/// Flows that a refusal names instead of one that is not kept.
const NAMED: usize = 3;

impl<D: DeployApi, I> Lifecycle<D, I> {
    /// Makes sure that a flow brought its template to this instance.
    async fn may_return(&self, instance: &InstanceId, flow: &FlowId) -> Result<(), ApiError> {
        let view = self.deploys.get(flow).await?;
        if view.instance_name != instance.name.as_str() {
            let other = view.instance_name;
            let text = alloc::format!("flow {flow} is one of instance {other}: name one of {instance}");
            return Err(ApiError::new(ApiErrorKind::FailedPrecondition, text));
        }
        if view.record.finished { Ok(()) } else { Err(refused(&unended(flow))) }
    }

    /// The refusal of a rollback to a flow that is not there, with what can be named instead.
    async fn not_kept(&self, instance: &InstanceId, flow: &FlowId) -> ApiError {
        let filter = FlowFilter {
            namespace: Some(instance.namespace.clone()),
            instance_name: Some(instance.name.clone()),
            ..FlowFilter::default()
        };
        let kept = self.deploys.list(&filter).await.unwrap_or_default();
        let brought = |flow: &&FlowView| matches!(flow.action.as_str(), "create" | "update");
        let names = kept.iter().filter(brought).take(NAMED).map(|flow| flow.id.name.as_str());
        let names: Vec<&str> = names.collect();
        let kept = match names.as_slice() {
            [] => String::new(),
            names => alloc::format!(" a flow that is kept ({}),", names.join(", ")),
        };
        let text = alloc::format!(
            "there is no flow {flow}: it never was, or it ended and is not kept any more; name{kept} a \
             revision of the workload, or nothing for the last good revision"
        );
        ApiError::new(ApiErrorKind::NotFound, text)
    }
}

/// The flow that an order comes to, as somebody would write it.
fn draft(view: &InstanceView, order: InstanceOrder) -> Draft {
    let bare = Draft {
        app_id: view.app_id.into(),
        group_id: view.group_id.into(),
        app_name: if view.app_name.is_empty() { view.name.clone() } else { view.app_name.clone() },
        instance_name: view.name.clone(),
        ..Draft::default()
    };
    let plain = |action: &str, replicas: Option<u32>, strategy| Draft {
        action: action.into(),
        replicas: replicas.map(i64::from),
        non_update_strategy: Some(strategy),
        ..bare.clone()
    };
    match order {
        InstanceOrder::Restart { strategy } => plain("restart", None, strategy),
        InstanceOrder::Scale { replicas, strategy } => {
            // Pods that are named leave: that is a scale-in, whichever way the order was worded.
            let named = strategy.pods_to_delete.as_ref().is_some_and(|pods| !pods.is_empty());
            plain(if named { "scale_in" } else { "scale" }, Some(replicas), strategy)
        }
        InstanceOrder::Start { replicas, strategy } => plain("start", replicas, strategy),
        InstanceOrder::Stop { strategy } => plain("stop", None, strategy),
        InstanceOrder::Delete { strategy } => plain("delete", None, strategy),
        InstanceOrder::Rollback { to, strategy } => Draft {
            action: "rollback".into(),
            update_strategy: Some(strategy),
            rollback_to: match to {
                RollbackTo::Revision(revision) => Some(RollbackTarget { revision: revision.to_string() }),
                RollbackTo::LastGood | RollbackTo::Flow(_) => None,
            },
            ..bare
        },
    }
}
