use super::super::decide::decide;
use super::super::fixtures::{NOW, OLD, RUNS, SERVES, base, base_of};
use super::super::goal::plan;
use super::*;
use crate::model::{Left, Plan, PodName, Shape, Stage, TrafficChange};

#[test]
fn a_workload_that_was_left_is_for_flows_that_leave_nothing_of_it() {
    let rows = [
        (Action::Update, true),
        (Action::Rollback, true),
        (Action::Stop, true),
        (Action::Delete, true),
        (Action::Restart, false),
        (Action::Scale, false),
        (Action::ScaleIn, false),
        (Action::ScaleOut, false),
        (Action::Start, false),
    ];
    for (action, takes) in rows {
        let mut flow = Flow::test(action, 2);
        flow.spec.rollback_to = Revision::new("app-old").ok();
        let fails = |decision| match decision {
            Decision::Move(Progress::Finished { verdict: Verdict::Failed(why), .. }, _) => Some(why),
            _ => None,
        };
        let pending = fails(decide(&flow, &left(), NOW));
        assert_eq!(pending == Some(Failure::Abandoned), !takes, "{action}: {pending:?}");
        // It was left after the flow had looked.
        let flow = Flow { progress: Progress::Preparing { base: base(2, 2) }, ..flow };
        assert_eq!(fails(decide(&flow, &left(), NOW)) == Some(Failure::Abandoned), !takes, "{action}");
    }
}

#[test]
fn extra_pods_that_were_left_for_an_exchange_are_not_the_size() {
    let sized = |replicas| {
        let mut flow = Flow::test(Action::Update, 5);
        flow.spec.replicas = replicas;
        match decide(&flow, &left(), NOW) {
            Decision::Move(Progress::Preparing { base }, _) => (base.from, base.to),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((sized(None), sized(Some(5))), ((3, 2), (3, 5)));
}

#[test]
fn a_flow_that_is_cancelled_on_a_workload_that_was_left_ends_and_touches_nothing() {
    let mut flow = Flow::test(Action::Update, 2).at(plan(base(3, 2), 0), 1, 0, 1, Stage::Smoking);
    flow.orders.canceled = true;
    let seen = Observation { lock: Lock::Mine, ..left() };
    let ended = decide(&flow, &seen, NOW);
    let canceled = Progress::Finished { verdict: Verdict::Canceled, at: NOW };
    assert!(matches!(&ended, Decision::Move(progress, _) if *progress == canceled), "{ended:?}");
    let clean = Observation { left: None, ..seen };
    assert!(matches!(decide(&flow, &clean, NOW), Decision::Move(Progress::Closing { .. }, _)));
}

#[test]
fn nothing_is_written_while_the_lock_cannot_be_read_whoever_looks() {
    let odd = Observation { lock: Lock::Unreadable { what: "it is odd".into() }, ..left() };
    let at = |progress| Flow { progress, ..Flow::test(Action::Update, 2) };
    let rolling = Flow::test(Action::Update, 2).at(plan(base(3, 2), 0), 1, 0, 1, Stage::Smoking);
    let ended = at(Progress::Finished { verdict: Verdict::Succeeded, at: NOW });
    for flow in [at(Progress::Pending), at(Progress::Preparing { base: base(3, 2) }), rolling.clone(), ended]
    {
        for canceled in [false, true] {
            let mut flow = flow.clone();
            flow.orders.canceled = canceled;
            match decide(&flow, &odd, NOW) {
                Decision::Wait(waiting, _) => {
                    assert_eq!(waiting.reason(), "LockUnreadable");
                    assert!(waiting.to_string().ends_with("it is odd"), "{waiting}");
                }
                // What has not begun holds nothing.
                Decision::Move(Progress::Finished { verdict: Verdict::Canceled, .. }, _) => {
                    assert!(canceled && flow.progress == Progress::Pending);
                }
                other => panic!("{:?}: {other:?}", flow.progress),
            }
        }
    }
}

/// The flow before had chosen pods that serve, beside new ones that nobody approved: nothing else is chosen while
/// these are, and they had to stay for the numbers of the batch.
#[test]
fn pods_that_serve_leave_in_as_many_batches_as_ordered_where_others_stay_out_of_traffic() {
    let plan =
        || Plan { base: Base { brings: Brings::Nothing, ..base_of(Kind::Shrink, 4, 0) }, fresh: 0, work: 4 };
    let world = |done: u32, left| {
        let seen = Observation::mine(3 - done, 0, 1).with(2, SERVES | Facts::MARKED).with(2, IDLE);
        let shape = seen.shape.clone().map(|shape| Shape { unavailable: 4, ..shape });
        Observation { shape, left, ..seen }
    };
    let flow = |done| serving(2, Flow::test(Action::Stop, 0).at(plan(), done + 1, done, 1, Stage::Vacating));
    let decides = |done, left| decide(&flow(done), &world(done, left), NOW);
    let goes_on =
        |decision| matches!(decision, Decision::Move(progress, _) if stage(&progress) == Some(Stage::Baked));
    let some = Some(Left { size: Some(2) });
    assert!(
        goes_on(decides(0, some)) && goes_on(decides(1, some)),
        "two of them serve, as many as are to stay"
    );
    for (done, left) in [(0, None), (1, None)] {
        assert!(
            matches!(decides(done, left), Decision::Wait(Waiting::Out { .. }, _)),
            "the others are starting"
        );
    }
    match decides(2, some) {
        Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods))) => assert_eq!(pods.len(), 1),
        other => panic!("{other:?}"),
    }
}

/// The flow before had chosen the one pod that serves to be updated in place, and nothing else is chosen.
#[test]
fn a_pod_that_stays_out_of_traffic_is_replaced_where_the_chosen_one_has_to_serve() {
    let plan = || plan(Base { in_place: true, ..base_of(Kind::Swap, 2, 2) }, 0);
    let old = IDLE.difference(Facts::FRESH);
    let named = |size: u32, idle: u32, left| {
        let flow = Flow::test(Action::Update, 2).at(plan(), 1, 0, size, Stage::Vacating);
        let seen = Observation::mine(2, 2 - size, 0).with(1, OLD | Facts::MARKED).with(idle, old);
        let shape = seen.shape.clone().map(|shape| Shape { unavailable: 2, ..shape });
        match decide(&flow, &Observation { shape, left, ..seen }, NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
                assert_eq!(shape.partition, Some(2 - size), "no more new pods are asked for");
                shape.doomed.map(|names| names.iter().map(PodName::as_str).collect::<Vec<_>>().join(" "))
            }
            Decision::Wait(..) | Decision::Act(_) => None,
            other => panic!("{other:?}"),
        }
    };
    let some = Some(Left { size: Some(2) });
    assert_eq!(named(1, 1, some).as_deref(), Some("app-1"));
    assert_eq!(named(1, 2, some).as_deref(), Some("app-1"), "no more than the batch misses");
    assert_eq!(named(1, 1, None), None, "without a mark it may serve yet");
    assert_eq!(named(2, 1, some), None, "the batch takes both");
}

/// An old pod was lost before, so that a new one was too many: the controller chose that one, and only the old ones
/// beside it were out of traffic.
#[test]
fn a_new_pod_that_has_to_serve_returns_and_one_that_stays_out_of_traffic_leaves_in_its_place() {
    for kind in [Kind::Swap, Kind::Replace] {
        let plan = plan(base_of(kind, 7, 4), 3);
        let stage = if kind == Kind::Swap { Stage::Vacating } else { Stage::Leaving };
        let flow = serving(5, Flow::test(Action::Update, 4).at(plan, 2, 1, 1, stage));
        let decides = |chosen, left| {
            let idle = IDLE.difference(Facts::FRESH);
            let (surge, unavailable) = if kind == Kind::Swap { (0, 6) } else { (1, 0) };
            let seen = Observation::mine(6, 2, surge).with(4, SERVES).with(1, SERVES | chosen).with(2, idle);
            let shape = seen.shape.clone().map(|shape| Shape { unavailable, ..shape });
            decide(&flow, &Observation { shape, left, ..seen }, NOW)
        };
        let some = Some(Left { size: None });
        match decides(Facts::MARKED, some) {
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
                assert_eq!((shape.replicas, shape.partition), (6, Some(2)), "{kind:?}");
                let named = shape.doomed.expect("names").iter().map(PodName::to_string).collect::<Vec<_>>();
                assert_eq!(named, ["app-5"], "{kind:?}: one for the one that is too many");
            }
            other => panic!("{kind:?}: {other:?}"),
        }
        // One that is marked for deletion never returns: it leaves in a later batch.
        let specified = decides(Facts::MARKED | Facts::SPECIFIED, some);
        assert!(matches!(specified, Decision::Move(..)), "{kind:?}: {specified:?}");
        let clean = decides(Facts::MARKED, None);
        assert!(
            !matches!(clean, Decision::Move(..) | Decision::Act(Effect::Workload(_))),
            "{kind:?}: {clean:?}"
        );
    }
}

/// Two flows were deleted in the middle of their batches: what the first one exchanged serves and is marked for
/// deletion, all others stay out of traffic, and nothing could leave in the only batch that could bring more.
#[test]
fn an_exchange_goes_on_beside_chosen_pods_that_have_to_serve_until_its_new_pods_do() {
    let world = |new, left| {
        let chosen = OLD | Facts::MARKED | Facts::SPECIFIED;
        let idle = IDLE.difference(Facts::FRESH);
        let seen = Observation::mine(9, 8, 1).with(4, chosen).with(9, idle).with(1, new);
        Observation { left, ..seen }
    };
    let flow = serving(5, Flow::test(Action::Update, 2).at(plan(base(9, 2), 0), 1, 0, 1, Stage::Leaving));
    let goes_on = |new, left| matches!(decide(&flow, &world(new, left), NOW), Decision::Move(..));
    let some = Some(Left { size: None });
    assert!(goes_on(SERVES, some), "the next batch brings a pod that serves");
    assert!(!goes_on(SERVES, None), "without a mark the others serve soon");
    assert!(!goes_on(RUNS, some), "the new pod of this batch was lost, and its successor does not serve yet");
    // Later more of them serve than have to.
    let flow = serving(5, Flow::test(Action::Update, 2).at(plan(base(9, 2), 0), 3, 2, 4, Stage::Leaving));
    let seen = Observation::mine(5, 3, 4).with(4, OLD | Facts::MARKED | Facts::SPECIFIED).with(2, SERVES);
    match decide(&flow, &Observation { left: some, ..seen }, NOW) {
        Decision::Act(Effect::Traffic(TrafficChange::PullOut(pods))) => assert_eq!(pods.len(), 1),
        other => panic!("{other:?}"),
    }
}

/// Two flows were deleted in the middle of their batches: one of the pods that serve is named to be deleted, or marked for
/// it, and the workload's controller may not delete it while others are out of traffic. It chooses nothing beside it.
#[test]
fn pods_out_of_traffic_leave_by_name_where_one_that_serves_keeps_the_controller_from_choosing() {
    let flow = serving(4, Flow::test(Action::Update, 6).at(plan(base(4, 6), 0), 1, 0, 1, Stage::Leaving));
    let named = |specified: Facts, left| {
        let idle = IDLE.difference(Facts::FRESH);
        let seen = Observation::mine(5, 4, 1).with(1, SERVES).with(3, OLD).with(1, OLD | specified);
        match decide(&flow, &Observation { left, ..seen.with(3, idle) }, NOW) {
            Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => {
                assert_eq!((shape.replicas, shape.partition), (5, Some(4)), "nothing more is asked for");
                shape.doomed.map(|names| names.iter().map(PodName::as_str).collect::<Vec<_>>().join(" "))
            }
            Decision::Wait(..) => None,
            other => panic!("{other:?}"),
        }
    };
    let some = Some(Left { size: Some(4) });
    for chosen in [Facts::DOOMED, Facts::DOOMED | Facts::SPECIFIED] {
        let names = named(chosen, some);
        assert_eq!(names.as_deref(), Some("app-5 app-6 app-7"), "as many as are too many");
    }
    assert_eq!(named(Facts::empty(), some), None, "the controller chooses by itself");
    assert_eq!(named(Facts::DOOMED, None), None, "without a mark they may serve yet");
}

/// A new pod that stays out of traffic until a batch brings it.
const IDLE: Facts = Facts::FRESH.union(Facts::HOOKED).union(Facts::GATED).union(Facts::OUT);

fn stage(progress: &Progress) -> Option<Stage> {
    progress.batch().map(|batch| batch.stage)
}

/// The flow in a batch at whose start so many pods served.
fn serving(pods: u32, mut flow: Flow) -> Flow {
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.serving = pods;
    }
    flow
}

/// One of two pods is beside its successor, which does not serve yet.
fn left() -> Observation {
    let mine = Observation::mine(3, 2, 1).with(2, OLD).with(1, RUNS);
    Observation { lock: Lock::Free, left: Some(Left { size: Some(2) }), ..mine }
}
