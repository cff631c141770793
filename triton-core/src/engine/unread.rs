//! WHAT BECOMES OF A FLOW WHOSE SPEC CANNOT BE READ.

use alloc::string::ToString;

use super::decision::{Decision, Waiting};
use super::report::waiting_report;
use crate::model::{Failure, Faults, FlowId, Lock, Progress, Report, Timestamp, Verdict};

/// What happens next to a flow whose spec is not one that admission lets in. `lock`: who holds the workload,
/// as somebody sees it who is no flow; `None` where there is no workload, or which one cannot be told.
///
/// One that has not begun fails. One that has begun holds and touches nothing, so that no order of it is carried
/// out that nobody can read; it ends when another flow has taken the workload.
#[must_use]
pub fn unread(
    id: &FlowId,
    progress: &Progress,
    lock: Option<&Lock>,
    faults: &Faults,
    now: Timestamp,
) -> Decision {
    let failed = || Decision::fail(Failure::InvalidSpec { fault: faults.to_string() }, now);
    match (progress, lock) {
        (Progress::Finished { .. }, _) => Decision::Done,
        (Progress::Pending, _) => failed(),
        (_, Some(Lock::Theirs(holder))) if holder == id => hold(faults, now),
        (Progress::Preparing { .. }, None | Some(Lock::Free | Lock::Theirs(_))) => failed(),
        (_, Some(Lock::Theirs(by))) => Decision::end(Verdict::Aborted { by: by.clone() }, now),
        (_, None | Some(Lock::Free | Lock::Mine | Lock::Unreadable { .. })) => hold(faults, now),
    }
}

fn hold(faults: &Faults, now: Timestamp) -> Decision {
    Decision::look_again(Waiting::Spec { faults: faults.to_string() }, now)
}

/// The report of such a flow after a decision. Its numbers, batches and pods stay those that were seen last.
#[must_use]
pub fn unread_report(old: &Report, decision: &Decision, now: Timestamp) -> Report {
    let mut new = Report { updated_at: Some(now), ..old.clone() };
    match decision {
        Decision::Wait(waiting, until) => {
            new.reason = waiting.reason().into();
            new.message = waiting.to_string();
            new.waiting = Some(waiting_report(old, waiting, new.message.clone(), *until, now));
            new.paused = true;
        }
        Decision::Move(progress, why) => {
            new.reason = why.reason().into();
            new.message = why.to_string();
            new.waiting = None;
            new.paused = false;
            if let Progress::Finished { at, .. } = progress {
                new.finished_at = Some(*at);
            }
        }
        Decision::Act(_) | Decision::Done => {}
    }
    new.fit();
    new
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixtures::{NOW, base};
    use crate::engine::goal::plan;
    use crate::model::{Action, Fault, Flow, Stage};

    #[test]
    fn a_flow_that_cannot_be_read_fails_before_it_has_begun_and_holds_after() {
        let flow = Flow::test(Action::Update, 2);
        let other = FlowId { name: "other".parse().expect("a name"), ..flow.id.clone() };
        let fault =
            Fault { field: "spec.updateStrategy.batchSize".into(), message: "must be at least 1".into() };
        let faults = Faults(alloc::vec![fault]);
        let mine = Some(Lock::Theirs(flow.id.clone()));
        let theirs = Some(Lock::Theirs(other));
        let odd = Some(Lock::Unreadable { what: "it is no JSON".into() });
        let begun = base(2, 2);
        let preparing = Progress::Preparing { base: begun.clone() };
        let rolling = flow.clone().at(plan(begun, 0), 1, 0, 1, Stage::Smoked);
        let ended = Progress::Finished { verdict: Verdict::Canceled, at: NOW };
        // Where it is, who holds the workload, and what becomes of it.
        let rows = [
            (&Progress::Pending, None, "fails"),
            (&Progress::Pending, theirs.clone(), "fails"),
            (&preparing, None, "fails"),
            (&preparing, Some(Lock::Free), "fails"),
            (&preparing, theirs.clone(), "fails"),
            (&preparing, mine.clone(), "holds"),
            (&preparing, odd.clone(), "holds"),
            (&rolling.progress, mine, "holds"),
            (&rolling.progress, odd, "holds"),
            (&rolling.progress, Some(Lock::Free), "holds"),
            (&rolling.progress, None, "holds"),
            (&rolling.progress, theirs.clone(), "gives way"),
            (&ended, theirs, "is over"),
        ];
        for (progress, lock, wanted) in rows {
            let decision = unread(&flow.id, progress, lock.as_ref(), &faults, NOW);
            let is = match &decision {
                Decision::Move(Progress::Finished { verdict: Verdict::Aborted { .. }, .. }, _) => "gives way",
                Decision::Move(Progress::Finished { verdict: Verdict::Failed(_), .. }, why) => {
                    assert_eq!(why.to_string(), "spec.updateStrategy.batchSize: must be at least 1");
                    "fails"
                }
                Decision::Wait(waiting, _) => {
                    assert!(
                        waiting.to_string().contains("spec.updateStrategy.batchSize: must be"),
                        "{waiting}"
                    );
                    assert_eq!(waiting.reason(), "InvalidSpec");
                    "holds"
                }
                Decision::Done => "is over",
                other => panic!("{other:?}"),
            };
            assert_eq!(is, wanted, "{progress:?} {lock:?}");
        }
    }
}
