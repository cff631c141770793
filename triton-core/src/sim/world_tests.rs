use serde_json::json;

use super::super::cloneset::UpdatePolicy;
use super::*;
use crate::model::{FailureClass, InstanceName, Namespace, PodPhase, PodUid, Template};

#[test]
fn revisions_are_named_after_the_instance_and_the_same_template_has_the_same() {
    let world = serving(3);
    let workload = world.workload(&instance()).expect("it is there");
    let revision = workload.template_revision();
    let hash = revision.as_str().strip_prefix("12122-sample-10010-").expect("named after the instance");
    assert_eq!(hash.len(), 10);
    assert_eq!(serving(3).workload(&instance()).map(Workload::template_revision), Some(revision));
}

#[test]
fn a_lost_pod_is_replaced_by_one_of_another_identity_that_boots_and_stays_out_of_traffic() {
    let mut world = serving(3);
    let lost = first(&world);
    assert!(world.lose_pod(&instance(), &lost));
    world.advance_by(Seconds(60));
    let workload = world.workload(&instance()).expect("it is there");
    assert_eq!((workload.active_count(), workload.serving()), (3, 2));
    assert!(workload.pod(&lost).is_none());
    let newest = workload.active().last().expect("three pods");
    assert_eq!((newest.phase(), newest.listed), (PodPhase::ContainersReady, false));
    assert!(newest.name.as_str().starts_with("12122-sample-10010-"));
}

#[test]
fn a_pod_made_anew_under_its_old_name_is_another_pod() {
    let mut world = serving(2);
    let lost = first(&world);
    let name = world.workload(&instance()).and_then(|w| w.pod(&lost)).map(|pod| pod.name.clone());
    assert!(world.recreate_pod(&instance(), &lost));
    world.advance_by(Seconds(60));
    let workload = world.workload(&instance()).expect("it is there");
    let again = workload.active().find(|pod| Some(&pod.name) == name.as_ref()).expect("same name");
    assert_ne!(again.uid, lost);
}

#[test]
fn the_endpoints_follow_the_gate_with_a_delay_and_are_moving_until_then() {
    let mut world = serving(1);
    let uid = first(&world);
    world.change_pod(&instance(), &uid, |pod| pod.gate = Some(false));
    let traffic = |world: &World| {
        let pod = world.workload(&instance()).and_then(|w| w.pod(&uid)).expect("there");
        shown(pod, world.now())
    };
    assert_eq!(traffic(&world), Traffic::Moving);
    world.advance_by(Seconds(5));
    assert!(matches!(traffic(&world), Traffic::Out { lasts } if lasts < Seconds(5).into()));
    world.change_pod(&instance(), &uid, |pod| pod.gate = Some(true));
    world.advance_by(Seconds(5));
    assert_eq!(traffic(&world), Traffic::In);
}

#[test]
fn every_mishap_shows_and_is_over_after_repair() {
    let classes = [FailureClass::ImagePull, FailureClass::Unschedulable, FailureClass::CrashLoop];
    let mishaps = classes.map(Mishap::Fails).into_iter().chain(classes.map(Mishap::Heals));
    let mishaps = mishaps.chain([Mishap::NeverReady, Mishap::Flaps]);
    for mishap in mishaps {
        let mut world = serving(0);
        world.set_mishaps(&[(mishap, 1000)]);
        world.scale_by_hand(&instance(), 2);
        world.advance_by(Seconds(30));
        let workload = world.workload(&instance()).expect("it is there");
        let pods: Vec<&Pod> = workload.active().collect();
        assert_eq!(pods.len(), 2);
        match mishap {
            Mishap::Fails(class) => {
                assert!(pods.iter().all(|pod| pod.failure.as_ref().is_some_and(|f| f.class == class)));
            }
            // Within a minute of its failure it runs.
            Mishap::Heals(_) => {
                let mut later = serving(0);
                later.set_mishaps(&[(mishap, 1000)]);
                later.scale_by_hand(&instance(), 2);
                later.advance_by(Seconds(70));
                let workload = later.workload(&instance()).expect("it is there");
                assert!(workload.active().all(|pod| pod.booted && pod.failure.is_none()), "{mishap:?}");
            }
            Mishap::NeverReady => assert!(pods.iter().all(|pod| pod.phase() == PodPhase::Running)),
            Mishap::Flaps => assert!(pods.iter().any(|pod| pod.restarts > 0)),
        }
        world.repair(&instance());
        world.advance_by(Seconds(30));
        assert!(world.workload(&instance()).expect("there").active().all(|pod| pod.booted), "{mishap:?}");
    }
}

#[test]
fn a_pod_whose_label_would_be_too_long_is_never_made_and_the_controller_says_so() {
    for (length, short_hash, made) in [(52, false, true), (53, false, false), (53, true, true)] {
        let id = InstanceId { name: "a".repeat(length).parse().expect("a name"), ..instance() };
        let mut world = serving(0);
        world.add_workload(NewWorkload { id: id.clone(), ..new(0) });
        world.edit(&id, |workload| (workload.short_hash, workload.replicas) = (short_hash, 2));
        world.advance_by(Seconds(60));
        let workload = world.workload(&id).expect("it is there");
        assert_eq!(workload.active_count(), if made { 2 } else { 0 }, "{length} {short_hash}");
        let trouble = workload.trouble.as_deref().unwrap_or_default();
        assert_eq!(trouble.contains("must be no more than 63 bytes"), !made, "{trouble}");
        assert_eq!(world.next_event(), None, "it does not try again and again");
    }
}

#[test]
fn a_dead_controller_does_nothing_until_it_is_revived() {
    let mut world = serving(2);
    world.stall_controller(&instance(), Seconds(1_000));
    world.scale_by_hand(&instance(), 4);
    world.advance_by(Seconds(60));
    let workload = world.workload(&instance()).expect("it is there");
    assert_eq!((workload.active_count(), workload.observed_latest()), (2, false));
    world.revive_controller(&instance());
    world.advance_by(Seconds(60));
    let workload = world.workload(&instance()).expect("it is there");
    assert_eq!((workload.active_count(), workload.observed_latest()), (4, true));
}

#[test]
fn scaling_in_by_hand_marks_labelled_pods_and_removes_others() {
    let mut world = serving(3);
    world.scale_by_hand(&instance(), 2);
    world.advance_by(Seconds(60));
    let workload = world.workload(&instance()).expect("it is there");
    assert_eq!((workload.active_count(), workload.active().filter(|pod| pod.marked()).count()), (3, 1));
    let uid = workload.active().find(|pod| pod.marked()).map(|pod| pod.uid.clone()).expect("one");
    world.change_pod(&instance(), &uid, |pod| pod.hooked = false);
    world.advance_by(Seconds(60));
    assert_eq!(world.workload(&instance()).expect("there").active_count(), 2);
}

#[test]
fn a_deleted_workload_takes_its_pods_along() {
    let mut world = serving(3);
    assert!(world.delete_workload(&instance()));
    world.advance_by(Seconds(60));
    assert!(world.workload(&instance()).is_none());
    assert_eq!(world.next_event(), None);
}

#[test]
fn a_world_at_rest_has_nothing_due() {
    let mut world = serving(3);
    world.advance_by(Seconds(60));
    let sequence = world.sequence();
    assert_eq!(world.next_event(), None);
    world.advance_by(Seconds(3_600));
    assert_eq!(world.sequence(), sequence);
}

fn instance() -> InstanceId {
    InstanceId {
        namespace: Namespace::new("default").expect("a name"),
        name: InstanceName::new("12122-sample-10010").expect("a name"),
    }
}

/// A world with a workload of triton's whose pods serve.
fn serving(replicas: u32) -> World {
    let mut world = World::new(5, Timing::default());
    world.add_workload(new(replicas));
    assert_eq!(world.serving(&instance()), replicas);
    world
}

fn new(replicas: u32) -> NewWorkload {
    NewWorkload {
        id: instance(),
        template: Template::from_json(&json!({ "spec": { "containers": [{ "image": "nginx" }] } })),
        replicas,
        gated: true,
        hooked: true,
        policy: UpdatePolicy::ReCreate,
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
    }
}

fn first(world: &World) -> PodUid {
    world.workload(&instance()).and_then(|w| w.active().next()).map(|pod| pod.uid.clone()).expect("a pod")
}
