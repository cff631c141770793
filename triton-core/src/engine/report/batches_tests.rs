use alloc::collections::BTreeSet;
use alloc::format;

use super::*;
use crate::engine::fixtures::{NOW, base_of};
use crate::engine::report::report;
use crate::engine::{goal, look};
use crate::model::{
    Action, Base, Brings, FailureClass, Heals, PodFailure, Report, WorkloadPod, WorkloadView,
};

/// Pods of a batch.
const SIZE: u32 = 3;

#[test]
fn pods_keep_their_batches_although_the_stored_list_has_gaps() {
    for kind in [Kind::Grow, Kind::Replace] {
        let last = 200;
        let mut shown = Report::default();
        for number in 1..=last {
            let (flow, view) = at(kind, number, last, number * SIZE, &[]);
            shown = stored(&flow, &shown, &view);
            let newest = shown.batches.last().expect("a batch");
            let wanted = ((number - 1) * SIZE..number * SIZE).map(name).collect::<Vec<_>>();
            let listed: Vec<_> = newest.pods.iter().map(|pod| pod.name.clone()).collect();
            assert_eq!((newest.batch, &listed), (number, &wanted), "{kind:?}");
            assert!(shown.batches.iter().all(|batch| batch.pods_total == SIZE), "{kind:?} {number}");
        }
        assert_eq!(shown.batches.first().map(|batch| batch.batch), Some(1));
        assert!(shown.batches.len() < 40, "it has gaps: {}", shown.batches.len());
        let (flow, view) = at(kind, last, last, last * SIZE, &[]);
        assert_eq!(stored(&flow, &shown, &view), shown, "looked at again it is the same");
    }
}

#[test]
fn a_pod_that_was_not_listed_is_listed_once_it_fails_and_counted_while_it_does() {
    let last = 40;
    let (flow, view) = at(Kind::Grow, last, last, last * SIZE, &[]);
    let mut shown = Report::default();
    for number in 1..=last {
        let (flow, view) = at(Kind::Grow, number, last, number * SIZE, &[]);
        shown = stored(&flow, &shown, &view);
    }
    let lists = |shown: &Report, at| {
        shown.batches.iter().flat_map(|batch| &batch.pods).any(|pod: &PodReport| pod.name == name(at))
    };
    assert!(!lists(&shown, 1), "the oldest are not listed");
    let (_, failing) = at(Kind::Grow, last, last, last * SIZE, &[1]);
    let failed = stored(&flow, &shown, &failing);
    assert!(lists(&failed, 1));
    let first = &failed.batches[0];
    assert_eq!((first.batch, first.failed_replicas, first.pods_total), (1, 1, SIZE));
    assert_eq!(stored(&flow, &failed, &view).batches[0].failed_replicas, 0);
}

#[test]
fn a_lost_pod_that_was_not_listed_leaves_its_place_to_the_next_new_one() {
    let last = 40;
    let mut shown = Report::default();
    for number in 1..=last {
        let (flow, view) = at(Kind::Grow, number, last, number * SIZE, &[]);
        shown = stored(&flow, &shown, &view);
    }
    let (flow, mut view) = at(Kind::Grow, last, last, last * SIZE + 1, &[]);
    view.pods.remove(1);
    let after = stored(&flow, &shown, &view);
    let totals: BTreeSet<u32> = after.batches.iter().map(|batch| batch.pods_total).collect();
    assert_eq!(totals, [SIZE].into(), "every batch has its pods");
}

#[test]
fn a_new_pod_counts_until_it_is_gone_also_one_that_others_chose_to_leave() {
    for leaves in [false, true] {
        let (flow, mut view) = at(Kind::Replace, 1, 2, SIZE, &[]);
        (view.pods[0].marked, view.pods[0].specified) = (leaves, leaves);
        assert_eq!(stored(&flow, &Report::default(), &view).counts.updated, SIZE, "{leaves}");
    }
}

/// Batch `number` of `last` in mid-air, with so many new pods.
fn at(kind: Kind, number: u32, last: u32, pods: u32, failed: &[u32]) -> (Flow, WorkloadView) {
    let all = last * SIZE;
    let from = if kind == Kind::Grow { 0 } else { all };
    let plan = goal::plan(Base { brings: Brings::Flow, ..base_of(kind, from, all) }, 0);
    let done = (number - 1) * SIZE;
    let flow = Flow::test(Action::Create, all).batches_of(SIZE).at(plan, number, done, SIZE, Stage::Smoking);
    let failure = || PodFailure { class: FailureClass::CrashLoop, heals: Heals::Never, message: "".into() };
    let pod = |at: u32| WorkloadPod {
        failure: failed.contains(&at).then(failure),
        ip: Some("10.0.0.1".into()),
        ..WorkloadPod::test(name(at))
    };
    let view = WorkloadView::test(pods, (0..pods).map(pod).collect());
    (flow, view)
}

/// The report that is stored after a look.
fn stored(flow: &Flow, before: &Report, view: &WorkloadView) -> Report {
    let traffic = TrafficView::default();
    let observation = look(Some(flow), Some(view), &traffic);
    let seen = Seen { observation: &observation, workload: Some(view), traffic: &traffic };
    report(flow, before, seen, None, None, NOW)
}

fn name(at: u32) -> PodName {
    // Long, so that few are listed, and not in the order of age.
    format!("p{}-{at}-{}", at % 7, "x".repeat(40)).parse().expect("a name")
}
