use super::*;
use crate::model::{
    Base, Brings, CorruptRecord, Failure, FlowPhase, Heals, Kind, Lock, OnFailure, PodFailure, Shape,
    Trouble, Version, WorkloadChange, WorkloadView,
};

#[path = "driver/history_tests.rs"]
mod history;
#[path = "driver/keeper_tests.rs"]
mod keeper;
#[path = "driver/line_tests.rs"]
mod line;
#[path = "driver/pods_tests.rs"]
mod pods;
#[path = "driver_rig.rs"]
mod rig;
#[path = "driver_stale_tests.rs"]
mod stale;
#[path = "driver/unread_tests.rs"]
mod unread;
#[path = "driver/watching_tests.rs"]
mod watching;
use rig::{MockBackend, MockRegistry, Rig, base, conflict, flow, id, pulling_in, rolling, uid, view};

#[test]
fn moves_that_follow_from_one_look_are_one_save() {
    let mut rig = Rig::new(flow(Progress::Pending));
    rig.backend.expect_observe().returning(|| Ok(None));
    // The workload is made in a write of its own, after the save; then the look shows it unsettled.
    rig.backend.expect_change_workload().times(1).returning(|_, _| Err(conflict()));
    let error = rig.advance().expect_err("the create was refused");
    assert_eq!((error.during, error.source.kind), ("changing the workload", PortErrorKind::Conflict));
    let saved = rig.saved();
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(matches!(saved[0].0, Progress::Preparing { .. }));
    assert_eq!(rig.steps, [Step::Saved(vec![Why::Started])]);
}

#[test]
fn what_the_cluster_refuses_ends_the_flow_before_anything_is_touched_and_who_cannot_tell_is_asked_again() {
    type Answer = fn() -> Result<Option<Failure>, PortError>;
    let what = "the API server refuses it";
    let answers: [Answer; 4] = [
        || Ok(Some(Failure::Refused { what: "the API server refuses it".into() })),
        || Ok(Some(Failure::InvalidSpec { fault: "spec.application.template: x".into() })),
        || Err(PortError::new(PortErrorKind::Transient, "no answer")),
        || Err(PortError::new(PortErrorKind::Rejected, "cannot create resource podtemplates")),
    ];
    let ends =
        |rig: &Rig| rig.saved().last().map(|(progress, report)| (progress.is_finished(), report.clone()));
    for answer in answers {
        let mut rig = Rig::new(flow(Progress::Pending));
        rig.backend = MockBackend::new();
        rig.backend.expect_observe().returning(|| Ok(None));
        rig.backend.expect_dry_run().times(1).returning(move |_| answer());
        // No change is expected.
        match (answer(), rig.advance()) {
            (Ok(_), Ok(_)) => {
                let (finished, report) = ends(&rig).expect("it was saved");
                assert!(finished && ["Refused", "InvalidSpec"].contains(&&*report.reason), "{report:?}");
                assert!(report.message.contains(what) || report.message.contains("template"), "{report:?}");
            }
            (Err(wanted), Err(error)) => {
                assert_eq!(error.source.kind, wanted.kind);
                assert_eq!(ends(&rig), None, "it waits");
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_batch_that_starts_is_saved_before_the_workload_grows() {
    let mut rig = Rig::new(flow(Progress::Preparing { base: base() }));
    rig.backend.expect_observe().returning(|| Ok(Some(view(0, 0))));
    rig.backend.expect_change_workload().times(1).returning(|change, version| {
        assert!(matches!(change, WorkloadChange::Reshape(shape) if shape.replicas == 2), "{change:?}");
        assert_eq!(version.as_ref().map(Version::as_str), Some("7"));
        Err(conflict())
    });
    rig.advance().expect_err("refused");
    let [(Progress::Rolling { done: 0, .. }, _)] = &rig.saved()[..] else { panic!("{:?}", rig.saved()) };
    let [Step::Saved(whys)] = &rig.steps[..] else { panic!("{:?}", rig.steps) };
    assert_eq!(whys.len(), 2, "queued and smoking: {whys:?}");
}

#[test]
fn pods_without_the_gate_are_shown_as_such() {
    let mut rig = Rig::new(rolling());
    rig.backend.expect_observe().returning(|| {
        let mut seen = view(2, 2);
        seen.pods[1].gated = false;
        Ok(Some(seen))
    });
    rig.advance().expect("rests");
    let saved = rig.saved();
    let (_, report) = saved.last().expect("a save");
    let shown: Vec<_> = report.batches[0].pods.iter().map(|pod| pod.ungated).collect();
    assert_eq!(shown, [false, true]);
}

#[test]
fn what_the_workload_s_controller_failed_at_is_told_while_pods_are_missing() {
    let message = |pods| {
        let trouble = Trouble { at: None, what: "exceeded quota: pods".into() };
        let mut rig = Rig::new(rolling());
        rig.backend
            .expect_observe()
            .returning(move || Ok(Some(WorkloadView { trouble: Some(trouble.clone()), ..view(2, pods) })));
        rig.advance().expect("rests");
        rig.saved().last().map(|(_, report)| report.message.clone()).expect("a save")
    };
    assert!(message(1).ends_with("; exceeded quota: pods"), "{}", message(1));
    assert!(!message(2).contains("quota"), "it is over: {}", message(2));
}

#[test]
fn of_a_large_batch_as_many_pods_are_listed_as_there_is_room_for_and_all_are_counted() {
    let mut flow = rolling();
    if let Progress::Rolling { plan, batch, .. } = &mut flow.progress {
        (plan.base.to, plan.work, batch.size) = (150, 150, 150);
    }
    let mut rig = Rig::new(flow);
    rig.backend.expect_observe().returning(|| Ok(Some(view(150, 150))));
    for _ in 0..3 {
        rig.advance().expect("rests");
        *rig.driver_time.lock().expect("time") = rig.now().plus(Seconds(2));
    }
    assert_eq!(rig.saved().len(), 1, "looked at again it is the same");
    let (_, report) = rig.saved().pop().expect("a save");
    let [batch] = &report.batches[..] else { panic!("{:?}", report.batches) };
    assert_eq!(batch.pods_total, 150);
    assert!((40..150).contains(&batch.pods.len()), "{}", batch.pods.len());
    let newest = batch.pods.last().map(|pod| pod.name.as_str());
    assert_eq!(newest, Some("app-149"), "the newest are listed");
}

#[test]
fn a_status_that_is_too_large_for_its_store_is_saved_without_batches_and_pods_once() {
    let mut rig = Rig::new(rolling());
    rig.full = true;
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 1))));
    for _ in 0..3 {
        let rest = rig.advance().expect("rests");
        assert!(
            matches!(rest, Rest::Until(_, Waiting::Pods { ready: 0, of: 2, in_grace: false })),
            "{rest:?}"
        );
        *rig.driver_time.lock().expect("time") = rig.now().plus(Seconds(2));
    }
    let [(_, report)] = &rig.saved()[..] else { panic!("{:?}", rig.saved()) };
    assert_eq!((report.batches.len(), report.counts.replicas, report.counts.batches), (0, 1, 1));
    assert_eq!(report.reason, "PodsStarting");
    let Loaded::Flow(stored) = rig.loaded() else { panic!("a flow") };
    let here = crate::service::FlowView::new(&stored).here();
    assert_eq!(here.map(|here| here.batch), Some(1), "the API still tells where it is");
    let refused = PortError::new(PortErrorKind::TooLarge, "etcdserver: request is too large");
    rig.show(&DriveError { during: "saving progress", source: refused }, rig.now());
    assert!(rig.saved().last().is_some_and(|(_, report)| report.message.contains("too large")));
}

#[test]
fn a_wait_is_saved_with_what_is_waited_for_and_numbers_at_most_once_a_second() {
    let mut rig = Rig::new(rolling());
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 1))));
    let rest = rig.advance();
    assert!(
        matches!(rest, Ok(Rest::Until(_, Waiting::Pods { ready: 0, of: 2, in_grace: false }))),
        "{rest:?}"
    );
    assert_eq!(rig.saved().last().map(|(_, r)| r.reason.clone()), Some("PodsStarting".into()));
    assert_eq!(rig.saved().last().map(|(_, r)| r.counts.replicas), Some(1));
    let writes = rig.saved().len();
    rig.backend.checkpoint();
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
    let rest = rig.advance();
    let due = rig.now().plus(Seconds(1));
    assert_eq!(rig.saved().len(), writes, "the second look comes too early");
    assert!(matches!(rest, Ok(Rest::Until(at, _)) if at == due), "{rest:?}");
    *rig.driver_time.lock().expect("time") = due;
    rig.advance().expect("rests");
    assert_eq!(rig.saved().last().map(|(_, r)| r.counts.replicas), Some(2));
    let writes = rig.saved().len();
    rig.advance().expect("rests");
    assert_eq!(rig.saved().len(), writes, "nothing changed, nothing is written");
}

#[test]
fn a_wait_that_only_looks_again_is_saved_once_a_minute() {
    let mut rig = Rig::new(flow(Progress::Pending));
    let theirs = || WorkloadView { lock: Lock::Theirs(id()), ..view(2, 2) };
    rig.backend.expect_observe().returning(move || Ok(Some(theirs())));
    let started = rig.now();
    for second in 0..=60 {
        *rig.driver_time.lock().expect("time") = started.plus(Seconds(second));
        let rest = rig.advance();
        let told = rig.saved().last().and_then(|(_, report)| report.waiting.clone()).expect("it waits");
        assert!(matches!(rest, Ok(Rest::Until(at, Waiting::Rival { .. })) if at == told.until), "{rest:?}");
    }
    assert_eq!(rig.saved().len(), 2, "one at the start and one after a minute");
}

#[test]
fn an_order_that_changes_nothing_shown_is_still_observed() {
    let mut rig = Rig::new(rolling());
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 1))));
    rig.advance().expect("rests");
    let writes = rig.saved().len();
    let Loaded::Flow(mut stored) = rig.loaded() else { panic!("a flow") };
    stored.observed = false;
    rig.set(Loaded::Flow(stored));
    rig.advance().expect("rests");
    assert_eq!(rig.saved().len(), writes + 1);
}

#[test]
fn orders_that_are_changed_after_the_end_are_observed_once_and_change_nothing() {
    let at = Timestamp::from_micros(1_000_000_000);
    let ended = Progress::Finished { verdict: crate::model::Verdict::Succeeded, at };
    let mut rig = Rig::new(flow(ended.clone()));
    rig.backend.expect_observe().returning(|| Ok(Some(WorkloadView { lock: Lock::Free, ..view(2, 2) })));
    let Loaded::Flow(mut stored) = rig.loaded() else { panic!("a flow") };
    stored.observed = false;
    let report = stored.report.clone();
    rig.set(Loaded::Flow(stored));
    assert_eq!(rig.advance().expect("rests"), Rest::Done);
    assert_eq!(rig.saved(), [(ended, report)]);
}

#[test]
fn a_corrupt_flow_holds_and_nothing_is_touched() {
    let mut rig = Rig::new(rolling());
    rig.set(corrupt(false));
    assert_eq!(rig.advance().expect("holds"), Rest::Corrupt);
    assert!(rig.saved().is_empty() && rig.forgotten.lock().expect("forgotten").is_empty());
}

#[test]
fn a_corrupt_flow_that_is_deleted_is_given_free_and_nothing_is_touched() {
    let mut rig = Rig::new(rolling());
    rig.set(corrupt(true));
    assert_eq!(rig.advance().expect("done"), Rest::Done);
    assert!(rig.saved().is_empty());
    assert_eq!(*rig.forgotten.lock().expect("forgotten"), [uid()]);
}

#[test]
fn a_registry_that_cannot_be_asked_stops_the_step() {
    let mut rig = Rig::new(rolling());
    rig.registry = MockRegistry::new();
    rig.registry
        .expect_observe()
        .returning(|_, _| Err(PortError::new(PortErrorKind::Transient, "no answer")));
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
    let error = rig.advance().expect_err("unknown is not out");
    assert_eq!(error.to_string(), "looking at the registry: no answer");
    assert!(rig.saved().is_empty());
}

#[test]
fn an_error_is_shown_once_and_a_conflict_never() {
    let rig = Rig::new(rolling());
    let until = rig.now().plus(Seconds(5));
    let quota = || DriveError {
        during: "changing the workload",
        source: PortError::new(PortErrorKind::Rejected, "exceeded quota"),
    };
    rig.show(&quota(), until);
    rig.show(&quota(), until.plus(Seconds(5)));
    rig.show(&DriveError { during: "changing the workload", source: conflict() }, until);
    let saved = rig.saved();
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert_eq!(saved[0].1.message, "changing the workload: exceeded quota; trying again");
    assert_eq!(
        saved[0].1.waiting.as_ref().map(|w| (w.reason.clone(), w.until)),
        Some(("Rejected".into(), until))
    );
}

#[test]
fn deleting_a_running_flow_cancels_it() {
    let mut rig = Rig::new(rolling());
    let Loaded::Flow(mut stored) = rig.loaded() else { panic!("a flow") };
    stored.leaving = true;
    rig.set(Loaded::Flow(stored));
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
    rig.backend.expect_change_workload().returning(|_, _| Err(conflict()));
    rig.advance().expect_err("the first closing write");
    assert!(matches!(rig.saved()[0].0, Progress::Closing { .. }), "{:?}", rig.saved());
}

#[test]
fn a_flow_that_is_deleted_returns_what_it_changed_also_where_it_is_paused() {
    let mut flow = rolling();
    flow.orders.paused = true;
    if let Progress::Rolling { plan, .. } = &mut flow.progress {
        plan.base.turned = true;
    }
    let mut rig = Rig::new(flow);
    let Loaded::Flow(mut stored) = rig.loaded() else { panic!("a flow") };
    stored.leaving = true;
    rig.set(Loaded::Flow(stored));
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
    let rest = rig.advance().expect("it goes on, and pauses nothing");
    assert!(matches!(rest, Rest::Until(_, Waiting::Pods { .. })), "{rest:?}");
}

#[test]
fn no_pod_is_changed_while_the_workload_is_not_confirmed_as_it_was_seen() {
    let ready = |lock: Lock, hooked: bool| {
        let mut seen = WorkloadView { lock, ..view(2, 2) };
        seen.pods.iter_mut().for_each(|pod| (pod.booted, pod.hooked) = (true, hooked));
        seen
    };
    // To be hooked, and to be pulled in: neither the backend nor the registry is asked to.
    for hooked in [false, true] {
        for kind in [PortErrorKind::Conflict, PortErrorKind::Transient] {
            let rig = |lock: Lock| {
                let mut rig = Rig::new(pulling_in());
                rig.backend.checkpoint();
                rig.backend.expect_observe().returning(move || Ok(Some(ready(lock.clone(), hooked))));
                let seen = |version: &Version| version.as_str() == "7";
                let answer = move |_: &Version| Err(PortError::new(kind, "it has a lock by now"));
                rig.backend.expect_confirm().withf(seen).times(1).returning(answer);
                rig
            };
            let of_keeper = rig(Lock::Free).tend().expect_err("it was not confirmed");
            let of_flow = rig(Lock::Mine).advance().expect_err("it was not confirmed");
            assert_eq!((of_keeper.source.kind, of_flow.source.kind), (kind, kind));
        }
    }
}

#[test]
fn the_last_word_on_a_workload_waits_until_it_is_confirmed_as_it_was_seen() {
    // A create that finds a workload fails.
    let mut rig = Rig::new(flow(Progress::Pending));
    rig.backend.checkpoint();
    rig.backend.expect_observe().returning(|| Ok(Some(WorkloadView { lock: Lock::Free, ..view(2, 2) })));
    let answer = |_: &Version| Err(PortError::new(PortErrorKind::Conflict, "it is gone by now"));
    rig.backend.expect_confirm().times(1).returning(answer);
    let error = rig.advance().expect_err("it was not confirmed");
    assert_eq!(error.source.kind, PortErrorKind::Conflict);
    assert!(rig.saved.lock().expect("saved").is_empty(), "nothing was said");
}

#[test]
fn what_follows_from_pods_is_not_written_while_they_are_not_confirmed_as_they_were_seen() {
    let restarts = || {
        let mut flow = rolling();
        if let Progress::Rolling { plan, batch, .. } = &mut flow.progress {
            plan.base = Base { kind: Kind::Replace, brings: Brings::Nothing, from: 2, to: 2, ..base() };
            batch.stage = crate::model::Stage::Queued;
        }
        flow
    };
    let free = || WorkloadView { lock: Lock::Free, ..view(2, 2) };
    let queued = || {
        let seen = view(2, 2);
        WorkloadView { shape: Shape { surge: 2, ..seen.shape.clone() }, ..seen }
    };
    type Row = (&'static str, Flow, fn() -> WorkloadView);
    let rows: [Row; 3] = [
        ("numbers", rolling(), || view(1, 1)),
        ("the last word", flow(Progress::Pending), free),
        ("a stage of a restart", restarts(), queued),
    ];
    for (what, flow, seen) in rows {
        let mut rig = Rig::new(flow);
        rig.backend.checkpoint();
        rig.backend.expect_observe().returning(move || Ok(Some(seen())));
        rig.backend.expect_confirm().returning(|_| Ok(()));
        let answer =
            |_: &WorkloadView, _| Err(PortError::new(PortErrorKind::Conflict, "one is marked by now"));
        rig.backend.expect_confirm_pods().times(1).returning(answer);
        let error = rig.advance().expect_err(what);
        assert_eq!(error.during, "making sure that the pods are as they were seen", "{what}");
        assert!(rig.saved().is_empty(), "{what}");
    }
}

#[test]
fn a_flow_that_stops_by_itself_says_why_and_which_pods_until_it_has_ended() {
    let mut flow = rolling();
    flow.spec.on_failure = OnFailure::Cancel;
    let mut rig = Rig::new(flow);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(view(2, 2)));
    let message = "container app: back-off, exit code 1".to_owned();
    let class = crate::model::FailureClass::ImagePull;
    seen.lock().expect("view").pods[1].failure = Some(PodFailure { class, message, heals: Heals::Never });
    let now = std::sync::Arc::clone(&seen);
    rig.backend.expect_observe().returning(move || Ok(Some(now.lock().expect("view").clone())));
    rig.backend.expect_change_workload().returning(|_, _| Ok(()));
    rig.advance().expect("it closes");
    let cause = "cancelled because pods failed, as onFailure says; pod app-1: ";
    let (_, report) = rig.saved().pop().expect("a save");
    assert!(report.message.starts_with(cause) && report.message.contains("exit code 1"), "{report:?}");
    assert!(report.message.ends_with("; leaving the workload clean"), "{}", report.message);

    *seen.lock().expect("view") = WorkloadView { lock: Lock::Free, ..view(0, 0) };
    rig.advance().expect("it ends");
    let saved = rig.saved();
    let ended = saved.iter().find(|(progress, _)| progress.is_finished()).expect("it has ended");
    assert!(ended.1.message.starts_with(cause) && ended.1.message.contains("exit code 1"), "{:?}", ended.1);
    let told = rig.steps.iter().filter_map(|step| match step {
        Step::Saved(moves) => moves.iter().find(|why| matches!(why, Why::Ended { .. })),
        Step::Did(_) => None,
    });
    let told: Vec<_> = told.map(|why| (why.reason(), why.to_string())).collect();
    assert_eq!(told, [("Canceled", ended.1.message.clone())]);
}

fn corrupt(leaving: bool) -> Loaded {
    Loaded::Corrupt {
        id: id(),
        uid: uid(),
        version: "1".parse().expect("a version"),
        instance: None,
        created_at: Timestamp::default(),
        phase: FlowPhase::BatchStarted,
        leaving,
        error: CorruptRecord::Progress("work is missing"),
    }
}
