use alloc::format;
use alloc::string::String;

use proptest::prelude::*;

use super::*;
use crate::model::orders::BatchPhase;
use crate::model::report::{Counts, PullIn, WaitingReport};
use crate::model::{
    Base, Batch, Brings, Failure, Kind, MAX_BATCHES, MAX_LABEL, MAX_REPLICAS, Plan, PodName, Progress,
    Record, Revision, Stage, Timestamp, Verdict,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_status_of_every_flow_stays_below_32_kib_with_8_of_them_free(
        pods in 0..=MAX_REPLICAS,
        batches in 1..=MAX_BATCHES,
        name in 1_usize..=253,
        failing in 0..=100_u32,
        text in prop_oneof![Just(""), Just("x"), Just("\""), Just("\u{1}"), Just("漢"), Just("\n😀")],
        longest in any::<bool>(),
    ) {
        let name = if longest { 253 } else { name };
        let report = large(pods, batches, name, failing, &text.repeat(100_000));
        for progress in progresses(&text.repeat(100_000)) {
            let json = serde_json::to_value(Record::new(&progress, &report)).expect("JSON");
            let size = |value: &serde_json::Value| value.to_string().len();
            let listed = |batch: &serde_json::Value| batch["pods"].as_array().cloned().unwrap_or_default();
            let conditions = json["conditions"].as_array().cloned().unwrap_or_default();
            let (all, names) = (size(&json), size(&json["pods"]));
            let of_pods: usize = conditions.iter().flat_map(listed).map(|pod| size(&pod) + 1).sum();
            let of_batches = size(&json["conditions"]) - of_pods;
            prop_assert!(of_pods + names <= PODS + 2, "pods: {of_pods} + {names}");
            prop_assert!(of_batches <= BATCHES + 2, "batches: {of_batches}");
            prop_assert!(all - of_batches - of_pods - names <= 8 * 1024, "the rest: {}", all - of_batches - of_pods - names);
            prop_assert_eq!(json["batches"].as_u64(), Some(u64::from(batches)));
        }
    }

    #[test]
    fn what_fits_stays_as_it_is(pods in 0..3000_u32, batches in 1..=300_u32, name in 1_usize..=253) {
        let mut once = large(pods, batches, name, 10, "");
        once.fit();
        let mut twice = once.clone();
        twice.fit();
        prop_assert_eq!(once, twice);
    }
}

#[test]
fn the_first_batch_and_the_newest_are_kept() {
    let mut report = large(1000, 1000, 20, 0, "");
    report.fit();
    let kept: Vec<u32> = report.batches.iter().map(|batch| batch.batch).collect();
    let (first, newest) = (kept[0], &kept[1..]);
    assert_eq!((first, newest.last()), (1, Some(&1000)));
    assert!(newest.len() >= 20 && newest.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kept:?}");
}

#[test]
fn of_the_pods_those_that_failed_are_kept_and_then_the_newest_of_any_batch() {
    let mut report = large(1000, 4, 20, 0, "");
    report.batches[0].pods[0].phase = PodPhase::Failed;
    report.batches[1].pods[7].phase = PodPhase::Failed;
    let told = |report: &Report| -> Vec<Vec<String>> {
        let names = |batch: &BatchReport| batch.pods.iter().map(|pod| pod.name.clone().into()).collect();
        report.batches.iter().map(names).collect()
    };
    let all = told(&report);
    report.fit();
    let kept = told(&report);
    assert_eq!((&kept[0][..], &kept[1][..], &kept[2][..]), (&all[0][..1], &all[1][7..8], &all[2][..0]));
    assert!(kept[3].len() > 30 && all[3].ends_with(&kept[3]), "{kept:?}");
}

#[test]
fn three_small_batches_keep_all_their_pods() {
    let mut report = large(3, 3, 24, 0, "short");
    let before = report.clone();
    report.fit();
    assert_eq!(report, before);
}

/// As many pods in as many batches, with names of so many characters, and in each hundred so many that fail.
fn large(pods: u32, batches: u32, name: usize, failing: u32, text: &str) -> Report {
    let now = Timestamp::from_micros(1_700_000_000_123_456);
    let at = Some(now);
    let pod = |number: u32| PodReport {
        name: PodName::new(format!("{number:0>name$}").chars().rev().take(name).collect::<String>())
            .expect("a name"),
        ip: "2001:0db8:85a3:0000:0000:8a2e:0370:7334".into(),
        port: u16::MAX,
        phase: if number % 100 < failing { PodPhase::Failed } else { PodPhase::ContainersReady },
        reason: if number % 100 < failing { "ImagePull".into() } else { String::new() },
        message: if number % 100 < failing { "x".repeat(256) } else { String::new() },
        pull_in_status: PullIn::PullInSucceeded,
        ungated: true,
    };
    let batch = |number: u32| {
        let of = |number: u32| u32::try_from(u64::from(pods) * u64::from(number) / u64::from(batches));
        let (from, to) = (of(number).expect("fits"), of(number + 1).expect("fits"));
        BatchReport {
            batch: number + 1,
            batch_size: MAX_REPLICAS,
            canary: number == 0,
            phase: BatchPhase::SmokeFailed,
            failed_replicas: MAX_REPLICAS,
            pods: (from..to).map(pod).collect(),
            pods_total: MAX_REPLICAS,
            pods_in_traffic: MAX_REPLICAS,
            started_at: at,
            pulled_in_at: at,
            finished_at: at,
        }
    };
    let waiting = WaitingReport { reason: text.into(), message: text.into(), since: now, until: now };
    Report {
        counts: Counts { batches, to_process: u32::MAX, replicas: u32::MAX, ..Counts::default() },
        update_revision: Some(revision()),
        batches: (0..batches).map(batch).collect(),
        paused: true,
        reason: "DeadlineExceeded".into(),
        message: text.into(),
        waiting: Some(waiting),
        cause: Some(text.into()),
        started_at: at,
        updated_at: at,
        finished_at: at,
    }
}

/// As long as the name of a revision can be: that of its instance, and a hash.
fn revision_of(nth: usize) -> Revision {
    Revision::new(format!("{}-{nth:010}", "r".repeat(MAX_LABEL))).expect("a revision")
}

fn revision() -> Revision {
    Revision::new("r".repeat(253)).expect("a revision")
}

/// A flow in the middle, one that closes, and one that failed with a long text.
fn progresses(text: &str) -> [Progress; 3] {
    let at = Timestamp::from_micros(1_700_000_000_123_456);
    let base = Base {
        kind: Kind::Replace,
        brings: Brings::Revision(revision()),
        in_place: true,
        degraded: u32::MAX,
        turned: true,
        from: MAX_REPLICAS,
        to: MAX_REPLICAS,
        partition: u32::MAX,
        previous: Some(revision()),
        brought: Some(revision()),
        followed: Some(u64::MAX),
        workload: "u".repeat(36).parse().ok(),
        turn: Some(u64::MAX),
        settings: Some("s".repeat(100)),
        revisions: Some((0..Base::MAX_REVISIONS).map(revision_of).collect()),
    };
    let plan = Plan { base, fresh: MAX_REPLICAS, work: MAX_REPLICAS };
    let batch = Batch {
        number: MAX_BATCHES,
        size: MAX_REPLICAS,
        canary: true,
        stage: Stage::PullingIn,
        since: at,
        counted: crate::model::Seconds(u32::MAX),
        serving: MAX_REPLICAS,
        hold: None,
        forgiven: true,
        met: true,
        edited: Some(u64::MAX),
    };
    let failed = Verdict::Failed(Failure::Unsupported { what: text.into() });
    [
        Progress::Rolling { plan: plan.clone(), done: 0, batch },
        Progress::Closing { plan, verdict: failed.clone(), keep: MAX_REPLICAS, floor: u32::MAX, shed: true },
        Progress::Finished { verdict: failed, at },
    ]
}
