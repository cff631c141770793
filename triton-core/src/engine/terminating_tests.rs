//! Flows that ask for new pods only when no pod is being deleted any more.

use super::*;
use crate::engine::decide;
use crate::engine::fixtures::{NOW, OLD, RUNS, SERVES, base_of, counted};
use crate::engine::goal::plan;
use crate::model::{Action, Base, Failure, Lock, PodReplacementPolicy, Verdict, WorkloadChange};

const POLICIES: [PodReplacementPolicy; 2] = PodReplacementPolicy::ALL;

/// An update of 4 pods by 2, in the first batch.
fn rolling(kind: Kind, stage: Stage, policy: PodReplacementPolicy) -> Flow {
    let mut flow = Flow::test(Action::Update, 4);
    flow.spec.pod_replacement_policy = policy;
    let from = if kind == Kind::Grow { 2 } else { 4 };
    flow.at(plan(base_of(kind, from, 4), 0), 1, 0, 2, stage)
}

fn sees(replicas: u32, partition: u32, ending: u32) -> Observation {
    Observation { ending, ..Observation::mine(replicas, partition, 0) }
}

fn asked(decision: &Decision) -> Option<(u32, Option<u32>)> {
    match decision {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
            Some((shape.replicas, shape.partition))
        }
        Decision::Act(_) | Decision::Move(..) | Decision::Wait(..) | Decision::Done => None,
    }
}

#[test]
fn more_pods_are_asked_for_when_none_is_being_deleted_any_more() {
    // The stage that asks for more pods; what the workload has before it, and is asked for.
    let rows = [
        (Kind::Grow, Stage::Smoking, sees(2, 0, 0).with(2, SERVES), (4, Some(0))),
        (Kind::Replace, Stage::Smoking, sees(4, 4, 0).with(4, OLD), (6, Some(4))),
        // A lost pod of the batch, and somebody took the size back.
        (Kind::Replace, Stage::PullingIn, sees(4, 4, 0).with(4, OLD).with(1, SERVES), (6, Some(4))),
        (Kind::Swap, Stage::Smoking, sees(2, 2, 0).with(2, OLD), (4, Some(2))),
    ];
    for (kind, stage, seen, wanted) in rows {
        for policy in POLICIES {
            let row = (kind, stage, policy);
            let flow = rolling(kind, stage, policy);
            assert_eq!(asked(&decide(&flow, &seen, NOW)), Some(wanted), "{row:?}");
            let ends = Observation { ending: 3, ..seen.clone() };
            // No deadline counts against what others keep from ending.
            for flow in [flow.clone(), counted(&flow, 1_000_000)] {
                let decision = decide(&flow, &ends, NOW);
                match policy {
                    PodReplacementPolicy::TerminationStarted => {
                        assert_eq!(asked(&decision), Some(wanted), "{row:?}")
                    }
                    PodReplacementPolicy::TerminationComplete => {
                        let Decision::Wait(waiting, _) = decision else { panic!("{row:?}: {decision:?}") };
                        assert_eq!(waiting, Waiting::Terminating { pods: 3 }, "{row:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn old_pods_that_leave_first_leave_room_until_they_are_gone() {
    for (policy, wanted) in POLICIES.into_iter().zip([(4, Some(2)), (2, Some(2))]) {
        let seen = sees(4, 4, 1).with(4, OLD);
        let flow = rolling(Kind::Swap, Stage::Vacating, policy);
        assert_eq!(asked(&decide(&flow, &seen, NOW)), Some(wanted), "{policy:?}");
    }
}

#[test]
fn what_keeps_up_goes_on_meanwhile() {
    let flow = rolling(Kind::Replace, Stage::PullingIn, PodReplacementPolicy::TerminationComplete);
    let seen = sees(4, 4, 1).with(3, OLD).with(1, OLD.difference(Facts::ASKED | Facts::IN)).with(1, RUNS);
    let decision = decide(&flow, &seen, NOW);
    assert!(matches!(decision, Decision::Act(Effect::Traffic(_))), "{decision:?}");
}

#[test]
fn a_workload_that_updates_in_place_is_refused_where_its_controller_decides_which_pods_are_made_anew() {
    use PodReplacementPolicy::{TerminationComplete, TerminationStarted};
    let rows = [
        (Action::Update, true, TerminationComplete, true),
        (Action::Update, true, TerminationStarted, false),
        (Action::Update, false, TerminationComplete, false),
        (Action::Restart, true, TerminationComplete, false),
        (Action::ScaleOut, true, TerminationComplete, false),
    ];
    for (action, in_place, policy, refused) in rows {
        let mut flow = Flow::test(action, 4);
        flow.spec.pod_replacement_policy = policy;
        let seen = Observation { in_place, lock: Lock::Free, ..Observation::mine(4, 0, 0).with(4, SERVES) };
        let decision = decide(&flow, &seen, NOW);
        let unsupported = |what: &str| what.starts_with("podReplacementPolicy: ");
        let is_refused = match &decision {
            Decision::Move(
                Progress::Finished { verdict: Verdict::Failed(Failure::Unsupported { what }), .. },
                _,
            ) => unsupported(what),
            Decision::Move(Progress::Preparing { base: Base { .. } }, _) => false,
            _ => panic!("{decision:?}"),
        };
        assert_eq!(is_refused, refused, "{action:?} {in_place} {policy:?}");
    }
}
