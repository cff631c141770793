//! What becomes of Services that have pods of a workload when these are exchanged. Pure.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use triton_core::model::Succession;

use crate::world::endpoints::{ServiceEntry, ServicePort, SliceEntry};
use crate::world::offer::Offer;

/// What becomes of each Service, or port of one, that has pods among `old`. `slices` are the EndpointSlices of a Service,
/// `is_own` whether a pod is one of the workload, by its name. A Service that can have none of `new` is lost, unless
/// ready pods of others are behind it: then it is at risk. So is one whose port is a number that `old` declare and `new`
/// do not: Kubernetes needs no declaration, so that nobody can tell whether something listens there.
#[must_use]
pub fn succession(
    services: &[Arc<ServiceEntry>],
    (old, new): (&[Offer<'_>], &[Offer<'_>]),
    slices: impl Fn(&ServiceEntry) -> Vec<Arc<SliceEntry>>,
    is_own: impl Fn(&str) -> bool,
) -> Succession {
    let mut told = Succession::default();
    if new.is_empty() {
        return told;
    }
    for service in services {
        let others = |port: Option<&ServicePort>| serves_others(&slices(service), port, &is_own);
        of(service, (old, new), others, &mut told);
    }
    told
}

fn of(
    service: &ServiceEntry,
    (old, new): (&[Offer<'_>], &[Offer<'_>]),
    others: impl Fn(Option<&ServicePort>) -> bool,
    told: &mut Succession,
) {
    let name = &service.key.name;
    let selects = |offer: &&Offer<'_>| service.selects(&offer.labels);
    let has = |port: &ServicePort, offer: &Offer<'_>| port.on(&offer.ports).is_some();
    let reaches = |offer: &&Offer<'_>| {
        selects(offer) && (service.ports.is_empty() || service.ports.iter().any(|port| has(port, offer)))
    };
    let old: Vec<&Offer<'_>> = old.iter().filter(reaches).collect();
    if old.is_empty() {
        return;
    }
    let had = |port: &&ServicePort| old.iter().any(|offer| has(port, offer));
    let taken: Vec<&Offer<'_>> = new.iter().filter(selects).collect();
    if taken.is_empty() {
        let why = new.first().map(|offer| mismatch(service, offer)).unwrap_or_default();
        let text = format!(
            "Service {name} selects {} pods that are to leave and none of the new ones ({why})",
            old.len()
        );
        let shared = if service.ports.is_empty() {
            others(None)
        } else {
            service.ports.iter().filter(had).all(|port| others(Some(port)))
        };
        add(told, shared, &text, "change its selector or the labels of the template");
        return;
    }
    for port in service.ports.iter().filter(had) {
        let target = target(port);
        if !taken.iter().any(|offer| has(port, offer)) {
            let text = format!(
                "Service {name} sends to pods that are to leave and can send to none of the new ones: no container \
                 of them has a port for {target}"
            );
            add(told, others(Some(port)), &text, "change its targetPort or the ports of the template");
        } else if old.iter().any(|offer| declares(port, offer))
            && !taken.iter().any(|offer| declares(port, offer))
        {
            told.at_risk.push(format!(
                "Service {name} sends to {target}, which the pods that are to leave declare and the new ones do not: \
                 unless something listens there, nobody reaches them; change its targetPort or the ports of the \
                 template"
            ));
        }
    }
}

fn add(told: &mut Succession, shared: bool, text: &str, change: &str) {
    if shared {
        let rest = "only pods of others serve it then; if that is not meant,";
        told.at_risk.push(format!("{text}: {rest} {change}"));
    } else {
        told.lost.push(format!("{text}: {change}"));
    }
}

/// Whether a pod declares the number that a port goes to.
fn declares(port: &ServicePort, offer: &Offer<'_>) -> bool {
    let IntOrString::Int(number) = port.target else { return false };
    offer.ports.iter().any(|declared| declared.number == number && declared.protocol == port.protocol)
}

/// Whether a Service has ready pods that are not of the workload, with this port of it.
fn serves_others(
    slices: &[Arc<SliceEntry>],
    port: Option<&ServicePort>,
    is_own: impl Fn(&str) -> bool,
) -> bool {
    let has = |slice: &&Arc<SliceEntry>| {
        let same = |port: &ServicePort| {
            slice.ports.iter().any(|shown| shown.name == port.name && shown.protocol == port.protocol)
        };
        slice.family != "FQDN" && port.is_none_or(same)
    };
    slices
        .iter()
        .filter(has)
        .flat_map(|slice| &slice.endpoints)
        .any(|endpoint| endpoint.ready && !is_own(&endpoint.pod))
}

/// Whether a pod may be one of this workload, as far as its name tells: pods that were just made, or are just gone, are
/// not known in another way (OpenKruise: the name of a CloneSet, and five characters).
#[must_use]
pub fn may_be_of(workload: &str, pod: &str) -> bool {
    let rest = pod.strip_prefix(workload).and_then(|rest| rest.strip_prefix('-'));
    rest.is_some_and(|rest| !rest.contains('-'))
}

/// The labels that keep a Service from selecting a pod.
fn mismatch(service: &ServiceEntry, offer: &Offer<'_>) -> String {
    let differs = service.selector.iter().filter(|(key, value)| offer.labels.get(*key) != Some(*value));
    let told = differs.map(|(key, value)| match offer.labels.get(key) {
        Some(has) => format!("it wants {key}={value}, they have {key}={has}"),
        None => format!("it wants {key}={value}, they have no label {key}"),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// A port of a Service and where it goes.
#[must_use]
pub fn target(port: &ServicePort) -> String {
    let ServicePort { name, protocol, target } = port;
    let own = if name.is_empty() { String::new() } else { format!("{name}, ") };
    match target {
        IntOrString::Int(number) => format!("targetPort {number} ({own}{protocol})"),
        IntOrString::String(target) => format!("targetPort {target} ({own}{protocol})"),
    }
}

#[cfg(test)]
#[path = "lost_tests.rs"]
mod tests;
