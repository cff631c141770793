use super::*;
use crate::world::cache::Key;
use crate::world::container::Main;
use crate::world::endpoints::Endpoint;
use triton_core::model::PodPhase;

#[test]
fn a_pod_is_in_only_when_every_family_of_every_service_shows_it() {
    let both = service("web", &["IPv4", "IPv6"]);
    assert_eq!(shown(&pod(true), std::slice::from_ref(&both), &[slice("web", "IPv4", true)]), Shown::Moving);
    let slices = [slice("web", "IPv4", true), slice("web", "IPv6", true)];
    assert_eq!(shown(&pod(true), std::slice::from_ref(&both), &slices), Shown::In);
    assert_eq!(shown(&pod(true), &[both, service("api", &["IPv4"])], &slices), Shown::Moving);
}

#[test]
fn a_pod_is_out_only_when_no_slice_shows_it_and_it_is_not_ready() {
    let services = [service("web", &["IPv4"])];
    assert_eq!(shown(&pod(false), &services, &[slice("web", "IPv4", true)]), Shown::Moving);
    assert_eq!(shown(&pod(false), &services, &[slice("web", "IPv4", false)]), Shown::Out);
    assert_eq!(shown(&pod(false), &services, &[]), Shown::Out);
    let lagging = PodEntry { ready: true, ..pod(false) };
    assert_eq!(shown(&lagging, &services, &[slice("web", "IPv4", false)]), Shown::Moving);
}

#[test]
fn an_endpoint_of_another_pod_of_that_name_shows_nothing() {
    let mut other = slice("web", "IPv4", true);
    other.endpoints[0].uid = "other-uid".into();
    assert_eq!(shown(&pod(true), &[service("web", &["IPv4"])], &[other]), Shown::Moving);
}

#[test]
fn without_a_service_the_gate_and_the_kubelet_tell() {
    assert_eq!(shown(&pod(true), &[], &[]), Shown::In);
    assert_eq!(shown(&pod(false), &[], &[]), Shown::Out);
    let unrelated =
        ServiceEntry { selector: [("app".to_owned(), "other".to_owned())].into(), ..service("x", &[]) };
    let external = ServiceEntry { external: true, ..service("y", &[]) };
    let manual = ServiceEntry { selector: BTreeMap::new(), ..service("z", &[]) };
    assert_eq!(shown(&pod(true), &[unrelated, external, manual], &[]), Shown::In);
}

#[test]
fn a_service_that_publishes_not_ready_pods_is_ignored_and_named() {
    let service = Arc::new(ServiceEntry { publishes_not_ready: true, ..service("early", &["IPv4"]) });
    let mut endpoints = Endpoints::new(vec![service], |_: &str| vec![Arc::new(slice("early", "IPv4", true))]);
    assert_eq!(endpoints.shown(&pod(false)), Shown::Out);
    assert!(endpoints.notes()[0].contains("early"));
}

#[test]
fn an_ungated_pod_is_judged_by_readiness_alone() {
    let services = [service("web", &["IPv4"])];
    let ungated = PodEntry { gated: false, gate: None, ..pod(true) };
    assert_eq!(shown(&ungated, &services, &[slice("web", "IPv4", true)]), Shown::In);
}

fn shown(pod: &PodEntry, services: &[ServiceEntry], slices: &[SliceEntry]) -> Shown {
    let of = |name: &str| slices.iter().filter(|s| s.service == name).cloned().map(Arc::new).collect();
    Endpoints::new(services.iter().cloned().map(Arc::new).collect(), of).shown(pod)
}

fn pod(on: bool) -> PodEntry {
    PodEntry {
        key: Key::new("default", "demo-x"),
        uid: "pod-uid".into(),
        version: "7".into(),
        owner: "cloneset-uid".into(),
        owner_name: "demo".into(),
        created: 0,
        terminating: false,
        ended: false,
        labels: [("app".to_owned(), "demo".to_owned())].into(),
        gated: true,
        gate: Some(on),
        ready: on,
        booted: true,
        phase: PodPhase::Ready,
        ip: None,
        port: 0,
        failure: None,
        main: Main::default(),
        host_ip: String::new(),
        host_network: false,
    }
}

fn service(name: &str, families: &[&str]) -> ServiceEntry {
    ServiceEntry {
        key: Key::new("default", name),
        uid: name.into(),
        version: "1".into(),
        selector: [("app".to_owned(), "demo".to_owned())].into(),
        external: false,
        publishes_not_ready: false,
        families: families.iter().map(|family| (*family).to_owned()).collect(),
    }
}

fn slice(service: &str, family: &str, ready: bool) -> SliceEntry {
    SliceEntry {
        key: Key::new("default", format!("{service}-{family}")),
        uid: "slice-uid".into(),
        version: "1".into(),
        service: service.into(),
        family: family.into(),
        endpoints: vec![Endpoint { pod: "demo-x".into(), uid: "pod-uid".into(), ready }],
    }
}
