//! Records that are older than what their flow noted on its workload.

use crate::engine::fixtures::{NOW, base};
use crate::engine::goal::plan;
use crate::engine::{Decision, Waiting, decide};
use crate::model::{
    Action, Edits, Failure, Flow, Holder, LastHolder, Lock, Observation, Progress, Stage, Verdict,
    WorkloadChange,
};

#[test]
fn a_flow_waits_for_its_newer_record_and_cancel_gets_it_out() {
    let begun = || plan(base(2, 2), 0);
    let flow = || Flow::test(Action::Update, 2);
    let at = |number| flow().at(begun(), number, 0, 1, Stage::Leaving);
    let pending = flow();
    let prepares = Flow { progress: Progress::Preparing { base: base(2, 2) }, ..flow() };
    // What the record says, how far the flow noted that it was, and what comes: as it is, cancelled, and superseded.
    let lost = "ends StatusLost";
    let rows = [
        (&pending, &pending, ["goes on", "ends Canceled", "ends Aborted"]),
        (&pending, &prepares, ["waits", lost, lost]),
        (&pending, &at(1), ["waits", lost, lost]),
        // The base is known: what the flow brought is taken back.
        (&prepares, &at(2), ["waits", "closes", "closes"]),
        (&at(1), &at(2), ["waits", "closes", "closes"]),
    ];
    for (record, noted, wanted) in rows {
        let edits = Edits { at: noted.progress.position(), ..Edits::default() };
        let settled = !record.progress.position().is_behind(edits.at);
        let seen = Observation { edits, settled, ..Observation::mine(2, 1, 1) };
        let mut canceled = record.clone();
        canceled.orders.canceled = true;
        let mut superseded = canceled.clone();
        superseded.orders.superseded = Some("other".parse().expect("a name"));
        let comes = [record, &canceled, &superseded].map(|flow| comes(&decide(flow, &seen, NOW)));
        assert_eq!(comes, wanted, "{:?} {:?}", record.progress, noted.progress);
    }
}

#[test]
fn a_flow_that_has_not_begun_by_its_record_and_had_the_lock_waits_for_its_newer_record() {
    // Whose the last lock was, whether it was given back, and what comes: as it is, and cancelled.
    let rows = [
        (Some(("flow-uid", false)), ["waits", "ends StatusLost"]),
        (Some(("flow-uid", true)), ["goes on", "ends Canceled"]),
        (Some(("other", false)), ["goes on", "ends Canceled"]),
        (None, ["goes on", "ends Canceled"]),
    ];
    for (last, wanted) in rows {
        let flow = Flow::test(Action::Update, 2);
        let last = last.map(|(uid, gave_back)| {
            let holder = Holder { id: flow.id.clone(), uid: uid.parse().expect("a uid") };
            LastHolder { holder, turn: 3, size: None, gave_back }
        });
        let seen = Observation { lock: Lock::Free, last: last.clone(), ..Observation::mine(2, 1, 1) };
        let mut canceled = flow.clone();
        canceled.orders.canceled = true;
        assert_eq!([&flow, &canceled].map(|flow| comes(&decide(flow, &seen, NOW))), wanted, "{last:?}");
    }
}

#[test]
fn a_flow_whose_status_was_lost_leaves_its_lock_as_the_mark_of_that() {
    let rows = [
        (Verdict::Failed(Failure::StatusLost), None),
        (Verdict::Failed(Failure::WorkloadExists), Some("released")),
        (Verdict::Canceled, Some("released")),
    ];
    for (verdict, wanted) in rows {
        let flow = Flow {
            progress: Progress::Finished { verdict: verdict.clone(), at: NOW },
            ..Flow::test(Action::Update, 2)
        };
        let decision = decide(&flow, &Observation { lock: Lock::Mine, ..Observation::mine(2, 1, 1) }, NOW);
        let released = match decision {
            Decision::Act(super::Effect::Workload(WorkloadChange::Release { .. })) => Some("released"),
            Decision::Done => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(released, wanted, "{verdict:?}");
    }
}

fn comes(decision: &Decision) -> &'static str {
    match decision {
        Decision::Wait(waiting @ Waiting::Record, _) => {
            assert_eq!(waiting.reason(), "OldStatus");
            assert!(waiting.to_string().contains("Cancel ends the flow"), "{waiting}");
            "waits"
        }
        Decision::Move(Progress::Closing { .. }, _) => "closes",
        Decision::Move(Progress::Finished { verdict, .. }, why) => match verdict {
            Verdict::Failed(Failure::StatusLost) => {
                assert!(why.to_string().contains("the workload stays as it is"), "{why}");
                "ends StatusLost"
            }
            Verdict::Canceled => "ends Canceled",
            Verdict::Aborted { .. } => "ends Aborted",
            other => panic!("{other:?}"),
        },
        _ => "goes on",
    }
}
