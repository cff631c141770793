//! Seeded runs: flows, people and faults drawn from one number, every safety property after every step,
//! then healing, and then everything must end well.
//!
//! A failure prints the command that shows it again. `TRITON_RUNS` sets how many runs there are.

mod invariants;
mod oracle;

#[path = "fuzz/faults.rs"]
mod faults;
#[path = "fuzz/watcher.rs"]
mod watcher;

use std::any::Any;
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{UnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use triton_core::sim::scenario::{Chaos, Summary, run};
use triton_core::sim::{Fault, Happening, Tally};
use watcher::Watcher;

/// Runs without being told another number.
const RUNS: u64 = 10_000;
/// Runs in which every fault must have happened.
const ENOUGH: u64 = 1_000;
/// Failures that are shown in full.
const SHOWN: usize = 3;

#[test]
fn every_seeded_run_is_safe_and_ends_well() {
    let runs = number("TRITON_RUNS").unwrap_or(RUNS);
    let first = number("TRITON_FIRST").unwrap_or(0);
    let begun = Instant::now();
    let (next, steps) = (AtomicU64::new(first), AtomicU64::new(0));
    let (failures, tally) = (Mutex::new(Vec::new()), Mutex::new(Tally::default()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + runs {
                        break;
                    }
                    match judged(seed, faults::of_seed(seed)) {
                        Ok(summary) => {
                            steps.fetch_add(u64::from(summary.steps), Ordering::Relaxed);
                            tally.lock().expect("no run panics").add(&summary.tally);
                        }
                        Err(failure) => failures.lock().expect("no run panics").push((seed, failure)),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("no run panics");
    failures.sort();
    let tally = tally.into_inner().expect("no run panics");
    println!("{runs} runs, {} steps, {:.1?}\n{tally}", steps.into_inner(), begun.elapsed());
    let seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    let shown: Vec<String> = failures.into_iter().take(SHOWN).map(|(_, failure)| failure).collect();
    assert!(seeds.is_empty(), "{} bad seeds: {seeds:?}\n\n{}", seeds.len(), shown.join("\n\n"));
    let missing: Vec<Fault> = Fault::ALL.iter().copied().filter(|fault| tally.of(*fault) == 0).collect();
    assert!(runs < ENOUGH || missing.is_empty(), "never in {runs} runs: {missing:?}");
}

#[test]
fn two_runs_of_a_seed_are_the_same_byte_for_byte() {
    for seed in (0..RUNS).step_by(499) {
        let chaos = faults::of_seed(seed);
        assert_eq!(traced(seed, chaos), traced(seed, chaos), "seed {seed} gave two different runs");
    }
}

#[test]
fn a_run_that_panics_names_its_seed() {
    let failure = told::<()>(7, Chaos::NONE, || panic!("{} is broken", "the world")).expect_err("it failed");
    assert!(failure.contains("the world is broken") && failure.ends_with("make sim SEED=7"), "{failure}");
}

/// Shows one run: `make sim SEED=7`, with `FAULTS=crashes,people` or `FAULTS=none` for other faults.
#[test]
fn replay() {
    let Some(seed) = number("TRITON_SEED") else { return };
    let chaos = match std::env::var("TRITON_FAULTS") {
        Ok(names) if !names.is_empty() => faults::named(&names).expect("TRITON_FAULTS names faults"),
        _ => faults::of_seed(seed),
    };
    println!("seed {seed}: {}", faults::names(chaos));
    let mut watcher = Watcher::new(chaos);
    let result = run(seed, &chaos, &mut |world, step| {
        println!("{step}");
        let looks = |happening: &&Happening| matches!(happening, Happening::Saw { .. });
        for happening in world.journal().iter().filter(|happening| !looks(happening)) {
            println!("      {happening:?}");
        }
        watcher.see(world, step)
    });
    match result.map_err(|violation| violation.to_string()).and_then(|summary| {
        watcher.end()?;
        Ok(summary)
    }) {
        Ok(summary) => println!("{summary:#?}"),
        Err(failure) => panic!("{failure}"),
    }
}

/// One run under the eyes of every property.
fn judged(seed: u64, chaos: Chaos) -> Result<Summary, String> {
    told(seed, chaos, || {
        let mut watcher = Watcher::new(chaos);
        let result = run(seed, &chaos, &mut |world, step| watcher.see(world, step));
        let summary = result.map_err(|violation| violation.to_string())?;
        watcher.end().map_err(|what| format!("seed {seed}, at the end: {what}"))?;
        Ok(summary)
    })
}

/// A failed run, also one that panics, with the command that shows it again.
fn told<T>(
    seed: u64,
    chaos: Chaos,
    run: impl FnOnce() -> Result<T, String> + UnwindSafe,
) -> Result<T, String> {
    let panicked = |panic: Box<dyn Any + Send>| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
        Err(format!("seed {seed} panicked: {text}"))
    };
    catch_unwind(run).unwrap_or_else(panicked).map_err(|what| {
        let faults = faults::names(chaos);
        format!("{what}\nfaults: {faults}\nreplay: make sim SEED={seed}")
    })
}

/// A run boiled down to one number that differs when anything in it differs.
fn traced(seed: u64, chaos: Chaos) -> (u64, Result<Summary, String>) {
    let mut hasher = DefaultHasher::new();
    let mut text = String::new();
    let result = run(seed, &chaos, &mut |world, step| {
        text.clear();
        write!(text, "{step} {:?} {world:?}", world.journal()).expect("writing to a text does not fail");
        text.hash(&mut hasher);
        Ok(())
    });
    (hasher.finish(), result.map_err(|violation| violation.to_string()))
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number")))
}
