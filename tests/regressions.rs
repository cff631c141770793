//! Defects of the original implementation, one test each, so that none of them comes back; and what goes
//! wrong with updates in place and beside others.

#[path = "regressions/in_place.rs"]
mod in_place;
#[path = "regressions/others.rs"]
mod others;
#[path = "regressions/rig.rs"]
mod rig;

use rig::{Rig, instance};
use triton_core::driver::Rest;
use triton_core::model::{
    Failure, FlowPhase, Progress, RawSize, Stage, UpdateStrategy, Verdict, WorkloadChange,
};
use triton_core::service::DeployApi;
use triton_core::sim::{Faults, Happening, Mishap};

/// The retry found the workload that it had made itself, and the flow was marked as failed.
#[test]
fn a_crash_after_the_workload_was_made_does_not_fail_the_flow() {
    let mut rig = Rig::new();
    let flow = rig.create(3);
    rig.until(|rig| rig.workload().is_some());
    rig.crash();
    rig.until_ended();
    assert_eq!(rig.phase(&flow), FlowPhase::Success);
}

/// Ownership was given up before the end was written; after a crash in between the flow never ended.
#[test]
fn the_end_is_durable_before_the_workload_is_given_back() {
    let mut rig = Rig::new();
    rig.host.sim().world().keep_journal(true);
    rig.create(2);
    rig.until_ended();
    let world = rig.host.sim().world();
    let at = |wanted: fn(&Happening) -> bool| world.journal().iter().position(wanted);
    let ended = at(|it| matches!(it, Happening::Progress { after: Progress::Finished { .. }, .. }));
    let released = at(|it| matches!(it, Happening::Workload { change: WorkloadChange::Release { .. }, .. }));
    assert!(ended.is_some() && ended < released, "ended {ended:?}, given back {released:?}");
}

/// The flow counted as cancelled before the surge was gone, and a failed write left it there for good.
#[test]
fn canceled_is_said_only_once_the_surge_is_gone() {
    let mut rig = Rig::serving(3);
    let flow = rig.update(3);
    rig.until(|rig| rig.stage(&flow) == Some(Stage::PullingIn));
    rig::ready(rig.service.cancel(&flow)).expect("a running flow can be cancelled");
    rig.until(|rig| rig.phase(&flow).is_final());
    let workload = rig.workload().expect("it is there");
    assert_eq!((workload.replicas, workload.active_count(), rig.phase(&flow)), (3, 3, FlowPhase::Canceled));
}

/// The pod in the place of one that leaves started while that one drained: under a quota, OpenKruise then
/// neither made the new one nor deleted the old one, without end.
#[test]
fn where_old_pods_leave_first_no_pod_starts_before_one_is_gone() {
    let mut rig = Rig::serving(3);
    let two = Some(RawSize::Int(2));
    let strategy = UpdateStrategy { max_unavailable: two.clone(), batch_size: two, ..rig::one_by_one() };
    let flow = rig.order("update", Some(3), Some(rig::template("app:2")), strategy);
    let mut most = 0;
    rig.until(|rig| {
        let workload = rig.workload().expect("it is there");
        most = most.max(workload.active_count());
        rig.phase(&flow).is_final()
    });
    assert_eq!((most, rig.phase(&flow)), (3, FlowPhase::Success));
    rig.until(|rig| rig.workload().is_some_and(|workload| workload.lock.is_none()));
    assert!(rig.workload().is_some_and(|workload| workload.exclude_preparing_delete), "it is given back");
}

/// Sizes were computed from what was observed, so a step that was repeated scaled twice.
#[test]
fn a_repeated_step_never_scales_twice() {
    let mut rig = Rig::new();
    let flow = rig.create(3);
    rig.host.set_faults(Faults { lost_answer: 500, ..Faults::NONE });
    let mut most = 0;
    rig.until(|rig| {
        most = most.max(rig.workload().map_or(0, |workload| workload.active_count()));
        rig.phase(&flow).is_final()
    });
    assert_eq!((most, rig.phase(&flow)), (3, FlowPhase::Success));
}

/// The flow owned the workload, and garbage collection deleted it with the flow.
#[test]
fn deleting_a_running_flow_never_deletes_the_workload() {
    let mut rig = Rig::serving(3);
    let flow = rig.update(3);
    rig.until(|rig| rig.stage(&flow) == Some(Stage::Leaving));
    rig.host.sim().world().delete_flow(&flow);
    rig.until(|rig| rig.is_gone(&flow));
    let workload = rig.workload().expect("the workload stays");
    assert_eq!((workload.replicas, workload.lock.is_none()), (3, true));
}

/// The final check was passed over as soon as any pod was available.
#[test]
fn success_is_not_said_while_a_pod_does_not_serve() {
    let mut rig = Rig::new();
    let flow = rig.create(2);
    rig.host.sim().world().set_mishaps(&[(Mishap::NeverReady, 1_000)]);
    rig.for_seconds(60);
    assert!(rig.phase(&flow) != FlowPhase::Success, "no pod serves");
    rig.heal();
    rig.until_ended();
    assert_eq!(rig.phase(&flow), FlowPhase::Success);
}

/// The first batch was never looked at again, and a pod that recovered lifted a person's pause.
#[test]
fn a_pod_of_the_first_batch_that_vanishes_later_is_replaced_before_success() {
    let mut rig = Rig::new();
    let flow = rig.create(3);
    rig.until(|rig| rig.batch(&flow) == Some(3));
    let first = rig.workload().expect("it was made").pods[0].uid.clone();
    rig::ready(rig.service.pause(&flow)).expect("a running flow can be paused");
    rig.host.sim().world().lose_pod(&instance(), &first);
    rig.for_seconds(30);
    assert_eq!(rig.batch(&flow), Some(3), "a pause is lifted by a person alone");
    rig::ready(rig.service.resume(&flow)).expect("a paused flow can be resumed");
    rig.until_ended();
    let workload = rig.workload().expect("it was made");
    assert_eq!((workload.serving(), rig.phase(&flow)), (3, FlowPhase::Success));
}

/// New pods were told by their age, so a clock that was ahead of the API server's stalled every batch.
#[test]
fn a_wrong_clock_stalls_nothing() {
    for skew in [-10_000_000, 10_000_000] {
        let mut rig = Rig::serving(2);
        rig.host.set_faults(Faults { skew, ..Faults::NONE });
        let flow = rig.update(2);
        rig.until_ended();
        assert_eq!(rig.phase(&flow), FlowPhase::Success, "clock ahead by {skew} us");
    }
}

/// A write to a workload that was not there counted as done, and the flow went on.
#[test]
fn a_workload_that_is_gone_is_not_taken_as_changed() {
    let mut rig = Rig::serving(2);
    let flow = rig.update(2);
    rig.until(|rig| rig.stage(&flow) == Some(Stage::Smoking));
    rig.host.sim().world().delete_workload(&instance());
    rig.until(|rig| rig.phase(&flow).is_final());
    let progress = rig.progress(&flow);
    let failed = |failure: &Failure| matches!(failure, Failure::WorkloadMissing | Failure::WorkloadDeleted);
    assert!(
        matches!(&progress, Progress::Finished { verdict: Verdict::Failed(failure), .. } if failed(failure)),
        "{progress:?}"
    );
}

/// The whole spec was written back, and what others had set in it was gone.
#[test]
fn what_others_set_survives_an_update() {
    let mut rig = Rig::serving(2);
    let before = rig.workload().expect("it is there");
    let flow = rig.update(2);
    rig.until_ended();
    let after = rig.workload().expect("it is there");
    assert_eq!(rig.phase(&flow), FlowPhase::Success);
    for (key, value) in &before.labels {
        assert_eq!(after.labels.get(key), Some(value), "label {key}");
    }
    for (key, value) in &before.annotations {
        assert_eq!(after.annotations.get(key), Some(value), "annotation {key}");
    }
    let numbers =
        |workload: &triton_core::sim::Workload| (workload.surge, workload.unavailable, workload.paused);
    assert_eq!(numbers(&after), numbers(&before), "what a flow borrows it gives back");
}

/// Flows that had ended stayed for ever, each with a whole template.
#[test]
fn ended_flows_do_not_pile_up_and_a_rollback_needs_none_of_them() {
    let faults = Faults {
        crash: 40,
        stale: 200,
        lag: 1_000_000,
        conflict: 60,
        refuse: 60,
        lost_answer: 60,
        ..Faults::NONE
    };
    let mut crashes = 0;
    for seed in 0..12 {
        let mut rig = Rig::faulty(seed, faults, 2);
        let first = rig.host.number();
        let mut made = vec![rig.image("create", Some(2), Some("app:0"))];
        rig.until_ended();
        for update in 1..8 {
            made.push(rig.image("update", None, Some(&format!("app:{update}"))));
            rig.until_ended();
        }
        crashes += rig.host.number() - first;
        rig.heal();
        rig.for_seconds(5);
        let mut newest = made.split_off(made.len() - 2);
        newest.sort();
        assert_eq!(rig.kept(), newest, "seed {seed}");
        rig.image("rollback", None, None);
        rig.until_ended();
        rig.for_seconds(5);
        let workload = rig.workload().expect("it serves");
        assert_eq!((rig.kept().len(), workload.serving()), (2, 2), "seed {seed}");
        assert_eq!(workload.template.image, "app:6", "seed {seed}: the last good one before app:7");
    }
    assert!(crashes > 12, "only {crashes} crashes");
}

/// Two flows were deleted in the middle of their batches, when nobody could read them: pods that serve were chosen to
/// leave and had to stay, the others stayed out of traffic, and the next flow waited for good.
#[test]
fn what_two_flows_left_at_any_moment_is_taken_over_by_a_third_one() {
    use Stage::{Leaving, Proving, Smoking, Vacating};
    let takes_over = [2, 4, 5, 6].into_iter().flat_map(|pods| [(pods, None), (pods, Some(1))]);
    for first in [Smoking, Proving, Leaving] {
        for second in [Smoking, Proving, Leaving, Vacating] {
            for (replicas, unavailable) in takes_over.clone() {
                let mut rig = Rig::serving(4);
                rig.leave("app:2", None, first);
                let one = (second == Vacating).then_some(1);
                rig.leave("app:3", one, second);
                let size = |pods: i64| Some(RawSize::Int(pods));
                let strategy = UpdateStrategy {
                    batch_size: size(1),
                    max_unavailable: unavailable.and_then(size),
                    ..rig::one_by_one()
                };
                let template = Some(rig::template("app:4"));
                let flow = rig.order("update", Some(replicas), template, strategy);
                let what = format!("{first:?}, {second:?}, {replicas} pods, {unavailable:?}");
                rig.until(|rig| rig.progress(&flow).hold().is_some() || rig.phase(&flow).is_final());
                assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}: {:?}", rig.host.sim());
                rig.for_seconds(5);
                let workload = rig.workload().expect("it stays");
                let new = workload.active().filter(|pod| pod.serves() && pod.template.image == "app:4");
                assert_eq!(i64::try_from(new.count()), Ok(replicas), "{what}");
            }
        }
    }
}

/// A flow that has ended rests: nothing is written any more.
#[test]
fn a_world_at_rest_is_left_alone() {
    let mut rig = Rig::new();
    let flow = rig.create(2);
    rig.until_ended();
    rig.for_seconds(10);
    let before = rig.host.sim().world().sequence();
    assert_eq!(rig.advance(&flow), Rest::Done);
    rig.for_seconds(600);
    assert_eq!(rig.host.sim().world().sequence(), before);
}
