use core::future::Future;
use core::pin::pin;
use core::task::Waker;

use serde_json::json;

use super::super::cloneset::{Lifecycle, UpdatePolicy};
use super::super::fault::Death;
use super::super::world::{NewWorkload, Pod};
use super::memory::Watched;
use super::*;
use crate::model::{
    Draft, Flow, FlowId, FlowPhase, FlowUid, InstanceId, Lock, Namespace, PodChange, PodUid, Progress,
    Report, Seconds, Template, TrafficChange, Verdict, Version, WorkloadChange, WorkloadView,
};
use crate::ports::{FlowStore, Loaded, NewFlow, StoreEvent, Stored, Subject};
use crate::service::{ApiErrorKind, DeployApi, InstanceApi, PodFilter, Service};

#[test]
fn a_change_on_a_view_that_is_no_longer_true_is_a_conflict() {
    let sim = serving(3);
    let (host, flow) = (sim.host(), updating(&sim));
    let seen = version(&host, &flow);
    sim.world().scale_by_hand(&instance(), 4);
    assert_eq!(
        kind(execute(&host, &flow, &WorkloadChange::Lock { remember: None }, Some(&seen))),
        Some(PortErrorKind::Conflict)
    );
    let seen = version(&host, &flow);
    assert_eq!(kind(execute(&host, &flow, &WorkloadChange::Lock { remember: None }, Some(&seen))), None);
    assert!(sim.world().workload(&instance()).is_some_and(|workload| workload.lock.is_some()));
}

#[test]
fn a_lock_that_is_taken_over_gives_back_what_its_first_holder_found() {
    let sim = serving(3);
    let (host, flow) = (sim.host(), updating(&sim));
    let before = settings(&sim);
    execute(&host, &flow, &WorkloadChange::Lock { remember: None }, Some(&version(&host, &flow)))
        .expect("free");
    sim.world().edit(&instance(), |workload| (workload.surge, workload.unavailable) = (7, 0));
    sim.world().remove_flow(&flow.id);
    let heir = updating(&sim);
    execute(&host, &heir, &WorkloadChange::Lock { remember: None }, Some(&version(&host, &heir)))
        .expect("its holder is gone");
    let at = sim.world().now();
    let heir = Flow { progress: Progress::Finished { verdict: Verdict::Succeeded, at }, ..heir };
    execute(&host, &heir, &WorkloadChange::Release { good: None }, Some(&version(&host, &heir)))
        .expect("held");
    assert_eq!(settings(&sim), before);
}

#[test]
fn pulling_out_is_refused_when_the_pod_changed_and_pulling_in_is_not() {
    let sim = serving(1);
    let host = sim.host();
    let old =
        sim.world().workload(&instance()).and_then(|w| w.active().next()).map(super::super::Pod::reference);
    let old = std::vec![old.expect("a pod")];
    sim.world().change_pod(&instance(), &old[0].uid, |pod| pod.state = Lifecycle::PreparingDelete);
    let out = TrafficChange::PullOut(old.clone());
    assert_eq!(
        kind(ready(TrafficRegistry::change_traffic(&host, &instance(), &out))),
        Some(PortErrorKind::Conflict)
    );
    let into = TrafficChange::PullIn(old);
    assert_eq!(kind(ready(TrafficRegistry::change_traffic(&host, &instance(), &into))), None);
}

#[test]
fn foreign_labels_and_annotations_survive_every_change() {
    let sim = serving(2);
    let (host, flow) = (sim.host(), updating(&sim));
    let foreign = |sim: &Sim| {
        let world = sim.world();
        let workload = world.workload(&instance()).expect("there");
        (workload.labels.clone(), workload.annotations.clone())
    };
    let before = foreign(&sim);
    for change in [
        WorkloadChange::Lock { remember: None },
        WorkloadChange::SetPaused(true),
        WorkloadChange::Release { good: None },
    ] {
        execute(&host, &flow, &change, Some(&version(&host, &flow))).expect("held");
    }
    assert_eq!(foreign(&sim), before);
    assert_eq!(before.0.get("team").map(std::string::String::as_str), Some("keep me"));
}

#[test]
fn a_view_older_than_the_own_last_write_is_not_settled() {
    let sim = serving(3);
    let flow = updating(&sim);
    let sharp = sim.host();
    execute(&sharp, &flow, &WorkloadChange::Lock { remember: None }, Some(&version(&sharp, &flow)))
        .expect("free");
    sim.world().advance_by(Seconds(10));
    let host = sim.faulty_host(Faults { stale: 1000, lag: i64::MAX, ..Faults::NONE });
    assert!(look(&host, &flow).is_some_and(|view| view.settled));
    execute(&host, &flow, &WorkloadChange::SetPaused(true), Some(&version(&host, &flow))).expect("held");
    sim.world().advance_by(Seconds(10));
    let view = look(&host, &flow).expect("there");
    assert!(!view.settled, "the cache is from before the write");
}

#[test]
fn a_host_that_hears_nothing_more_of_a_workload_is_not_confirmed_once_it_is_locked() {
    let sim = serving(3);
    let flow = updating(&sim);
    // The first host of which the watch of workloads is one that falls silent.
    let faults = Faults { silent: 1000, silence: i64::from(u32::MAX), ..Faults::NONE };
    let deaf = |host: &Host| host.memory().may_fall_silent(Watched::Object);
    let host = (0..100).map(|_| sim.faulty_host(faults)).find(deaf).expect("half of them do");
    let seen = keeper_looks(&host);
    ready(host.confirm(&instance(), &seen.version)).expect("nobody has changed it");
    let sharp = sim.host();
    execute(&sharp, &flow, &WorkloadChange::Lock { remember: None }, Some(&version(&sharp, &flow)))
        .expect("free");
    let seen = keeper_looks(&host);
    assert_eq!((&seen.lock, seen.settled), (&Lock::Free, true), "it does not know of the lock");
    let error = ready(host.confirm(&instance(), &seen.version)).expect_err("it is locked");
    assert_eq!(error.kind, PortErrorKind::Conflict);
}

fn keeper_looks(host: &Host) -> WorkloadView {
    let subject = Subject { instance: &instance(), flow: None };
    ready(WorkloadBackend::observe(host, subject)).expect("it can be looked at").expect("it is there")
}

#[test]
fn a_broken_list_is_an_error_or_not_settled_and_never_absence() {
    let sim = serving(3);
    let flow = updating(&sim);
    let host = sim.faulty_host(Faults { broken_list: 1000, ..Faults::NONE });
    for _ in 0..50 {
        let subject = Subject { instance: &instance(), flow: Some(&flow) };
        match ready(WorkloadBackend::observe(&host, subject)) {
            Ok(view) => {
                let view = view.expect("never absent");
                assert!(!view.settled || view.pods.len() == 3);
            }
            Err(error) => assert_eq!(error.kind, PortErrorKind::Transient),
        }
    }
}

#[test]
fn a_host_that_dies_answers_nothing_and_its_last_write_is_done_or_not() {
    let (mut done, mut not) = (0, 0);
    let sim = serving(2);
    let flow = updating(&sim);
    for _ in 0..100 {
        sim.world().take_lock(&instance());
        let host = sim.faulty_host(Faults { crash: 1000, ..Faults::NONE });
        let failed =
            execute(&host, &flow, &WorkloadChange::Lock { remember: None }, Some(&version(&host, &flow)));
        if !host.is_down() {
            continue;
        }
        assert_eq!(kind(failed), Some(PortErrorKind::Transient));
        assert!(ready(FlowStore::load(&host, &flow.id)).is_err());
        match sim.world().take_lock(&instance()) {
            Some(_) => done += 1,
            None => not += 1,
        }
    }
    assert!(done > 0 && not > 0, "{done} done, {not} not");
}

#[test]
fn a_host_dies_at_the_write_and_the_moment_that_were_chosen() {
    for (write, moment, hooked) in [
        (1, Moment::Before, 0),
        (1, Moment::Midway, 2),
        (1, Moment::After, 3),
        (2, Moment::Before, 3),
        (2, Moment::After, 3),
    ] {
        let sim = serving(3);
        let flow = updating(&sim);
        let pods: std::vec::Vec<PodUid> = {
            let world = sim.world();
            world.workload(&instance()).expect("there").active().map(|pod| pod.uid.clone()).collect()
        };
        let unhook = |uid| sim.world().change_pod(&instance(), uid, |pod| pod.hooked = false);
        assert!(pods.iter().all(unhook));
        let pods = sim.world().workload(&instance()).expect("there").active().map(Pod::reference).collect();
        let host = sim.faulty_host(Faults { dies: Some(Death { write, moment }), ..Faults::NONE });
        let (seen, hook) = (version(&host, &flow), PodChange::Hook(pods));
        let lock = WorkloadChange::Lock { remember: None };
        let first = ready(host.change_pods(Subject { instance: &instance(), flow: Some(&flow) }, &hook));
        assert_eq!((first.is_err(), host.is_down()), (write == 1, write == 1));
        assert!(execute(&host, &flow, &lock, Some(&seen)).is_err(), "dead, or dies");
        let (world, done) = (sim.world(), (write, moment) == (2, Moment::After));
        let workload = world.workload(&instance()).expect("there");
        assert_eq!(workload.active().filter(|pod| pod.hooked).count(), hooked, "{write} {moment:?}");
        assert_eq!((workload.lock.is_some(), host.writes()), (done, write));
    }
}

#[test]
fn a_lost_answer_means_that_the_write_is_done() {
    let sim = serving(2);
    let flow = updating(&sim);
    let host = sim.faulty_host(Faults { lost_answer: 1000, ..Faults::NONE });
    let failed =
        execute(&host, &flow, &WorkloadChange::Lock { remember: None }, Some(&version(&host, &flow)));
    assert_eq!(kind(failed), Some(PortErrorKind::Transient));
    assert!(sim.world().workload(&instance()).is_some_and(|workload| workload.lock.is_some()));
}

#[test]
fn a_bad_draft_is_loaded_as_invalid_and_a_spoilt_record_as_corrupt() {
    let sim = serving(1);
    let flow = updating(&sim);
    let host = sim.host();
    sim.world().tamper(&flow.id, |entry| entry.record.finished = true);
    assert!(matches!(ready(host.load(&flow.id)), Ok(Loaded::Corrupt { .. })));
    sim.world().tamper(&flow.id, |entry| entry.record.finished = false);
    sim.world().tamper(&flow.id, |entry| entry.draft.action = "explode".into());
    let loaded = ready(host.load(&flow.id)).expect("it is there");
    assert!(matches!(loaded, Loaded::Invalid(bad) if bad.progress == flow.progress));
}

#[test]
fn an_ended_flow_without_progress_is_shown_as_it_ended_and_may_be_deleted() {
    let sim = serving(1);
    let flow = updating(&sim);
    let service = Service { store: sim.host(), names: sim.host() };
    let spoil = |phase: FlowPhase| {
        sim.world().tamper(&flow.id, |entry| {
            (entry.record.phase, entry.record.finished) = (phase, phase.is_final());
        })
    };
    spoil(FlowPhase::BatchStarted);
    let refused = ready(service.delete(&flow.id)).expect_err("it may still run");
    assert_eq!(refused.kind, ApiErrorKind::FailedPrecondition);
    spoil(FlowPhase::Success);
    assert_eq!(ready(service.get(&flow.id)).expect("there").record.phase, FlowPhase::Success);
    ready(service.delete(&flow.id)).expect("deleted");
}

#[test]
fn deleting_a_flow_that_changes_at_the_same_moment_is_tried_again() {
    let sim = serving(1);
    let deleted = |_: &u32| {
        let flow = updating(&sim);
        sim.world().tamper(&flow.id, |entry| {
            (entry.record.phase, entry.record.finished) = (FlowPhase::Success, true);
        });
        let host = sim.faulty_host(Faults { conflict: 500, ..Faults::NONE });
        let answer = ready(Service { store: host, names: sim.host() }.delete(&flow.id));
        sim.world().remove_flow(&flow.id);
        answer.is_ok()
    };
    // Every second write conflicts: one try each would delete half of them.
    assert!((0..20).filter(deleted).count() >= 18);
}

#[test]
fn deleting_a_running_flow_marks_it_and_forgetting_it_removes_it() {
    let sim = serving(1);
    let flow = updating(&sim);
    let host = sim.host();
    let mut watch = host.watch();
    assert!(!sim.world().delete_flow(&flow.id));
    let Ok(Loaded::Flow(stored)) = ready(host.load(&flow.id)) else { panic!("it is kept") };
    assert!(stored.leaving);
    let Stored { version, .. } = *stored;
    let progress = Progress::Finished { verdict: crate::model::Verdict::Canceled, at: host.now() };
    ready(host.save_progress(&flow.id, &progress, &Report::default(), &version)).expect("as read");
    ready(host.forget(&flow.id, &flow.uid)).expect("it is over");
    assert_eq!(kind(ready(host.load(&flow.id))), Some(PortErrorKind::NotFound));
    let mut last = None;
    let mut context = Context::from_waker(Waker::noop());
    while let Poll::Ready(Some(event)) = watch.as_mut().poll_next(&mut context) {
        last = Some(event);
    }
    assert_eq!(last, Some(StoreEvent::Removed(flow.id)));
}

#[test]
fn the_read_model_shows_the_instance_and_its_pods() {
    let sim = serving(2);
    let host = sim.host();
    let shown = ready(host.instance(&instance())).expect("there");
    assert_eq!((shown.replicas, shown.available_replicas, shown.status.as_str()), (2, 2, "Ready"));
    assert_eq!(
        (shown.image.as_str(), shown.cpu.as_str(), shown.request_memory.as_str()),
        ("nginx:1", "2", "64Mi")
    );
    let pods = ready(host.pods(&PodFilter::default())).expect("there");
    assert_eq!(pods.len(), 2);
    assert!(
        pods.iter().all(|pod| pod.status == "Ready" && pod.container_name == "app" && !pod.pod_ip.is_empty())
    );
    let one = PodFilter { ip: Some(pods[0].pod_ip.clone()), ..PodFilter::default() };
    assert_eq!(ready(host.pods(&one)).expect("there").len(), 1);
}

fn instance() -> InstanceId {
    InstanceId { namespace: namespace(), name: InstanceName::new("shop").expect("a name") }
}

fn namespace() -> Namespace {
    Namespace::new("default").expect("a name")
}

fn template(image: &str) -> serde_json::Value {
    let resources = json!({ "limits": { "cpu": 2 }, "requests": { "memory": "64Mi" } });
    json!({ "spec": { "containers": [{ "name": "app", "image": image, "resources": resources }] } })
}

/// A world with a workload of triton's whose pods serve.
fn serving(replicas: u32) -> Sim {
    let sim = Sim::new(11, Timing::default());
    sim.world().add_workload(NewWorkload {
        id: instance(),
        template: Template::from_json(&template("nginx:1")),
        replicas,
        gated: true,
        hooked: true,
        policy: UpdatePolicy::ReCreate,
        labels: [("team".into(), "keep me".into())].into(),
        annotations: [("note".into(), "keep me too".into())].into(),
    });
    sim
}

/// A stored flow that updates the workload.
fn updating(sim: &Sim) -> Flow {
    let draft = Draft {
        action: "update".into(),
        app_name: "shop".into(),
        instance_name: "shop".into(),
        template: Some(template("nginx:2")),
        ..Draft::default()
    };
    let name = sim.host().fresh(&instance().name);
    let id = FlowId { namespace: namespace(), name };
    let new = NewFlow { id, draft, instance: instance().name };
    let Ok(Loaded::Flow(stored)) = sim.world().create_flow(new) else { panic!("a good draft") };
    let _: &FlowUid = &stored.flow.uid;
    stored.flow
}

fn look(host: &Host, flow: &Flow) -> Option<crate::model::WorkloadView> {
    let subject = Subject { instance: &instance(), flow: Some(flow) };
    ready(WorkloadBackend::observe(host, subject)).expect("it can be told")
}

fn version(host: &Host, flow: &Flow) -> Version {
    look(host, flow).expect("there").version
}

fn execute(
    host: &Host,
    flow: &Flow,
    change: &WorkloadChange,
    seen: Option<&Version>,
) -> Result<(), PortError> {
    let subject = Subject { instance: &instance(), flow: Some(flow) };
    ready(WorkloadBackend::change_workload(host, subject, change, seen))
}

fn settings(sim: &Sim) -> (u32, u32, bool) {
    let world = sim.world();
    let workload = world.workload(&instance()).expect("there");
    (workload.surge, workload.unavailable, workload.paused)
}

fn kind<T>(result: Result<T, PortError>) -> Option<PortErrorKind> {
    result.err().map(|error| error.kind)
}

fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer;
        }
    }
}
