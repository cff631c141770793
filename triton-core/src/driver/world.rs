//! What the driver sees of the world before it decides, and makes sure of before it writes.

use alloc::borrow::Cow;

use super::{Adapters, DriveError, Driver, during};
use crate::engine::exchange;
use crate::model::{Failure, Flow, InstanceId, PodsAsSeen, Spec, TrafficView, WorkloadView};
use crate::ports::{Clock, FlowStore, Reading, Stored, Subject, WorkloadBackend};

/// One look through the ports.
pub(super) struct World {
    pub(super) instance: InstanceId,
    pub(super) workload: Option<WorkloadView>,
    pub(super) traffic: TrafficView,
}

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    pub(super) async fn observe(&self, stored: &Stored, reading: Reading) -> Result<World, DriveError> {
        let flow = &stored.flow;
        let instance = flow.instance();
        let Some(backend) = self.adapters.workload(&flow.spec.workload_kind) else {
            return Ok(World { instance, workload: None, traffic: TrafficView::default() });
        };
        let subject = Subject { instance: &instance, flow: Some(flow) };
        let mut workload = backend.observe(subject).await.map_err(during("looking at the workload"))?;
        if let Some(view) = &mut workload {
            self.looks_at(&flow.id, reading, view);
        }
        let mut traffic = self.traffic(Some(&flow.spec), &instance, workload.as_ref()).await?;
        if let Some(exchange) = workload.as_ref().and_then(|view| exchange(flow, view)) {
            let succession = self.adapters.traffic(Some(&flow.spec)).succession(&exchange).await;
            traffic.succession = succession.map_err(during("looking at the registry"))?;
        }
        Ok(World { instance, workload, traffic })
    }

    pub(super) async fn traffic(
        &self,
        spec: Option<&Spec>,
        instance: &InstanceId,
        workload: Option<&WorkloadView>,
    ) -> Result<TrafficView, DriveError> {
        match workload {
            None => Ok(TrafficView::default()),
            Some(view) => {
                let registry = self.adapters.traffic(spec);
                let mut pods = Cow::Borrowed(&view.pods);
                if !view.terminating.is_empty() {
                    pods.to_mut().extend(view.terminating.iter().cloned());
                }
                registry.observe(instance, &pods).await.map_err(during("looking at the registry"))
            }
        }
    }

    /// Makes sure, past every cache, that the workload that was looked at is still so, and its pods: each if asked for.
    pub(super) async fn confirm(
        &self,
        backend: Option<&dyn WorkloadBackend>,
        world: &World,
        workload: bool,
        pods: Option<PodsAsSeen>,
    ) -> Result<(), DriveError> {
        let (Some(backend), Some(seen)) = (backend, world.workload.as_ref()) else { return Ok(()) };
        if workload {
            let confirmed = backend.confirm(&world.instance, &seen.version).await;
            confirmed.map_err(during("making sure that the workload is as it was seen"))?;
        }
        if let Some(which) = pods {
            let confirmed = backend.confirm_pods(&world.instance, seen, which).await;
            confirmed.map_err(during("making sure that the pods are as they were seen"))?;
        }
        Ok(())
    }

    /// What the cluster refuses of that which a flow is going to write.
    pub(super) async fn dry_run(&self, flow: &Flow, world: &World) -> Result<Option<Failure>, DriveError> {
        let Some(backend) = self.adapters.workload(&flow.spec.workload_kind) else { return Ok(None) };
        let asked = backend.dry_run(flow, world.workload.as_ref().map(|view| &view.version)).await;
        asked.map_err(during("asking whether what the flow is going to write is taken"))
    }
}
