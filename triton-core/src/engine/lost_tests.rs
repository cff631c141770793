//! Old pods of which the registry can have no successors.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::decide;
use super::decision::{Decision, Effect, Time, Waiting, Why};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, counted};
use super::goal::plan;
use super::rolling::besides;
use crate::model::{
    Action, Base, Brings, Facts, Flow, Kind, Observation, OnFailure, PodChange, Pods, Progress, Shape, Stage,
    Succession, TrafficChange, WorkloadChange,
};

/// Three pods of which one is exchanged in the first batch.
fn flow(kind: Kind, stage: Stage) -> Flow {
    Flow::test(Action::Update, 3).batches_of(1).at(plan(base_of(kind, 3, 3), 0), 1, 0, 1, stage)
}

fn lost(seen: Observation) -> Observation {
    Observation { lost: alloc::vec!["Service web has no new pods".into()], ..seen }
}

/// In a swap every pod may be missing.
fn swapping(seen: Observation) -> Observation {
    let shape = seen.shape.clone().map(|shape| Shape { unavailable: shape.replicas, ..shape });
    Observation { shape, ..seen }
}

fn waits(decision: &Decision) -> bool {
    matches!(decision, Decision::Wait(Waiting::ServiceLost { what }, _) if what.contains("Service web"))
}

#[test]
fn no_old_pod_is_chosen_or_goes_whose_place_the_registry_would_lose() {
    let (replaced, swapped) = (Observation::mine(4, 3, 1), swapping(Observation::mine(3, 3, 0)));
    // The stage, the world, and whether the flow waits for the registry.
    let rows = [
        (
            Kind::Replace,
            Stage::Smoking,
            replaced.clone().with(3, OLD).with(1, RUNS.difference(Facts::BOOTED)),
            false,
        ),
        (
            Kind::Replace,
            Stage::PullingIn,
            replaced.clone().with(3, OLD).with(1, SERVES.difference(Facts::IN)),
            true,
        ),
        (Kind::Replace, Stage::Leaving, replaced.clone().with(3, OLD).with(1, SERVES), true),
        // A new pod was lost: its successor starts first, as ever.
        (Kind::Replace, Stage::Leaving, replaced.clone().with(3, OLD), false),
        (Kind::Replace, Stage::Baked, Observation::mine(3, 2, 1).with(2, OLD).with(1, SERVES), false),
        (Kind::Swap, Stage::Vacating, swapped.with(3, OLD), true),
    ];
    for (kind, stage, seen, wanted) in rows {
        let flow = flow(kind, stage);
        let decision = decide(&flow, &lost(seen.clone()), NOW);
        assert_eq!(waits(&decision), wanted, "{kind:?} {stage:?}: {decision:?}");
        assert!(!waits(&decide(&flow, &seen, NOW)), "{kind:?} {stage:?}: nothing is lost any more");
        let removes = matches!(
            decision,
            Decision::Act(Effect::Pods(PodChange::Unhook(_)) | Effect::Traffic(TrafficChange::PullOut(_)))
        );
        assert!(!removes, "{kind:?} {stage:?}: {decision:?}");
    }
}

/// Of four old pods two were to leave, and are out of traffic: none, or one of them, was let go.
#[test]
fn old_pods_that_were_chosen_return_where_the_registry_would_lose_them_and_leave_once_it_does_not() {
    use Brings::{Flow as Template, Nothing};
    let out = OLD.difference(Facts::ASKED | Facts::IN) | Facts::OUT;
    let (drains, let_go) = (out | Facts::MARKED, out.difference(Facts::HOOKED) | Facts::MARKED);
    // How pods are exchanged, where, and how many were let go; the size and how many old pods are asked for meanwhile.
    let rows = [
        (Kind::Replace, Template, Stage::Leaving, 0, (6, Some(4))),
        (Kind::Replace, Template, Stage::Leaving, 1, (5, Some(3))),
        (Kind::Replace, Nothing, Stage::Leaving, 0, (6, None)),
        (Kind::Replace, Nothing, Stage::Leaving, 1, (5, None)),
        (Kind::Swap, Template, Stage::Vacating, 0, (4, Some(4))),
        (Kind::Swap, Template, Stage::Vacating, 1, (4, Some(3))),
        (Kind::Swap, Nothing, Stage::Vacating, 0, (4, None)),
        (Kind::Swap, Nothing, Stage::Vacating, 1, (4, None)),
    ];
    for (kind, brings, stage, gone, (replicas, partition)) in rows {
        let why = alloc::format!("{kind:?} {brings:?} {gone}");
        let names = brings == Nothing;
        let base = Base { brings, ..base_of(kind, 4, 4) };
        let flow = Flow::test(Action::Update, 4).at(plan(base, 0), 1, 0, 2, stage);
        let listed = if names { Facts::LISTED } else { Facts::empty() };
        let (leaves, stays) = (drains | Facts::SPECIFIED | listed, OLD | listed);
        let seen = Observation::mine(4, 2, if kind == Kind::Swap { 0 } else { 2 });
        let seen = if kind == Kind::Swap { swapping(seen) } else { seen.with(2, SERVES) };
        let mut seen = lost(seen.with(2 - gone, leaves).with(gone, let_go | listed).with(2, stays));
        let leave = if names { Facts::MARKED } else { Facts::MARKED | Facts::LISTED };
        let leave = seen.pods.matching(leave, Facts::empty());
        let named = leave.map(|(pod, ..)| pod.name.clone()).collect();
        seen.shape = seen.shape.map(|shape| Shape { doomed: Some(named), ..shape });
        let Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) = decide(&flow, &seen, NOW)
        else {
            panic!("{why}: {:?}", decide(&flow, &seen, NOW));
        };
        assert_eq!((shape.replicas, shape.partition), (replicas, partition), "{why}");
        let named = shape.doomed.as_ref().map_or(0, |names| u32::try_from(names.len()).expect("few"));
        assert_eq!(named, if names { gone } else { 0 }, "{why}: what was let go leaves");
        let asked = Observation { shape: Some(shape), ..seen };
        let cleared = matches!(
            decide(&flow, &asked, NOW),
            Decision::Act(Effect::Pods(PodChange::ClearSpecifiedDelete(pods))) if pods.len() == 2 - gone as usize
        );
        assert_eq!(cleared, kind == Kind::Swap && !names, "{why}");
        // They do not leave any more.
        let back = asked.pods.iter().map(|(_, facts, _)| facts).collect::<Vec<_>>();
        let back = back.into_iter().fold(Observation { pods: Pods::default(), ..asked }, |seen, facts| {
            let stays = facts.contains(Facts::HOOKED);
            let gone = if stays { Facts::MARKED | Facts::SPECIFIED } else { Facts::empty() };
            seen.with(1, facts.difference(gone))
        });
        match decide(&flow, &back, NOW) {
            Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) => {
                assert_eq!(pods.len(), 2 - gone as usize, "{why}");
            }
            other => panic!("{why}: {other:?}"),
        }
        let found = Observation { lost: Vec::new(), ..back };
        let again = decide(&flow, &found, NOW);
        let leave = matches!(&again, Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape)))
            if shape.replicas == 4 && (names || shape.partition == Some(2)));
        assert!(leave, "{why}: {again:?}");
    }
}

#[test]
fn pods_that_take_traffic_are_still_looked_after_meanwhile() {
    let seen = Observation::mine(4, 3, 1)
        .with(2, OLD)
        .with(1, OLD.difference(Facts::ASKED | Facts::IN))
        .with(1, SERVES);
    let decision = decide(&flow(Kind::Replace, Stage::Leaving), &lost(seen), NOW);
    assert!(matches!(decision, Decision::Act(Effect::Traffic(TrafficChange::PullIn(_)))), "{decision:?}");
}

#[test]
fn new_pods_come_in_meanwhile_where_old_ones_have_left_before() {
    let seen = swapping(Observation::mine(3, 2, 0)).with(2, OLD).with(1, RUNS);
    let decision = decide(&flow(Kind::Swap, Stage::Vacating), &lost(seen), NOW);
    assert!(matches!(decision, Decision::Act(Effect::Traffic(TrafficChange::PullIn(_)))), "{decision:?}");
}

#[test]
fn that_no_new_pod_can_come_in_is_no_fault_of_the_pods_and_never_rolls_back() {
    let mut flow = counted(&flow(Kind::Replace, Stage::PullingIn), 1_000_000);
    flow.spec.on_failure = OnFailure::Rollback;
    let seen = Observation::mine(4, 3, 1).with(3, OLD).with(1, SERVES.difference(Facts::IN));
    let decision = decide(&flow, &lost(seen.clone()), NOW);
    assert!(waits(&decision), "{decision:?}");
    let Decision::Wait(waiting, _) = decision else { return };
    assert!(waiting.time() == Time::Stands && waiting.asks_a_person());
    assert!(matches!(decide(&flow, &seen, NOW), Decision::Move(..)), "the deadline holds else");
}

#[test]
fn a_flow_that_waits_for_the_registry_can_be_cancelled_and_keeps_its_old_pods() {
    let mut flow = flow(Kind::Replace, Stage::Leaving);
    flow.orders.canceled = true;
    let seen = lost(Observation::mine(4, 3, 1).with(3, OLD).with(1, SERVES));
    let decision = decide(&flow, &seen, NOW);
    assert!(matches!(decision, Decision::Move(Progress::Closing { keep: 0, .. }, _)), "{decision:?}");
}

#[test]
fn what_would_be_lost_or_might_is_told_once_before_the_first_batch_and_once_after_the_last() {
    let first = Why::BatchStarted { batch: 1, size: 1 };
    let second = Why::BatchStarted { batch: 2, size: 1 };
    let last = Why::AllBatchesDone;
    let (some, none) = (|| alloc::vec!["Service web".into()], Vec::new);
    // What happens to Services that would be lost, and to those at risk; what is told.
    let rows: [(&Why, Vec<_>, Vec<_>, &[&str]); 7] = [
        (&first, some(), none(), &["ServiceLost"]),
        (&first, none(), some(), &["ServiceAtRisk"]),
        (&first, some(), some(), &["ServiceLost", "ServiceAtRisk"]),
        (&second, some(), some(), &[]),
        (&first, none(), none(), &[]),
        (&last, none(), some(), &["ServiceAtRisk"]),
        (&last, none(), none(), &[]),
    ];
    for (why, lost, at_risk, wanted) in rows {
        let told: Vec<_> = besides(why, &Succession { lost, at_risk }).collect();
        assert!(told.iter().all(|why| why.to_string().contains("Service web")), "{told:?}");
        assert_eq!(told.iter().map(Why::reason).collect::<Vec<_>>(), wanted);
    }
}
