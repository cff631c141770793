//! How a namespace stands at one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::api::{DynamicObject, ObjectList};
use serde_json::Value;

use super::{Entry, Kind, is_active, name, version};

/// How a namespace stands.
#[derive(Clone, Debug, Default)]
pub struct View(BTreeMap<(Kind, String), Arc<Value>>);

impl View {
    /// Brings the view up to an entry of the journal.
    pub fn apply(&mut self, entry: &Entry) {
        let key = (entry.kind, entry.name().to_owned());
        if entry.gone {
            self.0.remove(&key);
        } else {
            self.0.insert(key, Arc::clone(&entry.object));
        }
    }

    /// All objects of a kind, by name.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |((of, _), _)| *of == kind).map(|(_, object)| &**object)
    }

    /// Whether it shows each object of a list, at least as new, and none that was gone by then. Those that `went` since
    /// are not there any more.
    pub(super) fn shows(
        &self,
        kind: Kind,
        list: &ObjectList<DynamicObject>,
        went: impl Fn(&str, u64) -> bool,
    ) -> bool {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let listed: BTreeMap<&str, u64> = (list.items.iter())
            .map(|it| {
                (it.metadata.name.as_deref().unwrap_or_default(), number(&it.metadata.resource_version))
            })
            .collect();
        let then: u64 = number(&list.metadata.resource_version);
        let as_new = |(name, then): (&&str, &u64)| {
            self.get(kind, name).is_some_and(|it| version(it) >= *then) || went(name, *then)
        };
        listed.iter().all(as_new)
            && self.all(kind).all(|it| listed.contains_key(name(it)) || version(it) > then)
    }

    /// One object.
    #[must_use]
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.0.get(&(kind, name.to_owned())).map(|object| &**object)
    }

    /// A flow; null when there is none.
    #[must_use]
    pub fn flow(&self, name: &str) -> &Value {
        self.get(Kind::Flow, name).unwrap_or(&Value::Null)
    }

    /// The phase of a flow; empty when it has none.
    #[must_use]
    pub fn phase(&self, flow: &str) -> &str {
        self.flow(flow)["status"]["phase"].as_str().unwrap_or_default()
    }

    /// The batch that a flow is in: the last of its list.
    #[must_use]
    pub fn batch(&self, flow: &str) -> &Value {
        let batches = self.flow(flow)["status"]["conditions"].as_array();
        batches.and_then(|batches| batches.last()).unwrap_or(&Value::Null)
    }

    /// Whether a flow is in this batch and this stage of it.
    #[must_use]
    pub fn at(&self, flow: &str, batch: u64, stage: &str) -> bool {
        self.batch(flow)["batch"] == batch && self.batch(flow)["phase"] == stage
    }

    /// Why a flow waits.
    #[must_use]
    pub fn waits_for(&self, flow: &str) -> &str {
        self.flow(flow)["status"]["waiting"]["reason"].as_str().unwrap_or_default()
    }

    /// Pods that neither end nor have ended.
    #[must_use]
    pub fn pods(&self) -> Vec<&Value> {
        self.all(Kind::Pod).filter(|pod| is_active(pod)).collect()
    }

    /// Names of pods that are ready in an EndpointSlice of any Service.
    #[must_use]
    pub fn serving(&self) -> BTreeSet<String> {
        let endpoints = self.all(Kind::Slice).filter_map(|slice| slice["endpoints"].as_array()).flatten();
        endpoints
            .filter(|endpoint| endpoint["conditions"]["ready"] == true)
            .filter_map(|endpoint| endpoint["targetRef"]["name"].as_str().map(str::to_owned))
            .collect()
    }

    /// A few lines for a failed test.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = String::new();
        for ((kind, name), object) in &self.0 {
            let facts = match kind {
                Kind::Flow => object["status"].to_string(),
                Kind::Set => format!("spec {} status {}", numbers(&object["spec"]), object["status"]),
                Kind::Pod => format!(
                    "{} deleted {} labels {}",
                    conditions(object),
                    object["metadata"]["deletionTimestamp"],
                    object["metadata"]["labels"]
                ),
                Kind::Slice => object["endpoints"].to_string(),
            };
            text += &format!("{kind:?} {name}: {facts}\n");
        }
        text
    }
}

fn numbers(spec: &Value) -> Value {
    let mut spec = spec.clone();
    if let Some(fields) = spec.as_object_mut() {
        fields.remove("template");
        fields.remove("selector");
    }
    spec
}

fn conditions(pod: &Value) -> String {
    let list = pod["status"]["conditions"].as_array();
    let one = |condition: &Value| {
        let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        format!("{}={}", text("type"), text("status"))
    };
    list.into_iter().flatten().map(one).collect::<Vec<_>>().join(" ")
}
