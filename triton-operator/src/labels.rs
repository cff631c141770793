//! Names that are written into the cluster. They are part of the interface: people's Services, scripts
//! and running workloads rely on them.

/// Who writes: the field manager of every write (Kubernetes: server-side apply, field management).
pub const MANAGER: &str = "triton";
/// Pod condition and readiness gate: in traffic as far as triton is concerned.
pub const GATE: &str = "apps.triton.io/ready";
/// Label on a pod, value `"true"`: in traffic, ask before you touch. The workload's `preDelete` hook holds
/// pods that carry it.
pub const HOOK: &str = "apps.triton.io/in-traffic";
/// Value of [`HOOK`].
pub const HOOK_ON: &str = "true";
/// Annotation on a workload: which flow holds it, and the settings to give back. Empty: nobody.
pub const LOCK: &str = "apps.triton.io/lock";
/// Annotation on a workload: the flow that took the lock last, and whether it gave it back: `name/uid/turn`.
pub const LAST_FLOW: &str = "apps.triton.io/last-flow";
/// Annotation on a workload: UID of the flow whose template it has. Empty: none's.
pub const TEMPLATE_OF: &str = "apps.triton.io/template-of";
/// Annotation on a workload: the size that it had when a flow stopped it.
pub const REMEMBERED: &str = "apps.triton.io/replicas-before-stop";
/// Annotation on a workload: the revisions that flows brought successfully, newest first, with commas.
pub const GOOD: &str = "apps.triton.io/good-revisions";
/// Annotation on a workload: the orders that flows carried out on it, newest first: entries
/// `name:hash:size:revision` with commas between them.
pub const CARRIED_OUT: &str = "apps.triton.io/carried-out";
/// Label on a pod: UID of the flow that replaces it.
pub const RESTARTED_BY: &str = "apps.triton.io/restarted-by";
/// Finalizer on a flow that runs.
pub const FINALIZER: &str = "apps.triton.io/flow";
/// Label on a workload, value `"true"`: pods that are about to leave do not count as replicas. Where they
/// do, no other pod starts in their place before they are gone
/// (OpenKruise: CloneSet, `CloneSetScalingExcludePreparingDelete`).
pub const EXCLUDE_PREPARING_DELETE: &str = "apps.kruise.io/cloneset-scaling-exclude-preparing-delete";
/// Label on a pod: where it is in its life (OpenKruise: lifecycle).
pub const LIFECYCLE_STATE: &str = "lifecycle.apps.kruise.io/state";
/// Value of [`LIFECYCLE_STATE`]: nothing is done to it.
pub const NORMAL: &str = "Normal";
/// Value of [`LIFECYCLE_STATE`]: chosen to be deleted, held by the `preDelete` hook.
pub const PREPARING_DELETE: &str = "PreparingDelete";
/// Value of [`LIFECYCLE_STATE`]: chosen to be updated in place, held by the `inPlaceUpdate` hook.
pub const PREPARING_UPDATE: &str = "PreparingUpdate";
/// Value of [`LIFECYCLE_STATE`]: it has its new revision, and its containers are being swapped.
pub const UPDATING: &str = "Updating";
/// Annotations of a pod that is out of traffic and not updated in place yet (OpenKruise: `InPlaceUpdateGraceKey`, and its
/// name before).
pub const IN_PLACE_GRACE: [&str; 2] = ["apps.kruise.io/inplace-update-grace", "inplace-update-grace"];
/// Annotations of a pod that was updated in place: its containers before (OpenKruise: `InPlaceUpdateStateKey`, and its
/// name before).
pub const IN_PLACE_STATE: [&str; 2] = ["apps.kruise.io/inplace-update-state", "inplace-update-state"];
/// Label on a pod, of any value: to be deleted, whatever the numbers say (OpenKruise: specified delete).
pub const SPECIFIED_DELETE: &str = "apps.kruise.io/specified-delete";
/// Label on a pod: its revision, as full name or short hash (Kubernetes: `ControllerRevision`).
pub const REVISION: &str = "controller-revision-hash";
/// Label on a workload: when it may not be deleted, `Always` or `Cascading` (OpenKruise: deletion protection).
pub const DELETE_PROTECTION: &str = "policy.kruise.io/delete-protection";
/// Label on an EndpointSlice: the Service that it belongs to (Kubernetes: `discovery.k8s.io`).
pub const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// Labels that OpenKruise and triton give to a pod alone: another pod in its place does not have them, or not so.
pub const OF_ONE_POD: [&str; 6] = [
    LIFECYCLE_STATE,
    SPECIFIED_DELETE,
    REVISION,
    RESTARTED_BY,
    "pod-template-hash",
    "apps.kruise.io/cloneset-instance-id",
];
