//! Application instances and pods as the API shows them.

use alloc::string::String;

use serde::{Deserialize, Serialize};

#[cfg(doc)]
use crate::engine::{rollback_target, size};
use crate::model::{InstanceName, Namespace, PodName, Seconds, Timestamp};

/// An application instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceView {
    /// Namespace of the workload.
    pub namespace: String,
    /// Name of the workload.
    pub name: String,
    /// Pods in traffic.
    pub available_replicas: u32,
    /// The size that it is to have: without the pods that a flow asks for beside the others ([`size`]).
    pub replicas: u32,
    /// `InProgress` while a flow or the workload's controller is at work, else `Ready`; `Left` where a flow left it in
    /// the middle of its batches; `LockUnreadable` and `Unreadable` where its lock, or the workload itself, cannot be
    /// read.
    pub status: String,
    /// Label `app`; 0 when the workload has none or one that is not a number.
    pub app_id: i32,
    /// Label `group`; likewise.
    pub group_id: i32,
    /// Label `app.kubernetes.io/name`; empty when the workload has none.
    pub app_name: String,
    /// Image of the application's container: the first one, sidecars come after it.
    pub image: String,
    /// CPU limit of that container.
    pub cpu: String,
    /// Memory limit of that container.
    pub memory: String,
    /// CPU request of that container.
    pub request_cpu: String,
    /// Memory request of that container.
    pub request_memory: String,
    /// Revision that new pods get, short hash.
    pub update_revision: String,
    /// Whether the workload updates its pods in place.
    pub in_place: bool,
    /// Pods of another revision than `update_revision`: what a cancelled flow kept, or a flow has not replaced yet.
    pub other_revision_replicas: u32,
    /// Who sets the size besides triton: an autoscaler, or whoever wrote it last; empty where nobody is known. Lists
    /// do not name autoscalers.
    pub sized_by: String,
    /// How long a new pod has to be ready before old pods leave for it.
    pub min_ready: Seconds,
    /// The flow that left it in the middle of its batches, as `namespace/name`; empty where none did. Until an
    /// `update` or a `rollback` has succeeded it takes these, `stop` and `delete` only.
    pub left_by: String,
    /// The flow that holds it, as `namespace/name`; empty where none does.
    pub held_by: String,
    /// The revision that a rollback without a target returns to, short hash ([`rollback_target`]); empty where there is
    /// none.
    pub rollback_to: String,
    /// Images of the containers of that revision; empty where they are not known. Lists do not name them.
    pub rollback_image: String,
    /// Pods that it had before it was stopped last, which a `start` without a size brings back; `None` where nothing
    /// remembers it.
    pub replicas_before_stop: Option<u32>,
    /// The orders that were carried out on it, newest first, as the workload remembers them: entries
    /// `name:hash:size:revision` with commas between them ([`CarriedOut`](crate::model::CarriedOut)). Lists do not tell
    /// them.
    pub carried_out: String,
}

/// A pod of an application instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodView {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Label `app.kubernetes.io/instance`, else the owning workload's name.
    pub instance_name: String,
    /// Image of the application's container.
    pub image: String,
    /// CPU limit.
    pub cpu: String,
    /// Memory limit.
    pub memory: String,
    /// CPU request.
    pub guaranteed_cpu: String,
    /// Memory request.
    pub guaranteed_memory: String,
    /// Whether the pod uses the network of its node.
    pub public_network: bool,
    /// Name of the application's container.
    pub container_name: String,
    /// IP address; empty while it has none.
    pub pod_ip: String,
    /// Pending, Running, ContainersReady, Ready or Failed.
    pub status: String,
    /// Address of its node.
    pub host_ip: String,
    /// Revision, short hash.
    pub update_revision: String,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// Which pods to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFilter {
    /// Of this namespace.
    pub namespace: Option<Namespace>,
    /// Of this application instance.
    pub instance_name: Option<InstanceName>,
    /// With this address.
    pub ip: Option<String>,
    /// In no particular order; else newest first.
    pub no_sort: bool,
}

/// A pod to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodId {
    /// Namespace.
    pub namespace: Namespace,
    /// Name.
    pub name: PodName,
}
