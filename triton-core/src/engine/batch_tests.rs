//! Rules of batches, closing and the final check that no other test of the engine covers.

use alloc::collections::BTreeSet;

use super::decision::{Decision, Effect, Waiting, Why};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, counted};
use super::goal::{Goal, batch_size, plan};
use super::table::Until;
use super::tend::{Tend, tend};
use super::until::unmet;
use super::{decide, keep};
use crate::model::{
    Action, Base, BatchSize, Brings, Facts, Flow, Hold, HoldReason, Kind, Lock, Observation, OnFailure, Plan,
    PodChange, PodName, Progress, Seconds, Shape, Stage, Tolerance, TrafficChange, Verdict, WorkloadChange,
};

const FAILS: Facts = RUNS.difference(Facts::BOOTED).union(Facts::FAILED).union(Facts::STUCK);

/// Four pods are created; the first batch has this size.
fn tolerant(size: u32, stage: Stage) -> Flow {
    let mut flow = Flow::test(Action::Create, 4);
    flow.spec.tolerance = Tolerance::UpTo(BatchSize::Pods(1));
    flow.at(plan(base_of(Kind::Grow, 0, 4), 0), 1, 0, size, stage)
}

#[test]
fn a_batch_goes_on_without_what_is_tolerated_once_the_rest_is_ready() {
    let seen = |other| Observation::mine(2, 0, 1).with(1, other).with(1, FAILS);
    let boots = decide(&tolerant(2, Stage::Smoking), &seen(RUNS.difference(Facts::BOOTED)), NOW);
    assert!(matches!(boots, Decision::Wait(Waiting::Pods { .. }, _)), "{boots:?}");
    match decide(&tolerant(2, Stage::Smoking), &seen(RUNS), NOW) {
        Decision::Move(Progress::Rolling { batch, .. }, Why::GoesOnWithout { .. }) => {
            assert_eq!(batch.size, 1)
        }
        other => panic!("{other:?}"),
    }
    let names = doomed(&decide(&tolerant(1, Stage::Smoking), &seen(RUNS), NOW));
    assert_eq!(names, Some(BTreeSet::from([name("app-1")])));
}

#[test]
fn never_a_whole_batch_nor_the_last_one_nor_one_in_traffic_may_fail() {
    let whole = Observation::mine(1, 0, 1).with(1, FAILS);
    assert!(held(&tolerant(1, Stage::Smoking), &whole));
    let last = Observation::mine(4, 0, 1).with(3, RUNS).with(1, FAILS);
    assert!(held(&tolerant(4, Stage::Smoking), &last));
    let serves = Observation::mine(2, 0, 1).with(1, SERVES).with(1, FAILS);
    assert!(held(&tolerant(2, Stage::Proving), &serves));
}

#[test]
fn pods_that_were_out_of_service_before_hold_nothing() {
    let base = Base { degraded: 1, ..base_of(Kind::Grow, 2, 3) };
    let flow = Flow::test(Action::ScaleOut, 3).at(plan(base, 0), 1, 0, 1, Stage::Smoking);
    let seen = Observation::mine(3, 0, 1).with(1, SERVES).with(1, FAILS | Facts::ASKED).with(1, RUNS);
    assert_eq!(stage(&decide(&flow, &seen, NOW)), Some(Stage::Smoked));
    let shrinks = leaving(Kind::Shrink, 1, 2);
    assert!(!held(&shrinks, &Observation::mine(1, 0, 1).with(3, FAILS)));
}

#[test]
fn the_floor_falls_with_what_leaves() {
    let seen = |replicas, partition, surge| {
        let seen = Observation::mine(replicas, partition, surge);
        let shape = seen.shape.clone().map(|shape| Shape { unavailable: 3, ..shape });
        Observation { shape, ..seen }
    };
    let shrunk = seen(1, 0, 1).with(1, SERVES).with(2, SERVES | Facts::MARKED);
    assert_eq!(pulled_out(&decide(&leaving(Kind::Shrink, 1, 2), &shrunk, NOW)), 2);
    let swapped = seen(3, 2, 0).with(2, OLD).with(1, OLD | Facts::MARKED);
    assert_eq!(pulled_out(&decide(&leaving(Kind::Swap, 3, 1), &swapped, NOW)), 1);
    let follows = seen(3, 2, 0).with(2, OLD).with(1, RUNS);
    assert_eq!(pulled_in(&decide(&leaving(Kind::Swap, 3, 1), &follows, NOW)), 1);
    let mut canary = leaving(Kind::Swap, 3, 1);
    if let Progress::Rolling { batch, .. } = &mut canary.progress {
        batch.canary = true;
    }
    assert_eq!(pulled_in(&decide(&canary, &follows, NOW)), 0);
}

#[test]
fn a_failure_stops_a_flow_that_is_told_so_unless_it_returns_already() {
    let seen = Observation::mine(3, 2, 1).with(2, OLD).with(1, FAILS);
    let flow = |turned| {
        let base = Base { turned, ..base_of(Kind::Replace, 2, 2) };
        let mut flow = Flow::test(Action::Update, 2).at(plan(base, 0), 1, 0, 1, Stage::Smoking);
        flow.spec.on_failure = OnFailure::Cancel;
        flow
    };
    assert!(matches!(decide(&flow(false), &seen, NOW), Decision::Move(Progress::Closing { .. }, _)));
    assert!(held(&flow(true), &seen));
}

#[test]
fn no_batch_starts_where_nothing_is_to_be_done() {
    let progress = Progress::Preparing { base: base_of(Kind::Replace, 2, 2) };
    let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
    let done = decide(&flow, &Observation::mine(2, 2, 1).with(2, SERVES), NOW);
    assert!(matches!(done, Decision::Move(Progress::Verifying { .. }, _)), "{done:?}");
    let late = decide(&flow, &Observation::mine(2, 2, 1).with(1, OLD).with(1, OLD | Facts::MARKED), NOW);
    assert!(matches!(late, Decision::Move(Progress::Rolling { .. }, _)), "{late:?}");
}

#[test]
fn only_what_is_drained_for_certain_is_let_go() {
    let out = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let seen = Observation::mine(4, 0, 0)
        .out_for(out, 10)
        .out_for(out, 5)
        .out_for(out.difference(Facts::OUT), 1_000)
        .out_for(out | Facts::ASKED, 10);
    match keep(&seen, Seconds(10)) {
        Some(Effect::Pods(PodChange::Unhook(pods))) => assert_eq!(pods.len(), 1),
        other => panic!("{other:?}"),
    }
    let bare = RUNS.difference(Facts::HOOKED);
    let hooked = keep(&Observation::mine(1, 0, 0).with(1, bare), Seconds(0));
    assert!(matches!(hooked, Some(Effect::Pods(PodChange::Hook(_)))), "{hooked:?}");
    let unsteered = RUNS.difference(Facts::GATED);
    assert_eq!(keep(&Observation::mine(1, 0, 0).with(1, unsteered), Seconds(0)), None);
}

#[test]
fn each_pod_that_nobody_steers_leaves_only_as_the_floor_allows() {
    let marked = Facts::BOOTED | Facts::HOOKED | Facts::IN | Facts::MARKED;
    let flow =
        Flow::test(Action::Update, 1).at(plan(base_of(Kind::Replace, 1, 1), 0), 1, 0, 1, Stage::Leaving);
    match decide(&flow, &Observation::mine(1, 0, 1).with(2, marked), NOW) {
        Decision::Act(Effect::Pods(PodChange::Unhook(pods))) => assert_eq!(pods.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn pods_that_leave_are_named_the_chosen_ones_and_those_out_of_service_first() {
    let flow = Flow::test(Action::ScaleIn, 2).at(nothing(Kind::Shrink, 3, 2), 1, 0, 1, Stage::Vacating);
    let seen = |before: &[&str]| {
        let mut seen = Observation::mine(3, 7, 1);
        if let Some(shape) = &mut seen.shape {
            shape.doomed = Some(before.iter().map(|pod| name(pod)).collect());
        }
        let down = SERVES.difference(Facts::IN) | Facts::NAMED;
        seen.with(1, SERVES | Facts::NAMED).with(1, down).with(1, SERVES)
    };
    assert_eq!(doomed(&decide(&flow, &seen(&[]), NOW)), Some(BTreeSet::from([name("app-1")])));
    assert_eq!(doomed(&decide(&flow, &seen(&["app-0"]), NOW)), Some(BTreeSet::from([name("app-0")])));
}

#[test]
fn a_flow_that_does_not_touch_the_template_leaves_the_partition_alone() {
    let flow = Flow::test(Action::ScaleOut, 3).at(nothing(Kind::Grow, 2, 3), 1, 0, 1, Stage::Smoking);
    let grows = decide(&flow, &Observation::mine(2, 7, 1).with(2, SERVES), NOW);
    assert!(
        matches!(&grows, Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) if shape.partition.is_none()),
        "{grows:?}"
    );
    let grown = decide(&flow, &Observation::mine(3, 7, 1).with(2, SERVES).with(1, FAILS), NOW);
    assert!(!matches!(grown, Decision::Act(_)), "{grown:?}");
}

#[test]
fn a_workload_that_is_changed_in_place_has_no_pod_beside_the_others() {
    let base = Base { in_place: true, ..base_of(Kind::Grow, 2, 3) };
    let flow = Flow::test(Action::ScaleOut, 3).at(plan(base, 0), 1, 0, 1, Stage::Smoking);
    match decide(&flow, &Observation::mine(2, 0, 0).with(2, SERVES), NOW) {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => assert_eq!(shape.surge, 0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn where_old_pods_leave_first_no_batch_takes_out_more_than_may_be_missing() {
    let mut flow = Flow::test(Action::Update, 4).batches_of(4).canary(1);
    flow.spec.max_unavailable = Some(BatchSize::Pods(2));
    let plan = |turned| plan(Base { turned, ..base_of(Kind::Swap, 4, 4) }, 0);
    assert_eq!(batch_size(&flow.spec, &flow.orders, &plan(false), 1, 2), 2);
    assert_eq!(batch_size(&flow.spec, &flow.orders, &plan(true), 0, 1), 2, "what returns has no canary");
}

#[test]
fn what_returns_asks_nobody_and_does_not_end_in_success() {
    let base = || Base { turned: true, ..base_of(Kind::Replace, 1, 1) };
    let seen = || Observation::mine(1, 0, 1).with(1, SERVES);
    let mut asks = Flow::test(Action::Update, 1).manual().at(plan(base(), 0), 1, 0, 1, Stage::Proving);
    if let Progress::Rolling { batch, .. } = &mut asks.progress {
        batch.canary = true;
    }
    let seen_two = Observation::mine(2, 1, 1).with(1, OLD).with(1, SERVES);
    assert_eq!(stage(&decide(&asks, &seen_two, NOW)), Some(Stage::Leaving));
    let ended = decide(&verifying(Action::Update, plan(base(), 0)), &seen(), NOW);
    assert!(
        matches!(ended, Decision::Move(Progress::Finished { verdict: Verdict::Canceled, .. }, _)),
        "{ended:?}"
    );
}

#[test]
fn the_final_check_is_strict_and_does_not_last_for_ever() {
    let update = || verifying(Action::Update, plan(base_of(Kind::Replace, 1, 1), 0));
    let many = decide(&update(), &Observation::mine(1, 0, 1).with(1, SERVES).with(1, OLD), NOW);
    assert!(matches!(many, Decision::Wait(Waiting::Verify { .. }, _)), "{many:?}");
    let shaped = decide(&update(), &Observation::mine(2, 0, 1).with(1, SERVES), NOW);
    assert!(matches!(shaped, Decision::Act(Effect::Workload(WorkloadChange::Reshape(_)))), "{shaped:?}");
    let late = |flow: &Flow| decide(&counted(flow, 600), &Observation::mine(1, 0, 1), NOW);
    assert!(matches!(late(&update()), Decision::Move(Progress::Verifying { hold: Some(_), .. }, _)));
    let mut stops = update();
    stops.spec.on_failure = OnFailure::Cancel;
    assert!(matches!(late(&stops), Decision::Move(Progress::Closing { .. }, _)));
    let delete = verifying(Action::Delete, plan(base_of(Kind::Shrink, 1, 0), 0));
    let empty = Observation::mine(0, 0, 1);
    let shape = empty.shape.clone().map(|shape| Shape { unavailable: 1, ..shape });
    let removed = decide(&delete, &Observation { shape, ..empty }, NOW);
    assert_eq!(removed, Decision::Act(Effect::Workload(WorkloadChange::Remove)));
}

#[test]
fn a_closing_flow_spares_what_was_chosen_and_names_what_leaves() {
    let closing = |plan, keep, shed| {
        let progress = Progress::Closing { plan, verdict: Verdict::Canceled, keep, floor: 2, shed };
        let mut flow = Flow { progress, ..Flow::test(Action::Update, 2) };
        flow.orders.canceled = true;
        flow
    };
    let replace = || plan(base_of(Kind::Replace, 2, 2), 0);
    let shape = Observation::mine(2, 2, 1).shape.map(|shape| Shape { unavailable: 4, ..shape });
    let chosen = Observation { shape, ..Observation::mine(2, 2, 1) }.with(2, OLD | Facts::SPECIFIED);
    let swapped = chosen.shape.clone().map(|shape| Shape { surge: 0, ..shape });
    let swap = closing(plan(base_of(Kind::Swap, 2, 2), 0), 0, false);
    let spared = decide(&swap, &Observation { shape: swapped, ..chosen.clone() }, NOW);
    assert!(matches!(spared, Decision::Act(Effect::Pods(PodChange::ClearSpecifiedDelete(_)))), "{spared:?}");
    let gone = Observation { lock: Lock::Free, ..chosen };
    let ended = decide(&closing(replace(), 0, false), &gone, NOW);
    assert!(matches!(ended, Decision::Move(Progress::Finished { .. }, _)), "{ended:?}");
    let shrink = decide(&closing(nothing(Kind::Shrink, 3, 1), 0, true), &Observation::mine(1, 0, 1), NOW);
    assert_eq!(doomed(&shrink), Some(BTreeSet::new()));
    let restart = closing(nothing(Kind::Replace, 2, 2), 0, true);
    let seen = Observation::mine(3, 0, 1).with(2, OLD | Facts::LISTED).with(1, RUNS);
    assert_eq!(doomed(&decide(&restart, &seen, NOW)).map(|doomed| doomed.len()), Some(1));
    let mut paused = closing(replace(), 0, false);
    paused.orders.paused = true;
    let other = decide(&paused, &Observation::mine(3, 2, 1), NOW);
    assert!(matches!(other, Decision::Act(Effect::Workload(WorkloadChange::Reshape(_)))), "{other:?}");
}

#[test]
fn a_hold_is_lifted_by_a_resume_and_not_while_paused() {
    let mut flow = tolerant(2, Stage::Smoking);
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.hold = Some(Hold { reason: HoldReason::PodsFailed, resumes: 0 });
    }
    flow.orders.resumes = 1;
    let seen = Observation { paused: true, ..Observation::mine(2, 0, 1).with(1, RUNS).with(1, FAILS) };
    let later = NOW.plus(Seconds(100));
    match decide(&flow, &seen, later) {
        Decision::Move(Progress::Rolling { batch, .. }, Why::Resumed) => {
            assert_eq!((batch.since, batch.met, batch.forgiven), (later, false, true));
        }
        other => panic!("{other:?}"),
    }
    flow.orders.paused = true;
    assert!(!matches!(decide(&flow, &seen, later), Decision::Move(..)));
}

#[test]
fn a_stage_waits_for_all_its_pods() {
    let grow =
        Flow::test(Action::Create, 2).at(plan(base_of(Kind::Grow, 0, 2), 0), 1, 0, 2, Stage::PullingIn);
    let asked = SERVES.difference(Facts::IN);
    let in_one = decide(&grow, &Observation::mine(2, 0, 1).with(1, SERVES).with(1, asked), NOW);
    assert!(matches!(in_one, Decision::Wait(Waiting::In { ready: 1, of: 2 }, _)), "{in_one:?}");
    let goes = decide(
        &grow,
        &Observation::mine(2, 0, 1).with(1, SERVES).with(1, asked | Facts::IN | Facts::MARKED),
        NOW,
    );
    assert!(!matches!(goes, Decision::Move(..)), "{goes:?}");
    let leaves =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Leaving);
    let unchosen = decide(&leaves, &Observation::mine(2, 1, 1).with(2, OLD).with(1, SERVES), NOW);
    assert!(matches!(unchosen, Decision::Wait(Waiting::Out { pods: 1, .. }, _)), "{unchosen:?}");
}

#[test]
fn a_pod_that_leaves_is_no_new_pod_and_no_more_come_in_than_admitted() {
    let leaves = Observation::mine(2, 0, 1).with(1, SERVES).with(1, SERVES | Facts::MARKED);
    assert!(unmet(Kind::Grow, Until::In, &leaves.pods, Goal { fresh: 2, stale: 0 }).is_some());
    let rule = Tend { admit: 1, floor: 0, go: false, drain: Seconds(0) };
    match tend(rule, &Observation::mine(2, 0, 1).with(2, RUNS).pods) {
        Some(Effect::Traffic(TrafficChange::PullIn(pods))) => assert_eq!(pods.len(), 1),
        other => panic!("{other:?}"),
    }
    assert_eq!(tend(rule, &Observation::mine(1, 0, 1).with(1, RUNS | Facts::MARKED).pods), None);
}

#[test]
fn a_batch_does_some_work_and_never_mixes_exchanges_with_what_leaves_after_them() {
    let size = |sizes, to| {
        let flow = Flow::test(Action::Update, to).batches_of(sizes);
        batch_size(&flow.spec, &flow.orders, &plan(base_of(Kind::Replace, 4, to), 0), 0, 1)
    };
    assert_eq!((size(4, 2), size(0, 4)), (2, 1));
}

#[test]
fn a_closing_flow_waits_for_what_is_too_many_and_keeps_what_is_done() {
    let closing = |plan, keep| {
        let progress = Progress::Closing { plan, verdict: Verdict::Canceled, keep, floor: 0, shed: true };
        let mut flow = Flow { progress, ..Flow::test(Action::Update, 2) };
        flow.orders.canceled = true;
        flow
    };
    let seen = |pods| {
        let seen = Observation::mine(pods, 0, 1);
        let shape = seen.shape.clone().map(|shape| Shape { unavailable: 4, ..shape });
        Observation { shape, ..seen }
    };
    let grow = decide(&closing(plan(base_of(Kind::Grow, 0, 2), 0), 1), &seen(1).with(2, SERVES), NOW);
    assert!(matches!(grow, Decision::Wait(Waiting::Out { pods: 1, .. }, _)), "{grow:?}");
    let replace = || plan(base_of(Kind::Replace, 2, 2), 0);
    let done = decide(&closing(replace(), 2), &seen(2).with(2, SERVES), NOW);
    assert!(matches!(done, Decision::Move(Progress::Finished { .. }, _)), "{done:?}");
    let same = Observation { revision: replace().base.previous, ..seen(2) };
    let same = same.with(1, SERVES | Facts::CURRENT).with(1, RUNS | Facts::CURRENT);
    assert_eq!(pulled_in(&decide(&closing(replace(), 0), &same, NOW)), 1);
    let listed = Observation::mine(3, 0, 1).with(2, OLD | Facts::LISTED);
    assert_eq!(
        doomed(&decide(&closing(nothing(Kind::Replace, 2, 2), 1), &listed, NOW)),
        Some(BTreeSet::new())
    );
}

#[test]
fn a_cancel_asks_for_no_more_pods_in_traffic_than_served() {
    let mut flow =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Smoking);
    flow.orders.canceled = true;
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.serving = 1;
    }
    let closes = decide(&flow, &Observation::mine(3, 2, 1), NOW);
    assert!(matches!(closes, Decision::Move(Progress::Closing { floor: 1, .. }, _)), "{closes:?}");
}

/// The first batch of a flow from three pods, where old pods leave first.
fn leaving(kind: Kind, to: u32, size: u32) -> Flow {
    Flow::test(Action::Update, to).at(plan(base_of(kind, 3, to), 0), 1, 0, size, Stage::Vacating)
}

/// A plan that leaves the template as it is.
fn nothing(kind: Kind, from: u32, to: u32) -> Plan {
    plan(Base { brings: Brings::Nothing, ..base_of(kind, from, to) }, 0)
}

fn verifying(action: Action, plan: Plan) -> Flow {
    let replicas = plan.base.to;
    Flow { progress: crate::engine::closing::verifying(plan, NOW), ..Flow::test(action, replicas) }
}

fn name(pod: &str) -> PodName {
    PodName::new(pod).expect("a name")
}

fn doomed(decision: &Decision) -> Option<BTreeSet<PodName>> {
    match decision {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => shape.doomed.clone(),
        _ => None,
    }
}

fn stage(decision: &Decision) -> Option<Stage> {
    match decision {
        Decision::Move(progress, _) => progress.batch().map(|batch| batch.stage),
        _ => None,
    }
}

fn held(flow: &Flow, seen: &Observation) -> bool {
    matches!(decide(flow, seen, NOW), Decision::Move(progress, _) if progress.hold().is_some())
}

fn pulled_out(decision: &Decision) -> usize {
    match decision {
        Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods))) => pods.len(),
        _ => 0,
    }
}

fn pulled_in(decision: &Decision) -> usize {
    match decision {
        Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) => pods.len(),
        _ => 0,
    }
}
