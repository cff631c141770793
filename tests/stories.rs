//! Stories: whole rollouts in the simulated world, told line by line and kept as text. `make gen` writes
//! them anew; read the difference before you keep it.

#[path = "stories/stage.rs"]
mod stage;

use std::path::Path;

use stage::{Draft, Stage};
use triton_core::sim::cloneset::UpdatePolicy;

#[test]
fn the_tutorial_is_told_as_it_was() {
    let mut stage = Stage::new("The nginx tutorial: three pods, one of them a canary, batches 10 s apart");
    stage.orders("create", 3, Draft { canary: 1, interval: 10, ..Draft::default() });
    for _ in 0..3 {
        stage.until_asked();
        stage.next();
    }
    stage.until_ended();
    stage.compare("tutorial");
}

#[test]
fn an_update_is_told_as_it_was() {
    let mut stage = Stage::new("An update of three serving pods, in batches of two, by hand");
    stage.serves(3);
    stage.orders("update", 3, Draft { batch: 2, manual: true, drain: 5, ..Draft::default() });
    stage.until_asked();
    stage.next();
    stage.until_ended();
    stage.compare("update");
}

#[test]
fn a_pause_and_a_cancel_are_told_as_they_were() {
    let mut stage = Stage::new("An update of three pods that is paused, resumed, and then cancelled");
    stage.serves(3);
    stage.orders("update", 3, Draft { interval: 5, ..Draft::default() });
    stage.for_seconds(1);
    stage.pause();
    stage.for_seconds(4);
    stage.resume();
    stage.for_seconds(20);
    stage.cancel();
    stage.until_ended();
    stage.compare("pause-and-cancel");
}

#[test]
fn a_lost_pod_is_told_as_it_was() {
    let mut stage =
        Stage::new("An update of two pods that loses a new pod in the canary batch, then an old one");
    stage.serves(2);
    stage.orders("update", 2, Draft { canary: 1, ..Draft::default() });
    stage.until_asked();
    stage.loses_a_pod(true);
    stage.for_seconds(5);
    stage.next();
    stage.until_asked();
    stage.loses_a_pod(false);
    stage.until_asked();
    stage.next();
    stage.until_asked();
    stage.next();
    stage.until_ended();
    stage.compare("lost-pod");
}

#[test]
fn an_update_in_place_is_told_as_it_was() {
    let mut stage = Stage::new("An update in place of two serving pods, one after the other");
    stage.serves_by(2, UpdatePolicy::InPlaceIfPossible);
    stage.orders("update", 2, Draft { drain: 5, ..Draft::default() });
    stage.until_ended();
    stage.compare("in-place");
}

#[test]
fn an_outside_edit_is_told_as_it_was() {
    let mut stage = Stage::new(
        "An update of three pods whose partition others set, and again, and whose template they set",
    );
    stage.serves(3);
    stage.orders("update", 3, Draft::default());
    stage.for_seconds(1);
    stage.edits("the partition is set to 0", |workload| workload.partition = 0);
    stage.for_seconds(1);
    stage.edits("the partition is set to 0", |workload| workload.partition = 0);
    stage.for_seconds(3);
    stage.resume();
    stage.until_next_batch();
    stage.edits("the template before is brought back", |workload| {
        let old = workload.revisions.values().find(|old| **old != workload.template).cloned();
        workload.template = old.expect("the template before the update");
    });
    stage.for_seconds(3);
    stage.resume();
    stage.until_ended();
    stage.compare("edited");
}

#[test]
fn a_size_that_others_set_is_told_as_it_was() {
    let mut stage = Stage::new("An update of three pods that somebody scales to five, and then to none");
    stage.serves(3);
    stage.orders("update", 3, Draft { canary: 1, batch: 2, ..Draft::default() });
    stage.until_asked();
    stage.edits("the size is set to 5", |workload| workload.replicas = 5);
    stage.for_seconds(5);
    stage.edits("the size is set to 0", |workload| workload.replicas = 0);
    stage.for_seconds(3);
    stage.resume();
    for _ in 0..3 {
        stage.until_asked();
        stage.next();
    }
    stage.until_ended();
    stage.compare("resized");
}

#[test]
fn every_kept_story_is_told() {
    if std::env::var_os("TRITON_BLESS").is_some() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stories");
    let mut kept: Vec<String> = std::fs::read_dir(folder)
        .expect("the stories are kept here")
        .filter_map(|entry| entry.expect("it can be read").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".txt").map(String::from))
        .collect();
    kept.sort();
    assert_eq!(kept, ["edited", "in-place", "lost-pod", "pause-and-cancel", "resized", "tutorial", "update"]);
}
