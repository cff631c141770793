//! Crashes at every step boundary: each kind of flow is first carried out undisturbed, and its driver's
//! writes are counted; then once for each write and each moment of it, with a host that dies right then
//! and a fresh one that takes over. Every safety property is checked after every step, and whatever
//! happened the flow ends as ordered, with exactly the pods that it must leave and no batch twice.
//!
//! `TRITON_CRASH` names one crash or one kind of flow, as a failure prints it.

mod invariants;
mod oracle;

#[path = "crashes/cases.rs"]
mod cases;
#[path = "crashes/fate.rs"]
mod fate;
#[path = "crashes/played.rs"]
mod played;
#[path = "crashes/rig.rs"]
mod rig;
#[path = "fuzz/watcher.rs"]
mod watcher;

use std::any::Any;
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use cases::{Case, cases};
use fate::{Fate, Written};
use played::Played;
use rig::Rig;

/// Fewest crashes that must have been tried.
const ENOUGH: usize = 6_000;
/// Failures that are shown in full.
const SHOWN: usize = 3;

#[test]
fn whenever_a_host_dies_the_flow_ends_as_ordered_and_no_batch_comes_twice() {
    all_end_as_ordered(|_, writes| Fate::all(writes));
}

/// At every stage of every kind of flow, with each `onFailure`: what is missing when somebody looks again is waited
/// for with the whole deadline that was left.
#[test]
fn twelve_minutes_in_which_nobody_looks_and_a_clock_that_jumps_hold_and_close_nothing() {
    all_end_as_ordered(absences);
}

/// Tries every fate of every kind of flow.
fn all_end_as_ordered(fates: impl Fn(&Case, &[Written]) -> Vec<Fate> + Sync) {
    let (cases, begun) = (cases(), Instant::now());
    let (next, crashes) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (tried, failed) = tried(case, &fates);
                    crashes.fetch_add(tried, Ordering::Relaxed);
                    failures.lock().expect("no run panics").extend(failed);
                }
            });
        }
    });
    let (crashes, failures) = (crashes.into_inner(), failures.into_inner().expect("no run panics"));
    println!("{crashes} crashes in {} kinds of flow, {:.1?}", cases.len(), begun.elapsed());
    let shown = failures.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} crashes went wrong\n\n{shown}", failures.len());
    assert!(crashes >= ENOUGH, "only {crashes} crashes were tried");
}

#[test]
fn every_crash_can_be_shown_again_by_its_name() {
    let all = cases();
    for case in &all {
        assert!(!case.name.contains(['\'', '@']), "{}", case.name);
        assert_eq!(all.iter().filter(|other| other.name == case.name).count(), 1, "{}", case.name);
    }
    let quiet = played(&all[0], Fate::Lives, false).expect("nothing goes wrong");
    let mut fates = Fate::all(&quiet.writes);
    fates.extend(absences(&all[0], &quiet.writes));
    for fate in &fates {
        assert!(replay(&all[0], *fate).contains(&format!("{} @ {fate}'", all[0].name)));
        let named = fates.iter().filter(|other| other.to_string() == fate.to_string());
        assert_eq!(named.count(), 1, "{fate}");
    }
}

#[test]
fn a_batch_that_begins_twice_is_noticed() {
    let quiet = played(&cases()[0], Fate::Lives, false).expect("nothing goes wrong");
    let twice = Played { batches: quiet.batches.iter().chain(&quiet.batches).cloned().collect(), ..quiet };
    assert!(twice.is_like(&played(&cases()[0], Fate::Lives, false).expect("nothing goes wrong")).is_err());
}

/// Shows one crash, or all of one kind of flow.
#[test]
fn replay_of_a_crash() {
    let Ok(name) = std::env::var("TRITON_CRASH") else { return };
    let mut found = false;
    for case in cases().iter().filter(|case| name.starts_with(case.name)) {
        let quiet = played(case, Fate::Lives, name == case.name).expect("nothing goes wrong");
        let absences = absences(case, &quiet.writes);
        for fate in Fate::all(&quiet.writes).into_iter().chain(absences) {
            let shown = format!("{} @ {fate}", case.name) == name;
            if shown || name == case.name {
                found = true;
                if let Err(what) = played(case, fate, shown).and_then(|run| run.is_like(&quiet)) {
                    panic!("{what}\n{}", replay(case, fate));
                }
            }
        }
    }
    assert!(found, "there is no crash {name:?}");
}

/// The absences of one kind of flow. A clock that jumps ends an interval: what people order then may come later.
fn absences(case: &Case, writes: &[Written]) -> Vec<Fate> {
    Fate::absences(writes, case.policies(), case.cues.is_empty())
}

/// Every crash of one kind of flow: how many, and what went wrong.
fn tried(case: &Case, fates: impl Fn(&Case, &[Written]) -> Vec<Fate>) -> (usize, Vec<String>) {
    let quiet = match played(case, Fate::Lives, false) {
        Ok(quiet) => quiet,
        Err(what) => return (0, vec![format!("{}, undisturbed: {what}", case.name)]),
    };
    let fates = fates(case, &quiet.writes);
    let judged = |fate: &Fate| {
        let judged = played(case, *fate, false).and_then(|run| run.is_like(&quiet));
        judged.err().map(|what| format!("{} @ {fate}: {what}\n{}", case.name, replay(case, *fate)))
    };
    (fates.len(), fates.iter().filter_map(judged).collect())
}

fn played(case: &Case, fate: Fate, shown: bool) -> Result<Played, String> {
    let panicked = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        Err(format!("it panicked: {}", text.or_else(|| panic.downcast_ref().copied()).unwrap_or("no words")))
    };
    catch_unwind(|| Rig::new(case, fate, shown).play()).unwrap_or_else(panicked)
}

/// The command that shows a crash again.
fn replay(case: &Case, fate: Fate) -> String {
    format!(
        "replay: TRITON_CRASH='{} @ {fate}' cargo test --locked --workspace --test crashes -- \
         --exact replay_of_a_crash --nocapture",
        case.name
    )
}
