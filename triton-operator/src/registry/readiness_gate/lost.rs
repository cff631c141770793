//! Services that would lose the pods of a workload when these are exchanged. Pure.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use crate::world::endpoints::{ServiceEntry, ServicePort};
use crate::world::offer::Offer;

/// One sentence for each Service, or port of one, that has pods among `old` and can have none of `new`.
#[must_use]
pub fn lost(services: &[Arc<ServiceEntry>], old: &[Offer<'_>], new: &[Offer<'_>]) -> Vec<String> {
    if new.is_empty() {
        return Vec::new();
    }
    services.iter().flat_map(|service| of(service, old, new)).collect()
}

fn of(service: &ServiceEntry, old: &[Offer<'_>], new: &[Offer<'_>]) -> Vec<String> {
    let name = &service.key.name;
    let selects = |offer: &&Offer<'_>| service.selects(&offer.labels);
    let has = |port: &ServicePort, offer: &Offer<'_>| port.on(&offer.ports).is_some();
    let reaches = |offer: &&Offer<'_>| {
        selects(offer) && (service.ports.is_empty() || service.ports.iter().any(|port| has(port, offer)))
    };
    let old: Vec<&Offer<'_>> = old.iter().filter(reaches).collect();
    if old.is_empty() {
        return Vec::new();
    }
    let taken: Vec<&Offer<'_>> = new.iter().filter(selects).collect();
    if taken.is_empty() {
        let why = new.first().map(|offer| mismatch(service, offer)).unwrap_or_default();
        let text = format!(
            "Service {name} selects {} pods that are to leave and none of the new ones ({why}): change its selector \
             or the labels of the template",
            old.len()
        );
        return vec![text];
    }
    let without = |port: &&ServicePort| {
        old.iter().any(|offer| has(port, offer)) && !taken.iter().any(|offer| has(port, offer))
    };
    let text = |port: &ServicePort| {
        format!(
            "Service {name} sends to pods that are to leave and can send to none of the new ones: no container of \
             them has a port for {}; change its targetPort or the ports of the template",
            target(port)
        )
    };
    service.ports.iter().filter(without).map(text).collect()
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
