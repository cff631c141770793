//! Rules of the engine that no other test covers.

use super::closing::LOOK_AGAIN;
use super::decision::{Decision, Effect, Waiting};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base, base_of};
use super::goal::plan;
use super::{Answer, Refusal, admit, begins, decide, edit, keep, supersede, yields};
use crate::model::{
    Action, Base, Brings, CancelPolicy, Command, Edit, Facts, Failure, Flow, FlowId, FlowName, FlowUid, Hold,
    HoldReason, Kind, Lock, Namespace, Observation, Obstacle, OnFailure, Place, PodName, Progress, Revision,
    Seconds, Shape, Stage, Target, TemplateRef, TrafficChange, Verdict, WorkloadChange,
};

#[test]
fn the_keeper_lets_a_pod_go_only_when_it_has_drained() {
    let leaving = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let keeps = |after| keep(&Observation::mine(1, 0, 0).out_for(leaving, after), Seconds(10));
    assert_eq!(keeps(9), None);
    assert!(matches!(keeps(10), Some(Effect::Workload(WorkloadChange::LetGo(_)))));
}

#[test]
fn a_workload_that_cannot_be_acted_on_fails_the_flow() {
    let preparing = || Progress::Preparing { base: base(3, 3) };
    let owner = "Deployment web";
    let obstacles = [
        (Obstacle::Deleted, Failure::WorkloadDeleted),
        (Obstacle::Owned { owner: owner.into() }, Failure::WorkloadOwned { owner: owner.into() }),
        (Obstacle::Unsupported { what: "in place".into() }, Failure::Unsupported { what: "in place".into() }),
    ];
    for (obstacle, failure) in obstacles {
        let world = Observation { lock: Lock::Free, obstacle: Some(obstacle), ..Observation::mine(3, 0, 0) };
        for progress in [Progress::Pending, preparing()] {
            let flow = Flow { progress, ..Flow::test(Action::Update, 3) };
            assert_eq!(failed(decide(&flow, &world, NOW)), Some(failure.clone()), "{:?}", flow.progress);
        }
    }
}

#[test]
fn a_flow_of_which_something_is_refused_fails_before_it_begins_and_a_deletion_before_it_locks() {
    let free = Observation { lock: Lock::Free, ..Observation::mine(3, 0, 0).with(3, OLD) };
    let theirs = Observation { lock: Lock::Theirs(Flow::test(Action::Update, 3).id), ..free.clone() };
    let shrink =
        Base { brings: Brings::Nothing, previous: free.revision.clone(), ..base_of(Kind::Shrink, 3, 0) };
    let deletes = Progress::Preparing { base: shrink };
    let failure = Failure::Refused { what: "it is protected".into() };
    // Action, progress, what is seen, and whether the next thing is to begin.
    let rows = [
        (Action::Create, Progress::Pending, Observation::absent(), true),
        (Action::Update, Progress::Pending, free.clone(), true),
        (Action::Update, Progress::Pending, theirs.clone(), false),
        (Action::Update, Progress::Pending, Observation { yields: true, ..theirs.clone() }, true),
        (Action::Update, Progress::Pending, Observation { settled: false, ..free.clone() }, false),
        (Action::Delete, Progress::Pending, free.clone(), true),
        (Action::Delete, Progress::Pending, Observation::absent(), false),
        (Action::Delete, deletes.clone(), free.clone(), true),
        (Action::Delete, deletes.clone(), theirs, false),
        (Action::Delete, deletes, Observation { lock: Lock::Mine, ..free }, false),
    ];
    for (at, (action, progress, seen, asks)) in rows.into_iter().enumerate() {
        let mut flow = Flow { progress, ..Flow::test(action, 3) };
        if action == Action::Delete {
            flow.spec.replicas = None;
        }
        assert_eq!(begins(&flow, &seen, NOW), asks, "row {at}");
        let refused = Observation { refused: Some(failure.clone()), ..seen };
        let ended = failed(decide(&flow, &refused, NOW));
        assert_eq!(ended, asks.then(|| failure.clone()), "row {at}");
        let paused = |order: fn(&mut Flow)| {
            let mut flow = flow.clone();
            order(&mut flow);
            begins(&flow, &Observation { refused: None, ..refused.clone() }, NOW)
        };
        assert!(!paused(|flow| flow.orders.paused = true) && !paused(|flow| flow.orders.canceled = true));
    }
}

#[test]
fn a_workload_that_comes_or_goes_before_the_lock_ends_the_flow() {
    let preparing = |action, from| {
        let flow = Flow::test(action, 3);
        Flow { progress: Progress::Preparing { base: base(from, 3) }, ..flow }
    };
    let gone = decide(&preparing(Action::Update, 3), &Observation::absent(), NOW);
    assert_eq!(failed(gone), Some(Failure::WorkloadMissing));
    let theirs = Observation { lock: Lock::Free, ..Observation::mine(3, 0, 0) };
    let made = decide(&preparing(Action::Create, 0), &theirs, NOW);
    assert_eq!(failed(made), Some(Failure::WorkloadExists));
}

#[test]
fn no_batch_starts_before_the_revision_of_the_template_is_known() {
    let flow = Flow::test(Action::Create, 3);
    let flow = Flow { progress: Progress::Preparing { base: base(0, 3) }, ..flow };
    let told = Observation::mine(0, 0, 1);
    let untold = Observation { revision: None, ..told.clone() };
    assert!(matches!(decide(&flow, &untold, NOW), Decision::Wait(Waiting::Backend, _)));
    assert!(matches!(decide(&flow, &told, NOW), Decision::Move(Progress::Rolling { .. }, _)));
}

#[test]
fn only_pods_in_traffic_count_as_done_before_the_first_batch() {
    let flow = Flow { progress: Progress::Preparing { base: base(3, 3) }, ..Flow::test(Action::Update, 3) };
    let boots = RUNS.difference(Facts::BOOTED);
    let world = Observation::mine(3, 3, 1).with(1, OLD).with(1, SERVES).with(1, boots);
    let Decision::Move(Progress::Rolling { plan, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("no batch begins")
    };
    assert_eq!((plan.fresh, plan.work), (1, 2));
}

#[test]
fn a_resumed_final_check_has_its_whole_deadline_again() {
    let hold = Some(Hold { reason: HoldReason::DeadlineExceeded, resumes: 0 });
    let mut flow = Flow::test(Action::Create, 1);
    let (plan, counted) = (plan(base_of(Kind::Grow, 0, 1), 0), Seconds(600));
    flow.progress = Progress::Verifying { plan, since: NOW, counted, hold, edited: None };
    flow.orders.resumes = 1;
    let later = NOW.plus(Seconds(1000));
    let Decision::Move(Progress::Verifying { since, counted, hold, .. }, _) =
        decide(&flow, &Observation::mine(1, 0, 1), later)
    else {
        panic!("nothing is resumed")
    };
    assert_eq!((since, counted, hold), (later, Seconds(0), None));
}

#[test]
fn a_failed_pod_on_its_way_out_holds_nothing() {
    let world = Observation::mine(2, 0, 1)
        .with(1, SERVES)
        .with(1, Facts::FRESH | Facts::FAILED | Facts::STUCK | Facts::MARKED);
    let held = decide(&growing(2, Stage::Smoking), &world, NOW);
    assert!(matches!(held, Decision::Act(_) | Decision::Wait(Waiting::Pods { .. }, _)), "{held:?}");
}

#[test]
fn a_forgiven_failed_pod_has_to_recover_before_its_batch_ends() {
    let mut flow = growing(2, Stage::PullingIn);
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.forgiven = true;
    }
    let failed = RUNS.difference(Facts::BOOTED) | Facts::FAILED | Facts::STUCK;
    let world = Observation::mine(2, 0, 1).with(2, SERVES).with(1, failed);
    assert!(matches!(decide(&flow, &world, NOW), Decision::Wait(Waiting::Pods { .. }, _)));
}

#[test]
fn the_last_batch_is_followed_by_no_interval() {
    let mut flow = growing(2, Stage::Baked);
    flow.orders.interval = Seconds(60);
    let world = Observation::mine(2, 0, 1).with(2, SERVES);
    assert!(matches!(decide(&flow, &world, NOW), Decision::Move(Progress::Verifying { .. }, _)));
}

#[test]
fn pods_come_in_before_others_go_out() {
    let world = Observation::mine(1, 0, 1).with(1, RUNS).with(1, OLD | Facts::MARKED);
    assert!(matches!(keep(&world, Seconds(0)), Some(Effect::Traffic(TrafficChange::PullIn(_)))));
}

#[test]
fn sizes_and_pods_that_do_not_fit_fail_the_flow_before_and_at_the_lock() {
    let named = |names: &[&str]| {
        let mut flow = Flow::test(Action::ScaleIn, 1);
        flow.spec.pods = names.iter().map(|name| PodName::new(*name).expect("a name")).collect();
        flow
    };
    let mut unknown = Flow::test(Action::Start, 0);
    unknown.spec.replicas = None;
    let flows = [
        (Flow::test(Action::ScaleIn, 3), 2),
        (Flow::test(Action::ScaleOut, 1), 2),
        (Flow::test(Action::Start, 1), 2),
        (unknown, 0),
        (named(&["app-0", "app-1"]), 2),
        (named(&["app-9"]), 2),
    ];
    for (flow, pods) in flows {
        let progress = Progress::Preparing { base: base_of(Kind::Grow, pods, pods) };
        for flow in [Flow { progress, ..flow.clone() }, flow] {
            let failure = failed(decide(&flow, &free(pods), NOW));
            let fits = !matches!(failure, Some(Failure::WrongSize { .. } | Failure::WrongPods { .. }));
            assert!(!fits, "{flow:?}: {failure:?}");
        }
    }
}

#[test]
fn a_stop_remembers_its_size_and_a_start_returns_to_it() {
    let lock = |remember| Decision::Act(Effect::Workload(WorkloadChange::Lock { remember }));
    let stop = || Flow::test(Action::Stop, 3);
    assert_eq!(locks(stop(), &free(3), &free(3)).1, lock(Some(3)));
    assert_eq!(locks(stop(), &free(0), &free(0)).1, lock(None));
    let mut start = Flow::test(Action::Start, 0);
    start.spec.replicas = None;
    let stopped = Observation { remembered: Some(3), ..free(0) };
    assert_eq!(locks(start, &stopped, &stopped).0.to, 3);
}

#[test]
fn what_was_read_first_stays() {
    let lock = Decision::Act(Effect::Workload(WorkloadChange::Lock { remember: None }));
    let seen = Observation { lock: Lock::Free, ..Observation::mine(2, 0, 1) };
    let (base, decided) = locks(Flow::test(Action::ScaleOut, 3), &seen.clone().with(1, SERVES), &free(2));
    assert_eq!((base.degraded, decided), (1, lock.clone()));
    let good = |names: [&str; 2]| Observation { good: names.map(revision).into(), ..free(2) };
    let (before, after) = (good(["app-new", "app-old"]), good(["app-new", "app-other"]));
    let (base, decided) = locks(Flow::test(Action::Rollback, 2), &before, &after);
    assert_eq!((base.brings, decided), (Brings::Revision(revision("app-old")), lock));
}

#[test]
fn a_rival_that_gives_way_is_ordered_to_once_the_base_is_read() {
    let rival = FlowId { name: FlowName::new("rival").expect("a name"), ..Flow::test(Action::Update, 2).id };
    let seen = |yields| Observation { lock: Lock::Theirs(rival.clone()), yields, ..free(2) };
    let (_, ordered) = locks(Flow::test(Action::Update, 2), &seen(true), &seen(true));
    assert_eq!(ordered, Decision::Act(Effect::Supersede(rival.clone())));
    let (_, waits) = locks(Flow::test(Action::Update, 2), &seen(true), &seen(false));
    assert!(matches!(waits, Decision::Wait(Waiting::Rival { .. }, _)), "{waits:?}");
}

#[test]
fn a_free_workload_goes_to_who_is_first_in_line() {
    let other =
        |name: &str| FlowId { name: name.parse().expect("a name"), ..Flow::test(Action::Update, 2).id };
    let place = Some(Place { number: 3, behind: other("before") });
    let waits = |rival: &str| {
        Decision::Wait(Waiting::Rival { rival: other(rival), place: place.clone() }, NOW.plus(LOOK_AGAIN))
    };
    let behind = Observation { place: place.clone(), ..free(2) };
    assert_eq!(decide(&Flow::test(Action::Update, 2), &behind, NOW), waits("before"));
    assert_eq!(locks(Flow::test(Action::Update, 2), &free(2), &behind).1, waits("before"));
    let held = Observation { lock: Lock::Theirs(other("holder")), ..behind.clone() };
    assert_eq!(decide(&Flow::test(Action::Update, 2), &held, NOW), waits("holder"));
    let yields = Observation { yields: true, ..held };
    let reads = decide(&Flow::test(Action::Update, 2), &yields, NOW);
    assert!(matches!(reads, Decision::Move(Progress::Preparing { .. }, _)), "{reads:?}");
    let (_, ordered) = locks(Flow::test(Action::Update, 2), &free(2), &yields);
    assert_eq!(ordered, Decision::Act(Effect::Supersede(other("holder"))), "who takes over asks in no line");
    let has = Observation { lock: Lock::Mine, ..behind };
    let (_, goes_on) = locks(Flow::test(Action::Update, 2), &free(2), &has);
    assert!(!matches!(goes_on, Decision::Wait(Waiting::Rival { .. }, _)), "{goes_on:?}");
}

#[test]
fn a_restart_lists_its_pods_before_the_first_batch_and_counts_no_others() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Restart, 2) };
    let seen = |named| Observation::mine(2, 0, 1).with(1, OLD | named).with(1, OLD);
    let listed = decide(&flow, &seen(Facts::NAMED), NOW);
    assert!(
        matches!(&listed, Decision::Act(Effect::Workload(WorkloadChange::List(pods))) if pods.len() == 1),
        "{listed:?}"
    );
    let Decision::Move(Progress::Rolling { plan, .. }, _) =
        decide(&flow, &seen(Facts::NAMED | Facts::LISTED), NOW)
    else {
        panic!("no batch begins")
    };
    assert_eq!(plan.work, 1);
}

#[test]
fn a_deletion_of_what_is_gone_succeeds() {
    let flow = || Flow::test(Action::Delete, 0);
    let plan = plan(base_of(Kind::Shrink, 2, 0), 0);
    let mut canceled = flow().at(plan.clone(), 1, 0, 2, Stage::Vacating);
    canceled.orders.canceled = true;
    let preparing = Flow { progress: Progress::Preparing { base: plan.base }, ..flow() };
    for flow in [flow(), preparing, canceled] {
        assert_eq!(verdict(decide(&flow, &Observation::absent(), NOW)), Some(Verdict::Succeeded));
    }
}

#[test]
fn only_the_success_of_what_brings_a_revision_makes_it_good() {
    let names = ["app-bad", "app-new", "app-older"];
    let seen = Observation { good: names.map(revision).into(), ..Observation::mine(1, 0, 1) };
    let released = |action, verdict, seen: &Observation| {
        let flow = Flow { progress: Progress::Finished { verdict, at: NOW }, ..Flow::test(action, 1) };
        match decide(&flow, seen, NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Release { good })) => good,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(released(Action::Update, Verdict::Canceled, &seen), None);
    assert_eq!(released(Action::Scale, Verdict::Succeeded, &seen), None);
    let left = ["app-new", "app-older"].map(revision).into();
    assert_eq!(released(Action::Rollback, Verdict::Succeeded, &seen), Some(left));
}

#[test]
fn standing_orders_change_all_together_or_not_at_all() {
    let running = || growing(2, Stage::Smoking);
    let later = || Edit { interval: Some(Seconds(5)), ..Edit::default() };
    let ended = Flow { progress: Progress::Finished { verdict: Verdict::Succeeded, at: NOW }, ..running() };
    assert!(matches!(edit(&ended, &later()), Err(Refusal::Finished { .. })));
    let mut closing = running();
    closing.orders.canceled = true;
    assert_eq!(edit(&closing, &later()), Err(Refusal::Closing));
    let target = Some(Target { batch: u32::MAX, ..Target::default() });
    assert_eq!(edit(&running(), &Edit { target, ..later() }), Err(Refusal::TooFar));
}

#[test]
fn a_flow_that_returns_takes_orders_and_a_second_cancel_changes_nothing() {
    let flow = turned(Stage::Smoking);
    assert_eq!(admit(&flow, Command::Cancel), Ok(Answer::AlreadySo));
    assert!(matches!(admit(&flow, Command::Pause), Ok(Answer::Orders(_))));
    assert!(!matches!(decide(&flow, &mine(), NOW), Decision::Move(Progress::Closing { .. }, _)));
}

#[test]
fn a_flow_gives_way_to_what_outranks_it() {
    let by = |action| Flow { uid: FlowUid::new("other").expect("a uid"), ..Flow::test(action, 2) };
    let (rollback, update) = (by(Action::Rollback), by(Action::Update));
    let running = |action| Flow { spec: Flow::test(action, 2).spec, ..growing(2, Stage::Smoking) };
    assert!(yields(&running(Action::Update), &rollback));
    assert!(!yields(&running(Action::Scale), &rollback));
    assert!(!yields(&running(Action::Update), &update));
    assert_eq!(supersede(&running(Action::Update), &update), Err(Refusal::Unyielding));
    let mut paused = running(Action::Update);
    paused.orders.paused = true;
    assert!(yields(&paused, &update));
    paused.orders.canceled = true;
    assert!(!yields(&paused, &update));
    assert_eq!(supersede(&paused, &update), Ok(Answer::AlreadySo));
    let mut elsewhere = rollback;
    elsewhere.id.namespace = Namespace::new("elsewhere").expect("a name");
    assert!(!yields(&running(Action::Update), &elsewhere));
}

#[test]
fn a_cancel_keeps_what_cannot_be_taken_back() {
    let kept = |kind, brings, stage, seen: Observation| {
        let base = Base { brings, ..base_of(kind, 3, if kind == Kind::Shrink { 1 } else { 3 }) };
        let mut flow = Flow::test(Action::Update, 3).at(plan(base, 0), 1, 0, 2, stage);
        flow.orders.canceled = true;
        match decide(&flow, &seen, NOW) {
            Decision::Move(Progress::Closing { keep, floor, .. }, _) => (keep, floor),
            other => panic!("{other:?}"),
        }
    };
    let let_go = OLD.difference(Facts::HOOKED) | Facts::MARKED;
    let leaves = mine().with(2, OLD | Facts::LISTED).with(1, let_go);
    assert_eq!(kept(Kind::Shrink, Brings::Flow, Stage::Vacating, leaves.clone()), (1, 2));
    assert_eq!(kept(Kind::Swap, Brings::Nothing, Stage::Vacating, leaves), (1, 1));
    assert_eq!(kept(Kind::Swap, Brings::Flow, Stage::Proving, mine()), (2, 1));
    assert_eq!(kept(Kind::Replace, Brings::Flow, Stage::Smoking, mine()), (0, 3));
}

#[test]
fn what_was_ordered_to_return_returns() {
    let closing = |keep, verdict| {
        let plan = plan(base_of(Kind::Replace, 2, 2), 0);
        let progress = Progress::Closing { plan, verdict, keep, floor: 2, shed: true };
        Flow { progress, ..Flow::test(Action::Update, 2) }
    };
    let seen = |keep| {
        let template = Some(TemplateRef::Revision(revision("app-old")));
        let shape =
            Shape { template, unavailable: 2, ..Observation::mine(2, keep, 1).shape.expect("a shape") };
        let seen = Observation { shape: Some(shape), ..mine() };
        seen.with(keep, SERVES).with(2 - keep, OLD | Facts::CURRENT)
    };
    let returns = |flow: &Flow, keep| matches!(decide(flow, &seen(keep), NOW), Decision::Move(Progress::Preparing { base }, _) if base.turned);
    let by = Flow::test(Action::Update, 2).id;
    let aborted = Verdict::Aborted { by };
    for canceled in [true, false] {
        let ordered = |keep, verdict| {
            let mut flow = closing(keep, verdict);
            flow.orders.canceled = canceled;
            flow.spec.cancel_policy = if canceled { CancelPolicy::Revert } else { CancelPolicy::Freeze };
            flow.spec.on_failure = if canceled { OnFailure::Pause } else { OnFailure::Rollback };
            flow
        };
        assert!(returns(&ordered(1, Verdict::Canceled), 1));
        assert!(!returns(&ordered(0, Verdict::Canceled), 0), "nothing was changed");
        assert!(!returns(&ordered(1, aborted.clone()), 1), "another flow takes over");
    }
}

/// A create of so many pods in one batch.
fn growing(pods: u32, stage: Stage) -> Flow {
    Flow::test(Action::Create, pods).at(plan(base_of(Kind::Grow, 0, pods), 0), 1, 0, pods, stage)
}

fn failed(decision: Decision) -> Option<Failure> {
    match decision {
        Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) => Some(failure),
        _ => None,
    }
}

/// Ours and empty, of three pods.
fn mine() -> Observation {
    Observation::mine(3, 3, 1)
}

/// Nobody's, with so many pods that serve.
fn free(pods: u32) -> Observation {
    Observation { lock: Lock::Free, ..Observation::mine(pods, 0, 1).with(pods, SERVES) }
}

fn revision(name: &str) -> Revision {
    Revision::new(name).expect("a revision")
}

/// The base that a flow reads, and what it does about the lock at the next look.
fn locks(flow: Flow, first: &Observation, next: &Observation) -> (Base, Decision) {
    let Decision::Move(Progress::Preparing { base }, _) = decide(&flow, first, NOW) else {
        panic!("nothing is prepared")
    };
    let flow = Flow { progress: Progress::Preparing { base: base.clone() }, ..flow };
    (base, decide(&flow, next, NOW))
}

/// A cancelled flow that returns two pods to the revision before.
fn turned(stage: Stage) -> Flow {
    let base = Base { turned: true, ..base_of(Kind::Replace, 2, 2) };
    let mut flow = Flow::test(Action::Update, 2).at(plan(base, 0), 1, 0, 2, stage);
    flow.orders.canceled = true;
    flow
}

fn verdict(decision: Decision) -> Option<Verdict> {
    match decision {
        Decision::Move(Progress::Finished { verdict, .. }, _) => Some(verdict),
        _ => None,
    }
}
