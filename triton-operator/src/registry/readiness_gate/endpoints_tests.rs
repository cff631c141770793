use std::slice;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::*;
use crate::world::cache::Key;
use crate::world::endpoints::{Endpoint, SlicePort};
use crate::world::offer::DeclaredPort;
use triton_core::model::{PodPhase, Steps};

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

/// Ports and families of the Service; more named ports of the pod, which has port `http` of number 80, and its families;
/// the slices that have it, each a family and its ports; what is shown.
type Row = (
    Vec<ServicePort>,
    Vec<&'static str>,
    Vec<DeclaredPort>,
    Vec<&'static str>,
    Vec<(&'static str, Vec<SlicePort>)>,
    Shown,
);

#[test]
fn a_pod_is_in_only_with_every_port_and_family_that_it_shares_with_the_service() {
    let all = rows_of_one_port().into_iter().chain(rows_of_several_ports()).chain(rows_of_families());
    for (at, (ports, families, named, of_pod, slices, wanted)) in all.enumerate() {
        let mut pod = pod(true);
        pod.ports.extend(named);
        pod.families = of_pod;
        let service = ServiceEntry { ports, ..service("web", &families) };
        let slices: Vec<_> = slices
            .into_iter()
            .map(|(family, ports)| SliceEntry { ports, ..slice("web", family, true) })
            .collect();
        assert_eq!(shown(&pod, &[service], &slices), wanted, "row {at}");
        // What shows it as ready, with or without ports, keeps it from being out.
        let gone = PodEntry { gate: Some(false), ready: false, ..pod };
        let out = if slices.is_empty() { Shown::Out } else { Shown::Moving };
        assert_eq!(shown(&gone, &[self::service("web", &families)], &slices), out, "row {at}");
    }
}

fn rows_of_one_port() -> Vec<Row> {
    use Shown::{In, Moving};
    let row = |port: &ServicePort, more: &[DeclaredPort], shown: &[SlicePort], wanted| -> Row {
        (
            vec![port.clone()],
            vec!["IPv4"],
            more.to_vec(),
            vec!["IPv4"],
            vec![("IPv4", shown.to_vec())],
            wanted,
        )
    };
    let (http, dns) = (port("http", "TCP", "http"), port("dns", "UDP", "dns"));
    let number = ServicePort { target: IntOrString::Int(9000), ..port("", "TCP", "") };
    vec![
        row(&http, &[], &[on("http", "TCP", 80)], In),
        // It is not shown yet, or under another number, protocol or name.
        row(&http, &[], &[], Moving),
        row(&http, &[], &[on("http", "TCP", 8080)], Moving),
        row(&http, &[], &[on("http", "UDP", 80)], Moving),
        row(&http, &[], &[on("web", "TCP", 80)], Moving),
        row(&http, &[], &[SlicePort { number: None, ..on("http", "TCP", 80) }], In),
        // The pod does not have it: it stands in a slice without ports. The protocol of a named port counts.
        row(&port("admin", "TCP", "admin"), &[], &[], Moving),
        row(&dns, &[named("dns", "TCP", 53)], &[], Moving),
        row(&dns, &[named("dns", "UDP", 53)], &[on("dns", "UDP", 53)], In),
        // Every pod has a port of a number.
        row(&number, &[], &[on("", "TCP", 9000)], In),
        row(&number, &[], &[], Moving),
    ]
}

fn rows_of_several_ports() -> Vec<Row> {
    use Shown::{In, Moving};
    let v4 = |ports: &[SlicePort]| ("IPv4", ports.to_vec());
    let row = |ports: Vec<ServicePort>, more: &[DeclaredPort], slices, wanted| -> Row {
        (ports, vec!["IPv4"], more.to_vec(), vec!["IPv4"], slices, wanted)
    };
    let both = || vec![port("http", "TCP", "http"), port("admin", "TCP", "admin")];
    let (at_http, at_admin, admin) =
        (on("http", "TCP", 80), on("admin", "TCP", 81), named("admin", "TCP", 81));
    let (one, two) = (v4(slice::from_ref(&at_http)), v4(&[at_http, at_admin.clone()]));
    vec![
        // One of two ports is not one of the pod's; the pod has it and it is not shown; both are, in one slice or two.
        row(both(), &[], vec![one.clone()], In),
        row(both(), slice::from_ref(&admin), vec![one.clone()], Moving),
        row(both(), slice::from_ref(&admin), vec![two], In),
        row(both(), &[admin], vec![one, v4(&[at_admin])], In),
        // A headless Service may name no ports.
        row(vec![], &[], vec![v4(&[])], In),
        row(vec![], &[], vec![], Moving),
    ]
}

/// Families that both have, each with all ports.
fn rows_of_families() -> Vec<Row> {
    use Shown::{In, Moving};
    let row = |of_service: &[&'static str],
               of_pod: &[&'static str],
               shown: &[(&'static str, bool)],
               wanted|
     -> Row {
        let ports = |has: bool| if has { vec![on("http", "TCP", 80)] } else { vec![] };
        let slices = shown.iter().map(|(family, has)| (*family, ports(*has))).collect();
        (vec![port("http", "TCP", "http")], of_service.to_vec(), vec![], of_pod.to_vec(), slices, wanted)
    };
    let (one, two) = (&["IPv4"][..], &["IPv4", "IPv6"][..]);
    vec![
        row(two, two, &[("IPv4", true)], Moving),
        row(two, two, &[("IPv4", true), ("IPv6", false)], Moving),
        row(two, two, &[("IPv4", true), ("IPv6", true)], In),
        row(two, one, &[("IPv4", true)], In),
        row(one, two, &[("IPv4", true)], In),
        row(one, &["IPv6"], &[], Moving),
        row(one, &[], &[], Moving),
        row(&[], one, &[("IPv4", true)], In),
        row(&[], one, &[], Moving),
    ]
}

#[test]
fn a_service_that_can_send_nothing_to_a_pod_is_named_and_does_not_count_beside_one_that_can() {
    let metrics = ServiceEntry { ports: vec![port("", "TCP", "metrics")], ..service("metrics", &["IPv4"]) };
    let empty = SliceEntry { ports: vec![], ..slice("metrics", "IPv4", true) };
    let services = [Arc::new(metrics.clone()), Arc::new(service("web", &["IPv4"]))];
    let both = [Arc::new(empty.clone()), Arc::new(slice("web", "IPv4", true))];
    let of = |name: &str| both.iter().filter(|slice| slice.service == name).cloned().collect();
    let mut endpoints = Endpoints::new(services.to_vec(), of);
    assert_eq!(endpoints.shown(&pod(true)), Shown::In);
    let notes = endpoints.notes();
    assert!(notes[0].contains("Service metrics can send nothing to pods demo-x"), "{notes:?}");
    assert!(notes[0].contains("targetPort metrics (TCP)"), "{notes:?}");
    assert_eq!(shown(&pod(true), &[metrics], &[empty]), Shown::Moving, "nobody reaches it");
}

#[test]
fn a_condition_that_keeps_pods_from_being_ready_is_named_with_the_pods() {
    let waits = |name: &str| PodEntry {
        key: Key::new("default", name),
        ready: false,
        unmet: vec!["target-health.example/web".into()],
        ..pod(true)
    };
    let notes = |pods: &[PodEntry]| {
        let mut endpoints = Endpoints::new(Vec::new(), |_: &str| Vec::new());
        pods.iter().for_each(|pod| assert_eq!(endpoints.shown(pod), Shown::Moving));
        endpoints.notes()
    };
    let told = notes(&["a", "b", "c", "d"].map(waits));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("target-health.example/web") && told[0].contains("a, b, c and 1 more"),
        "{told:?}"
    );
    // Not of pods that nobody asked in, or that do not run.
    let mut endpoints = Endpoints::new(Vec::new(), |_: &str| Vec::new());
    endpoints.shown(&PodEntry { gate: None, ..waits("a") });
    endpoints.shown(&PodEntry { booted: false, ..waits("a") });
    endpoints.shown(&PodEntry { in_grace: true, ..waits("a") });
    assert_eq!(endpoints.notes(), Vec::<String>::new());
}

#[test]
fn what_kubelet_and_endpoints_controller_have_not_done_yet_is_told_with_service_and_pod() {
    let lagging = PodEntry { ready: false, ..pod(true) };
    let ending = PodEntry { terminating: true, ..pod(true) };
    let missing = "Service web does not list pods demo-x yet, which are Ready;";
    let listed = "Service web still lists pods demo-x, which left traffic;";
    // A pod, the families in which the slices of a Service of both show it as ready, and what is told.
    let rows: [(PodEntry, &[&str], Option<&str>); 9] = [
        (pod(true), &[], Some(missing)),
        (pod(true), &["IPv4"], Some(missing)),
        (pod(true), &["IPv4", "IPv6"], None),
        (pod(false), &["IPv4"], Some(listed)),
        (pod(false), &[], None),
        (ending.clone(), &["IPv6"], Some(listed)),
        (ending, &[], None),
        (lagging.clone(), &[], Some("pods demo-x run and were asked into traffic, and the kubelet")),
        (PodEntry { booted: false, ..lagging }, &[], None),
    ];
    for (at, (pod, families, wanted)) in rows.into_iter().enumerate() {
        let slices: Vec<_> = families.iter().map(|family| Arc::new(slice("web", family, true))).collect();
        let services = vec![Arc::new(service("web", &["IPv4", "IPv6"]))];
        let mut endpoints = Endpoints::new(services, |_: &str| slices.clone());
        endpoints.shown(&pod);
        let notes = endpoints.notes();
        assert_eq!(notes.len(), usize::from(wanted.is_some()), "row {at}: {notes:?}");
        assert!(wanted.is_none_or(|wanted| notes[0].starts_with(wanted)), "row {at}: {notes:?}");
    }
}

#[test]
fn a_pod_that_is_being_deleted_is_out_once_no_slice_shows_it_as_ready() {
    let services = [service("web", &["IPv4"])];
    let ending = PodEntry { terminating: true, ..pod(true) };
    assert_eq!(shown(&ending, &services, &[slice("web", "IPv4", true)]), Shown::Moving);
    assert_eq!(shown(&ending, &services, &[slice("web", "IPv4", false)]), Shown::Out);
    assert_eq!(shown(&ending, &services, &[]), Shown::Out);
    assert_eq!(shown(&ending, &[], &[]), Shown::Out);
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
        ports: vec![named("http", "TCP", 80)],
        families: vec!["IPv4", "IPv6"],
        gated: true,
        gate: Some(on),
        unmet: Vec::new(),
        ready: on,
        booted: true,
        phase: PodPhase::Ready,
        ip: None,
        failure: None,
        starts: None,
        in_grace: false,
        steps: Steps::default(),
        containers: Vec::new(),
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
        ports: vec![port("", "TCP", "http")],
    }
}

fn slice(service: &str, family: &str, ready: bool) -> SliceEntry {
    SliceEntry {
        key: Key::new("default", format!("{service}-{family}")),
        uid: "slice-uid".into(),
        version: "1".into(),
        service: service.into(),
        family: family.into(),
        ports: vec![on("", "TCP", 80)],
        endpoints: vec![Endpoint { pod: "demo-x".into(), uid: "pod-uid".into(), ready }],
    }
}

fn port(name: &str, protocol: &str, target: &str) -> ServicePort {
    ServicePort { name: name.into(), protocol: protocol.into(), target: IntOrString::String(target.into()) }
}

fn named(name: &str, protocol: &str, number: i32) -> DeclaredPort {
    DeclaredPort { name: name.into(), protocol: protocol.into(), number }
}

fn on(name: &str, protocol: &str, number: i32) -> SlicePort {
    SlicePort { name: name.into(), protocol: protocol.into(), number: Some(number) }
}
