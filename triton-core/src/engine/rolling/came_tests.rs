//! A hold by a missed deadline lifts itself once what it waited for is there.

use crate::engine::closing::verifying;
use crate::engine::decide;
use crate::engine::decision::{Decision, Effect, Why};
use crate::engine::fixtures::{NOW, OLD, RUNS, SERVES, plan_of};
use crate::model::{
    Action, Batch, BatchSize, Facts, Flow, Hold, HoldReason, Kind, Observation, Progress, Seconds, Stage,
    Tolerance,
};

const BOOTS: Facts = RUNS.difference(Facts::BOOTED);
/// Asked into traffic, and not shown by the registry.
const UNSEEN: Facts = SERVES.difference(Facts::IN);
/// The same of a pod that nobody can ask.
const UNGATED: Facts = UNSEEN.difference(Facts::GATED.union(Facts::ASKED));
/// An old pod that was chosen, is out of traffic and was not let go yet.
const OUT: Facts = RUNS.difference(Facts::FRESH).union(Facts::MARKED);
/// An old pod that was chosen and is in traffic still.
const LEAVES: Facts = OUT.difference(Facts::OUT).union(Facts::IN);
/// An old pod that was let go and is there still.
const LET_GO: Facts = OUT.difference(Facts::HOOKED);

#[test]
fn a_hold_by_a_missed_deadline_lifts_itself_when_what_the_stage_waited_for_is_there() {
    use Kind::{Replace, Swap};
    use Stage::{Leaving, Proving, PullingIn, Smoking, Vacating};
    // Two pods, exchanged in one batch: the stage, its pods; whether the hold lifts.
    let rows: &[(Kind, Stage, &[Facts], bool)] = &[
        (Replace, Smoking, &[OLD, OLD, RUNS, RUNS], true),
        (Replace, Smoking, &[OLD, OLD, RUNS, BOOTS], false),
        (Replace, Smoking, &[OLD, OLD, RUNS], false),
        (Replace, Smoking, &[OLD, OLD, RUNS, RUNS.union(Facts::SHAKY)], false),
        (Replace, Smoking, &[OLD, OLD, RUNS, BOOTS.union(Facts::STUCK)], false),
        (Replace, PullingIn, &[OLD, OLD, SERVES, SERVES], true),
        (Replace, PullingIn, &[OLD, OLD, SERVES, RUNS], true),
        (Replace, PullingIn, &[OLD, OLD, SERVES, UNSEEN], false),
        (Replace, PullingIn, &[OLD, OLD, SERVES, UNGATED], false),
        (Replace, PullingIn, &[OLD, OLD, SERVES, BOOTS], false),
        (Replace, PullingIn, &[OLD, OLD, SERVES], false),
        (Replace, Proving, &[OLD, OLD, SERVES, SERVES], true),
        (Replace, Leaving, &[OUT, OUT, SERVES, SERVES], true),
        (Replace, Leaving, &[SERVES, SERVES], true),
        (Replace, Leaving, &[OUT, LEAVES, SERVES, SERVES], false),
        (Replace, Leaving, &[OUT, LET_GO, SERVES, SERVES], false),
        (Replace, Leaving, &[OUT, OLD, SERVES, SERVES], false),
        (Swap, Vacating, &[OUT, OUT], true),
        (Swap, Vacating, &[OUT, LET_GO], false),
        (Swap, Smoking, &[RUNS, RUNS], true),
        (Swap, Smoking, &[RUNS, BOOTS], false),
    ];
    for (kind, stage, pods, lifts) in rows {
        let flow = Flow::test(Action::Update, 2).at(plan_of(*kind, 2, 2), 1, 0, 2, *stage);
        assert_eq!(lifted(&flow, pods), *lifts, "{kind:?} {stage:?} {pods:?}");
    }
}

/// A flow that is stopped does not start new pods in the places of those that another size took away, and those that fail
/// and leave are not mended.
#[test]
fn a_hold_whose_new_pods_others_took_away_asks_for_a_person() {
    use Kind::{Replace, Swap};
    const FAILS: Facts = BOOTS.union(Facts::STUCK).union(Facts::FAILED);
    const GOES: Facts = FAILS.union(Facts::MARKED);
    let (late, failed) = (HoldReason::DeadlineExceeded, HoldReason::PodsFailed);
    // Four pods, two of them in the batch; how many the workload is told to have, and how many of these old. Whether the
    // hold lifts itself, and whether it says that it will.
    type Row = (Kind, HoldReason, (u32, u32), &'static [Facts], bool, bool);
    let rows: &[Row] = &[
        (Swap, late, (4, 2), &[OLD, OLD, BOOTS, BOOTS], false, true),
        (Swap, late, (4, 2), &[OLD, OLD, BOOTS], false, true),
        (Swap, late, (4, 4), &[OLD, OLD, OLD, OLD], false, false),
        (Swap, late, (4, 3), &[OLD, OLD, OLD, RUNS], false, false),
        (Swap, failed, (4, 2), &[OLD, OLD, FAILS, BOOTS], false, true),
        (Swap, failed, (4, 2), &[OLD, OLD, GOES, BOOTS], false, true),
        (Swap, failed, (4, 2), &[OLD, OLD, BOOTS, BOOTS], true, true),
        (Swap, failed, (4, 4), &[OLD, OLD, OLD, GOES], false, false),
        (Swap, failed, (4, 4), &[OLD, OLD, OLD, OLD], false, false),
        (Replace, late, (6, 4), &[OLD, OLD, OLD, OLD, BOOTS, BOOTS], false, true),
        (Replace, late, (5, 4), &[OLD, OLD, OLD, OLD, RUNS], false, false),
        (Replace, late, (4, 4), &[OLD, OLD, OLD, OLD], false, false),
        (Replace, failed, (4, 4), &[OLD, OLD, OLD, OLD], false, false),
    ];
    for (kind, reason, (told, old), pods, lifts, says) in rows {
        let mut flow = Flow::test(Action::Update, 4).at(plan_of(*kind, 4, 4), 1, 0, 2, Stage::Smoking);
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            batch.hold = Some(Hold { reason: *reason, resumes: 0 });
        }
        let seen = pods.iter().fold(Observation::mine(*told, *old, 1), |seen, facts| seen.with(1, *facts));
        let row = format!("{kind:?} {reason:?} {told} {old} {pods:?}");
        match decide(&flow, &Observation { paused: true, ..seen }, NOW) {
            Decision::Move(_, Why::CameLate | Why::Mended) => assert!(lifts, "{row}"),
            Decision::Wait(waiting, _) => {
                assert!(!lifts, "{row}");
                let told = waiting.to_string();
                assert_eq!(told.contains("goes on by itself"), *says, "{row}: {told}");
                assert!(told.contains("Resume"), "{row}: {told}");
            }
            Decision::Act(Effect::Pods(_)) => assert!(!lifts, "{row}: what leaves is let go"),
            other => panic!("{row}: {other:?}"),
        }
    }
}

#[test]
fn pods_that_may_fail_do_not_keep_the_hold() {
    let failed = BOOTS.union(Facts::STUCK).union(Facts::FAILED);
    for (tolerated, lifts) in [(1, true), (0, false)] {
        let mut flow =
            Flow::test(Action::Update, 4).at(plan_of(Kind::Replace, 4, 4), 1, 0, 2, Stage::Smoking);
        flow.spec.tolerance = Tolerance::UpTo(BatchSize::Pods(tolerated));
        assert_eq!(lifted(&flow, &[OLD, OLD, OLD, OLD, RUNS, failed]), lifts, "{tolerated}");
    }
}

#[test]
fn the_final_check_goes_on_once_all_is_as_ordered() {
    let rows: &[(&[Facts], bool)] =
        &[(&[SERVES, SERVES], true), (&[SERVES, RUNS], false), (&[SERVES], false)];
    for (pods, lifts) in rows {
        let progress = verifying(plan_of(Kind::Replace, 2, 2), NOW);
        let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
        assert_eq!(lifted(&flow, pods), *lifts, "{pods:?}");
    }
}

#[test]
fn a_hold_that_keeps_away_what_it_waits_for_asks_for_a_person() {
    let swap = |stage, in_place| {
        let mut plan = plan_of(Kind::Swap, 2, 2);
        plan.base.in_place = in_place;
        Flow::test(Action::Update, 2).at(plan, 1, 0, 2, stage)
    };
    let verify =
        || Flow { progress: verifying(plan_of(Kind::Replace, 2, 2), NOW), ..Flow::test(Action::Update, 2) };
    // Its pods; whether it says that it goes on by itself.
    let rows: &[(Flow, &[Facts], bool)] = &[
        (swap(Stage::Vacating, true), &[OLD, OLD], false),
        (swap(Stage::Vacating, false), &[OLD, OLD], true),
        (swap(Stage::Smoking, true), &[RUNS, BOOTS], true),
        (verify(), &[SERVES, OLD], false),
        (verify(), &[SERVES, BOOTS], true),
    ];
    for (flow, pods, by_itself) in rows {
        let flow = held(flow);
        let Decision::Wait(waiting, _) = decide(&flow, &seen_with(pods), NOW) else { panic!("{flow:?}") };
        assert_eq!(waiting.to_string().contains("goes on by itself"), *by_itself, "{waiting}");
    }
}

/// The same flow, held by a missed deadline.
fn held(flow: &Flow) -> Flow {
    let hold = Some(Hold { reason: HoldReason::DeadlineExceeded, resumes: 0 });
    let mut flow = flow.clone();
    match &mut flow.progress {
        Progress::Rolling { batch, .. } => *batch = Batch { hold, counted: Seconds(600), ..*batch },
        Progress::Verifying { hold: held, .. } => *held = hold,
        other => panic!("no deadline runs in {other:?}"),
    }
    flow
}

/// A paused workload with these pods.
fn seen_with(pods: &[Facts]) -> Observation {
    let seen = pods.iter().fold(Observation::mine(2, 0, 2), |seen, facts| seen.with(1, *facts));
    Observation { paused: true, ..seen }
}

/// Whether the flow, held by a missed deadline, goes on by itself; never while it is paused by order.
fn lifted(flow: &Flow, pods: &[Facts]) -> bool {
    let (flow, seen) = (held(flow), seen_with(pods));
    let paused =
        Flow { orders: crate::model::Orders { paused: true, ..flow.orders.clone() }, ..flow.clone() };
    let stays = decide(&paused, &seen, NOW);
    assert!(!matches!(stays, Decision::Move(..)), "{stays:?}");
    match decide(&flow, &seen, NOW) {
        Decision::Move(progress, Why::CameLate) => {
            assert!(progress.hold().is_none());
            true
        }
        _ => false,
    }
}
