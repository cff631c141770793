//! Exhaustive search: the real `decide` and `admit` in tiny worlds, every interleaving.

mod invariants;
mod oracle;

#[path = "model/ending.rs"]
mod ending;
#[path = "model/events.rs"]
mod events;
#[path = "model/hosts.rs"]
mod hosts;
#[path = "model/machine.rs"]
mod machine;
#[path = "model/other.rs"]
mod other;
#[path = "model/setup.rs"]
mod setup;
#[path = "model/state.rs"]
mod state;
#[path = "model/view.rs"]
mod view;

use std::time::Instant;

use machine::Machine;
use setup::{Budget, Setup, Start};
use state::State;
use stateright::{Checker, Expectation, Model, Path};
use triton_core::model::{Action, FlowPhase, OnFailure};

/// Fewest states that all configurations together must visit.
const ENOUGH: usize = 1_000_000;

#[test]
fn every_reachable_state_is_safe_and_ends_well() {
    let only = std::env::var("TRITON_MODEL").ok();
    let (mut total, mut faults) = (0, Vec::new());
    let begun = Instant::now();
    // `make search` visits more, and asks for it; so does whoever names one.
    let more = only.is_some() || std::env::var_os("TRITON_SEARCH").is_some();
    let more = if more { hosts::many() } else { Vec::new() };
    let chosen = |setup: &Setup| only.as_deref().is_none_or(|only| setup.name.contains(only));
    for setup in setups().into_iter().chain(more).filter(chosen) {
        let (unique, found) = search(setup);
        total += unique;
        faults.extend(found);
        if !faults.is_empty() {
            break;
        }
    }
    println!("{total} unique states in {:.1?}", begun.elapsed());
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
    assert!(total > 0, "no configuration has {only:?} in its name");
    assert!(only.is_some() || total >= ENOUGH, "only {total} states were visited");
}

/// Visits every state of one configuration; answers how many there are, and what is wrong with them.
fn search(setup: Setup) -> (usize, Vec<String>) {
    let name = setup.name;
    let begun = Instant::now();
    let checker = Machine::new(setup).checker().threads(threads()).spawn_bfs().join();
    let (unique, all) = (checker.unique_state_count(), checker.state_count());
    println!("{name:50} {unique:>9} states {all:>10} steps {:.1?}", begun.elapsed());
    let mut faults = Vec::new();
    for property in checker.model().properties() {
        match (property.expectation, checker.discovery(property.name)) {
            (Expectation::Always, Some(path)) => faults.push(explain(checker.model(), property.name, &path)),
            (Expectation::Sometimes, None) => {
                faults.push(format!("{name}: never: {}\n{}", property.name, replay(name)))
            }
            _ => {}
        }
    }
    (unique, faults)
}

/// A counterexample for people.
fn explain(machine: &Machine, property: &str, path: &Path<State, machine::Action>) -> String {
    let mut text = format!("{}: not so: {property}\n", machine.setup.name);
    for (at, (state, action)) in path.clone().into_vec().into_iter().enumerate() {
        let phase = state.flow(&machine.setup).progress;
        let phase = phase.batch().map_or_else(
            || format!("{}", FlowPhase::from(&phase)),
            |batch| format!("{} {:?}", batch.number, batch.stage),
        );
        if let Some(action) = action {
            text.push_str(&format!("{at:3} {phase:20} {action:?}\n"));
        }
    }
    let last = path.last_state();
    let what = last.broken.as_ref().map(ToString::to_string);
    text.push_str(&what.unwrap_or_else(|| machine.ending(last).err().unwrap_or_default()));
    text.push_str(&format!("\nlast state: {last:?}\n{}", replay(machine.setup.name)));
    text
}

/// The command that searches one configuration again.
fn replay(name: &str) -> String {
    format!("search again: TRITON_MODEL='{name}' cargo test --locked --workspace --test model -- --nocapture")
}

#[test]
fn every_configuration_can_be_searched_again_by_its_name() {
    let names: Vec<&str> = setups().iter().chain(&hosts::many()).map(|setup| setup.name).collect();
    for name in &names {
        assert!(!name.contains('\''), "{name}");
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name} is two configurations");
        assert!(replay(name).contains(name));
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn setups() -> Vec<Setup> {
    let mut setups = creates();
    setups.extend(updates());
    setups.extend(rough_updates());
    setups.extend(rougher());
    setups.extend(sizes());
    setups.extend(exchanges());
    setups.extend(in_place());
    setups.extend(hosts::few());
    setups
}

/// Every order, once each.
const ORDERS: Budget = Budget {
    losses: 0,
    failures: 0,
    stale: 0,
    partial: 0,
    pauses: 1,
    cancels: 1,
    deletions: 0,
    jumps: 0,
    lags: 0,
};

fn creates() -> Vec<Setup> {
    let create = |name, replicas| Setup::new(name, Action::Create, replicas);
    vec![
        create("create 3, canary, every order, unfolded", 3).canary(1).unfolded().with(Budget {
            deletions: 1,
            jumps: 1,
            ..ORDERS
        }),
        create("create 4, canary 1 and batches of 2, late writes", 4).canary(1).batch(2).with(Budget {
            stale: 1,
            partial: 1,
            ..ORDERS
        }),
        create("create 3, manual, a lost pod", 3).batch(2).manual().with(Budget { losses: 1, ..ORDERS }),
        create("create 3, a failing pod", 3).batch(2).with(Budget { failures: 1, ..ORDERS }),
        create("create 3, no pull-in, a lost pod", 3).canary(1).batch(2).no_pull_in().with(Budget {
            losses: 1,
            stale: 1,
            ..ORDERS
        }),
        create("create 2, deadlines pass", 2).with(Budget { failures: 1, ..ORDERS }).deadline(),
    ]
}

fn updates() -> Vec<Setup> {
    let update = |name, replicas| Setup::new(name, Action::Update, replicas).from(old(3));
    vec![
        update("update 3, canary, every order", 3).canary(1).batch(2).with(Budget {
            deletions: 1,
            jumps: 1,
            ..ORDERS
        }),
        update("update 3 in one batch, manual", 3).batch(3).manual().with(ORDERS),
        update("update 2 to 3, growing", 3).from(old(2)).with(ORDERS),
        update("update 3 to 2, shrinking", 2).with(ORDERS),
        update("update 4 to 2, shrinking, batches of 2", 2).from(old(4)).batch(2).with(ORDERS),
        update("update 2 that never had gates", 2).from(Start { adopted: true, ..old(2) }).with(ORDERS),
        update("update 2, no pull-in", 2).from(old(2)).no_pull_in().with(ORDERS),
        update("update 3 after a cancelled update", 3).from(Start { new: 1, ..old(2) }).with(ORDERS),
        update("update 3 with one pod out of order", 3).from(Start { degraded: 1, ..old(2) }).with(ORDERS),
    ]
}

/// Updates in which something goes wrong.
fn rough_updates() -> Vec<Setup> {
    let update = |name, replicas| Setup::new(name, Action::Update, replicas).from(old(2));
    vec![
        update("update 2, canary, a lost pod", 2).canary(1).with(Budget { losses: 1, ..ORDERS }),
        update("update 3, batches of 2, a lost pod", 3).from(old(3)).batch(2).with(Budget {
            losses: 1,
            pauses: 0,
            ..ORDERS
        }),
        update("update 2, a failing pod", 2).with(Budget { failures: 1, ..ORDERS }),
        update("update 2, late and partial writes", 2).with(Budget { stale: 2, partial: 1, ..ORDERS }),
        update("update 2, late writes, a lost pod", 2).with(Budget { stale: 1, losses: 1, ..ORDERS }),
        update("update 1 to 2, deadlines pass", 2)
            .from(old(1))
            .deadline()
            .with(Budget { failures: 1, ..ORDERS }),
        update("update 3 to 2, a lost pod", 2).from(old(3)).with(Budget { losses: 1, ..ORDERS }),
        update("update 3 after a cancelled update, a lost pod", 3)
            .from(Start { new: 1, ..old(2) })
            .with(Budget { losses: 1, pauses: 0, ..ORDERS }),
    ]
}

/// Several things go wrong at once.
fn rougher() -> Vec<Setup> {
    let new = |name, action, replicas| Setup::new(name, action, replicas);
    let rough = Budget { losses: 1, stale: 1, partial: 1, ..ORDERS };
    vec![
        new("create 4, canary, a lost pod, late and partial writes", Action::Create, 4)
            .canary(1)
            .batch(2)
            .with(rough),
        new("update 3, canary, a lost pod, late and partial writes", Action::Update, 3)
            .from(old(3))
            .canary(1)
            .batch(2)
            .with(Budget { pauses: 0, ..rough }),
        new("update 4, batches of 2, a lost pod", Action::Update, 4)
            .from(old(4))
            .batch(2)
            .with(Budget { losses: 1, ..ORDERS }),
        new("update 2, a lost and a failing pod", Action::Update, 2).from(old(2)).batch(2).with(Budget {
            losses: 1,
            failures: 1,
            ..ORDERS
        }),
        new("update 2 that never had gates, a lost pod", Action::Update, 2)
            .from(Start { adopted: true, ..old(2) })
            .with(Budget { losses: 1, stale: 1, ..ORDERS }),
        new("update 2 to 3, manual, a lost pod, deletion", Action::Update, 3)
            .from(old(2))
            .manual()
            .with(Budget { losses: 1, deletions: 1, ..ORDERS }),
        new("update 3 with a pod out of order, late writes", Action::Update, 3)
            .from(Start { degraded: 1, ..old(2) })
            .batch(2)
            .with(Budget { stale: 1, ..ORDERS }),
        new("update 2, deadlines pass, a lost pod", Action::Update, 2)
            .from(old(2))
            .batch(2)
            .deadline()
            .with(Budget { losses: 1, ..ORDERS }),
    ]
}

fn old(pods: u32) -> Start {
    Start { old: pods, ..Start::default() }
}

/// Changes of size, up to the end of a workload.
fn sizes() -> Vec<Setup> {
    let new = |name, action, replicas| Setup::new(name, action, replicas);
    let lost = Budget { losses: 1, ..ORDERS };
    vec![
        new("scale out 1 to 3", Action::ScaleOut, 3).from(old(1)).with(Budget { stale: 1, ..ORDERS }),
        new("scale out 2 to 4 with one out of order, a lost pod", Action::Scale, 4)
            .from(Start { degraded: 1, ..old(1) })
            .batch(2)
            .with(lost),
        new("scale in 3 to 1", Action::ScaleIn, 1).from(old(3)).with(Budget { stale: 1, ..ORDERS }),
        new("scale in 4 to 1, batches of 2, manual, a lost pod", Action::Scale, 1)
            .from(old(4))
            .batch(2)
            .manual()
            .with(lost),
        new("scale in 2 to 1 of pods that never had gates", Action::ScaleIn, 1)
            .from(Start { adopted: true, ..old(2) })
            .with(Budget { stale: 1, ..ORDERS }),
        new("stop 2, late writes", Action::Stop, 0)
            .same_size()
            .from(old(2))
            .with(Budget { stale: 1, ..lost }),
        new("start 2", Action::Start, 2)
            .from(Start { stopped: true, ..Start::default() })
            .with(Budget { failures: 1, ..lost }),
        new("delete 2, late writes", Action::Delete, 0)
            .same_size()
            .from(old(2))
            .with(Budget { stale: 1, ..ORDERS }),
    ]
}

/// Pods exchanged by name, before their successors, or back.
fn exchanges() -> Vec<Setup> {
    let new = |name, action, replicas| Setup::new(name, action, replicas);
    let lost = Budget { losses: 1, ..ORDERS };
    vec![
        new("restart 2", Action::Restart, 2).same_size().from(old(2)).with(Budget { stale: 1, ..ORDERS }),
        new("restart 3, batches of 2, a lost pod", Action::Restart, 3)
            .same_size()
            .from(old(3))
            .batch(2)
            .with(Budget { pauses: 0, ..lost }),
        new("restart 2 without surge, a lost pod", Action::Restart, 2)
            .same_size()
            .from(old(2))
            .unavailable(1)
            .with(lost),
        new("update 2 without surge, late writes", Action::Update, 2)
            .from(old(2))
            .unavailable(1)
            .with(Budget { stale: 1, ..ORDERS }),
        new("update 3 to 2 without surge, canary, a lost pod", Action::Update, 2)
            .from(old(3))
            .canary(1)
            .unavailable(1)
            .with(lost),
        new("update 3 to 2 in two steps, a lost pod", Action::Update, 2)
            .from(old(3))
            .unavailable(1)
            .waiting_for_termination()
            .with(Budget { pauses: 0, ..lost }),
        new("restart 2 in two steps, late writes", Action::Restart, 2)
            .same_size()
            .from(old(2))
            .unavailable(1)
            .waiting_for_termination()
            .with(Budget { stale: 1, ..ORDERS }),
        new("update 2 that reverts when cancelled", Action::Update, 2)
            .from(old(2))
            .reverting()
            .with(Budget { stale: 1, ..ORDERS }),
        new("update 3 that goes on without a failed pod", Action::Update, 3)
            .from(old(3))
            .batch(2)
            .tolerating(1)
            .with(Budget { failures: 1, pauses: 0, ..ORDERS }),
        new("update 2 that cancels when a pod fails", Action::Update, 2)
            .from(old(2))
            .on_failure(OnFailure::Cancel)
            .with(Budget { failures: 1, ..ORDERS }),
        new("update 2 that returns when a pod fails", Action::Update, 2)
            .from(old(2))
            .on_failure(OnFailure::Rollback)
            .with(Budget { failures: 1, pauses: 0, ..ORDERS }),
    ]
}

/// Pods that are updated in place.
fn in_place() -> Vec<Setup> {
    let update = |name, replicas| Setup::new(name, Action::Update, replicas);
    let lost = Budget { losses: 1, ..ORDERS };
    vec![
        update("update 2 in place, canary, late writes", 2)
            .from(old(2))
            .in_place()
            .canary(1)
            .with(Budget { stale: 1, ..ORDERS }),
        update("update 3 in place, batches of 2, a lost pod", 3)
            .from(old(3))
            .in_place()
            .batch(2)
            .with(Budget { pauses: 0, ..lost }),
        update("update 2 in place, a lost pod", 2).from(old(2)).in_place().with(lost),
        update("update 2 in place, a failing pod", 2).from(old(2)).in_place().with(Budget {
            failures: 1,
            pauses: 0,
            ..ORDERS
        }),
        update("update 2 in place that never had gates, a lost pod", 2)
            .from(Start { adopted: true, ..old(2) })
            .in_place()
            .with(lost),
        update("update 3 in place that never had gates, batches of 2, a lost pod", 3)
            .from(Start { adopted: true, ..old(3) })
            .in_place()
            .batch(2)
            .with(Budget { pauses: 0, ..lost }),
        update("update 3 to 2 in place, a lost pod", 2)
            .from(old(3))
            .in_place()
            .with(Budget { pauses: 0, ..lost }),
        update("update 1 to 2 in place that reverts when cancelled", 2)
            .from(old(1))
            .in_place()
            .reverting()
            .with(ORDERS),
    ]
}
