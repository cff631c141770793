use super::rig::{Rig, ended, rolling};
use super::*;

#[test]
fn ended_flows_beyond_the_limit_are_removed_oldest_first_each_at_the_version_that_was_seen() {
    let rig = Rig::new(rolling());
    *rig.peers.lock().expect("peers") = (0..5).map(ended).collect();
    let (rest, removed) = rig.trim(2);
    assert_eq!(
        (rest.expect("trimmed"), removed),
        (Rest::Done, ["df-0", "df-1", "df-2"].map(String::from).to_vec())
    );
    let removed = rig.removed.lock().expect("removed").clone();
    assert_eq!(removed[1], (ended(1).id, ended(1).version));
    assert_eq!(rig.trim(2).1, [""; 0], "then nothing is left to do");
}

#[test]
fn many_ended_flows_are_removed_a_few_at_a_time() {
    let rig = Rig::new(rolling());
    *rig.peers.lock().expect("peers") = (0..20).map(ended).collect();
    assert!(matches!(rig.trim(1), (Ok(Rest::Again), removed) if removed.len() == 16));
    assert!(matches!(rig.trim(1), (Ok(Rest::Done), removed) if removed.len() == 3));
}

#[test]
fn an_ended_flow_that_changed_meanwhile_is_left_for_the_next_time() {
    let mut rig = Rig::new(rolling());
    *rig.peers.lock().expect("peers") = (0..3).map(ended).collect();
    rig.refused = Some(PortErrorKind::Conflict);
    let (rest, removed) = rig.trim(1);
    let error = rest.expect_err("it was not removed");
    assert_eq!((error.during, error.source.kind), ("removing an ended flow", PortErrorKind::Conflict));
    assert_eq!(removed, [""; 0]);
    rig.refused = None;
    assert_eq!(rig.trim(1).1, ["df-0", "df-1"]);
}
