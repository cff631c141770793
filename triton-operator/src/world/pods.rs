//! Pods, pruned to what decisions and people need.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use triton_core::model::{Heals, PodFailure, PodPhase, Steps};

use super::cache::{Entry, Key};
use super::container::{Main, application};
use super::ended::{end, has_ended};
use super::offer::{DeclaredPort, Offer, declared_ports};
use super::starts::{grace, starts};
use super::stuck::{failure, steps};
use crate::labels;

/// A pod of a CloneSet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodEntry {
    /// Namespace and name.
    pub key: Key,
    /// Identity.
    pub uid: String,
    /// Resource version.
    pub version: String,
    /// UID of the CloneSet that controls it.
    pub owner: String,
    /// Name of that CloneSet.
    pub owner_name: String,
    /// Microseconds since the epoch.
    pub created: i64,
    /// Being deleted.
    pub terminating: bool,
    /// Ended and not coming back (Kubernetes: phase `Failed` or `Succeeded`).
    pub ended: bool,
    /// Its labels, for the selectors of Services.
    pub labels: BTreeMap<String, String>,
    /// The ports that it declares, for the ports of Services.
    pub ports: Vec<DeclaredPort>,
    /// It has an address of this family, `IPv4` or `IPv6`.
    pub families: Vec<&'static str>,
    /// Its template has triton's readiness gate.
    pub gated: bool,
    /// The condition of that gate; `None` when nobody wrote it.
    pub gate: Option<bool>,
    /// Its other readiness gates of which the condition is not True.
    pub unmet: Vec<String>,
    /// Condition `Ready`.
    pub ready: bool,
    /// Condition `ContainersReady`.
    pub booted: bool,
    /// Phase, for people.
    pub phase: PodPhase,
    /// Address, once it has one.
    pub ip: Option<String>,
    /// What keeps it from running, if that is known; how it ended, where it has.
    pub failure: Option<PodFailure>,
    /// What its containers lack to be ready, where nothing is known to keep them from it.
    pub starts: Option<String>,
    /// It is out of traffic and waits to be updated in place.
    pub in_grace: bool,
    /// How far its containers have come.
    pub steps: Steps,
    /// Its containers, as they stand there.
    pub containers: Vec<Main>,
    /// Address of its node.
    pub host_ip: String,
    /// It uses the network of its node.
    pub host_network: bool,
}

impl Entry for PodEntry {
    fn key(&self) -> &Key {
        &self.key
    }
    fn uid(&self) -> &str {
        &self.uid
    }
    fn version(&self) -> &str {
        &self.version
    }
    fn group(&self) -> Option<Key> {
        Some(Key::new(&self.key.namespace, &self.owner))
    }
}

impl PodEntry {
    /// The pruned pod; `None` for a pod that no CloneSet controls.
    #[must_use]
    pub fn of(pod: &Pod) -> Option<Self> {
        let meta = &pod.metadata;
        let owner = meta.owner_references.iter().flatten().find(|owner| {
            owner.controller == Some(true)
                && owner.kind == "CloneSet"
                && owner.api_version.starts_with("apps.kruise.io/")
        })?;
        let status = pod.status.as_ref();
        let condition = |kind: &str| condition(status?, kind);
        let ended = status.is_some_and(has_ended);
        let failure = status.and_then(|status| if ended { Some(end(status)) } else { failure(status) });
        let fallen = failure.as_ref().is_some_and(|failure| failure.heals == Heals::Never);
        let (ready, booted) = (condition("Ready") == Some(true), condition("ContainersReady") == Some(true));
        let phase = status.and_then(|status| status.phase.as_deref()).unwrap_or_default();
        let spec = pod.spec.as_ref();
        let grace = meta.annotations.as_ref().and_then(grace);
        let in_grace = grace.is_some();
        Some(Self {
            key: Key::new(meta.namespace.as_deref()?, meta.name.as_deref()?),
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone()?,
            owner: owner.uid.clone(),
            owner_name: owner.name.clone(),
            created: meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_microsecond()),
            terminating: meta.deletion_timestamp.is_some(),
            ended,
            labels: meta.labels.clone().unwrap_or_default(),
            ports: spec.map(declared_ports).unwrap_or_default(),
            families: status.map(families).unwrap_or_default(),
            gated: gates(pod).any(|gate| gate == labels::GATE),
            gate: condition(labels::GATE),
            unmet: gates(pod)
                .filter(|gate| *gate != labels::GATE && condition(gate) != Some(true))
                .map(str::to_owned)
                .collect(),
            ready,
            booted,
            phase: phase_of(fallen, ready, booted, phase),
            ip: status.and_then(|status| status.pod_ip.clone()).filter(|ip| !ip.is_empty()),
            starts: grace.or_else(|| {
                let running = spec.zip(status).filter(|_| !ended && failure.is_none());
                running.and_then(|(spec, status)| starts(spec, status))
            }),
            in_grace,
            failure,
            steps: status.map(steps).unwrap_or_default(),
            containers: spec.iter().flat_map(|spec| &spec.containers).map(Main::from).collect(),
            host_ip: status.and_then(|status| status.host_ip.clone()).unwrap_or_default(),
            host_network: spec.is_some_and(|spec| spec.host_network == Some(true)),
        })
    }

    /// What Services need of it.
    #[must_use]
    pub fn offer(&self) -> Offer<'_> {
        Offer {
            in_place: false,
            pod: Cow::Borrowed(&self.key.name),
            labels: Cow::Borrowed(&self.labels),
            ports: Cow::Borrowed(&self.ports),
            families: Cow::Borrowed(&self.families),
            given: Vec::new(),
        }
    }

    /// Its application's container; `template` are the names of the containers in the template of its workload.
    #[must_use]
    pub fn main(&self, template: &[String]) -> Option<&Main> {
        application(&self.containers, template).next()
    }

    /// First port of the application that has no name or is named `app-port`; 0 when there is none.
    #[must_use]
    pub fn port(&self, template: &[String]) -> u16 {
        application(&self.containers, template)
            .map(|container| container.port)
            .find(|port| *port > 0)
            .unwrap_or(0)
    }

    /// Whether it counts: neither being deleted nor ended.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        !self.terminating && !self.ended
    }

    /// Whether the workload holds it for us before it goes.
    #[must_use]
    pub fn marked(&self) -> bool {
        let held = |state: &String| state == labels::PREPARING_DELETE || state == labels::PREPARING_UPDATE;
        self.labels.get(labels::LIFECYCLE_STATE).is_some_and(held)
    }

    /// Whether the workload holds it for us before it is updated in place.
    #[must_use]
    pub fn swaps(&self) -> bool {
        self.labels.get(labels::LIFECYCLE_STATE).is_some_and(|state| state == labels::PREPARING_UPDATE)
    }

    /// Whether it is being updated in place.
    #[must_use]
    pub fn updating(&self) -> bool {
        self.labels.get(labels::LIFECYCLE_STATE).is_some_and(|state| state == labels::UPDATING)
    }

    /// Whether it is to be deleted, whatever the numbers say. The label's value does not matter (OpenKruise:
    /// `IsSpecifiedDelete`).
    #[must_use]
    pub fn specified(&self) -> bool {
        self.labels.contains_key(labels::SPECIFIED_DELETE)
    }

    /// Whether it carries the mark of the flow with this UID.
    #[must_use]
    pub fn listed_by(&self, flow: &str) -> bool {
        self.labels.get(labels::RESTARTED_BY).is_some_and(|value| value == flow)
    }

    /// Whether it carries the hook label.
    #[must_use]
    pub fn hooked(&self) -> bool {
        self.labels.get(labels::HOOK).is_some_and(|value| value == labels::HOOK_ON)
    }
}

fn condition(status: &PodStatus, kind: &str) -> Option<bool> {
    let condition = status.conditions.iter().flatten().find(|condition| condition.type_ == kind)?;
    Some(condition.status == "True")
}

/// The conditions that a pod needs to be Ready besides that of its containers.
fn gates(pod: &Pod) -> impl Iterator<Item = &str> {
    let gates = pod.spec.iter().filter_map(|spec| spec.readiness_gates.as_ref()).flatten();
    gates.map(|gate| gate.condition_type.as_str())
}

/// The families of its addresses.
fn families(status: &PodStatus) -> Vec<&'static str> {
    let ips = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str()).filter(|ip| !ip.is_empty());
    let mut families: Vec<_> = ips.map(|ip| if ip.contains(':') { "IPv6" } else { "IPv4" }).collect();
    families.dedup();
    families
}

fn phase_of(fallen: bool, ready: bool, booted: bool, phase: &str) -> PodPhase {
    match phase {
        _ if fallen => PodPhase::Failed,
        "Failed" | "Succeeded" => PodPhase::Failed,
        _ if ready => PodPhase::Ready,
        _ if booted => PodPhase::ContainersReady,
        "Running" => PodPhase::Running,
        _ => PodPhase::Pending,
    }
}

#[cfg(test)]
#[path = "pods_tests.rs"]
mod tests;
