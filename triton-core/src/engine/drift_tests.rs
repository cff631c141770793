use super::super::closing::verifying;
use super::super::decide;
use super::super::decision::{Effect, Waiting};
use super::super::fixtures::{NOW, OLD, RUNS, SERVES, base, base_of, revision};
use super::super::goal::plan;
use super::super::look::look;
use super::*;
use crate::model::{
    Action, Base, BatchPhase, Brings, Facts, FieldEdit, Hold, HoldReason, Holder, Kind, Revision, Seconds,
    Shape, Stage, Target, TrafficChange, TrafficView, WorkloadChange, WorkloadUid, WorkloadView,
};

#[test]
fn the_first_edit_in_a_stage_is_counted_then_set_right() {
    let flow = update();
    let seen = edited(partition(0), &[Field::Partition], 7, 5);
    match decide(&flow, &seen, NOW) {
        Decision::Move(progress, Why::Edited { edits }) => {
            assert_eq!(counted(&progress), (Some(7), None));
            assert_eq!(edits[0].to_string(), "partition (by kubectl-patch)");
            let flow = Flow { progress, ..flow };
            assert_eq!(asked(&decide(&flow, &seen, NOW)), Some(Some(4)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_second_edit_in_a_stage_holds_and_an_old_look_at_the_first_does_not() {
    let flow = with(update(), Some(7), None);
    let first = edited(partition(0), &[Field::Partition], 7, 5);
    assert!(matches!(decide(&flow, &first, NOW), Decision::Act(_)), "not set right yet");
    let second = edited(partition(0), &[Field::Partition], 9, 7);
    match decide(&flow, &second, NOW) {
        Decision::Move(progress, why @ Why::Drifted { .. }) => {
            assert_eq!((why.reason(), counted(&progress)), ("Drift", (Some(9), Some(HoldReason::Drift))));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_foreign_template_holds_at_once() {
    let seen = edited(partition(4), &[Field::Template], 7, 5);
    let held = decide(&update(), &seen, NOW);
    let Decision::Move(progress, Why::Drifted { .. }) = held else { panic!("{held:?}") };
    assert_eq!(counted(&progress), (Some(7), Some(HoldReason::Drift)));
}

#[test]
fn another_way_to_exchange_pods_holds_at_once_and_for_as_long_as_it_is_there() {
    let seen = edited(partition(4), &[Field::Policy], 7, 5);
    for counted_at in [None, Some(7)] {
        let held = decide(&with(update(), counted_at, None), &seen, NOW);
        let Decision::Move(progress, why @ Why::Drifted { .. }) = held else { panic!("{held:?}") };
        assert_eq!(counted(&progress), (Some(7), Some(HoldReason::Drift)));
        let words = "paused because others changed updateStrategy.type (by kubectl-patch); put back the type that \
                     stood there, then Resume, or cancel";
        assert_eq!(why.to_string(), words);
    }
}

/// A policy changed the template with the numbers that a `scale` wrote: every pod was replaced, and the flow succeeded.
#[test]
fn a_template_that_a_flow_does_not_bring_holds_it_until_a_person_agrees_or_puts_it_back() {
    for (action, kind) in [
        (Action::ScaleOut, Kind::Grow),
        (Action::ScaleIn, Kind::Shrink),
        (Action::Restart, Kind::Replace),
        (Action::Restart, Kind::Swap),
    ] {
        // Pods of another one are there, too, since a flow was cancelled that kept them.
        let revisions = Some(["app-0", "app-1"].map(revision).into());
        let base = Base {
            brings: Brings::Nothing,
            previous: Some(revision("app-1")),
            revisions,
            workload: WorkloadUid::new("w").ok(),
            ..base_of(kind, 2, 4)
        };
        let flow = Flow::test(action, 4).at(plan(base, 0), 1, 0, 2, Stage::Queued);
        let view = |revision: &str| {
            let view = WorkloadView::test(2, Vec::new());
            WorkloadView {
                uid: WorkloadUid::new("w").expect("a uid"),
                lock: Lock::Mine,
                revision: Revision::new(revision).ok(),
                ..view
            }
        };
        let seen = |flow: &Flow, revision| look(Some(flow), Some(&view(revision)), &TrafficView::default());
        let holds = |flow: &Flow, revision| match decide(flow, &seen(flow, revision), NOW) {
            Decision::Move(progress, why @ Why::Drifted { .. }) => {
                assert_eq!(counted(&progress).1, Some(HoldReason::Drift));
                assert!(why.to_string().contains("put back the template"), "{why}");
                Some(Flow { progress, ..flow.clone() })
            }
            _ => None,
        };
        assert!(holds(&flow, "app-1").is_none(), "{kind:?}");
        assert!(holds(&flow, "app-0").is_some(), "{kind:?}: its pods would be exchanged");
        let mut held = holds(&flow, "app-2").expect("it holds");
        let paused = |flow: &Flow, revision| Observation { paused: true, ..seen(flow, revision) };
        let waits = decide(&held, &paused(&held, "app-2"), NOW);
        assert!(matches!(&waits, Decision::Wait(Waiting::Held { .. }, _)), "{waits:?}");
        held.orders.resumes = 1;
        for back in ["app-1", "app-2"] {
            let resumed = decide(&held, &paused(&held, back), NOW);
            let Decision::Move(progress, Why::Resumed) = resumed else { panic!("{kind:?} {resumed:?}") };
            let flow = Flow { progress, ..held.clone() };
            assert!(holds(&flow, back).is_none(), "{kind:?}: it goes on with {back}");
            assert!(holds(&flow, "app-3").is_some(), "{kind:?}: nobody agreed to this one");
            assert_eq!(holds(&flow, "app-2").is_some(), back == "app-1", "{kind:?}");
            assert_eq!(holds(&flow, "app-1").is_some(), back == "app-2", "{kind:?}: nor to the one before");
        }
    }
}

#[test]
fn resume_sets_an_edit_right_and_the_next_one_holds_again() {
    let hold = Some(Hold { reason: HoldReason::Drift, resumes: 0 });
    let mut flow = with(update(), Some(7), hold);
    flow.orders.resumes = 1;
    let seen = Observation { paused: true, ..edited(partition(0), &[Field::Template], 9, 5) };
    let Decision::Move(progress, Why::Resumed) = decide(&flow, &seen, NOW) else { panic!("not resumed") };
    assert!(progress.batch().is_some_and(|batch| !batch.forgiven), "no pod is forgiven anything");
    let flow = Flow { progress, ..flow };
    assert_eq!(asked(&decide(&flow, &seen, NOW)), Some(Some(4)), "no pod is made of it meanwhile");
    let right = Observation { paused: true, ..edited(partition(4), &[], 10, 5) };
    let thawed = decide(&flow, &right, NOW);
    assert_eq!(thawed, Decision::Act(Effect::Workload(WorkloadChange::SetPaused(false))));
    let again = decide(&flow, &edited(partition(0), &[Field::Partition], 11, 9), NOW);
    assert!(matches!(again, Decision::Move(_, Why::Drifted { .. })), "{again:?}");
}

#[test]
fn a_held_flow_names_what_was_edited_and_by_whom_and_lets_no_pod_go() {
    let hold = Some(Hold { reason: HoldReason::Drift, resumes: 0 });
    let flow = with(update(), Some(7), hold);
    let chosen = OLD | Facts::MARKED;
    let seen = edited(partition(0), &[Field::Partition], 7, 5).with(1, chosen).with(4, OLD);
    let seen = Observation { paused: true, ..seen };
    match decide(&flow, &seen, NOW) {
        Decision::Wait(waiting @ Waiting::Held { .. }, _) => {
            let words = "paused because others changed partition (by kubectl-patch): Resume sets it right";
            assert_eq!((waiting.reason(), waiting.to_string().as_str()), ("Drift", words));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_edit_of_the_pause_alone_is_taken_back() {
    let flow = with(update(), Some(7), None);
    let seen = Observation { paused: true, ..edited(partition(4), &[Field::Paused], 7, 5) };
    let thawed = decide(&flow, &seen, NOW);
    assert_eq!(thawed, Decision::Act(Effect::Workload(WorkloadChange::SetPaused(false))));
}

#[test]
fn every_stage_counts_anew() {
    let flow = with(update(), Some(7), None);
    let seen = partition(4).with(4, OLD).with(1, RUNS);
    match decide(&flow, &seen, NOW.plus(Seconds(1))) {
        Decision::Move(progress @ Progress::Rolling { .. }, Why::Reached { stage: Stage::Smoked, .. }) => {
            assert_eq!(counted(&progress), (None, None));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_final_check_counts_edits_too() {
    let plan = plan(base_of(Kind::Replace, 2, 2), 0);
    let progress = verifying(plan, NOW);
    let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
    let seen = |generation, clean| edited(Observation::mine(2, 2, 1), &[Field::Partition], generation, clean);
    let Decision::Move(progress, Why::Edited { .. }) = decide(&flow, &seen(7, 5), NOW) else {
        panic!("not counted")
    };
    let flow = Flow { progress, ..flow };
    assert!(matches!(decide(&flow, &seen(7, 5), NOW), Decision::Act(_)));
    let held = decide(&flow, &seen(9, 7), NOW);
    let Decision::Move(Progress::Verifying { hold, .. }, Why::Drifted { .. }) = held else {
        panic!("{held:?}")
    };
    assert_eq!(hold.map(|hold| hold.reason), Some(HoldReason::Drift));
    let flow = Flow { progress: held_final(hold), ..flow };
    let chosen = Observation { paused: true, ..seen(9, 7).with(1, SERVES | Facts::MARKED).with(2, SERVES) };
    let waits = decide(&flow, &chosen, NOW);
    assert!(matches!(waits, Decision::Wait(Waiting::Held { .. }, _)), "no pod is let go: {waits:?}");
}

#[test]
fn what_others_hold_and_what_is_closing_is_not_judged() {
    let seen = edited(partition(0), &[Field::Template], 7, 5);
    let theirs = Observation { lock: crate::model::Lock::Free, ..seen.clone() };
    assert_eq!(drifted(&update(), &theirs, NOW), None);
    let closing = Progress::Closing {
        plan: plan(base(4, 4), 0),
        verdict: crate::model::Verdict::Canceled,
        keep: 0,
        floor: 0,
        shed: false,
    };
    assert_eq!(drifted(&Flow { progress: closing, ..update() }, &seen, NOW), None);
}

#[test]
fn a_lock_that_others_took_off_is_taken_again_and_told_once_in_a_stage() {
    let (own, other) = (Some("the-one"), Some("made-later"));
    let verifying =
        Progress::Verifying { plan: begun(own), since: NOW, counted: Seconds(0), hold: None, edited: None };
    let closing = |shed| {
        let verdict = crate::model::Verdict::Canceled;
        Progress::Closing { plan: begun(own), verdict, keep: 0, floor: 0, shed }
    };
    let turned = Progress::Preparing { base: Base { turned: true, ..begun(own).base } };
    let rolling = |workload| update().at(begun(workload), 1, 0, 1, Stage::Smoking).progress;
    let counted = with(Flow { progress: rolling(own), ..update() }, Some(0), None).progress;
    let held = Some(Hold { reason: HoldReason::PodsFailed, resumes: 0 });
    let held = with(Flow { progress: rolling(own), ..update() }, Some(3), held).progress;
    let free = Lock::Free;
    let theirs = Lock::Theirs(Flow::test(Action::Update, 4).id);
    // How far the flow is, who has the workload, which workload it is, how often flows had taken its lock, and what the
    // flow does, which had taken it as the third. Its own is without the hooks.
    let rows = [
        (rolling(own), &free, own, Some(3), "tells"),
        (rolling(own), &free, own, Some(2), "tells"),
        (rolling(own), &free, own, None, "tells"),
        (verifying, &free, own, Some(3), "tells"),
        (counted.clone(), &free, own, Some(3), "locks"),
        (counted.clone(), &theirs, own, Some(3), "locks"),
        (held, &free, own, Some(3), "locks"),
        (closing(false), &free, own, Some(3), "locks"),
        (closing(true), &free, own, Some(3), "locks"),
        (turned, &free, own, Some(3), "locks"),
        (rolling(own), &Lock::Mine, own, Some(3), "tells"),
        (counted.clone(), &Lock::Mine, own, Some(3), "locks"),
        (closing(true), &Lock::Mine, own, Some(3), "locks"),
        (counted.clone(), &theirs, own, Some(4), "ends"),
        (counted.clone(), &free, own, Some(4), "ends"),
        (counted.clone(), &free, other, Some(3), "ends"),
        (rolling(None), &free, own, Some(3), "ends"),
    ];
    for (progress, lock, workload, turn, wanted) in rows {
        let flow = Flow { progress, ..update() };
        let workload = workload.and_then(|uid| uid.parse().ok());
        let holder = Holder { id: flow.id.clone(), uid: "other".parse().expect("a uid") };
        let last = turn.map(|turn| LastHolder { holder, turn, size: None, gave_back: true });
        let unhooked = *lock == Lock::Mine;
        let seen = Observation { lock: lock.clone(), unhooked, workload, last, ..partition(4) };
        let decision = decide(&flow, &seen, NOW);
        let is = match &decision {
            Decision::Move(progress, Why::Relocked) => {
                let told = Flow { progress: progress.clone(), ..flow.clone() };
                assert_eq!(
                    decide(&told, &seen, NOW),
                    Decision::change_workload(WorkloadChange::Lock { remember: None })
                );
                "tells"
            }
            Decision::Act(Effect::Workload(WorkloadChange::Lock { remember: None })) => "locks",
            Decision::Move(Progress::Finished { .. }, Why::Ended { .. }) => "ends",
            _ => panic!("{decision:?}"),
        };
        assert_eq!(is, wanted, "{:?} {lock:?}", flow.progress);
        let old = Observation { settled: false, ..seen };
        let waits = matches!(decide(&flow, &old, NOW), Decision::Wait(Waiting::Backend, _));
        assert_eq!(waits, wanted != "ends", "nothing is written on a view that is not settled");
    }
}

#[test]
fn a_lock_that_others_took_off_before_the_first_batch_is_taken_again_without_a_new_base() {
    // Where the template of the flow is in place, a base that is read anew would take it for the one before.
    let flow = Flow { progress: Progress::Preparing { base: base(4, 4) }, ..Flow::test(Action::Update, 4) };
    let holder = |uid: &str| Holder { id: flow.id.clone(), uid: uid.parse().expect("a uid") };
    let others = TemplateRef::Revision("app-others".parse().expect("a revision"));
    let rows = [
        ("flow-uid", false, TemplateRef::Flow, true),
        ("flow-uid", false, others, false),
        ("flow-uid", true, TemplateRef::Flow, false),
        ("other", false, TemplateRef::Flow, false),
    ];
    for (uid, gave_back, template, wanted) in rows {
        let last = Some(LastHolder { holder: holder(uid), turn: 3, size: None, gave_back });
        let shape = partition(4).shape.map(|shape| Shape { template: Some(template), ..shape });
        let seen = Observation { lock: Lock::Free, last, shape, ..partition(4) };
        let locks =
            decide(&flow, &seen, NOW) == Decision::change_workload(WorkloadChange::Lock { remember: None });
        assert_eq!(locks, wanted, "{uid} {gave_back}");
    }
}

#[test]
fn the_workload_and_its_revisions_are_noted_before_pods_change() {
    let revisions =
        |names: &[&str]| names.iter().map(|name| Revision::new(name).expect("a revision")).collect();
    let seen = |names| Observation {
        lock: Lock::Free,
        workload: "the-one".parse().ok(),
        revisions: revisions(names),
        ..Observation::mine(4, 0, 1)
    };
    let noted = |names| {
        let decision = decide(&Flow::test(Action::Update, 4), &seen(names), NOW);
        let Decision::Move(progress, Why::Started) = decision else { panic!("{decision:?}") };
        progress
    };
    let progress = noted(&["app-0", "app-1"]);
    let base = progress.base().expect("a base");
    assert_eq!(
        (base.revisions.as_ref(), base.workload.as_ref()),
        (Some(&revisions(&["app-0", "app-1"])), None)
    );
    let many = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];
    assert_eq!(
        noted(&many).base().and_then(|base| base.revisions.clone()),
        None,
        "too many are not told apart"
    );
    let flow = Flow { progress, ..Flow::test(Action::Update, 4) };
    let locked = Observation { lock: Lock::Mine, ..seen(&[]) }.with(4, OLD);
    let locked = Observation { shape: Observation::mine(4, 4, 1).shape, ..locked };
    let Decision::Move(progress, Why::BatchStarted { .. }) = decide(&flow, &locked, NOW) else { panic!() };
    let base = progress.base().expect("a base");
    assert_eq!(base.workload, "the-one".parse().ok());
    let known =
        ["app-0", "app-1", "app-new"].map(|name| base.is_foreign(&Revision::new(name).expect("a revision")));
    assert_eq!((known, base.is_foreign(&Revision::new("app-x").expect("a revision"))), ([false; 3], true));
}

/// The plan of an update of four pods of this workload.
fn begun(workload: Option<&str>) -> crate::model::Plan {
    plan(Base { workload: workload.and_then(|uid| uid.parse().ok()), turn: Some(3), ..base(4, 4) }, 0)
}

fn held_final(hold: Option<Hold>) -> Progress {
    let plan = plan(base_of(Kind::Replace, 2, 2), 0);
    Progress::Verifying { plan, since: NOW, counted: Seconds(0), hold, edited: Some(9) }
}

/// An update of four pods, one at a time, that starts its first new pod.
fn update() -> Flow {
    Flow::test(Action::Update, 4).at(plan(base(4, 4), 0), 1, 0, 1, Stage::Smoking)
}

/// As that flow asks for, but for the partition.
fn partition(partition: u32) -> Observation {
    Observation::mine(5, partition, 1)
}

fn edited(seen: Observation, fields: &[Field], generation: u64, clean: u64) -> Observation {
    let edit = |field: &Field| FieldEdit { field: *field, by: Some("kubectl-patch".into()) };
    let edits = Edits { fields: fields.iter().map(edit).collect(), generation, clean, ..Edits::default() };
    Observation { edits, ..seen }
}

fn with(mut flow: Flow, edited: Option<u64>, hold: Option<Hold>) -> Flow {
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        (batch.edited, batch.hold) = (edited, hold);
    }
    flow
}

fn counted(progress: &Progress) -> (Option<u64>, Option<HoldReason>) {
    let batch = progress.batch().expect("a batch");
    (batch.edited, batch.hold.map(|hold| hold.reason))
}

/// The partition that is asked for.
fn asked(decision: &Decision) -> Option<Option<u32>> {
    match decision {
        Decision::Act(Effect::Workload(WorkloadChange::Reshape(shape))) => Some(shape.partition),
        _ => None,
    }
}

#[test]
fn the_revision_of_what_a_flow_brings_is_remembered_when_its_first_batch_begins() {
    let brought = |brings: Brings| {
        let base = Base { brings, ..base(3, 3) };
        let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Update, 3) };
        let decision = decide(&flow, &Observation::mine(3, 3, 1).with(3, OLD), NOW);
        let Decision::Move(progress, _) = decision else { panic!("{decision:?}") };
        progress.base().and_then(|base| base.brought.clone())
    };
    assert_eq!(brought(Brings::Flow).as_ref().map(Revision::as_str), Some("app-new"));
    assert_eq!(brought(Brings::Nothing), None, "of others' templates nothing is remembered");
}

/// A flow was held for an edit while others named its canary: that one stayed, because nothing leaves meanwhile, and the
/// pod in its place came into traffic beside it, and so on.
#[test]
fn while_a_flow_is_held_no_pod_comes_in_the_place_of_one_that_stays() {
    let flow = |hold| {
        let mut flow = Flow::test(Action::Update, 4).canary(1);
        flow.orders.target = Target { batch: 1, phase: BatchPhase::Baking };
        let mut flow = flow.at(plan(base_of(Kind::Replace, 4, 4), 0), 1, 0, 1, Stage::Proving);
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            batch.hold = hold;
        }
        flow
    };
    let hold = Some(Hold { reason: HoldReason::Drift, resumes: 0 });
    for (named, hold, comes) in [
        (Facts::DOOMED, hold, false),
        (Facts::DOOMED | Facts::MARKED, hold, false),
        (Facts::DOOMED | Facts::MARKED, None, true),
    ] {
        let seen = Observation { paused: hold.is_some(), ..Observation::mine(5, 4, 1) };
        let seen = seen.with(4, OLD).with(1, SERVES | named).with(1, RUNS);
        let decided = decide(&flow(hold), &seen, NOW);
        let pulled_in = matches!(decided, Decision::Act(Effect::Traffic(TrafficChange::PullIn(_))));
        assert_eq!(pulled_in, comes, "{named:?} {hold:?}: {decided:?}");
    }
}
