use triton_core::engine::Waiting;
use triton_core::model::{
    Base, BatchReport, Failure, FlowId, Hold, HoldReason, Kind, Plan, Seconds, WaitingReport,
};

use super::ConditionType::{Ready, Reconciling, Stalled};
use super::*;
use crate::crd::convert::status;

#[test]
fn every_place_in_the_life_of_a_flow_has_one_condition() {
    let by = FlowId { namespace: "default".parse().unwrap(), name: "other".parse().unwrap() };
    let finished = |verdict| Progress::Finished { verdict, at: Timestamp::default() };
    let hold = |reason| Some(Hold { reason, resumes: 0 });
    let rows = [
        (Progress::Pending, None, Reconciling),
        (Progress::Pending, Some(Waiting::Paused), Reconciling),
        (
            Progress::Pending,
            Some(Waiting::Rival { rival: by.clone(), place: None, stuck: None }),
            Reconciling,
        ),
        (Progress::Pending, Some(Waiting::Lock { what: "odd".into() }), Stalled),
        (verifying(None), Some(Waiting::Verify { ready: 1, of: 2, drains: false }), Reconciling),
        (verifying(None), Some(Waiting::Spec { faults: "spec".into() }), Stalled),
        (verifying(hold(HoldReason::PodsFailed)), None, Stalled),
        (verifying(hold(HoldReason::Drift)), None, Stalled),
        (finished(Verdict::Succeeded), None, Ready),
        (finished(Verdict::AlreadyCarriedOut { stands: true }), None, Ready),
        (finished(Verdict::AlreadyCarriedOut { stands: false }), None, Ready),
        (finished(Verdict::Canceled), None, Stalled),
        (finished(Verdict::Aborted { by }), None, Stalled),
        (finished(Verdict::Failed(Failure::WorkloadMissing)), None, Stalled),
    ];
    for (progress, waiting, kind) in rows {
        let waiting = waiting.map(|waiting| WaitingReport {
            reason: waiting.reason().into(),
            message: waiting.to_string(),
            since: at(1),
            until: at(2),
        });
        let report = Report { waiting, updated_at: Some(at(7)), ..Report::default() };
        let condition = Condition::after(None, &progress, &report);
        assert_eq!(condition, Condition { kind, since: at(7) }, "{progress:?}");
    }
}

#[test]
fn the_time_of_a_condition_changes_with_its_type_alone() {
    let before = Some(Condition { kind: Reconciling, since: at(1) });
    let report = Report { updated_at: Some(at(9)), ..Report::default() };
    assert_eq!(Condition::after(before, &Progress::Pending, &report).since, at(1));
    let ended = Progress::Finished { verdict: Verdict::Succeeded, at: at(9) };
    assert_eq!(Condition::after(before, &ended, &report), Condition { kind: Ready, since: at(9) });
}

#[test]
fn the_newest_entry_carries_the_condition_and_older_ones_do_not() {
    for batches in 0..3_u32 {
        let entry = |number| BatchReport { batch: number, ..batch() };
        let report = Report {
            batches: (1..=batches).map(entry).collect(),
            reason: "Smoking".into(),
            message: "waits".into(),
            updated_at: Some(at(7)),
            ..Report::default()
        };
        let mut written = status(&Progress::Pending, &report, 1, None, None).unwrap();
        let list = written["conditions"].as_array().unwrap().clone();
        assert_eq!(list.len(), (batches as usize).max(1), "{list:?}");
        let (newest, older) = list.split_last().unwrap();
        assert_eq!(newest["batch"], batches);
        let told = ["type", "status", "reason", "message"].map(|field| newest[field].as_str().unwrap());
        assert_eq!(told, ["Reconciling", "True", "Smoking", "waits"]);
        assert_eq!(newest["lastTransitionTime"], json!(at(7)));
        assert!(older.iter().all(|entry| entry["type"].is_null() && entry["status"].is_null()), "{older:?}");
        let read = Condition::take(&mut written);
        assert_eq!(read, Some(Condition { kind: Reconciling, since: at(7) }));
        assert_eq!(written["conditions"].as_array().unwrap().len(), batches as usize);
    }
}

fn verifying(hold: Option<Hold>) -> Progress {
    let base = Base::new(Kind::Replace, 1, 1);
    let plan = Plan { base, fresh: 0, work: 1 };
    Progress::Verifying { plan, since: at(1), counted: Seconds(0), hold, edited: None }
}

fn batch() -> BatchReport {
    serde_json::from_value(json!({ "batch": 1, "batchSize": 3 })).unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_micros(second * 1_000_000)
}
