//! Every action: what it needs, what it does, how it ends.

use alloc::collections::BTreeSet;
use alloc::vec;
use alloc::vec::Vec;

use super::closing::verifying;
use super::decision::LOOK_AGAIN;
use super::decision::{Decision, Effect, Waiting};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of};
use super::goal::plan;
use super::{Answer, decide, supersede, yields};
use crate::model::{
    Action, Base, BatchSize, Brings, CancelPolicy, Facts, Failure, Flow, FlowName, Holder, Kind, LastHolder,
    Lock, Observation, OnFailure, PodChange, PodName, Progress, Revision, Shape, Stage, TemplateRef,
    Tolerance, Verdict, WorkloadChange,
};

#[test]
fn the_lock_is_given_back_after_the_verdict_is_durable() {
    let flow = Flow {
        progress: Progress::Finished { verdict: Verdict::Succeeded, at: NOW },
        ..Flow::test(Action::Create, 1)
    };
    let good = Some(alloc::vec!["app-new".parse().expect("a revision")]);
    let release = Decision::change_workload(WorkloadChange::Release { good });
    assert_eq!(decide(&flow, &Observation::mine(1, 0, 1), NOW), release);
    let free = Observation { lock: Lock::Free, ..Observation::mine(1, 0, 1) };
    assert_eq!(decide(&flow, &free, NOW), Decision::Done);
    // Others took it off before: what stays is that the flow has ended.
    let holder = Holder { id: flow.id.clone(), uid: flow.uid.clone() };
    for (gave_back, wanted) in [(false, release), (true, Decision::Done)] {
        let last = Some(LastHolder { holder: holder.clone(), turn: 1, size: None, gave_back });
        assert_eq!(decide(&flow, &Observation { last, ..free.clone() }, NOW), wanted);
    }
}

#[test]
fn a_workload_that_was_taken_away_ends_the_flow() {
    let flow =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 2, Stage::Smoking);
    assert_eq!(verdict(&flow, &Observation::absent()), Some(Verdict::Failed(Failure::WorkloadMissing)));
    let anew = Observation { lock: Lock::Free, ..Observation::mine(2, 0, 1) };
    assert_eq!(verdict(&flow, &anew), Some(Verdict::Failed(Failure::LockLost)));
    let base = crate::model::Base { workload: "the-one".parse().ok(), ..base_of(Kind::Shrink, 2, 0) };
    let deletes = Flow::test(Action::Delete, 0).at(plan(base, 0), 1, 0, 2, Stage::Vacating);
    for (workload, wanted) in [("the-one", None), ("made-later", Some(Verdict::Succeeded))] {
        let seen = Observation { workload: workload.parse().ok(), ..anew.clone() };
        assert_eq!(verdict(&deletes, &seen), wanted, "a deletion is done when its workload is gone");
    }
}

#[test]
fn create_on_an_existing_workload_fails_and_touches_nothing() {
    let world = Observation { lock: Lock::Free, ..Observation::mine(3, 0, 1) };
    assert_eq!(
        verdict(&Flow::test(Action::Create, 3), &world),
        Some(Verdict::Failed(Failure::WorkloadExists))
    );
}

#[test]
fn update_of_a_missing_workload_fails() {
    assert_eq!(
        verdict(&Flow::test(Action::Update, 3), &Observation::absent()),
        Some(Verdict::Failed(Failure::WorkloadMissing))
    );
}

/// Sizes that do not fit the action fail the flow before it touches anything.
#[test]
fn a_size_that_does_not_fit_the_action_fails_the_flow() {
    let three = unlocked(3).with(3, SERVES);
    for (action, to) in [(Action::ScaleIn, 4), (Action::ScaleOut, 2), (Action::Start, 2)] {
        let failed = verdict(&Flow::test(action, to), &three);
        assert!(matches!(failed, Some(Verdict::Failed(Failure::WrongSize { .. }))), "{action}: {failed:?}");
    }
    let unknown = Flow::test(Action::Start, 0).same_size();
    let failed = verdict(&unknown, &unlocked(0));
    assert!(matches!(failed, Some(Verdict::Failed(Failure::WrongSize { .. }))), "{failed:?}");
}

#[test]
fn a_start_returns_to_the_size_from_before_the_stop() {
    let stopped = Observation { remembered: Some(5), ..unlocked(0) };
    let started = base(&Flow::test(Action::Start, 0).same_size(), &stopped);
    assert_eq!((started.kind, started.from, started.to), (Kind::Grow, 0, 5));
    let flow = Flow::test(Action::Stop, 0).same_size();
    let stop = base(&flow, &unlocked(3).with(3, SERVES));
    assert_eq!((stop.kind, stop.from, stop.to), (Kind::Shrink, 3, 0));
    let flow = Flow { progress: Progress::Preparing { base: stop }, ..flow };
    let lock = WorkloadChange::Lock { remember: Some(3) };
    assert_eq!(decide(&flow, &unlocked(3).with(3, SERVES), NOW), Decision::change_workload(lock));
}

#[test]
fn pods_that_are_named_must_be_there_and_no_more_than_leave() {
    let three = unlocked(3).with(3, SERVES);
    let named = |names: &[&str]| {
        let mut flow = Flow::test(Action::ScaleIn, 2);
        flow.spec.pods = names.iter().map(|name| PodName::new(name).expect("a name")).collect();
        verdict(&flow, &three)
    };
    assert_eq!(named(&["app-1"]), None);
    for names in [&["app-9"][..], &["app-1", "app-2"]] {
        let failed = named(names);
        assert!(matches!(failed, Some(Verdict::Failed(Failure::WrongPods { .. }))), "{names:?}: {failed:?}");
    }
}

#[test]
fn a_scale_in_asks_for_fewer_pods_and_names_those_that_leave() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Shrink, 3, 2) };
    let mut flow = Flow::test(Action::ScaleIn, 2).at(plan(base, 0), 1, 0, 1, Stage::Vacating);
    flow.spec.pods = vec![PodName::new("app-1").expect("a name")];
    let named = SERVES | Facts::NAMED;
    let world = shaped(3).with(1, SERVES).with(1, named).with(1, SERVES);
    let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = decide(&flow, &world, NOW) else {
        panic!("nothing is asked for")
    };
    assert_eq!((shape.template, shape.partition, shape.replicas), (None, None, 2));
    let names: Vec<_> = shape.doomed.iter().flatten().map(PodName::as_str).collect();
    assert_eq!(names, ["app-1"]);
}

#[test]
fn a_restart_marks_its_pods_before_the_first_batch_and_never_later_ones() {
    let flow = Flow::test(Action::Restart, 0).same_size();
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let before = Flow { progress: Progress::Preparing { base: base.clone() }, ..flow.clone() };
    let (old, new) = (OLD | Facts::NAMED, SERVES | Facts::NAMED);
    let marks = decide(&before, &shaped(2).with(2, new), NOW);
    assert!(
        matches!(&marks, Decision::Act(Effect::Pods(PodChange::MarkForReplacement(pods))) if pods.len() == 2)
    );
    let listed = shaped(2).with(2, old | Facts::LISTED);
    let Decision::Move(Progress::Rolling { plan: begun, .. }, _) = decide(&before, &listed, NOW) else {
        panic!("no batch begins")
    };
    assert_eq!((begun.fresh, begun.work), (0, 2));
    let later = flow.at(plan(base, 0), 1, 0, 2, Stage::Smoking);
    let grown =
        Observation { shape: shaped(4).shape.map(|s| Shape { surge: 2, ..s }), ..listed }.with(1, new);
    assert!(matches!(decide(&later, &grown, NOW), Decision::Wait(Waiting::Pods { .. }, _)));
}

/// Its size was given by hand a moment ago, and the pods that are too many were there still: no new pod was started
/// beside them, and one on its way out that returned would have been taken for a new one.
#[test]
fn a_restart_of_a_workload_that_still_shrinks_replaces_beside_what_is_too_many() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let listed = OLD | Facts::LISTED | Facts::NAMED;
    let leaves = RUNS.difference(Facts::FRESH) | Facts::MARKED | Facts::NAMED;
    let flow = Flow::test(Action::Restart, 0).same_size();
    let before = Flow { progress: Progress::Preparing { base: base.clone() }, ..flow.clone() };
    let world = shaped(2).with(4, listed).with(2, leaves);
    let marks = decide(&before, &world, NOW);
    assert!(
        matches!(&marks, Decision::Act(Effect::Pods(PodChange::MarkForReplacement(pods))) if pods.len() == 2),
        "those on their way out return where more pods are asked for: {marks:?}"
    );
    let batch = |stage| flow.clone().at(plan(base.clone(), 0), 1, 0, 1, stage);
    let asked = |stage, staying, new| {
        let world = shaped(2).with(staying, listed).with(2, leaves | Facts::LISTED).with(new, SERVES);
        match decide(&batch(stage), &world, NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
                (shape.replicas, shape.doomed.map_or(0, |names| names.len()))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(asked(Stage::Smoking, 2, 0), (3, 0));
    assert_eq!(asked(Stage::Smoking, 4, 0), (5, 0), "a new one comes beside all that are there");
    assert_eq!(asked(Stage::Leaving, 4, 1), (2, 5), "what is too many leaves with the old ones");
}

#[test]
fn a_rollback_returns_to_the_last_good_revision_before_the_current_one() {
    let revision = |name: &str| Revision::new(name).expect("a revision");
    let flow = Flow::test(Action::Rollback, 2);
    let none = verdict(&flow, &unlocked(2).with(2, SERVES));
    assert!(matches!(none, Some(Verdict::Failed(Failure::NoRevision { .. }))), "{none:?}");
    let good = vec![revision("app-new"), revision("app-b"), revision("app-a")];
    let world = Observation { good: good.clone(), ..unlocked(2).with(2, SERVES) };
    assert_eq!(base(&flow, &world).brings, Brings::Revision(revision("app-b")));
    let mut named = flow.clone();
    named.spec.rollback_to = Some(revision("a"));
    assert_eq!(base(&named, &world).brings, Brings::Revision(revision("app-a")));
    // What it leaves behind is not good any more.
    let back = Observation { good, revision: Some(revision("app-b")), ..Observation::mine(2, 0, 1) };
    let ended = Flow { progress: Progress::Finished { verdict: Verdict::Succeeded, at: NOW }, ..flow };
    let left = Some(vec![revision("app-b"), revision("app-a")]);
    assert_eq!(decide(&ended, &back, NOW), Decision::change_workload(WorkloadChange::Release { good: left }));
}

#[test]
fn an_update_takes_over_from_a_paused_flow_and_a_rollback_also_from_a_running_update() {
    let by = |action| Flow { uid: "other".parse().expect("a uid"), ..Flow::test(action, 2) };
    let running = Flow::test(Action::Update, 2);
    let mut paused = running.clone();
    paused.orders.paused = true;
    assert!(!yields(&running, &by(Action::Update)) && yields(&paused, &by(Action::Update)));
    assert!(yields(&running, &by(Action::Rollback)) && !yields(&paused, &by(Action::Restart)));
    let create = Flow::test(Action::Create, 2);
    assert!(!yields(&create, &by(Action::Rollback)), "only an update gives way while it runs");
    let Ok(Answer::Orders(orders)) = supersede(&paused, &by(Action::Update)) else { panic!("refused") };
    assert!(orders.canceled && orders.superseded == Some(FlowName::new("df").expect("a name")));
    let over = Flow { orders, ..running };
    let ended = verdict(&over, &unlocked(2));
    assert!(matches!(ended, Some(Verdict::Aborted { .. })), "{ended:?}");
}

#[test]
fn a_rival_is_ordered_to_give_way_only_when_it_does() {
    let rival = crate::model::FlowId {
        namespace: "default".parse().expect("a name"),
        name: "rival".parse().expect("a name"),
    };
    let preparing = Progress::Preparing { base: base_of(Kind::Replace, 2, 2) };
    let flow = Flow { progress: preparing, ..Flow::test(Action::Update, 2) };
    let theirs =
        |yields| Observation { lock: Lock::Theirs(rival.clone()), yields, ..unlocked(2).with(2, OLD) };
    assert_eq!(decide(&flow, &theirs(true), NOW), Decision::Act(Effect::Supersede(rival.clone())));
    let waits = Decision::Wait(
        Waiting::Rival { rival: rival.clone(), place: None, stuck: None },
        NOW.plus(LOOK_AGAIN),
    );
    assert_eq!(decide(&flow, &theirs(false), NOW), waits);
}

#[test]
fn a_deletion_removes_the_workload_only_when_it_is_empty_and_succeeds_once_it_is_gone() {
    let done = plan(base_of(Kind::Shrink, 2, 0), 0);
    let verifying = verifying(done, NOW);
    let flow = Flow { progress: verifying, ..Flow::test(Action::Delete, 0).same_size() };
    let empty = || {
        let shape = shaped(0).shape.map(|shape| Shape { unavailable: 2, ..shape });
        Observation { shape, ..shaped(0) }
    };
    assert_eq!(decide(&flow, &empty(), NOW), Decision::change_workload(WorkloadChange::Remove));
    let ending = Observation { ending: 1, ..empty() };
    assert!(matches!(decide(&flow, &ending, NOW), Decision::Wait(Waiting::Verify { .. }, _)));
    assert_eq!(verdict(&flow, &Observation::absent()), Some(Verdict::Succeeded));
    assert_eq!(verdict(&Flow::test(Action::Delete, 0), &Observation::absent()), Some(Verdict::Succeeded));
}

#[test]
fn a_cancelled_shrink_keeps_what_is_not_let_go_yet() {
    let mut flow =
        Flow::test(Action::ScaleIn, 1).at(plan(base_of(Kind::Shrink, 3, 1), 0), 1, 0, 2, Stage::Vacating);
    flow.orders.canceled = true;
    let gone = SERVES.difference(Facts::HOOKED | Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let world = shaped(1).with(1, SERVES).with(1, SERVES | Facts::MARKED).with(1, gone);
    let Decision::Move(Progress::Closing { keep, shed, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("it does not close")
    };
    assert_eq!((keep, shed), (1, true), "one pod was let go");
}

#[test]
fn a_failing_pod_within_the_threshold_is_taken_out_of_the_batch() {
    let mut flow =
        Flow::test(Action::Create, 8).at(plan(base_of(Kind::Grow, 0, 8), 0), 1, 0, 4, Stage::Smoking);
    flow.spec.tolerance = Tolerance::UpTo(BatchSize::Percent(25));
    let failed = RUNS.difference(Facts::BOOTED) | Facts::FAILED | Facts::STUCK;
    let world = Observation::mine(4, 0, 1).with(3, RUNS).with(1, failed);
    let Decision::Move(Progress::Rolling { batch, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("the batch does not go on")
    };
    assert_eq!(batch.size, 3);
    let Progress::Rolling { batch: stored, .. } = &mut flow.progress else { unreachable!("it rolls") };
    *stored = batch;
    let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = decide(&flow, &world, NOW) else {
        panic!("the failed pod stays")
    };
    let names: BTreeSet<_> = shape.doomed.iter().flatten().map(PodName::as_str).collect();
    assert_eq!((shape.replicas, names), (3, ["app-3"].into()));
}

#[test]
fn a_flow_that_is_told_to_stops_by_itself_and_returns_what_it_kept() {
    let mut flow =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 2, 1, 1, Stage::Smoking);
    flow.spec.on_failure = OnFailure::Rollback;
    let failed = RUNS.difference(Facts::BOOTED) | Facts::FAILED | Facts::STUCK;
    let world = Observation::mine(3, 1, 1).with(1, OLD).with(1, SERVES).with(1, failed);
    let Decision::Move(closing @ Progress::Closing { keep: 1, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("it goes on")
    };
    let Progress::Closing { plan, verdict, keep, floor, .. } = closing else { unreachable!("it closes") };
    flow.progress = Progress::Closing { plan, verdict, keep, floor, shed: true };
    let old = Revision::new("app-old").expect("a revision");
    let restored = Observation {
        revision: Some(old.clone()),
        shape: Some(Shape {
            template: Some(TemplateRef::Revision(old.clone())),
            unavailable: 4,
            ..shaped(2).shape.expect("there is one")
        }),
        ..Observation::mine(2, 1, 1)
    };
    let restored = Observation {
        shape: restored.shape.clone().map(|shape| Shape { partition: Some(1), ..shape }),
        ..restored
    };
    let world = restored.with(1, SERVES | Facts::CURRENT).with(1, OLD);
    let Decision::Move(Progress::Preparing { base }, _) = decide(&flow, &world, NOW) else {
        panic!("nothing returns")
    };
    assert!(base.turned && base.brings == Brings::Revision(old) && base.to == 2);
    flow.spec.on_failure = OnFailure::Cancel;
    assert_eq!(verdict_of(decide(&flow, &world, NOW)), Some(Verdict::Canceled));
    flow.orders.canceled = true;
    flow.spec.cancel_policy = CancelPolicy::Revert;
    assert!(matches!(decide(&flow, &world, NOW), Decision::Move(Progress::Preparing { .. }, _)));
}

fn unlocked(replicas: u32) -> Observation {
    Observation { lock: Lock::Free, ..shaped(replicas) }
}

/// Our workload with these numbers, as a flow leaves it that does not touch the template.
fn shaped(replicas: u32) -> Observation {
    Observation::mine(replicas, 0, 1)
}

fn base(flow: &Flow, world: &Observation) -> Base {
    match decide(flow, world, NOW) {
        Decision::Move(Progress::Preparing { base }, _) => base,
        other => panic!("it does not begin: {other:?}"),
    }
}

fn verdict(flow: &Flow, world: &Observation) -> Option<Verdict> {
    verdict_of(decide(flow, world, NOW))
}

fn verdict_of(decision: Decision) -> Option<Verdict> {
    match decision {
        Decision::Move(Progress::Finished { verdict, .. }, _) => Some(verdict),
        _ => None,
    }
}
