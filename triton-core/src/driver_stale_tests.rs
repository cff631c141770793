//! What a driver does while its view of the world is too old: nothing.

use super::rig::ended;
use super::*;
use crate::model::{Verdict, WorkloadPod, WorkloadView};

const SILENCE: Silence = Silence { kind: "pods", age: Seconds(75) };

#[test]
fn a_flow_on_a_stale_view_waits_says_for_what_and_changes_nothing() {
    // Neither a mock of the backend nor of the registry expects a write: one would fail the test.
    let finished = Progress::Finished { verdict: Verdict::Succeeded, at: Timestamp::default() };
    for progress in [Progress::Pending, rolling().progress, finished] {
        let mut rig = stale(flow(progress.clone()));
        rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
        for minute in 0..3 {
            *rig.driver_time.lock().expect("time") = Timestamp::from_micros(1).plus(Seconds(60 * minute));
            let rest = rig.advance();
            let waits = Waiting::Unreachable { silence: SILENCE };
            assert!(matches!(&rest, Ok(Rest::Until(_, what)) if *what == waits), "{progress:?}: {rest:?}");
        }
        assert!(rig.forgotten.lock().expect("forgotten").is_empty());
        let saved = rig.saved();
        assert!(saved.iter().all(|(after, _)| *after == progress), "{saved:?}");
        if progress.is_finished() {
            assert!(saved.is_empty(), "its last words stay: {saved:?}");
            continue;
        }
        let (_, report) = saved.first().expect("people are told");
        assert_eq!(report.reason, "Unreachable");
        assert!(report.message.contains("pods") && report.message.contains("75 s"), "{}", report.message);
        assert!(saved.len() <= 3, "at most once a minute: {saved:?}");
    }
}

#[test]
fn a_watch_that_broke_for_a_moment_is_waited_for_without_a_word() {
    let mut rig = Rig { silence: Some(Silence { age: Seconds(0), ..SILENCE }), ..Rig::new(rolling()) };
    rig.backend.expect_observe().returning(|| Ok(Some(view(2, 2))));
    let rest = rig.advance();
    assert!(matches!(rest, Ok(Rest::Until(_, Waiting::Unreachable { .. }))), "{rest:?}");
    assert!(rig.saved().is_empty());
}

#[test]
fn what_cannot_be_read_is_left_alone_on_a_stale_view() {
    let invalid = unread::invalid(rolling().progress, "must be one of create");
    for loaded in [invalid, corrupt(true), corrupt(false)] {
        let mut rig = stale(rolling());
        rig.set(loaded);
        let rest = rig.advance();
        assert!(matches!(rest, Ok(Rest::Until(_, Waiting::Unreachable { .. }))), "{rest:?}");
        assert!(rig.saved().is_empty() && rig.forgotten.lock().expect("forgotten").is_empty());
    }
}

#[test]
fn the_keeper_does_nothing_on_a_stale_view_and_looks_again() {
    let bare = |pod| WorkloadPod { hooked: false, ..pod };
    let unhooked = move || {
        let view = view(2, 2);
        WorkloadView { lock: Lock::Free, pods: view.pods.iter().cloned().map(bare).collect(), ..view }
    };
    let mut rig = stale(rolling());
    rig.backend.expect_observe().returning(move || Ok(Some(unhooked())));
    let again = rig.tend().expect("it rests");
    assert_eq!(again, Some(rig.now().plus(Seconds(60))));
    rig.silence = None;
    rig.backend.expect_change_pods().times(1..).returning(|_| Err(conflict()));
    rig.tend().expect_err("on a fresh view it writes");
}

#[test]
fn no_ended_flow_is_removed_on_a_stale_view() {
    let mut rig = stale(rolling());
    *rig.peers.lock().expect("peers") = (0..3).map(ended).collect();
    let (rest, removed) = rig.trim(1);
    assert_eq!((rest.expect("it rests"), removed.len()), (Rest::Done, 0));
    rig.silence = None;
    assert_eq!(rig.trim(1).1.len(), 2);
}

fn stale(flow: Flow) -> Rig {
    Rig { silence: Some(SILENCE), ..Rig::new(flow) }
}
