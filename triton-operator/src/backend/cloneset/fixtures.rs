//! What tests of several parts begin with.

use serde_json::{Value, json};
use triton_core::model::{Base, Kind};

use super::api_version::ApiVersion;

/// A CloneSet of 4 pods in this version, with these fields in its spec.
pub(super) fn object(version: ApiVersion, fields: &Value) -> Value {
    let mut object = json!({
        "apiVersion": version.name(), "kind": "CloneSet",
        "metadata": {
            "name": "demo", "namespace": "default", "uid": "cs-uid", "resourceVersion": "9", "generation": 3,
        },
        "spec": { "replicas": 4, "selector": {}, "template": {} },
        "status": { "observedGeneration": 3, "updateRevision": "demo-abc" },
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    object
}

/// What a flow that keeps 4 pods found.
pub(super) fn base(kind: Kind) -> Base {
    Base::new(kind, 4, 4)
}
