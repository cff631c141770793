//! A failure is what does not heal, and what was ordered takes its time.

use core::time::Duration;

use super::closing::verifying;
use super::decision::{Decision, Effect, Time, Waiting, Why};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, counted, plan_of};
use super::goal::plan;
use super::{decide, look};
use crate::model::{
    Action, Batch, Facts, FailureClass, Flow, Heals, Hold, HoldReason, Kind, Lasts, Observation, OnFailure,
    PodFailure, PodPhase, PodTraffic, Progress, Seconds, Shape, Stage, Steps, Traffic, TrafficView, Verdict,
    WorkloadChange, WorkloadPod, WorkloadView,
};

/// A new pod that something keeps from running, and that does not count as failed.
const STUCK: Facts = RUNS.difference(Facts::BOOTED).union(Facts::STUCK);
/// The same, when it counts.
const FAILED: Facts = STUCK.union(Facts::FAILED);

#[test]
fn what_may_heal_counts_after_the_grace_and_what_waits_for_room_never() {
    // When it counts, for how long it has lasted, the grace; whether it counts, and in how long it will.
    let rows = [
        (Heals::Never, 0, 120, true, None),
        (Heals::Maybe, 0, 120, false, Some(120)),
        (Heals::Maybe, 119, 120, false, Some(1)),
        (Heals::Maybe, 120, 120, true, None),
        (Heals::Maybe, 0, 0, true, None),
        (Heals::WithRoom, 100_000, 120, false, None),
    ];
    for (heals, lasts, grace, counts, turns_in) in rows {
        let mut flow = Flow::test(Action::Update, 1);
        flow.orders.grace = Seconds(grace);
        let failure = PodFailure { class: FailureClass::Setup, heals, message: "no secret".into() };
        let stuck = Duration::from_secs(lasts);
        let pod = WorkloadPod { failure: Some(failure), lasts: Lasts { stuck, ..Lasts::default() }, ..pod() };
        let seen =
            look(Some(&flow), Some(&WorkloadView { pods: [pod].into(), ..view() }), &TrafficView::default());
        let facts = |facts| seen.pods.any(facts, Facts::empty());
        assert_eq!(
            (facts(Facts::FAILED), facts(Facts::STUCK)),
            (counts, true),
            "{heals:?} {lasts} of {grace}"
        );
        assert_eq!(seen.turns_in, turns_in.map(Duration::from_secs), "{heals:?} {lasts} of {grace}");
    }
}

/// The next ones left a moment after: `minReadySeconds` had no effect.
#[test]
fn a_batch_whose_old_pods_left_first_is_done_once_new_ones_count_as_available() {
    let left = Duration::from_secs(20);
    for (kind, young, waits) in
        [(Kind::Swap, Some(left), true), (Kind::Swap, None, false), (Kind::Replace, Some(left), false)]
    {
        let flow = Flow::test(Action::Update, 2).at(plan(base_of(kind, 2, 2), 0), 1, 0, 1, Stage::Proving);
        let (there, surge, unavailable) = if kind == Kind::Swap { (2, 0, 2) } else { (3, 1, 0) };
        let seen = Observation { young_for: young, ..Observation::mine(there, 1, surge) };
        let shape = seen.shape.clone().map(|shape| Shape { unavailable, ..shape });
        let seen = Observation { shape, ..seen }.with(there - 1, OLD).with(1, SERVES);
        let decided = decide(&flow, &seen, NOW);
        let wait = Waiting::Available { pods: 0, left: Seconds(20) };
        assert_eq!(matches!(&decided, Decision::Wait(is, _) if *is == wait), waits, "{kind:?} {decided:?}");
    }
}

#[test]
fn a_hold_that_a_person_keeps_does_not_say_that_it_lifts_itself() {
    for reason in [HoldReason::PodsFailed, HoldReason::Resized] {
        for paused in [false, true] {
            let held = Waiting::Held { reason, failed: 0, edits: [].into(), paused, blocks: false };
            let (text, itself) = (alloc::string::ToString::to_string(&held), "goes on by itself");
            assert_eq!(text.contains(itself), !paused, "{text}");
            assert_eq!(text.contains("by order"), paused, "{text}");
        }
    }
    let hold = Some(Hold { reason: HoldReason::PodsFailed, resumes: 0 });
    for paused in [false, true] {
        let mut flow =
            Flow::test(Action::Create, 1).at(plan(base_of(Kind::Grow, 0, 1), 0), 1, 0, 1, Stage::Smoking);
        flow.orders.paused = paused;
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            batch.hold = hold;
        }
        let seen = Observation { paused: true, ..Observation::mine(1, 0, 1).with(1, FAILED) };
        let Decision::Wait(waiting, _) = decide(&flow, &seen, NOW) else { panic!("it is held") };
        let told = Waiting::Held {
            reason: HoldReason::PodsFailed,
            failed: 1,
            edits: [].into(),
            paused,
            blocks: false,
        };
        assert_eq!(waiting, told);
    }
}

#[test]
fn a_pod_that_has_restarted_is_shaky_until_it_was_seen_calm_for_the_grace() {
    for (restarts, booted, calm, shaky) in [
        (0, true, 0, false),
        (2, true, 0, true),
        (2, true, 119, true),
        (2, true, 120, false),
        (2, false, 500, true),
    ] {
        let calm = Duration::from_secs(calm);
        let lasts = Lasts { calm, ..Lasts::default() };
        let pod = WorkloadPod { booted, steps: Steps { restarts, ..Steps::default() }, lasts, ..pod() };
        let seen = look(None, Some(&WorkloadView { pods: [pod].into(), ..view() }), &TrafficView::default());
        assert_eq!(seen.pods.any(Facts::SHAKY, Facts::empty()), shaky, "{restarts} {booted} {calm:?}");
    }
}

#[test]
fn a_pod_without_a_node_stops_a_flow_at_the_deadline_and_as_a_failed_pod() {
    let flow = smoking();
    for (pod, early, late) in [
        (STUCK, None, HoldReason::PodsFailed),
        (FAILED, Some(HoldReason::PodsFailed), HoldReason::PodsFailed),
        (RUNS.difference(Facts::BOOTED), None, HoldReason::DeadlineExceeded),
    ] {
        let world = Observation::mine(1, 0, 1).with(1, pod);
        assert_eq!(held(&counted(&flow, 599), &world), early, "{pod:?}");
        assert_eq!(held(&counted(&flow, 600), &world), Some(late), "{pod:?}");
    }
}

#[test]
fn a_flow_looks_again_when_a_pod_will_count_as_failed() {
    let turns_in = Some(Duration::from_secs(7));
    let world = Observation { turns_in, ..Observation::mine(1, 0, 1).with(1, STUCK) };
    let wait = Decision::Wait(Waiting::Pods { ready: 0, of: 1, in_grace: false }, NOW.plus(Seconds(7)));
    assert_eq!(decide(&smoking(), &world, NOW), wait);
}

#[test]
fn nothing_more_is_asked_for_beside_a_pod_that_is_stuck() {
    let plan = plan(base_of(Kind::Grow, 0, 2), 0);
    let flow = Flow::test(Action::Create, 2).batches_of(1);
    for stage in [Stage::Queued, Stage::Baked] {
        let flow = if stage == Stage::Queued {
            flow.clone().at(plan.clone(), 2, 1, 1, stage)
        } else {
            flow.clone().at(plan.clone(), 1, 0, 1, stage)
        };
        let wait = decide(&flow, &Observation::mine(1, 0, 1).with(1, STUCK), NOW);
        // In a stage that may ask a person, the time for it begins first.
        let waits = matches!(
            wait,
            Decision::Wait(Waiting::Pods { ready: 0, of: 1, in_grace: false }, _)
                | Decision::Move(_, Why::PodsMissing { .. })
        );
        assert!(waits, "{stage:?}: {wait:?}");
        let well = decide(&flow, &Observation::mine(1, 0, 1).with(1, SERVES), NOW);
        assert!(matches!(well, Decision::Move(..)), "{stage:?}: {well:?}");
    }
}

#[test]
fn a_hold_by_failed_pods_lifts_itself_when_what_kept_them_is_gone() {
    // The reason of the hold, whether a person paused the flow, the pod; whether the hold lifts.
    let rows = [
        (HoldReason::PodsFailed, false, RUNS, true),
        (HoldReason::PodsFailed, false, RUNS.difference(Facts::BOOTED), true),
        (HoldReason::PodsFailed, false, STUCK, false),
        (HoldReason::PodsFailed, false, FAILED, false),
        (HoldReason::PodsFailed, false, RUNS | Facts::SHAKY, false),
        (HoldReason::PodsFailed, false, RUNS.difference(Facts::BOOTED) | Facts::SHAKY, false),
        (HoldReason::PodsFailed, true, RUNS, false),
        (HoldReason::DeadlineExceeded, false, RUNS, false),
        (HoldReason::Drift, false, RUNS, false),
        (HoldReason::Resized, false, RUNS, false),
    ];
    for (reason, paused, pod, lifts) in rows {
        let mut flow = holds(reason);
        flow.orders.paused = paused;
        let world = Observation { paused: true, ..Observation::mine(1, 0, 1).with(1, pod) };
        let decision = decide(&flow, &world, NOW);
        let mended = matches!(&decision, Decision::Move(Progress::Rolling { batch, .. }, Why::Mended)
            if batch.hold.is_none() && !batch.forgiven && batch.counted == Seconds(0));
        assert_eq!(mended, lifts, "{reason:?} {paused} {pod:?}: {decision:?}");
    }
}

#[test]
fn a_flow_that_returns_what_it_changed_goes_on_by_itself_too() {
    let mut flow = holds(HoldReason::PodsFailed);
    if let Progress::Rolling { plan, .. } = &mut flow.progress {
        plan.base.turned = true;
    }
    let world = Observation { paused: true, ..Observation::mine(1, 0, 1).with(1, RUNS) };
    assert!(matches!(decide(&flow, &world, NOW), Decision::Move(_, Why::Mended)));
}

#[test]
fn a_pod_that_takes_long_to_end_does_not_hold_success_back_once_it_is_out_and_drained() {
    let flow = Flow {
        progress: verifying(plan(base_of(Kind::Replace, 1, 1), 0), NOW),
        ..Flow::test(Action::Update, 1)
    };
    let out = |seconds| Some(Traffic::Out { lasts: Duration::from_secs(seconds) });
    for (shown, succeeds, time) in [
        (out(10), true, Time::Counts),
        (out(9), false, Time::Stands),
        (Some(Traffic::In), false, Time::Counts),
        (Some(Traffic::Moving), false, Time::Counts),
        (None, false, Time::Counts),
    ] {
        let (new, old) =
            (serving("app-1"), WorkloadPod { version: "9".parse().expect("a version"), ..serving("app-0") });
        let mut traffic = TrafficView::default();
        traffic.pods.insert(new.uid.clone(), PodTraffic { asked: Some(true), shown: Traffic::In });
        if let Some(shown) = shown {
            traffic.pods.insert(old.uid.clone(), PodTraffic { asked: Some(false), shown });
        }
        let view = WorkloadView { pods: [new].into(), terminating: [old].into(), ..view() };
        match decide(&flow, &look(Some(&flow), Some(&view), &traffic), NOW) {
            Decision::Move(Progress::Finished { verdict: Verdict::Succeeded, .. }, _) => {
                assert!(succeeds, "{shown:?}");
            }
            Decision::Wait(waiting, _) => assert_eq!((false, waiting.time()), (succeeds, time), "{shown:?}"),
            other => panic!("{shown:?}: {other:?}"),
        }
    }
}

#[test]
fn what_serves_as_ordered_is_never_rolled_back_for_a_pod_that_does_not_end() {
    let mut flow = Flow {
        progress: verifying(plan(base_of(Kind::Replace, 2, 2), 0), NOW),
        ..Flow::test(Action::Update, 2)
    };
    flow.spec.on_failure = OnFailure::Rollback;
    let late = counted(&flow, 600);
    let ending = Observation { terminating: 1, ..Observation::mine(2, 0, 1).with(2, SERVES) };
    assert_eq!(held(&late, &ending), Some(HoldReason::DeadlineExceeded));
    let missing = Observation::mine(2, 0, 1).with(1, SERVES).with(1, RUNS | Facts::ASKED);
    let stops = decide(&late, &missing, NOW);
    assert!(matches!(stops, Decision::Move(Progress::Closing { .. }, Why::Stopping { .. })), "{stops:?}");
}

#[test]
fn time_that_was_ordered_does_not_count_against_the_deadline() {
    let flow = Flow::test(Action::Update, 2).batches_of(1).at(
        plan(base_of(Kind::Replace, 2, 2), 0),
        1,
        0,
        1,
        Stage::Leaving,
    );
    let world = || Observation::mine(2, 1, 1).with(1, OLD).with(1, SERVES);
    let leaving = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED;
    let available_in = Some(Duration::from_secs(40));
    let unchosen = || world().with(1, OLD);
    for (name, seen, time) in [
        ("it drains", world().out_for(leaving | Facts::OUT, 3), Time::Stands),
        ("nobody knows whether it is out", world().with(1, leaving), Time::Counts),
        ("the controller chooses nothing", unchosen(), Time::Counts),
        ("new pods are too young", Observation { available_in, ..unchosen() }, Time::Stands),
        (
            "one was chosen all the same",
            Observation { available_in, ..world().with(1, leaving) },
            Time::Counts,
        ),
    ] {
        let Decision::Wait(waiting, _) = decide(&flow, &seen, NOW) else { panic!("{name}: does not wait") };
        assert_eq!(waiting.time(), time, "{name}: {waiting}");
    }
    let swap = Flow::test(Action::Update, 2).at(plan_of(Kind::Swap, 2, 2), 1, 0, 2, Stage::Smoking);
    let boots = RUNS.difference(Facts::BOOTED);
    for (name, pod, time) in [
        ("it rests before it is updated in place", boots | Facts::IN_GRACE, Time::Stands),
        ("it starts", boots, Time::Counts),
        ("an old one rests", OLD | Facts::IN_GRACE, Time::Counts),
    ] {
        let seen = Observation::mine(2, 0, 0).with(1, boots).with(1, pod);
        let shape = seen.shape.clone().map(|shape| Shape { unavailable: 2, ..shape });
        let decision = decide(&swap, &Observation { shape, ..seen }, NOW);
        let Decision::Wait(waiting, _) = decision else { panic!("{name}: {decision:?}") };
        assert_eq!(waiting.time(), time, "{name}: {waiting}");
    }
}

#[test]
fn pods_are_too_young_until_every_ready_one_was_ready_for_as_long_as_the_workload_demands() {
    let ready = |seconds| {
        let ready = Duration::from_secs(seconds);
        WorkloadPod { ready: true, lasts: Lasts { ready, ..Lasts::default() }, ..serving("app-0") }
    };
    let marked = WorkloadPod { marked: true, ..ready(0) };
    // What the workload demands, how many pods its controller counts as available, and what is left.
    for (min_ready, available, pods, left) in [
        (0, Some(0), alloc::vec![ready(0)], None),
        (60, None, alloc::vec![ready(60)], None),
        (60, None, alloc::vec![ready(60), ready(15), ready(30)], Some(45)),
        (60, None, alloc::vec![marked], None),
        (60, None, alloc::vec![WorkloadPod { ready: false, ..ready(0) }], None),
        // The controller has not looked again, for as long as that may be.
        (60, Some(1), alloc::vec![ready(99), ready(70)], Some(50)),
        (60, Some(2), alloc::vec![ready(99), ready(70)], None),
        (60, Some(1), alloc::vec![ready(130), ready(120)], None),
    ] {
        let view = WorkloadView { min_ready: Seconds(min_ready), available, pods, ..view() };
        let seen = look(None, Some(&view), &TrafficView::default());
        assert_eq!(seen.available_in, left.map(Duration::from_secs), "{view:?}");
    }
}

fn smoking() -> Flow {
    Flow::test(Action::Create, 1).at(plan(base_of(Kind::Grow, 0, 1), 0), 1, 0, 1, Stage::Smoking)
}

fn holds(reason: HoldReason) -> Flow {
    let mut flow = smoking();
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        *batch = Batch { hold: Some(Hold { reason, resumes: 0 }), ..*batch };
    }
    flow
}

fn held(flow: &Flow, world: &Observation) -> Option<HoldReason> {
    match decide(flow, world, NOW) {
        Decision::Move(progress, Why::Held { .. }) => progress.hold().map(|hold| hold.reason),
        Decision::Wait(..) => None,
        Decision::Act(Effect::Workload(WorkloadChange::SetPaused(_))) => None,
        other => panic!("{other:?}"),
    }
}

fn view() -> WorkloadView {
    WorkloadView::test(1, alloc::vec![])
}

fn serving(name: &str) -> WorkloadPod {
    WorkloadPod { ready: true, ..WorkloadPod::test(name.parse().expect("a name")) }
}

fn pod() -> WorkloadPod {
    let name = "app-0".parse().expect("a name");
    WorkloadPod { booted: false, phase: PodPhase::Pending, ..WorkloadPod::test(name) }
}
