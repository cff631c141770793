//! What the exhaustive search and the seeded runs found wrong in the engine: one test per defect.

use alloc::collections::BTreeSet;

use super::closing::verifying;
use super::decide;
use super::decision::{Decision, Effect};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, closing, reshape, shape};
use super::goal::plan;
use crate::model::{
    Action, Base, BatchSize, Brings, Facts, Flow, Hold, HoldReason, Kind, Lock, Observation, PodChange,
    PodRef, Progress, Revision, Shape, Stage, TemplateRef, Tolerance, TrafficChange, WorkloadChange,
};

/// Others named a new pod that served. The pod in its place counted as one too many while the named one stayed: it was
/// named, too, another one was started for it, and so on.
#[test]
fn a_pod_in_the_place_of_one_that_others_named_is_not_named() {
    let flow =
        Flow::test(Action::Update, 3).at(plan(base_of(Kind::Replace, 3, 3), 0), 3, 2, 1, Stage::Leaving);
    let leaves = Facts::DOOMED | Facts::MARKED;
    for named in [SERVES | leaves, (SERVES | leaves).difference(Facts::ASKED)] {
        let shape = Observation::mine(3, 0, 1).shape.map(|shape| Shape { doomed: None, ..shape });
        let seen = Observation { shape, stable: Revision::new("app-old").ok(), ..Observation::mine(3, 0, 1) };
        let seen = seen.with(1, OLD).with(2, SERVES).with(1, named).with(1, RUNS);
        let decided = decide(&flow, &seen, NOW);
        assert!(!matches!(decided, Decision::Act(Effect::Workload(_))), "{named:?}: {decided:?}");
    }
}

/// The batch held only after it had asked for more pods, or pulled more of them in.
#[test]
fn a_look_that_shows_a_failed_pod_widens_nothing_in_that_same_step() {
    let flow = || Flow::test(Action::Create, 3);
    let grow = || plan(base_of(Kind::Grow, 0, 3), 0);
    let failed = RUNS.difference(Facts::BOOTED | Facts::OUT) | Facts::FAILED | Facts::STUCK;
    let unasked = Observation::mine(2, 0, 1).with(1, SERVES).with(1, failed);
    assert_eq!(held(&flow().at(grow(), 2, 2, 1, Stage::Smoking), &unasked), Some(HoldReason::PodsFailed));
    let ready = Observation::mine(3, 0, 1).with(1, SERVES).with(1, RUNS).with(1, failed);
    assert_eq!(held(&flow().at(grow(), 2, 2, 1, Stage::PullingIn), &ready), Some(HoldReason::PodsFailed));
}

/// Somebody scaled a workload in the middle of a batch, one of the new pods that came of it failed, and the batch
/// took it for one that it goes on without.
#[test]
fn only_failed_pods_that_the_batch_goes_on_without_are_excused() {
    let failed = RUNS.difference(Facts::BOOTED) | Facts::FAILED | Facts::STUCK;
    let batch = |tolerance, stage| {
        let mut flow =
            Flow::test(Action::Update, 7).at(plan(base_of(Kind::Replace, 7, 7), 0), 1, 0, 1, stage);
        flow.spec.tolerance = tolerance;
        flow
    };
    let seen = |(replicas, partition), old, new| {
        Observation::mine(replicas, partition, 1).with(old, OLD).with(new, SERVES).with(1, failed)
    };
    let some = Tolerance::UpTo(BatchSize::Percent(80));
    let rows = [
        ("they came of numbers of others and stay", some, seen((8, 7), 2, 5), true),
        ("nothing is tolerated", Tolerance::Nothing, seen((8, 7), 2, 5), true),
        ("all that is there is asked for", some, seen((8, 6), 6, 1), true),
        ("fewer are asked for next", some, seen((9, 7), 7, 1), false),
        ("fewer are asked for, and the view of the pods is older", some, seen((8, 7), 7, 1), false),
    ];
    for (what, tolerance, seen, holds) in rows {
        for stage in [Stage::Smoking, Stage::PullingIn] {
            let reason = held(&batch(tolerance, stage), &seen);
            assert_eq!(reason, holds.then_some(HoldReason::PodsFailed), "{what}, {stage:?}");
        }
    }
}

/// A pod that nobody can steer was let go, still took traffic, and was counted as serving for the next one.
#[test]
fn a_pod_that_was_let_go_unsteered_serves_no_more() {
    let unsteered = Facts::BOOTED | Facts::HOOKED | Facts::IN | Facts::MARKED;
    let let_go = unsteered.difference(Facts::HOOKED);
    let update =
        Flow::test(Action::Update, 1).at(plan(base_of(Kind::Replace, 1, 1), 0), 1, 0, 1, Stage::Leaving);
    let world = Observation::mine(1, 0, 1).with(1, let_go).with(1, unsteered);
    assert!(matches!(decide(&update, &world, NOW), Decision::Wait(..)), "one must stay");
}

/// A new pod was lost after its stage had ended; old pods were chosen all the same.
#[test]
fn old_pods_are_not_chosen_while_a_new_one_was_lost_and_its_replacement_is_not_in() {
    let replace = || plan(base_of(Kind::Replace, 2, 2), 0);
    let flow = Flow::test(Action::Update, 2).at(replace(), 1, 0, 1, Stage::Leaving);
    let world = |facts| Observation::mine(3, 2, 1).with(2, OLD).with(1, facts);
    let pulled_in = decide(&flow, &world(RUNS), NOW);
    assert!(matches!(pulled_in, Decision::Act(Effect::Traffic(TrafficChange::PullIn(_)))), "{pulled_in:?}");
    let booting = decide(&flow, &world(RUNS.difference(Facts::BOOTED)), NOW);
    assert!(matches!(booting, Decision::Wait(..)), "{booting:?}");
    let shrunk = Shape { replicas: 2, partition: Some(1), ..shape() };
    assert_eq!(decide(&flow, &world(SERVES), NOW), reshape(shrunk));
}

/// An old pod was lost while another was chosen, and a new one came in its place. The chosen one could not leave
/// before the new one served, and that one not serve before a person agreed, who was not asked.
#[test]
fn a_batch_whose_new_pods_came_for_lost_ones_goes_on_before_old_ones_leave() {
    let plan = || plan(base_of(Kind::Swap, 3, 3), 0);
    let flow = Flow::test(Action::Update, 3).canary(1).at(plan(), 1, 0, 1, Stage::Vacating);
    let world = |chosen| {
        let mut world = Observation::mine(3, 2, 0).with(1, OLD).with(1, chosen | Facts::MARKED).with(1, RUNS);
        world.shape = world.shape.map(|shape| Shape { unavailable: 3, ..shape });
        world
    };
    match decide(&flow, &world(OLD), NOW) {
        Decision::Move(Progress::Rolling { batch, .. }, _) => assert_eq!(batch.stage, Stage::Smoking),
        other => panic!("{other:?}"),
    }
    let drains = OLD.difference(Facts::IN | Facts::ASKED) | Facts::OUT;
    assert!(matches!(decide(&flow, &world(drains), NOW), Decision::Wait(..)), "it leaves soon");
}

/// Somebody raised size and partition: the controller wanted to exchange the old pods it had added, and
/// waited for new ones to be available that the batch did not pull in yet.
#[test]
fn old_pods_that_others_added_are_kept_until_old_pods_leave_anyway() {
    let batch =
        |stage| Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, stage);
    let world = |replicas, partition| Observation::mine(replicas, partition, 1).with(4, OLD);
    let kept = Shape { replicas: 5, partition: Some(4), ..shape() };
    assert_eq!(decide(&batch(Stage::Smoking), &world(3, 2), NOW), reshape(kept));
    let leave = Shape { replicas: 2, partition: Some(1), ..shape() };
    assert_eq!(decide(&batch(Stage::Leaving), &world(5, 4).with(1, SERVES), NOW), reshape(leave));
}

/// Old pods that were marked for deletion were replaced beside them, the replacements were taken for pods that
/// others had added, and each look asked for more: without end.
#[test]
fn pods_that_are_to_be_deleted_anyway_are_not_kept_beside_their_replacements() {
    let flow =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Smoking);
    let world = |doomed| {
        let old = if doomed { OLD | Facts::DOOMED } else { OLD };
        Observation::mine(3, 2, 1).with(1, old).with(2, OLD)
    };
    let kept = Shape { replicas: 4, partition: Some(3), ..shape() };
    assert_eq!(decide(&flow, &world(false), NOW), reshape(kept), "pods that others added are kept");
    assert!(matches!(decide(&flow, &world(true), NOW), Decision::Wait(..)));
}

/// A pod was replaced while the flow was paused before the first batch, or after the last: it stayed out.
#[test]
fn a_paused_flow_pulls_replacements_in_before_and_after_the_batches() {
    let plan = plan(base_of(Kind::Replace, 2, 2), 0);
    let before = Progress::Preparing { base: base_of(Kind::Replace, 2, 2) };
    let after = verifying(plan, NOW);
    for (progress, pods) in [(before, OLD), (after, SERVES)] {
        let mut flow = Flow { progress, ..Flow::test(Action::Update, 2) };
        flow.orders.paused = true;
        let replacement = pods.difference(Facts::ASKED | Facts::IN) | Facts::OUT;
        let paused = Observation { paused: true, ..Observation::mine(2, 2, 1) };
        let decided = decide(&flow, &paused.with(1, pods).with(1, replacement), NOW);
        assert!(
            matches!(&decided, Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) if pods.len() == 1),
            "{decided:?}"
        );
    }
}

/// A flow began right after another one had ended, before the workload's controller had taken notice of that: which
/// revision served was unknown, and the rollback returned to that very one.
#[test]
fn nothing_is_read_of_a_workload_before_its_controller_has_told_what_serves() {
    let revision = |name| Revision::new(name).expect("a revision");
    let mut seen = Observation { lock: Lock::Free, ..Observation::mine(2, 0, 1) }.with(2, OLD);
    seen.good = alloc::vec![revision("app-new"), revision("app-old")];
    let unsettled = Observation { settled: false, revision: None, ..seen.clone() };
    let back = Flow::test(Action::Rollback, 2).same_size();
    let base = Base { brings: Brings::Revision(revision("app-old")), ..base_of(Kind::Replace, 2, 2) };
    let begun = Flow { progress: Progress::Preparing { base }, ..back.clone() };
    for flow in [&back, &begun] {
        assert!(matches!(decide(flow, &unsettled, NOW), Decision::Wait(..)), "{:?}", flow.progress);
    }
    match decide(&back, &seen, NOW) {
        Decision::Move(Progress::Preparing { base }, _) => {
            assert_eq!(base.brings, Brings::Revision(revision("app-old")));
        }
        other => panic!("{other:?}"),
    }
}

/// A rollback looked for a last good revision once more after the update that gave way had restored it, and
/// failed: there was none before that one.
#[test]
fn a_rollback_returns_to_what_it_chose_before_the_update_gave_way() {
    let old = || Revision::new("app-old").expect("a revision");
    let base = Base { brings: Brings::Revision(old()), ..base_of(Kind::Replace, 2, 2) };
    let flow =
        Flow { progress: Progress::Preparing { base: base.clone() }, ..Flow::test(Action::Rollback, 2) };
    let mut restored = Observation { lock: Lock::Free, ..Observation::mine(2, 0, 1) };
    restored.revision = Some(old());
    restored.good = alloc::vec![old()];
    if let Some(shape) = &mut restored.shape {
        shape.template = Some(TemplateRef::Revision(old()));
    }
    let lock = Effect::Workload(WorkloadChange::Lock { remember: None });
    assert_eq!(decide(&flow, &restored.with(2, OLD), NOW), Decision::Act(lock));
}

/// Somebody brought another template while a restart by name exchanged its pods in place: all of them were chosen
/// at the end, and the final check let none of them out of traffic.
#[test]
fn the_final_check_of_a_swap_lets_chosen_pods_go_one_by_one() {
    let plan = plan(base_of(Kind::Swap, 3, 3), 0);
    let flow = Flow { progress: verifying(plan, NOW), ..Flow::test(Action::Update, 3) };
    let mut world = Observation::mine(3, 0, 0).with(3, SERVES | Facts::MARKED);
    world.shape = world.shape.map(|shape| Shape { unavailable: 3, ..shape });
    let decided = decide(&flow, &world, NOW);
    assert!(
        matches!(&decided, Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods))) if pods.len() == 1),
        "{decided:?}"
    );
}

/// Pods of a template that others brought came without the hook while nothing could be written. The cancelled flow
/// restored its template first, with numbers that let the workload's controller choose any pod: all of them left.
#[test]
fn pods_are_hooked_before_numbers_change_in_every_stage() {
    let plan = || plan(base_of(Kind::Replace, 2, 2), 0);
    let verifying = verifying(plan(), NOW);
    let flows = [
        closing(Action::Update, base_of(Kind::Replace, 2, 2)),
        Flow { progress: verifying, ..Flow::test(Action::Update, 2) },
        Flow::test(Action::Update, 2).at(plan(), 1, 0, 1, Stage::Leaving),
    ];
    let unhooked = OLD.difference(Facts::HOOKED | Facts::GATED | Facts::ASKED);
    let world = Observation::mine(9, 9, 1).with(2, unhooked);
    for flow in flows {
        let decided = decide(&flow, &world, NOW);
        let both = |pods: &[PodRef]| pods.len() == 2;
        assert!(
            matches!(&decided, Decision::Act(Effect::Pods(PodChange::Hook(pods))) if both(pods)),
            "{decided:?}"
        );
    }
}

/// Others brought another template in the middle of a batch. To the flow every pod was an old one then, and those
/// that had been new were asked for once more beside themselves.
#[test]
fn no_pod_counts_as_added_by_others_before_the_flows_template_is_back() {
    let flow =
        Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Smoking);
    let world = |pods| {
        let mut world = Observation::mine(3, 0, 1).with(pods, OLD);
        let foreign = TemplateRef::Revision(Revision::new("app-foreign").expect("a revision"));
        world.shape = world.shape.map(|shape| Shape { template: Some(foreign), ..shape });
        world
    };
    let asked = |replicas, partition| reshape(Shape { replicas, partition: Some(partition), ..shape() });
    assert_eq!(decide(&flow, &world(3), NOW), asked(3, 2));
    assert_eq!(decide(&flow, &world(5), NOW), asked(5, 4), "pods that others added stay meanwhile");
}

/// Others brought a template in the middle of a restart. The pod that was named is available, and one chosen to be
/// updated in place used up what may be missing: nothing was deleted any more.
#[test]
fn a_pod_that_the_controller_counts_as_not_available_is_named_before_one_that_it_may_not_delete() {
    let base = Base { brings: Brings::Nothing, in_place: true, ..base_of(Kind::Replace, 2, 2) };
    let flow = Flow::test(Action::Restart, 2).at(plan(base, 0), 1, 0, 1, Stage::Leaving);
    let named = |other: Facts, named: Facts| {
        let mut seen = Observation::mine(2, 0, 0);
        let doomed = Some(BTreeSet::from(["app-1".parse().expect("a name")]));
        let unavailable = if (other | named).contains(Facts::UNAVAILABLE) { 2 } else { 1 };
        seen.shape = seen.shape.map(|shape| Shape { doomed, unavailable, ..shape });
        let due = OLD | Facts::LISTED;
        match decide(&flow, &seen.with(1, due | other).with(1, due | named).with(1, SERVES), NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => shape.doomed,
            Decision::Act(Effect::Traffic(_)) | Decision::Wait(..) => None,
            other => panic!("{other:?}"),
        }
    };
    let other = Some(BTreeSet::from(["app-0".parse().expect("a name")]));
    assert_eq!(named(Facts::empty(), Facts::empty()), None, "the one that was named stays so");
    assert_eq!(named(Facts::UNAVAILABLE, Facts::empty()), other);
    assert_eq!(named(Facts::UNAVAILABLE, Facts::MARKED), None, "it was chosen already");
    assert_eq!(named(Facts::UNAVAILABLE, Facts::UNAVAILABLE), None, "the one that was named stays so");
}

/// Those that were chosen to be updated in place were new ones of the restart, and none of them could be named.
#[test]
fn while_pods_wait_to_be_updated_in_place_for_a_template_of_others_every_named_one_may_leave() {
    let base = Base { brings: Brings::Nothing, in_place: true, ..base_of(Kind::Replace, 7, 7) };
    let flow = Flow::test(Action::Restart, 7).at(plan(base, 0), 2, 3, 3, Stage::Leaving);
    let world = |waits: Facts| {
        let mut seen = Observation::mine(7, 0, 0);
        let doomed = ["app-0", "app-1"].map(|name| name.parse().expect("a name"));
        let doomed = Some(BTreeSet::from(doomed));
        seen.shape = seen.shape.map(|shape| Shape { doomed, unavailable: 1, ..shape });
        seen.with(3, OLD | Facts::LISTED).with(4, SERVES | waits).with(3, SERVES)
    };
    let waits = decide(&flow, &world(Facts::empty()), NOW);
    assert!(matches!(waits, Decision::Wait(..)), "what is named is on its way: {waits:?}");
    match decide(&flow, &world(Facts::UNAVAILABLE), NOW) {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
            assert_eq!((shape.replicas, shape.unavailable), (7, 7));
        }
        other => panic!("{other:?}"),
    }
}

fn held(flow: &Flow, seen: &Observation) -> Option<HoldReason> {
    match decide(flow, seen, NOW) {
        Decision::Move(progress, _) => progress.hold().map(|Hold { reason, .. }| reason),
        Decision::Act(_) | Decision::Wait(..) | Decision::Done => None,
    }
}
