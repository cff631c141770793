//! Workloads that no flow acts on.

use super::{Adapters, BUDGET, DriveError, Driver, World, during};
use crate::engine::{keep, keeps_for, look};
use crate::model::{InstanceId, Lock, Observation, Seconds, Timestamp, WorkloadView};
use crate::ports::{Clock, FlowStore, Subject};

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// Tends a workload that no flow acts on, one write at a time, until nothing is left to do. Answers
    /// when to look again although nothing changes, if ever. `drain`: how long pods that others chose to
    /// remove keep running once they are out of traffic.
    ///
    /// # Errors
    /// [`DriveError`] when a port failed.
    pub async fn tend(
        &self,
        workload_kind: &str,
        instance: &InstanceId,
        drain: Seconds,
    ) -> Result<Option<Timestamp>, DriveError> {
        let Some(backend) = self.adapters.workload(workload_kind) else {
            return Ok(None);
        };
        let subject = Subject { instance, flow: None };
        for _ in 0..BUDGET {
            let stale = self.adapters.silence();
            let workload = backend.observe(subject).await.map_err(during("looking at the workload"))?;
            // Not settled: the view may miss our own last write.
            let free = |view: &WorkloadView| view.lock == Lock::Free && view.left.is_none() && view.settled;
            if !workload.as_ref().is_some_and(free) {
                return Ok(None);
            }
            let traffic = self.traffic(None, instance, workload.as_ref()).await?;
            let seen = Observation { stale, ..look(None, workload.as_ref(), &traffic) };
            let Some(effect) = keep(&seen, drain) else {
                return Ok(keeps_for(&seen, drain).map(|left| self.clock.now().after(left)));
            };
            // Others took its lock off the workload.
            if self.has_begun(instance).await? {
                return Ok(None);
            }
            let world = World { instance: instance.clone(), workload, traffic };
            self.execute(Some(backend), None, subject, &world, &effect).await?;
        }
        Ok(Some(self.clock.now()))
    }
}
