//! Services and EndpointSlices, pruned to what tells whether a pod is in traffic.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::cache::{Entry, Key};
use super::offer::{DeclaredPort, TCP};
use crate::labels;

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEntry {
    /// Namespace and name.
    pub key: Key,
    /// Identity.
    pub uid: String,
    /// Resource version.
    pub version: String,
    /// Labels of the pods it sends traffic to; empty: somebody else makes its endpoints.
    pub selector: BTreeMap<String, String>,
    /// It has no endpoints at all (type `ExternalName`).
    pub external: bool,
    /// Not-ready pods are shown as ready (`publishNotReadyAddresses`).
    pub publishes_not_ready: bool,
    /// `spec.ipFamilies`: `IPv4`, `IPv6` or both.
    pub families: Vec<String>,
    /// Its ports; none where it is headless and names none.
    pub ports: Vec<ServicePort>,
}

/// A port of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    /// Its name; empty where it is the only one.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Number or name of the port of the pods.
    pub target: IntOrString,
}

impl ServicePort {
    /// The number that it goes to on a pod with these ports; `None` when the pod does not have it.
    /// A number is on every pod (Kubernetes: `FindPort`).
    #[must_use]
    pub fn on(&self, ports: &[DeclaredPort]) -> Option<i32> {
        match &self.target {
            IntOrString::Int(number) => Some(*number),
            IntOrString::String(name) => {
                let found = ports.iter().find(|port| port.name == *name && port.protocol == self.protocol);
                found.map(|port| port.number)
            }
        }
    }
}

impl fmt::Display for ServicePort {
    /// Where it goes, and its name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, protocol, target } = self;
        let gap = if name.is_empty() { "" } else { ", " };
        match target {
            IntOrString::Int(number) => write!(f, "targetPort {number} ({name}{gap}{protocol})"),
            IntOrString::String(target) => write!(f, "targetPort {target} ({name}{gap}{protocol})"),
        }
    }
}

impl Entry for ServiceEntry {
    fn key(&self) -> &Key {
        &self.key
    }
    fn uid(&self) -> &str {
        &self.uid
    }
    fn version(&self) -> &str {
        &self.version
    }
    /// By namespace.
    fn group(&self) -> Option<Key> {
        Some(Key::new(&self.key.namespace, ""))
    }
}

impl ServiceEntry {
    /// The pruned Service.
    #[must_use]
    pub fn of(service: &Service) -> Option<Self> {
        let meta = &service.metadata;
        let spec = service.spec.clone().unwrap_or_default();
        Some(Self {
            key: Key::new(meta.namespace.as_deref()?, meta.name.as_deref()?),
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone()?,
            selector: spec.selector.unwrap_or_default(),
            external: spec.type_.as_deref() == Some("ExternalName"),
            publishes_not_ready: spec.publish_not_ready_addresses == Some(true),
            families: spec.ip_families.unwrap_or_default(),
            ports: spec
                .ports
                .into_iter()
                .flatten()
                .map(|port| ServicePort {
                    name: port.name.unwrap_or_default(),
                    protocol: port.protocol.unwrap_or_else(|| TCP.into()),
                    target: port.target_port.unwrap_or(IntOrString::Int(port.port)),
                })
                .collect(),
        })
    }

    /// Whether it sends traffic to pods with these labels.
    #[must_use]
    pub fn selects(&self, labels: &BTreeMap<String, String>) -> bool {
        !self.external
            && !self.selector.is_empty()
            && self.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

/// A pod in an EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name of the pod.
    pub pod: Arc<str>,
    /// Identity of the pod.
    pub uid: Arc<str>,
    /// It gets traffic. Not stated means yes (Kubernetes: `EndpointConditions.ready`).
    pub ready: bool,
}

/// A port of an EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlicePort {
    /// Name of the port of the Service.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Number of the port of the pods; `None`: any (Kubernetes: `EndpointPort.port`).
    pub number: Option<i32>,
}

/// An EndpointSlice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceEntry {
    /// Namespace and name.
    pub key: Key,
    /// Identity.
    pub uid: String,
    /// Resource version.
    pub version: String,
    /// Name of its Service; empty when it has none.
    pub service: String,
    /// `IPv4`, `IPv6` or `FQDN`.
    pub family: String,
    /// The ports that its pods are reached at. A pod that has none of the ports of its Service stands, ready, in a
    /// slice without ports (measured on Kubernetes 1.37).
    pub ports: Vec<SlicePort>,
    /// Its pods.
    pub endpoints: Vec<Endpoint>,
}

impl Entry for SliceEntry {
    fn key(&self) -> &Key {
        &self.key
    }
    fn uid(&self) -> &str {
        &self.uid
    }
    fn version(&self) -> &str {
        &self.version
    }
    /// By Service.
    fn group(&self) -> Option<Key> {
        Some(Key::new(&self.key.namespace, &self.service))
    }
}

impl SliceEntry {
    /// The pruned slice.
    #[must_use]
    pub fn of(slice: &EndpointSlice) -> Option<Self> {
        let meta = &slice.metadata;
        let service = meta.labels.as_ref().and_then(|labels| labels.get(labels::SERVICE_NAME));
        let endpoints = slice.endpoints.iter().flatten().filter_map(|endpoint| {
            let target = endpoint.target_ref.as_ref()?;
            let ready = endpoint.conditions.as_ref().and_then(|conditions| conditions.ready);
            Some(Endpoint {
                pod: target.name.as_deref()?.into(),
                uid: target.uid.as_deref()?.into(),
                ready: ready.unwrap_or(true),
            })
        });
        Some(Self {
            key: Key::new(meta.namespace.as_deref()?, meta.name.as_deref()?),
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone()?,
            service: service.cloned().unwrap_or_default(),
            family: slice.address_type.clone(),
            ports: slice
                .ports
                .iter()
                .flatten()
                .map(|port| SlicePort {
                    name: port.name.clone().unwrap_or_default(),
                    protocol: port.protocol.clone().unwrap_or_else(|| TCP.into()),
                    number: port.port,
                })
                .collect(),
            endpoints: endpoints.collect(),
        })
    }
}
