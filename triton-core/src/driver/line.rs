//! Flows that wait for the same workload get it one after the other.

use super::{Adapters, DriveError, Driver, during};
use crate::engine::place;
use crate::model::{FlowId, InstanceId, Lock, Observation, Place};
use crate::ports::{Clock, FlowStore, Stored};

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// The flow that is in the middle of its batches, whether the workload carries its lock or not.
    pub(super) async fn begun(&self, instance: &InstanceId) -> Result<Option<FlowId>, DriveError> {
        let peers = self.store.peers(instance).await.map_err(during("listing the flows of the workload"))?;
        Ok(peers.into_iter().find(|peer| peer.begun).map(|peer| peer.id))
    }

    /// The place of a flow in the line for its workload; `None` when it is first, has the workload already,
    /// or there is none yet: whoever makes it comes first.
    pub(super) async fn place(
        &self,
        stored: &Stored,
        seen: &Observation,
    ) -> Result<Option<Place>, DriveError> {
        let starts = stored.flow.progress.is_before_batches();
        if !starts || seen.lock == Lock::Mine || seen.shape.is_none() {
            return Ok(None);
        }
        let peers = self.store.peers(&stored.flow.instance()).await;
        let peers = peers.map_err(during("listing the flows that wait"))?;
        Ok(place(&stored.flow, stored.created_at, &seen.lock, &peers))
    }
}
