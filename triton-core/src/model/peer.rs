//! What the flows of one application know of each other.

use super::name::{FlowId, Version};
use super::time::Timestamp;

/// A flow as the others of its application see it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where it lives.
    pub id: FlowId,
    /// Guards its removal.
    pub version: Version,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ended; `None` while it has not, where that cannot be told, and where its order had been carried out
    /// before it was made: it is a copy that somebody keeps.
    pub ended_at: Option<Timestamp>,
    /// It is kept from disappearing (Kubernetes: by a finalizer), or is disappearing already.
    pub held: bool,
    /// It is in the middle of its batches: it has the workload, whatever that says.
    pub begun: bool,
    /// It is to have the workload as soon as it is its turn: it has not started, and neither a person nor
    /// what is stored of it keeps it from that.
    pub waits: bool,
    /// It is a rollback.
    pub rollback: bool,
}

/// The place of a flow among those that wait for the same workload, when it is not the first.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// From 2.
    pub number: u32,
    /// The flow right before it.
    pub behind: FlowId,
}
