//! Which time counts against a deadline, and where it is kept.

use std::time::Duration;

use super::rig::{Rig, rolling, view};
use super::*;
use crate::model::{Batch, HoldReason, Stage};
use crate::ports::{Reading, Watching};

/// What happens to a process that watches a flow, and how many seconds the stage has counted at the last look.
type Row = (&'static str, &'static [Event], u32);

enum Event {
    /// A look at this reading of the stopwatch, from which the cluster is waited for.
    Waits(u64),
    /// A look at which something is written.
    Acts(u64),
    /// A look from which a person, or nothing, is waited for.
    Stands(u64),
    /// A look that cannot be trusted.
    Unseen,
    /// The process begins anew; of its stopwatch too.
    Restarts,
    /// Another process saved so much.
    Saved(u32),
    /// The stage after this one begins.
    Moves,
    /// The flow is deleted, and another one gets its name.
    Remade,
}

#[test]
fn time_counts_while_the_cluster_is_waited_for_and_somebody_looks() {
    use Event::{Acts, Moves, Remade, Restarts, Saved, Stands, Unseen, Waits};
    let rows: &[Row] = &[
        ("nothing before the first look", &[Waits(700)], 0),
        ("from look to look", &[Waits(0), Waits(20), Waits(50)], 50),
        ("also while it writes", &[Waits(0), Acts(20), Waits(50)], 50),
        ("a write begins nothing", &[Acts(0), Waits(50)], 0),
        ("not while a person is waited for", &[Waits(0), Stands(20), Waits(100), Waits(110)], 30),
        (
            "not around a look that cannot be trusted",
            &[Waits(0), Waits(20), Unseen, Waits(90), Waits(100)],
            30,
        ),
        ("not while the stopwatch stands", &[Waits(10), Waits(10)], 0),
        ("a restart loses what was not saved", &[Waits(0), Waits(50), Restarts, Waits(9), Waits(19)], 10),
        ("what was saved goes on", &[Saved(100), Waits(0), Waits(20)], 120),
        (
            "a takeover goes on from what the other saved",
            &[Waits(0), Waits(20), Saved(200), Waits(30), Waits(40)],
            210,
        ),
        ("what was watched twice counts once", &[Waits(0), Saved(50), Waits(50), Waits(60)], 60),
        ("another stage begins with nothing", &[Waits(0), Waits(50), Moves, Waits(60), Waits(70)], 10),
        ("another flow begins with nothing", &[Waits(0), Waits(50), Remade, Waits(60), Waits(70)], 10),
    ];
    for (name, events, counted) in rows {
        assert_eq!(played(events), Seconds(*counted), "{name}");
    }
}

#[test]
fn time_after_the_last_sign_of_life_does_not_count_before_the_next_one() {
    let mut watching = Watching::default();
    let reading =
        |sure, likely| Reading { sure: Duration::from_secs(sure), likely: Duration::from_secs(likely) };
    let mut look = |reading: Reading| {
        let mut flow = rolling();
        watching.tell(&mut flow, reading);
        watching.note(&flow, reading, Some(true));
        flow.progress.counted().0
    };
    // Looked at in the middle between two signs of life.
    assert_eq!(look(reading(0, 3)), 0);
    assert_eq!(look(reading(0, 4)), 0, "nobody knows yet");
    assert_eq!(look(reading(5, 5)), 2);
    assert_eq!(look(reading(10, 12)), 7);
    // None came after that: the stopwatch stands where it last was for certain.
    assert_eq!(look(reading(10, 10)), 7);
    assert_eq!(look(reading(15, 15)), 12);
}

fn played(events: &[Event]) -> Seconds {
    let (mut watching, mut flow, mut counted) = (Watching::default(), rolling(), Seconds(0));
    let mut look = |watching: &mut Watching, flow: &Flow, at: u64, counts| {
        let (mut flow, reading) = (flow.clone(), Reading::exact(Duration::from_secs(at)));
        watching.tell(&mut flow, reading);
        watching.note(&flow, reading, counts);
        counted = flow.progress.counted();
    };
    for event in events {
        let saved = |flow: &mut Flow, seconds| {
            if let Some(counted) = flow.progress.counted_mut() {
                *counted = Seconds(seconds);
            }
        };
        match *event {
            Event::Waits(at) => look(&mut watching, &flow, at, Some(true)),
            Event::Acts(at) => look(&mut watching, &flow, at, None),
            Event::Stands(at) => look(&mut watching, &flow, at, Some(false)),
            Event::Unseen => watching.pause(&flow.id),
            Event::Restarts => watching = Watching::default(),
            Event::Saved(seconds) => saved(&mut flow, seconds),
            Event::Remade => flow.uid = "another".parse().expect("a uid"),
            Event::Moves => {
                if let Progress::Rolling { batch, .. } = &mut flow.progress {
                    *batch = Batch { stage: Stage::Smoked, counted: Seconds(0), ..*batch };
                }
            }
        }
    }
    counted
}

/// Looks when the stopwatch shows so many seconds; answers what counts then, and whether the flow holds.
fn looks_at(rig: &mut Rig, seconds: u64) -> (u32, bool) {
    *rig.stopwatch.lock().expect("time") = Duration::from_secs(seconds);
    rig.advance().expect("nothing fails");
    let Loaded::Flow(stored) = rig.loaded() else { panic!("a flow") };
    let hold = stored.flow.progress.hold();
    assert!(hold.is_none_or(|hold| hold.reason == HoldReason::DeadlineExceeded), "{hold:?}");
    (stored.flow.progress.counted().0, hold.is_some())
}

fn waits_for_pods() -> Rig {
    let mut rig = Rig::new(rolling());
    sees(&mut rig, || Ok(Some(view(2, 1))));
    rig
}

type Look = fn() -> Result<Option<WorkloadView>, PortError>;

fn sees(rig: &mut Rig, look: Look) {
    rig.backend.checkpoint();
    rig.backend.expect_observe().returning(look);
    rig.backend.expect_execute().returning(|_, _| Ok(()));
    rig.backend.expect_confirm().returning(|_| Ok(()));
    rig.backend.expect_confirm_pods().returning(|_| Ok(()));
}

fn sets_clock(rig: &Rig, seconds: i64) {
    let mut time = rig.driver_time.lock().expect("time");
    *time = Timestamp::from_micros(time.as_micros() + seconds * 1_000_000);
}

#[test]
fn a_stage_is_late_when_its_deadline_was_watched_whatever_the_clock_shows() {
    let mut rig = waits_for_pods();
    looks_at(&mut rig, 100);
    for (step, seconds) in [(600, 101), (-1_200, 102), (100_000, 699)] {
        sets_clock(&rig, step);
        assert!(!looks_at(&mut rig, seconds).1, "a clock that jumps by {step} s holds nothing");
    }
    assert!(looks_at(&mut rig, 700).1, "600 seconds were watched");
}

#[test]
fn the_next_look_comes_when_the_deadline_is_over_if_somebody_watches_until_then() {
    let mut rig = waits_for_pods();
    looks_at(&mut rig, 0);
    sets_clock(&rig, 450);
    *rig.stopwatch.lock().expect("time") = Duration::from_secs(450);
    let rest = rig.advance();
    assert!(matches!(rest, Ok(Rest::Until(at, _)) if at == rig.now().plus(Seconds(150))), "{rest:?}");
}

#[test]
fn a_save_that_happens_anyway_carries_the_count_and_nothing_is_saved_for_it_alone() {
    let mut rig = waits_for_pods();
    looks_at(&mut rig, 0);
    let saves = rig.saved().len();
    looks_at(&mut rig, 200);
    assert_eq!(rig.saved().len(), saves, "time alone is not saved");
    sees(&mut rig, || Ok(Some(view(2, 2))));
    sets_clock(&rig, 200);
    assert_eq!(looks_at(&mut rig, 300), (300, false), "another pod is shown, and the count with it");
    // Another process: its stopwatch starts anew, too.
    *rig.watching.lock().expect("looks") = Watching::default();
    assert!(!looks_at(&mut rig, 5).1);
    assert!(!looks_at(&mut rig, 304).1);
    assert!(looks_at(&mut rig, 305).1, "300 seconds before the restart, and 300 after it");
}

#[test]
fn restarts_one_after_the_other_do_not_make_a_deadline_endless_where_something_is_saved() {
    let mut rig = Rig::new(rolling());
    let mut lives = 0;
    loop {
        lives += 1;
        *rig.watching.lock().expect("looks") = Watching::default();
        sees(&mut rig, || Ok(Some(view(2, 1))));
        looks_at(&mut rig, 0);
        sets_clock(&rig, 60);
        sees(&mut rig, || Ok(Some(view(2, 2))));
        if looks_at(&mut rig, 60).1 {
            break;
        }
        sets_clock(&rig, 60);
        assert!(lives < 20, "ten lives of a minute are the deadline");
    }
    assert_eq!(lives, 10);
}

#[test]
fn what_cannot_be_seen_does_not_count() {
    let unsettled = || Ok(Some(WorkloadView { settled: false, ..view(2, 1) }));
    let unreachable = || Err(PortError::new(PortErrorKind::Transient, "the API server is away"));
    for blind in [unsettled as Look, unreachable] {
        let mut rig = waits_for_pods();
        looks_at(&mut rig, 0);
        looks_at(&mut rig, 400);
        sees(&mut rig, blind);
        *rig.stopwatch.lock().expect("time") = Duration::from_secs(500);
        let _ = rig.advance();
        sees(&mut rig, || Ok(Some(view(2, 1))));
        assert!(!looks_at(&mut rig, 2_000).1);
        assert!(!looks_at(&mut rig, 2_199).1);
        assert!(looks_at(&mut rig, 2_200).1, "400 seconds before, and 200 after");
    }
}
