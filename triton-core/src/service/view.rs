//! What the API answers: flows, application instances and pods as people and other systems see them.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::engine::Why;
#[cfg(doc)]
use crate::engine::{rollback_target, size};
use crate::model::{
    BatchReport, Draft, Flow, FlowId, FlowName, FlowPhase, InstanceName, Namespace, PodName, Progress,
    Record, Report, Seconds, Target, Template, Timestamp,
};
use crate::ports::{Invalid, Loaded, Stored};

/// A flow as the API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowView {
    /// Where it lives.
    pub id: FlowId,
    /// Label `app`.
    pub app_id: i32,
    /// Label `group`.
    pub group_id: i32,
    /// Label `app.kubernetes.io/name`.
    pub app_name: String,
    /// Application instance and workload.
    pub instance_name: String,
    /// Action by its wire name.
    pub action: String,
    /// `auto` or `manual`.
    pub mode: String,
    /// Target replicas. Where the flow names none: the size that it leads to; 0 before the first look.
    pub replicas: u32,
    /// Pods in the canary batch; 0 means there is none.
    pub canary: u32,
    /// Pods in the current batch, or in the first one to come.
    pub batch_size: u32,
    /// Wait between batches.
    pub interval: Seconds,
    /// How long a stage may take.
    pub deadline: Seconds,
    /// For how long a pod may be kept from running before it counts as failed.
    pub grace: Seconds,
    /// How long a pod keeps running once out of traffic.
    pub drain: Seconds,
    /// Permission given so far.
    pub target: Target,
    /// A person ordered a stop for good.
    pub canceled: bool,
    /// The flow that takes over from it; empty where none does.
    pub superseded_by: String,
    /// The revision that it returns to, full name or as it was ordered; empty where it returns to none, and before that
    /// is chosen.
    pub rollback_to: String,
    /// Images of the containers of the template that it brings; empty where it brings none of its own.
    pub image: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How far it is. `progress` is left out: it is the driver's.
    pub record: Record,
}

/// Which flows to list. All conditions hold together; an absent one matches every flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowFilter {
    /// Of this namespace.
    pub namespace: Option<Namespace>,
    /// Of this application instance.
    pub instance_name: Option<InstanceName>,
    /// With this action, by its wire name.
    pub action: Option<String>,
    /// Made after this time.
    pub after: Option<Timestamp>,
    /// How many to skip, newest first.
    pub start: u32,
    /// How many to answer at most; 0 means [`MAX_PAGE`], more than that is cut to it.
    pub page_size: u32,
}

/// Most flows that one list call answers.
pub const MAX_PAGE: u32 = 500;

/// A flow to be made through the API.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateFlow {
    /// Namespace for the flow and its workload.
    pub namespace: Namespace,
    /// Name; one is made from the instance name when absent.
    pub name: Option<FlowName>,
    /// What to do.
    pub draft: Draft,
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Ordered {
    /// The flow as ordered.
    pub flow: FlowView,
    /// The order stood already; nothing was changed.
    pub already: bool,
}

/// One item of a stream over many flows.
#[expect(clippy::large_enum_variant, reason = "nearly every item is the large variant")]
#[derive(Clone, Debug, PartialEq)]
pub enum FlowEvent {
    /// The flows that match now, newest first. Comes first, once.
    Listed(Vec<FlowView>),
    /// A flow was made or changed.
    Changed(FlowView),
    /// A flow is gone.
    Removed(FlowId),
}

/// An application instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Namespace of the workload.
    pub namespace: String,
    /// Name of the workload.
    pub name: String,
    /// Pods in traffic.
    pub available_replicas: u32,
    /// The size that it is to have: without the pods that a flow asks for beside the others ([`size`]).
    pub replicas: u32,
    /// `InProgress` while a flow or the workload's controller is at work, else `Ready`; `Left` where a flow left it in
    /// the middle of its batches; `LockUnreadable` and `Unreadable` where its lock, or the workload itself, cannot be
    /// read.
    pub status: String,
    /// Label `app`; 0 when the workload has none or one that is not a number.
    pub app_id: i32,
    /// Label `group`; likewise.
    pub group_id: i32,
    /// Label `app.kubernetes.io/name`; empty when the workload has none.
    pub app_name: String,
    /// Image of the application's container: the first one, sidecars come after it.
    pub image: String,
    /// CPU limit of that container.
    pub cpu: String,
    /// Memory limit of that container.
    pub memory: String,
    /// CPU request of that container.
    pub request_cpu: String,
    /// Memory request of that container.
    pub request_memory: String,
    /// Revision that new pods get, short hash.
    pub update_revision: String,
    /// Whether the workload updates its pods in place.
    pub in_place: bool,
    /// Pods of another revision than `update_revision`: what a cancelled flow kept, or a flow has not replaced yet.
    pub other_revision_replicas: u32,
    /// Who sets the size besides triton: an autoscaler, or whoever wrote it last; empty where nobody is known. Lists
    /// do not name autoscalers.
    pub sized_by: String,
    /// How long a new pod has to be ready before old pods leave for it.
    pub min_ready: Seconds,
    /// The flow that left it in the middle of its batches, as `namespace/name`; empty where none did. Until another one
    /// has succeeded it takes `update`, `rollback`, `stop` and `delete` only.
    pub left_by: String,
    /// The flow that holds it, as `namespace/name`; empty where none does.
    pub held_by: String,
    /// The revision that a rollback without a target returns to, short hash ([`rollback_target`]); empty where there is
    /// none.
    pub rollback_to: String,
    /// Images of the containers of that revision; empty where they are not known. Lists do not name them.
    pub rollback_image: String,
}

/// A pod of an application instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Label `app.kubernetes.io/instance`, else the owning workload's name.
    pub instance_name: String,
    /// Image of the application's container.
    pub image: String,
    /// CPU limit.
    pub cpu: String,
    /// Memory limit.
    pub memory: String,
    /// CPU request.
    pub guaranteed_cpu: String,
    /// Memory request.
    pub guaranteed_memory: String,
    /// Whether the pod uses the network of its node.
    pub public_network: bool,
    /// Name of the application's container.
    pub container_name: String,
    /// IP address; empty while it has none.
    pub pod_ip: String,
    /// Pending, Running, ContainersReady, Ready or Failed.
    pub status: String,
    /// Address of its node.
    pub host_ip: String,
    /// Revision, short hash.
    pub update_revision: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// Which pods to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFilter {
    /// Of this namespace.
    pub namespace: Option<Namespace>,
    /// Of this application instance.
    pub instance_name: Option<InstanceName>,
    /// With this address.
    pub ip: Option<String>,
    /// In no particular order; else newest first.
    pub no_sort: bool,
}

/// A pod to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodId {
    /// Namespace.
    pub namespace: Namespace,
    /// Name.
    pub name: PodName,
}

impl FlowView {
    /// The view of a stored flow.
    #[must_use]
    pub fn new(stored: &Stored) -> Self {
        let Stored { flow, report, created_at, .. } = stored;
        let mut report = shown(flow, report);
        if report.message.is_empty() {
            // Nobody has looked at it yet.
            report.message = flow.spec.unused_note().unwrap_or_default();
        }
        let report = &report;
        let (spec, orders) = (&flow.spec, &flow.orders);
        // Once a flow has ended, the size that it keeps is the one that is there.
        let there = || report.counts.wanted.unwrap_or(report.counts.replicas);
        let kept = || flow.progress.base().map_or_else(there, |base| base.to);
        let replicas = spec.replicas.unwrap_or_else(kept);
        let first =
            if spec.canary > 0 { spec.canary } else { orders.sizes.nth(0, replicas).unwrap_or(replicas) };
        let batch_size = report.batches.last().map_or(first, |batch| batch.batch_size);
        Self {
            id: flow.id.clone(),
            app_id: spec.identity.app_id,
            group_id: spec.identity.group_id,
            app_name: spec.identity.app_name.clone(),
            instance_name: spec.identity.instance.as_str().into(),
            action: spec.action.as_str().into(),
            mode: spec.mode.as_str().into(),
            replicas,
            canary: spec.canary,
            batch_size,
            interval: orders.interval,
            deadline: orders.deadline,
            grace: orders.grace,
            drain: spec.drain,
            target: orders.target,
            canceled: orders.canceled,
            superseded_by: orders.superseded.as_ref().map_or_else(String::new, ToString::to_string),
            rollback_to: flow.returns_to().map_or_else(String::new, ToString::to_string),
            image: spec.template.as_ref().map_or_else(String::new, Template::images),
            created_at: *created_at,
            record: Record { wanted_replicas: None, progress: None, ..Record::new(&flow.progress, report) },
        }
    }

    /// The view of whatever a store holds.
    #[must_use]
    pub fn of(loaded: &Loaded) -> Self {
        match loaded {
            Loaded::Flow(stored) => Self::new(stored),
            Loaded::Invalid(invalid) => Self::invalid(invalid),
            Loaded::Corrupt { id, instance, created_at, phase, error, .. } => {
                let message = if phase.is_final() {
                    error.to_string()
                } else {
                    Why::Corrupt { what: error.clone() }.to_string()
                };
                let name = instance.as_ref().map(|instance| instance.name.to_string());
                Self {
                    instance_name: name.unwrap_or_default(),
                    created_at: *created_at,
                    ..Self::broken(id, *phase, "CorruptStatus", message)
                }
            }
        }
    }

    /// The view of a flow whose spec cannot be read: how far it is stays.
    fn invalid(invalid: &Invalid) -> Self {
        let Invalid { id, action, instance, progress, report, created_at, faults, .. } = invalid;
        let (phase, message) = match progress {
            Progress::Pending => (FlowPhase::Failed, faults.to_string()),
            _ => (FlowPhase::from(progress), report.message.clone()),
        };
        let name = instance.as_ref().map(|instance| instance.name.to_string());
        let broken = Self::broken(id, phase, "InvalidSpec", message);
        let record = match progress {
            Progress::Pending => broken.record,
            _ => Record { progress: None, ..Record::new(progress, report) },
        };
        Self {
            action: action.clone(),
            instance_name: name.unwrap_or_default(),
            created_at: *created_at,
            record,
            ..broken
        }
    }

    /// The view of a flow of which only the name can be told, and why.
    fn broken(id: &FlowId, phase: FlowPhase, reason: &str, message: String) -> Self {
        let finished = phase.is_final();
        Self {
            id: id.clone(),
            app_id: 0,
            group_id: 0,
            app_name: String::new(),
            instance_name: String::new(),
            action: String::new(),
            mode: String::new(),
            replicas: 0,
            canary: 0,
            batch_size: 0,
            interval: Seconds::default(),
            deadline: Seconds::default(),
            grace: Seconds::default(),
            drain: Seconds::default(),
            target: Target::default(),
            canceled: false,
            superseded_by: String::new(),
            rollback_to: String::new(),
            image: String::new(),
            created_at: Timestamp::default(),
            record: Record { phase, finished, reason: reason.into(), message, ..Record::default() },
        }
    }

    /// The batch that it is at, and its phase.
    #[must_use]
    pub fn here(&self) -> Option<Target> {
        self.record.conditions.last().map(|batch| Target { batch: batch.batch, phase: batch.phase })
    }

    /// Whether it says that it waits for a person to agree.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.record.waiting.as_ref().is_some_and(|waiting| waiting.reason == "Approval")
    }

    /// Whether somebody has agreed already: that is still in a status that was not written since.
    #[must_use]
    pub fn agreed(&self) -> bool {
        self.asks() && self.here().is_some_and(|here| self.target > here)
    }

    /// Whether a watch that goes as far as `target` is over at this view: the flow has ended, or the
    /// target is reached, or, without a target, the flow waits for a person.
    #[must_use]
    pub fn ends_watch(&self, target: Option<Target>) -> bool {
        self.record.finished
            || match target {
                Some(target) => self.here().is_some_and(|here| here >= target),
                None => (self.asks() && !self.agreed()) || self.record.paused,
            }
    }
}

/// The report with the batch that the flow is at: a status that had no room for its lists does not name it.
fn shown(flow: &Flow, report: &Report) -> Report {
    let mut report = report.clone();
    if let Progress::Rolling { batch, .. } = &flow.progress
        && report.batches.is_empty()
    {
        report
            .batches
            .push(BatchReport { started_at: None, ..BatchReport::new(batch, Timestamp::default()) });
    }
    report
}

impl FlowFilter {
    /// Whether a flow matches, paging aside.
    #[must_use]
    pub fn matches(&self, flow: &FlowView) -> bool {
        self.namespace.as_ref().is_none_or(|namespace| *namespace == flow.id.namespace)
            && self.instance_name.as_ref().is_none_or(|name| name.as_str() == flow.instance_name)
            && self.action.as_ref().is_none_or(|action| *action == flow.action)
            && self.after.is_none_or(|after| flow.created_at > after)
    }

    /// The matching flows of one page, newest first.
    #[must_use]
    pub fn page(&self, flows: impl IntoIterator<Item = FlowView>) -> Vec<FlowView> {
        let mut flows: Vec<FlowView> = flows.into_iter().filter(|flow| self.matches(flow)).collect();
        flows.sort_by(|a, b| b.created_at.cmp(&a.created_at).then_with(|| b.id.cmp(&a.id)));
        let size = if self.page_size == 0 { MAX_PAGE } else { self.page_size.min(MAX_PAGE) };
        let skip = usize::try_from(self.start).unwrap_or(usize::MAX);
        flows.into_iter().skip(skip).take(usize::try_from(size).unwrap_or(usize::MAX)).collect()
    }
}
