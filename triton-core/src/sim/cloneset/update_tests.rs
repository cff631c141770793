//! Updates in place: the table of states of OpenKruise, one test per row, and what limits them.

use std::vec;

use super::super::tests::{new, old};
use super::super::{UpdatePolicy, decide, status};
use super::*;

/// R = 3, one may be unavailable, both hooks on.
const THREE: CloneSet = CloneSet {
    replicas: 3,
    partition: 0,
    max_surge: 0,
    max_unavailable: 1,
    paused: false,
    policy: UpdatePolicy::InPlaceIfPossible,
    pre_delete_hook: true,
    in_place_hook: true,
    exclude_preparing_delete: true,
};

#[test]
fn a_new_image_prepares_one_labelled_pod_which_waits_in_traffic() {
    let set = CloneSet { partition: 2, ..THREE };
    assert_eq!(changes(&set, &[old(); 3]), [(0, ControllerChange::Prepare)]);
    let pods = [of(Lifecycle::PreparingUpdate, old()), old(), old()];
    assert_eq!(changes(&set, &pods), []);
    let seen = status(&set, &pods);
    assert_eq!((seen.ready, seen.available, seen.updated), (3, 2, 0));
}

#[test]
fn without_its_label_a_prepared_pod_is_swapped_and_so_is_one_that_nothing_holds() {
    let set = CloneSet { partition: 2, ..THREE };
    let let_go = bare(of(Lifecycle::PreparingUpdate, old()));
    assert_eq!(changes(&set, &[old(), let_go, old()]), [(1, ControllerChange::Swap)]);
    assert_eq!(changes(&set, &[bare(old()), old(), old()])[..1], [(0, ControllerChange::Swap)]);
    let hookless = CloneSet { in_place_hook: false, ..set };
    assert_eq!(changes(&hookless, &[old(); 3]), [(0, ControllerChange::Swap)]);
}

#[test]
fn a_swapped_pod_counts_as_updated_at_once_and_as_ready_only_when_it_is_admitted() {
    let set = CloneSet { partition: 2, ..THREE };
    let pods = [bare(swapping()), old(), old()];
    let seen = status(&set, &pods);
    assert_eq!((seen.updated, seen.updated_ready, seen.updated_available), (1, 0, 0));
    assert_eq!(changes(&set, &pods), [], "the kubelet has not started the new container");
}

#[test]
fn a_pod_whose_container_was_swapped_waits_in_updated_for_its_label() {
    let set = CloneSet { partition: 2, ..THREE };
    let started = CloneSetPod { swapped: true, ..bare(swapping()) };
    assert_eq!(
        changes(&set, &[started, old(), old()]),
        [(0, ControllerChange::Admit), (0, ControllerChange::Finish)]
    );
    let waits = bare(of(Lifecycle::Updated, new()));
    assert_eq!(changes(&set, &[waits, old(), old()]), []);
    assert_eq!(status(&set, &[waits, old(), old()]).updated_available, 0);
    assert_eq!(
        changes(&set, &[of(Lifecycle::Updated, new()), old(), old()]),
        [(0, ControllerChange::Settle)],
        "the label is set again"
    );
}

#[test]
fn a_pod_that_is_labelled_again_while_it_is_swapped_is_normal_at_once() {
    let started = CloneSetPod { swapped: true, ..swapping() };
    let set = CloneSet { partition: 2, ..THREE };
    assert_eq!(
        changes(&set, &[started, old(), old()]),
        [(0, ControllerChange::Admit), (0, ControllerChange::Settle)]
    );
}

#[test]
fn with_the_old_template_back_a_prepared_pod_is_normal_and_an_updated_one_is_prepared_again() {
    let set = CloneSet { partition: 0, ..THREE };
    let prepared = CloneSetPod { updated: true, ..of(Lifecycle::PreparingUpdate, old()) };
    let updated = CloneSetPod { updated: false, ..bare(of(Lifecycle::Updated, new())) };
    assert_eq!(changes(&set, &[prepared, updated, new()]), [(0, ControllerChange::Settle)]);
    assert_eq!(changes(&set, &[new(), updated, new()]), [(1, ControllerChange::PrepareAgain)]);
    assert_eq!(
        changes(&set, &[bare(prepared), new(), new()]),
        [(0, ControllerChange::Finish)],
        "let go before"
    );
}

#[test]
fn another_template_while_a_container_is_swapped_swaps_it_again_unasked() {
    let again = CloneSetPod { updated: false, ..swapping() };
    assert_eq!(changes(&THREE, &[again, new(), new()]), [(0, ControllerChange::Swap)]);
}

#[test]
fn a_higher_partition_leaves_a_prepared_pod_where_it_is() {
    let set = CloneSet { partition: 3, ..THREE };
    let prepared = of(Lifecycle::PreparingUpdate, old());
    assert_eq!(changes(&set, &[prepared, old(), old()]), []);
    assert_eq!(changes(&set, &[bare(prepared), old(), old()]), [], "nor does letting it go help");
}

#[test]
fn prepared_pods_come_first_and_take_from_what_may_be_unavailable() {
    let prepared = of(Lifecycle::PreparingUpdate, old());
    assert_eq!(changes(&THREE, &[old(), old(), prepared]), []);
    let roomy = CloneSet { max_unavailable: 2, ..THREE };
    assert_eq!(changes(&roomy, &[old(), old(), prepared]), [(0, ControllerChange::Prepare)]);
    let one = CloneSet { partition: 2, ..roomy };
    assert_eq!(changes(&one, &[old(), old(), prepared]), [], "the partition counts it, too");
    assert_eq!(changes(&THREE, &[bare(swapping()), old(), old()]), [], "nor beside one that is swapped");
}

#[test]
fn paused_prepares_and_swaps_nothing_but_what_was_swapped_goes_on() {
    let set = CloneSet { paused: true, ..THREE };
    let let_go = bare(of(Lifecycle::PreparingUpdate, old()));
    assert_eq!(changes(&set, &[let_go, old(), old()]), []);
    let started = CloneSetPod { swapped: true, ..bare(swapping()) };
    assert_eq!(
        changes(&set, &[started, old(), old()]),
        [(0, ControllerChange::Admit), (0, ControllerChange::Finish)]
    );
}

#[test]
fn what_differs_in_more_than_images_is_recreated_or_stands_still() {
    let other = CloneSetPod { swappable: false, ..old() };
    assert_eq!(changes(&THREE, &[other; 3]), [(0, ControllerChange::Specify)]);
    let only = CloneSet { policy: UpdatePolicy::InPlaceOnly, ..THREE };
    assert_eq!(changes(&only, &[other; 3]), []);
    assert_eq!(changes(&only, &[old(); 3]), [(0, ControllerChange::Prepare)]);
    let recreate = CloneSet { policy: UpdatePolicy::ReCreate, ..THREE };
    assert_eq!(changes(&recreate, &[old(); 3]), [(0, ControllerChange::Specify)]);
}

#[test]
fn with_surge_new_pods_are_made_instead() {
    let set = CloneSet { partition: 2, max_surge: 1, ..THREE };
    let decided = decide(&set, &[old(); 3]);
    assert_eq!((decided.create_updated, decided.pods), (1, vec![]));
}

#[test]
fn scale_in_takes_the_prepared_pod_first_and_deletes_at_once_what_lost_its_label() {
    let set = CloneSet { replicas: 2, partition: 2, ..THREE };
    let prepared = of(Lifecycle::PreparingUpdate, old());
    assert_eq!(changes(&set, &[old(), prepared, old()]), [(1, ControllerChange::Mark)]);
    assert_eq!(changes(&set, &[old(), bare(swapping()), old()]), [(1, ControllerChange::Delete)]);
    assert_eq!(changes(&set, &[old(), swapping(), old()]), [(1, ControllerChange::Mark)]);
}

/// Both old ones stay, so the new pod takes the place of the lost one, and the prepared one is stuck.
#[test]
fn a_pod_lost_beside_a_prepared_one_is_made_anew_of_the_new_revision() {
    let set = CloneSet { partition: 2, ..THREE };
    let prepared = of(Lifecycle::PreparingUpdate, old());
    let decided = decide(&set, &[prepared, old()]);
    assert_eq!((decided.create_updated, decided.create_current), (1, 0));
    assert_eq!(changes(&set, &[bare(prepared), old(), new()]), []);
}

fn changes(set: &CloneSet, pods: &[CloneSetPod]) -> Vec<(usize, ControllerChange)> {
    let decided = decide(set, pods);
    assert_eq!((decided.create_updated, decided.create_current), (0, 0), "{decided:?}");
    decided.pods
}

/// A pod whose container the kubelet has yet to swap.
fn swapping() -> CloneSetPod {
    CloneSetPod { swapped: false, held_back: true, ready: false, ..of(Lifecycle::Updating, new()) }
}

fn of(state: Lifecycle, pod: CloneSetPod) -> CloneSetPod {
    CloneSetPod { state, ..pod }
}

fn bare(pod: CloneSetPod) -> CloneSetPod {
    CloneSetPod { hooked: false, ..pod }
}
