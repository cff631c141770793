//! Flows as a store keeps them: drafts that nobody may have validated, and records that may be corrupt.
//! Both are read when a flow is loaded, like a store behind an API server has to.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    Action, Draft, Faults, Flow, FlowId, FlowUid, Holder, InstanceId, InstanceName, Orders, Peer, Progress,
    Record, Report, Spec, Timestamp, UpdateStrategy,
};
use crate::ports::{Invalid, Loaded, Stored};

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
            self.draft.update_strategy.get_or_insert_default().write(orders);
        } else {
            let strategy = self.draft.non_update_strategy.get_or_insert_default();
            let mut ordered = UpdateStrategy::from(strategy.clone());
            ordered.write(orders);
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

    /// What it acts on, whatever else is in its spec; `None` where that is no legal name.
    fn instance(&self) -> Option<InstanceId> {
        let name = InstanceName::new(&self.draft.instance_name).ok()?;
        Some(InstanceId { namespace: self.id.namespace.clone(), name })
    }

    /// Whether it acts on this instance.
    #[must_use]
    pub fn acts_on(&self, instance: &InstanceId) -> bool {
        self.instance().as_ref() == Some(instance)
    }

    /// Whether it has ended, as a store tells it.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        Progress::try_from(&self.record)
            .map_or_else(|_| self.record.told_phase().is_final(), |progress| progress.is_finished())
    }

    /// When it ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.is_finished().then(|| self.record.finished_at.unwrap_or(self.created_at))
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
        let progress = match Progress::try_from(&self.record) {
            Ok(progress) => progress,
            Err(error) => {
                return Loaded::Corrupt {
                    id: self.id.clone(),
                    uid: self.uid.clone(),
                    version,
                    instance: self.instance(),
                    created_at: self.created_at,
                    phase: self.record.told_phase(),
                    leaving: self.leaving,
                    error,
                };
            }
        };
        let (spec, orders) = match self.parsed.as_ref() {
            Ok(parsed) => parsed.clone(),
            Err(faults) => {
                return Loaded::Invalid(std::boxed::Box::new(Invalid {
                    id: self.id.clone(),
                    uid: self.uid.clone(),
                    version,
                    action: self.draft.action.clone(),
                    instance: self.instance(),
                    progress,
                    report: self.record.report(),
                    created_at: self.created_at,
                    observed: true,
                    leaving: self.leaving,
                    faults: faults.clone(),
                }));
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
        self.find(holder).is_some_and(|entry| !entry.is_finished())
    }

    /// Whether it is there, and has ended otherwise than in the middle of its batches.
    #[must_use]
    pub fn ended(&self, holder: &Holder) -> bool {
        let leaves = |progress| matches!(progress, Progress::Finished { verdict, .. } if verdict.leaves());
        self.find(holder)
            .is_some_and(|entry| entry.is_finished() && !Progress::try_from(&entry.record).is_ok_and(leaves))
    }

    /// It, if it can be read.
    #[must_use]
    pub fn flow(&self, holder: &Holder) -> Option<Flow> {
        match self.find(holder)?.load() {
            Loaded::Flow(stored) => Some(stored.flow),
            Loaded::Invalid(_) | Loaded::Corrupt { .. } => None,
        }
    }

    fn find(&self, holder: &Holder) -> Option<&Entry> {
        self.get(&holder.id).filter(|entry| entry.uid == holder.uid)
    }
}
