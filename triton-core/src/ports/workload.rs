//! The thing that runs pods.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use async_trait::async_trait;

use super::PortError;
use crate::model::{
    Failure, Flow, InstanceId, PodChange, PodUid, PodsAsSeen, Version, WorkloadChange, WorkloadPod,
    WorkloadView,
};

/// Which workload, and on whose behalf.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The workload.
    pub instance: &'a InstanceId,
    /// The flow that looks or acts; `None` for the keeper, which holds no lock, has no template, and does
    /// only [`PodChange::Hook`] and [`PodChange::Unhook`].
    pub flow: Option<&'a Flow>,
}

/// Runs pods: reads and changes one workload per application instance.
///
/// # Contract
/// - Every change is idempotent; `Ok` means accepted, not finished.
/// - Changes of the workload are guarded by the version that was observed: when the workload changed since,
///   nothing is done and the error is [`Conflict`](super::PortErrorKind::Conflict).
/// - Changes of pods go out for all pods at once, each guarded by the pod's own reference: by its UID,
///   [`PodChange::Unhook`] by UID **and** version, because a pod may have been returned to service meanwhile. Pods
///   that are gone, or already as wanted, cost nothing and are no error. When some pods could not be changed the
///   first error is returned after all were tried.
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

    /// Changes the workload. `seen` is the version of the view that it was decided on; `None` when there was no
    /// workload, and then only `Reshape` is possible.
    ///
    /// # Errors
    /// `Conflict`: changed meanwhile, or exists although it was absent; look again. `NotFound`: no such
    /// workload. `Rejected`: refused by validation, admission, quota or rights. `Transient`: unknown
    /// whether done; safe to repeat.
    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError>;

    /// Changes pods of the workload.
    ///
    /// # Errors
    /// `Conflict`: a pod was changed meanwhile; look again. `Rejected`: refused by validation, admission or rights.
    /// `Transient`: unknown whether done; safe to repeat.
    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError>;

    /// Asks whether the cluster would take what this flow is going to write, without writing it: the template that
    /// it brings, or the deletion of the workload (Kubernetes: a dry run). `seen` is as in
    /// [`WorkloadBackend::change_workload`]. Asked before a flow is made, and when it begins. `None` when nothing is
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

    /// Makes sure that the pods of a workload are those that were `seen`, by a read that no cache answers;
    /// [`are_as_seen`] says what has to be the same. The driver asks before it writes what follows from the number of
    /// pods, or from what others than those that it changes are. `which` pods must not have changed.
    ///
    /// # Errors
    /// `Conflict`: they are not, or there is no such workload; look again. `Transient`: it cannot be told.
    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError>;
}

/// Whether the pods that are there now are those that were seen. The active ones, with their versions, have to be the
/// same, and `which` of them must not have changed. Of pods that are being deleted, each has to be known; those that were
/// seen may be gone.
#[must_use]
pub fn are_as_seen<'a>(
    seen: &WorkloadView,
    which: PodsAsSeen,
    active: impl Iterator<Item = (&'a PodUid, &'a Version)>,
    mut terminating: impl Iterator<Item = &'a PodUid>,
) -> bool {
    let active: BTreeMap<_, _> = active.collect();
    let same = |pod: &WorkloadPod| {
        let may_differ = which == PodsAsSeen::Running && !pod.booted;
        active.get(&pod.uid).is_some_and(|version| may_differ || **version == pod.version)
    };
    let known = |uid: &PodUid| seen.terminating.iter().any(|pod| pod.uid == *uid);
    active.len() == seen.pods.len() && seen.pods.iter().all(same) && terminating.all(known)
}

#[async_trait]
impl<W: WorkloadBackend + ?Sized> WorkloadBackend for Arc<W> {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        self.as_ref().observe(subject).await
    }

    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        self.as_ref().change_workload(subject, change, seen).await
    }

    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        self.as_ref().change_pods(subject, change).await
    }

    async fn dry_run(&self, flow: &Flow, seen: Option<&Version>) -> Result<Option<Failure>, PortError> {
        self.as_ref().dry_run(flow, seen).await
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        self.as_ref().confirm(instance, seen).await
    }

    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        self.as_ref().confirm_pods(instance, seen, which).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_as_seen_when_they_are_the_same_ones_and_none_that_counts_has_changed() {
        let pod = |name: &str| WorkloadPod::test(name.parse().expect("a name"));
        let starting = WorkloadPod { booted: false, ..pod("b") };
        let view = |pods| WorkloadView { terminating: [pod("x")].to_vec(), ..WorkloadView::test(2, pods) };
        let seen = view([pod("a"), starting].to_vec());
        let both: &[(&str, &str)] = &[("uid-a", "1"), ("uid-b", "1")];
        /// The active pods with their versions, the ones that are being deleted, and whether that is as seen: of those
        /// that ran, and of all.
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], [bool; 2]);
        let rows: &[Row<'_>] = &[
            (both, &["uid-x"], [true; 2]),
            (both, &[], [true; 2]),
            (both, &["uid-x", "uid-y"], [false; 2]),
            (&[("uid-b", "1"), ("uid-a", "1")], &[], [true; 2]),
            (&[("uid-a", "1"), ("uid-b", "2")], &[], [true, false]),
            (&[("uid-a", "2"), ("uid-b", "1")], &[], [false; 2]),
            (&[("uid-a", "1")], &["uid-b"], [false; 2]),
            (&[("uid-b", "1")], &[], [false; 2]),
            (&[("uid-a", "1"), ("uid-c", "1")], &[], [false; 2]),
            (&[("uid-a", "1"), ("uid-b", "1"), ("uid-c", "1")], &[], [false; 2]),
            (&[], &[], [false; 2]),
        ];
        let uid = |uid: &str| -> PodUid { uid.parse().expect("a uid") };
        for (active, ending, same) in rows {
            let active: alloc::vec::Vec<(PodUid, Version)> = active
                .iter()
                .map(|(name, version)| (uid(name), version.parse().expect("a version")))
                .collect();
            let ending: alloc::vec::Vec<PodUid> = ending.iter().map(|name| uid(name)).collect();
            let active = || active.iter().map(|(uid, version)| (uid, version));
            let found = [PodsAsSeen::Running, PodsAsSeen::All]
                .map(|which| are_as_seen(&seen, which, active(), ending.iter()));
            assert_eq!(found, *same, "{:?} {ending:?}", active().collect::<Vec<_>>());
        }
        let none = view([].to_vec());
        assert!(are_as_seen(&none, PodsAsSeen::All, core::iter::empty(), core::iter::empty()));
    }
}
