//! Every field of the spec of a CloneSet, and what triton makes of it: in all versions that it reads.

use serde_json::Value;

use super::api_version::ApiVersion;

/// What triton makes of a field of `spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is read, written, or both: see [`CloneSetEntry`](super::entry::CloneSetEntry) and the [requests](super::patch).
    Modelled,
    /// It stays as it is, and changes nothing that a flow waits for without an end.
    Kept,
    /// Flows that it would keep waiting are [refused](super::fields::refused).
    Refused,
}
use Use::{Kept, Modelled, Refused};

/// Fields that every version has at the same place; a path stands for all that is below it.
pub const FIELDS: [(&str, Use); 16] = [
    ("replicas", Modelled),
    ("selector", Modelled),
    ("template", Modelled),
    ("volumeClaimTemplates", Modelled),
    ("lifecycle.preDelete.labelsHandler", Modelled),
    ("lifecycle.inPlaceUpdate.labelsHandler", Modelled),
    // Hooks of others: their owners let the pods go.
    ("lifecycle.preDelete.finalizersHandler", Kept),
    ("lifecycle.preDelete.markPodNotReady", Kept),
    ("lifecycle.inPlaceUpdate.finalizersHandler", Kept),
    ("lifecycle.inPlaceUpdate.markPodNotReady", Kept),
    ("lifecycle.preNormal", Kept),
    // Pods count as available so much later, and old ones leave after that.
    ("minReadySeconds", Kept),
    // Sets a condition, and nothing else.
    ("progressDeadlineSeconds", Kept),
    ("revisionHistoryLimit", Kept),
    ("scaleStrategy.podsToDelete", Modelled),
    ("scaleStrategy.maxUnavailable", Refused),
];

/// Fields of `v1alpha1` alone.
const V1ALPHA1: [(&str, Use); 2] =
    [("scaleStrategy.disablePVCReuse", Kept), ("updateStrategy.type", Refused)];

/// Fields of `v1beta1` alone.
const V1BETA1: [(&str, Use); 4] = [
    // Set where triton makes a workload, and kept where others did.
    ("scaleStrategy.enablePVCReuse", Modelled),
    ("scaleStrategy.excludePreparingDelete", Modelled),
    ("updateStrategy.type", Refused),
    ("updateStrategy.rollingUpdate.podUpdatePolicy", Refused),
];

/// Fields that concern the exchange of pods: see [`ApiVersion::strategy`].
pub const STRATEGY: [(&str, Use); 10] = [
    ("partition", Modelled),
    ("maxSurge", Modelled),
    ("maxUnavailable", Modelled),
    ("paused", Modelled),
    // Which pods are first: a flow counts them, and names those for which it matters.
    ("priorityStrategy", Kept),
    ("scatterStrategy", Kept),
    // Between out of service and the swap of containers.
    ("inPlaceUpdateStrategy.gracePeriodSeconds", Kept),
    // Images are fetched before the pods that need them are updated: jobs of their own (in `v1alpha1` annotations).
    ("inPlaceUpdateStrategy.imagePreDownloadParallelism", Kept),
    ("inPlaceUpdateStrategy.imagePreDownloadTimeoutSeconds", Kept),
    ("inPlaceUpdateStrategy.imagePreDownloadMinUpdatedReadyPods", Kept),
];

impl ApiVersion {
    /// Every field of `spec` that this version is known to have.
    fn fields(self) -> impl Iterator<Item = (String, Use)> {
        let own = match self {
            Self::V1Alpha1 => V1ALPHA1.as_slice(),
            Self::V1Beta1 => V1BETA1.as_slice(),
        };
        let named = FIELDS.iter().chain(own).map(|(path, what)| ((*path).to_owned(), *what));
        named.chain(STRATEGY.iter().map(move |(path, what)| (self.strategy(path), *what)))
    }

    /// Fields in the schema of a `spec`, down to the leaves, that are not known: say here what triton makes of them.
    #[must_use]
    pub fn unknown(self, schema: &Value) -> Vec<String> {
        unknown(schema, "", &self.fields().map(|(path, _)| path).collect::<Vec<_>>())
    }
}

fn unknown(schema: &Value, at: &str, fields: &[String]) -> Vec<String> {
    if fields.iter().any(|known| known == at) {
        return Vec::new();
    }
    let below = schema["properties"].as_object().into_iter().flatten().flat_map(|(name, schema)| {
        let dot = if at.is_empty() { "" } else { "." };
        unknown(schema, &format!("{at}{dot}{name}"), fields)
    });
    let below: Vec<String> = below.collect();
    let leaf = schema["properties"].is_null() && !at.is_empty();
    if leaf { vec![at.to_owned()] } else { below }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    /// The fields of `spec` that the definition of OpenKruise after 1.9.0 has in `v1beta1` (July 2026), each with all
    /// that is below it.
    const LATER: [&str; 32] = [
        "lifecycle.inPlaceUpdate.finalizersHandler",
        "lifecycle.inPlaceUpdate.labelsHandler",
        "lifecycle.inPlaceUpdate.markPodNotReady",
        "lifecycle.preDelete.finalizersHandler",
        "lifecycle.preDelete.labelsHandler",
        "lifecycle.preDelete.markPodNotReady",
        "lifecycle.preNormal.finalizersHandler",
        "lifecycle.preNormal.labelsHandler",
        "lifecycle.preNormal.markPodNotReady",
        "minReadySeconds",
        "progressDeadlineSeconds",
        "replicas",
        "revisionHistoryLimit",
        "scaleStrategy.enablePVCReuse",
        "scaleStrategy.excludePreparingDelete",
        "scaleStrategy.maxUnavailable",
        "scaleStrategy.podsToDelete",
        "selector",
        "template",
        "updateStrategy.rollingUpdate.inPlaceUpdateStrategy.gracePeriodSeconds",
        "updateStrategy.rollingUpdate.inPlaceUpdateStrategy.imagePreDownloadMinUpdatedReadyPods",
        "updateStrategy.rollingUpdate.inPlaceUpdateStrategy.imagePreDownloadParallelism",
        "updateStrategy.rollingUpdate.inPlaceUpdateStrategy.imagePreDownloadTimeoutSeconds",
        "updateStrategy.rollingUpdate.maxSurge",
        "updateStrategy.rollingUpdate.maxUnavailable",
        "updateStrategy.rollingUpdate.partition",
        "updateStrategy.rollingUpdate.paused",
        "updateStrategy.rollingUpdate.podUpdatePolicy",
        "updateStrategy.rollingUpdate.priorityStrategy",
        "updateStrategy.rollingUpdate.scatterStrategy",
        "updateStrategy.type",
        "volumeClaimTemplates",
    ];

    #[test]
    fn every_field_of_the_definitions_of_openkruise_is_known() {
        let path = format!("{}/tests/data/openkruise-1.9.0-clonesets.yaml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the definition");
        let documents = serde_norway::Deserializer::from_str(&text);
        let definition = documents.map(|document| Value::deserialize(document).expect("YAML"));
        let definition =
            definition.into_iter().find(|it| it["kind"] == "CustomResourceDefinition").expect("one");
        let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        for (version, schema) in
            [(ApiVersion::V1Alpha1, schema.clone()), (ApiVersion::V1Beta1, schema_of(&LATER))]
        {
            assert_eq!(version.unknown(&schema), [""; 0], "say above what triton makes of it");
            let mut newer = schema.clone();
            newer["properties"]["scaleStrategy"]["properties"]["new"] = json!({"type": "string"});
            assert_eq!(version.unknown(&newer), ["scaleStrategy.new"]);
            let there = |path: &str| schema.pointer(&pointer(path)).is_some();
            let gone = version.fields().map(|(path, _)| path).filter(|path| !there(path));
            let expected = if version == ApiVersion::V1Alpha1 { 3 } else { 0 };
            assert_eq!(gone.count(), expected, "{version:?}: no field is invented");
        }
    }

    fn pointer(path: &str) -> String {
        format!("/properties/{}", path.replace('.', "/properties/"))
    }

    fn schema_of(paths: &[&str]) -> Value {
        let mut schema = json!({});
        for path in paths {
            let field = path.split('.').fold(&mut schema, |at, name| &mut at["properties"][name]);
            *field = json!({"type": "string"});
        }
        schema
    }
}
