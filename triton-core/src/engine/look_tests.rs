use alloc::vec::Vec;

use super::*;
use crate::engine::fixtures::base_of;
use crate::engine::tend::{Tend, serving, tend};
use crate::model::{
    Base, Edits, Hold, HoldReason, Kind, Left, PodChange, Progress, Revision, Seconds, Timestamp,
    TrafficChange,
};

#[test]
fn a_pod_is_new_only_when_it_is_as_the_flow_wants_it() {
    let fresh = |brings, view: &WorkloadView, pod: &WorkloadPod| {
        let base = Base { brings, ..base_of(Kind::Replace, 1, 1) };
        let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Update, 1) };
        is_fresh(Some(&flow), view, pod)
    };
    let (seen, new) = (view(), pod());
    assert!(fresh(Brings::Flow, &seen, &new));
    let mut before = view();
    before.shape.template = Some(TemplateRef::Revision(revision("app-new")));
    assert!(!fresh(Brings::Flow, &before, &new), "the template is not there yet");
    let untold = WorkloadView { revision: None, ..view() };
    assert!(!fresh(Brings::Flow, &untold, &WorkloadPod { revision: None, ..pod() }));
    assert!(fresh(Brings::Revision(revision("app-new")), &seen, &new));
    assert!(!fresh(Brings::Revision(revision("app-old")), &seen, &new));
    assert!(fresh(Brings::Nothing, &seen, &new));
    assert!(!fresh(Brings::Nothing, &seen, &WorkloadPod { listed: true, ..pod() }));

    // Once it is known which revision the flow brings, a template of others makes no old pods of its pods.
    let mut others = WorkloadView { revision: Some(revision("app-others")), ..view() };
    others.shape.template = Some(TemplateRef::Revision(revision("app-others")));
    for brings in [Brings::Flow, Brings::Revision(revision("app-new"))] {
        let base = Base { brings, brought: Some(revision("app-new")), ..base_of(Kind::Replace, 1, 1) };
        let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Update, 1) };
        let of =
            |name| is_fresh(Some(&flow), &others, &WorkloadPod { revision: Some(revision(name)), ..pod() });
        assert_eq!(["app-new", "app-old", "app-others"].map(of), [true, false, false], "{flow:?}");
    }
}

#[test]
fn a_pod_of_a_revision_that_others_brought_is_never_asked_into_traffic() {
    let of = |name: &str| WorkloadPod { revision: Some(revision(name)), booted: true, ..pod() };
    let revisions = || Some([revision("app-old"), revision("app-older")].into());
    let base = |brings| Base {
        brings,
        brought: Some(revision("app-new")),
        revisions: revisions(),
        ..base_of(Kind::Replace, 2, 2)
    };
    let update = base(Brings::Flow);
    let scale = Base { kind: Kind::Grow, brought: None, ..base(Brings::Nothing) };
    let unknown = Base { revisions: None, ..base(Brings::Flow) };
    // What the flow brings, the revision of the pod, and whether it is pulled in where every pod may be.
    let rows = [
        (&update, "app-new", true),
        (&update, "app-old", true),
        (&update, "app-older", true),
        (&update, "app-others", false),
        (&scale, "app-old", true),
        (&scale, "app-others", true),
        (&unknown, "app-others", true),
    ];
    let drift = Hold { reason: HoldReason::Drift, resumes: 0 };
    let rows = rows.map(|(base, name, wanted)| (base, name, None, wanted));
    let held = [(&scale, "app-old", Some(drift), true), (&scale, "app-others", Some(drift), false)];
    for (base, name, hold, wanted) in rows.into_iter().chain(held) {
        let plan = crate::model::Plan { base: base.clone(), fresh: 0, work: 2 };
        let verdict = crate::model::Verdict::Canceled;
        let verifying = Progress::Verifying {
            plan: plan.clone(),
            since: Timestamp::default(),
            counted: Seconds(0),
            hold,
            edited: None,
        };
        let closing = Progress::Closing { plan, verdict, keep: 0, floor: 0, shed: false };
        for progress in core::iter::once(verifying).chain(hold.is_none().then_some(closing)) {
            let flow = Flow { progress, ..Flow::test(Action::Update, 2) };
            let view = WorkloadView { revision: Some(revision(name)), pods: alloc::vec![of(name)], ..view() };
            let mut traffic = TrafficView::default();
            traffic.pods.insert(pod().uid, PodTraffic { asked: Some(false), shown: Traffic::Moving });
            let seen = look(Some(&flow), Some(&view), &traffic);
            let rule = Tend { admit: u32::MAX, floor: 0, go: true, drain: Seconds(0) };
            let pulled = matches!(tend(rule, &seen.pods), Some(Effect::Traffic(TrafficChange::PullIn(_))));
            assert_eq!(pulled, wanted, "{name} with {base:?}");

            // One that nobody can keep out of traffic runs as ever.
            let pods = alloc::vec![WorkloadPod { gated: false, ..of(name) }];
            let seen = look(Some(&flow), Some(&WorkloadView { pods, ..view }), &TrafficView::default());
            assert!(seen.pods.any(Facts::BOOTED, Facts::FOREIGN), "{name} with {base:?}");
        }
    }
}

/// As long as the template of others is there, others of it would come in their places.
#[test]
fn pods_of_a_template_that_is_gone_again_leave_a_flow_that_brings_none() {
    let known = Some(["app-old", "app-older"].map(revision).into());
    let base = Base { revisions: known, brings: Brings::Nothing, ..base_of(Kind::Grow, 1, 2) };
    let plan = crate::model::Plan { base, fresh: 0, work: 2 };
    let verdict = crate::model::Verdict::Canceled;
    let ends = [
        crate::engine::closing::verifying(plan.clone(), Timestamp::default()),
        Progress::Closing { plan, verdict, keep: 0, floor: 0, shed: false },
    ];
    // The revision of the pod, that of the template, and whether the pod leaves.
    let rows = [
        ("app-others", "app-others", false),
        ("app-others", "app-old", true),
        ("app-older", "app-old", false),
        ("app-old", "app-others", false),
    ];
    for progress in ends {
        let flow = Flow { progress, ..Flow::test(Action::ScaleOut, 2) };
        for (of_pod, current, leaves) in rows {
            let pod = WorkloadPod { gated: true, revision: Some(revision(of_pod)), ..pod() };
            let view = WorkloadView { revision: Some(revision(current)), pods: alloc::vec![pod], ..view() };
            let seen = look(Some(&flow), Some(&view), &TrafficView::default());
            assert_eq!(seen.pods.any(Facts::FOREIGN, Facts::empty()), leaves, "{of_pod}, {current}");
        }
    }
}

#[test]
fn a_pod_that_the_registry_does_not_tell_of_is_neither_in_nor_out() {
    let view = WorkloadView { pods: alloc::vec![pod()], ..view() };
    let seen = look(None, Some(&view), &TrafficView::default());
    assert_eq!(seen.pods.len(), 1);
    assert!(!seen.pods.any(Facts::OUT, Facts::empty()) && !seen.pods.any(Facts::IN, Facts::empty()));
}

#[test]
fn pods_that_a_flow_left_out_of_traffic_run_for_nobody_until_a_batch_brings_them() {
    let pods = alloc::vec![WorkloadPod { booted: true, ..pod() }, old()];
    let left = WorkloadView { left: Some(crate::model::Left::default()), pods, ..view() };
    let runs = |view: &WorkloadView, progress, asked| {
        let flow = Flow { progress, ..Flow::test(Action::Update, 1) };
        let mut traffic = TrafficView::default();
        for pod in &view.pods {
            traffic.pods.insert(pod.uid.clone(), PodTraffic { asked: Some(asked), shown: Traffic::Moving });
        }
        let seen = look(Some(&flow), Some(view), &traffic);
        seen.pods.iter().map(|(_, facts, _)| facts.contains(Facts::BOOTED)).collect::<Vec<_>>()
    };
    let base = |brings| Base { brings, ..base_of(Kind::Replace, 1, 1) };
    let preparing = |brings| Progress::Preparing { base: base(brings) };
    let verifying = |brings| Progress::Verifying {
        plan: crate::model::Plan { base: base(brings), fresh: 0, work: 1 },
        since: Timestamp::default(),
        counted: Seconds(0),
        hold: None,
        edited: None,
    };
    assert_eq!(runs(&left, preparing(Brings::Flow), false), [false, false], "no batch has begun");
    assert_eq!(runs(&left, verifying(Brings::Flow), false), [true, false], "the new one is the flow's");
    assert_eq!(runs(&left, verifying(Brings::Nothing), false), [false, false], "no batch brings any");
    assert_eq!(runs(&left, preparing(Brings::Flow), true), [true, true], "they take traffic already");
    let clean = WorkloadView { left: None, ..left };
    assert_eq!(runs(&clean, preparing(Brings::Flow), false), [true, true]);
}

#[test]
fn what_the_workload_has_or_is_to_leave_alone_is_not_written() {
    let seen = Observation::mine(1, 7, 1);
    let has = seen.shape.clone().expect("a shape");
    assert_eq!(ask(&seen, Shape { partition: None, doomed: None, ..has.clone() }), None);
    let restored = Some(TemplateRef::Revision(revision("app-new")));
    assert_eq!(ask(&seen, Shape { template: restored, ..has.clone() }), None);
    assert!(ask(&seen, Shape { partition: Some(1), ..has }).is_some());
}

#[test]
fn a_pod_that_is_to_be_updated_in_place_is_chosen_while_the_workload_has_too_many_old_ones() {
    let view = in_place(&[prepared(true), old(), old()], 2);
    assert_eq!(marked(&view, &[Some(true); 3]), [true, false, false]);
    let raised = in_place(&[prepared(true), old(), old()], 3);
    assert_eq!(marked(&raised, &[Some(true); 3]), [false; 3], "the partition was raised");
    let replaced = in_place(&[prepared(true), old(), pod()], 2);
    assert_eq!(marked(&replaced, &[Some(true); 3]), [false; 3], "a new pod took the place of a lost one");
    let paused = WorkloadView { paused: true, ..view };
    assert_eq!(marked(&paused, &[Some(true); 3]), [false; 3], "it is told to pause");
}

#[test]
fn a_pod_whose_template_is_back_is_not_to_be_updated_any_more() {
    let view = in_place(&[WorkloadPod { revision: pod().revision, ..prepared(false) }, old(), old()], 0);
    assert_eq!(marked(&view, &[Some(false), Some(true), Some(true)]), [false; 3]);
}

#[test]
fn of_several_to_be_updated_in_place_those_out_of_traffic_go_first() {
    let view = in_place(&[prepared(true), prepared(true), old()], 2);
    assert_eq!(marked(&view, &[Some(true), Some(false), Some(true)]), [false, true, false]);
}

#[test]
fn a_pod_that_is_to_leave_stays_chosen_whatever_the_partition_says() {
    let leaves = WorkloadPod { swaps: false, ..prepared(true) };
    assert_eq!(marked(&in_place(&[leaves, old()], 2), &[Some(true); 2]), [true, false]);
}

#[test]
fn a_pod_that_is_to_be_updated_in_place_serves_on_where_no_new_one_is_missing() {
    let mut view = in_place(&[prepared(true), old(), pod()], 1);
    view.shape.replicas = 2;
    assert_eq!(marked(&view, &[Some(true); 3]), [false; 3]);
}

/// Others brought another template while a flow that brings none held the workload: its pods left traffic for it,
/// and the flow never got as many as it needs.
#[test]
fn pods_are_updated_in_place_for_a_foreign_template_once_the_flow_has_ended() {
    let view = in_place(&[prepared(true), old(), old()], 2);
    let chosen = |brings| {
        let base = Base { brings, ..base_of(Kind::Grow, 3, 3) };
        let flow = Flow { progress: Progress::Preparing { base }, ..Flow::test(Action::Scale, 3) };
        look(Some(&flow), Some(&view), &TrafficView::default()).pods.count(Facts::MARKED, Facts::empty())
    };
    assert_eq!((chosen(Brings::Nothing), chosen(Brings::Flow)), (0, 1));
    assert_eq!(marked(&view, &[Some(true); 3]), [true, false, false], "the keeper lets it be updated");
}

/// The workload updates one of the two; its order among pods that nobody can steer cannot be told.
#[test]
fn ungated_pods_that_are_to_be_updated_in_place_are_all_let_go_when_one_of_them_is_taken() {
    let ungated = |pods: [WorkloadPod; 3]| pods.map(|pod| WorkloadPod { gated: false, ..pod });
    let let_go = |pods: [WorkloadPod; 3], floor| {
        let rule = Tend { admit: 0, floor, go: true, drain: Seconds(0) };
        match tend(rule, &seen(&in_place(&ungated(pods), 1), &[None; 3]).pods) {
            Some(Effect::Pods(PodChange::Unhook(pods))) => pods.len(),
            None => 0,
            other => panic!("{other:?}"),
        }
    };
    let both = || [prepared(true), prepared(true), hooked()];
    assert_eq!((let_go(both(), 3), let_go(both(), 2)), (0, 1), "one as far as the floor allows");
    assert_eq!(let_go([prepared(true), prepared(false), hooked()], 2), 1, "then the other");
    let gone = seen(&in_place(&ungated([prepared(false), prepared(false), hooked()]), 1), &[None; 3]);
    assert_eq!(serving(&gone.pods), 2, "no more than one goes");
    assert_eq!(marked(&in_place(&ungated(both()), 2), &[None; 3]), [false; 3], "none is taken any more");
}

/// The workload updates one of the two, and which one it is cannot be told: on a workload that was left neither is
/// pulled in, so that they stay alike.
#[test]
fn pods_that_stay_out_of_traffic_are_all_let_go_when_one_of_them_is_to_be_updated_in_place() {
    let chosen = |left, partition| {
        let view = WorkloadView { left, ..in_place(&[prepared(true), prepared(false), old()], partition) };
        marked(&view, &[Some(false), Some(false), Some(true)])
    };
    let left = Some(Left { size: None });
    assert_eq!(chosen(left, 2), [true, true, false]);
    assert_eq!(chosen(left, 3), [false; 3], "none is updated any more");
    assert_eq!(chosen(None, 2), [false, true, false], "the other one is pulled in");
}

/// A host came back with an old record of its flow and saw the workload as it was: it asked for the numbers of an
/// earlier batch once more.
#[test]
fn a_record_that_is_older_than_the_last_write_of_its_flow_settles_nothing() {
    let at = |number| {
        let plan = crate::engine::goal::plan(base_of(Kind::Replace, 4, 4), 0);
        Flow::test(Action::Update, 4).at(plan, number, 0, 1, crate::model::Stage::Leaving)
    };
    let edits = Edits { at: at(2).progress.position(), ..Edits::default() };
    let mine = WorkloadView { edits, ..view() };
    let settled =
        |number, view: &WorkloadView| look(Some(&at(number)), Some(view), &TrafficView::default()).settled;
    assert_eq!([1, 2, 3].map(|number| settled(number, &mine)), [false, true, true]);
    let free = WorkloadView { lock: Lock::Free, ..mine };
    assert!(settled(1, &free), "what another flow wrote says nothing");
}

/// A workload of these pods that keeps so many old ones.
fn in_place(pods: &[WorkloadPod], partition: u32) -> WorkloadView {
    let size = u32::try_from(pods.len()).expect("a few");
    let shape = Shape { replicas: size, partition: Some(partition), ..view().shape };
    let named = |(at, pod): (usize, &WorkloadPod)| {
        let uid = alloc::format!("{at}").parse().expect("an identity");
        WorkloadPod { uid, ..pod.clone() }
    };
    let pods = pods.iter().enumerate().map(named).collect();
    WorkloadView { in_place: true, shape, pods, ..view() }
}

/// The view of pods in traffic that were asked for this.
fn seen(view: &WorkloadView, asked: &[Option<bool>]) -> Observation {
    let mut traffic = TrafficView::default();
    for (pod, asked) in view.pods.iter().zip(asked) {
        let shown = if *asked == Some(false) { Traffic::Moving } else { Traffic::In };
        traffic.pods.insert(pod.uid.clone(), PodTraffic { asked: *asked, shown });
    }
    look(None, Some(view), &traffic)
}

fn marked(view: &WorkloadView, asked: &[Option<bool>]) -> Vec<bool> {
    let pods = seen(view, asked).pods;
    pods.iter().map(|(_, facts, _)| facts.contains(Facts::MARKED)).collect()
}

fn hooked() -> WorkloadPod {
    WorkloadPod { hooked: true, ..pod() }
}

fn old() -> WorkloadPod {
    WorkloadPod { revision: Some(revision("app-old")), hooked: true, booted: true, ..pod() }
}

/// A pod that was chosen to be updated in place.
fn prepared(hooked: bool) -> WorkloadPod {
    WorkloadPod { marked: true, swaps: true, hooked, ..old() }
}

fn revision(name: &str) -> Revision {
    Revision::new(name).expect("a revision")
}

fn view() -> WorkloadView {
    WorkloadView { revision: Some(revision("app-new")), ..WorkloadView::test(1, Vec::new()) }
}

fn pod() -> WorkloadPod {
    let name = "app-0".parse().expect("a name");
    WorkloadPod { revision: Some(revision("app-new")), ..WorkloadPod::test(name) }
}
