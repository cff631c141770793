use super::rig::{Rig, base, flow, id, rolling, uid, view};
use super::*;
use crate::model::{Failure, Fault, Faults, Left, Lock, Plan, Verdict, WorkloadView};
use crate::ports::Invalid;

#[test]
fn a_flow_that_cannot_be_read_before_it_has_begun_fails_and_is_told() {
    let mut rig = Rig::new(rolling());
    rig.set(invalid(Progress::Pending, "must be one of create"));
    assert_eq!(rig.advance().expect("done"), Rest::Done);
    let (progress, report) = rig.saved().pop().expect("saved");
    let verdict = |progress| match progress {
        Progress::Finished { verdict, .. } => Some(verdict),
        _ => None,
    };
    let fault = "spec.action: must be one of create";
    let failed = Verdict::Failed(Failure::InvalidSpec { fault: fault.into() });
    assert_eq!(verdict(progress), Some(failed.clone()));
    assert_eq!((report.reason.as_str(), report.message.as_str()), ("InvalidSpec", fault));
    assert_eq!(rig.steps[0], Step::Saved(vec![Why::Ended { verdict: failed, cause: None }]));
}

#[test]
fn one_that_has_begun_holds_with_its_progress_and_is_told_once() {
    let mut rig = Rig::new(rolling());
    let running = rolling().progress;
    rig.set(invalid(running.clone(), "must be at least 1"));
    rig.backend.expect_observe().returning(|| Ok(Some(held_by(id()))));
    let rest = rig.advance().expect("it holds");
    assert!(matches!(rest, Rest::Until(_, Waiting::Spec { .. })), "{rest:?}");
    let saved = rig.saved();
    assert_eq!(saved.len(), 1, "{saved:?}");
    let (progress, report) = &saved[0];
    let waiting = report.waiting.as_ref().expect("it says what it waits for");
    assert_eq!((progress, waiting.reason.as_str(), report.paused), (&running, "InvalidSpec", true));
    assert!(waiting.message.contains("spec.action: must be at least 1; correct that"), "{}", waiting.message);
    assert_eq!(rig.told(), ["InvalidSpec"]);
    assert!(rig.forgotten.lock().expect("forgotten").is_empty());
    // Another fault is news.
    rig.spoil("must be two");
    rig.advance().expect("it holds");
    assert_eq!(rig.told(), ["InvalidSpec", "InvalidSpec"]);
}

#[test]
fn one_that_is_deleted_is_given_free_and_nothing_is_touched() {
    let mut rig = Rig::new(rolling());
    let Loaded::Invalid(mut flow) = invalid(rolling().progress, "must be two") else { panic!("invalid") };
    flow.leaving = true;
    rig.set(Loaded::Invalid(flow));
    assert_eq!(rig.advance().expect("done"), Rest::Done);
    assert!(rig.saved().is_empty());
    assert_eq!(*rig.forgotten.lock().expect("forgotten"), [uid()]);
}

#[test]
fn one_that_is_deleted_and_has_no_revision_to_return_to_is_given_free_and_leaves_its_workload() {
    // Whether it is being deleted, what the backend says, and whether it goes.
    let rows = [
        (true, PortErrorKind::NoRevision, true),
        (false, PortErrorKind::NoRevision, false),
        (true, PortErrorKind::Rejected, false),
        (true, PortErrorKind::Transient, false),
    ];
    for (leaving, kind, goes) in rows {
        let (plan, keep) = (Plan { base: base(), fresh: 0, work: 2 }, 0);
        let verdict = Verdict::Canceled;
        let mut rig = Rig::new(flow(Progress::Closing { plan, verdict, keep, floor: 0, shed: true }));
        let Loaded::Flow(mut stored) = rig.loaded() else { panic!("it can be read") };
        stored.leaving = leaving;
        rig.set(Loaded::Flow(stored));
        rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
        rig.backend
            .expect_change_workload()
            .returning(move |_, _| Err(PortError::new(kind, "it is not kept any more")));
        let rest = rig.advance();
        assert_eq!(rest.ok(), goes.then_some(Rest::Done), "{leaving} {kind:?}");
        assert_eq!(rig.forgotten.lock().expect("forgotten").len(), usize::from(goes), "{leaving} {kind:?}");
        assert!(rig.saved().is_empty(), "{leaving} {kind:?}");
    }
}

#[test]
fn a_workload_that_a_flow_left_before_it_ended_is_not_tended() {
    let mut rig = Rig::new(rolling());
    rig.backend.expect_observe().returning(|| {
        let left = Some(Left { size: Some(2) });
        let mut seen = WorkloadView { lock: Lock::Free, left, ..view(2, 2) };
        seen.pods[0].booted = true;
        Ok(Some(seen))
    });
    assert_eq!(rig.tend().expect("nothing to do"), None);
}

fn held_by(flow: FlowId) -> WorkloadView {
    WorkloadView { lock: Lock::Theirs(flow), ..view(2, 2) }
}

pub(super) fn invalid(progress: Progress, message: &str) -> Loaded {
    let fault = Fault { field: "spec.action".into(), message: message.into() };
    Loaded::Invalid(Box::new(Invalid {
        id: id(),
        uid: uid(),
        version: "1".parse().expect("a version"),
        action: "update".into(),
        instance: Some(rolling().instance()),
        progress,
        report: Report::default(),
        created_at: Timestamp::default(),
        observed: true,
        leaving: false,
        faults: Faults(vec![fault]),
    }))
}

impl Rig {
    /// The reasons of all moves that were told.
    fn told(&self) -> Vec<&'static str> {
        let moves = self.steps.iter().filter_map(|step| match step {
            Step::Saved(moves) => Some(moves),
            Step::Did(_) => None,
        });
        moves.flatten().map(Why::reason).collect()
    }

    /// Another fault from now on.
    fn spoil(&self, message: &str) {
        let Loaded::Invalid(mut flow) = self.loaded() else { panic!("invalid") };
        flow.faults.0[0].message = message.into();
        self.set(Loaded::Invalid(flow));
    }
}
