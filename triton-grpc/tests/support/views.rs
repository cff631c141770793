//! Flows as the API shows them: those of the tutorial.

use triton_core::model::{
    BatchPhase, BatchReport, FlowId, FlowName, FlowPhase, Namespace, PodName, PodPhase, PodReport, PullIn,
    Record, Revision, Seconds, Target, Timestamp, WaitingReport,
};
use triton_core::service::FlowView;

/// 2021-09-13T12:49:04Z, when the tutorial's flow started.
pub(crate) const START: i64 = 1_631_537_344_000_000;

/// The flow `default/<name>`.
pub(crate) fn id(name: &str) -> FlowId {
    FlowId { namespace: Namespace::new("default").unwrap(), name: FlowName::new(name).unwrap() }
}

/// So many seconds after the start, and one microsecond.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(START + seconds * 1_000_000 + 1)
}

/// The tutorial's flow before anything was done.
pub(crate) fn pending(name: &str) -> FlowView {
    FlowView {
        id: id(name),
        app_id: 12122,
        group_id: 10010,
        app_name: "deploy-demo-hello".into(),
        instance_name: "12122-sample-10010".into(),
        action: "create".into(),
        mode: "auto".into(),
        replicas: 3,
        canary: 1,
        batch_size: 1,
        interval: Seconds(10),
        deadline: Seconds(600),
        grace: Seconds(120),
        drain: Seconds(10),
        target: Target::default(),
        canceled: false,
        superseded_by: String::new(),
        rollback_to: String::new(),
        image: "nginx:latest".into(),
        created_at: at(-1),
        record: Record { updated_at: Some(at(0)), ..Record::default() },
    }
}

/// The same with its canary pod out of traffic, waiting for a person.
pub(crate) fn smoked(name: &str) -> FlowView {
    let mut view = pending(name);
    view.record = Record {
        replicas: 1,
        replicas_to_process: 3,
        updated_replicas: 1,
        update_revision: Some(Revision::new("12122-sample-10010-6ddf9b7cf4").unwrap()),
        conditions: vec![canary(BatchPhase::Smoked, PodPhase::ContainersReady)],
        pods: vec!["12122-sample-10010-2mwkt".into()],
        phase: FlowPhase::BatchStarted,
        batches: 3,
        started_at: Some(at(0)),
        updated_at: Some(at(17)),
        reason: "Approval".into(),
        message: "batch 1 waits for a person before its pods take traffic".into(),
        waiting: Some(WaitingReport {
            reason: "Approval".into(),
            message: "waits for a person: Next lets batch 1 take traffic".into(),
            since: at(17),
            until: at(617),
        }),
        ..Record::default()
    };
    view
}

/// The same at the end.
pub(crate) fn success(name: &str) -> FlowView {
    let mut view = smoked(name);
    let mut batch = canary(BatchPhase::Baked, PodPhase::Ready);
    batch.pulled_in_at = Some(at(1000));
    batch.finished_at = Some(at(1119));
    batch.pods[0].pull_in_status = PullIn::PullInSucceeded;
    view.target = Target { batch: 1000, phase: BatchPhase::Baked };
    let record = &mut view.record;
    record.replicas = 3;
    record.available_replicas = 3;
    record.updated_replicas = 3;
    record.updated_ready_replicas = 3;
    record.conditions = vec![batch];
    record.phase = FlowPhase::Success;
    record.finished = true;
    record.finished_batches = 3;
    record.finished_replicas = 3;
    record.updated_at = Some(at(1181));
    record.finished_at = Some(at(1181));
    record.reason = "Success".into();
    record.message = String::new();
    record.waiting = None;
    view
}

fn canary(phase: BatchPhase, pod: PodPhase) -> BatchReport {
    BatchReport {
        batch: 1,
        batch_size: 1,
        canary: true,
        phase,
        failed_replicas: 0,
        pods: vec![PodReport {
            name: PodName::new("12122-sample-10010-2mwkt").unwrap(),
            ip: "172.31.230.23".into(),
            port: 80,
            phase: pod,
            pull_in_status: PullIn::None,
            ungated: false,
            reason: String::new(),
            message: String::new(),
        }],
        pods_total: 1,
        pods_in_traffic: u32::from(pod == PodPhase::Ready),
        started_at: Some(at(0)),
        pulled_in_at: None,
        finished_at: None,
    }
}
