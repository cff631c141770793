//! Flows, instances and pods as JSON: the fields of the gRPC messages under the same names.

mod from;

use serde::Serialize;
use utoipa::ToSchema;

/// A flow.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Flow {
    /// Namespace of the flow and of its workload.
    namespace: String,
    /// Name of the flow.
    name: String,
    /// Label `app`.
    #[serde(rename = "appID")]
    app_id: i32,
    /// Label `group`.
    #[serde(rename = "groupID")]
    group_id: i32,
    /// Label `app.kubernetes.io/name`.
    app_name: String,
    /// Application instance, which is the name of the workload.
    instance_name: String,
    /// Target replicas.
    replicas: u32,
    /// create, update, rollback, restart, scale, scale_in, scale_out, start, stop or delete.
    action: String,
    /// Pods in traffic.
    available_replicas: u32,
    /// Active pods that are as the flow wants them.
    updated_replicas: u32,
    /// Of those, pods in traffic.
    updated_ready_replicas: u32,
    /// Short hash of the revision that the flow brings about.
    update_revision: String,
    /// The batches that have started, in order.
    conditions: Vec<FlowBatch>,
    /// Whether the flow takes no steps: by order or by failure.
    paused: bool,
    /// Pending, Initializing, BatchStarted, BatchFinished, Success, Failed, Aborted or Canceled.
    phase: &'static str,
    /// Whether the flow has ended.
    finished: bool,
    /// Batches in all, as planned now.
    batches: u32,
    /// Pods in the current batch, or in the first one to come.
    batch_size: u32,
    /// Batches that are finished.
    finished_batches: u32,
    /// Pods of work in finished batches.
    finished_replicas: u32,
    /// Pods that fail now.
    failed_replicas: u32,
    /// When the flow left Pending.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When the flow ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// auto or manual.
    mode: String,
    /// Seconds between a finished batch and the next one in mode auto.
    batch_interval_seconds: u32,
    /// Always 0; see progressDeadlineSeconds.
    timeout_seconds: u32,
    /// Always 0; see drainSeconds.
    graceful_period_seconds: u32,
    /// Pods in the canary batch; 0 means there is none.
    canary: u32,
    /// When the status was last written.
    #[schema(format = DateTime)]
    updated_at: Option<String>,
    /// Why the flow is where it is: one CamelCase word.
    reason: String,
    /// The same as a sentence.
    message: String,
    /// What the flow waits for; null when it waits for nothing.
    waiting: Option<FlowWaiting>,
    /// Permission given so far.
    target: FlowTarget,
    /// A person ordered a stop for good.
    canceled: bool,
    /// The flow that takes over from it; empty where none does.
    superseded_by: String,
    /// The revision that it returns to, full name or as it was ordered; empty where it returns to none, and before that is
    /// chosen.
    rollback_to: String,
    /// Images of the containers of the template that it brings; empty where it brings none of its own.
    image: String,
    /// When the flow was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Seconds that a stage may take before the flow pauses.
    progress_deadline_seconds: u32,
    /// Seconds that a pod may be kept from running without progress before it counts as failed.
    failure_grace_seconds: u32,
    /// Seconds that a pod keeps running once it is out of traffic.
    drain_seconds: u32,
    /// Active pods of the workload: `status.replicas` of the custom resource.
    active_replicas: u32,
    /// Pods of work in all batches.
    replicas_to_process: u32,
    /// Full name of the revision that the flow brings about; empty while it is not known.
    update_revision_name: String,
}

/// A batch that has started.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct FlowBatch {
    /// Its number, from 1.
    batch: u32,
    /// Pods of work in it.
    batch_size: u32,
    /// Whether it is the canary batch.
    canary: bool,
    /// Pending, Smoking, Smoked, Baking, Baked, SmokeFailed or BakeFailed.
    phase: &'static str,
    /// Pods of it that fail now.
    failed_replicas: u32,
    /// New pods of it, as many as there is room for: those that failed, and the newest.
    pods: Vec<BatchPod>,
    /// How many new pods it has, listed or not.
    pods_total: u32,
    /// How many of them are in traffic, listed or not.
    pods_in_traffic: u32,
    /// When it started.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// When all its pods were verified in traffic.
    #[schema(format = DateTime)]
    pulled_in_at: Option<String>,
    /// When it was finished.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
}

/// A pod of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchPod {
    /// Name of the pod.
    name: String,
    /// IP address; empty while it has none.
    ip: String,
    /// First container port that has no name or is named app-port; 0 when there is none.
    port: u16,
    /// Pending, Running, ContainersReady, Ready, Failed or Outdated.
    #[schema(value_type = String)]
    phase: triton_core::model::PodPhase,
    /// Empty, PullInSucceeded or PullInFailed.
    pull_in_status: &'static str,
    /// It was made without the readiness gate: it takes traffic as soon as it is ready, asked or not.
    ungated: bool,
    /// What keeps it from running, in one word; empty where nothing is known to.
    reason: String,
    /// The same with container, the kubelet's or the scheduler's own words, exit code and restarts.
    message: String,
}

/// What a flow waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowWaiting {
    /// One CamelCase word; Approval means that a person is asked.
    reason: String,
    /// Who or what must do something.
    message: String,
    /// Since when it waits for this.
    #[schema(format = DateTime)]
    since: String,
    /// When the controller looks again at the latest.
    #[schema(format = DateTime)]
    until: String,
}

/// A point in a rollout: as far as this stage of this batch.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowTarget {
    /// Pending, Smoking, Smoked, Baking or Baked.
    stage: &'static str,
    /// Number of the batch, from 1.
    batches: u32,
}

/// A flow as ordered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderedFlow {
    /// The order stood already and nothing was changed.
    already: bool,
    #[serde(flatten)]
    flow: Flow,
}

/// Where a flow was that is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowName {
    /// Namespace of the flow.
    namespace: String,
    /// Name of the flow.
    name: String,
}

/// The flow that carries an order out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeFlow {
    /// Its name.
    deploy_name: String,
    /// What it says of itself; of a flow that has not begun: which fields of the order have no effect.
    message: String,
}

/// The flow that carries a rollback out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MadeRollback {
    /// Its name.
    deploy_name: String,
    /// The flow or revision that it returns to. Where none was named, the last good revision before the current one, as the
    /// workload shows it now; empty where that is not known.
    rollback_to: String,
    /// What it says of itself; of a flow that has not begun: which fields of the order have no effect.
    message: String,
}

/// An application instance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    /// Namespace of the workload.
    namespace: String,
    /// Name of the workload.
    name: String,
    /// Pods in traffic.
    available_replicas: u32,
    /// The size that it is to have: without the pods that a flow asks for beside the others.
    replicas: u32,
    /// InProgress while a flow or the workload's controller is at work, else Ready; Left where a flow left it in the
    /// middle of its batches; LockUnreadable and Unreadable where its lock, or the workload itself, cannot be read.
    status: String,
    /// Label `app`; 0 when there is none.
    #[serde(rename = "appID")]
    app_id: i32,
    /// Label `group`; 0 when there is none.
    #[serde(rename = "groupID")]
    group_id: i32,
    /// Label `app.kubernetes.io/name`; empty when there is none.
    app_name: String,
    /// Image of the application's container.
    image: String,
    /// CPU limit.
    cpu: String,
    /// Memory limit.
    memory: String,
    /// CPU request.
    #[serde(rename = "requestCPU")]
    request_cpu: String,
    /// Memory request.
    request_memory: String,
    /// Revision that new pods get, short hash.
    update_revision: String,
    /// Whether the workload updates its pods in place.
    in_place: bool,
    /// Pods of another revision than updateRevision: what a cancelled flow kept, or a flow has not replaced yet.
    other_revision_replicas: u32,
    /// Who sets the size besides triton: an autoscaler, or whoever wrote it last; empty where nobody is known. Lists
    /// do not name autoscalers.
    sized_by: String,
    /// Seconds a new pod has to be ready before old pods leave for it.
    min_ready_seconds: u32,
    /// The flow, namespace/name, that left it in the middle of its batches; empty where none did. Until an update or a
    /// rollback has succeeded it takes these, stop and delete only.
    left_by: String,
    /// The flow, namespace/name, that holds it; empty where none does.
    held_by: String,
    /// The revision that a rollback without a target returns to, short hash; empty where there is none.
    rollback_to: String,
    /// Images of the containers of that revision; empty where they are not known. Lists do not name them.
    rollback_image: String,
    /// Pods that it had before it was stopped last, which a start without a size brings back; null where nothing
    /// remembers it.
    replicas_before_stop: Option<u32>,
    /// The orders that were carried out on it, newest first, as the workload remembers them: entries
    /// name:hash:size:revision with commas between them. Lists do not tell them.
    carried_out: String,
}

/// A pod of an application instance.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pod {
    /// Namespace.
    namespace: String,
    /// Name.
    name: String,
    /// Application instance it belongs to.
    instance_name: String,
    /// Image of the application's container.
    image: String,
    /// CPU limit.
    cpu: String,
    /// Memory limit.
    memory: String,
    /// CPU request.
    #[serde(rename = "guaranteedCPU")]
    guaranteed_cpu: String,
    /// Memory request.
    guaranteed_memory: String,
    /// Whether the pod uses the network of its node.
    public_network: bool,
    /// Name of the application's container.
    container_name: String,
    /// IP address; empty while it has none.
    #[serde(rename = "podIP")]
    pod_ip: String,
    /// Pending, Running, ContainersReady, Ready or Failed.
    status: String,
    /// IP address of its node.
    #[serde(rename = "hostIP")]
    host_ip: String,
    /// Revision, short hash.
    update_revision: String,
    /// When it was made.
    #[schema(format = DateTime)]
    creation_timestamp: Option<String>,
}
