//! What becomes of Services that have pods of a workload when these are exchanged. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use triton_core::model::Succession;

use super::endpoints::listed;
use crate::world::endpoints::{ServiceEntry, ServicePort, SliceEntry};
use crate::world::offer::Offer;

/// A Service by its name, and how it selects.
type Selection = (String, BTreeMap<String, String>);

/// What earlier looks at the same exchange noted of the pods that were to leave.
#[derive(Debug, Default)]
pub struct Had {
    /// By Service and what of it: whether every pod had it when it was first looked at. What only some of them had may
    /// rightly be missing on new pods.
    by_all: BTreeMap<(Selection, String), bool>,
    /// Services that could send to one of them.
    reached: BTreeSet<Selection>,
}

/// What becomes of each Service, or port or address family of one, that has pods among `old`. `slices` are the EndpointSlices of a Service,
/// `is_own` whether a pod is one of the workload, by its name; `had` is what earlier looks at the same exchange noted,
/// and gets what this one notes. A Service that can have none of `new` is lost, and so is one that had every pod that
/// was to leave and cannot have each of `new`; unless ready pods of others are behind it: then it is at risk. So is one
/// whose port is a number that `old` declare and `new` do not: Kubernetes needs no declaration, so that nobody can tell
/// whether something listens there. So is one without a selector that lists pods of `old`. Once all have left, a Service is
/// told that had one of them and has no pod now.
#[must_use]
pub fn succession(
    services: &[Arc<ServiceEntry>],
    (old, new): (&[Offer<'_>], &[Offer<'_>]),
    slices: impl Fn(&ServiceEntry) -> Vec<Arc<SliceEntry>>,
    is_own: impl Fn(&str) -> bool,
    had: &mut Had,
) -> Succession {
    let mut told = Succession::default();
    for service in services {
        if service.selector.is_empty() {
            told.at_risk.extend(made_by_others(service, &slices(service), old, new));
            continue;
        }
        let others = |part: Part<'_>| serves_others(&slices(service), part, &is_own);
        if old.is_empty() {
            told.at_risk.extend(emptied(service, new, had).filter(|_| !others(Part::Any)));
            continue;
        }
        let noted = Noted::of(service, old, had);
        let old: Vec<&Offer<'_>> = old.iter().filter(|offer| reaches(service, offer)).collect();
        if !old.is_empty() {
            had.reached.insert(selection(service));
            Exchanged { service, old, new, others }.tell(&noted, &mut told);
        }
    }
    told
}

fn selection(service: &ServiceEntry) -> Selection {
    (service.key.name.to_string(), service.selector.clone())
}

/// A Service that pods had which have left, and that none of those has which took their places.
fn emptied(service: &ServiceEntry, new: &[Offer<'_>], had: &Had) -> Option<String> {
    let first = new.first().filter(|_| had.reached.contains(&selection(service)))?;
    (!new.iter().any(|offer| reaches(service, offer))).then(|| {
        let name = &service.key.name;
        let why = mismatch(service, first);
        let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
        format!("Service {name} has no pods any more: it sends to none of the new ones{why}")
    })
}

/// A Service whose EndpointSlices others write, who list old pods and no new one so far: Kubernetes takes out of it
/// neither pods that are not ready nor those that are gone.
fn made_by_others(
    service: &ServiceEntry,
    slices: &[Arc<SliceEntry>],
    old: &[Offer<'_>],
    new: &[Offer<'_>],
) -> Option<String> {
    let lists: BTreeSet<&str> =
        slices.iter().flat_map(|slice| &slice.endpoints).map(|endpoint| &*endpoint.pod).collect();
    let listed_of = |pods: &[Offer<'_>]| -> Vec<String> {
        pods.iter().filter(|offer| lists.contains(&*offer.pod)).map(|offer| offer.pod.to_string()).collect()
    };
    let leave = listed_of(old);
    (!leave.is_empty() && listed_of(new).is_empty()).then(|| {
        format!(
            "Service {} has no selector, and its EndpointSlices list {}, which are to leave: whoever writes them has to \
             list the new ones",
            service.key.name,
            listed(&leave)
        )
    })
}

/// What pods of others may serve of a Service.
#[derive(Clone, Copy)]
enum Part<'a> {
    Any,
    Port(&'a ServicePort),
    Family(&'a str),
}

/// Whether every pod that was to leave was selected by a Service, had each port of it, and declared that, and each of
/// its address families.
struct Noted {
    selected: bool,
    ports: Vec<(bool, bool)>,
    families: Vec<bool>,
}

impl Noted {
    fn of(service: &ServiceEntry, old: &[Offer<'_>], had: &mut Had) -> Self {
        let mut by_all = |what: String, is: &dyn Fn(&Offer<'_>) -> bool| {
            *had.by_all
                .entry((selection(service), what))
                .or_insert_with(|| old.iter().all(|offer| service.selects(&offer.labels) && is(offer)))
        };
        let ports = service.ports.iter().map(|port| {
            let has = by_all(port.to_string(), &|offer| has(port, offer));
            (has, by_all(format!("declared {port}"), &|offer| declares(port, offer)))
        });
        let ports = ports.collect();
        let families = service.families.iter();
        let families = families.map(|of| by_all(of.clone(), &|offer| offer.families.contains(&of.as_str())));
        let families = families.collect();
        Self { ports, families, selected: by_all(String::new(), &|_| true) }
    }
}

/// A Service, the pods that are to leave and that it reaches, the new ones, and whether pods of others serve it.
struct Exchanged<'a, F> {
    service: &'a ServiceEntry,
    old: Vec<&'a Offer<'a>>,
    new: &'a [Offer<'a>],
    others: F,
}

impl<F: Fn(Part<'_>) -> bool> Exchanged<'_, F> {
    fn tell(&self, noted: &Noted, told: &mut Succession) {
        let Self { service, old, new, .. } = self;
        if new.is_empty() {
            return;
        }
        let name = &service.key.name;
        let (taken, missed): (Vec<_>, Vec<_>) = new.iter().partition(|offer| service.selects(&offer.labels));
        let why = missed.first().map(|offer| mismatch(service, offer)).unwrap_or_default();
        if taken.is_empty() {
            let text = format!(
                "Service {name} selects {} of the pods that are to leave and none of the new ones ({why})",
                old.len()
            );
            let one = if noted.selected { "" } else { ", or give one of the new ones the label" };
            let change = format!("change its selector or the labels of the template{one}");
            add(told, self.is_shared(), &text, &change);
            return;
        }
        let expected = new.iter().all(|offer| offer.pod.is_empty());
        if let Some(keys) = self.given().filter(|_| expected && noted.selected) {
            let kept =
                if new.iter().all(|offer| offer.in_place) { "they are updated in place, or " } else { "" };
            told.at_risk.push(format!(
                "Service {name} selects {} of the pods that are to leave by {keys}, which their template does not give: \
                 it is empty once they have left, unless {kept}whoever gave it to them gives it to the new ones before",
                old.len()
            ));
        }
        // What the pods of a template have, each of them is expected to have.
        if !noted.selected && !missed.is_empty() && expected {
            told.at_risk.push(format!(
                "Service {name} selects {} of the pods that are to leave by labels that were given to them alone ({why}): \
                 it is empty once they have left, unless a new one is given the same",
                old.len()
            ));
        }
        if noted.selected && !missed.is_empty() {
            let text = format!(
                "Service {name} selected each pod that was to leave, and {} not ({why})",
                some(&missed)
            );
            add_some(told, self.is_shared(), &text, "change its selector or the labels of the template");
        }
        for (port, noted) in service.ports.iter().zip(&noted.ports) {
            if old.iter().any(|offer| has(port, offer)) {
                self.tell_of(port, &taken, *noted, told);
            }
        }
        for (family, noted) in service.families.iter().zip(&noted.families) {
            if old.iter().any(|offer| offer.families.contains(&family.as_str())) {
                self.tell_of_family(family, &taken, *noted, told);
            }
        }
    }

    /// The labels of the selector that others have given to every old pod; `None` where the templates give all of it.
    fn given(&self) -> Option<String> {
        let is_given = |key: &&String| self.new.iter().all(|offer| offer.given.contains(key));
        let keys: Vec<&str> = self.service.selector.keys().filter(is_given).map(String::as_str).collect();
        (!keys.is_empty()).then(|| format!("label {}", keys.join(", ")))
    }

    /// New pods that have no address yet say nothing.
    fn tell_of_family(&self, family: &str, taken: &[&Offer<'_>], by_all: bool, told: &mut Succession) {
        let name = &self.service.key.name;
        let known: Vec<_> = taken.iter().copied().filter(|offer| !offer.families.is_empty()).collect();
        let without: Vec<_> =
            known.iter().copied().filter(|offer| !offer.families.contains(&family)).collect();
        let Some(first) = without.first() else { return };
        let has = first.families.join(" and ");
        let change = "change its ipFamilies, or what gives pods their addresses";
        if without.len() == known.len() {
            let text = format!(
                "Service {name} sends over {family} to pods that are to leave and can to none of the new ones, which \
                 have addresses of {has} only"
            );
            add(told, (self.others)(Part::Family(family)), &text, change);
        } else if by_all {
            let text = format!(
                "Service {name} sends over {family}, of which each pod that was to leave had an address, and {} not",
                some(&without)
            );
            add_some(told, (self.others)(Part::Family(family)), &text, change);
        }
    }

    fn tell_of(&self, port: &ServicePort, taken: &[&Offer<'_>], noted: (bool, bool), told: &mut Succession) {
        let name = &self.service.key.name;
        let lacks = |is: fn(&ServicePort, &Offer<'_>) -> bool| -> Vec<&Offer<'_>> {
            taken.iter().copied().filter(|offer| !is(port, offer)).collect()
        };
        let (without, undeclared) = (lacks(has), lacks(declares));
        let is_lost = |lack: &[&Offer<'_>], by_all| lack.len() == taken.len() || (by_all && !lack.is_empty());
        let change = "change its targetPort or the ports of the template";
        if without.len() == taken.len() {
            let text = format!(
                "Service {name} sends to pods that are to leave and can send to none of the new ones: no container \
                 of them has a port for {port}"
            );
            add(told, (self.others)(Part::Port(port)), &text, change);
        } else if noted.0 && !without.is_empty() {
            let text = format!(
                "Service {name} sends to {port}, which each pod that was to leave had, and {} not",
                some(&without)
            );
            add_some(told, (self.others)(Part::Port(port)), &text, change);
        } else if self.old.iter().any(|offer| declares(port, offer)) && is_lost(&undeclared, noted.1) {
            let whose =
                if undeclared.len() == taken.len() { "the new ones do".into() } else { some(&undeclared) };
            told.at_risk.push(format!(
                "Service {name} sends to {port}, which the pods that are to leave declare and {whose} not: unless \
                 something listens there, nobody reaches them; {change}"
            ));
        }
    }

    /// Whether ready pods of others have all that pods that are to leave have of it.
    fn is_shared(&self) -> bool {
        let Self { service, old, others, .. } = self;
        let mut had = service.ports.iter().filter(|port| old.iter().any(|offer| has(port, offer)));
        if service.ports.is_empty() { others(Part::Any) } else { had.all(|port| others(Part::Port(port))) }
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

/// The same where other new pods serve it, too.
fn add_some(told: &mut Succession, shared: bool, text: &str, change: &str) {
    let again = "or delete the pods that lack it once what added it to others adds it again";
    if shared {
        told.at_risk.push(format!("{text}: if that is not meant, {change}, {again}"));
    } else {
        told.lost.push(format!("{text}: {change}, {again}"));
    }
}

/// New pods by their names, where they have any, and a verb.
fn some(pods: &[&Offer<'_>]) -> String {
    let names: Vec<String> = pods.iter().map(|offer| offer.pod.to_string()).collect();
    if names.iter().any(String::is_empty) {
        "some of the new ones do".into()
    } else {
        format!("{} do", listed(&names))
    }
}

/// Whether a Service selects a pod, and has a port on it, or needs none, and a family of its addresses, where both are
/// known.
fn reaches(service: &ServiceEntry, offer: &Offer<'_>) -> bool {
    let any = || service.ports.iter().any(|port| has(port, offer));
    let shares = || service.families.iter().any(|family| offer.families.contains(&family.as_str()));
    let known = !service.families.is_empty() && !offer.families.is_empty();
    service.selects(&offer.labels) && (service.ports.is_empty() || any()) && (!known || shares())
}

fn has(port: &ServicePort, offer: &Offer<'_>) -> bool {
    port.on(&offer.ports).is_some()
}

/// Whether a pod declares the number that a port goes to.
fn declares(port: &ServicePort, offer: &Offer<'_>) -> bool {
    let IntOrString::Int(number) = port.target else { return false };
    offer.ports.iter().any(|declared| declared.number == number && declared.protocol == port.protocol)
}

/// Whether a Service has ready pods that are not of the workload, with this part of it.
fn serves_others(slices: &[Arc<SliceEntry>], part: Part<'_>, is_own: impl Fn(&str) -> bool) -> bool {
    let has = |slice: &&Arc<SliceEntry>| {
        let same = |port: &ServicePort| {
            slice.ports.iter().any(|shown| shown.name == port.name && shown.protocol == port.protocol)
        };
        let has = match part {
            Part::Any => true,
            Part::Port(port) => same(port),
            Part::Family(family) => slice.family == family,
        };
        slice.family != "FQDN" && has
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

#[cfg(test)]
#[path = "lost_tests.rs"]
mod tests;
