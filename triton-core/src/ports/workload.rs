//! The thing that runs pods.

use alloc::boxed::Box;
use alloc::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::model::{Failure, Flow, InstanceId, Version, WorkloadChange, WorkloadView};

/// Which workload, and on whose behalf.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The workload.
    pub instance: &'a InstanceId,
    /// The flow that looks or acts; `None` for the keeper, which holds no lock, has no template, and does
    /// only `Hook` and `LetGo`.
    pub flow: Option<&'a Flow>,
}

/// Runs pods: reads and changes one workload per application instance.
///
/// # Contract
/// - Every change is idempotent; `Ok` means accepted, not finished.
/// - `Lock`, `Release`, `Reshape`, `Freeze` and `Remove` are guarded by the version that was observed: when
///   the workload changed since, nothing is done and the error is [`Conflict`](super::PortErrorKind::Conflict).
/// - `Hook`, `LetGo`, `List` and `Spare` go out for all pods at once, each guarded by the pod's own
///   reference: by its UID, `LetGo` by UID **and** version, because a pod may have been returned to service
///   meanwhile. Pods that are gone, or already as wanted, cost nothing and are no error. When some pods could
///   not be changed the first error is returned after all were tried.
/// - A view is never older than the last change that this backend made (else it is not `settled`).
/// - That a flow does not hold the lock is said only when it is certain, by a read that no cache answers:
///   a host that just started may have a cache from before its predecessor took the lock.
#[async_trait]
pub trait WorkloadBackend: Send + Sync {
    /// Looks at the workload; `None` when there certainly is none (a cache that does not have it is not
    /// certain).
    ///
    /// # Errors
    /// `Transient` when it cannot be told. Unknown is never reported as absent.
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError>;

    /// Does one thing. `seen` is the version of the view that it was decided on; `None` when there was no
    /// workload, and then only `Reshape` is possible.
    ///
    /// # Errors
    /// `Conflict`: changed meanwhile, or exists although it was absent; look again. `Gone`: no such
    /// workload. `Rejected`: refused by validation, admission, quota or rights. `Transient`: unknown
    /// whether done; safe to repeat.
    async fn execute(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError>;

    /// Asks whether the cluster would take what this flow is going to write, without writing it: the template that
    /// it brings, or the deletion of the workload (Kubernetes: a dry run). `seen` is as in
    /// [`WorkloadBackend::execute`]. Asked before a flow is made, and when it begins. `None` when nothing is
    /// refused, and when nobody can tell; also the right answer of a backend that refuses no content.
    ///
    /// # Errors
    /// `Rejected`: whoever asks may not ask, or there is no room now. `Conflict`: changed meanwhile; look again.
    /// `Transient`: it cannot be told.
    async fn dry_run(&self, _flow: &Flow, _seen: Option<&Version>) -> Result<Option<Failure>, PortError> {
        Ok(None)
    }

    /// Makes sure that a workload is still the one of the view with version `seen`, with the lock and the
    /// settings that it had then, by a read that no cache answers. The driver asks before it changes pods, whose
    /// own versions say nothing of the workload.
    /// What its controller tells of it may have changed (Kubernetes: compare UID, generation and lock annotation).
    ///
    /// # Errors
    /// `Conflict`: it has changed, is gone, or `seen` is not the view that was looked at last; look again.
    /// `Transient`: it cannot be told.
    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError>;
}

#[async_trait]
impl<W: WorkloadBackend + ?Sized> WorkloadBackend for Arc<W> {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        self.as_ref().observe(subject).await
    }

    async fn execute(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        self.as_ref().execute(subject, change, seen).await
    }

    async fn dry_run(&self, flow: &Flow, seen: Option<&Version>) -> Result<Option<Failure>, PortError> {
        self.as_ref().dry_run(flow, seen).await
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        self.as_ref().confirm(instance, seen).await
    }
}
