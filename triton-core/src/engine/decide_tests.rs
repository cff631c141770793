use alloc::vec::Vec;

use super::*;
use crate::engine::closing::verifying;
use crate::engine::fixtures::{NOW, OLD, RUNS, SERVES, base, base_of, counted};
use crate::engine::goal::plan;
use crate::engine::{Answer, Refusal, Waiting, admit};
use crate::model::{
    Batch, BatchPhase, Command, Facts, Hold, HoldReason, Kind, Lock, Orders, PodChange, PodRef, Shape, Stage,
    Target, TemplateRef, TrafficChange, Verdict,
};

#[test]
fn create_prepares_an_empty_workload_before_any_batch() {
    let flow = Flow { progress: Progress::Preparing { base: base(0, 3) }, ..create(3) };
    let want = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 0,
        partition: Some(0),
        doomed: None,
        surge: 1,
        unavailable: 0,
    };
    assert_eq!(decide(&flow, &Observation::absent(), NOW), reshape(want));
}

#[test]
fn update_locks_before_it_writes_and_reads_its_base_again_when_the_workload_changed() {
    let free = Observation { lock: Lock::Free, ..old_workload(3) };
    let flow = Flow { progress: Progress::Preparing { base: base(3, 3) }, ..update(3) };
    assert_eq!(decide(&flow, &free, NOW), Decision::change_workload(WorkloadChange::Lock { remember: None }));
    let resized = Observation { lock: Lock::Free, ..old_workload(4) };
    assert_eq!(moved(&flow, &resized), Some(Progress::Preparing { base: base(4, 3) }));
}

#[test]
fn a_rival_is_waited_for_by_name() {
    let rival = Flow::test(Action::Update, 1).id;
    let held = Observation { lock: Lock::Theirs(rival.clone()), ..old_workload(3) };
    assert!(
        matches!(decide(&update(3), &held, NOW), Decision::Wait(Waiting::Rival { rival: by, place: None, .. }, _) if by == rival)
    );
}

#[test]
fn serving_pods_are_hooked_before_any_number_changes() {
    let flow = Flow { progress: Progress::Preparing { base: base(2, 2) }, ..update(2) };
    let bare = old_workload(2).with(2, OLD.difference(Facts::FRESH | Facts::HOOKED));
    assert!(matches!(
        decide(&flow, &bare, NOW),
        Decision::Act(Effect::Pods(PodChange::Hook(pods))) if pods.len() == 2
    ));
}

#[test]
fn an_unsettled_workload_is_waited_for() {
    let world = Observation { settled: false, ..Observation::mine(1, 0, 1) };
    let flow = create(3).at(grow(3), 1, 0, 1, Stage::Smoking);
    assert!(matches!(decide(&flow, &world, NOW), Decision::Wait(Waiting::Backend, _)));
}

#[test]
fn a_replace_batch_grows_in_numbers_and_keeps_surge_for_repair() {
    let flow = update(4).batches_of(2).at(replace(4, 4), 1, 0, 2, Stage::Smoking);
    let world = Observation::mine(4, 4, 1).with(4, OLD);
    let want = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 6,
        partition: Some(4),
        doomed: None,
        surge: 2,
        unavailable: 0,
    };
    assert_eq!(decide(&flow, &world, NOW), reshape(want));
}

#[test]
fn old_pods_are_chosen_in_one_write_of_replicas_and_partition() {
    let flow = update(4).batches_of(2).at(replace(4, 4), 1, 0, 2, Stage::Leaving);
    let world = Observation::mine(6, 4, 2).with(4, OLD).with(2, SERVES);
    let want = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 4,
        partition: Some(2),
        doomed: None,
        surge: 2,
        unavailable: 0,
    };
    assert_eq!(decide(&flow, &world, NOW), reshape(want));
}

#[test]
fn a_canary_waits_for_a_person_before_and_after_it_takes_traffic() {
    let smoked = create(3).batches_of(1).canary(1).at(grow(3), 1, 0, 1, Stage::Smoked);
    let world = Observation::mine(1, 0, 1).with(1, RUNS);
    assert_eq!(waits(&smoked, &world), Some(Waiting::Approval { batch: 1, phase: BatchPhase::Baking }));
    let proving = create(3).batches_of(1).canary(1).at(grow(3), 1, 0, 1, Stage::Proving);
    let world = Observation::mine(1, 0, 1).with(1, SERVES);
    assert_eq!(waits(&proving, &world), Some(Waiting::Approval { batch: 1, phase: BatchPhase::Baked }));
}

#[test]
fn approval_lets_exactly_one_stage_pass() {
    let mut flow = create(3).batches_of(1).canary(1).at(grow(3), 1, 0, 1, Stage::Smoked);
    let Ok(Answer::Orders(orders)) = admit(&flow, Command::Next { expected: None }) else {
        panic!("refused")
    };
    flow.orders = orders;
    let world = Observation::mine(1, 0, 1).with(1, RUNS);
    assert_eq!(stage(&flow, &world), Some(Stage::PullingIn));
    assert!(matches!(admit(&flow, Command::Next { expected: None }), Err(Refusal::NotWaiting { .. })));
}

#[test]
fn a_second_next_for_the_same_stage_is_refused_as_stale() {
    let flow = create(3).batches_of(1).canary(1).at(grow(3), 1, 0, 1, Stage::Proving);
    let smoked = Target { batch: 1, phase: BatchPhase::Smoked };
    let baking = Target { batch: 1, phase: BatchPhase::Baking };
    let next = |expected| admit(&flow, Command::Next { expected: Some(expected) });
    assert_eq!(next(smoked), Err(Refusal::Stale { expected: smoked, actual: baking }));
    assert!(next(baking).is_ok());
}

#[test]
fn no_pod_of_an_unapproved_canary_is_pulled_in() {
    let flow = create(3).batches_of(1).canary(1).at(grow(3), 1, 0, 1, Stage::Smoking);
    let world = Observation::mine(1, 0, 1).with(1, RUNS);
    assert_eq!(stage(&flow, &world), Some(Stage::Smoked));
}

#[test]
fn the_interval_is_never_cut_short_and_an_approval_replaces_it() {
    let mut flow = create(3).batches_of(1).at(grow(3), 1, 0, 1, Stage::Baked);
    flow.orders.interval = Seconds(10);
    let world = Observation::mine(1, 0, 1).with(1, SERVES);
    let over = NOW.plus(Seconds(10));
    assert_eq!(decide(&flow, &world, NOW), Decision::Wait(Waiting::Interval, over));
    let early = Timestamp::from_micros(over.as_micros() - 1);
    assert_eq!(decide(&flow, &world, early), Decision::Wait(Waiting::Interval, over));
    assert!(matches!(decide(&flow, &world, over), Decision::Move(..)));
    let mut approved = flow.manual();
    approved.orders.target = Target { batch: 2, phase: BatchPhase::Smoking };
    assert!(matches!(decide(&approved, &world, NOW), Decision::Move(..)));
}

#[test]
fn mode_manual_waits_after_every_batch_but_the_last() {
    let world = Observation::mine(1, 0, 1).with(1, SERVES);
    let flow = create(3).batches_of(1).manual().at(grow(3), 1, 0, 1, Stage::Baked);
    assert_eq!(waits(&flow, &world), Some(Waiting::Approval { batch: 2, phase: BatchPhase::Smoking }));
    let world = Observation::mine(3, 0, 1).with(3, SERVES);
    let last = create(3).batches_of(1).manual().at(grow(3), 3, 2, 1, Stage::Baked);
    assert!(matches!(moved(&last, &world), Some(Progress::Verifying { .. })));
}

#[test]
fn a_marked_pod_is_pulled_out_drained_and_only_then_let_go() {
    let flow = update(2).batches_of(1).at(replace(2, 2), 1, 0, 1, Stage::Leaving);
    let world = || Observation::mine(2, 1, 1).with(1, OLD).with(1, SERVES);
    let marked = OLD | Facts::MARKED;
    let pulled_out = |d| matches!(d, Decision::Act(Effect::Traffic(TrafficChange::PullOut(_))));
    assert!(pulled_out(decide(&flow, &world().with(1, marked), NOW)));
    let moving = marked.difference(Facts::ASKED | Facts::IN);
    assert!(matches!(waits(&flow, &world().with(1, moving)), Some(Waiting::Out { pods: 1, .. })));
    let out = |seconds| world().out_for(moving | Facts::OUT, seconds);
    let drained = NOW.plus(Seconds(6));
    assert_eq!(decide(&flow, &out(4), NOW), Decision::Wait(Waiting::Out { pods: 1, drains: true }, drained));
    let let_go = decide(&flow, &out(10), NOW);
    assert!(matches!(let_go, Decision::Act(Effect::Pods(PodChange::Unhook(pods))) if pods.len() == 1));
}

#[test]
fn pulling_out_never_goes_below_the_pods_that_served_when_the_batch_started() {
    let flow = update(2).batches_of(1).at(replace(2, 2), 1, 0, 1, Stage::Leaving);
    let new_one_lost = Observation::mine(2, 1, 1).with(1, OLD).with(1, OLD | Facts::MARKED);
    assert_eq!(waits(&flow, &new_one_lost), Some(Waiting::Out { pods: 1, drains: false }));
}

#[test]
fn a_degraded_application_can_be_updated() {
    let mut flow = update(3).batches_of(1).at(replace(3, 3), 1, 0, 1, Stage::Leaving);
    let Progress::Rolling { batch, .. } = &mut flow.progress else { panic!("rolling") };
    batch.serving = 1;
    let broken = OLD.difference(Facts::BOOTED | Facts::IN);
    let world = Observation::mine(3, 2, 1).with(2, broken).with(1, OLD | Facts::MARKED).with(1, SERVES);
    assert!(matches!(decide(&flow, &world, NOW), Decision::Act(Effect::Traffic(TrafficChange::PullOut(_)))));
}

#[test]
fn unknown_traffic_is_neither_in_nor_out() {
    let unknown = SERVES.difference(Facts::IN);
    let pulling = create(1).at(grow(1), 1, 0, 1, Stage::PullingIn);
    let world = Observation::mine(1, 0, 1).with(1, unknown);
    assert_eq!(waits(&pulling, &world), Some(Waiting::In { ready: 0, of: 1 }));
}

#[test]
fn a_failed_pod_holds_the_flow_and_resume_gives_it_until_the_deadline() {
    let mut flow = create(1).at(grow(1), 1, 0, 1, Stage::Smoking);
    let world = Observation::mine(1, 0, 1)
        .with(1, Facts::FRESH | Facts::HOOKED | Facts::GATED | Facts::FAILED | Facts::STUCK);
    let held = moved(&flow, &world).expect("holds");
    assert_eq!(held.hold(), Some(Hold { reason: HoldReason::PodsFailed, resumes: 0 }));
    flow.progress = held;
    assert_eq!(decide(&flow, &world, NOW), Decision::change_workload(WorkloadChange::SetPaused(true)));
    let paused = Observation { paused: true, ..world.clone() };
    assert!(matches!(waits(&flow, &paused), Some(Waiting::Held { failed: 1, .. })));
    flow.orders = resumed(&flow);
    flow.progress = moved(&flow, &paused).expect("resumes");
    assert_eq!(decide(&flow, &paused, NOW), Decision::change_workload(WorkloadChange::SetPaused(false)));
    assert_eq!(waits(&flow, &world), Some(Waiting::Pods { ready: 0, of: 1, in_grace: false }));
    let late = decide(&counted(&flow, 600), &world, NOW);
    let Decision::Move(progress, _) = late else { panic!("{late:?}") };
    assert_eq!(progress.hold().map(|hold| hold.reason), Some(HoldReason::PodsFailed));
}

#[test]
fn time_spent_waiting_for_a_person_does_not_count() {
    let mut flow = create(1).canary(1).at(grow(1), 1, 0, 1, Stage::Smoked);
    let later = NOW.plus(Seconds(100_000));
    let world = Observation::mine(1, 0, 1).with(1, RUNS);
    assert!(matches!(decide(&flow, &world, later), Decision::Wait(Waiting::Approval { .. }, _)));
    let lost = Observation::mine(1, 0, 1).with(1, RUNS.difference(Facts::BOOTED));
    let Decision::Move(progress, _) = decide(&flow, &lost, later) else { panic!("does not notice") };
    flow.progress = progress;
    assert!(
        matches!(decide(&flow, &lost, later), Decision::Wait(Waiting::Pods { .. }, until) if until > later)
    );
}

#[test]
fn pause_stops_the_flow_but_not_upkeep() {
    let mut flow = update(4).batches_of(2).at(replace(4, 4), 1, 0, 2, Stage::PullingIn);
    flow.orders.paused = true;
    let replaced = OLD.difference(Facts::ASKED | Facts::IN) | Facts::OUT;
    let world = Observation { paused: true, ..Observation::mine(6, 4, 2).with(3, OLD).with(2, RUNS) };
    assert_eq!(waits(&flow, &world), Some(Waiting::Paused));
    let Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) =
        decide(&flow, &world.with(1, replaced), NOW)
    else {
        panic!("no upkeep")
    };
    assert_eq!(names(&pods), ["app-5"]);
}

#[test]
fn a_paused_flow_lets_nothing_go_that_it_chose() {
    let mut flow = update(2).batches_of(1).at(replace(2, 2), 1, 0, 1, Stage::Leaving);
    flow.orders.paused = true;
    let world = Observation { paused: true, ..Observation::mine(2, 1, 1).with(1, OLD).with(1, SERVES) };
    assert_eq!(waits(&flow, &world.with(1, OLD | Facts::MARKED)), Some(Waiting::Paused));
}

#[test]
fn cancel_before_old_pods_leave_removes_the_new_pods_and_then_restores_the_template() {
    let mut flow = update(3).batches_of(1).at(replace(3, 3), 1, 0, 1, Stage::Proving);
    flow.orders.canceled = true;
    let world = Observation::mine(4, 3, 1).with(3, OLD).with(1, SERVES);
    flow.progress = moved(&flow, &world).expect("closes");
    let shed = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 3,
        partition: Some(3),
        doomed: None,
        surge: 1,
        unavailable: 6,
    };
    assert_eq!(decide(&flow, &world, NOW), reshape(shed.clone()));
    let gone = Observation { shape: Some(shed), ..Observation::mine(3, 3, 1) }.with(3, OLD | Facts::CURRENT);
    flow.progress = moved(&flow, &gone).expect("shed");
    let old = TemplateRef::Revision("app-old".parse().expect("a revision"));
    let restored = Shape { template: Some(old), partition: Some(0), unavailable: 6, ..numbers(3, 0) };
    assert_eq!(decide(&flow, &gone, NOW), reshape(restored.clone()));
    let clean = Observation { shape: Some(restored), ..gone };
    assert_eq!(verdict(&flow, &clean), Some(Verdict::Canceled));
}

#[test]
fn cancel_while_old_pods_leave_completes_that_exchange_and_freezes_the_rest() {
    let mut flow = update(3).batches_of(1).at(replace(3, 3), 1, 0, 1, Stage::Leaving);
    flow.orders.canceled = true;
    let shape = Shape {
        template: Some(TemplateRef::Flow),
        replicas: 3,
        partition: Some(2),
        doomed: None,
        surge: 1,
        unavailable: 6,
    };
    let world = Observation { shape: Some(shape), ..Observation::mine(3, 2, 1) }.with(2, OLD).with(1, SERVES);
    flow.progress = moved(&flow, &world).expect("closes");
    flow.progress = moved(&flow, &world).expect("nothing to shed");
    let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = decide(&flow, &world, NOW) else {
        panic!("not restored")
    };
    // No kept pod is replaced, and a later scale-out starts the old revision.
    assert_eq!((shape.replicas, shape.partition), (3, Some(1)));
    assert_eq!(shape.template, Some(TemplateRef::Revision("app-old".parse().expect("a revision"))));
}

#[test]
fn a_cancelled_flow_waits_until_the_restored_template_has_replaced_what_is_not_kept() {
    let mut flow = update(3);
    flow.orders.canceled = true;
    let plan = replace(3, 3);
    flow.progress = Progress::Closing { plan, verdict: Verdict::Canceled, keep: 0, floor: 3, shed: true };
    let template = TemplateRef::Revision("app-old".parse().expect("a revision"));
    let shape = Shape { template: Some(template), unavailable: 6, ..numbers(3, 0) };
    let restored = || Observation { shape: Some(shape.clone()), ..Observation::mine(3, 0, 1) };
    // An old pod was lost while new ones were leaving: the controller kept a new one in its place.
    let one_new = restored().with(2, OLD | Facts::CURRENT).with(1, OLD);
    assert_eq!(waits(&flow, &one_new), Some(Waiting::Out { pods: 1, drains: false }));
    assert_eq!(verdict(&flow, &restored().with(3, OLD | Facts::CURRENT)), Some(Verdict::Canceled));
}

#[test]
fn success_is_said_only_of_a_world_that_is_as_ordered() {
    let plan = replace(2, 2);
    let flow = Flow { progress: verifying(plan, NOW), ..update(2) };
    let good = || Observation::mine(2, 0, 1).with(2, SERVES);
    assert_eq!(verdict(&flow, &good()), Some(Verdict::Succeeded));
    let one_out = Observation::mine(2, 0, 1).with(1, SERVES).with(1, RUNS | Facts::ASKED);
    let one_old = Observation::mine(2, 0, 1).with(1, SERVES).with(1, OLD);
    let leaving = Observation { terminating: 1, ..good() };
    for bad in [one_out, one_old, leaving, good().with(1, SERVES), Observation::mine(2, 0, 1).with(1, SERVES)]
    {
        assert!(matches!(waits(&flow, &bad), Some(Waiting::Verify { of: 2, .. })), "{bad:?}");
    }
}

fn create(replicas: u32) -> Flow {
    Flow::test(Action::Create, replicas)
}

fn update(replicas: u32) -> Flow {
    Flow::test(Action::Update, replicas)
}

fn grow(to: u32) -> crate::model::Plan {
    plan(base_of(Kind::Grow, 0, to), 0)
}

fn replace(from: u32, to: u32) -> crate::model::Plan {
    plan(base_of(Kind::Replace, from, to), 0)
}

fn old_workload(replicas: u32) -> Observation {
    let template = TemplateRef::Revision("app-old".parse().expect("a revision"));
    Observation {
        shape: Some(Shape { template: Some(template), surge: 0, unavailable: 1, ..numbers(replicas, 0) }),
        ..Observation::mine(replicas, 0, 1)
    }
}

fn numbers(replicas: u32, partition: u32) -> Shape {
    let template = Some(TemplateRef::Flow);
    Shape { template, replicas, partition: Some(partition), doomed: None, surge: 1, unavailable: 0 }
}

fn reshape(shape: Shape) -> Decision {
    Decision::change_workload(WorkloadChange::Reshape(shape))
}

fn resumed(flow: &Flow) -> Orders {
    match admit(flow, Command::Resume) {
        Ok(Answer::Orders(orders)) => orders,
        other => panic!("{other:?}"),
    }
}

fn moved(flow: &Flow, seen: &Observation) -> Option<Progress> {
    match decide(flow, seen, NOW) {
        Decision::Move(progress, _) => Some(progress),
        _ => None,
    }
}

fn stage(flow: &Flow, seen: &Observation) -> Option<Stage> {
    moved(flow, seen).as_ref().and_then(Progress::batch).map(|batch: &Batch| batch.stage)
}

fn verdict(flow: &Flow, seen: &Observation) -> Option<Verdict> {
    match moved(flow, seen) {
        Some(Progress::Finished { verdict, .. }) => Some(verdict),
        _ => None,
    }
}

fn waits(flow: &Flow, seen: &Observation) -> Option<Waiting> {
    match decide(flow, seen, NOW) {
        Decision::Wait(waiting, _) => Some(waiting),
        _ => None,
    }
}

fn names(pods: &[PodRef]) -> Vec<&str> {
    pods.iter().map(|pod| pod.name.as_str()).collect()
}
