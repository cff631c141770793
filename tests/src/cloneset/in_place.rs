//! Updates in place, on real objects: what may be updated so, and what is written to a pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Map, Value, json};

use super::object;

/// The readiness gate by which OpenKruise keeps a pod out of traffic while its containers are swapped.
pub(super) const GATE: &str = "InPlaceUpdateReady";
/// What the containers were before the update.
const BEFORE: &str = "apps.kruise.io/inplace-update-state";

/// Whether two templates differ in images of containers and in metadata alone (OpenKruise:
/// `defaultCalculateInPlaceUpdateSpec`).
pub(super) fn differs_in_images_alone(old: &Value, new: &Value) -> bool {
    frame(old) == frame(new)
}

/// A template without its metadata and the images of its containers.
fn frame(template: &Value) -> Value {
    let mut template = template.clone();
    template["metadata"] = Value::Null;
    for container in template["spec"]["containers"].as_array_mut().into_iter().flatten() {
        if let Some(image) = container.get_mut("image") {
            *image = Value::Null;
        }
    }
    template
}

/// Whether the containers run what the spec of the pod says, as far as the kubelet has reported
/// (OpenKruise: `DefaultCheckInPlaceUpdateCompleted`).
pub(super) fn swapped(pod: &Pod) -> bool {
    let Some(before) = pod.metadata.annotations.as_ref().and_then(|notes| notes.get(BEFORE)) else {
        return true;
    };
    let before: Value = serde_json::from_str(before).unwrap_or_default();
    let Some(before) = before["lastContainerStatuses"].as_object() else { return true };
    let wanted = |name: &str| {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        containers.into_iter().find(|container| container.name == name)?.image.as_deref()
    };
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let done = statuses.filter(|status| {
        let old = before.get(&status.name).and_then(|old| old["imageID"].as_str());
        old.is_some_and(|old| old != status.image_id || wanted(&status.name) == Some(&*status.image))
    });
    done.count() == before.len()
}

/// Whether the gate of updates in place is not true.
pub(super) fn held_back(pod: &Pod) -> bool {
    let gates = pod.spec.iter().flat_map(|spec| spec.readiness_gates.iter().flatten());
    let gated = gates.into_iter().any(|gate| gate.condition_type == GATE);
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    gated && !conditions.into_iter().any(|it| it.type_ == GATE && it.status == "True")
}

/// Patch of the pod's status that opens the gate, or closes it, and with it the pod's own readiness.
#[expect(clippy::disallowed_methods, reason = "a time that is written to the API server")]
pub(super) fn gate(open: bool) -> Value {
    let now = k8s_openapi::jiff::Timestamp::now();
    let condition = |kind: &str, on: bool| {
        let status = if on { "True" } else { "False" };
        json!({"type": kind, "status": status, "lastTransitionTime": now})
    };
    let mut conditions = vec![condition(GATE, open)];
    // The kubelet alone says that a pod is ready.
    if !open {
        conditions.push(condition("Ready", false));
    }
    json!({"status": {"conditions": conditions}})
}

/// Strategic merge patch that gives the pod another revision: its images, and of its metadata what is not
/// the same in both templates.
pub(super) fn swap(pod: &Pod, old: &Value, new: &Value, revision: &str) -> Value {
    let mut labels = changed(&old["metadata"]["labels"], &new["metadata"]["labels"]);
    labels.insert(object::REVISION.into(), json!(revision));
    labels.insert(object::STATE.into(), json!("Updating"));
    let mut notes = changed(&old["metadata"]["annotations"], &new["metadata"]["annotations"]);
    let images: BTreeMap<&str, &str> = images(new).collect();
    let same = |name: &str, image: &str| self::images(old).any(|it| it == (name, image));
    let differ: Vec<_> = images.iter().filter(|(name, image)| !same(name, image)).collect();
    let containers: Vec<Value> =
        differ.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let before: Map<String, Value> = statuses
        .filter(|status| differ.iter().any(|(name, _)| **name == status.name))
        .map(|status| (status.name.clone(), json!({"imageID": status.image_id})))
        .collect();
    let state = json!({"revision": revision, "lastContainerStatuses": before});
    notes.insert(BEFORE.into(), json!(state.to_string()));
    json!({
        "metadata": {
            "resourceVersion": pod.metadata.resource_version,
            "labels": labels,
            "annotations": notes,
        },
        "spec": {"containers": containers},
    })
}

/// Images by the names of the containers.
fn images(template: &Value) -> impl Iterator<Item = (&str, &str)> {
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|container| Some((container["name"].as_str()?, container["image"].as_str()?)))
}

/// What makes the new one of the old one: values, and nothing where something goes away.
fn changed(old: &Value, new: &Value) -> Map<String, Value> {
    let none = Map::new();
    let (old, new) = (old.as_object().unwrap_or(&none), new.as_object().unwrap_or(&none));
    let gone = old.keys().filter(|key| !new.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let other = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    gone.chain(other.map(|(key, value)| (key.clone(), value.clone()))).collect()
}
