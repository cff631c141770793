use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;

use super::*;
use crate::world::cache::Key;
use crate::world::offer::NamedPort;

#[test]
fn a_service_that_has_old_pods_and_can_have_no_new_ones_is_named() {
    let http = || vec![port("", "TCP", "http")];
    let both = || vec![port("http", "TCP", "http"), port("admin", "TCP", "admin")];
    let number = ServicePort { target: IntOrString::Int(8080), ..port("", "TCP", "") };
    let green = || service("line=green", http());
    let old = || pod("line=green", &["http"]);
    // The Service, an old pod, a new one, and what is told.
    let rows: [(ServiceEntry, Offer<'_>, Offer<'_>, Option<&str>); 15] = [
        (green(), old(), old(), None),
        (green(), old(), pod("line=black", &["http"]), Some("wants line=green, they have line=black")),
        (green(), old(), pod("", &["http"]), Some("they have no label line")),
        (
            service("line=green,app=1", http()),
            pod("line=green,app=1", &["http"]),
            pod("line=green", &["http"]),
            Some("app=1"),
        ),
        (service("line=black", http()), old(), pod("line=black", &["http"]), None),
        (service("", http()), old(), pod("line=black", &[]), None),
        (ServiceEntry { external: true, ..green() }, old(), pod("", &[]), None),
        (
            ServiceEntry { publishes_not_ready: true, ..green() },
            old(),
            pod("", &[]),
            Some("web selects 1 pods"),
        ),
        (green(), old(), pod("line=green", &["web"]), Some("targetPort http (TCP)")),
        (service("line=green", vec![port("", "UDP", "http")]), old(), pod("line=green", &["web"]), None),
        (
            service("line=green", both()),
            pod("line=green", &["http", "admin"]),
            old(),
            Some("targetPort admin (admin, TCP)"),
        ),
        // Missing on the old pods as well.
        (service("line=green", both()), old(), old(), None),
        (service("line=green", vec![port("", "TCP", "none")]), old(), pod("", &[]), None),
        (service("line=green", vec![number]), old(), pod("line=green", &[]), None),
        // A headless Service may name no ports.
        (service("line=green", vec![]), old(), pod("line=black", &["http"]), Some("line=black")),
    ];
    for (service, old, new, wanted) in rows {
        let told = lost(&[Arc::new(service.clone())], slice::from_ref(&old), slice::from_ref(&new));
        match wanted {
            None => assert_eq!(told, Vec::<String>::new(), "{service:?} {old:?} {new:?}"),
            Some(part) => {
                assert_eq!(told.len(), 1, "{told:?}");
                assert!(told[0].contains(part) && told[0].contains("Service web "), "{told:?}");
            }
        }
    }
}

#[test]
fn one_new_pod_that_a_service_can_send_to_is_enough_and_none_yet_tells_nothing() {
    let services = [Arc::new(service("line=green", vec![port("", "TCP", "http")]))];
    let (old, wrong) = (pod("line=green", &["http"]), pod("line=black", &["http"]));
    assert_eq!(lost(&services, slice::from_ref(&old), &[wrong.clone(), old.clone()]), Vec::<String>::new());
    assert_eq!(lost(&services, &[old.clone(), wrong.clone()], std::slice::from_ref(&wrong)).len(), 1);
    assert_eq!(lost(&services, &[old], &[]), Vec::<String>::new());
    assert_eq!(lost(&services, &[], &[wrong]), Vec::<String>::new());
}

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split(',').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn pod(text: &str, ports: &[&str]) -> Offer<'static> {
    let port = |name: &&str| NamedPort { name: (*name).into(), protocol: "TCP".into(), number: 80 };
    Offer { labels: Cow::Owned(labels(text)), ports: ports.iter().map(port).collect() }
}

fn port(name: &str, protocol: &str, target: &str) -> ServicePort {
    ServicePort { name: name.into(), protocol: protocol.into(), target: IntOrString::String(target.into()) }
}

fn service(selector: &str, ports: Vec<ServicePort>) -> ServiceEntry {
    ServiceEntry {
        key: Key::new("default", "web"),
        uid: "service-uid".into(),
        version: "1".into(),
        selector: labels(selector),
        external: false,
        publishes_not_ready: false,
        families: vec!["IPv4".into()],
        ports,
    }
}
