//! Defects of the original implementation, one test each, so that none of them comes back; and what goes
//! wrong with updates in place.

#[path = "regressions/in_place.rs"]
mod in_place;
#[path = "regressions/rig.rs"]
mod rig;

use rig::{Rig, instance, ready};
use triton_core::driver::Rest;
use triton_core::model::{
    Failure, FailureClass, FlowPhase, Progress, RawSize, Stage, UpdateStrategy, Verdict, WorkloadChange,
};
use triton_core::service::DeployApi;
use triton_core::sim::{Faults, Happening, Mishap, Workload};

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

/// Others who change numbers in the middle of a canary bring pods of the new revision: an autoscaler that grew the size,
/// a person who took the partition off. All of them took traffic once somebody had agreed to those of the canary.
#[test]
fn pods_that_numbers_of_others_bring_start_at_the_old_revision_and_serve() {
    // The pods before, and the size and partition that others give, so often.
    let numbers = [
        (4, Some(6), None, 1),
        (4, Some(12), None, 1),
        (2, Some(9), None, 1),
        (4, None, Some(0), 1),
        (4, None, Some(0), 2),
        (6, None, Some(1), 3),
    ];
    let stages = [Stage::Smoking, Stage::Smoked, Stage::Proving, Stage::Baked];
    for (before, size, partition, times) in numbers {
        for stage in stages {
            let mut rig = Rig::serving(before);
            let canary = UpdateStrategy { canary: Some(1), mode: Some("manual".into()), ..rig::one_by_one() };
            let flow = rig.order("update", None, Some(rig::template("app:2")), canary);
            let agrees = |rig: &Rig| drop(ready(rig.service.next(&flow, None)));
            rig.until(|rig| {
                let there = rig.stage(&flow) == Some(stage);
                if !there {
                    agrees(rig);
                }
                there
            });
            let what = format!("{before} to {size:?}, {partition:?}, {times} times at {stage:?}");
            let new = |workload: &Workload| {
                let new = workload.active().filter(|pod| pod.serves() && pod.template.image == "app:2");
                u32::try_from(new.count()).expect("a few")
            };
            for time in 1..=times {
                let edited = rig.host.sim().world().edit(&instance(), |workload| {
                    workload.replicas = size.unwrap_or(workload.replicas);
                    workload.partition = partition.unwrap_or(workload.partition);
                });
                assert!(edited);
                for _ in 0..120 {
                    rig.for_seconds(1);
                    let workload = rig.workload().expect("it serves");
                    assert!(new(&workload) <= 1, "{what}: {} new pods serve", new(&workload));
                }
                if time > 1 {
                    ready(rig.service.resume(&flow)).expect(&what);
                }
            }
            for _ in 0..120 {
                rig.for_seconds(1);
                let workload = rig.workload().expect("it serves");
                assert!(new(&workload) <= 1, "{what}: {} new pods serve", new(&workload));
            }
            let after = size.unwrap_or(before);
            let workload = rig.workload().expect("it serves");
            assert!(workload.serving() >= after, "{what}: {} serve", workload.serving());
            rig.until(|rig| {
                agrees(rig);
                rig.phase(&flow).is_final()
            });
            assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
            assert_eq!(new(&rig.workload().expect("it serves")), after, "{what}");
        }
    }
}

/// What an autoscaler added to a flow that was paused, or held by failed pods, was of the new revision and served nobody
/// for as long as nobody resumed it.
#[test]
fn a_flow_that_is_stopped_follows_a_size_of_others_with_old_pods() {
    for (before, size) in [(4, 6), (4, 12), (4, 3)] {
        for (stage, fails) in [
            (Stage::Smoking, false),
            (Stage::Smoking, true),
            (Stage::Smoked, false),
            (Stage::Proving, false),
            (Stage::Baked, false),
        ] {
            let mut rig = Rig::serving(before);
            let canary = UpdateStrategy { canary: Some(1), mode: Some("manual".into()), ..rig::one_by_one() };
            let flow = rig.order("update", None, Some(rig::template("app:2")), canary);
            let what = format!("{before} to {size} at {stage:?}, failing: {fails}");
            let new = |pods: &Workload| pods.active().filter(|pod| pod.template.image == "app:2").count();
            rig.until(|rig| {
                let there = rig.stage(&flow) == Some(stage);
                if !there {
                    drop(ready(rig.service.next(&flow, None)));
                }
                there && rig.workload().is_some_and(|workload| new(&workload) > 0)
            });
            if fails {
                rig.host.sim().world().set_mishaps(&[(Mishap::NeverReady, 1_000)]);
                let workload = rig.workload().expect("it is there");
                let canary = workload.active().find(|pod| pod.template.image == "app:2").expect("it starts");
                let (id, uid) = (instance(), canary.uid.clone());
                assert!(rig.host.sim().world().break_pod(&id, &uid, FailureClass::CrashLoop));
                rig.until(|rig| rig.progress(&flow).hold().is_some());
            } else {
                ready(rig.service.pause(&flow)).expect(&what);
            }
            rig.for_seconds(5);
            rig.host.sim().world().set_mishaps(&[]);
            assert!(rig.host.sim().world().scale_by_hand(&instance(), size));
            rig.for_seconds(120);
            let workload = rig.workload().expect("it serves");
            assert_eq!(rig.stage(&flow), Some(stage), "{what}");
            assert!(workload.serving() >= size, "{what}: {} serve", workload.serving());
            assert!(new(&workload) <= 1, "{what}: {} new pods", new(&workload));
            rig.heal();
            ready(rig.service.resume(&flow)).expect(&what);
            rig.until(|rig| {
                drop(ready(rig.service.next(&flow, None)));
                rig.phase(&flow).is_final()
            });
            assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
            assert_eq!(new(&rig.workload().expect("it serves")), size as usize, "{what}");
        }
    }
}

/// The pod that came in place of an old one that others had named to be deleted counted as one more that others wanted:
/// the flow asked for one more each time, without end.
#[test]
fn a_pod_that_others_name_to_be_deleted_is_replaced_once_in_every_stage() {
    for size in [3, 6] {
        for stage in [Stage::Smoking, Stage::Smoked, Stage::Proving, Stage::Leaving, Stage::Baked] {
            for new in [false, true] {
                let mut rig = Rig::serving(size);
                let canary =
                    UpdateStrategy { canary: Some(1), mode: Some("manual".into()), ..rig::one_by_one() };
                let flow = rig.order("update", None, Some(rig::template("app:2")), canary);
                rig.until(|rig| {
                    let there = rig.stage(&flow) == Some(stage);
                    if !there {
                        drop(ready(rig.service.next(&flow, None)));
                    }
                    let begun =
                        |workload: Workload| workload.active().any(|pod| pod.template.image == "app:2");
                    there && rig.workload().is_some_and(begun)
                });
                let what = format!("a pod of {size} at {stage:?}, new: {new}");
                let workload = rig.workload().expect("it serves");
                let named =
                    workload.active().find(|pod| (pod.template.image == "app:2") == new).expect(&what);
                let (name, uid) = (named.name.clone(), named.uid.clone());
                assert!(rig.host.sim().world().list_to_delete(&instance(), name));
                for _ in 0..120 {
                    rig.for_seconds(1);
                    let workload = rig.workload().expect("it serves");
                    let asked = workload.replicas;
                    assert!(asked <= size + 1, "{what}: {asked} pods are asked for");
                    assert!(workload.serving() >= size - 1, "{what}: {} serve", workload.serving());
                }
                // The controller takes no serving pod away while the canary does not serve.
                let waits = !new && rig.stage(&flow) == Some(Stage::Smoked);
                let workload = rig.workload().expect("it serves");
                let there = workload.active().any(|pod| pod.uid == uid);
                assert_eq!(there, waits, "{what}: whether it is there still");
                assert!(workload.serving() >= size, "{what}: {} serve", workload.serving());
                rig.until(|rig| {
                    drop(ready(rig.service.next(&flow, None)));
                    rig.phase(&flow).is_final()
                });
                assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
                let workload = rig.workload().expect("it serves");
                assert_eq!((workload.replicas, workload.serving()), (size, size), "{what}");
            }
        }
    }
}

/// While a cancelled flow closes, a partition that others set brought new pods; once the template before was back, all
/// of them took traffic.
#[test]
fn a_partition_that_others_set_while_a_cancelled_flow_closes_exposes_nothing() {
    for (stage, times, allowed) in
        [(Stage::Smoked, 1, 0), (Stage::Smoked, 9, 0), (Stage::Proving, 9, 1), (Stage::Baked, 9, 1)]
    {
        for every in [1, 2, 3, 5] {
            let mut rig = Rig::serving(6);
            let canary = UpdateStrategy {
                canary: Some(1),
                mode: Some("manual".into()),
                drain_seconds: Some(10),
                ..rig::one_by_one()
            };
            let flow = rig.order("update", None, Some(rig::template("app:2")), canary);
            rig.until(|rig| {
                let there = rig.stage(&flow) == Some(stage);
                if !there {
                    drop(ready(rig.service.next(&flow, None)));
                }
                there
            });
            let what = format!("cancelled at {stage:?}, {times} times every {every} s");
            ready(rig.service.cancel(&flow)).expect(&what);
            let new = |workload: &Workload| {
                workload.active().filter(|pod| pod.serves() && pod.template.image == "app:2").count()
            };
            for second in 0..300 {
                if second % every == 0 && second / every < times && !rig.phase(&flow).is_final() {
                    let edit = |workload: &mut Workload| {
                        (workload.partition, workload.paused) = (0, false);
                        (workload.surge, workload.unavailable) = (4 * (second % 2), 6 * (second % 2));
                    };
                    assert!(rig.host.sim().world().edit(&instance(), edit));
                }
                rig.for_seconds(1);
                let workload = rig.workload().expect("it serves");
                assert!(new(&workload) <= allowed, "{what}: {} new pods serve", new(&workload));
            }
            assert_eq!(rig.phase(&flow), FlowPhase::Canceled, "{what}");
            let workload = rig.workload().expect("it serves");
            assert_eq!((workload.replicas, workload.serving()), (6, 6), "{what}");
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
