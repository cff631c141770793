//! Rules of what comes before the first batch, and of revisions that are good, that no other test covers.

use super::decision::LOOK_AGAIN;
use super::decision::{Decision, Effect, Waiting};
use super::fixtures::{NOW, OLD, RUNS, SERVES, base, base_of, revision};
use super::{begins, decide};
use crate::model::{
    Action, Base, Brings, Facts, Failure, Flow, FlowId, FlowName, Kind, Lock, Observation, Obstacle, Place,
    PodChange, PodName, Progress, Revision, RevisionLabel, Verdict, WorkloadChange,
};

#[test]
fn a_workload_that_cannot_be_acted_on_fails_the_flow() {
    let preparing = || Progress::Preparing { base: base(3, 3) };
    let owner = "Deployment web";
    let obstacles = [
        (Obstacle::Deleted, Failure::WorkloadDeleted),
        (Obstacle::Owned { owner: owner.into() }, Failure::WorkloadOwned { owner: owner.into() }),
        (Obstacle::Unsupported { what: "in place".into() }, Failure::Unsupported { what: "in place".into() }),
    ];
    for (obstacle, failure) in obstacles {
        let world = Observation { lock: Lock::Free, obstacle: Some(obstacle), ..Observation::mine(3, 0, 0) };
        for progress in [Progress::Pending, preparing()] {
            let flow = Flow { progress, ..Flow::test(Action::Update, 3) };
            assert_eq!(failed(decide(&flow, &world, NOW)), Some(failure.clone()), "{:?}", flow.progress);
        }
    }
}

#[test]
fn a_flow_of_which_something_is_refused_fails_before_it_begins_and_a_deletion_before_it_locks() {
    let free = Observation { lock: Lock::Free, ..Observation::mine(3, 0, 0).with(3, OLD) };
    let theirs = Observation { lock: Lock::Theirs(Flow::test(Action::Update, 3).id), ..free.clone() };
    let shrink =
        Base { brings: Brings::Nothing, previous: free.revision.clone(), ..base_of(Kind::Shrink, 3, 0) };
    let deletes = Progress::Preparing { base: shrink };
    let failure = Failure::Refused { what: "it is protected".into() };
    // Action, progress, what is seen, and whether the next thing is to begin.
    let rows = [
        (Action::Create, Progress::Pending, Observation::absent(), true),
        (Action::Update, Progress::Pending, free.clone(), true),
        (Action::Update, Progress::Pending, theirs.clone(), false),
        (Action::Update, Progress::Pending, Observation { yields: true, ..theirs.clone() }, true),
        (Action::Update, Progress::Pending, Observation { settled: false, ..free.clone() }, false),
        (Action::Delete, Progress::Pending, free.clone(), true),
        (Action::Delete, Progress::Pending, Observation::absent(), false),
        (Action::Delete, deletes.clone(), free.clone(), true),
        (Action::Delete, deletes.clone(), theirs, false),
        (Action::Delete, deletes, Observation { lock: Lock::Mine, ..free }, false),
    ];
    for (at, (action, progress, seen, asks)) in rows.into_iter().enumerate() {
        let mut flow = Flow { progress, ..Flow::test(action, 3) };
        if action == Action::Delete {
            flow.spec.replicas = None;
        }
        assert_eq!(begins(&flow, &seen, NOW), asks, "row {at}");
        let refused = Observation { refused: Some(failure.clone()), ..seen };
        let ended = failed(decide(&flow, &refused, NOW));
        assert_eq!(ended, asks.then(|| failure.clone()), "row {at}");
        let paused = |order: fn(&mut Flow)| {
            let mut flow = flow.clone();
            order(&mut flow);
            begins(&flow, &Observation { refused: None, ..refused.clone() }, NOW)
        };
        assert!(!paused(|flow| flow.orders.paused = true) && !paused(|flow| flow.orders.canceled = true));
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

#[test]
fn only_pods_in_traffic_count_as_done_before_the_first_batch() {
    let flow = Flow { progress: Progress::Preparing { base: base(3, 3) }, ..Flow::test(Action::Update, 3) };
    let boots = RUNS.difference(Facts::BOOTED);
    let world = Observation::mine(3, 3, 1).with(1, OLD).with(1, SERVES).with(1, boots);
    let Decision::Move(Progress::Rolling { plan, .. }, _) = decide(&flow, &world, NOW) else {
        panic!("no batch begins")
    };
    assert_eq!((plan.fresh, plan.work), (1, 2));
}

#[test]
fn sizes_and_pods_that_do_not_fit_fail_the_flow_before_and_at_the_lock() {
    let named = |names: &[&str]| {
        let mut flow = Flow::test(Action::ScaleIn, 1);
        flow.spec.pods = names.iter().map(|name| PodName::new(*name).expect("a name")).collect();
        flow
    };
    let mut unknown = Flow::test(Action::Start, 0);
    unknown.spec.replicas = None;
    let flows = [
        (Flow::test(Action::ScaleIn, 3), 2),
        (Flow::test(Action::ScaleOut, 1), 2),
        (Flow::test(Action::Start, 1), 2),
        (unknown, 0),
        (named(&["app-0", "app-1"]), 2),
        (named(&["app-9"]), 2),
    ];
    for (flow, pods) in flows {
        let progress = Progress::Preparing { base: base_of(Kind::Grow, pods, pods) };
        for flow in [Flow { progress, ..flow.clone() }, flow] {
            let failure = failed(decide(&flow, &free(pods), NOW));
            let fits = !matches!(failure, Some(Failure::WrongSize { .. } | Failure::WrongPods { .. }));
            assert!(!fits, "{flow:?}: {failure:?}");
        }
    }
}

#[test]
fn a_stop_remembers_its_size_and_a_start_returns_to_it() {
    let lock = |remember| Decision::Act(Effect::Workload(WorkloadChange::Lock { remember }));
    let stop = || Flow::test(Action::Stop, 3);
    assert_eq!(locks(stop(), &free(3), &free(3)).1, lock(Some(3)));
    assert_eq!(locks(stop(), &free(0), &free(0)).1, lock(None));
    let mut start = Flow::test(Action::Start, 0);
    start.spec.replicas = None;
    let stopped = Observation { remembered: Some(3), ..free(0) };
    assert_eq!(locks(start, &stopped, &stopped).0.to, 3);
}

#[test]
fn what_was_read_first_stays() {
    let lock = Decision::Act(Effect::Workload(WorkloadChange::Lock { remember: None }));
    let seen = Observation { lock: Lock::Free, ..Observation::mine(2, 0, 1) };
    let (base, decided) = locks(Flow::test(Action::ScaleOut, 3), &seen.clone().with(1, SERVES), &free(2));
    assert_eq!((base.degraded, decided), (1, lock.clone()));
    let good = |names: [&str; 2]| Observation { good: names.map(revision).into(), ..free(2) };
    let (before, after) = (good(["app-new", "app-old"]), good(["app-new", "app-other"]));
    let (base, decided) = locks(Flow::test(Action::Rollback, 2), &before, &after);
    assert_eq!((base.brings, decided), (Brings::Revision(revision("app-old")), lock));
}

#[test]
fn a_rival_that_gives_way_is_ordered_to_once_the_base_is_read() {
    let rival = FlowId { name: FlowName::new("rival").expect("a name"), ..Flow::test(Action::Update, 2).id };
    let seen = |yields| Observation { lock: Lock::Theirs(rival.clone()), yields, ..free(2) };
    let (_, ordered) = locks(Flow::test(Action::Update, 2), &seen(true), &seen(true));
    assert_eq!(ordered, Decision::Act(Effect::Supersede(rival.clone())));
    let (_, waits) = locks(Flow::test(Action::Update, 2), &seen(true), &seen(false));
    assert!(matches!(waits, Decision::Wait(Waiting::Rival { .. }, _)), "{waits:?}");
}

#[test]
fn a_free_workload_goes_to_who_is_first_in_line() {
    let other =
        |name: &str| FlowId { name: name.parse().expect("a name"), ..Flow::test(Action::Update, 2).id };
    let place = Some(Place { number: 3, behind: other("before") });
    let waits = |rival: &str| {
        Decision::Wait(
            Waiting::Rival { rival: other(rival), place: place.clone(), stuck: None },
            NOW.plus(LOOK_AGAIN),
        )
    };
    let behind = Observation { place: place.clone(), ..free(2) };
    assert_eq!(decide(&Flow::test(Action::Update, 2), &behind, NOW), waits("before"));
    assert_eq!(locks(Flow::test(Action::Update, 2), &free(2), &behind).1, waits("before"));
    let held = Observation { lock: Lock::Theirs(other("holder")), ..behind.clone() };
    assert_eq!(decide(&Flow::test(Action::Update, 2), &held, NOW), waits("holder"));
    let yields = Observation { yields: true, ..held };
    let reads = decide(&Flow::test(Action::Update, 2), &yields, NOW);
    assert!(matches!(reads, Decision::Move(Progress::Preparing { .. }, _)), "{reads:?}");
    let (_, ordered) = locks(Flow::test(Action::Update, 2), &free(2), &yields);
    assert_eq!(ordered, Decision::Act(Effect::Supersede(other("holder"))), "who takes over asks in no line");
    let has = Observation { lock: Lock::Mine, ..behind };
    let (_, goes_on) = locks(Flow::test(Action::Update, 2), &free(2), &has);
    assert!(!matches!(goes_on, Decision::Wait(Waiting::Rival { .. }, _)), "{goes_on:?}");
}

#[test]
fn a_restart_lists_its_pods_before_the_first_batch_and_counts_no_others() {
    let base = Base { brings: Brings::Nothing, ..base_of(Kind::Replace, 2, 2) };
    let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Restart, 2) };
    let seen = |named| Observation::mine(2, 0, 1).with(1, OLD | named).with(1, OLD);
    let listed = decide(&flow, &seen(Facts::NAMED), NOW);
    assert!(
        matches!(&listed, Decision::Act(Effect::Pods(PodChange::MarkForReplacement(pods))) if pods.len() == 1),
        "{listed:?}"
    );
    let Decision::Move(Progress::Rolling { plan, .. }, _) =
        decide(&flow, &seen(Facts::NAMED | Facts::LISTED), NOW)
    else {
        panic!("no batch begins")
    };
    assert_eq!(plan.work, 1);
}

#[test]
fn only_the_success_of_what_brings_a_revision_makes_it_good() {
    let names = ["app-bad", "app-new", "app-older"];
    let seen = Observation { good: names.map(revision).into(), ..Observation::mine(1, 0, 1) };
    let released = |action, verdict, seen: &Observation| {
        let flow = Flow { progress: Progress::Finished { verdict, at: NOW }, ..Flow::test(action, 1) };
        match decide(&flow, seen, NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Release { good })) => good,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(released(Action::Update, Verdict::Canceled, &seen), None);
    assert_eq!(released(Action::Scale, Verdict::Succeeded, &seen), None);
    let left = ["app-new", "app-older"].map(revision).into();
    assert_eq!(released(Action::Rollback, Verdict::Succeeded, &seen), Some(left));
}

/// OpenKruise labels pods with the full name of their revision, or with its hash alone.
#[test]
fn a_name_too_long_for_the_label_of_its_pods_is_refused_before_anything_is_touched() {
    use RevisionLabel::{Hash, Name, Unknown};
    let rows = [
        (Action::Update, 52, Name, true),
        (Action::Update, 53, Name, false),
        (Action::Update, 63, Hash, true),
        (Action::Update, 63, Unknown, true),
        (Action::Rollback, 53, Name, true),
        (Action::Rollback, 54, Name, false),
        (Action::Rollback, 63, Hash, true),
        (Action::Restart, 53, Name, true),
        (Action::Restart, 54, Name, false),
        (Action::ScaleOut, 54, Name, false),
        (Action::ScaleIn, 63, Name, true),
        (Action::Stop, 63, Name, true),
        (Action::Delete, 63, Name, true),
    ];
    for (action, length, label, runs) in rows {
        let replicas = if action == Action::ScaleOut { 4 } else { 2 };
        let mut flow = Flow::test(action, replicas);
        let name = "a".repeat(length);
        let revision = |hash: &str| Revision::new(alloc::format!("{name}-{hash}")).expect("a revision");
        flow.spec.identity.instance = name.parse().expect("a name");
        let mut world = Observation { label, revision: Some(revision("123456789")), ..free(3) };
        world.good = alloc::vec![revision("987654321")];
        let row = alloc::format!("{action} of {length} characters, {label:?}");
        match decide(&flow, &world, NOW) {
            Decision::Move(Progress::Preparing { .. }, _) => assert!(runs, "{row}"),
            Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) => {
                assert!(!runs, "{row}: {failure}");
                let text = alloc::format!("{failure}");
                assert!(text.starts_with("spec.application.instanceName: has"), "{text}");
            }
            other => panic!("{row}: {other:?}"),
        }
    }
}

#[test]
fn a_revision_of_a_name_that_none_can_have_is_refused_by_its_own_field() {
    for (instance, hash, field) in [
        (3, 300, "spec.rollbackTo.revision"),
        (60, 300, "spec.rollbackTo.revision"),
        (60, 10, "instanceName"),
    ] {
        let mut flow = Flow::test(Action::Rollback, 2);
        flow.spec.identity.instance = "a".repeat(instance).parse().expect("a name");
        flow.spec.rollback_to = Some(Revision::new("b".repeat(hash)).expect("a revision"));
        let world = Observation { label: RevisionLabel::Name, ..free(2) };
        let Some(failure) = failed(decide(&flow, &world, NOW)) else { panic!("{instance} {hash}") };
        assert!(alloc::format!("{failure}").contains(field), "{failure}");
    }
}

fn failed(decision: Decision) -> Option<Failure> {
    match decision {
        Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) => Some(failure),
        _ => None,
    }
}

/// Nobody's, with so many pods that serve.
fn free(pods: u32) -> Observation {
    Observation { lock: Lock::Free, ..Observation::mine(pods, 0, 1).with(pods, SERVES) }
}

/// The base that a flow reads, and what it does about the lock at the next look.
fn locks(flow: Flow, first: &Observation, next: &Observation) -> (Base, Decision) {
    let Decision::Move(Progress::Preparing { base }, _) = decide(&flow, first, NOW) else {
        panic!("nothing is prepared")
    };
    let flow = Flow { progress: Progress::Preparing { base: base.clone() }, ..flow };
    (base, decide(&flow, next, NOW))
}
