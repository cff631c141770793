//! Which time counts against a deadline, and where it is kept.

use std::time::Duration;

use super::rig::{Rig, rolling, view};
use super::*;
use crate::model::{
    Batch, FailureClass, Heals, HoldReason, Lasts, PodFailure, Stage, Steps, WorkloadPod, WorkloadView,
};
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

/// What is seen of a pod at a reading of the stopwatch.
#[derive(Clone, Copy)]
enum Pod {
    /// It is kept from running, in this way, after so many restarts, starts and with so many ready containers.
    Stuck(u64, FailureClass, [u32; 3]),
    /// Nothing is known to keep it from running, and it does not run.
    Starts(u64),
    /// It runs, after so many restarts.
    Runs(u64, u32),
    /// Nothing that can be trusted.
    Unseen,
    /// By a process that begins anew.
    Anew,
}

#[test]
#[expect(clippy::too_many_lines, reason = "one story")]
fn a_pod_is_stuck_for_as_long_as_it_was_seen_so_without_progress() {
    use FailureClass::{CrashLoop, ImagePull, InitFailure, Setup, Unschedulable};
    use Pod::{Anew, Runs, Starts, Stuck, Unseen};
    const NOT: [u32; 3] = [0; 3];
    let rows: &[(&str, &[Pod], u64)] = &[
        ("not before it was seen", &[Stuck(90, ImagePull, NOT)], 0),
        (
            "from look to look",
            &[Stuck(0, ImagePull, NOT), Stuck(50, ImagePull, NOT), Stuck(70, ImagePull, NOT)],
            70,
        ),
        ("a restart is progress", &[Stuck(0, CrashLoop, [1, 0, 0]), Stuck(50, CrashLoop, [2, 0, 0])], 0),
        ("so is a container that starts", &[Stuck(0, ImagePull, NOT), Stuck(50, ImagePull, [0, 1, 0])], 0),
        ("so is one that gets ready", &[Stuck(0, ImagePull, [0, 1, 0]), Stuck(50, ImagePull, [0, 1, 1])], 0),
        (
            "one that comes and goes is no progress the second time",
            &[
                Stuck(0, ImagePull, [0, 1, 1]),
                Stuck(50, ImagePull, [0, 1, 0]),
                Stuck(80, ImagePull, [0, 1, 1]),
                Stuck(90, ImagePull, [0, 1, 0]),
            ],
            90,
        ),
        ("a node is progress", &[Stuck(0, Unschedulable, NOT), Stuck(500, ImagePull, NOT)], 0),
        ("an image is progress", &[Stuck(0, ImagePull, NOT), Stuck(500, InitFailure, NOT)], 0),
        ("also where something else is missing then", &[Stuck(0, ImagePull, NOT), Stuck(500, Setup, NOT)], 0),
        (
            "the way back is none, nor the same way again",
            &[Stuck(0, InitFailure, NOT), Stuck(20, ImagePull, NOT), Stuck(30, InitFailure, NOT)],
            30,
        ),
        (
            "it does not count while nothing keeps it, and goes on after that",
            &[
                Stuck(0, ImagePull, NOT),
                Stuck(30, ImagePull, NOT),
                Starts(40),
                Starts(90),
                Stuck(100, ImagePull, NOT),
                Stuck(110, ImagePull, NOT),
            ],
            40,
        ),
        ("one that ran begins anew", &[Stuck(0, ImagePull, NOT), Runs(50, 0), Stuck(60, ImagePull, NOT)], 0),
        (
            "what cannot be seen does not count",
            &[
                Stuck(0, ImagePull, NOT),
                Stuck(50, ImagePull, NOT),
                Unseen,
                Stuck(900, ImagePull, NOT),
                Stuck(910, ImagePull, NOT),
            ],
            60,
        ),
        (
            "another process begins anew",
            &[Stuck(0, ImagePull, NOT), Stuck(50, ImagePull, NOT), Anew, Stuck(60, ImagePull, NOT)],
            0,
        ),
    ];
    for (name, events, stuck) in rows {
        assert_eq!(watched(events).stuck, Duration::from_secs(*stuck), "{name}");
    }
    let calm: &[(&str, &[Pod], u64)] = &[
        ("from when it is seen ready", &[Runs(10, 1), Runs(40, 1)], 30),
        ("a restart begins anew", &[Runs(0, 1), Runs(40, 2), Runs(45, 2)], 5),
        (
            "so does a moment in which it is not ready",
            &[Runs(0, 1), Starts(20), Runs(30, 1), Runs(40, 1)],
            10,
        ),
    ];
    for (name, events, calm) in calm {
        assert_eq!(watched(events).calm, Duration::from_secs(*calm), "{name}");
    }
}

#[test]
fn a_pod_that_may_heal_fails_after_the_grace_that_somebody_watched_and_a_restart_starts_it_anew() {
    let mut rig = Rig::new(rolling());
    sees(&mut rig, || stuck(1));
    *rig.stopwatch.lock().expect("time") = Duration::from_secs(100);
    let rest = rig.advance();
    let in_grace = matches!(rest, Ok(Rest::Until(at, _)) if at == rig.now().plus(Seconds(120)));
    assert!(in_grace, "looked at again when the grace is over: {rest:?}");
    let told = rig.saved().last().expect("what keeps it is told at once").1.message.clone();
    assert!(told.contains("pod app-0: ImagePull: container app: no such image"), "{told}");
    let holds = |rig: &mut Rig, seconds| {
        *rig.stopwatch.lock().expect("time") = Duration::from_secs(seconds);
        rig.advance().expect("nothing fails");
        let Loaded::Flow(stored) = rig.loaded() else { panic!("a flow") };
        stored.flow.progress.hold().map(|hold| hold.reason)
    };
    assert_eq!(holds(&mut rig, 219), None);
    *rig.watching.lock().expect("looks") = Watching::default();
    assert_eq!(holds(&mut rig, 1_000), None, "another process has seen nothing yet");
    assert_eq!(holds(&mut rig, 1_119), None);
    assert_eq!(holds(&mut rig, 1_120), Some(HoldReason::PodsFailed));
    // The cause is there, and another process knows nothing of its age: that lifts nothing.
    *rig.watching.lock().expect("looks") = Watching::default();
    assert_eq!(holds(&mut rig, 5), Some(HoldReason::PodsFailed));
    sees(&mut rig, || Ok(Some(view(2, 1))));
    assert_eq!(holds(&mut rig, 9), Some(HoldReason::PodsFailed), "the pod is gone, and no other is there");
    sees(&mut rig, || Ok(Some(view(2, 2))));
    assert_eq!(holds(&mut rig, 10), None, "the cause is gone");
}

#[test]
fn what_keeps_a_pod_from_running_is_an_event_once() {
    let mut rig = Rig::new(rolling());
    sees(&mut rig, || stuck(2));
    for seconds in [0, 5, 10] {
        sets_clock(&rig, 5);
        looks_at(&mut rig, seconds);
    }
    let told = |step: &Step| match step {
        Step::Saved(whys) => whys.iter().filter(|why| matches!(why, Why::PodStuck { .. })).count(),
        Step::Did(_) => 0,
    };
    assert_eq!(rig.steps.iter().map(told).sum::<usize>(), 1, "{:?}", rig.steps);
}

/// A look at so many pods, the first of which cannot pull its image.
fn stuck(pods: u32) -> Result<Option<WorkloadView>, PortError> {
    let mut seen = view(2, pods);
    seen.pods[0].failure = Some(image_pull());
    Ok(Some(seen))
}

fn image_pull() -> PodFailure {
    let message = "container app: no such image".into();
    PodFailure { class: FailureClass::ImagePull, heals: Heals::Maybe, message }
}

fn watched(events: &[Pod]) -> Lasts {
    let (mut watching, flow, mut lasts) = (Watching::default(), rolling(), Lasts::default());
    let mut look = |watching: &mut Watching, at, change: &dyn Fn(&mut WorkloadPod)| {
        let (mut seen, reading) = (view(1, 1), Reading::exact(Duration::from_secs(at)));
        change(&mut seen.pods[0]);
        watching.tell_pods(&flow.id, reading, &mut seen);
        watching.note(&flow, reading, Some(true));
        lasts = seen.pods[0].lasts;
    };
    for event in events {
        match *event {
            Pod::Stuck(at, class, [restarts, started, ready]) => look(&mut watching, at, &|pod| {
                pod.failure = Some(PodFailure { class, ..image_pull() });
                pod.steps = Steps { restarts, started, ready };
            }),
            Pod::Starts(at) => look(&mut watching, at, &|_| ()),
            Pod::Runs(at, restarts) => look(&mut watching, at, &|pod| {
                pod.booted = true;
                pod.steps = Steps { restarts, started: 1, ready: 1 };
            }),
            Pod::Unseen => watching.pause(&flow.id),
            Pod::Anew => watching = Watching::default(),
        }
    }
    lasts
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
    rig.backend.expect_change_workload().returning(|_, _| Ok(()));
    rig.backend.expect_confirm().returning(|_| Ok(()));
    rig.backend.expect_confirm_pods().returning(|_, _| Ok(()));
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
