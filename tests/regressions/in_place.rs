//! Updates in place: a pod keeps its name, identity and address, is out of traffic and drained before its
//! container is swapped, and is pulled in after.

use std::collections::BTreeMap;

use triton_core::model::{
    BatchPhase, FailureClass, FlowId, FlowPhase, PodUid, RawSize, Seconds, Stage, Target, Traffic,
    UpdateStrategy,
};
use triton_core::service::DeployApi;
use triton_core::sim::cloneset::{
    Lifecycle,
    UpdatePolicy::{self, InPlaceIfPossible, InPlaceOnly},
};
use triton_core::sim::{Happening, Pod, Workload};

use super::rig::{Rig, instance, one_by_one, ready, template};

#[test]
fn every_pod_is_out_and_drained_before_its_container_is_swapped_and_in_after() {
    for policy in [InPlaceIfPossible, InPlaceOnly] {
        let mut web = Web::new(3, policy, true);
        let flow = web.rig.update(3);
        web.until_ended();
        assert_eq!(web.rig.phase(&flow), FlowPhase::Success);
        assert_eq!((web.swaps, web.same_pods(), web.run("app:2")), (3, true, 3));
        assert_eq!((web.least, web.serving()), (2, 3), "one at a time is missing");
        let workload = web.workload();
        assert!(workload.pods.iter().all(|pod| pod.restarts == 1 && pod.state == Lifecycle::Normal));
    }
}

#[test]
fn pods_without_the_gate_keep_going_without_it() {
    for batch in [1, 2] {
        let mut web = Web::new(3, InPlaceIfPossible, false);
        let flow = web.update(UpdateStrategy { batch_size: Some(RawSize::Int(batch)), ..one_by_one() });
        web.until_ended();
        assert_eq!(web.rig.phase(&flow), FlowPhase::Success);
        assert_eq!((web.swaps, web.same_pods(), web.run("app:2")), (3, true, 3));
        assert!(web.workload().pods.iter().all(|pod| !pod.gated() && pod.hooked));
        assert!(web.least >= 3 - u32::try_from(batch).expect("a few"), "only {} served", web.least);
    }
}

#[test]
fn no_pull_in_does_not_take_the_gate_from_pods_that_are_updated_in_place() {
    let mut web = Web::new(2, InPlaceOnly, true);
    let flow = web.update(UpdateStrategy { no_pull_in: Some(true), ..one_by_one() });
    web.until_ended();
    assert_eq!(web.rig.phase(&flow), FlowPhase::Success);
    assert!(web.same_pods() && web.workload().pods.iter().all(Pod::gated));
}

#[test]
fn a_canary_that_was_swapped_stays_out_of_traffic_until_a_person_agrees() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    let flow = web.update(UpdateStrategy { canary: Some(1), ..one_by_one() });
    web.until(|web| web.rig.stage(&flow) == Some(Stage::Smoked));
    web.for_seconds(60);
    assert_eq!((web.rig.stage(&flow), web.swaps, web.serving()), (Some(Stage::Smoked), 1, 2));
    ready(web.rig.service.next(&flow, None)).expect("it waits for a person");
    web.until(|web| web.rig.stage(&flow) == Some(Stage::Proving));
    assert_eq!(web.serving(), 3);
    ready(web.rig.service.go_to(&flow, last())).expect("it can go on");
    web.until_ended();
    assert_eq!((web.rig.phase(&flow), web.swaps), (FlowPhase::Success, 3));
}

#[test]
fn a_rollback_swaps_the_containers_back() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    web.rig.update(3);
    web.until_ended();
    let back = web.rig.order("rollback", Some(3), Some(template("app:1")), one_by_one());
    web.until_ended();
    assert_eq!(web.rig.phase(&back), FlowPhase::Success);
    assert_eq!((web.swaps, web.same_pods(), web.run("app:1")), (6, true, 3));
}

/// The controller, told to pause, neither swaps such a pod nor returns it: it was out of service until the
/// flow went on.
#[test]
fn a_pod_that_was_out_for_its_update_returns_to_traffic_while_the_flow_is_paused() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    let flow = web.update(UpdateStrategy { drain_seconds: Some(5), ..one_by_one() });
    web.until(|web| web.serving() == 2);
    ready(web.rig.service.pause(&flow)).expect("a running flow can be paused");
    web.for_seconds(60);
    assert_eq!((web.swaps, web.serving()), (0, 3));
    ready(web.rig.service.resume(&flow)).expect("a paused flow can be resumed");
    web.until_ended();
    assert_eq!((web.rig.phase(&flow), web.swaps, web.same_pods()), (FlowPhase::Success, 3, true));
}

/// The flow waited for a pod that the controller, with the partition raised again, would never let go of.
#[test]
fn cancel_returns_a_pod_that_was_out_for_its_update_untouched() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    let flow = web.update(UpdateStrategy { drain_seconds: Some(30), ..one_by_one() });
    web.until(|web| web.serving() == 2);
    web.cancel(&flow);
    assert_eq!((web.swaps, web.serving(), web.run("app:1")), (0, 3, 3));
    assert!(web.workload().pods.iter().all(|pod| pod.restarts == 0), "no container restarted");
}

#[test]
fn cancel_keeps_the_pods_of_finished_batches_and_swaps_those_of_the_current_one_back() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    let flow = web.rig.update(3);
    web.until(|web| web.swaps == 2);
    assert_eq!(web.rig.batch(&flow), Some(2));
    web.cancel(&flow);
    assert_eq!((web.same_pods(), web.serving(), web.swaps), (true, 3, 3));
    assert_eq!(web.run("app:2"), 1);
    assert_eq!(web.workload().template.image, "app:1", "a later scale-out starts what serves");
}

#[test]
fn a_cancelled_update_that_reverts_swaps_every_container_back() {
    let mut web = Web::new(3, InPlaceIfPossible, true);
    let flow = web.update(UpdateStrategy { cancel_policy: Some("revert".into()), ..one_by_one() });
    web.until(|web| web.swaps == 2);
    web.cancel(&flow);
    assert_eq!((web.same_pods(), web.serving(), web.run("app:1")), (true, 3, 3));
}

/// A new pod of the new revision took the place of the lost one, so the controller wanted no old pod less:
/// the one that it had chosen was out of service, and waited for, for good.
#[test]
fn a_pod_lost_beside_one_that_is_out_for_its_update_lets_that_one_return() {
    for gated in [true, false] {
        let mut web = Web::new(4, InPlaceIfPossible, gated);
        let flow = web.update(UpdateStrategy { drain_seconds: Some(5), canary: Some(1), ..one_by_one() });
        web.until(|web| web.chosen().is_some());
        let chosen = web.chosen();
        let other =
            web.workload().active().map(|pod| pod.uid.clone()).find(|uid| Some(uid) != chosen.as_ref());
        web.rig.host.sim().world().lose_pod(&instance(), &other.expect("four pods"));
        web.until(|web| {
            web.rig.stage(&flow) == Some(Stage::Smoked) || web.rig.stage(&flow) == Some(Stage::Proving)
        });
        web.for_seconds(30);
        assert!(web.serving() >= 3, "{:?}", web.workload());
        ready(web.rig.service.go_to(&flow, last())).expect("it can go on");
        web.until_ended();
        assert_eq!((web.rig.phase(&flow), web.serving()), (FlowPhase::Success, 4));
        assert_eq!(web.run("app:2"), 4);
    }
}

/// The controller took another of the pods that nobody can ask out of traffic than the one that was let go,
/// and each waited for the other.
#[test]
fn of_ungated_pods_that_are_too_many_to_be_updated_whichever_is_wanted_goes() {
    for lost in 0..4 {
        let mut web = Web::new(4, InPlaceIfPossible, false);
        web.get_ready_one_after_the_other();
        let flow = web.update(UpdateStrategy { batch_size: Some(RawSize::Int(3)), ..one_by_one() });
        web.until(|web| web.prepared() == 3);
        let uid = web.workload().pods[lost].uid.clone();
        web.rig.host.sim().world().lose_pod(&instance(), &uid);
        web.until_ended();
        assert_eq!((web.rig.phase(&flow), web.run("app:2")), (FlowPhase::Success, 4), "{lost}");
    }
}

#[test]
fn a_crash_at_any_moment_leaves_no_pod_behind() {
    for at in 0..12 {
        let mut web = Web::new(2, InPlaceIfPossible, true);
        let flow = web.rig.update(2);
        web.for_seconds(at);
        web.rig.crash();
        web.until_ended();
        assert_eq!((web.rig.phase(&flow), web.swaps, web.same_pods()), (FlowPhase::Success, 2, true), "{at}");
    }
}

#[test]
fn what_differs_in_more_than_images_is_recreated_or_refused() {
    let mut other = template("app:2");
    other["spec"]["containers"][0]["args"] = serde_json::json!(["--new"]);
    let mut web = Web::new(2, InPlaceIfPossible, true);
    let flow = web.rig.order("update", Some(2), Some(other.clone()), one_by_one());
    web.until_ended();
    assert_eq!((web.rig.phase(&flow), web.swaps, web.serving()), (FlowPhase::Success, 0, 2));
    assert!(web.workload().pods.iter().all(|pod| !web.before.contains_key(&pod.uid)));

    let mut only = Web::new(2, InPlaceOnly, true);
    let flow = only.rig.order("update", Some(2), Some(other), one_by_one());
    only.for_seconds(60);
    assert_eq!((only.swaps, only.serving(), only.run("app:1")), (0, 2, 2));
    assert!(!only.rig.phase(&flow).is_final(), "the refusal is tried again until somebody cancels");
    only.cancel(&flow);
    assert_eq!((only.serving(), only.run("app:1")), (2, 2));
}

/// The canary batch is agreed to, and all that comes after.
const fn last() -> Target {
    Target { batch: 2, phase: BatchPhase::Smoking }
}

/// A workload that is updated in place, and what was seen of it so far.
struct Web {
    rig: Rig,
    /// The pods before, with their addresses.
    before: BTreeMap<PodUid, String>,
    /// Containers swapped.
    swaps: usize,
    /// Fewest pods that served at the end of a turn.
    least: u32,
}

impl Web {
    fn new(replicas: u32, policy: UpdatePolicy, gated: bool) -> Self {
        let rig = Rig::with(replicas, policy, gated);
        rig.host.sim().world().keep_journal(true);
        let mut web = Self { rig, before: BTreeMap::new(), swaps: 0, least: replicas };
        web.before = web.pods();
        web
    }

    fn update(&mut self, strategy: UpdateStrategy) -> FlowId {
        let size = i64::try_from(self.before.len()).expect("a few");
        self.rig.order("update", Some(size), Some(template("app:2")), strategy)
    }

    fn cancel(&mut self, flow: &FlowId) {
        ready(self.rig.service.cancel(flow)).expect("a running flow can be cancelled");
        self.until_ended();
        assert_eq!(self.rig.phase(flow), FlowPhase::Canceled);
        self.until(|web| web.serving() == web.workload().replicas);
    }

    /// Carries on until something is so; no pod is ever swapped in traffic, or served by its old container
    /// after.
    fn until(&mut self, mut is_so: impl FnMut(&Self) -> bool) {
        for _ in 0..30_000 {
            if is_so(self) {
                return;
            }
            self.turn();
        }
        panic!("it never comes to that: {:?}", self.rig.host.sim());
    }

    fn until_ended(&mut self) {
        self.until(|web| {
            let free = web.workload().lock.is_none();
            free && web.rig.flows().iter().all(|flow| web.rig.phase(flow).is_final())
        });
    }

    fn for_seconds(&mut self, seconds: u32) {
        let end = self.rig.host.sim().world().now().plus(Seconds(seconds));
        while self.rig.host.sim().world().now() < end {
            self.turn();
        }
    }

    fn turn(&mut self) {
        self.rig.once();
        let mut world = self.rig.host.sim().world();
        for happening in world.journal() {
            let Happening::Swapped { pod, traffic, steered, .. } = happening else { continue };
            self.swaps += 1;
            let drained = matches!(traffic, Traffic::Out { lasts } if *lasts >= Seconds(1).into());
            assert!(
                !steered || drained,
                "{pod:?} was swapped in traffic, or before it was drained: {traffic:?}"
            );
        }
        world.empty_journal();
        drop(world);
        let workload = self.workload();
        let early = workload.active().find(|pod| !pod.swapped && pod.serves());
        assert!(early.is_none(), "{early:?} serves with its old container");
        self.least = self.least.min(workload.serving());
    }

    /// The controller goes by how long pods are ready.
    fn get_ready_one_after_the_other(&mut self) {
        for uid in self.pods().into_keys() {
            let mut world = self.rig.host.sim().world();
            world.break_pod(&instance(), &uid, FailureClass::CrashLoop);
            drop(world);
            self.for_seconds(1);
            self.rig.heal();
            self.until(|web| web.serving() == 4);
        }
    }

    fn workload(&self) -> Workload {
        self.rig.workload().expect("it stays")
    }

    fn serving(&self) -> u32 {
        self.workload().serving()
    }

    fn pods(&self) -> BTreeMap<PodUid, String> {
        self.workload().active().map(|pod| (pod.uid.clone(), pod.ip.to_string())).collect()
    }

    fn same_pods(&self) -> bool {
        self.pods() == self.before
    }

    /// How many pods run this image.
    fn run(&self, image: &str) -> usize {
        self.workload().active().filter(|pod| pod.swapped && pod.template.image == image).count()
    }

    fn prepared(&self) -> usize {
        self.workload().active().filter(|pod| pod.state == Lifecycle::PreparingUpdate).count()
    }

    fn chosen(&self) -> Option<PodUid> {
        let workload = self.workload();
        let chosen = workload.active().find(|pod| pod.state == Lifecycle::PreparingUpdate);
        chosen.map(|pod| pod.uid.clone())
    }
}
