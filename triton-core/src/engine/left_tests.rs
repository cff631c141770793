use super::super::decide::decide;
use super::super::fixtures::{NOW, OLD, RUNS, base};
use super::super::goal::plan;
use super::*;
use crate::model::{Left, Stage};

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

/// One of two pods is beside its successor, which does not serve yet.
fn left() -> Observation {
    let mine = Observation::mine(3, 2, 1).with(2, OLD).with(1, RUNS);
    Observation { lock: Lock::Free, left: Some(Left { size: Some(2) }), ..mine }
}
