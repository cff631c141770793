//! Updates in place, on real objects: what may be updated so, and what is written to a pod.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::Pod,
    jiff::{SignedDuration, Timestamp},
};
use serde_json::{Map, Value, json};

use super::object;

/// The readiness gate by which OpenKruise keeps a pod out of traffic while its containers are swapped.
pub(super) const GATE: &str = "InPlaceUpdateReady";
/// What the containers were before the update.
const BEFORE: &str = "apps.kruise.io/inplace-update-state";
/// What they become once the pod was out of traffic for the grace.
const LATER: &str = "apps.kruise.io/inplace-update-grace";

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
    if noted(pod, LATER).is_some() {
        return false;
    }
    let Some(before) = noted(pod, BEFORE) else { return true };
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
pub(super) fn gate(open: bool) -> Value {
    let now = now();
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

/// Strategic merge patch that gives the pod another revision: of its metadata what is not the same in both templates, and
/// its images; where there is a grace, a note of these (OpenKruise: `updatePodInPlace`).
pub(super) fn swap(pod: &Pod, old: &Value, new: &Value, revision: &str, grace: u64) -> Value {
    let mut labels = changed(&old["metadata"]["labels"], &new["metadata"]["labels"]);
    labels.insert(object::REVISION.into(), json!(revision));
    labels.insert(object::STATE.into(), json!("Updating"));
    let mut notes = changed(&old["metadata"]["annotations"], &new["metadata"]["annotations"]);
    let same = |name: &str, image: &str| self::images(old).any(|it| it == (name, image));
    let images: Map<String, Value> = images(new)
        .filter(|(name, image)| !same(name, image))
        .map(|(name, image)| (name.to_owned(), json!(image)))
        .collect();
    let mut patch = if grace > 0 {
        let later = json!({"revision": revision, "containerImages": images, "graceSeconds": grace});
        notes.insert(LATER.into(), json!(later.to_string()));
        json!({"metadata": {"annotations": {BEFORE: json!({"revision": revision, "updateTimestamp": now()}).to_string()}}})
    } else {
        exchange(pod, &images, revision)
    };
    patch["metadata"]["resourceVersion"] = json!(pod.metadata.resource_version);
    patch["metadata"]["labels"] = Value::Object(labels);
    for (key, value) in notes {
        patch["metadata"]["annotations"][key] = value;
    }
    patch
}

/// Strategic merge patch by which the pod gets its images once its grace is over; `None` before and where it has none
/// (OpenKruise: `finishGracePeriod`).
pub(super) fn finish(pod: &Pod) -> Option<Value> {
    let later = noted(pod, LATER).filter(|_| grace_left(pod).is_some_and(|left| left.is_zero()))?;
    let mut patch = exchange(pod, later["containerImages"].as_object()?, later["revision"].as_str()?);
    patch["metadata"]["resourceVersion"] = json!(pod.metadata.resource_version);
    patch["metadata"]["annotations"][LATER] = Value::Null;
    Some(patch)
}

/// How long a pod still stays out of traffic before it is updated; `None` where it waits for no such time.
pub(super) fn grace_left(pod: &Pod) -> Option<Duration> {
    let seconds = noted(pod, LATER)?["graceSeconds"].as_i64()?;
    let since: Timestamp = noted(pod, BEFORE)?["updateTimestamp"].as_str()?.parse().ok()?;
    let over = since.checked_add(SignedDuration::from_secs(seconds)).ok()?;
    Some(Duration::try_from(over.duration_since(now())).unwrap_or_default())
}

/// The images of a pod and what its containers were.
fn exchange(pod: &Pod, images: &Map<String, Value>, revision: &str) -> Value {
    let containers: Vec<Value> =
        images.iter().map(|(name, image)| json!({"name": name, "image": image})).collect();
    let statuses = pod.status.iter().flat_map(|status| status.container_statuses.iter().flatten());
    let before: Map<String, Value> = statuses
        .filter(|status| images.contains_key(&status.name))
        .map(|status| (status.name.clone(), json!({"imageID": status.image_id})))
        .collect();
    let state = json!({"revision": revision, "updateTimestamp": now(), "lastContainerStatuses": before});
    json!({
        "metadata": {"annotations": {BEFORE: state.to_string()}},
        "spec": {"containers": containers},
    })
}

fn noted(pod: &Pod, key: &str) -> Option<Value> {
    serde_json::from_str(pod.metadata.annotations.as_ref()?.get(key)?).ok()
}

#[expect(clippy::disallowed_methods, reason = "a time that is written to the API server")]
fn now() -> Timestamp {
    Timestamp::now()
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
