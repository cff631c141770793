//! A flow as the API shows it, and back.

use triton_core::model::{
    BatchReport, FlowId, FlowName, Namespace, PodName, PodReport, Record, Revision, Seconds, Target,
    Timestamp, WaitingReport,
};
use triton_core::service::{ApiError, FlowEvent, FlowView, Ordered};

use super::{broken, count, named, short_hash, time, wire_count, wire_time, word};
use crate::deployflow::{
    Batch, Deploy, DeployMeta, DeployReply, DeploysReply, PodInfo, TargetState, Waiting,
};

/// A reply with this flow.
pub(crate) fn deploy_reply(view: &FlowView) -> DeployReply {
    DeployReply { deploy: Some(deploy(view)), already: false }
}

/// The first reply to an order.
pub(crate) fn first_reply(ordered: &Ordered) -> DeployReply {
    DeployReply { already: ordered.already, ..deploy_reply(&ordered.flow) }
}

/// The flow in a reply.
pub(crate) fn flow_view(reply: DeployReply) -> Result<FlowView, ApiError> {
    view(reply.deploy.ok_or_else(|| broken("deploy is missing"))?)
}

/// The flow in the first reply to an order.
pub(crate) fn ordered(reply: DeployReply) -> Result<Ordered, ApiError> {
    let already = reply.already;
    Ok(Ordered { flow: flow_view(reply)?, already })
}

/// The flows in a reply.
pub(crate) fn flow_views(reply: DeploysReply) -> Result<Vec<FlowView>, ApiError> {
    reply.deploys.into_iter().map(view).collect()
}

/// What a reply after the list tells, in order.
pub(crate) fn flow_event(reply: DeploysReply) -> Result<Vec<FlowEvent>, ApiError> {
    let changed = reply.deploys.into_iter().map(|deploy| view(deploy).map(FlowEvent::Changed));
    let removed = reply.removed.into_iter().map(|meta| id(&meta).map(FlowEvent::Removed));
    changed.chain(removed).collect()
}

fn deploy(view: &FlowView) -> Deploy {
    let record = &view.record;
    let revision = record.update_revision.as_ref().map(Revision::as_str).unwrap_or_default();
    Deploy {
        namespace: view.id.namespace.to_string(),
        name: view.id.name.to_string(),
        app_id: view.app_id,
        group_id: view.group_id,
        app_name: view.app_name.clone(),
        instance_name: view.instance_name.clone(),
        replicas: wire_count(view.replicas),
        action: view.action.clone(),
        available_replicas: wire_count(record.available_replicas),
        updated_replicas: wire_count(record.updated_replicas),
        updated_ready_replicas: wire_count(record.updated_ready_replicas),
        update_revision: short_hash(revision).into(),
        conditions: record.conditions.iter().map(batch).collect(),
        paused: record.paused,
        phase: record.phase.as_str().into(),
        finished: record.finished,
        batches: wire_count(record.batches),
        batch_size: wire_count(view.batch_size),
        finished_batches: wire_count(record.finished_batches),
        finished_replicas: wire_count(record.finished_replicas),
        failed_replicas: wire_count(record.failed_replicas),
        started_at: record.started_at.map(wire_time),
        finished_at: record.finished_at.map(wire_time),
        mode: view.mode.clone(),
        batch_interval_seconds: wire_count(view.interval.0),
        timeout_seconds: 0,
        graceful_period_seconds: 0,
        canary: wire_count(view.canary),
        updated_at: record.updated_at.map(wire_time),
        reason: record.reason.clone(),
        message: record.message.clone(),
        waiting: record.waiting.as_ref().map(waiting),
        target: Some(TargetState {
            stage: view.target.phase.as_str().into(),
            batches: wire_count(view.target.batch),
        }),
        canceled: view.canceled,
        superseded_by: view.superseded_by.clone(),
        rollback_to: view.rollback_to.clone(),
        image: view.image.clone(),
        created_at: Some(wire_time(view.created_at)),
        progress_deadline_seconds: wire_count(view.deadline.0),
        failure_grace_seconds: wire_count(view.grace.0),
        drain_seconds: wire_count(view.drain.0),
        active_replicas: wire_count(record.replicas),
        replicas_to_process: wire_count(record.replicas_to_process),
        update_revision_name: revision.into(),
    }
}

fn batch(report: &BatchReport) -> Batch {
    Batch {
        batch: wire_count(report.batch),
        batch_size: wire_count(report.batch_size),
        canary: report.canary,
        phase: report.phase.as_str().into(),
        failed_replicas: wire_count(report.failed_replicas),
        pods: report.pods.iter().map(pod).collect(),
        started_at: report.started_at.map(wire_time),
        finished_at: report.finished_at.map(wire_time),
        pods_total: wire_count(report.pods_total),
        pulled_in_at: report.pulled_in_at.map(wire_time),
        pods_in_traffic: wire_count(report.pods_in_traffic),
    }
}

fn pod(report: &PodReport) -> PodInfo {
    PodInfo {
        name: report.name.to_string(),
        ip: report.ip.clone(),
        port: i32::from(report.port),
        phase: word(report.phase),
        pull_in_status: report.pull_in_status.as_str().into(),
        ungated: report.ungated,
        reason: report.reason.clone(),
        message: report.message.clone(),
    }
}

fn waiting(report: &WaitingReport) -> Waiting {
    Waiting {
        reason: report.reason.clone(),
        message: report.message.clone(),
        since: Some(wire_time(report.since)),
        until: Some(wire_time(report.until)),
    }
}

fn id(meta: &DeployMeta) -> Result<FlowId, ApiError> {
    Ok(FlowId {
        namespace: Namespace::new(&meta.namespace).map_err(broken)?,
        name: FlowName::new(&meta.name).map_err(broken)?,
    })
}

fn view(deploy: Deploy) -> Result<FlowView, ApiError> {
    let record = record(&deploy)?;
    let id = id(&DeployMeta { namespace: deploy.namespace, name: deploy.name })?;
    let target = deploy.target.as_ref().map(|target| {
        let phase = named(&target.stage).ok_or_else(|| broken(format!("stage {:?}", target.stage)))?;
        Ok::<_, ApiError>(Target { batch: count(target.batches), phase })
    });
    Ok(FlowView {
        id,
        app_id: deploy.app_id,
        group_id: deploy.group_id,
        app_name: deploy.app_name,
        instance_name: deploy.instance_name,
        action: deploy.action,
        mode: deploy.mode,
        replicas: count(deploy.replicas),
        canary: count(deploy.canary),
        batch_size: count(deploy.batch_size),
        interval: Seconds(count(deploy.batch_interval_seconds)),
        deadline: Seconds(count(deploy.progress_deadline_seconds)),
        grace: Seconds(count(deploy.failure_grace_seconds)),
        drain: Seconds(count(deploy.drain_seconds)),
        target: target.transpose()?.unwrap_or_default(),
        canceled: deploy.canceled,
        superseded_by: deploy.superseded_by,
        rollback_to: deploy.rollback_to,
        image: deploy.image,
        created_at: moment(deploy.created_at)?.unwrap_or_default(),
        record,
    })
}

fn record(deploy: &Deploy) -> Result<Record, ApiError> {
    let conditions = deploy.conditions.iter().map(batch_report).collect::<Result<Vec<_>, _>>()?;
    let pods = conditions.iter().flat_map(|batch| &batch.pods).map(|pod| pod.name.clone().into());
    let revision = &deploy.update_revision_name;
    Ok(Record {
        replicas: count(deploy.active_replicas),
        wanted_replicas: None,
        replicas_to_process: count(deploy.replicas_to_process),
        available_replicas: count(deploy.available_replicas),
        updated_replicas: count(deploy.updated_replicas),
        updated_ready_replicas: count(deploy.updated_ready_replicas),
        update_revision: super::given(revision).map(Revision::new).transpose().map_err(broken)?,
        pods: pods.collect(),
        conditions,
        paused: deploy.paused,
        phase: named(&deploy.phase).ok_or_else(|| broken(format!("phase {:?}", deploy.phase)))?,
        finished: deploy.finished,
        batches: count(deploy.batches),
        finished_batches: count(deploy.finished_batches),
        finished_replicas: count(deploy.finished_replicas),
        failed_replicas: count(deploy.failed_replicas),
        started_at: moment(deploy.started_at)?,
        updated_at: moment(deploy.updated_at)?,
        finished_at: moment(deploy.finished_at)?,
        reason: deploy.reason.clone(),
        message: deploy.message.clone(),
        waiting: deploy.waiting.as_ref().map(waiting_report).transpose()?,
        // The message has it.
        cause: None,
        progress: None,
    })
}

fn batch_report(batch: &Batch) -> Result<BatchReport, ApiError> {
    Ok(BatchReport {
        batch: count(batch.batch),
        batch_size: count(batch.batch_size),
        canary: batch.canary,
        phase: named(&batch.phase).ok_or_else(|| broken(format!("phase {:?}", batch.phase)))?,
        failed_replicas: count(batch.failed_replicas),
        pods: batch.pods.iter().map(pod_report).collect::<Result<_, _>>()?,
        pods_total: count(batch.pods_total),
        pods_in_traffic: count(batch.pods_in_traffic),
        started_at: moment(batch.started_at)?,
        pulled_in_at: moment(batch.pulled_in_at)?,
        finished_at: moment(batch.finished_at)?,
    })
}

fn pod_report(pod: &PodInfo) -> Result<PodReport, ApiError> {
    let unknown = |word: &str| broken(format!("{word:?} of pod {:?}", pod.name));
    Ok(PodReport {
        name: PodName::new(&pod.name).map_err(broken)?,
        ip: pod.ip.clone(),
        port: u16::try_from(pod.port).unwrap_or(0),
        phase: named(&pod.phase).ok_or_else(|| unknown(&pod.phase))?,
        pull_in_status: named(&pod.pull_in_status).ok_or_else(|| unknown(&pod.pull_in_status))?,
        ungated: pod.ungated,
        reason: pod.reason.clone(),
        message: pod.message.clone(),
    })
}

fn waiting_report(waiting: &Waiting) -> Result<WaitingReport, ApiError> {
    Ok(WaitingReport {
        reason: waiting.reason.clone(),
        message: waiting.message.clone(),
        since: moment(waiting.since)?.unwrap_or_default(),
        until: moment(waiting.until)?.unwrap_or_default(),
    })
}

fn moment(wire: Option<prost_types::Timestamp>) -> Result<Option<Timestamp>, ApiError> {
    wire.map(|wire| time(wire).ok_or_else(|| broken(format!("time {wire:?}")))).transpose()
}

#[cfg(test)]
#[path = "deploy_tests.rs"]
mod tests;
