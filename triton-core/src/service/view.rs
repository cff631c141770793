//! What the API answers: flows, application instances and pods as people and other systems see them.

mod instances;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::engine::Why;
use crate::model::{
    BatchReport, Draft, Flow, FlowId, FlowName, FlowPhase, InstanceName, Namespace, Progress, Record, Report,
    Seconds, Target, Template, Timestamp,
};
use crate::ports::{Invalid, Loaded, Stored};

pub use instances::{InstanceView, PodFilter, PodId, PodView};

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

/// The report with the orders that stand, and with the batch that the flow is at: a status that was not written since
/// does not know the ones, and one that had no room for its lists does not name the other.
fn shown(flow: &Flow, report: &Report) -> Report {
    let mut report = Report { paused: flow.is_paused(), ..report.clone() };
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
