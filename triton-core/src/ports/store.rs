//! Where flows are kept.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;

use futures_core::Stream;

use super::PortError;
use crate::model::{
    Action, CorruptRecord, Draft, Faults, Flow, FlowId, FlowPhase, FlowUid, InstanceId, InstanceName,
    Namespace, Orders, Peer, Progress, Report, Timestamp, Verdict, Version,
};

/// A stored flow that this engine can act on.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The flow.
    pub flow: Flow,
    /// What people are shown of it.
    pub report: Report,
    /// Guards writes.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// Nothing of the last save is missing: what people are shown is about these orders, not about earlier ones, and
    /// the flow is kept from disappearing. Where something is, the flow is saved anew at the next look.
    pub observed: bool,
    /// Its deletion was asked for while it runs (Kubernetes: `deletionTimestamp` with our finalizer).
    pub leaving: bool,
}

impl Stored {
    /// See [`Peer::waits`].
    fn waits(&self) -> bool {
        let Flow { orders, progress, .. } = &self.flow;
        let starts = match progress {
            Progress::Pending => true,
            Progress::Preparing { base } => !base.turned,
            Progress::Rolling { .. }
            | Progress::Verifying { .. }
            | Progress::Closing { .. }
            | Progress::Finished { .. } => false,
        };
        starts && !orders.paused && !orders.canceled && !self.leaving
    }
}

/// A stored flow whose spec is not one that admission lets in: written by another version, or by somebody past
/// admission. How far it is can be read all the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// Where it lives.
    pub id: FlowId,
    /// Which flow.
    pub uid: FlowUid,
    /// Guards writes.
    pub version: Version,
    /// `spec.action` as it stands there.
    pub action: String,
    /// What it acts on; `None` where that cannot be read.
    pub instance: Option<InstanceId>,
    /// How far it is.
    pub progress: Progress,
    /// What people are shown of it: what was seen, and ordered, when its spec could be read last.
    pub report: Report,
    /// When it was made.
    pub created_at: Timestamp,
    /// See [`Stored::observed`].
    pub observed: bool,
    /// See [`Stored::leaving`].
    pub leaving: bool,
    /// What is wrong.
    pub faults: Faults,
}

/// A flow as a store holds it. A store may hold what nobody validated: such a flow must not stop others.
#[derive(Clone, Debug, PartialEq)]
pub enum Loaded {
    /// A flow that the engine can act on.
    Flow(Box<Stored>),
    /// The spec is not one that admission lets in: a flow that has not begun fails, one that has holds.
    Invalid(Box<Invalid>),
    /// The progress is not one that the engine wrote: the flow holds, nothing is guessed.
    Corrupt {
        /// Where it lives.
        id: FlowId,
        /// Which flow.
        uid: FlowUid,
        /// Guards its deletion.
        version: Version,
        /// What it acts on; `None` where that cannot be read.
        instance: Option<InstanceId>,
        /// When it was made.
        created_at: Timestamp,
        /// How far it says that it is: a final phase only where nothing contradicts that it ended. Nothing else is
        /// decided by it but whether it may be deleted.
        phase: FlowPhase,
        /// Its deletion was asked for.
        leaving: bool,
        /// What is wrong.
        error: CorruptRecord,
    },
}

impl Loaded {
    /// Where the flow lives.
    #[must_use]
    pub const fn id(&self) -> &FlowId {
        match self {
            Self::Flow(stored) => &stored.flow.id,
            Self::Invalid(invalid) => &invalid.id,
            Self::Corrupt { id, .. } => id,
        }
    }

    /// Whether the flow has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        match self {
            Self::Flow(stored) => stored.flow.progress.is_finished(),
            Self::Invalid(invalid) => invalid.progress.is_finished(),
            Self::Corrupt { phase, .. } => phase.is_final(),
        }
    }

    /// The flow as the others of its application see it. `ended_at`: when it ended, where its status says
    /// that it has; `held`: see [`Peer::held`].
    #[must_use]
    pub fn peer(&self, created_at: Timestamp, ended_at: Option<Timestamp>, held: bool) -> Peer {
        let (version, progress, flow) = match self {
            Self::Flow(stored) => (&stored.version, Some(&stored.flow.progress), Some(stored)),
            Self::Invalid(invalid) => (&invalid.version, Some(&invalid.progress), None),
            // Flows that ended under the original carry no progress.
            Self::Corrupt { version, .. } => (version, None, None),
        };
        let ended_at = match progress {
            // Whoever made it again would only make it once more.
            Some(Progress::Finished { verdict: Verdict::AlreadyCarriedOut { .. }, .. }) => None,
            Some(Progress::Finished { at, .. }) => Some(*at),
            Some(_) => None,
            None => ended_at.filter(|_| self.is_finished()),
        };
        Peer {
            id: self.id().clone(),
            version: version.clone(),
            created_at,
            ended_at,
            held,
            begun: progress.is_some_and(Progress::has_begun),
            waits: flow.is_some_and(|stored| stored.waits()),
            rollback: flow.is_some_and(|stored| stored.flow.spec.action == Action::Rollback),
        }
    }
}

/// A flow to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFlow {
    /// Where to keep it.
    pub id: FlowId,
    /// What somebody wrote; checked by the service before it comes here.
    pub draft: Draft,
    /// The checked instance name.
    pub instance: InstanceName,
}

/// A change in the store.
#[derive(Clone, Debug, PartialEq)]
pub enum StoreEvent {
    /// The flow was made or changed; this is how it is now.
    Changed(Loaded),
    /// The flow is gone; this is how it last was, where known.
    Removed(FlowId),
}

/// Keeps flows. Two save methods because a flow has two writers: the service saves orders, the driver
/// saves progress, and neither touches the other's half.
///
/// # Contract
/// - A read is never older than this store's own last write of that flow.
/// - Saves are guarded by the version that was read: `Conflict` when the flow changed since.
/// - A flow whose progress is not finished is kept from disappearing (Kubernetes: a finalizer) until
///   [`FlowStore::forget`] or the end of the flow.
pub trait FlowStore: Send + Sync {
    /// Reads one flow.
    ///
    /// # Errors
    /// `NotFound` when there is no such flow; `Transient` when it cannot be told.
    fn load(&self, id: &FlowId) -> impl Future<Output = Result<Loaded, PortError>> + Send;

    /// Reads all flows, of one namespace or of all, oldest first.
    ///
    /// # Errors
    /// `Transient` when they cannot be read.
    fn list(
        &self,
        namespace: Option<&Namespace>,
    ) -> impl Future<Output = Result<Vec<Loaded>, PortError>> + Send;

    /// What the flows of one application know of each other, in no order; at least those whose spec can be
    /// read.
    ///
    /// # Errors
    /// `Transient` when they cannot be read.
    fn peers(&self, instance: &InstanceId) -> impl Future<Output = Result<Vec<Peer>, PortError>> + Send;

    /// Keeps a new flow.
    ///
    /// # Errors
    /// `Exists` when the name is taken; `Rejected` when admission refuses it.
    fn create(&self, new: NewFlow) -> impl Future<Output = Result<Loaded, PortError>> + Send;

    /// Saves what people ordered.
    ///
    /// # Errors
    /// `Conflict`, `NotFound`, `Rejected`, `Transient`.
    fn save_orders(
        &self,
        id: &FlowId,
        orders: &Orders,
        version: &Version,
    ) -> impl Future<Output = Result<Loaded, PortError>> + Send;

    /// Saves how far the flow is, and what people are shown.
    ///
    /// # Errors
    /// `Conflict`, `NotFound`, `Rejected`, `Transient`.
    fn save_progress(
        &self,
        id: &FlowId,
        progress: &Progress,
        report: &Report,
        version: &Version,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Makes sure, past every cache, that a flow is still the version that was read. Asked before a write that nothing
    /// else guards against an old record of it.
    ///
    /// # Errors
    /// `Conflict` when it is not; `NotFound`; `Transient` when it cannot be told.
    fn confirm_flow(
        &self,
        id: &FlowId,
        version: &Version,
    ) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Lets a flow that is over be forgotten: nothing of it is held in the world any more, so what kept it
    /// from disappearing is taken away. Does nothing when there is nothing to take away.
    ///
    /// # Errors
    /// `Conflict`, `Transient`.
    fn forget(&self, id: &FlowId, uid: &FlowUid) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Removes a flow; removing one that is not there succeeds.
    ///
    /// # Errors
    /// `Conflict` when it is not `version` any more; `Transient`.
    fn delete(&self, id: &FlowId, version: &Version) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Everything that changes from now on, in order per flow. Intermediate states may be left out. The
    /// stream ends when the watcher fell too far behind or the store shuts down: list and watch again.
    fn watch(&self) -> Pin<Box<dyn Stream<Item = StoreEvent> + Send>>;
}
