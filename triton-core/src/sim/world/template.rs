//! Pod templates: what the simulated kubelet and the read model take from them.

use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

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
    /// Images of its containers.
    images: Vec<String>,
    /// What stays of it without the images of its containers and its metadata.
    frame: String,
}

impl PodTemplate {
    /// Images of its containers, in order.
    #[must_use]
    pub fn images(&self) -> &[String] {
        &self.images
    }

    fn parse(json: Template, gated: bool, hooked: bool) -> Self {
        let mut all = json.to_json();
        let images = images(&mut all);
        let spec = &all["spec"];
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
            image: images.first().cloned().unwrap_or_default(),
            cpu: resource("cpu"),
            memory: resource("memory"),
            port: port(spec),
            host_network: spec["hostNetwork"] == Value::Bool(true),
            frame: frame(&all),
            images,
            json,
        }
    }

    /// Whether a pod of this template can be updated in place to the other one: readiness gates are a part
    /// of a pod's spec, labels are not (OpenKruise: `defaultCalculateInPlaceUpdateSpec`).
    #[must_use]
    pub fn differs_in_images_alone(&self, other: &Self) -> bool {
        self.frame == other.frame && self.gated == other.gated && self.images.len() == other.images.len()
    }

    /// Whether its containers run the same images.
    pub(super) fn has_images_of(&self, other: &Self) -> bool {
        self.images == other.images
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

/// Takes the images of the containers out of a template.
fn images(template: &mut Value) -> Vec<String> {
    let containers = template["spec"]["containers"].as_array_mut().into_iter().flatten();
    let images = containers.map(|container| container.as_object_mut()?.get_mut("image").map(Value::take));
    images.map(|image| image.and_then(|image| image.as_str().map(String::from)).unwrap_or_default()).collect()
}

/// A template without its metadata.
fn frame(template: &Value) -> String {
    let parts = template.as_object().into_iter().flatten().filter(|(name, _)| *name != "metadata");
    parts.map(|(name, part)| format!("{name}: {part}\n")).collect()
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
