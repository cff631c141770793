use super::rig::{Rig, id, rolling, view};
use crate::model::{Lock, TrafficChange, WorkloadView};

#[test]
fn the_keeper_leaves_a_locked_workload_alone() {
    let mut rig = Rig::new(rolling());
    let holder = id();
    rig.backend.expect_observe().returning(move || {
        let mut seen = WorkloadView { lock: Lock::Theirs(holder.clone()), ..view(2, 2) };
        seen.pods[0].booted = true;
        Ok(Some(seen))
    });
    assert_eq!(rig.tend().expect("nothing to do"), None);
}

#[test]
fn the_keeper_pulls_in_what_is_ready() {
    let mut rig = Rig::new(rolling());
    let mut looks = 0;
    rig.backend.expect_observe().returning(move || {
        looks += 1;
        let settled = looks == 1;
        let mut seen = WorkloadView { lock: Lock::Free, settled, ..view(1, 1) };
        seen.pods[0].booted = true;
        Ok(Some(seen))
    });
    rig.registry.expect_change_traffic().times(1).returning(|_, change| {
        assert!(matches!(change, TrafficChange::PullIn(pods) if pods.len() == 1));
        Ok(())
    });
    assert_eq!(rig.tend().expect("tended"), None);
}
