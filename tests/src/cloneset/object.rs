//! What the pure function reads, taken from real objects.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::Pod,
    apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference},
};
use kube::api::DynamicObject;
use serde_json::Value;
use triton_core::{
    model::Timestamp,
    sim::cloneset::{CloneSet, CloneSetPod, Lifecycle, UpdatePolicy},
};
use triton_operator::backend::cloneset::api_version::ApiVersion;

use super::in_place;

pub(super) const REVISION: &str = "controller-revision-hash";
pub(super) const INSTANCE: &str = "apps.kruise.io/cloneset-instance-id";
pub(super) const STATE: &str = "lifecycle.apps.kruise.io/state";
pub(super) const SPECIFIED: &str = "apps.kruise.io/specified-delete";
const EXCLUDE: &str = "apps.kruise.io/cloneset-scaling-exclude-preparing-delete";

/// The CloneSet that controls an object.
pub(super) fn owner(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references
        .iter()
        .flatten()
        .find(|owner| owner.controller == Some(true) && owner.kind == "CloneSet")
}

/// Neither being deleted nor ended (Kubernetes: `IsPodActive`).
pub(super) fn is_active(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    pod.metadata.deletion_timestamp.is_none() && !matches!(phase, Some("Failed" | "Succeeded"))
}

pub(super) fn numbers(set: &DynamicObject) -> CloneSet {
    let spec = &set.data["spec"];
    let update = strategy(set);
    let replicas = spec["replicas"].as_u64().map_or(1, |count| u32::try_from(count).unwrap_or(u32::MAX));
    let asks = |hook: &str| {
        let labels = &spec["lifecycle"][hook]["labelsHandler"];
        labels.as_object().is_some_and(|labels| !labels.is_empty())
    };
    let paused = update["paused"] == true;
    let max_surge = share(&update["maxSurge"], replicas, true).unwrap_or(0);
    // OpenKruise rounds this one up where there is no surge, and a pause takes the surge away.
    let up = max_surge == 0 || paused;
    let max_unavailable = share(&update["maxUnavailable"], replicas, up);
    CloneSet {
        replicas,
        partition: partition(&update["partition"], replicas),
        max_surge,
        max_unavailable: max_unavailable.or_else(|| share(&"20%".into(), replicas, up)).unwrap_or(0),
        paused,
        policy: policy(set),
        pre_delete_hook: asks("preDelete"),
        in_place_hook: asks("inPlaceUpdate"),
        exclude_preparing_delete: match version(set) {
            ApiVersion::V1Alpha1 => label(&set.metadata, EXCLUDE) == Some("true"),
            // Nobody reads the label any more.
            ApiVersion::V1Beta1 => spec["scaleStrategy"]["excludePreparingDelete"] == true,
        },
    }
}

/// Below 100 % at least one of several pods is updated (OpenKruise: `CalculatePartitionReplicas`).
fn partition(value: &Value, replicas: u32) -> u32 {
    let pods = share(value, replicas, true).unwrap_or(0).min(replicas);
    let short = value.as_str().is_some_and(|text| text != "100%");
    if short && replicas > 1 && pods == replicas { replicas - 1 } else { pods }
}

fn version(set: &DynamicObject) -> ApiVersion {
    ApiVersion::of(set).unwrap_or(ApiVersion::V1Alpha1)
}

/// Where a CloneSet has what concerns the exchange of its pods.
fn strategy(set: &DynamicObject) -> &Value {
    let strategy = &set.data["spec"]["updateStrategy"];
    match version(set) {
        ApiVersion::V1Alpha1 => strategy,
        ApiVersion::V1Beta1 => &strategy["rollingUpdate"],
    }
}

/// Seconds for which a pod is out of traffic before it is updated in place.
pub(super) fn grace(set: &DynamicObject) -> u64 {
    strategy(set)["inPlaceUpdateStrategy"]["gracePeriodSeconds"].as_u64().unwrap_or(0)
}

pub(super) fn policy(set: &DynamicObject) -> UpdatePolicy {
    match strategy(set)[version(set).policy()].as_str() {
        Some("InPlaceIfPossible") => UpdatePolicy::InPlaceIfPossible,
        Some("InPlaceOnly") => UpdatePolicy::InPlaceOnly,
        _ => UpdatePolicy::ReCreate,
    }
}

fn state(meta: &ObjectMeta) -> Lifecycle {
    match label(meta, STATE) {
        Some("PreparingDelete") => Lifecycle::PreparingDelete,
        Some("PreparingUpdate") => Lifecycle::PreparingUpdate,
        Some("Updating") => Lifecycle::Updating,
        Some("Updated") => Lifecycle::Updated,
        _ => Lifecycle::Normal,
    }
}

/// The revision that a pod carries.
pub(super) fn revision(meta: &ObjectMeta) -> &str {
    label(meta, REVISION).unwrap_or_default()
}

/// The instance that a pod or a claim is of.
pub(super) fn instance(meta: &ObjectMeta) -> Option<&str> {
    label(meta, INSTANCE)
}

/// A number, or a percentage of the replicas.
fn share(value: &Value, replicas: u32, up: bool) -> Option<u32> {
    if let Some(number) = value.as_u64() {
        return Some(u32::try_from(number).unwrap_or(u32::MAX));
    }
    let text = value.as_str()?;
    let Some(percent) = text.strip_suffix('%') else { return text.parse().ok() };
    let product = u64::from(replicas) * percent.parse::<u64>().ok()?;
    u32::try_from(if up { product.div_ceil(100) } else { product / 100 }).ok()
}

/// `swappable`: only images and metadata differ between its revision and the update revision.
pub(super) fn pod(set: &DynamicObject, update_revision: &str, pod: &Pod, swappable: bool) -> CloneSetPod {
    let status = pod.status.as_ref();
    let meta = &pod.metadata;
    let since = ready_since(pod);
    let restarts = status.into_iter().flat_map(|status| status.container_statuses.iter().flatten());
    let cost =
        meta.annotations.as_ref().and_then(|map| map.get("controller.kubernetes.io/pod-deletion-cost"));
    CloneSetPod {
        updated: revision(meta) == update_revision,
        state: state(meta),
        swappable,
        swapped: in_place::swapped(pod),
        held_back: in_place::held_back(pod),
        hooked: hooked(set, meta),
        specified: label(meta, SPECIFIED).is_some() || listed(set, meta),
        scheduled: pod.spec.as_ref().is_some_and(|spec| spec.node_name.is_some()),
        running: status.is_some_and(|status| status.phase.as_deref() == Some("Running")),
        ready: since.is_some(),
        young: since.is_some_and(|since| young(set, since).is_some()),
        ready_since: since.map_or_else(Timestamp::default, |time| moment(time.as_microsecond())),
        deletion_cost: cost.and_then(|cost| cost.parse().ok()).unwrap_or(0),
        restarts: restarts.map(|status| u32::try_from(status.restart_count).unwrap_or(0)).max().unwrap_or(0),
        created_at: meta
            .creation_timestamp
            .as_ref()
            .map_or_else(Timestamp::default, |time| moment(time.0.as_microsecond())),
    }
}

/// Since when a pod is ready; `None` where it is not. One whose condition has no time is ready for ever.
pub(super) fn ready_since(pod: &Pod) -> Option<k8s_openapi::jiff::Timestamp> {
    let conditions = pod.status.as_ref()?.conditions.iter().flatten();
    let mut ready = conditions.filter(|condition| condition.type_ == "Ready" && condition.status == "True");
    Some(
        ready
            .next()?
            .last_transition_time
            .as_ref()
            .map_or(k8s_openapi::jiff::Timestamp::UNIX_EPOCH, |time| time.0),
    )
}

/// For how long a pod that is ready since then does not count as available yet.
#[expect(clippy::disallowed_methods, reason = "a time that the API server wrote")]
pub(super) fn young(set: &DynamicObject, since: k8s_openapi::jiff::Timestamp) -> Option<Duration> {
    let needed = Duration::from_secs(set.data["spec"]["minReadySeconds"].as_u64().unwrap_or(0));
    let passed = k8s_openapi::jiff::Timestamp::now().duration_since(since);
    needed.checked_sub(passed.unsigned_abs()).filter(|left| !left.is_zero())
}

/// The names in `scaleStrategy.podsToDelete`.
pub(super) fn pods_to_delete(set: &DynamicObject) -> impl Iterator<Item = &str> {
    let list = &set.data["spec"]["scaleStrategy"]["podsToDelete"];
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn listed(set: &DynamicObject, meta: &ObjectMeta) -> bool {
    pods_to_delete(set).any(|name| meta.name.as_deref() == Some(name))
}

/// Whether the pod carries a label of the `preDelete` hook (OpenKruise: `IsPodHooked`); that of updates in place
/// asks for the same.
fn hooked(set: &DynamicObject, meta: &ObjectMeta) -> bool {
    let hook = &set.data["spec"]["lifecycle"]["preDelete"]["labelsHandler"];
    hook.as_object()
        .is_some_and(|labels| labels.iter().any(|(key, value)| label(meta, key) == value.as_str()))
}

/// The labels of the hook of updates in place.
pub(super) fn hook(set: &DynamicObject) -> impl Iterator<Item = (&str, &Value)> {
    let labels = set.data["spec"]["lifecycle"]["inPlaceUpdate"]["labelsHandler"].as_object();
    labels.into_iter().flatten().map(|(label, value)| (label.as_str(), value))
}

fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

fn moment(microseconds: i64) -> Timestamp {
    Timestamp::from_micros(microseconds)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentages_round_as_those_of_the_real_controller() {
        let of = |strategy: Value| {
            let set = json!({
                "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {"name": "web"},
                "spec": {"replicas": 6, "updateStrategy": strategy},
            });
            let set = numbers(&serde_json::from_value(set).expect("an object"));
            (set.partition, set.max_surge, set.max_unavailable)
        };
        assert_eq!(of(json!({})), (0, 0, 2), "20 % of 6, rounded up without a surge");
        assert_eq!(of(json!({"maxSurge": 1, "maxUnavailable": "20%"})), (0, 1, 1), "down beside one");
        assert_eq!(of(json!({"maxSurge": 1, "paused": true})), (0, 1, 2), "a pause takes the surge away");
        assert_eq!(of(json!({"partition": "90%"})).0, 5, "below 100 % one pod is updated");
        assert_eq!(of(json!({"partition": "100%"})).0, 6);
    }
}
