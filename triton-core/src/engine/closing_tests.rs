//! What the exhaustive search and the seeded runs found wrong in how flows close: one test per defect.

use alloc::collections::BTreeSet;

use super::decide;
use super::decision::{Decision, Effect};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base_of, closing, reshape, revision, shape};
use super::goal::plan;
use crate::model::{
    Action, Base, Brings, Facts, Flow, Kind, Observation, Progress, Shape, Stage, TemplateRef, TrafficChange,
};

/// After a cancel a serving pod was lost: the chosen one had to stay, and the controller chose no other.
#[test]
fn a_cancelled_flow_calls_a_wrongly_chosen_pod_back() {
    let flow = closing(Action::Update, base_of(Kind::Replace, 3, 3));
    let lost_one =
        |shape| Observation { shape: Some(shape), ..Observation::mine(3, 3, 1) }.with(2, OLD).with(1, RUNS);
    let shape = || Shape { unavailable: 6, ..shape() };
    let chosen =
        lost_one(Shape { replicas: 3, partition: Some(3), ..shape() }).with(1, SERVES | Facts::MARKED);
    let roomy = Shape { replicas: 4, partition: Some(4), ..shape() };
    assert_eq!(decide(&flow, &chosen, NOW), reshape(roomy.clone()));
    let returned = lost_one(roomy).with(1, SERVES);
    assert_eq!(decide(&flow, &returned, NOW), reshape(Shape { replicas: 3, partition: Some(3), ..shape() }));
}

/// An old pod was out of order for good: the flow called the chosen new pods back, again and again.
#[test]
fn a_cancelled_flow_calls_no_pod_back_where_the_controller_has_no_better_choice() {
    let flow = closing(Action::Update, base_of(Kind::Replace, 2, 2));
    let shape = Shape { replicas: 2, partition: Some(2), unavailable: 4, ..shape() };
    let world = Observation { shape: Some(shape), ..Observation::mine(2, 2, 1) };
    let broken = OLD.difference(Facts::BOOTED | Facts::IN) | Facts::OUT;
    let world = world.with(1, broken).with(1, SERVES).with(1, SERVES | Facts::MARKED);
    assert!(matches!(decide(&flow, &world, NOW), Decision::Wait(..)));
}

/// A chosen pod was marked for deletion, or named, so it never returned: each time it was called back another pod was
/// started in the room that was made for it, without end.
#[test]
fn a_cancelled_flow_calls_back_only_pods_that_can_return() {
    let flow = closing(Action::Update, base_of(Kind::Replace, 3, 3));
    let asked = Shape { replicas: 3, partition: Some(3), unavailable: 6, ..shape() };
    for never_returns in NEVER_RETURNS {
        let leaving = OLD | Facts::MARKED | never_returns;
        let lost_one = Observation { shape: Some(asked.clone()), ..Observation::mine(3, 3, 1) }.with(1, OLD);
        let world = lost_one.with(2, RUNS).with(1, leaving);
        let beside = Shape { replicas: 5, partition: Some(3), ..asked.clone() };
        assert_eq!(decide(&flow, &world, NOW), reshape(beside.clone()), "old ones serve in its place");
        let started = Observation { shape: Some(beside), ..world.clone() };
        let started = started.with(1, OLD.difference(Facts::BOOTED | Facts::IN) | Facts::OUT);
        let again = decide(&flow, &started, NOW);
        assert_eq!(again, reshape(asked.clone()), "then the controller chooses new ones");
        let another = world.with(1, SERVES | Facts::MARKED);
        let roomy = Shape { replicas: 4, partition: Some(4), ..asked.clone() };
        assert_eq!(decide(&flow, &another, NOW), reshape(roomy));
    }
}

/// No old pod was left, so that the workload's controller started new ones in their places: at each look more pods were
/// asked for, and the one that served was never let go.
#[test]
fn a_cancelled_flow_restores_its_template_where_new_pods_come_in_the_places_of_old_ones() {
    let flow = closing(Action::Update, base_of(Kind::Replace, 3, 3));
    let asked = Shape { replicas: 3, partition: Some(3), unavailable: 6, ..shape() };
    let starts = RUNS.difference(Facts::BOOTED);
    for never_returns in NEVER_RETURNS {
        let serves = SERVES | Facts::MARKED | never_returns;
        let seen = |new| {
            let shape = Some(asked.clone());
            Observation { shape, ..Observation::mine(3, 3, 1) }.with(new, starts).with(1, serves)
        };
        let beside = Shape { replicas: 6, ..asked.clone() };
        let decided = decide(&flow, &seen(3), NOW);
        assert_eq!(decided, reshape(beside), "old ones may come beside as many as were wanted");
        let decided = decide(&flow, &seen(4), NOW);
        let sheds = matches!(&decided, Decision::Move(Progress::Closing { shed: true, .. }, _));
        assert!(sheds, "more than were ever wanted have come: {decided:?}");
    }
}

/// What keeps a chosen pod from returning: others named it, and may have marked it for deletion, too.
const NEVER_RETURNS: [Facts; 2] = [Facts::DOOMED, Facts::DOOMED.union(Facts::SPECIFIED)];

/// A restart that was replaced by another flow named every pod beyond its size. One of them was there because
/// the workload's controller exchanged a pod of another revision by itself: it started the next one, without end.
#[test]
fn a_closing_restart_names_no_pod_that_leaves_or_comes_by_itself() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let flow = closing(Action::Restart, base);
    let rest = Shape { template: None, partition: None, surge: 0, unavailable: 4, ..shape() };
    let world = Observation::mine(2, 0, 1).with(2, SERVES).with(1, SERVES | Facts::MARKED);
    let none = Shape { replicas: 2, doomed: Some(BTreeSet::new()), ..rest };
    assert_eq!(decide(&flow, &world, NOW), reshape(none));
}

/// Others brought another template during a restart that was then cancelled: the pods that came of it were more than
/// the new ones that are kept, took no traffic, and the old ones could not leave.
#[test]
fn a_closing_restart_pulls_in_the_pods_of_a_foreign_template() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let flow = closing(Action::Restart, base);
    let rest = Shape { template: None, surge: 0, unavailable: 4, ..shape() };
    let shape = Shape { replicas: 2, doomed: Some(BTreeSet::new()), ..rest };
    let world = Observation { shape: Some(shape), ..Observation::mine(2, 0, 0) };
    let decided = decide(&flow, &world.with(2, OLD | Facts::MARKED).with(2, RUNS), NOW);
    assert!(
        matches!(&decided, Decision::Act(Effect::Traffic(TrafficChange::PullIn(pods))) if pods.len() == 2),
        "{decided:?}"
    );
}

/// Somebody moved the partition before the first batch, and a pod was updated in place. The flow was cancelled and
/// had no pod to spare: the one that had to return to the old template stayed for good.
#[test]
fn a_cancelled_swap_may_miss_a_pod_also_before_its_first_batch() {
    let base = Base { in_place: true, ..base_of(Kind::Swap, 3, 3) };
    let mut flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Update, 3) };
    flow.orders.canceled = true;
    let world = Observation::mine(3, 3, 0).with(3, OLD);
    let Decision::Move(Progress::Closing { floor, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("a cancelled flow closes");
    };
    assert_eq!(floor, 2);
}

/// The workload kept pods of older templates before the flow began. Once the template was back, the flow's own new pods
/// counted as older ones, too: the workload's controller kept those that nobody had agreed to, and chose one that served.
#[test]
fn a_cancelled_flow_names_new_pods_that_a_partition_would_keep() {
    // Where old pods leave first, new ones may be in traffic.
    for (kind, new) in [(Kind::Replace, RUNS), (Kind::Swap, RUNS), (Kind::Swap, SERVES)] {
        let mut base = Base { partition: 3, ..base_of(kind, 3, 3) };
        (base.previous, base.brought) = (Some(revision("app-old")), Some(revision("app-new")));
        let mut flow = closing(Action::Update, base);
        if let Progress::Closing { shed, .. } = &mut flow.progress {
            *shed = true;
        }
        let asked = Shape {
            template: Some(TemplateRef::Revision(revision("app-old"))),
            replicas: 3,
            partition: Some(3),
            surge: u32::from(kind == Kind::Replace),
            unavailable: 6,
            doomed: None,
        };
        let seen = Observation { shape: Some(asked.clone()), ..Observation::mine(3, 3, 1) };
        let seen = seen.with(1, OLD).with(2, new).with(1, OLD | Facts::MARKED);
        let named = |pods: [&str; 2]| pods.into_iter().map(|pod| pod.parse().expect("a name")).collect();
        let wanted = Shape { doomed: Some(named(["app-1", "app-2"])), ..asked };
        let starts = |stable| Observation { stable: Some(revision(stable)), ..seen.clone() };
        assert_eq!(decide(&flow, &starts("app-old"), NOW), reshape(wanted), "{kind:?}");
        // Another one like them would be started in the place of each.
        let same = decide(&flow, &starts("app-new"), NOW);
        assert!(!matches!(same, Decision::Act(Effect::Workload(_))), "{kind:?} {same:?}");
    }
}

/// Old pods that had all to stay, for a Service or for `minReadySeconds`, were exchanged by the cancel that was to keep
/// them; and where the new ones failed beside them, the cancelled flow never ended.
#[test]
fn a_cancelled_replace_keeps_old_pods_that_were_not_told_to_leave() {
    // Four pods of which two are exchanged: the partition, and what is kept of them.
    for (partition, wanted) in [(4, 0), (3, 0), (2, 2)] {
        let base = base_of(Kind::Replace, 4, 4);
        let mut flow = Flow::test(Action::Update, 4).at(plan(base, 0), 1, 0, 2, Stage::Leaving);
        flow.orders.canceled = true;
        let seen = Observation::mine(6, partition, 2).with(4, OLD).with(2, SERVES);
        let decision = decide(&flow, &seen, NOW);
        let Decision::Move(Progress::Closing { keep, .. }, _) = decision else { panic!("{decision:?}") };
        assert_eq!(keep, wanted, "partition {partition}");
    }
}
