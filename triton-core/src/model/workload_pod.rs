//! A pod of a workload, as its backend sees it.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::name::{PodName, PodUid, Revision, Version};
use super::pod_failure::{Lasts, PodFailure, Steps};
use super::time::Timestamp;

/// The phase of a pod as shown to people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PodPhase {
    /// Not running yet.
    #[default]
    Pending,
    /// Runs, containers not ready.
    Running,
    /// Containers ready, not in traffic.
    ContainersReady,
    /// Ready, and in traffic where a registry is asked.
    Ready,
    /// Failed.
    Failed,
    /// Was of this batch and is no longer there.
    Outdated,
}

/// One pod of a workload, as its backend sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadPod {
    /// Name, for people and for the traffic registry.
    pub name: PodName,
    /// Identity.
    pub uid: PodUid,
    /// Token that guards writes to this pod.
    pub version: Version,
    /// Revision of its template; `None` when it cannot be told.
    pub revision: Option<Revision>,
    /// All containers are ready (Kubernetes: condition `ContainersReady`), and they are those of its
    /// revision: not while a pod is being updated in place.
    pub booted: bool,
    /// The workload's controller, or a person, chose it to leave, or to be updated in place, and waits for
    /// the hook (OpenKruise: lifecycle states `PreparingDelete` and `PreparingUpdate`).
    pub marked: bool,
    /// Of a marked pod: it is to be updated in place (OpenKruise: lifecycle state `PreparingUpdate`). It
    /// stays so, and no letting go helps, once the workload wants as many old pods as there are.
    pub swaps: bool,
    /// It was let go to be updated in place, and stays out of traffic as it is for an ordered time before that
    /// (OpenKruise: `inPlaceUpdateStrategy.gracePeriodSeconds`).
    pub in_grace: bool,
    /// It carries the hook label: "in traffic: ask before you touch".
    pub hooked: bool,
    /// It carries the mark of the flow that is looking: to be replaced by it.
    pub listed: bool,
    /// It is to be deleted, whatever the numbers say (OpenKruise: label `specified-delete`).
    pub specified: bool,
    /// Its template has triton's readiness gate.
    pub gated: bool,
    /// Condition `Ready`.
    pub ready: bool,
    /// What keeps it from running, if that is known.
    pub failure: Option<PodFailure>,
    /// What it still has to do before all its containers are ready, in the words of the kubelet, where nothing is known
    /// to keep it from that. For people: a slow start is no failure.
    pub starts: Option<String>,
    /// How far its containers have come.
    pub steps: Steps,
    /// For how long it has been so; a backend says nothing of it.
    pub lasts: Lasts,
    /// For people: phase, address and port.
    pub phase: PodPhase,
    /// IP address once it has one.
    pub ip: Option<String>,
    /// First container port that has no name or is named `app-port`; 0 when there is none.
    pub port: u16,
}

/// A pod that has ended as a whole and is still there: none of the workload's (OpenKruise: `IsPodActive`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedPod {
    /// The pod; its failure says how it ended.
    pub pod: WorkloadPod,
    /// When it was made, in whole seconds.
    pub made: Timestamp,
}
