//! Flows as a store keeps them: drafts that nobody may have validated, and records that may be corrupt.
//! Both are read when a flow is loaded, like a store behind an API server has to.

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::sync::Arc;

use crate::model::{
    Action, Draft, Faults, Flow, FlowId, FlowUid, Holder, InstanceId, Orders, Peer, Progress, RawSize,
    Record, Report, Spec, Timestamp, UpdateStrategy,
};
use crate::ports::{Loaded, Stored};

/// A stored flow.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Where it lives.
    pub id: FlowId,
    /// Which flow.
    pub uid: FlowUid,
    /// The spec as somebody wrote it; orders are written into its strategy.
    pub draft: Draft,
    /// Progress and report.
    pub record: Record,
    /// Changes with every change.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its deletion was asked for while it runs.
    pub leaving: bool,
    /// It is kept from disappearing (Kubernetes: a finalizer).
    pub kept: bool,
    pub(super) parsed: Arc<Result<(Spec, Orders), Faults>>,
}

impl Entry {
    pub(super) fn new(id: FlowId, uid: FlowUid, draft: Draft, created_at: Timestamp) -> Self {
        let parsed = Arc::new(draft.parse());
        let record = Record::default();
        Self { id, uid, draft, record, version: 0, created_at, leaving: false, kept: true, parsed }
    }

    /// Writes what people ordered into the strategy.
    pub(super) fn set_orders(&mut self, orders: &Orders) {
        if Action::parse(&self.draft.action).is_none_or(Action::is_update) {
            write_orders(self.draft.update_strategy.get_or_insert_default(), orders);
        } else {
            let strategy = self.draft.non_update_strategy.get_or_insert_default();
            let mut ordered = UpdateStrategy::from(strategy.clone());
            write_orders(&mut ordered, orders);
            strategy.take_orders(&ordered);
        }
        self.parsed = Arc::new(self.draft.parse());
    }

    pub(super) fn set_draft(&mut self, draft: Draft) {
        self.draft = draft;
        self.parsed = Arc::new(self.draft.parse());
    }

    pub(super) fn set_progress(&mut self, progress: &Progress, report: &Report) {
        self.record = Record::new(progress, report);
    }

    /// The orders, if the spec can be read.
    #[must_use]
    pub fn orders(&self) -> Option<&Orders> {
        self.parsed.as_ref().as_ref().ok().map(|(_, orders)| orders)
    }

    /// The spec, if it can be read.
    #[must_use]
    pub fn spec(&self) -> Option<&Spec> {
        self.parsed.as_ref().as_ref().ok().map(|(spec, _)| spec)
    }

    /// The progress, if it can be read.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        Progress::try_from(&self.record).ok()
    }

    /// Whether it acts on this instance, whatever else is in its spec.
    #[must_use]
    pub fn acts_on(&self, instance: &InstanceId) -> bool {
        self.id.namespace == instance.namespace && self.draft.instance_name == instance.name.as_str()
    }

    /// When it ended, where its record says that it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.record.finished.then(|| self.record.finished_at.unwrap_or(self.created_at))
    }

    /// It as the others of its application see it.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.load().peer(self.created_at, self.ended_at(), self.kept || self.leaving)
    }

    /// What the store answers when the flow is loaded.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let version = super::world::version(self.version);
        let (spec, orders) = match self.parsed.as_ref() {
            Ok(parsed) => parsed.clone(),
            Err(faults) => {
                let (finished, faults) = (self.record.finished, faults.clone());
                return Loaded::Invalid {
                    id: self.id.clone(),
                    uid: self.uid.clone(),
                    version,
                    finished,
                    faults,
                };
            }
        };
        let progress = match Progress::try_from(&self.record) {
            Ok(progress) => progress,
            Err(error) => {
                return Loaded::Corrupt {
                    id: self.id.clone(),
                    uid: self.uid.clone(),
                    version,
                    phase: self.record.phase,
                    leaving: self.leaving,
                    error,
                };
            }
        };
        let flow = Flow { id: self.id.clone(), uid: self.uid.clone(), spec, orders, progress };
        let (report, created_at, leaving) = (self.record.report(), self.created_at, self.leaving);
        Loaded::Flow(std::boxed::Box::new(Stored {
            flow,
            report,
            version,
            created_at,
            observed: true,
            leaving,
        }))
    }
}

/// All stored flows.
#[derive(Clone, Debug, Default)]
pub struct Flows(pub(super) BTreeMap<FlowId, Entry>);

impl Flows {
    /// One flow.
    #[must_use]
    pub fn get(&self, id: &FlowId) -> Option<&Entry> {
        self.0.get(id)
    }

    /// All of them, by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.0.values()
    }

    /// Whether this flow is there, of that identity, and has not ended. One that cannot be read has not.
    #[must_use]
    pub fn lives(&self, holder: &Holder) -> bool {
        self.get(&holder.id).is_some_and(|entry| entry.uid == holder.uid && !entry.record.finished)
    }
}

/// Orders as a strategy says them: the other direction of [`Draft::parse`].
fn write_orders(strategy: &mut UpdateStrategy, orders: &Orders) {
    let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    strategy.paused = Some(orders.paused);
    strategy.superseded_by = orders.superseded.as_ref().map(ToString::to_string);
    strategy.canceled = Some(orders.canceled);
    strategy.resumes = Some(signed(orders.resumes));
    strategy.batches = Some(signed(orders.target.batch));
    strategy.stage = Some(String::from(orders.target.phase.as_str()));
    strategy.batch_interval_seconds = Some(signed(orders.interval.0));
    strategy.progress_deadline_seconds = Some(signed(orders.deadline.0));
    let mut sizes = orders.sizes.0.iter().copied().map(RawSize::from);
    (strategy.batch_size, strategy.batch_sizes) = match orders.sizes.0.len() {
        0 => (None, None),
        1 => (sizes.next(), None),
        _ => (None, Some(sizes.collect())),
    };
}
