use alloc::vec::Vec;

use super::*;
use crate::engine::fixtures::base_of;
use crate::model::{Base, Kind, PodPhase, Progress, Revision};

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
}

#[test]
fn a_pod_that_the_registry_does_not_tell_of_is_neither_in_nor_out() {
    let view = WorkloadView { pods: alloc::vec![pod()], ..view() };
    let seen = look(None, Some(&view), &TrafficView::default());
    assert_eq!(seen.pods.len(), 1);
    assert!(!seen.pods.any(Facts::OUT, Facts::empty()) && !seen.pods.any(Facts::IN, Facts::empty()));
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

fn revision(name: &str) -> Revision {
    Revision::new(name).expect("a revision")
}

fn view() -> WorkloadView {
    WorkloadView {
        version: "7".parse().expect("a version"),
        settled: true,
        lock: Lock::Mine,
        frozen: false,
        shape: Observation::mine(1, 0, 1).shape.expect("a shape"),
        revision: Some(revision("app-new")),
        obstacle: None,
        in_place: false,
        remembered: None,
        good: Vec::new(),
        edits: Edits::default(),
        pods: Vec::new(),
        terminating: 0,
    }
}

fn pod() -> WorkloadPod {
    WorkloadPod {
        name: "app-0".parse().expect("a name"),
        uid: "uid-0".parse().expect("a uid"),
        version: "1".parse().expect("a version"),
        revision: Some(revision("app-new")),
        booted: true,
        marked: false,
        hooked: true,
        listed: false,
        specified: false,
        gated: true,
        failure: None,
        phase: PodPhase::Pending,
        ip: None,
        port: 80,
    }
}
