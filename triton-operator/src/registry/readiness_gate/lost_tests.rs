use std::borrow::Cow;
use std::collections::BTreeMap;
use std::slice;

use super::*;
use crate::world::cache::Key;
use crate::world::endpoints::{Endpoint, SlicePort};
use crate::world::offer::DeclaredPort;

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
            Some("web selects 1 of the pods that"),
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
fn what_only_some_old_pods_had_may_be_missing_on_new_ones_and_none_yet_tells_nothing() {
    let services = [Arc::new(service("line=green", vec![port("", "TCP", "http")]))];
    let (old, wrong) = (pod("line=green", &["http"]), pod("line=black", &["http"]));
    let some = [old.clone(), wrong.clone()];
    let new = some.clone().map(|offer| Offer { pod: Cow::Borrowed("web-new"), ..offer });
    assert_eq!(lost(&services, &some, &new), Vec::<String>::new());
    assert_eq!(lost(&services, &[old.clone(), wrong.clone()], std::slice::from_ref(&wrong)).len(), 1);
    assert_eq!(lost(&services, &[old], &[]), Vec::<String>::new());
    assert_eq!(lost(&services, &[], &[wrong]), Vec::<String>::new());
}

/// Somebody changed the selector in the middle of an exchange: what the Service had before says nothing of it.
#[test]
fn a_service_that_selects_otherwise_now_is_looked_at_anew() {
    let mut had = Had::default();
    let (plain, leads) = (pod("line=a", &["http"]), pod("line=a,leader=yes", &["http"]));
    let mut lost = |selector: &str, old: &[Offer<'_>], new: &[Offer<'_>]| {
        let services = [Arc::new(service(selector, vec![port("", "TCP", "http")]))];
        succession(&services, (old, new), |_| Vec::new(), |pod| may_be_of("web", pod), &mut had).lost
    };
    let nothing = Vec::<String>::new();
    assert_eq!(lost("line=a", &[plain.clone(), plain.clone()], slice::from_ref(&plain)), nothing);
    let (old, new) = ([plain.clone(), leads.clone()], [plain, leads]);
    assert_eq!(lost("leader=yes", &old, &new), nothing, "only some of the old ones had it");
}

/// Once all old pods have left, what is there tells.
#[test]
fn a_service_that_lost_its_last_pod_is_told_of_for_as_long_as_it_has_none() {
    let (plain, leads) = (pod("line=a", &["http"]), pod("line=a,leader=yes", &["http"]));
    let none = "Service web has no pods any more: it sends to none of the new ones (it wants leader=yes, they have no \
                label leader)";
    // The selector before and now, the pods before and now, whether a pod of others is behind it, and what is told.
    type Row<'a> = (&'a str, &'a str, &'a Offer<'a>, &'a [Offer<'a>], bool, &'a str);
    let only = slice::from_ref(&plain);
    let both = [plain.clone(), leads.clone()];
    let rows: [Row<'_>; 7] = [
        ("leader=yes", "leader=yes", &leads, only, false, none),
        ("leader=yes", "leader=yes", &leads, &both, false, ""),
        ("leader=yes", "leader=yes", &leads, only, true, ""),
        ("leader=yes", "leader=yes", &leads, &[], false, ""),
        // It never had one.
        ("leader=yes", "leader=yes", &plain, only, false, ""),
        // Somebody has changed it since.
        ("leader=yes", "line=a", &leads, only, false, ""),
        ("line=a", "leader=yes", &plain, only, false, ""),
    ];
    for (before, now, old, new, shared, told) in rows {
        let mut had = Had::default();
        let others =
            || shared.then(|| Arc::new(slice(&["http"], &[("other-1", true)]))).into_iter().collect();
        let mut look = |selector: &str, pods: (&[Offer<'_>], &[Offer<'_>])| {
            let services = [Arc::new(service(selector, vec![port("http", "TCP", "http")]))];
            succession(&services, pods, |_| others(), |pod| may_be_of("web", pod), &mut had)
        };
        look(before, (slice::from_ref(old), &[]));
        let after = look(now, (&[], new));
        assert_eq!(
            (after.lost.join("; "), after.at_risk.join("; ")),
            (String::new(), told.to_owned()),
            "{now}"
        );
    }
}

/// An elected leader, or a pod that somebody labelled by hand. Where old pods leave first there are no new ones to look at.
#[test]
fn a_label_that_old_pods_were_given_is_told_before_they_leave() {
    let (plain, leads) = (pod("line=a", &["http"]), pod("line=a,leader=yes", &["http"]));
    let new = |offer: &Offer<'static>| Offer { pod: Cow::Borrowed("web-new"), ..offer.clone() };
    let some = [plain.clone(), leads.clone()];
    // Old pods, new ones, which are expected where they have no name; what is lost, and what is at risk.
    let given = Offer { given: vec!["leader".to_owned()], ..leads.clone() };
    let in_place = Offer { in_place: true, ..given.clone() };
    let rows: [(&[Offer<'_>], &[Offer<'_>], &str, &str); 9] = [
        (&some, &some, "", "given to them alone (it wants leader=yes, they have no label leader)"),
        (&some, &[new(&plain)], "or give one of the new ones the label", ""),
        (&some, &[new(&plain), new(&leads)], "", ""),
        (&[leads.clone(), leads.clone()], &[leads.clone(), leads.clone()], "", ""),
        (
            slice::from_ref(&leads),
            slice::from_ref(&given),
            "",
            "selects 1 of the pods that are to leave by label leader, which their template does not give",
        ),
        (
            &[leads.clone(), leads.clone()],
            &[given.clone(), given.clone()],
            "",
            "selects 2 of the pods that are to leave by label leader",
        ),
        (
            slice::from_ref(&leads),
            slice::from_ref(&in_place),
            "",
            "unless they are updated in place, or whoever",
        ),
        (slice::from_ref(&leads), &[new(&leads)], "", ""),
        (slice::from_ref(&leads), &[new(&plain)], "none of the new ones", ""),
    ];
    for (old, new, lost, at_risk) in rows {
        let services = [Arc::new(service("leader=yes", vec![port("", "TCP", "http")]))];
        let told = succession(
            &services,
            (old, new),
            |_| Vec::new(),
            |pod| may_be_of("web", pod),
            &mut Had::default(),
        );
        for (told, wanted) in [(told.lost, lost), (told.at_risk, at_risk)] {
            let told = told.join("; ");
            assert!(told.contains(wanted) && told.is_empty() == wanted.is_empty(), "{old:?} {new:?}: {told}");
        }
    }
}

#[test]
fn a_port_that_each_old_pod_had_must_be_on_each_new_one() {
    let both = || vec![port("http", "TCP", "http"), port("mesh", "TCP", "mesh")];
    let number = || vec![ServicePort { target: IntOrString::Int(80), ..port("", "TCP", "") }];
    let named = |name: &'static str, pod: Offer<'static>| Offer { pod: Cow::Borrowed(name), ..pod };
    let with = || named("web-a", pod("app=1", &["http", "mesh"]));
    let without = || named("web-b", pod("app=1", &["http"]));
    let bare = || named("web-c", pod("app=1", &[]));
    let unlabelled = || named("web-d", pod("", &["http", "mesh"]));
    // The ports of the Service; old pods at first, those that are left and new ones then; what is lost, and what is
    // at risk.
    type Row<'a> = (Vec<ServicePort>, Vec<Offer<'a>>, Vec<Offer<'a>>, Vec<Offer<'a>>, &'a str, &'a str);
    let rows: [Row<'_>; 9] = [
        (both(), vec![with(), with()], vec![with()], vec![with()], "", ""),
        (
            both(),
            vec![with(), with()],
            vec![with()],
            vec![with(), without()],
            "mesh (mesh, TCP), which each",
            "",
        ),
        (both(), vec![with(), with()], vec![with()], vec![without()], "none of the new ones", ""),
        // Only some had it: also when those that are left all do.
        (both(), vec![with(), without()], vec![with()], vec![with(), without()], "", ""),
        (
            both(),
            vec![with(), with()],
            vec![with()],
            vec![with(), unlabelled()],
            "pods web-d do not (it wants app=1",
            "",
        ),
        (both(), vec![with(), unlabelled()], vec![with()], vec![with(), unlabelled()], "", ""),
        (
            vec![],
            vec![with(), with()],
            vec![with()],
            vec![with(), unlabelled()],
            "pods web-d do not (it wants app=1",
            "",
        ),
        (number(), vec![with(), with()], vec![with()], vec![with(), bare()], "", "and pods web-c do not"),
        (number(), vec![with(), bare()], vec![with()], vec![with(), bare()], "", ""),
    ];
    for (ports, first, left, new, lost, at_risk) in rows {
        let services = [Arc::new(service("app=1", ports))];
        let mut had = Had::default();
        let mut look = |old: &[Offer<'_>], new: &[Offer<'_>]| {
            succession(&services, (old, new), |_| Vec::new(), |pod| may_be_of("web", pod), &mut had)
        };
        assert_eq!(look(&first, &[]), Succession::default());
        let told = look(&left, &new);
        for (told, wanted) in [(told.lost, lost), (told.at_risk, at_risk)] {
            assert_eq!(told.len(), usize::from(!wanted.is_empty()), "{told:?} {wanted}");
            assert!(told.iter().all(|told| told.contains(wanted)), "{told:?} {wanted}");
        }
    }
}

#[test]
fn an_address_family_over_which_old_pods_are_reached_must_be_one_of_new_ones() {
    let of = |families: &[&'static str]| Offer {
        pod: Cow::Borrowed("web-a"),
        families: families.to_vec().into(),
        ..pod("app=1", &["http"])
    };
    let (v4, v6, both, unknown) = (of(&["IPv4"]), of(&["IPv6"]), of(&["IPv4", "IPv6"]), of(&[]));
    // The families of the Service; old pods, new ones, and what is lost.
    type Row<'a> = (&'a [&'a str], Vec<Offer<'a>>, Vec<Offer<'a>>, &'a str);
    let rows: [Row<'_>; 13] = [
        (&["IPv4"], vec![v4.clone()], vec![v4.clone()], ""),
        (
            &["IPv6"],
            vec![both.clone()],
            vec![v4.clone()],
            "Service web sends over IPv6 to pods that are to leave and can to none",
        ),
        (&["IPv4", "IPv6"], vec![both.clone()], vec![v4.clone()], "addresses of IPv4 only"),
        (&["IPv4", "IPv6"], vec![v4.clone()], vec![both.clone()], ""),
        (&["IPv4", "IPv6"], vec![v4.clone()], vec![v4.clone()], ""),
        (&["IPv4"], vec![both.clone()], vec![v4.clone()], ""),
        (&["IPv6"], vec![v4.clone()], vec![v4.clone()], ""),
        // It has no address yet, or the Service says nothing of families.
        (&["IPv6"], vec![both.clone()], vec![unknown.clone()], ""),
        (&["IPv6"], vec![unknown], vec![v4.clone()], ""),
        (&[], vec![both.clone()], vec![v4.clone()], ""),
        // Some of the new ones have it: enough where only some of the old ones had.
        (&["IPv6"], vec![both.clone(), v6.clone()], vec![v6.clone(), v4.clone()], "pods web-a do not"),
        (&["IPv6"], vec![both.clone(), v4.clone()], vec![v6.clone(), v4.clone()], ""),
        (&["IPv4", "IPv6"], vec![both], vec![v6, v4], "IPv4, of which each pod"),
    ];
    for (at, (families, old, new, wanted)) in rows.into_iter().enumerate() {
        let families = families.iter().map(|family| (*family).to_owned()).collect();
        let service = ServiceEntry { families, ..service("app=1", vec![port("", "TCP", "http")]) };
        let told = lost(&[Arc::new(service)], &old, &new);
        assert_eq!(told.is_empty(), wanted.is_empty(), "row {at}: {told:?}");
        assert!(told.iter().any(|told| told.contains(wanted)) || wanted.is_empty(), "row {at}: {told:?}");
    }
}

#[test]
fn a_number_that_old_pods_declare_and_new_ones_do_not_is_a_risk_and_no_loss() {
    let number =
        |number, protocol| vec![ServicePort { target: IntOrString::Int(number), ..port("", protocol, "") }];
    let declares = |ports: &[(&str, i32)]| {
        let port = |(name, number): &(&str, i32)| DeclaredPort {
            name: (*name).into(),
            protocol: "TCP".into(),
            number: *number,
        };
        Offer { ports: ports.iter().map(port).collect(), ..pod("line=green", &[]) }
    };
    // The port of the Service, what old and new pods declare, and whether people are warned.
    let rows = [
        (number(8080, "TCP"), declares(&[("", 8080)]), declares(&[("", 9090)]), true),
        (number(8080, "TCP"), declares(&[("http", 8080)]), declares(&[("http", 9090)]), true),
        (number(8080, "TCP"), declares(&[("", 8080)]), declares(&[]), true),
        (number(8080, "TCP"), declares(&[("", 8080)]), declares(&[("web", 8080)]), false),
        (number(8080, "TCP"), declares(&[]), declares(&[("", 9090)]), false),
        (number(8080, "UDP"), declares(&[("", 8080)]), declares(&[("", 9090)]), false),
        (vec![port("", "TCP", "http")], declares(&[("http", 8080)]), declares(&[("http", 9090)]), false),
    ];
    for (ports, old, new, warns) in rows {
        let services = [Arc::new(service("line=green", ports))];
        let told = told(&services, slice::from_ref(&old), slice::from_ref(&new), &[]);
        assert_eq!(told.lost, Vec::<String>::new());
        assert_eq!(!told.at_risk.is_empty(), warns, "{services:?} {old:?} {new:?}");
        let says = |told: &String| told.contains("Service web sends to targetPort 8080 (TCP), which");
        assert!(told.at_risk.iter().all(says), "{told:?}");
    }
}

#[test]
fn a_service_without_a_selector_that_lists_pods_that_are_to_leave_is_at_risk() {
    let named = |name: &'static str| Offer { pod: Cow::Borrowed(name), ..pod("app=1", &["http"]) };
    // The pods that its slices list, and what is told.
    let rows: [(&[&str], &str); 4] = [
        (
            &["web-old"],
            "Service web has no selector, and its EndpointSlices list pods web-old, which are to leave",
        ),
        (&["web-old", "web-new"], ""),
        (&["other"], ""),
        (&[], ""),
    ];
    for (lists, wanted) in rows {
        let pods: Vec<_> = lists.iter().map(|pod| (*pod, true)).collect();
        let services = [Arc::new(service("", vec![port("", "TCP", "http")]))];
        let slices = [Arc::new(slice(&["http"], &pods))];
        let told = told(&services, &[named("web-old")], &[named("web-new")], &slices);
        assert_eq!((told.lost.len(), told.at_risk.len()), (0, usize::from(!wanted.is_empty())), "{lists:?}");
        assert!(told.at_risk.iter().all(|told| told.starts_with(wanted)), "{told:?}");
    }
}

#[test]
fn a_service_that_ready_pods_of_others_serve_is_at_risk_and_not_lost() {
    let http = || vec![port("http", "TCP", "http")];
    let (labelled, ported) = (pod("line=black", &["http"]), pod("line=green", &["web"]));
    // Ports of the Service, the new pods, the slices, and whether the Service is lost.
    let rows = [
        (http(), &labelled, slice(&["http"], &[("other-abcde", true)]), false),
        (http(), &ported, slice(&["http"], &[("other-abcde", true)]), false),
        (vec![], &labelled, slice(&[], &[("other-abcde", true)]), false),
        (http(), &labelled, slice(&["http"], &[("app-web-abcde", true)]), false),
        (http(), &labelled, slice(&["http"], &[("web-app-abcde", true)]), false),
        (http(), &labelled, slice(&["http"], &[("other-abcde", false)]), true),
        (http(), &ported, slice(&["admin"], &[("other-abcde", true)]), true),
        // Its own pods, also those that are not known yet or any more.
        (http(), &labelled, slice(&["http"], &[("web-abcde", true), ("web-fghij", true)]), true),
    ];
    for (ports, new, slice, lost) in rows {
        let services = [Arc::new(service("line=green", ports))];
        let old = pod("line=green", &["http"]);
        let told = told(&services, &[old], std::slice::from_ref(new), &[Arc::new(slice.clone())]);
        assert_eq!((!told.lost.is_empty(), !told.at_risk.is_empty()), (lost, !lost), "{slice:?} {told:?}");
        let says = |told: &String| told.contains("only pods of others serve it then");
        assert!(told.at_risk.iter().all(says), "{told:?}");
    }
}

fn lost(services: &[Arc<ServiceEntry>], old: &[Offer<'_>], new: &[Offer<'_>]) -> Vec<String> {
    let told = told(services, old, new, &[]);
    assert_eq!(told.at_risk, Vec::<String>::new());
    told.lost
}

/// Of the workload `web`, where the Services have these slices.
fn told(
    services: &[Arc<ServiceEntry>],
    old: &[Offer<'_>],
    new: &[Offer<'_>],
    slices: &[Arc<SliceEntry>],
) -> Succession {
    let slices = |_: &ServiceEntry| slices.to_vec();
    succession(services, (old, new), slices, |pod| may_be_of("web", pod), &mut Had::default())
}

fn labels(text: &str) -> BTreeMap<String, String> {
    text.split(',').filter_map(|pair| pair.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

fn pod(text: &str, ports: &[&str]) -> Offer<'static> {
    let port = |name: &&str| DeclaredPort { name: (*name).into(), protocol: "TCP".into(), number: 80 };
    Offer { labels: Cow::Owned(labels(text)), ports: ports.iter().map(port).collect(), ..Offer::default() }
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

fn slice(ports: &[&str], pods: &[(&str, bool)]) -> SliceEntry {
    let port = |name: &&str| SlicePort { name: (*name).into(), protocol: "TCP".into(), number: Some(80) };
    let endpoint =
        |(pod, ready): &(&str, bool)| Endpoint { pod: (*pod).into(), uid: (*pod).into(), ready: *ready };
    SliceEntry {
        key: Key::new("default", "web-1"),
        uid: "slice-uid".into(),
        version: "1".into(),
        service: "web".into(),
        family: "IPv4".into(),
        ports: ports.iter().map(port).collect(),
        endpoints: pods.iter().map(endpoint).collect(),
    }
}
