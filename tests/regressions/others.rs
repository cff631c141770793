//! What others change of a workload while a flow runs: sizes, partitions, pods that they name.

use triton_core::model::{
    FailureClass, FlowId, FlowPhase, HoldReason, RawSize, Seconds, Stage, UpdateStrategy,
};
use triton_core::service::DeployApi;
use triton_core::sim::cloneset::UpdatePolicy;
use triton_core::sim::{Mishap, Pod, Workload};

use super::rig::{self, Rig, instance, ready};

/// So many pods serve, and an update of them with a canary of one is in this stage, with a new pod where it has one.
fn canary_at(pods: u32, stage: Stage, drain: i32) -> (Rig, FlowId) {
    exchanging_at(pods, stage, canary(drain))
}

/// A canary with `maxUnavailable`: old pods leave first. With 0 it is left out: new pods start first.
fn canary_with(pods: u32, stage: Stage, unavailable: u32) -> (Rig, FlowId) {
    let unavailable = (unavailable > 0).then(|| RawSize::Int(unavailable.into()));
    exchanging_at(pods, stage, UpdateStrategy { max_unavailable: unavailable, ..canary(1) })
}

/// A canary of one, each gate agreed to by a person.
fn canary(drain: i32) -> UpdateStrategy {
    UpdateStrategy {
        canary: Some(1),
        mode: Some("manual".into()),
        drain_seconds: Some(drain),
        ..rig::one_by_one()
    }
}

/// The same with another strategy.
fn exchanging_at(pods: u32, stage: Stage, strategy: UpdateStrategy) -> (Rig, FlowId) {
    let mut rig = Rig::serving(pods);
    let flow = rig.order("update", None, Some(rig::template("app:2")), strategy);
    rig.until(|rig| {
        let there = rig.stage(&flow) == Some(stage);
        if !there {
            agree(rig, &flow);
        }
        there && rig.workload().is_some_and(|workload| workload.active().any(is_new))
    });
    (rig, flow)
}

/// A person agrees, where one is asked.
fn agree(rig: &Rig, flow: &FlowId) {
    drop(ready(rig.service.next(flow, None)));
}

fn until_ended(rig: &mut Rig, flow: &FlowId) {
    rig.until(|rig| {
        agree(rig, flow);
        rig.phase(flow).is_final()
    });
}

fn is_new(pod: &Pod) -> bool {
    pod.template.image == "app:2"
}

fn new_serving(workload: &Workload) -> u32 {
    let new = workload.active().filter(|pod| pod.serves() && is_new(pod));
    u32::try_from(new.count()).expect("a few")
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
    let stages = stages.into_iter().flat_map(|stage| [(stage, 0), (stage, 1)]);
    for (before, size, partition, times) in numbers {
        for (stage, unavailable) in stages.clone() {
            let (mut rig, flow) = canary_with(before, stage, unavailable);
            let what = format!(
                "{before} to {size:?}, {partition:?}, {times} times at {stage:?}, {unavailable} unavailable"
            );
            for time in 1..=times {
                let edited = rig.host.sim().world().edit(&instance(), |workload| {
                    workload.replicas = size.unwrap_or(workload.replicas);
                    workload.partition = partition.unwrap_or(workload.partition);
                });
                assert!(edited);
                for _ in 0..120 {
                    rig.for_seconds(1);
                    let workload = rig.workload().expect("it serves");
                    assert!(new_serving(&workload) <= 1, "{what}: {} new pods serve", new_serving(&workload));
                }
                if time > 1 {
                    ready(rig.service.resume(&flow)).expect(&what);
                }
            }
            for _ in 0..120 {
                rig.for_seconds(1);
                let workload = rig.workload().expect("it serves");
                assert!(new_serving(&workload) <= 1, "{what}: {} new pods serve", new_serving(&workload));
            }
            let after = size.unwrap_or(before);
            let workload = rig.workload().expect("it serves");
            assert!(workload.serving() + unavailable >= after, "{what}: {} serve", workload.serving());
            until_ended(&mut rig, &flow);
            assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
            assert_eq!(new_serving(&rig.workload().expect("it serves")), after, "{what}");
        }
    }
}

/// What an autoscaler added to a flow that was paused, or held by failed pods, was of the new revision and served nobody
/// for as long as nobody resumed it.
#[test]
fn a_flow_that_is_stopped_follows_a_size_of_others_with_old_pods() {
    let stages = [
        (Stage::Smoking, false),
        (Stage::Smoking, true),
        (Stage::Smoked, false),
        (Stage::Proving, false),
        (Stage::Baked, false),
    ];
    let stages = stages.into_iter().flat_map(|stage| [(stage, 0), (stage, 1)]);
    for (before, size) in [(4, 6), (4, 12), (4, 3)] {
        for ((stage, fails), unavailable) in stages.clone() {
            let (mut rig, flow) = canary_with(before, stage, unavailable);
            let what =
                format!("{before} to {size} at {stage:?}, failing: {fails}, {unavailable} unavailable");
            let new = |workload: &Workload| workload.active().filter(|pod| is_new(pod)).count();
            if fails {
                rig.host.sim().world().set_mishaps(&[(Mishap::NeverReady, 1_000)]);
                let workload = rig.workload().expect("it is there");
                let canary = workload.active().find(|pod| is_new(pod)).expect("it starts");
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
            assert!(workload.serving() + unavailable >= size, "{what}: {} serve", workload.serving());
            assert!(new(&workload) <= 1, "{what}: {} new pods", new(&workload));
            rig.heal();
            ready(rig.service.resume(&flow)).expect(&what);
            until_ended(&mut rig, &flow);
            assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
            assert_eq!(new(&rig.workload().expect("it serves")), size as usize, "{what}");
        }
    }
}

/// A size of one took the last old pod beside a new one that nobody had agreed to; once the size was back, all pods were
/// new and none of them served. Where the flow waited for its next batch, it ended instead, and all pods became new.
#[test]
fn a_size_of_one_leaves_an_old_pod_while_somebody_is_to_be_asked() {
    for stage in [Stage::Smoking, Stage::Smoked, Stage::Proving, Stage::Baked] {
        for (paused, unavailable) in [(false, 1), (true, 1), (false, 0), (true, 0)] {
            let (mut rig, flow) = canary_with(4, stage, unavailable);
            let what = format!("{stage:?}, paused: {paused}, {unavailable} unavailable");
            if paused {
                ready(rig.service.pause(&flow)).expect(&what);
                rig.for_seconds(5);
            }
            for size in [1, 4] {
                assert!(rig.host.sim().world().scale_by_hand(&instance(), size));
                rig.for_seconds(120);
                let workload = rig.workload().expect("it serves");
                let serve = workload.serving();
                assert!(serve >= size.saturating_sub(unavailable).max(1), "{what}: {serve} serve of {size}");
                let new = new_serving(&workload);
                assert!(new <= u32::from(stage > Stage::Smoked), "{what}: {new} new of {size}");
            }
            assert!(rig.stage(&flow).is_some(), "{what}: it has ended");
            if paused {
                ready(rig.service.resume(&flow)).expect(&what);
            }
            until_ended(&mut rig, &flow);
            assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
            assert_eq!(new_serving(&rig.workload().expect("it serves")), 4, "{what}");
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
                let (mut rig, flow) = canary_at(size, stage, 1);
                let what = format!("a pod of {size} at {stage:?}, new: {new}");
                let workload = rig.workload().expect("it serves");
                let named = workload.active().find(|pod| is_new(pod) == new).expect(&what);
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
                until_ended(&mut rig, &flow);
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
            let (mut rig, flow) = canary_at(6, stage, 10);
            let what = format!("cancelled at {stage:?}, {times} times every {every} s");
            ready(rig.service.cancel(&flow)).expect(&what);
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
                assert!(
                    new_serving(&workload) <= allowed,
                    "{what}: {} new pods serve",
                    new_serving(&workload)
                );
            }
            assert_eq!(rig.phase(&flow), FlowPhase::Canceled, "{what}");
            let workload = rig.workload().expect("it serves");
            assert_eq!((workload.replicas, workload.serving()), (6, 6), "{what}");
        }
    }
}

/// Whoever makes a CloneSet update in place in the middle of a flow has pods changed in traffic: the flow did not notice,
/// went on as before, and waited for good beside a type that exchanges nothing.
#[test]
fn a_flow_stands_still_for_as_long_as_others_have_its_pods_exchanged_in_another_way() {
    for (stage, unavailable) in [
        (Stage::Smoking, None),
        (Stage::Smoked, None),
        (Stage::Smoked, Some(1)),
        (Stage::Proving, Some(1)),
        (Stage::Baked, None),
        (Stage::Baked, Some(1)),
    ] {
        let strategy = UpdateStrategy { max_unavailable: unavailable.map(RawSize::Int), ..canary(1) };
        let (mut rig, flow) = exchanging_at(4, stage, strategy);
        let what = format!("{stage:?}, maxUnavailable {unavailable:?}");
        let pods = |rig: &Rig| {
            let workload = rig.workload().expect("it serves");
            let pods = workload.active().map(|pod| (pod.uid.clone(), pod.revision.clone()));
            pods.collect::<std::collections::BTreeSet<_>>()
        };
        let becomes = |rig: &Rig, policy| {
            assert!(rig.host.sim().world().edit(&instance(), |workload| workload.policy = policy));
        };
        becomes(&rig, UpdatePolicy::InPlaceIfPossible);
        rig.for_seconds(60);
        let before = pods(&rig);
        for _ in 0..3 {
            agree(&rig, &flow);
            ready(rig.service.resume(&flow)).expect(&what);
            rig.for_seconds(20);
            let hold = rig.progress(&flow).hold().expect(&what);
            assert_eq!(hold.reason, HoldReason::Drift, "{what}");
        }
        assert_eq!(pods(&rig), before, "{what}");
        becomes(&rig, UpdatePolicy::ReCreate);
        rig.for_seconds(5);
        ready(rig.service.resume(&flow)).expect(&what);
        until_ended(&mut rig, &flow);
        assert_eq!(rig.phase(&flow), FlowPhase::Success, "{what}");
        assert_eq!(new_serving(&rig.workload().expect("it serves")), 4, "{what}");
    }
}

/// Pods left without a drain, and while they took traffic, where others took the hooks off in the middle of a flow.
#[test]
fn hooks_that_others_take_off_are_put_back_before_a_pod_leaves() {
    let unhooked = |workload: &mut Workload| (workload.hook, workload.in_place_hook) = (false, false);
    for (stage, unavailable, cancels) in [
        (Stage::Smoking, None, false),
        (Stage::Smoked, None, false),
        (Stage::Proving, Some(1), false),
        (Stage::Baked, None, false),
        (Stage::Baked, None, true),
        (Stage::Proving, None, true),
    ] {
        let strategy = UpdateStrategy { max_unavailable: unavailable.map(RawSize::Int), ..canary(1) };
        let (mut rig, flow) = exchanging_at(4, stage, strategy);
        let what = format!("{stage:?}, maxUnavailable {unavailable:?}, cancelled: {cancels}");
        assert!(rig.host.sim().world().edit(&instance(), unhooked));
        if cancels {
            ready(rig.service.cancel(&flow)).expect(&what);
        }
        rig.until(|rig| {
            let workload = rig.workload().expect("it serves");
            let torn = workload.pods.iter().find(|pod| !pod.active() && pod.listed);
            assert!(torn.is_none(), "{what}: {:?} left in traffic", torn.map(|pod| &pod.name));
            agree(rig, &flow);
            rig.phase(&flow).is_final()
        });
        let wanted = if cancels { FlowPhase::Canceled } else { FlowPhase::Success };
        assert_eq!(rig.phase(&flow), wanted, "{what}");
        assert!(rig.workload().is_some_and(|workload| workload.hook), "{what}");
    }
}

/// Old pods that are not ready for long enough: the workload's controller kept ready new ones for as long, in traffic.
#[test]
fn a_cancel_takes_new_pods_out_at_once_also_where_old_ones_do_not_count_as_available() {
    // Pods, those of the first batch, and the size that the update brings.
    for (pods, batch, size) in [(4, 1, None), (4, 4, None), (6, 3, None), (6, 6, Some(3))] {
        let mut rig = Rig::serving(pods);
        let young = rig.host.sim().world().edit(&instance(), |workload| workload.min_ready = Seconds(300));
        assert!(young, "it is there");
        let strategy = UpdateStrategy { batch_size: Some(RawSize::Int(batch)), ..rig::one_by_one() };
        let flow = rig.order("update", size, Some(rig::template("app:2")), strategy);
        rig.until(|rig| rig.stage(&flow) == Some(Stage::Leaving));
        ready(rig.service.cancel(&flow)).expect("it runs");
        rig.for_seconds(10);
        let workload = rig.workload().expect("it is there");
        assert_eq!(new_serving(&workload), 0, "{pods} {batch} {size:?}");
        rig.until_ended();
        assert_eq!(rig.phase(&flow), FlowPhase::Canceled);
    }
}
