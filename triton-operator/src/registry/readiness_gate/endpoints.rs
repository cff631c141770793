//! Whether Services send traffic to a pod, as their EndpointSlices show it. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::world::endpoints::{ServiceEntry, SliceEntry};
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
}

/// UIDs of ready pods by address family.
type Service = BTreeMap<String, HashSet<Arc<str>>>;

impl<F: Fn(&str) -> Vec<Arc<SliceEntry>>> Endpoints<F> {
    /// These Services; `slices` gives the EndpointSlices of one by its name.
    #[must_use]
    pub fn new(services: Vec<Arc<ServiceEntry>>, slices: F) -> Self {
        Self { services, slices, read: HashMap::new(), ignored: BTreeSet::new() }
    }

    /// What is certain about this pod. Where no Service selects it, its own conditions tell.
    pub fn shown(&mut self, pod: &PodEntry) -> Shown {
        let (mut everywhere, mut anywhere) = (true, false);
        for at in 0..self.services.len() {
            let service = Arc::clone(&self.services[at]);
            if !service.selects(&pod.labels) {
                continue;
            }
            if service.publishes_not_ready {
                self.ignored.insert(service.key.name.to_string());
                continue;
            }
            let families =
                self.read.entry(at).or_insert_with(|| read(&service, &(self.slices)(&service.key.name)));
            let has = |pods: &HashSet<Arc<str>>| pods.contains(pod.uid.as_str());
            everywhere &= !families.is_empty() && families.values().all(has);
            anywhere |= families.values().any(has);
        }
        let wanted = !pod.gated || pod.gate == Some(true);
        let unwanted = !pod.gated || pod.gate != Some(true);
        if pod.ready && wanted && everywhere {
            Shown::In
        } else if !pod.ready && unwanted && !anywhere {
            Shown::Out
        } else {
            Shown::Moving
        }
    }

    /// One sentence for each Service that can never show whether a pod takes traffic.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let note = |name: &String| {
            format!(
                "Service {name} publishes not-ready addresses: it cannot show what takes traffic and is ignored"
            )
        };
        self.ignored.iter().map(note).collect()
    }
}

/// Ready pods of a Service by address family: those it declares, or else those it has slices of.
fn read(service: &ServiceEntry, slices: &[Arc<SliceEntry>]) -> Service {
    let mut families: Service =
        service.families.iter().map(|family| (family.clone(), HashSet::new())).collect();
    for slice in slices.iter().filter(|slice| slice.family != "FQDN") {
        let ready = slice.endpoints.iter().filter(|endpoint| endpoint.ready);
        families
            .entry(slice.family.clone())
            .or_default()
            .extend(ready.map(|endpoint| Arc::clone(&endpoint.uid)));
    }
    families
}

#[cfg(test)]
#[path = "endpoints_tests.rs"]
mod tests;
