//! What tests of several parts begin with.

use kube::api::DynamicObject;
use serde_json::{Value, json};
use triton_core::model::{Base, Kind, Shape, TemplateRef};

use super::api_version::ApiVersion;
use super::entry::CloneSetEntry;

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

pub(super) fn shape(replicas: u32, partition: u32) -> Shape {
    Shape {
        template: Some(TemplateRef::Flow),
        replicas,
        partition: Some(partition),
        doomed: None,
        surge: 1,
        unavailable: 0,
    }
}

pub(super) fn cloneset(change: impl FnOnce(&mut Value)) -> CloneSetEntry {
    let mut object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": {
            "name": "demo", "namespace": "default", "uid": "cs-uid", "resourceVersion": "9", "generation": 3,
        },
        "spec": {
            "replicas": 4, "selector": {}, "template": {}, "minReadySeconds": 5,
            "updateStrategy": { "maxSurge": 1, "maxUnavailable": 0, "partition": 0 },
        },
        "status": { "observedGeneration": 3, "updateRevision": "demo-abc", "conditions": [] },
    });
    change(&mut object);
    CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object).unwrap()).unwrap()
}
