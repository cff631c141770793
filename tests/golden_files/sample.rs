//! What golden files hold: simulated rollouts, stored as the operator stores them at each of their writes; and what
//! no rollout saves, because moves that follow from one look are one save, made from these.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};
use triton_core::driver::{Driver, Rest};
use triton_core::engine::Waiting;
use triton_core::model::{
    BegunWith, Draft, Failure, FlowId, Hold, HoldReason, InstanceId, Kind, NonUpdateStrategy, Progress,
    RawSize, Record, Stage, Template, UpdateStrategy, Verdict,
};
use triton_core::ports::NewFlow;
use triton_core::service::{CreateFlow, DeployApi, Service};
use triton_core::sim::cloneset::UpdatePolicy;
use triton_core::sim::{Entry, Host, NewWorkload, Sim, Timing, Workload};
use triton_operator::backend::cloneset::{entry::Settings, lock::LockNote};
use triton_operator::crd::convert;
use triton_operator::labels;

/// The stages of each kind of batch.
const STAGES: [(Kind, &[Stage]); 4] = {
    use Stage::{Baked, Leaving, Proving, PullingIn, Queued, Smoked, Smoking, Vacating};
    [
        (Kind::Grow, &[Queued, Smoking, Smoked, PullingIn, Proving, Baked]),
        (Kind::Replace, &[Queued, Smoking, Smoked, PullingIn, Proving, Leaving, Baked]),
        (Kind::Swap, &[Queued, Vacating, Smoking, Smoked, PullingIn, Proving, Baked]),
        (Kind::Shrink, &[Queued, Vacating, Baked]),
    ]
};
const REASONS: [HoldReason; 4] =
    [HoldReason::PodsFailed, HoldReason::DeadlineExceeded, HoldReason::Drift, HoldReason::Resized];
/// More turns than any of these rollouts needs.
const TURNS: u32 = 1_000;

/// A flow and its workload at one moment.
#[derive(Clone)]
struct Moment {
    entry: Entry,
    progress: Progress,
    workload: Option<Workload>,
}

/// Name and text of every golden file.
pub(crate) fn all() -> Vec<(String, String)> {
    moments().into_iter().map(|(name, moment)| (name, text(&moment))).collect()
}

/// The names of every golden file.
pub(crate) fn names() -> Vec<String> {
    moments().into_keys().collect()
}

fn moments() -> BTreeMap<String, Moment> {
    let mut all = BTreeMap::new();
    for (action, policy, cancels) in [
        ("create", UpdatePolicy::ReCreate, false),
        ("update", UpdatePolicy::ReCreate, false),
        ("update", UpdatePolicy::InPlaceIfPossible, false),
        ("restart", UpdatePolicy::ReCreate, false),
        ("scale_in", UpdatePolicy::ReCreate, false),
        ("delete", UpdatePolicy::ReCreate, false),
        ("update", UpdatePolicy::ReCreate, true),
    ] {
        for moment in rollout(action, policy, cancels) {
            all.entry(name(&moment.progress)).or_insert(moment);
        }
    }
    let made: Vec<Moment> = all.values().flat_map(others).collect();
    for moment in made {
        all.entry(name(&moment.progress)).or_insert(moment);
    }
    all
}

/// The name of the step that a flow is at.
pub(crate) fn name(progress: &Progress) -> String {
    let kind = progress.base().map(|base| format!("{:?}", base.kind));
    let turned = if progress.base().is_some_and(|base| base.turned) { "turned" } else { "" };
    let held = progress.hold().map_or_else(String::new, |hold| format!("held {:?}", hold.reason));
    let rest = match progress {
        Progress::Pending | Progress::Preparing { .. } | Progress::Verifying { .. } => String::new(),
        Progress::Rolling { batch, .. } => {
            format!("{:?} {}", batch.stage, if batch.canary { "canary" } else { "" })
        }
        Progress::Closing { shed, .. } => if *shed { "shed" } else { "" }.into(),
        Progress::Finished { verdict: Verdict::Failed(failure), .. } => failure.reason().into(),
        Progress::Finished { verdict: Verdict::Aborted { .. }, .. } => "aborted".into(),
        Progress::Finished { verdict: Verdict::AlreadyCarriedOut { stands }, .. } => {
            format!("already {}", if *stands { "stands" } else { "changed" })
        }
        Progress::Finished { verdict, .. } => format!("{verdict:?}"),
    };
    let words = format!("{} {} {rest} {held} {turned}", step(progress), kind.unwrap_or_default());
    words.split_whitespace().collect::<Vec<_>>().join("-").to_lowercase()
}

const fn step(progress: &Progress) -> &'static str {
    match progress {
        Progress::Pending => "pending",
        Progress::Preparing { .. } => "preparing",
        Progress::Rolling { .. } => "rolling",
        Progress::Verifying { .. } => "verifying",
        Progress::Closing { .. } => "closing",
        Progress::Finished { .. } => "finished",
    }
}

/// Steps that follow from the one of a rollout without being saved in it: the other stages of its batch, the holds
/// there, and the ways to close and to end.
fn others(of: &Moment) -> Vec<Moment> {
    let with = |progress| Moment { progress, ..of.clone() };
    let mut made = Vec::new();
    match &of.progress {
        Progress::Rolling { plan, done, batch } => {
            let stages = STAGES.iter().find(|(kind, _)| *kind == plan.base.kind).expect("every kind").1;
            // Canaries are told apart where they are usual.
            let canary = batch.canary && plan.base.kind == Kind::Replace;
            for stage in stages {
                let batch = triton_core::model::Batch { stage: *stage, canary, ..*batch };
                made.push(with(Progress::Rolling { plan: plan.clone(), done: *done, batch }));
            }
            if plan.base.kind == Kind::Replace && batch.stage == Stage::Smoking && !batch.canary {
                for reason in REASONS {
                    let batch =
                        triton_core::model::Batch { hold: Some(Hold { reason, resumes: 0 }), ..*batch };
                    made.push(with(Progress::Rolling { plan: plan.clone(), done: *done, batch }));
                }
            }
            for shed in [false, true] {
                let (plan, verdict) = (plan.clone(), Verdict::Canceled);
                made.push(with(Progress::Closing { plan, verdict, keep: *done, floor: 1, shed }));
            }
            let base = triton_core::model::Base { turned: true, ..plan.base.clone() };
            if base.kind == Kind::Replace {
                made.push(with(Progress::Preparing { base }));
            }
            let (plan, since, counted) = (plan.clone(), batch.since, batch.counted);
            made.push(with(Progress::Verifying { plan, since, counted, hold: None, edited: None }));
        }
        Progress::Verifying { plan, since, counted, edited, .. } if plan.base.kind == Kind::Replace => {
            let hold = Some(Hold { reason: HoldReason::DeadlineExceeded, resumes: 0 });
            made.push(with(Progress::Verifying {
                plan: plan.clone(),
                since: *since,
                counted: *counted,
                hold,
                edited: *edited,
            }));
        }
        // Most of these end before anything was told.
        Progress::Pending => {
            let by = FlowId { name: "next".parse().expect("a name"), ..of.entry.id.clone() };
            let already = [true, false].map(|stands| Verdict::AlreadyCarriedOut { stands });
            let verdicts = failures().map(Verdict::Failed).into_iter().chain([Verdict::Aborted { by }]);
            let verdicts = verdicts.chain(already);
            let at = of.entry.created_at;
            made.extend(verdicts.map(|verdict| with(Progress::Finished { verdict, at })));
        }
        Progress::Preparing { .. }
        | Progress::Verifying { .. }
        | Progress::Closing { .. }
        | Progress::Finished { .. } => {}
    }
    made
}

fn failures() -> [Failure; 10] {
    let what = || "what, and what to do instead".to_owned();
    [
        Failure::WorkloadExists,
        Failure::WorkloadMissing,
        Failure::WorkloadDeleted,
        Failure::WorkloadOwned { owner: "Owner its-name".into() },
        Failure::Unsupported { what: what() },
        Failure::InvalidSpec { fault: "spec.application.replicas: is required".into() },
        Failure::LockLost,
        Failure::WrongSize { what: what() },
        Failure::WrongPods { what: what() },
        Failure::NoRevision { what: what() },
    ]
}

/// A rollout from its first save to its end; each of its writes is a moment.
fn rollout(action: &str, policy: UpdatePolicy, cancels: bool) -> Vec<Moment> {
    let sim = Sim::new(1, Timing::default());
    let host: Host = sim.host();
    if action != "create" {
        sim.world().add_workload(NewWorkload {
            id: instance(),
            template: Template::from_json(&template("demo:1")),
            replicas: 2,
            gated: true,
            hooked: true,
            policy,
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
        });
    }
    let service = Service { store: host.clone(), names: host.clone() };
    let driver = Driver { store: host.clone(), clock: host.clone(), adapters: host };
    let InstanceId { namespace, .. } = instance();
    let name = Some("golden".parse().expect("a name"));
    let flow = CreateFlow { namespace, name, draft: draft(action, policy == UpdatePolicy::ReCreate) };
    let id = ready(service.create(flow)).expect("a good draft").id;
    let mut moments = vec![moment(&sim, &id)];
    for _ in 0..TURNS {
        let rest = ready(driver.advance(&id, &mut |_, _| moments.push(moment(&sim, &id))));
        match rest.expect("nothing fails here") {
            Rest::Until(_, Waiting::Approval { .. }) if cancels => {
                let _ = ready(service.cancel(&id)).expect("a running flow can be cancelled");
            }
            Rest::Until(_, Waiting::Approval { .. }) => {
                let _ = ready(service.next(&id, None)).expect("it waits for a person");
            }
            Rest::Until(at, _) => {
                let mut world = sim.world();
                let next = world.next_event().map_or(at, |event| event.min(at));
                world.advance(next);
            }
            Rest::Again => {}
            Rest::Done => return moments,
            rest => panic!("the flow is {rest:?}"),
        }
    }
    panic!("a rollout with action {action} does not end")
}

fn moment(sim: &Sim, id: &FlowId) -> Moment {
    let world = sim.world();
    let entry = world.flows().get(id).expect("the flow is there").clone();
    let progress = entry.progress().expect("the simulator writes records that can be read");
    Moment { entry, progress, workload: world.workload(&instance()).cloned() }
}

fn draft(action: &str, canary: bool) -> Draft {
    let strategy = UpdateStrategy {
        batch_size: Some(RawSize::Int(1)),
        batch_interval_seconds: Some(5),
        canary: (canary && action == "update").then_some(1),
        mode: Some("auto".into()),
        drain_seconds: Some(2),
        ..UpdateStrategy::default()
    };
    let updates = matches!(action, "create" | "update");
    let mut other = NonUpdateStrategy { mode: strategy.mode.clone(), ..NonUpdateStrategy::default() };
    other.take_orders(&strategy);
    other.drain_seconds = strategy.drain_seconds;
    let replicas = match action {
        "create" | "update" => Some(2),
        "scale_in" => Some(1),
        _ => None,
    };
    Draft {
        action: action.into(),
        app_id: 12,
        group_id: 34,
        app_name: "demo".into(),
        instance_name: instance().name.to_string(),
        replicas,
        template: updates.then(|| template("demo:2")),
        update_strategy: updates.then_some(strategy),
        non_update_strategy: (!updates).then_some(other),
        ..Draft::default()
    }
}

fn instance() -> InstanceId {
    InstanceId { namespace: "default".parse().expect("a name"), name: "demo".parse().expect("a name") }
}

fn template(image: &str) -> Value {
    let container = json!({ "name": "app", "image": image, "ports": [{ "containerPort": 80 }] });
    json!({ "metadata": {}, "spec": { "containers": [container] } })
}

/// The two objects, a line each.
fn text(moment: &Moment) -> String {
    let (flow, workload) = (flow(moment), moment.workload.as_ref().map_or(Value::Null, workload));
    format!("{{\"flow\":{flow},\n\"workload\":{workload}}}\n")
}

/// The custom resource, as the store of the operator writes it.
fn flow(moment: &Moment) -> Value {
    let Entry { id, uid, draft, record, version, .. } = &moment.entry;
    let new = NewFlow { id: id.clone(), draft: draft.clone(), instance: instance().name };
    let mut object = serde_json::to_value(convert::manifest(&new)).expect("it can be written");
    let meta = &mut object["metadata"];
    (meta["uid"], meta["resourceVersion"], meta["generation"]) =
        (json!(uid), json!(version.to_string()), json!(1));
    meta["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    let runs = !matches!(moment.progress, Progress::Pending | Progress::Finished { .. });
    if runs {
        meta["finalizers"] = json!([labels::FINALIZER]);
    }
    let record: &Record = record;
    let begun_with = moment.entry.spec().filter(|_| runs).map(BegunWith::of);
    let status = convert::status(&moment.progress, &record.report(), 1, None, begun_with);
    let status = status.expect("it can be written");
    if !matches!(moment.progress, Progress::Pending) {
        object["status"] = status;
    }
    object
}

/// The CloneSet with its lock note, as far as the operator reads it.
fn workload(workload: &Workload) -> Value {
    let number = |n: u32| Some(IntOrString::Int(i32::try_from(n).expect("a small number")));
    let mut notes = serde_json::Map::new();
    if let Some(held) = &workload.lock {
        let before = Settings {
            max_surge: number(held.surge),
            max_unavailable: number(held.unavailable),
            paused: Some(held.paused),
        };
        let note = LockNote {
            holder: held.holder.clone(),
            workload: Some(workload.uid.clone()),
            before,
            wrote: Some(held.wrote.clone()),
            size: held.size,
            sized_by: None,
            brings: held.brings,
            left: held.left,
        };
        notes.insert(labels::LOCK.into(), json!(note).to_string().into());
    }
    let good: Vec<&str> = workload.good.iter().map(|good| good.as_str()).collect();
    notes.insert(labels::GOOD.into(), good.join(",").into());
    if !workload.carried.as_str().is_empty() {
        notes.insert(labels::CARRIED_OUT.into(), workload.carried.as_str().into());
    }
    let InstanceId { namespace, name } = &workload.id;
    json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": workload.uid,
            "resourceVersion": workload.version.to_string(),
            "generation": workload.generation,
            "annotations": notes,
        },
        "spec": {
            "replicas": workload.replicas,
            "selector": {},
            "template": {},
            "updateStrategy": {
                "partition": workload.partition,
                "maxSurge": workload.surge,
                "maxUnavailable": workload.unavailable,
                "paused": workload.paused,
            },
        },
        "status": { "updateRevision": workload.template_revision() },
    })
}

/// What a future comes to that has nothing to wait for.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}
