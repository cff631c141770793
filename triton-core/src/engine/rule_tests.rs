//! Rules of the engine that no other test covers.

use super::decision::{Decision, Effect, Waiting};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, revision};
use super::goal::plan;
use super::{Answer, Refusal, admit, decide, edit, keep, supersede, yields};
use crate::model::{
    Action, Base, Brings, CancelPolicy, Command, Edit, Facts, Flow, FlowUid, Hold, HoldReason, Kind,
    Namespace, Observation, OnFailure, PodChange, Progress, Seconds, Shape, Stage, Target, TemplateRef,
    TrafficChange, Verdict,
};

#[test]
fn the_keeper_lets_a_pod_go_only_when_it_has_drained() {
    let leaving = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let keeps = |after| keep(&Observation::mine(1, 0, 0).out_for(leaving, after), Seconds(10));
    assert_eq!(keeps(9), None);
    assert!(matches!(keeps(10), Some(Effect::Pods(PodChange::Unhook(_)))));
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

/// A pod that others had named was out and drained, and stayed until somebody looked for another reason.
#[test]
fn a_drain_that_ends_is_looked_at_whatever_the_flow_waits_for() {
    let leaving = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let update = |canary: u32, stage| {
        let mut flow = Flow::test(Action::Update, 4).canary(canary);
        flow.spec.drain = Seconds(10);
        flow.orders.interval = Seconds(600);
        flow.at(plan(base_of(Kind::Replace, 4, 4), 0), 1, 0, 1, stage)
    };
    let paused = |mut flow: Flow| {
        flow.orders.paused = true;
        flow
    };
    let waits = [
        (update(1, Stage::Smoked), "Approval"),
        (update(0, Stage::Baked), "Interval"),
        (paused(update(1, Stage::Smoked)), "Paused"),
    ];
    for (flow, reason) in waits {
        let baked = flow.progress.batch().is_some_and(|batch| batch.stage == Stage::Baked);
        let (replicas, old, new) = if baked { (4, 2, SERVES) } else { (5, 3, RUNS) };
        let world = Observation { paused: reason == "Paused", ..Observation::mine(replicas, old + 1, 1) };
        let world = world.with(1, new).with(old, OLD).out_for(leaving, 3);
        let decision = decide(&flow, &world, NOW);
        let Decision::Wait(waiting, until) = &decision else { panic!("{reason}: {decision:?}") };
        assert_eq!((waiting.reason(), *until), (reason, NOW.plus(Seconds(7))));
    }
}

/// A host heard nothing of pods while a pod was about to count as available: it looked again and again, without a pause.
#[test]
fn what_time_alone_changes_in_a_moment_is_not_looked_at_in_a_loop() {
    let flow = Flow::test(Action::Update, 2).canary(1);
    let flow = flow.at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Smoked);
    let at = |left: u64| {
        let available_in = Some(core::time::Duration::from_micros(left));
        let seen = Observation { available_in, ..Observation::mine(3, 2, 1) };
        match decide(&flow, &seen.with(2, OLD).with(1, RUNS), NOW) {
            Decision::Wait(_, until) => until.micros_since(NOW),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!([at(14), at(2_000_000)], [50_000, 2_000_000]);
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
            Shape { template, unavailable: 4, ..Observation::mine(2, keep, 1).shape.expect("a shape") };
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

/// Ours and empty, of three pods.
fn mine() -> Observation {
    Observation::mine(3, 3, 1)
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
