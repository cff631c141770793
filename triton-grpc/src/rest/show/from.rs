//! From what the API shows.

use triton_core::model::{BatchReport, FlowId, PodReport, Target, WaitingReport};
use triton_core::service::{FlowView, InstanceView, Made, Ordered, PodView};

use super::{
    BatchPod, Flow, FlowBatch, FlowName, FlowTarget, FlowWaiting, Instance, MadeFlow, MadeRollback,
    OrderedFlow, Pod,
};
use crate::convert::short_hash;

impl From<FlowView> for Flow {
    fn from(view: FlowView) -> Self {
        let record = view.record;
        let revision = record.update_revision.map(String::from).unwrap_or_default();
        Self {
            namespace: view.id.namespace.into(),
            name: view.id.name.into(),
            app_id: view.app_id,
            group_id: view.group_id,
            app_name: view.app_name,
            instance_name: view.instance_name,
            replicas: view.replicas,
            action: view.action,
            available_replicas: record.available_replicas,
            updated_replicas: record.updated_replicas,
            updated_ready_replicas: record.updated_ready_replicas,
            update_revision: short_hash(&revision).into(),
            conditions: record.conditions.into_iter().map(FlowBatch::from).collect(),
            paused: record.paused,
            phase: record.phase.as_str(),
            finished: record.finished,
            batches: record.batches,
            batch_size: view.batch_size,
            finished_batches: record.finished_batches,
            finished_replicas: record.finished_replicas,
            failed_replicas: record.failed_replicas,
            started_at: record.started_at.map(String::from),
            finished_at: record.finished_at.map(String::from),
            mode: view.mode,
            batch_interval_seconds: view.interval.0,
            timeout_seconds: 0,
            graceful_period_seconds: 0,
            canary: view.canary,
            updated_at: record.updated_at.map(String::from),
            reason: record.reason,
            message: record.message,
            waiting: record.waiting.map(FlowWaiting::from),
            target: view.target.into(),
            canceled: view.canceled,
            superseded_by: view.superseded_by,
            rollback_to: view.rollback_to,
            image: view.image,
            created_at: view.created_at.into(),
            progress_deadline_seconds: view.deadline.0,
            failure_grace_seconds: view.grace.0,
            drain_seconds: view.drain.0,
            active_replicas: record.replicas,
            replicas_to_process: record.replicas_to_process,
            update_revision_name: revision,
        }
    }
}

impl From<BatchReport> for FlowBatch {
    fn from(report: BatchReport) -> Self {
        Self {
            batch: report.batch,
            batch_size: report.batch_size,
            canary: report.canary,
            phase: report.phase.as_str(),
            failed_replicas: report.failed_replicas,
            pods: report.pods.into_iter().map(BatchPod::from).collect(),
            pods_total: report.pods_total,
            pods_in_traffic: report.pods_in_traffic,
            started_at: report.started_at.map(String::from),
            pulled_in_at: report.pulled_in_at.map(String::from),
            finished_at: report.finished_at.map(String::from),
        }
    }
}

impl From<PodReport> for BatchPod {
    fn from(report: PodReport) -> Self {
        Self {
            name: report.name.into(),
            ip: report.ip,
            port: report.port,
            phase: report.phase,
            pull_in_status: report.pull_in_status.as_str(),
            ungated: report.ungated,
            reason: report.reason.clone(),
            message: report.message.clone(),
        }
    }
}

impl From<WaitingReport> for FlowWaiting {
    fn from(report: WaitingReport) -> Self {
        Self {
            reason: report.reason,
            message: report.message,
            since: report.since.into(),
            until: report.until.into(),
        }
    }
}

impl From<Target> for FlowTarget {
    fn from(target: Target) -> Self {
        Self { stage: target.phase.as_str(), batches: target.batch }
    }
}

impl From<Ordered> for OrderedFlow {
    fn from(ordered: Ordered) -> Self {
        Self { already: ordered.already, flow: ordered.flow.into() }
    }
}

impl From<FlowId> for FlowName {
    fn from(id: FlowId) -> Self {
        Self { namespace: id.namespace.into(), name: id.name.into() }
    }
}

impl From<FlowView> for MadeFlow {
    fn from(flow: FlowView) -> Self {
        Self { deploy_name: flow.id.name.into(), message: flow.record.message }
    }
}

impl From<Made> for MadeRollback {
    fn from(made: Made) -> Self {
        let flow = made.flow.map(MadeFlow::from);
        let (deploy_name, message) = flow.map(|flow| (flow.deploy_name, flow.message)).unwrap_or_default();
        Self { deploy_name, rollback_to: made.rollback_to, message }
    }
}

impl From<InstanceView> for Instance {
    fn from(view: InstanceView) -> Self {
        Self {
            namespace: view.namespace,
            name: view.name,
            available_replicas: view.available_replicas,
            replicas: view.replicas,
            status: view.status,
            app_id: view.app_id,
            group_id: view.group_id,
            app_name: view.app_name,
            image: view.image,
            cpu: view.cpu,
            memory: view.memory,
            request_cpu: view.request_cpu,
            request_memory: view.request_memory,
            update_revision: view.update_revision,
            in_place: view.in_place,
            other_revision_replicas: view.other_revision_replicas,
            sized_by: view.sized_by,
            min_ready_seconds: view.min_ready.0,
            left_by: view.left_by,
            held_by: view.held_by,
            rollback_to: view.rollback_to,
            rollback_image: view.rollback_image,
            replicas_before_stop: view.replicas_before_stop,
            carried_out: view.carried_out,
        }
    }
}

impl From<PodView> for Pod {
    fn from(view: PodView) -> Self {
        Self {
            namespace: view.namespace,
            name: view.name,
            instance_name: view.instance_name,
            image: view.image,
            cpu: view.cpu,
            memory: view.memory,
            guaranteed_cpu: view.guaranteed_cpu,
            guaranteed_memory: view.guaranteed_memory,
            public_network: view.public_network,
            container_name: view.container_name,
            pod_ip: view.pod_ip,
            status: view.status,
            host_ip: view.host_ip,
            update_revision: view.update_revision,
            creation_timestamp: view.created_at.map(String::from),
        }
    }
}
