//! One of everything, to show what it is called.

use serde_json::json;
use triton_core::engine::Waiting;
use triton_core::model::{
    Base, Batch, BatchPhase, Draft, Failure, Field, FieldEdit, Flow, FlowId, FlowName, FlowUid, Hold,
    HoldReason, Kind, Mode, Namespace, Place, Plan, Progress, Seconds, Silence, Stage, Timestamp,
    UpdateStrategy, Verdict,
};

pub(super) const STAGES: [Stage; 8] = [
    Stage::Queued,
    Stage::Vacating,
    Stage::Smoking,
    Stage::Smoked,
    Stage::PullingIn,
    Stage::Proving,
    Stage::Leaving,
    Stage::Baked,
];

/// The first batch of several, in a stage.
pub(super) fn batch(stage: Stage) -> Batch {
    Batch {
        number: 1,
        size: 1,
        canary: false,
        stage,
        since: Timestamp::default(),
        counted: Seconds(0),
        serving: 0,
        hold: None,
        forgiven: false,
        met: true,
        edited: None,
    }
}

pub(super) fn held(stage: Stage) -> Batch {
    let hold = Hold { reason: HoldReason::PodsFailed, resumes: 0 };
    Batch { hold: Some(hold), ..batch(stage) }
}

/// An update of three pods whose first batch is in a stage.
pub(super) fn flow(stage: Stage, mode: Mode, canary: bool) -> Flow {
    let strategy = UpdateStrategy {
        mode: Some(mode.as_str().into()),
        canary: canary.then_some(1),
        ..UpdateStrategy::default()
    };
    let draft = Draft {
        action: "update".into(),
        app_name: "app".into(),
        instance_name: "app".into(),
        replicas: Some(3),
        template: Some(json!({ "spec": { "containers": [{ "name": "app", "image": "app" }] } })),
        update_strategy: Some(strategy),
        ..Draft::default()
    };
    let (spec, orders) = draft.parse().expect("the sample is a good one");
    let batch = Batch { canary, ..batch(stage) };
    let progress = Progress::Rolling { plan: plan(), done: 0, batch };
    Flow { id: id("app-x"), uid: FlowUid::new("uid").expect("a uid"), spec, orders, progress }
}

pub(super) fn progresses() -> Vec<(&'static str, Progress)> {
    let rolling = |stage| Progress::Rolling { plan: plan(), done: 0, batch: batch(stage) };
    let closing =
        Progress::Closing { plan: plan(), verdict: Verdict::Canceled, keep: 0, floor: 0, shed: false };
    let finished = |verdict| Progress::Finished { verdict, at: Timestamp::default() };
    vec![
        ("Pending", Progress::Pending),
        ("Preparing", Progress::Preparing { base: base() }),
        ("Rolling, batch Queued to Leaving", rolling(Stage::Smoking)),
        ("Rolling, batch Baked", rolling(Stage::Baked)),
        (
            "Verifying",
            Progress::Verifying {
                plan: plan(),
                since: Timestamp::default(),
                counted: Seconds(0),
                hold: None,
                edited: None,
            },
        ),
        ("Closing", closing),
        ("Finished, as ordered", finished(Verdict::Succeeded)),
        ("Finished, nothing could be done", finished(Verdict::Failed(Failure::WorkloadExists))),
        ("Finished, replaced by another flow", finished(Verdict::Aborted { by: id("app-y") })),
        ("Finished, carried out before and still so", finished(Verdict::AlreadyCarriedOut { stands: true })),
        (
            "Finished, carried out before and changed since",
            finished(Verdict::AlreadyCarriedOut { stands: false }),
        ),
        ("Finished, cancelled", finished(Verdict::Canceled)),
    ]
}

pub(crate) fn waitings() -> Vec<Waiting> {
    [
        Waiting::Approval { batch: 1, phase: BatchPhase::Baking },
        Waiting::Pods { ready: 1, of: 2, in_grace: false },
        Waiting::In { ready: 1, of: 2 },
        Waiting::Out { pods: 1, drains: false },
        Waiting::Available { pods: 1, left: Seconds(20) },
        Waiting::Terminating { pods: 1 },
        Waiting::Interval,
        Waiting::Verify { ready: 2, of: 3, drains: false },
        Waiting::Backend,
        Waiting::Record,
        Waiting::Rival { rival: id("app-y"), place: None, stuck: None },
        Waiting::Rival { rival: id("app-y"), place: None, stuck: Some(Waiting::Record.to_string()) },
        Waiting::Rival {
            rival: id("app-y"),
            place: Some(Place { number: 2, behind: id("app-y") }),
            stuck: None,
        },
        Waiting::Rival {
            rival: id("app-y"),
            place: Some(Place { number: 3, behind: id("app-z") }),
            stuck: None,
        },
        Waiting::Unreachable { silence: Silence { kind: "pods", age: Seconds(75) } },
        Waiting::Spec { faults: "spec.updateStrategy.batchSize: must be at least 1".into() },
        Waiting::Lock {
            what: "annotation apps.triton.io/lock of CloneSet default/app: expected value".into(),
        },
        Waiting::ServiceLost {
            what:
                "Service app selects 3 of the pods that are to leave and none of the new ones (it wants line=green, \
                   they have line=black): change its selector or the labels of the template"
                    .into(),
        },
        Waiting::Paused,
    ]
    .into_iter()
    .chain(holds())
    .collect()
}

fn holds() -> [Waiting; 7] {
    let held =
        |reason, paused, blocks| Waiting::Held { reason, failed: 0, edits: Vec::new(), paused, blocks };
    let edited = |reason, field, by: &str| Waiting::Held {
        reason,
        failed: 0,
        edits: vec![FieldEdit { field, by: Some(by.into()) }],
        paused: false,
        blocks: false,
    };
    [
        held(HoldReason::PodsFailed, false, false),
        held(HoldReason::PodsFailed, true, false),
        held(HoldReason::PodsFailed, false, true),
        held(HoldReason::DeadlineExceeded, false, false),
        held(HoldReason::DeadlineExceeded, false, true),
        edited(HoldReason::Resized, Field::Replicas, "kubectl"),
        edited(HoldReason::Drift, Field::Partition, "kubectl-patch"),
    ]
}

pub(super) fn failures() -> Vec<Failure> {
    let unsupported = "workloads of this sort are not acted on".into();
    let size = "there are fewer pods (3) than 5; use action scale_out or scale".into();
    let fault = "spec.updateStrategy.batchSize: must be at least 1".into();
    vec![
        Failure::InvalidSpec { fault },
        Failure::Unsupported { what: unsupported },
        Failure::WrongSize { what: size },
        Failure::WrongPods { what: "there is no pod app-x of this workload".into() },
        Failure::NoRevision { what: "no flow has brought a revision before the current one".into() },
        Failure::Refused { what: "the API server refuses to delete the CloneSet: it is protected".into() },
        Failure::WorkloadExists,
        Failure::WorkloadMissing,
        Failure::WorkloadDeleted,
        Failure::Abandoned,
        Failure::WorkloadOwned { owner: "Rollout app".into() },
        Failure::LockLost,
        Failure::StatusLost,
    ]
}

fn plan() -> Plan {
    Plan { base: base(), fresh: 0, work: 3 }
}

fn base() -> Base {
    Base::new(Kind::Replace, 3, 3)
}

fn id(name: &str) -> FlowId {
    FlowId {
        namespace: Namespace::new("default").expect("a namespace"),
        name: FlowName::new(name).expect("a name"),
    }
}
