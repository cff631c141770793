//! Guards that no other test of the engine misses: see `docs/proof.md`.

use super::decision::{Decision, Effect, Waiting};
use super::fixtures::{NOW, OLD, base};
use super::{decide, keep};
use crate::model::{
    Action, Facts, Failure, Flow, Lock, Observation, Obstacle, Progress, Seconds, Verdict, WorkloadChange,
};

#[test]
fn the_keeper_lets_a_pod_go_only_when_it_has_drained() {
    let leaving = OLD.difference(Facts::ASKED | Facts::IN) | Facts::MARKED | Facts::OUT;
    let world = Observation::mine(1, 0, 0).out_since(leaving, NOW);
    let keeps = |after| keep(&world, Seconds(10), NOW.plus(Seconds(after)));
    assert_eq!(keeps(9), None);
    assert!(matches!(keeps(10), Some(Effect::Workload(WorkloadChange::LetGo(_)))));
}

#[test]
fn a_workload_that_cannot_be_acted_on_fails_the_flow() {
    let flow = Flow::test(Action::Update, 3);
    let owner = "Deployment web";
    let obstacles = [
        (Obstacle::Deleted, Failure::WorkloadDeleted),
        (Obstacle::Owned { owner: owner.into() }, Failure::WorkloadOwned { owner: owner.into() }),
        (Obstacle::Unsupported { what: "in place".into() }, Failure::Unsupported { what: "in place".into() }),
    ];
    for (obstacle, failure) in obstacles {
        let world = Observation { lock: Lock::Free, obstacle: Some(obstacle), ..Observation::mine(3, 0, 0) };
        assert_eq!(failed(decide(&flow, &world, NOW)), Some(failure));
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

fn failed(decision: Decision) -> Option<Failure> {
    match decision {
        Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) => Some(failure),
        _ => None,
    }
}
