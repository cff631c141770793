//! OpenKruise's CloneSet controller as one pure function: spec numbers and pods in, pod changes out.
//!
//! Written after the behaviour of OpenKruise 1.9.0 with its feature gates at their defaults: the update
//! types `ReCreate`, `InPlaceIfPossible` and `InPlaceOnly`, with hooks `preDelete` and `inPlaceUpdate` by
//! label. It knows nothing of the rest of the simulated world, because it is used three times: there, in
//! standalone mode, and by an adapter that plays the controller against a real API server.
//!
//! One call is one reconcile: like the original it either scales or updates, never both, and expects to
//! be called again after each change. Names come in as positions in the list of pods; pods that are being
//! deleted are not in the list.
//!
//! Left out: the grace period of updates in place, scatter, priorities, spread constraints,
//! `scaleStrategy.maxUnavailable`, `markPodNotReady`, and the `PreparingNormal` state,
//! through which a pod without a `preNormal` hook only passes.

mod diff;
mod order;
mod scale;
mod update;

use std::vec::Vec;

use crate::model::Timestamp;

/// How pods are updated (`spec.updateStrategy.type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UpdatePolicy {
    /// Old pods are deleted and new ones made.
    #[default]
    ReCreate,
    /// Containers are swapped in their pods where only images and metadata differ, else as `ReCreate`.
    InPlaceIfPossible,
    /// The same, and nothing happens where more differs.
    InPlaceOnly,
}

impl UpdatePolicy {
    /// The type of the strategy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReCreate => "ReCreate",
            Self::InPlaceIfPossible => "InPlaceIfPossible",
            Self::InPlaceOnly => "InPlaceOnly",
        }
    }
    /// Whether it swaps containers in their pods where it can.
    #[must_use]
    pub const fn in_place(self) -> bool {
        matches!(self, Self::InPlaceIfPossible | Self::InPlaceOnly)
    }
}

/// The lifecycle state of a pod (label `lifecycle.apps.kruise.io/state`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lifecycle {
    /// Nothing is going on with it.
    #[default]
    Normal,
    /// Chosen to be deleted; waits for the `preDelete` hook.
    PreparingDelete,
    /// Chosen to be updated in place; waits for the `inPlaceUpdate` hook.
    PreparingUpdate,
    /// It has its new revision, and its containers are being swapped.
    Updating,
    /// Its containers were swapped; waits until the `inPlaceUpdate` hook holds it again.
    Updated,
}

/// The numbers of a CloneSet's spec, percentages already resolved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSet {
    /// `spec.replicas`.
    pub replicas: u32,
    /// `spec.updateStrategy.partition`: pods to keep at the old revision.
    pub partition: u32,
    /// `spec.updateStrategy.maxSurge`.
    pub max_surge: u32,
    /// `spec.updateStrategy.maxUnavailable`.
    pub max_unavailable: u32,
    /// `spec.updateStrategy.paused`: stops updates and zeroes surge; stops neither creation nor marking.
    pub paused: bool,
    /// `spec.updateStrategy.type`.
    pub policy: UpdatePolicy,
    /// `spec.lifecycle.preDelete` is set, and not by `markPodNotReady`.
    pub pre_delete_hook: bool,
    /// `spec.lifecycle.inPlaceUpdate` is set to the same label, and not by `markPodNotReady`.
    pub in_place_hook: bool,
    /// Label `apps.kruise.io/cloneset-scaling-exclude-preparing-delete: "true"`.
    pub exclude_preparing_delete: bool,
}

/// What the controller reads of a pod.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSetPod {
    /// It is of the update revision.
    pub updated: bool,
    /// Its lifecycle state.
    pub state: Lifecycle,
    /// It carries a label of the hooks.
    pub hooked: bool,
    /// Between its revision and the update revision only container images and metadata differ.
    pub swappable: bool,
    /// Its containers run the images that its spec names, as far as the kubelet has reported.
    pub swapped: bool,
    /// The condition of its readiness gate `InPlaceUpdateReady` is not true.
    pub held_back: bool,
    /// Label `apps.kruise.io/specified-delete`, whatever its value, or named by `scaleStrategy.podsToDelete`.
    pub specified: bool,
    /// It has a node.
    pub scheduled: bool,
    /// Its phase is `Running`.
    pub running: bool,
    /// Its condition `Ready` is true.
    pub ready: bool,
    /// It is ready, and not for `spec.minReadySeconds` yet.
    pub young: bool,
    /// Since when it is ready.
    pub ready_since: Timestamp,
    /// Annotation `controller.kubernetes.io/pod-deletion-cost`.
    pub deletion_cost: i32,
    /// Highest restart count of its containers.
    pub restarts: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

impl CloneSetPod {
    /// Available in the sense of `status.availableReplicas`: running, ready and in no lifecycle state
    /// but `Normal`, for `spec.minReadySeconds` (OpenKruise: `IsPodAvailable`). A pod in `PreparingDelete` or
    /// `PreparingUpdate` is not, although it may still serve.
    #[must_use]
    pub const fn available(&self) -> bool {
        self.serves() && !self.young
    }

    /// The same without a regard for `spec.minReadySeconds`: of pods that are to be deleted, only one that does not
    /// serve is free to go (OpenKruise: `isPodReady`).
    const fn serves(&self) -> bool {
        self.update_ready() && matches!(self.state, Lifecycle::Normal)
    }

    /// Ready in the sense of `status.readyReplicas` (OpenKruise: `IsPodUpdateReady`).
    const fn update_ready(&self) -> bool {
        self.running && self.ready && !self.held_back
    }

    /// Whether it waits to be deleted.
    const fn preparing_delete(&self) -> bool {
        matches!(self.state, Lifecycle::PreparingDelete)
    }
}

/// What the controller does to one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ControllerChange {
    /// Lifecycle state becomes `PreparingDelete`: the pod waits until its hook label is taken off.
    Mark,
    /// Lifecycle state becomes `Normal` again.
    Unmark,
    /// The pod is deleted.
    Delete,
    /// The label `apps.kruise.io/specified-delete` is set: how `ReCreate` updates a pod.
    Specify,
    /// Lifecycle state becomes `PreparingUpdate`: the pod waits until its hook label is taken off.
    Prepare,
    /// The same of a pod that was updated before to another revision: the hook label is set, too.
    PrepareAgain,
    /// The pod gets the update revision with its images and metadata, `InPlaceUpdateReady` becomes false,
    /// lifecycle state `Updating`.
    Swap,
    /// `InPlaceUpdateReady` becomes true.
    Admit,
    /// Lifecycle state becomes `Updated`.
    Finish,
    /// Lifecycle state becomes `Normal` after an update.
    Settle,
}

/// What one reconcile changes; nothing when the CloneSet is at rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Pods to make of the update revision.
    pub create_updated: u32,
    /// Pods to make of the current revision.
    pub create_current: u32,
    /// Changes of pods, by their position in the list.
    pub pods: Vec<(usize, ControllerChange)>,
}

impl Changes {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.create_updated == 0 && self.create_current == 0 && self.pods.is_empty()
    }
}

/// The numbers of a CloneSet's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CloneSetStatus {
    /// `status.replicas`.
    pub replicas: u32,
    /// `status.readyReplicas`.
    pub ready: u32,
    /// `status.availableReplicas`.
    pub available: u32,
    /// `status.updatedReplicas`.
    pub updated: u32,
    /// `status.updatedReadyReplicas`.
    pub updated_ready: u32,
    /// `status.updatedAvailableReplicas`.
    pub updated_available: u32,
    /// `status.expectedUpdatedReplicas`.
    pub expected_updated: u32,
    /// `status.currentRevision` becomes the update revision: every pod is of it and there are as many as
    /// wanted, ready or not.
    pub current_follows: bool,
}

/// The status that belongs to these pods.
#[must_use]
pub fn status(set: &CloneSet, pods: &[CloneSetPod]) -> CloneSetStatus {
    let count = |of: &dyn Fn(&CloneSetPod) -> bool| pods.iter().map(|pod| u32::from(of(pod))).sum::<u32>();
    let (replicas, updated) = (count(&|_| true), count(&|pod| pod.updated));
    CloneSetStatus {
        replicas,
        ready: count(&CloneSetPod::update_ready),
        available: count(&CloneSetPod::available),
        updated,
        updated_ready: count(&|pod| pod.updated && pod.update_ready()),
        updated_available: count(&|pod| pod.updated && pod.available()),
        expected_updated: set.replicas.saturating_sub(set.partition),
        current_follows: updated == replicas && replicas == set.replicas,
    }
}

/// Decides what one reconcile changes.
///
/// The pods come in the order in which the controller's cache lists them, which Kubernetes does not
/// define: it decides which marked pod returns to `Normal` first.
#[must_use]
pub fn decide(set: &CloneSet, pods: &[CloneSetPod]) -> Changes {
    scale::scale(set, pods).unwrap_or_else(|| update::update(set, pods))
}

#[cfg(test)]
#[path = "cloneset_tests.rs"]
mod tests;
