use super::rig::{Rig, base, conflict, ended, flow, id, rolling, uid, view};
use super::*;
use crate::model::{Holder, Kind, LastHolder, Lock, Peer, Place, WorkloadChange, WorkloadView};

#[test]
fn a_workload_whose_flow_lost_its_lock_is_for_nobody_else() {
    let begun = || vec![Peer { ended_at: None, begun: true, ..ended(3) }];
    let mut rig = Rig::new(flow(Progress::Preparing { base: Base { kind: Kind::Replace, ..base() } }));
    rig.backend.expect_observe().returning(|| {
        let mut seen = WorkloadView { lock: Lock::Free, ..view(2, 2) };
        seen.pods[0].booted = true;
        Ok(Some(seen))
    });
    *rig.peers.lock().expect("peers") = begun();
    assert_eq!(rig.tend().expect("nothing to do"), None, "the keeper keeps off");
    rig.set(update(rig.loaded()));
    let rest = rig.advance().expect("it waits");
    assert!(matches!(rest, Rest::Until(_, Waiting::Rival { rival, .. }) if rival == begun()[0].id));
}

#[test]
fn a_flow_whose_lock_others_took_off_before_its_first_batch_stands_in_no_line() {
    let mut rig = Rig::new(flow(Progress::Preparing { base: Base { kind: Kind::Replace, ..base() } }));
    let last =
        || LastHolder { holder: Holder { id: id(), uid: uid() }, turn: 1, size: None, gave_back: false };
    rig.backend
        .expect_observe()
        .returning(move || Ok(Some(WorkloadView { lock: Lock::Free, last: Some(last()), ..view(2, 2) })));
    *rig.peers.lock().expect("peers") =
        vec![Peer { ended_at: None, waits: true, rollback: true, ..ended(3) }];
    rig.set(update(rig.loaded()));
    rig.backend.expect_change_workload().times(1).returning(|change, _| {
        assert!(matches!(change, WorkloadChange::Lock { .. }), "{change:?}");
        Err(conflict())
    });
    assert_eq!(rig.advance().expect_err("it locks").during, "changing the workload");
}

#[test]
fn a_flow_waits_for_who_is_before_it_and_starts_once_nobody_is() {
    let mut rig = Rig::new(flow(Progress::Preparing { base: Base { kind: Kind::Replace, ..base() } }));
    let free = || WorkloadView { lock: Lock::Free, ..view(2, 2) };
    rig.backend.expect_observe().returning(move || Ok(Some(free())));
    let waits = Peer { ended_at: None, waits: true, rollback: true, ..ended(3) };
    *rig.peers.lock().expect("peers") = vec![waits.clone()];
    rig.set(update(rig.loaded()));
    let rest = rig.advance().expect("it waits");
    let place = Some(Place { number: 2, behind: waits.id.clone() });
    assert!(matches!(rest, Rest::Until(_, Waiting::Rival { place: at, .. }) if at == place));
    assert_eq!(
        rig.saved().last().map(|(_, r)| r.message.clone()),
        Some("waits second in line behind flow default/df-3".into())
    );
    *rig.peers.lock().expect("peers") = vec![Peer { waits: false, ..waits }];
    rig.backend.expect_change_workload().returning(|_, _| Err(conflict()));
    let error = rig.advance().expect_err("it goes on");
    assert_eq!(error.during, "changing the workload");
}

#[test]
fn who_waits_for_a_flow_that_does_not_go_on_by_itself_is_told_what_keeps_it_and_what_to_do() {
    let runs = |waiting: Waiting| {
        let Loaded::Flow(mut stored) = Rig::new(rolling()).loaded() else { panic!("a flow") };
        let (reason, message, until) = (waiting.reason().into(), waiting.to_string(), Timestamp::default());
        stored.report.waiting = Some(WaitingReport { reason, message, since: until, until });
        Loaded::Flow(stored)
    };
    let rows = [
        (
            super::corrupt(false),
            "; flow default/df-3 holds because its status cannot be read",
            "delete the flow",
        ),
        (
            super::unread::invalid(Progress::Pending, "must be two"),
            "; flow default/df-3 holds because",
            "correct",
        ),
        (runs(Waiting::Record), "; flow default/df-3 waits for a newer status", "Cancel ends the flow"),
        (runs(Waiting::Interval), "", ""),
    ];
    for (rival, keeps, mend) in rows {
        let mut rig = Rig::new(flow(Progress::Pending));
        rig.rival = Some(rival);
        let theirs = || WorkloadView { lock: Lock::Theirs(ended(3).id), ..view(2, 2) };
        rig.backend.expect_observe().returning(move || Ok(Some(theirs())));
        rig.advance().expect("it waits");
        let (_, report) = rig.saved().pop().expect("a save");
        let waits = "waits for flow default/df-3, which holds the workload";
        let rest = report.message.strip_prefix(waits).expect("the flow is named");
        assert!(rest.starts_with(keeps) && rest.contains(mend), "{rest}");
        assert_eq!((report.reason.as_str(), rest.is_empty()), ("Rival", keeps.is_empty()), "{rest}");
    }
}

/// The same flow as an update that keeps the size.
fn update(loaded: Loaded) -> Loaded {
    let Loaded::Flow(mut stored) = loaded else { panic!("a flow") };
    stored.flow.spec.action = crate::model::Action::Update;
    Loaded::Flow(stored)
}
