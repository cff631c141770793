//! What people are told of pods that do not run.

use super::*;
use crate::model::{
    EndedPod, FailureClass, Heals, Hold, HoldReason, Lasts, PodFailure, PodTraffic, Stage, Steps, Traffic,
    TrafficView, WorkloadPod, WorkloadView,
};

/// What a pod does while a flow waits for it.
#[derive(Clone, Copy)]
enum Pod {
    /// Its containers start, and lack this.
    Starts(&'static str),
    /// Something keeps it from running: the class, and the words.
    Stuck(FailureClass, &'static str),
    /// It runs.
    Runs,
    /// It runs since so many seconds, after a restart.
    Calms(u64),
    /// It has ended, so many seconds after the flow began, with these words.
    Ended(i64, &'static str),
}

use FailureClass::{CrashLoop, ImagePull, Setup};
use Pod::{Calms, Ended, Runs, Starts, Stuck};

#[test]
fn a_flow_that_waits_for_pods_names_those_that_start_and_those_that_have_ended() {
    const UNREADY: &str = "containers with unready status: [web]";
    let evicted = |after| Ended(after, "Evicted: The node was low on resource: memory");
    // The pods, and what the message says and does not say of them.
    let rows: [(&[Pod], &[&str], &[&str]); 9] = [
        (&[Starts(UNREADY), Runs], &["pod app-0: containers with unready status: [web]"], &["app-1"]),
        (
            &[Starts("container web: ContainerCreating"); 2],
            &["pod app-0: container web: Cont", "pod app-1: "],
            &[],
        ),
        (
            &[Starts("a"), Starts("b"), Starts("c"), Starts("d"), Starts("e")],
            &["pod app-2: c; and 2 more pods"],
            &["app-3"],
        ),
        (&[Stuck(ImagePull, "no"), Starts("a")], &["pod app-0: ImagePull: no; pod app-1: a"], &[]),
        (
            &[Runs, evicted(1)],
            &["pod app-1: Ended: Evicted: The node was low on resource: memory"],
            &["other"],
        ),
        (
            &[Runs, Ended(1, "OutOfcpu: a"), evicted(2)],
            &["pod app-2: Ended: Evicted", "another new pod has ended"],
            &["app-1"],
        ),
        (&[evicted(1); 3], &["pod app-2: Ended: Evicted", "2 other new pods have ended"], &["app-1"]),
        // Of a time before the flow, or replaced by one that runs: nothing that the flow waits for.
        (&[Runs, evicted(-1)], &[], &["Evicted"]),
        (&[Runs, Runs, evicted(1)], &[], &["Evicted"]),
    ];
    for (pods, says, keeps) in rows {
        let mut rig = Rig::new(pulling_in());
        began(&mut rig);
        let seen = seen(pods);
        rig.backend.expect_observe().returning(move || Ok(Some(seen.clone())));
        rig.advance().expect("rests");
        let (progress, report) = rig.saved().pop().expect("a save");
        assert_eq!(progress.hold(), None, "it is no failure");
        let message = &report.message;
        assert!(says.iter().all(|words| message.contains(words)), "{says:?}: {message}");
        assert!(!keeps.iter().any(|words| message.contains(words)), "{keeps:?}: {message}");
    }
}

#[test]
fn an_event_tells_of_a_pod_anew_only_what_is_new() {
    let crash = |words| Stuck(CrashLoop, words);
    // What a pod does before and after, and whether the second look tells.
    let rows = [
        (
            crash("container web: Error (exit code 1)"),
            crash("container web: CrashLoopBackOff: back-off 10s (exit code 1, 1 restarts)"),
            false,
        ),
        (
            crash("container web: Error (exit code 1)"),
            crash("container web: Error (exit code 137, 1 restarts)"),
            true,
        ),
        (crash("container web: Error (exit code 1)"), crash("container log: Error (exit code 1)"), true),
        (
            Stuck(ImagePull, "container web: ErrImagePull: a"),
            Stuck(ImagePull, "container web: ImagePullBackOff: b"),
            false,
        ),
        (
            Stuck(Setup, "container web: CreateContainerConfigError: a"),
            Stuck(Setup, "container web: CreateContainerError: b"),
            true,
        ),
        (
            Stuck(Setup, "container web: CreateContainerError: a"),
            Stuck(Setup, "container web: CreateContainerError: b"),
            false,
        ),
        (
            Stuck(Setup, "container web: CreateContainerError: a"),
            crash("container web: Error (exit code 1)"),
            true,
        ),
        (Starts("a"), Starts("b"), false),
        (Starts("a"), Ended(0, "Evicted: a"), true),
        (Ended(0, "Evicted: a"), Ended(0, "Evicted: b"), false),
        (Ended(0, "Evicted: a"), Ended(0, "OutOfcpu: b"), true),
    ];
    for (before, after, tells) in rows {
        let mut rig = Rig::new(pulling_in());
        began(&mut rig);
        let mut looks = 0;
        rig.backend.expect_observe().returning(move || {
            looks += 1;
            Ok(Some(seen(&[Starts("it starts"), if looks == 1 { before } else { after }])))
        });
        rig.advance().expect("rests");
        rig.steps.clear();
        *rig.driver_time.lock().expect("time") = rig.now().plus(Seconds(2));
        rig.advance().expect("rests");
        let [Step::Saved(whys)] = &rig.steps[..] else { panic!("{:?}", rig.steps) };
        let told: Vec<_> = whys.iter().filter(|why| matches!(why, Why::PodStuck { .. })).collect();
        assert_eq!(!told.is_empty(), tells, "{:?}", rig.saved());
    }
}

#[test]
fn a_hold_says_from_its_first_moment_what_it_holds_for() {
    // The pods, and what message and events say.
    let rows = [
        (
            Starts("containers with unready status: [web]"),
            "DeadlineExceeded",
            "containers with unready status: [web]",
        ),
        (Ended(1, "Evicted: low on memory"), "DeadlineExceeded", "Ended: Evicted: low on memory"),
        (Stuck(ImagePull, "no such image"), "PodsFailed", "no such image"),
    ];
    for (pod, reason, words) in rows {
        let mut flow = pulling_in();
        *flow.progress.counted_mut().expect("a deadline runs") = flow.orders.deadline;
        let mut rig = Rig::new(flow);
        began(&mut rig);
        rig.backend.expect_observe().returning(move || Ok(Some(seen(&[Runs, pod]))));
        // The look after the save.
        rig.backend.expect_change_workload().returning(|_, _| Err(conflict()));
        rig.advance().expect_err("the workload is not paused yet");
        let (_, report) = rig.saved().pop().expect("a save");
        assert_eq!(report.reason, reason);
        assert!(report.message.contains(words), "{}", report.message);
        let [Step::Saved(whys)] = &rig.steps[..] else { panic!("{:?}", rig.steps) };
        let told = |why: &Why| matches!(why, Why::PodStuck { message, .. } if words.contains(message));
        assert!(whys.iter().any(told), "{whys:?}");
        assert!(whys.iter().any(|why| matches!(why, Why::Held { .. })), "{whys:?}");
    }
}

#[test]
fn a_hold_that_heals_says_when_it_lifts_itself() {
    const AT: &str = "it goes on at 1970-01-01T00:18:05Z if they stay ready";
    // The pods, whether a person has paused the flow, and what the message says; the grace is 100 s, and the look is at
    // 16 min 39.5 s.
    let rows: [(&[Pod], bool, Option<&str>); 6] = [
        (&[Calms(15), Runs], false, Some(AT)),
        (&[Calms(40), Calms(15)], false, Some(AT)),
        (&[Calms(15), Runs], true, None),
        (&[Calms(15), Stuck(ImagePull, "no")], false, None),
        (&[Calms(15), Stuck(CrashLoop, "ended again")], false, None),
        (&[Runs, Runs], false, None),
    ];
    let held = [HoldReason::PodsFailed, HoldReason::DeadlineExceeded];
    for ((pods, paused, says), reason) in rows.into_iter().flat_map(|row| held.map(|reason| (row, reason))) {
        let mut flow = pulling_in();
        flow.orders.grace = Seconds(100);
        flow.orders.paused = paused;
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            batch.hold = Some(Hold { reason, resumes: 0 });
            batch.stage = Stage::Smoking;
        }
        let (view, traffic) = (WorkloadView { paused: true, ..seen(pods) }, TrafficView::default());
        let observation = look(Some(&flow), Some(&view), &traffic);
        let shown = Seen { observation: &observation, workload: Some(&view), traffic: &traffic };
        let now = Timestamp::from_micros(999_500_000);
        let report = match decide(&flow, &observation, now) {
            Decision::Wait(waiting, until) => {
                report(&flow, &Report::default(), shown, None, Some((&waiting, until)), now)
            }
            Decision::Move(_, Why::Mended | Why::CameLate) => continue,
            other => panic!("{other:?}"),
        };
        assert_eq!(report.message.contains("it goes on at"), says.is_some(), "{}", report.message);
        assert!(says.is_none_or(|says| report.message.contains(says)), "{}", report.message);
    }
}

/// The flow has begun now, and every pod is asked into traffic.
fn began(rig: &mut Rig) {
    rig.registry = MockRegistry::new();
    rig.registry.expect_observe().returning(|_, pods| {
        let asked = PodTraffic { asked: Some(true), shown: Traffic::Moving };
        let pods = pods.iter().map(|pod| (pod.uid.clone(), asked)).collect();
        Ok(TrafficView { pods, ..TrafficView::default() })
    });
    let Loaded::Flow(mut stored) = rig.loaded() else { panic!("a flow") };
    stored.report.started_at = Some(rig.now());
    rig.set(Loaded::Flow(stored));
}

/// The pods of a workload of two.
fn seen(pods: &[Pod]) -> WorkloadView {
    let mut view = view(2, 0);
    let failure = |class, words: &str| PodFailure { class, heals: Heals::Maybe, message: words.into() };
    for (at, does) in pods.iter().enumerate() {
        let pod = WorkloadPod::test(format!("app-{at}").parse().expect("a name"));
        let unready = WorkloadPod { booted: false, ..pod.clone() };
        match does {
            Starts(lacks) => view.pods.push(WorkloadPod { starts: Some((*lacks).into()), ..unready }),
            Stuck(class, words) => {
                view.pods.push(WorkloadPod { failure: Some(failure(*class, words)), ..unready })
            }
            Runs => view.pods.push(pod),
            Calms(seconds) => {
                let calm = core::time::Duration::from_secs(*seconds);
                let (steps, lasts) =
                    (Steps { restarts: 1, ..Steps::default() }, Lasts { calm, ..Lasts::default() });
                view.pods.push(WorkloadPod { steps, lasts, ..pod });
            }
            Ended(after, words) => {
                let began = Timestamp::from_micros(1_000_000_000);
                let made = Timestamp::from_micros(began.as_micros() + after * 1_000_000);
                let pod = WorkloadPod { failure: Some(failure(FailureClass::Ended, words)), ..unready };
                view.ended.push(EndedPod { pod, made });
            }
        }
    }
    view
}
