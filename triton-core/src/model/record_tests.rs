use proptest::prelude::*;

use super::*;
use crate::model::Seconds;
use crate::model::{
    Base, Batch, Failure, FlowId, Hold, HoldReason, Plan, Revision, Stage, Timestamp, Verdict,
};
use crate::model::{Brings, Kind};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_progress_survives_its_record(progress in progresses()) {
        let record = Record::new(&progress, &Report::default());
        prop_assert_eq!(Progress::try_from(&record), Ok(progress));
    }

    #[test]
    fn a_record_survives_json(progress in progresses()) {
        let record = Record::new(&progress, &Report::default());
        let json = serde_json::to_string(&record).expect("serialises");
        prop_assert_eq!(serde_json::from_str::<Record>(&json).expect("parses"), record);
    }

    #[test]
    fn a_record_with_a_field_taken_out_is_the_same_progress_or_corrupt(progress in progresses(), field in 0_usize..40) {
        let record = Record::new(&progress, &Report::default());
        let mut json = serde_json::to_value(&record.progress).expect("serialises");
        let fields = json.as_object_mut().expect("an object");
        let name = fields.keys().nth(field % fields.len()).expect("a field").clone();
        fields.remove(&name);
        if let Ok(stripped) = serde_json::from_value(json) {
            let stripped = Record { progress: Some(stripped), ..record };
            // These are optional for good, or younger than the record; everything else is needed.
            let read = Progress::try_from(&stripped);
            let optional = ["previous", "brought", "followed", "workload", "turn", "settings", "revisions", "counted", "hold", "edited"].contains(&name.as_str());
            prop_assert!(read.is_err() || optional, "{} could be left out: {:?}", name, read);
        }
    }

    #[test]
    fn a_record_whose_phase_was_edited_is_corrupt(progress in progresses(), phase in phases()) {
        let record = Record { phase, ..Record::new(&progress, &Report::default()) };
        let same = FlowPhase::from(&progress) == phase;
        prop_assert_eq!(Progress::try_from(&record).is_ok(), same);
    }
}

proptest! {
    #[test]
    fn a_record_that_was_edited_has_ended_only_where_its_progress_has(
        progress in progresses(), phase in phases(), finished in any::<bool>()
    ) {
        let edited = Record { phase, finished, ..Record::new(&progress, &Report::default()) };
        prop_assert!(!edited.told_phase().is_final() || progress.is_finished() || phase == FlowPhase::from(&progress));
        let original = Record { progress: None, ..edited };
        prop_assert_eq!(original.told_phase().is_final(), phase.is_final() && finished);
    }
}

#[test]
fn an_empty_status_is_a_new_flow_and_a_status_without_progress_is_corrupt() {
    assert_eq!(Progress::try_from(&Record::default()), Ok(Progress::Pending));
    for phase in [FlowPhase::Initializing, FlowPhase::BatchStarted, FlowPhase::Success] {
        let record = Record { phase, ..Record::default() };
        assert!(Progress::try_from(&record).is_err(), "{phase}");
    }
    assert!(Progress::try_from(&Record { finished: true, ..Record::default() }).is_err());
}

#[test]
fn hostile_numbers_are_corrupt_and_do_not_overflow() {
    let plan = Plan { base: base(3, 3), fresh: 0, work: 3 };
    let batch = Batch { number: 1, size: u32::MAX, ..batch() };
    let hostile = [
        Progress::Rolling { plan: plan.clone(), done: 0, batch },
        Progress::Rolling { plan: plan.clone(), done: u32::MAX, batch: self::batch() },
        Progress::Rolling { plan: Plan { work: u32::MAX, ..plan.clone() }, done: 0, batch: self::batch() },
        Progress::Rolling { plan: plan.clone(), done: 0, batch: Batch { number: 0, ..self::batch() } },
        Progress::Preparing { base: base(u32::MAX, 1) },
        Progress::Closing { plan, verdict: Verdict::Canceled, keep: 9, floor: 0, shed: false },
    ];
    for progress in hostile {
        let record = Record::new(&progress, &Report::default());
        assert!(Progress::try_from(&record).is_err(), "{progress:?}");
    }
}

fn phases() -> impl Strategy<Value = FlowPhase> {
    use FlowPhase::{Aborted, BatchFinished, BatchStarted, Canceled, Failed, Initializing, Pending, Success};
    prop::sample::select(vec![
        Pending,
        Initializing,
        BatchStarted,
        BatchFinished,
        Success,
        Failed,
        Aborted,
        Canceled,
    ])
}

fn progresses() -> impl Strategy<Value = Progress> {
    let plan = || plans();
    prop_oneof![
        Just(Progress::Pending),
        (0_u32..9, 0_u32..9).prop_map(|(from, to)| Progress::Preparing { base: base(from, to) }),
        (plan(), batches()).prop_map(|(plan, batch)| {
            let size = batch.size.min(plan.work);
            let done = plan.work - size;
            Progress::Rolling { plan, done, batch: Batch { size, ..batch } }
        }),
        (plan(), times(), spans(), holds(), edits()).prop_map(|(plan, since, counted, hold, edited)| {
            Progress::Verifying { plan, since, counted, hold, edited }
        }),
        (plan(), verdicts(), any::<bool>()).prop_map(|(plan, verdict, shed)| {
            let keep = plan.work / 2;
            Progress::Closing { plan, verdict, keep, floor: 1, shed }
        }),
        (verdicts(), times()).prop_map(|(verdict, at)| Progress::Finished { verdict, at }),
    ]
}

fn plans() -> impl Strategy<Value = Plan> {
    let kinds = prop::sample::select(vec![Kind::Grow, Kind::Replace, Kind::Swap, Kind::Shrink]);
    let target = "[a-z]{1,9}".prop_map(|name| Brings::Revision(Revision::new(name).expect("a revision")));
    let brings = prop_oneof![Just(Brings::Flow), Just(Brings::Nothing), target];
    let flags = (any::<bool>(), any::<bool>(), 0_u32..3);
    (kinds, brings, flags, 0_u32..20, 0_u32..20, 0_u32..20).prop_map(
        |(kind, brings, flags, from, to, work)| {
            let (in_place, turned, degraded) = flags;
            let followed = (to % 2 > 0).then(|| u64::from(from));
            let brought = (work % 2 > 0).then(|| Revision::new("app-2").expect("a revision"));
            let workload = (to % 2 > 0).then(|| crate::model::WorkloadUid::new("uid").expect("a uid"));
            let revisions = (from % 2 > 0).then(|| base(from, to).previous.into_iter().collect());
            let base = Base {
                kind,
                brings,
                in_place,
                turned,
                degraded,
                brought,
                followed,
                turn: followed,
                settings: workload.clone().map(String::from),
                workload,
                revisions,
                ..base(from, to)
            };
            let work = work.min(from + to);
            Plan { fresh: from.min(to), work, base }
        },
    )
}

fn base(from: u32, to: u32) -> Base {
    let previous = (from > 0).then(|| Revision::new("app-1").expect("a revision"));
    Base { partition: from / 2, previous, ..Base::new(Kind::Grow, from, to) }
}

fn batch() -> Batch {
    Batch {
        number: 1,
        size: 1,
        canary: false,
        stage: Stage::Smoking,
        since: Timestamp::from_micros(0),
        counted: Seconds(0),
        serving: 0,
        hold: None,
        forgiven: false,
        met: false,
        edited: None,
    }
}

fn batches() -> impl Strategy<Value = Batch> {
    use Stage::{Baked, Leaving, Proving, PullingIn, Queued, Smoked, Smoking, Vacating};
    let stages = vec![Queued, Vacating, Smoking, Smoked, PullingIn, Proving, Leaving, Baked];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (1_u32..9, 0_u32..9, prop::sample::select(stages), (times(), spans()), (holds(), edits()), flags)
        .prop_map(|(number, size, stage, (since, counted), (hold, edited), (canary, forgiven, met))| Batch {
            number,
            size,
            canary,
            stage,
            since,
            counted,
            serving: size,
            hold,
            forgiven,
            met,
            edited,
        })
}

fn spans() -> impl Strategy<Value = Seconds> {
    (0_u32..1_000).prop_map(Seconds)
}

/// Generations of a workload at which an edit was seen.
fn edits() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(any::<u64>())
}

fn holds() -> impl Strategy<Value = Option<Hold>> {
    let reasons = prop::sample::select(vec![
        HoldReason::PodsFailed,
        HoldReason::DeadlineExceeded,
        HoldReason::Drift,
        HoldReason::Resized,
    ]);
    prop::option::of((reasons, 0_u32..5).prop_map(|(reason, resumes)| Hold { reason, resumes }))
}

/// Times that RFC 3339 can say: years 0001 to 9998.
fn times() -> impl Strategy<Value = Timestamp> {
    (-62_000_000_000_000_000_i64..253_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn verdicts() -> impl Strategy<Value = Verdict> {
    let by =
        || FlowId { namespace: "default".parse().expect("a name"), name: "other".parse().expect("a name") };
    prop_oneof![
        Just(Verdict::Succeeded),
        Just(Verdict::Canceled),
        Just(Verdict::Aborted { by: by() }),
        Just(Verdict::AlreadyCarriedOut { stands: true }),
        Just(Verdict::AlreadyCarriedOut { stands: false }),
        Just(Verdict::Failed(Failure::WorkloadExists)),
        Just(Verdict::Failed(Failure::WorkloadMissing)),
        Just(Verdict::Failed(Failure::WorkloadDeleted)),
        Just(Verdict::Failed(Failure::LockLost)),
        "[a-z ]{0,20}".prop_map(|owner| Verdict::Failed(Failure::WorkloadOwned { owner })),
        "[a-z ]{0,20}".prop_map(|what| Verdict::Failed(Failure::Unsupported { what })),
        "[a-z ]{0,20}".prop_map(|what| Verdict::Failed(Failure::WrongSize { what })),
        "[a-z ]{0,20}".prop_map(|what| Verdict::Failed(Failure::WrongPods { what })),
        "[a-z ]{0,20}".prop_map(|what| Verdict::Failed(Failure::NoRevision { what })),
        "[a-z ]{0,20}".prop_map(|what| Verdict::Failed(Failure::Refused { what })),
        "[a-z ]{0,20}".prop_map(|fault| Verdict::Failed(Failure::InvalidSpec { fault })),
    ]
}
