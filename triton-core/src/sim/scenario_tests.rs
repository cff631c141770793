use std::collections::BTreeSet;
use std::string::ToString;

use super::*;
use crate::engine::{Decision, Effect, decide, look};
use crate::model::{Peer, Traffic, WorkloadChange};
use crate::sim::{Cause, Entry, Happening};

#[test]
fn without_faults_every_flow_that_fits_succeeds_or_gives_way() {
    let mut all = 0;
    for seed in 0..200 {
        let summary = quiet(seed, &Chaos::NONE);
        // A rollback that was made while an update ran takes over from it.
        let good = |phase| matches!(phase, Some(FlowPhase::Success | FlowPhase::Aborted));
        // A flow that was made while another ran may find another size than it was made for.
        let fits = summary.refused.iter().all(|reason| matches!(reason.as_str(), "WrongSize" | "WrongPods"));
        let bad = summary.flows.iter().filter(|(_, phase)| !good(*phase)).count();
        assert!(fits && bad == summary.refused.len(), "{summary:?}");
        all += usize::from(bad == 0);
    }
    assert!(all > 180, "only in {all} of 200 runs all flows succeeded");
}

#[test]
fn with_each_sort_of_fault_alone_every_run_comes_to_its_end() {
    let none = Chaos::NONE;
    let chaos = [
        Chaos { crashes: true, ..none },
        Chaos { stale_views: true, time_travel: true, crashes: true, ..none },
        Chaos { lost_events: true, ..none },
        Chaos { api_errors: true, ..none },
        Chaos { two_drivers: true, stale_views: true, ..none },
        Chaos { clocks: true, ..none },
        Chaos { outside_edits: true, ..none },
        Chaos { pod_failures: true, ..none },
        Chaos { slow_controller: true, ..none },
        Chaos { hostile_records: true, ..none },
        Chaos { people: true, ..none },
        Chaos { crowd: true, ..none },
        Chaos { crowd: true, people: true, hostile_records: true, ..none },
    ];
    for chaos in chaos {
        for seed in 0..12 {
            quiet(seed, &chaos);
        }
    }
}

#[test]
fn with_all_faults_runs_come_to_their_end_and_faults_do_happen() {
    let (mut crashes, mut outside, mut ends) = (0, 0, BTreeSet::new());
    for seed in 0..80 {
        let summary = quiet(seed, &Chaos::ALL);
        crashes += summary.crashes;
        outside += summary.outside;
        ends.extend(summary.flows.into_iter().filter_map(|(_, phase)| phase));
    }
    assert!(crashes > 20 && outside > 200, "{crashes} crashes, {outside} outside");
    assert!(ends.is_superset(&[FlowPhase::Success, FlowPhase::Canceled].into()), "{ends:?}");
}

#[test]
fn flows_that_wait_for_a_workload_get_it_in_the_order_of_the_line() {
    let (mut waited, mut taken) = (0, 0);
    for seed in 0..60 {
        let chaos = Chaos { crowd: true, people: seed % 2 == 1, ..Chaos::NONE };
        let judged = run(seed, &chaos, &mut |world, _| {
            let peers: Vec<Peer> = world.flows().iter().map(Entry::peer).collect();
            waited += peers.iter().filter(|peer| peer.waits).count();
            for flow in world.journal().iter().filter_map(locked_by) {
                taken += 1;
                let rank = |peer: &Peer| (!peer.rollback, peer.created_at, peer.id.clone());
                let own = peers.iter().find(|peer| peer.id == *flow).map(rank);
                let before = |peer: &&Peer| peer.waits && own.as_ref().is_some_and(|own| rank(peer) < *own);
                if let Some(passed) = peers.iter().find(before) {
                    return Err(std::format!("{flow} took the workload, and {} was before it", passed.id));
                }
            }
            Ok(())
        });
        judged.unwrap_or_else(|violation| panic!("{violation}"));
    }
    assert!(taken > 100 && waited > 1_000, "{taken} locks, {waited} waits");
}

#[test]
fn a_seed_gives_the_same_run_again_byte_for_byte() {
    for seed in 0..10 {
        assert_eq!(told(seed, &Chaos::ALL), told(seed, &Chaos::ALL));
    }
    assert_ne!(told(1, &Chaos::ALL), told(2, &Chaos::ALL));
}

#[test]
fn an_observer_that_objects_ends_the_run_with_its_words_and_the_seed() {
    let violation = run(7, &Chaos::NONE, &mut |_, step| match step.number {
        5 => Err("no further".to_string()),
        _ => Ok(()),
    })
    .expect_err("the observer objected");
    assert_eq!((violation.seed, violation.step, violation.what.as_str()), (7, 5, "no further"));
}

#[test]
fn the_journal_holds_what_a_decision_was_made_from() {
    let (mut looks, mut writes) = (0, 0);
    for seed in 0..5 {
        let judged = run(seed, &Chaos::NONE, &mut |world, _| {
            let mut last = None;
            for happening in world.journal() {
                let written = match happening {
                    Happening::Saw { flow: Some(flow), workload, traffic, now, .. } => {
                        looks += 1;
                        last = Some(decide(flow, &look(Some(flow), workload.as_deref(), traffic), *now));
                        continue;
                    }
                    Happening::Workload { change, flow: Some(_), .. } => Effect::Workload(change.clone()),
                    Happening::Pods { change, flow: Some(_), .. } => Effect::Pods(change.clone()),
                    _ => continue,
                };
                writes += 1;
                let (decided, written) = (last.take(), Some(Decision::Act(written)));
                if decided != written {
                    return Err(std::format!("{decided:?} was decided, {written:?} was written"));
                }
            }
            Ok(())
        });
        assert_eq!(judged.map(|_| ()), Ok(()));
    }
    assert!(looks > 100 && writes > 10, "{looks} looks, {writes} writes");
}

/// The flow that took a workload.
fn locked_by(happening: &Happening) -> Option<&FlowId> {
    match happening {
        Happening::Workload { change: WorkloadChange::Lock { .. }, flow: Some(flow), write, .. } => {
            (write.result == Ok(true)).then_some(&flow.id)
        }
        _ => None,
    }
}

fn quiet(seed: u64, chaos: &Chaos) -> Summary {
    let judged = run(seed, chaos, &mut |world, _| {
        let killed = |happening: &Happening| match happening {
            Happening::Deleted { traffic, steered, cause, .. } => {
                *cause == Cause::Controller && *steered && !matches!(traffic, Traffic::Out { .. })
            }
            _ => false,
        };
        match world.journal().iter().find(|happening| killed(happening)) {
            Some(happening) => Err(std::format!("a pod in traffic was removed: {happening:?}")),
            None => Ok(()),
        }
    });
    judged.unwrap_or_else(|violation| panic!("{violation}"))
}

/// Everything that a run tells, as text.
fn told(seed: u64, chaos: &Chaos) -> String {
    let mut text = String::new();
    let summary = run(seed, chaos, &mut |world, step| {
        text.push_str(&std::format!("{step}\n{:?}\n", world.journal()));
        Ok(())
    });
    std::format!("{text}{summary:?}")
}
