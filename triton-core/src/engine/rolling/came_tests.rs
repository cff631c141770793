//! A hold by a missed deadline lifts itself once what it waited for is there.

use crate::engine::closing::verifying;
use crate::engine::decide;
use crate::engine::decision::{Decision, Why};
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
    for (pods, lifts) in [(&[SERVES, SERVES][..], true), (&[SERVES, RUNS], false), (&[SERVES], false)] {
        let progress = verifying(plan_of(Kind::Replace, 2, 2), NOW);
        let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
        assert_eq!(lifted(&flow, pods), lifts, "{pods:?}");
    }
}

/// Whether the flow, held by a missed deadline, goes on by itself; never while it is paused by order.
fn lifted(flow: &Flow, pods: &[Facts]) -> bool {
    let hold = Some(Hold { reason: HoldReason::DeadlineExceeded, resumes: 0 });
    let mut flow = flow.clone();
    match &mut flow.progress {
        Progress::Rolling { batch, .. } => *batch = Batch { hold, counted: Seconds(600), ..*batch },
        Progress::Verifying { hold: held, .. } => *held = hold,
        other => panic!("no deadline runs in {other:?}"),
    }
    let seen = pods.iter().fold(Observation::mine(2, 0, 2), |seen, facts| seen.with(1, *facts));
    let seen = Observation { frozen: true, ..seen };
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
