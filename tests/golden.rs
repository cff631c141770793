//! Golden files: flows and their workloads as the operator stores them, at every step of a flow's life, each with
//! what has to be read from it. Every later version reads them. `make gen` writes them anew; once `FIRST` is there,
//! it only adds files, and a kept one is never changed.

#[path = "golden_files/sample.rs"]
mod sample;
#[path = "golden_files/shelf.rs"]
mod shelf;
#[path = "golden_files/told.rs"]
mod told;

use std::path::{Path, PathBuf};

use kube::api::DynamicObject;
use serde_json::Value;
use shelf::{Golden, Shelf};
use triton_core::ports::Loaded;
use triton_operator::backend::cloneset::entry::CloneSetEntry;
use triton_operator::crd::convert::FlowEntry;

/// What stands before everything that cannot be read.
const UNREAD: &str = "UNREAD ";
/// Most bytes of all files together.
const MOST: u64 = 220 * 1024;

#[test]
fn every_golden_flow_is_read_as_it_was_written() {
    let shelf = Shelf::of(&folder());
    if std::env::var_os("TRITON_BLESS").is_some() {
        let made: Vec<Golden> = sample::all().into_iter().map(|(name, text)| golden(name, text)).collect();
        for golden in &made {
            assert!(!golden.expected.contains(UNREAD), "{} cannot be read: {}", golden.name, golden.expected);
        }
        shelf.bless(&made).expect("the golden files can be written");
    }
    let kept = shelf.kept().expect("the golden files can be read");
    assert!(!kept.is_empty(), "there is no golden file; make gen writes them");
    let differs = |golden: &&Golden| read(&golden.text) != golden.expected;
    let wrong: Vec<String> = kept
        .iter()
        .filter(differs)
        .map(|golden| {
            let Golden { name, text, expected } = golden;
            format!("{name} is read as\n  {}\ninstead of\n  {expected}", read(text))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_step_of_a_flow_has_a_golden_file() {
    let kept = Shelf::of(&folder()).kept().expect("the golden files can be read");
    let missing: Vec<String> =
        sample::names().into_iter().filter(|name| kept.iter().all(|kept| kept.name != *name)).collect();
    assert!(missing.is_empty(), "make gen adds them: {missing:?}");
}

#[test]
fn the_golden_files_stay_small() {
    let files = std::fs::read_dir(folder()).expect("the folder can be read");
    let bytes: u64 =
        files.map(|file| file.and_then(|file| file.metadata()).expect("its size can be read").len()).sum();
    assert!(bytes < MOST, "{bytes} bytes of golden files");
}

fn golden(name: String, text: String) -> Golden {
    let expected = read(&text);
    Golden { name, text, expected }
}

/// What this version reads from a file: flow, progress and orders, report, and the lock of the workload; in words of
/// their own, so that a new field with a default is no difference.
fn read(text: &str) -> String {
    let stored: Value = match serde_json::from_str(text) {
        Ok(stored) => stored,
        Err(error) => return format!("{UNREAD}{error}"),
    };
    format!("{} | {}", read_flow(&stored["flow"]), read_workload(&stored["workload"]))
}

fn read_flow(object: &Value) -> String {
    let Ok(object) = serde_json::from_value::<DynamicObject>(object.clone()) else {
        return format!("{UNREAD}no object");
    };
    match FlowEntry::of(&object).map(|entry| entry.loaded) {
        Some(Loaded::Flow(stored)) => told::told(&stored),
        Some(Loaded::Invalid(invalid)) => format!("{UNREAD}invalid: {}", invalid.faults),
        Some(Loaded::Corrupt { error, .. }) => format!("{UNREAD}corrupt: {error}"),
        None => format!("{UNREAD}no flow"),
    }
}

fn read_workload(object: &Value) -> String {
    if object.is_null() {
        return "no workload".into();
    }
    let read = serde_json::from_value::<DynamicObject>(object.clone()).map_err(|error| error.to_string());
    match read.and_then(|object| CloneSetEntry::of(&object)) {
        Ok(CloneSetEntry { replicas, partition, lock_text, lock, .. }) => {
            let lock = match (lock_text, lock) {
                (None, _) => "free".into(),
                (Some(text), None) => format!("{UNREAD}lock {text}"),
                (Some(_), Some(note)) => told::told_of_lock(&note),
            };
            format!("{replicas} pods, {partition} kept, {lock}")
        }
        Err(error) => format!("{UNREAD}{error}"),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}
