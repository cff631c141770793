//! Pod templates: what the simulated kubelet and the read model take from them.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::sync::Arc;

use serde_json::Value;

use super::super::random::encode;
use crate::model::{InstanceName, Revision, Template};

/// A pod template with what triton adds to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTemplate {
    /// The template as somebody wrote it.
    pub json: Template,
    /// It has triton's readiness gate.
    pub gated: bool,
    /// It carries the hook label.
    pub hooked: bool,
    /// Name of the application's container, which is the first one.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Its CPU limit and request.
    pub cpu: (String, String),
    /// Its memory limit and request.
    pub memory: (String, String),
    /// First container port that has no name or is named `app-port`; 0 when there is none.
    pub port: u16,
    /// Pods use the network of their node.
    pub host_network: bool,
}

impl PodTemplate {
    fn parse(json: Template, gated: bool, hooked: bool) -> Self {
        let spec = &json.to_json()["spec"];
        let first = &spec["containers"][0];
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => format!("{other}"),
        };
        let resource = |name: &str| {
            let of = |kind: &str| text(&first["resources"][kind][name]);
            (of("limits"), of("requests"))
        };
        Self {
            gated,
            hooked,
            container: text(&first["name"]),
            image: text(&first["image"]),
            cpu: resource("cpu"),
            memory: resource("memory"),
            port: port(spec),
            host_network: spec["hostNetwork"] == Value::Bool(true),
            json,
        }
    }

    /// The revision that the workload's controller names it by: `<instance>-<hash>`.
    #[must_use]
    pub fn revision(&self, instance: &InstanceName) -> Revision {
        let flags = u64::from(self.gated) | u64::from(self.hooked) << 1;
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        let hash = self.json.as_str().bytes().fold(0xCBF2_9CE4_8422_2325_u64 ^ flags, fold);
        let name = format!("{instance}-{}", encode(hash ^ (hash >> 29), 10));
        Revision::new(name).expect("an instance name and a hash are not empty")
    }
}

fn port(spec: &Value) -> u16 {
    let containers = spec["containers"].as_array().into_iter().flatten();
    let mut ports = containers.flat_map(|container| container["ports"].as_array().into_iter().flatten());
    let ours = |port: &&Value| matches!(port["name"].as_str(), None | Some("" | "app-port"));
    ports
        .find(ours)
        .and_then(|port| port["containerPort"].as_u64())
        .map_or(0, |n| u16::try_from(n).unwrap_or(0))
}

/// Templates that were read once.
#[derive(Default)]
pub(super) struct Templates(BTreeMap<(Template, bool, bool), Arc<PodTemplate>>);

impl Templates {
    pub(super) fn read(&mut self, json: &Template, gated: bool, hooked: bool) -> Arc<PodTemplate> {
        let key = (json.clone(), gated, hooked);
        let read = || Arc::new(PodTemplate::parse(json.clone(), gated, hooked));
        Arc::clone(self.0.entry(key).or_insert_with(read))
    }
}
