//! Flows that have ended are kept up to a limit.

use super::{Adapters, BUDGET, DriveError, Driver, Rest, during};
use crate::engine::surplus;
use crate::model::{FlowId, InstanceId};
use crate::ports::{Clock, FlowStore};

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// Removes flows of an application that have ended, oldest first, one write each, so that the `limit`
    /// that ended last are kept. `on_removed` hears of every one. Answers [`Rest::Again`] where more are to
    /// be removed, else [`Rest::Done`]; on a stale view none is removed.
    ///
    /// # Errors
    /// [`DriveError`] when the store failed; `Conflict` when one changed meanwhile. Trying again is safe.
    pub async fn trim(
        &self,
        instance: &InstanceId,
        limit: u32,
        on_removed: &mut (dyn FnMut(&FlowId) + Send),
    ) -> Result<Rest, DriveError> {
        if self.adapters.silence().is_some() {
            return Ok(Rest::Done);
        }
        let peers = self.store.peers(instance).await.map_err(during("listing the flows of the instance"))?;
        for (removed, peer) in (0_u32..).zip(surplus(&peers, limit)) {
            if removed >= BUDGET {
                return Ok(Rest::Again);
            }
            self.store.delete(&peer.id, &peer.version).await.map_err(during("removing an ended flow"))?;
            on_removed(&peer.id);
        }
        Ok(Rest::Done)
    }
}
