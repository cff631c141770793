//! Flows that want the same workload: who has it, who gives way, and who is next.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::{Adapters, DriveError, Driver, during};
use crate::engine::{Answer, Waiting, Why, gives_up, place, size, supersede, unproven, yields};
use crate::model::{Base, Flow, FlowId, InstanceId, Left, Lock, Observation, Peer, WaitingReport};
use crate::ports::{Clock, FlowStore, Loaded, PortError, PortErrorKind, Stored};

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// Puts into the look of a flow that is to begin who has the workload, whether that one gives way, and who is before
    /// it in line. A workload that its holder gives up is free, and needs no line; one that is not there has none.
    pub(super) async fn confront(&self, stored: &Stored, seen: &mut Observation) -> Result<(), DriveError> {
        let starts = stored.flow.progress.is_before_batches() && seen.shape.is_some();
        let has_it = seen.lock == Lock::Mine || seen.had_lock(&stored.flow.uid);
        if !starts || has_it {
            return Ok(());
        }
        let peers = self.peers(&stored.flow.instance()).await?;
        if seen.lock == Lock::Free
            && let Some(holder) = begun(&peers)
        {
            // Others took its lock off the workload, and it takes it again.
            seen.lock = Lock::Theirs(holder.clone());
        }
        if let Lock::Theirs(rival) = &seen.lock {
            let loaded = self.rival(rival).await;
            match loaded.map_err(during("reading the flow that holds the workload"))? {
                Some(Loaded::Flow(rival)) => {
                    seen.yields = yields(&rival.flow, &stored.flow);
                    seen.refused = unproven(&rival.flow, &stored.flow, &seen.good);
                    seen.stuck = rival.report.waiting.as_ref().and_then(stuck);
                    let there = seen.shape.as_ref().map_or(0, |shape| shape.replicas);
                    seen.size = Some(size(there, Some(&rival.flow), None));
                }
                Some(Loaded::Invalid(rival)) if gives_up(&rival.progress, &stored.flow) => {
                    seen.left = Some(Left { size: rival.progress.base().and_then(Base::size_of_exchange) });
                    seen.lock = Lock::Free;
                    return Ok(());
                }
                Some(Loaded::Invalid(rival)) => {
                    seen.stuck = Some(Waiting::Spec { faults: rival.faults.to_string() }.to_string());
                }
                Some(Loaded::Corrupt { error, .. }) => {
                    seen.stuck = Some(Why::Corrupt { what: error }.to_string());
                }
                None => {}
            }
        }
        seen.place = place(&stored.flow, stored.created_at, &seen.lock, &peers);
        Ok(())
    }

    /// Whether a flow is in the middle of its batches, whether the workload carries its lock or not.
    pub(super) async fn has_begun(&self, instance: &InstanceId) -> Result<bool, DriveError> {
        Ok(begun(&self.peers(instance).await?).is_some())
    }

    async fn peers(&self, instance: &InstanceId) -> Result<Vec<Peer>, DriveError> {
        self.store.peers(instance).await.map_err(during("listing the flows of the workload"))
    }

    /// Orders the flow that holds the workload to give way; its own driver closes it.
    pub(super) async fn supersede(&self, by: &Flow, rival: &FlowId) -> Result<(), DriveError> {
        let during = || during("ordering the flow that holds the workload to give way");
        let loaded = self.rival(rival).await.map_err(during())?;
        let Some(Loaded::Flow(stored)) = loaded else { return Ok(()) };
        let Ok(Answer::Orders(orders)) = supersede(&stored.flow, by) else { return Ok(()) };
        self.store.save_orders(rival, &orders, &stored.version).await.map(|_| ()).map_err(during())
    }

    /// The flow that holds a workload; `None` where it is gone.
    pub(super) async fn rival(&self, id: &FlowId) -> Result<Option<Loaded>, PortError> {
        match self.store.load(id).await {
            Ok(loaded) => Ok(Some(loaded)),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What keeps a flow from going on that waits so, where that does not end by itself.
fn stuck(waiting: &WaitingReport) -> Option<String> {
    let is_old = waiting.reason == Waiting::Record.reason();
    let refused =
        || DriveError::is_refusal(&waiting.reason).then(|| format!("cannot go on: {}", waiting.message));
    is_old.then(|| Waiting::Record.to_string()).or_else(refused)
}

fn begun(peers: &[Peer]) -> Option<&FlowId> {
    peers.iter().find(|peer| peer.begun).map(|peer| &peer.id)
}
