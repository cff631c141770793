//! The tables of what OpenKruise does, one test per row that concerns the controller.

use std::vec;

use super::*;

/// R = 3, surge 1, nothing may be unavailable, hook on.
const THREE: CloneSet = CloneSet {
    replicas: 3,
    partition: 0,
    max_surge: 1,
    max_unavailable: 0,
    paused: false,
    policy: UpdatePolicy::ReCreate,
    pre_delete_hook: true,
    in_place_hook: false,
    exclude_preparing_delete: false,
};

#[test]
fn a_new_cloneset_makes_all_its_pods_at_once() {
    assert_eq!(decide(&THREE, &[]), created(3, 0));
}

#[test]
fn a_new_template_starts_one_surge_pod_and_nothing_else_moves_while_its_gate_is_false() {
    let set = CloneSet { partition: 2, ..THREE };
    assert_eq!(decide(&set, &[old(); 3]), created(1, 0));
    let pods = [old(), old(), old(), booting()];
    assert_eq!(decide(&set, &pods), Changes::default());
    let status = status(&set, &pods);
    let seen =
        (status.replicas, status.updated, status.updated_ready, status.available, status.expected_updated);
    assert_eq!(seen, (4, 1, 0, 3, 1));
}

#[test]
fn when_the_surge_pod_is_ready_one_old_pod_is_marked_and_waits() {
    let set = CloneSet { partition: 2, ..THREE };
    let pods = [old(), old(), old(), new()];
    assert_eq!(settle(&set, &pods), [marked(old()), old(), old(), new()]);
}

#[test]
fn taking_the_hook_label_off_a_marked_pod_lets_it_be_deleted() {
    let set = CloneSet { partition: 2, ..THREE };
    let pods = [old(), old(), CloneSetPod { hooked: false, ..marked(old()) }, new()];
    assert_eq!(settle(&set, &pods), [old(), old(), new()]);
}

#[test]
fn raising_the_partition_again_marks_the_new_pod_itself() {
    let pods = [old(), old(), old(), booting()];
    assert_eq!(settle(&CloneSet { partition: 3, ..THREE }, &pods), [old(), old(), old(), marked(booting())]);
}

#[test]
fn putting_the_old_template_back_restarts_nothing() {
    assert_eq!(decide(&THREE, &[new(); 3]), Changes::default());
    assert!(status(&THREE, &[new(); 3]).current_follows);
}

#[test]
fn scaling_in_marks_one_pod_which_no_longer_counts_as_available_and_raising_returns_it_to_normal() {
    let smaller = CloneSet { replicas: 2, ..THREE };
    let pods = settle(&smaller, &[new(); 3]);
    assert_eq!(pods.iter().filter(|pod| pod.preparing_delete()).count(), 1);
    assert_eq!(status(&smaller, &pods).available, 2);
    assert_eq!(settle(&THREE, &pods), [new(); 3]);
}

#[test]
fn a_listed_pod_is_the_one_that_is_marked() {
    let set = CloneSet { replicas: 2, ..THREE };
    let pods = [new(), CloneSetPod { specified: true, ..new() }, new()];
    let left = settle(&set, &pods);
    assert!(left[1].preparing_delete() && !left[0].preparing_delete() && !left[2].preparing_delete());
}

#[test]
fn a_specified_pod_with_surge_is_replaced_before_it_is_marked() {
    let doomed = CloneSetPod { specified: true, ..new() };
    assert_eq!(decide(&THREE, &[new(), new(), doomed]), created(1, 0));
    assert_eq!(decide(&THREE, &[new(), new(), doomed, booting()]), Changes::default());
    assert_eq!(changed(&THREE, &[new(), new(), doomed, new()]), [(2, ControllerChange::Mark)]);
}

#[test]
fn without_surge_and_room_a_specified_pod_stays() {
    let set = CloneSet { max_surge: 0, ..THREE };
    assert_eq!(decide(&set, &[new(), new(), CloneSetPod { specified: true, ..new() }]), Changes::default());
    let roomy = CloneSet { max_unavailable: 1, ..set };
    assert_eq!(
        changed(&roomy, &[new(), CloneSetPod { specified: true, ..new() }, new()]),
        [(1, ControllerChange::Mark)]
    );
}

#[test]
fn paused_makes_no_replacement_beyond_replicas_but_still_creates_and_marks() {
    let set = CloneSet { partition: 2, paused: true, ..THREE };
    assert_eq!(decide(&set, &[old(); 3]), Changes::default(), "no surge, no update");
    let pods = [old(), marked(old()), new()];
    assert_eq!(decide(&set, &[old(), old(), marked(old()), new()]), Changes::default());
    assert_eq!(
        changed(&set, &pods),
        [(1, ControllerChange::Unmark)],
        "a lost pod is made up for by the marked one"
    );
    assert_eq!(decide(&set, &[old()]), created(1, 1), "creation goes on");
    assert_eq!(marks(&set, &[old(), old(), old(), old()]), 1, "so does scale-in");
}

#[test]
fn only_labelled_pods_are_held_by_the_hook() {
    let set = CloneSet { replicas: 2, ..THREE };
    let bare = CloneSetPod { hooked: false, ..new() };
    assert_eq!(settle(&set, &[bare; 3]).len(), 2);
    let hookless = CloneSet { pre_delete_hook: false, ..set };
    assert_eq!(settle(&hookless, &[new(); 3]).len(), 2);
}

#[test]
fn a_lost_surge_pod_is_not_replaced_by_surge_alone() {
    let set = CloneSet { partition: 1, max_surge: 2, ..THREE };
    assert_eq!(decide(&set, &[old(); 3]), created(2, 0));
    assert_eq!(decide(&set, &[old(), old(), old(), booting()]), Changes::default());
}

#[test]
fn growing_in_numbers_replaces_a_lost_new_pod_at_once() {
    let set = CloneSet { replicas: 5, partition: 3, max_surge: 2, ..THREE };
    assert_eq!(decide(&set, &[old(), old(), old(), booting()]), created(1, 0));
}

#[test]
fn shrinking_replicas_and_partition_together_marks_exactly_the_old_pods() {
    let set = CloneSet { replicas: 3, partition: 1, max_surge: 2, ..THREE };
    let left = settle(&set, &[old(), old(), old(), new(), new()]);
    assert_eq!(left.iter().filter(|pod| pod.preparing_delete() && !pod.updated).count(), 2);
    assert_eq!(left.iter().filter(|pod| pod.preparing_delete()).count(), 2);
}

#[test]
fn losing_an_unmarked_old_and_a_new_pod_returns_one_marked_pod_and_starts_a_new_one() {
    let set = CloneSet { replicas: 3, partition: 1, max_surge: 2, exclude_preparing_delete: true, ..THREE };
    let pods = [marked(old()), marked(old()), new()];
    assert_eq!(changed(&set, &pods)[..1], [(0, ControllerChange::Unmark)]);
    let after = settle(&CloneSet { partition: 1, ..set }, &[marked(old()), new()]);
    assert_eq!(after.iter().filter(|pod| pod.preparing_delete()).count(), 0);
}

#[test]
fn with_the_exclude_label_marked_pods_do_not_stand_in_for_missing_ones() {
    let counted = CloneSet { replicas: 3, partition: 1, max_surge: 0, ..THREE };
    let pods = [old(), CloneSetPod { specified: true, ..marked(old()) }, new()];
    assert_eq!(decide(&counted, &pods), Changes::default());
    let excluded = CloneSet { exclude_preparing_delete: true, ..counted };
    assert_eq!(decide(&excluded, &pods), created(1, 0));
}

#[test]
fn nothing_more_is_chosen_while_a_pod_is_marked() {
    let set = CloneSet { replicas: 1, ..THREE };
    assert_eq!(decide(&set, &[marked(new()), new(), new()]), Changes::default());
}

#[test]
fn scale_in_takes_pods_that_do_not_run_then_unready_then_the_youngest() {
    let set = CloneSet { replicas: 2, max_unavailable: 1, ..THREE };
    let aged = |micros| CloneSetPod {
        created_at: Timestamp::from_micros(micros),
        ready_since: Timestamp::from_micros(micros),
        ..new()
    };
    let pending = CloneSetPod { running: false, ready: false, ..aged(1) };
    let unready = CloneSetPod { ready: false, ..aged(2) };
    assert_eq!(changed(&set, &[aged(9), pending, unready]), [(1, ControllerChange::Mark)]);
    assert_eq!(changed(&set, &[aged(9), aged(3), unready]), [(2, ControllerChange::Mark)]);
    assert_eq!(changed(&set, &[aged(3), aged(9), aged(5)]), [(1, ControllerChange::Mark)]);
    let cheap = CloneSetPod { deletion_cost: -1, ..aged(1) };
    assert_eq!(changed(&set, &[aged(3), aged(9), cheap]), [(2, ControllerChange::Mark)]);
}

#[test]
fn ready_pods_leave_only_within_what_may_be_unavailable() {
    let set = CloneSet { replicas: 2, ..THREE };
    let broken = CloneSetPod { ready: false, ..new() };
    let listed = CloneSetPod { specified: true, ..new() };
    assert_eq!(decide(&CloneSet { max_surge: 0, ..set }, &[broken, listed]), Changes::default());
}

#[test]
fn a_pod_that_is_ready_for_less_than_min_ready_seconds_lets_no_other_go_and_goes_itself_as_a_ready_one() {
    let young = CloneSetPod { young: true, ..new() };
    let listed = |pod| CloneSetPod { specified: true, ..pod };
    let shrunk = CloneSet { replicas: 2, partition: 1, ..THREE };
    let without_surge = CloneSet { max_surge: 0, max_unavailable: 1, partition: 1, ..THREE };
    let full = CloneSet { replicas: 2, max_surge: 0, ..THREE };
    // The numbers, the pods, and what happens to them.
    let rows = [
        ("too many beside it", shrunk, vec![old(), old(), young], vec![]),
        ("too many beside one of age", shrunk, vec![old(), old(), new()], vec![ControllerChange::Mark]),
        (
            "too many that are as young themselves",
            CloneSet { partition: 0, max_surge: 2, ..shrunk },
            vec![CloneSetPod { young: true, ..old() }, CloneSetPod { young: true, ..old() }, young, young],
            vec![],
        ),
        ("an update beside it", without_surge, vec![old(), old(), young], vec![]),
        (
            "an update beside one of age",
            without_surge,
            vec![old(), old(), new()],
            vec![ControllerChange::Specify],
        ),
        ("listed beside it", full, vec![young, listed(young)], vec![]),
        (
            "listed where there is one more",
            full,
            vec![new(), new(), listed(young)],
            vec![ControllerChange::Mark],
        ),
    ];
    for (name, set, pods, changes) in rows {
        assert_eq!(changes_of(&set, &pods), changes, "{name}");
        assert_eq!(status(&set, &pods).ready, u32::try_from(pods.len()).expect("a few"), "{name}");
    }
}

#[test]
fn without_surge_an_update_specifies_old_pods_within_max_unavailable() {
    let set = CloneSet { max_surge: 0, max_unavailable: 1, partition: 1, ..THREE };
    assert_eq!(changes_of(&set, &[old(); 3]), [ControllerChange::Specify]);
    let unready = CloneSetPod { ready: false, ..old() };
    assert_eq!(
        changed(&set, &[old(), unready, old()]),
        [(1, ControllerChange::Specify)],
        "broken ones first"
    );
}

#[test]
fn a_missing_old_pod_is_made_of_the_current_revision() {
    let set = CloneSet { partition: 2, max_surge: 0, ..THREE };
    assert_eq!(decide(&set, &[old(), new()]), created(0, 1));
}

pub(super) fn new() -> CloneSetPod {
    CloneSetPod {
        updated: true,
        swappable: true,
        swapped: true,
        hooked: true,
        scheduled: true,
        running: true,
        ready: true,
        ..CloneSetPod::default()
    }
}

pub(super) fn old() -> CloneSetPod {
    CloneSetPod { updated: false, ..new() }
}

/// A new pod whose gate is false.
fn booting() -> CloneSetPod {
    CloneSetPod { ready: false, ..new() }
}

fn marked(pod: CloneSetPod) -> CloneSetPod {
    CloneSetPod { state: Lifecycle::PreparingDelete, ..pod }
}

fn created(updated: u32, current: u32) -> Changes {
    Changes { create_updated: updated, create_current: current, pods: vec![] }
}

fn changed(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<(usize, ControllerChange)> {
    decide(set, pods).pods
}

fn changes_of(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<ControllerChange> {
    changed(set, pods).into_iter().map(|(_, change)| change).collect()
}

fn marks(set: &CloneSet, pods: &[CloneSetPod]) -> usize {
    changes_of(set, pods).into_iter().filter(|change| *change == ControllerChange::Mark).count()
}

/// Reconciles until nothing changes; new pods come up ready.
fn settle(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<CloneSetPod> {
    let mut pods = pods.to_vec();
    for _ in 0..100 {
        let changes = decide(set, &pods);
        if changes.is_empty() {
            return pods;
        }
        for (at, change) in &changes.pods {
            carry_out(&mut pods[*at], *change);
        }
        let gone = |at: usize| changes.pods.contains(&(at, ControllerChange::Delete));
        pods = pods.iter().enumerate().filter(|(at, _)| !gone(*at)).map(|(_, pod)| *pod).collect();
        pods.extend((0..changes.create_updated).map(|_| new()));
        pods.extend((0..changes.create_current).map(|_| old()));
    }
    panic!("does not settle: {pods:?}");
}

/// What a change makes of a pod; its deletion aside.
fn carry_out(pod: &mut CloneSetPod, change: ControllerChange) {
    match change {
        ControllerChange::Delete => {}
        ControllerChange::Mark => pod.state = Lifecycle::PreparingDelete,
        ControllerChange::Unmark | ControllerChange::Settle => pod.state = Lifecycle::Normal,
        ControllerChange::Specify => pod.specified = true,
        ControllerChange::Prepare => pod.state = Lifecycle::PreparingUpdate,
        ControllerChange::PrepareAgain => (pod.state, pod.hooked) = (Lifecycle::PreparingUpdate, true),
        ControllerChange::Swap => {
            (pod.updated, pod.state) = (true, Lifecycle::Updating);
            (pod.swapped, pod.held_back, pod.ready) = (false, true, false);
        }
        ControllerChange::Admit => pod.held_back = false,
        ControllerChange::Finish => pod.state = Lifecycle::Updated,
    }
}
