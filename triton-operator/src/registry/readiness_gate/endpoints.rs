//! Whether Services send traffic to a pod, as their EndpointSlices show it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use crate::world::endpoints::{ServiceEntry, ServicePort, SliceEntry};
use crate::world::pods::PodEntry;

/// What is certain about a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It takes traffic.
    In,
    /// It takes none.
    Out,
    /// Neither is certain.
    Moving,
}

/// The Services of a namespace, with the slices of those that select a pod that was asked about.
pub struct Endpoints<F> {
    services: Vec<Arc<ServiceEntry>>,
    slices: F,
    read: HashMap<usize, Service>,
    ignored: BTreeSet<String>,
    /// Services that can send nothing to pods that they select: why, and the names of the pods.
    unreached: BTreeMap<(String, String), Vec<String>>,
    /// Conditions that pods lack to be Ready, and the names of the pods.
    unmet: BTreeMap<String, Vec<String>>,
    /// Pods that run and were asked into traffic, and that the kubelet has not made Ready yet.
    unready: Vec<String>,
    /// Services whose slices are not as the pods are yet, and the names of the pods: that are Ready, and that left.
    behind: BTreeMap<(String, Behind), Vec<String>>,
}

/// What the endpoints controller has not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    /// A pod that is Ready is not listed with every port and family.
    Missing,
    /// A pod that left is listed as ready.
    Listed,
}

/// The slices of a Service, and in which of them a pod is ready, by its UID.
struct Service {
    slices: Vec<Arc<SliceEntry>>,
    ready: HashMap<Arc<str>, Vec<usize>>,
}

/// What a Service is to a pod that it selects.
enum Sends<'a> {
    /// It can send to these ports of it, over these address families.
    To { families: Vec<&'a str>, ports: Vec<(&'a ServicePort, i32)> },
    /// It can send nothing to it, and why not.
    Nothing(String),
}

impl<F: Fn(&str) -> Vec<Arc<SliceEntry>>> Endpoints<F> {
    /// These Services; `slices` gives the EndpointSlices of one by its name.
    #[must_use]
    pub fn new(services: Vec<Arc<ServiceEntry>>, slices: F) -> Self {
        Self {
            services,
            slices,
            read: HashMap::new(),
            ignored: BTreeSet::new(),
            unreached: BTreeMap::new(),
            unmet: BTreeMap::new(),
            unready: Vec::new(),
            behind: BTreeMap::new(),
        }
    }

    /// What is certain about this pod. It takes traffic where each Service that can send to it shows it with every
    /// port and address family that both have, and at least one can. Where no Service selects it, its own
    /// conditions tell. One that is being deleted is out once no slice shows it as ready any more, whatever its
    /// conditions say.
    pub fn shown(&mut self, pod: &PodEntry) -> Shown {
        let (mut selected, mut reached) = (false, false);
        let (mut missing, mut lists) = (Vec::new(), Vec::new());
        for at in 0..self.services.len() {
            let service = Arc::clone(&self.services[at]);
            if !service.selects(&pod.labels) {
                continue;
            }
            if service.publishes_not_ready {
                self.ignored.insert(service.key.name.to_string());
                continue;
            }
            let read = self.read.entry(at).or_insert_with(|| read((self.slices)(&service.key.name)));
            let shown: Vec<&SliceEntry> =
                read.ready.get(pod.uid.as_str()).into_iter().flatten().map(|at| &*read.slices[*at]).collect();
            selected = true;
            let name = || service.key.name.to_string();
            lists.extend((!shown.is_empty()).then(name));
            match sends(&service, pod, &read.slices) {
                Sends::To { families, ports } => {
                    reached = true;
                    let all = families.iter().all(|family| has(&shown, family, &ports));
                    missing.extend((!all).then(name));
                }
                Sends::Nothing(why) if !pod.families.is_empty() && !pod.terminating => {
                    let key = (name(), why);
                    self.unreached.entry(key).or_default().push(pod.key.name.to_string());
                }
                Sends::Nothing(_) => {}
            }
        }
        if pod.terminating {
            // Kubernetes takes it out of every Service, ready or not (EndpointSlice controller).
            let out = if lists.is_empty() { Shown::Out } else { Shown::Moving };
            self.behind(Behind::Listed, lists, pod);
            return out;
        }
        let wanted = !pod.gated || pod.gate == Some(true);
        let unwanted = !pod.gated || pod.gate != Some(true);
        // One that waits to be updated in place is named where pods are that start.
        if wanted && pod.booted && !pod.ready && !pod.in_grace {
            for condition in &pod.unmet {
                self.unmet.entry(condition.clone()).or_default().push(pod.key.name.to_string());
            }
            self.unready.extend(pod.unmet.is_empty().then(|| pod.key.name.to_string()));
        }
        match (pod.ready && wanted, !pod.ready && unwanted) {
            (true, _) if missing.is_empty() && (reached || !selected) => return Shown::In,
            (true, _) => self.behind(Behind::Missing, missing, pod),
            (_, true) if lists.is_empty() => return Shown::Out,
            (_, true) => self.behind(Behind::Listed, lists, pod),
            (false, false) => {}
        }
        Shown::Moving
    }

    fn behind(&mut self, how: Behind, services: Vec<String>, pod: &PodEntry) {
        for service in services {
            self.behind.entry((service, how)).or_default().push(pod.key.name.to_string());
        }
    }

    /// What a person should know, one sentence each: Services that can never show whether a pod takes traffic, those
    /// that can send nothing to pods that they select, conditions that pods wait for, and what the kubelet and the
    /// endpoints controller have not done yet.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let ignored = self.ignored.iter().map(|name| {
            format!(
                "Service {name} publishes not-ready addresses: it cannot show which pods take traffic, and does not count in that"
            )
        });
        let unreached = self
            .unreached
            .iter()
            .map(|((name, why), pods)| format!("Service {name} can send nothing to {}: {why}", listed(pods)));
        let unmet = self.unmet.iter().map(|(condition, pods)| {
            format!(
                "{} cannot become Ready: condition {condition} of their readiness gates is not True",
                listed(pods)
            )
        });
        let unready = (!self.unready.is_empty()).then(|| {
            format!(
                "{} run and were asked into traffic, and the kubelet of their nodes has not made them Ready yet",
                listed(&self.unready)
            )
        });
        let behind = self.behind.iter().map(|((name, how), pods)| match how {
            Behind::Missing => format!(
                "Service {name} does not list {} yet, which are Ready; the cluster's endpoints controller writes its \
                 EndpointSlices",
                listed(pods)
            ),
            Behind::Listed => format!(
                "Service {name} still lists {}, which left traffic; the cluster's endpoints controller writes its \
                 EndpointSlices",
                listed(pods)
            ),
        });
        ignored.chain(unreached).chain(unmet).chain(unready).chain(behind).collect()
    }
}

/// Whether these slices, in which a pod is ready, have all these ports in one address family. A pod that has no port
/// of its Service is ready in a slice without ports.
fn has(slices: &[&SliceEntry], family: &str, ports: &[(&ServicePort, i32)]) -> bool {
    let of = || slices.iter().filter(|slice| slice.family == family);
    let has = |(port, number): &(&ServicePort, i32)| {
        of().flat_map(|slice| &slice.ports).any(|shown| {
            let number = shown.number.is_none_or(|shown| shown == *number);
            shown.name == port.name && shown.protocol == port.protocol && number
        })
    };
    of().next().is_some() && ports.iter().all(has)
}

/// What a Service can send to a pod that it selects: over the families that both have, those that the Service
/// declares or else has slices of; to the ports of the Service that the pod has, all of them where it has none.
fn sends<'a>(service: &'a ServiceEntry, pod: &PodEntry, slices: &'a [Arc<SliceEntry>]) -> Sends<'a> {
    let declared = service.families.iter().map(String::as_str);
    let found = slices.iter().map(|slice| slice.family.as_str()).filter(|_| service.families.is_empty());
    let families: BTreeSet<&str> = declared.chain(found).filter(|of| pod.families.contains(of)).collect();
    if families.is_empty() {
        let (theirs, its) = (pod.families.join(" and "), service.families.join(" and "));
        return Sends::Nothing(format!(
            "it has addresses of {its} only, the pods of {theirs}; a person has to change its ipFamilies"
        ));
    }
    let ports: Vec<_> = service.ports.iter().filter_map(|port| Some((port, port.on(&pod.ports)?))).collect();
    if ports.is_empty() && !service.ports.is_empty() {
        let wanted: Vec<_> = service.ports.iter().map(ToString::to_string).collect();
        return Sends::Nothing(format!(
            "no container of them has a port for {}; a person has to change its targetPort or the ports of the template",
            wanted.join(", ")
        ));
    }
    Sends::To { families: families.into_iter().collect(), ports }
}

fn read(slices: Vec<Arc<SliceEntry>>) -> Service {
    let mut ready: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    for (at, slice) in slices.iter().enumerate().filter(|(_, slice)| slice.family != "FQDN") {
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.ready) {
            ready.entry(Arc::clone(&endpoint.uid)).or_default().push(at);
        }
    }
    Service { slices, ready }
}

/// Names of pods that are told one by one.
const TOLD: usize = 3;

/// These pods by their names, the first ones and how many more there are.
pub(super) fn listed(pods: &[String]) -> String {
    let told = pods.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    match pods.len().saturating_sub(TOLD) {
        0 => format!("pods {told}"),
        more => format!("pods {told} and {more} more"),
    }
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
