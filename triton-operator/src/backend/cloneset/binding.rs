//! OpenKruise's CloneSet (`apps.kruise.io/v1alpha1`), as far as triton touches it.
//!
//! Fields that triton reads or writes are typed; everything else is kept as it is, so that an object can
//! be read and written back without a loss. [`CloneSet::crd`](kube::CustomResourceExt::crd) of this
//! binding is what tests install where no OpenKruise is; names, types and required fields follow the
//! resource definition of OpenKruise 1.9.0.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Fields that are kept but not understood.
pub type Rest = BTreeMap<String, Value>;

/// Desired state of a CloneSet.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "apps.kruise.io",
    version = "v1alpha1",
    kind = "CloneSet",
    plural = "clonesets",
    shortname = "clone",
    namespaced,
    status = "CloneSetStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "CloneSet of OpenKruise, as far as triton touches it",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.labelSelector"
    ),
    printcolumn = r#"{"name":"DESIRED","type":"integer","jsonPath":".spec.replicas"}"#,
    printcolumn = r#"{"name":"UPDATED","type":"integer","jsonPath":".status.updatedReplicas"}"#,
    printcolumn = r#"{"name":"UPDATED_READY","type":"integer","jsonPath":".status.updatedReadyReplicas"}"#,
    printcolumn = r#"{"name":"READY","type":"integer","jsonPath":".status.readyReplicas"}"#,
    printcolumn = r#"{"name":"TOTAL","type":"integer","jsonPath":".status.replicas"}"#,
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct CloneSetSpec {
    /// Pods wanted; 1 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods belong to it.
    pub selector: LabelSelector,
    /// The pods to run.
    #[schemars(schema_with = "anything")]
    pub template: Value,
    /// Seconds for which a pod has to be ready to count as available; 0 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,
    /// Volume claims per pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "anything")]
    pub volume_claim_templates: Option<Value>,
    /// How pods are replaced.
    #[serde(default)]
    pub update_strategy: UpdateStrategy,
    /// How the number of pods changes.
    #[serde(default)]
    pub scale_strategy: ScaleStrategy,
    /// Hooks in the life of a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// How pods are replaced when the template changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct UpdateStrategy {
    /// `ReCreate` (default), `InPlaceIfPossible` or `InPlaceOnly`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "type")]
    pub kind: Option<String>,
    /// Pods to keep at old revisions; 0 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<IntOrString>,
    /// Pods above `replicas` during an exchange; 0 when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
    /// Pods that may be unavailable during an exchange; 20 % when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Updates stand still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// How the number of pods changes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct ScaleStrategy {
    /// Names of pods to remove first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods_to_delete: Option<Vec<String>>,
    /// While so many pods are out of service, none starts; no limit when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// Hooks in the life of a pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct Lifecycle {
    /// Asked before a pod is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pre_delete: Option<LifecycleHook>,
    /// Asked before a pod is updated in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place_update: Option<LifecycleHook>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// A hook: it holds pods that carry all of its labels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct LifecycleHook {
    /// Labels that hold a pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_handler: Option<BTreeMap<String, String>>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// Observed state of a CloneSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct CloneSetStatus {
    /// `metadata.generation` of the spec that this status is about.
    #[serde(default)]
    pub observed_generation: i64,
    /// Its pods.
    #[serde(default)]
    pub replicas: i32,
    /// Pods that are ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Pods that are available; those in `PreparingDelete` are not counted.
    #[serde(default)]
    pub available_replicas: i32,
    /// Pods of the update revision.
    #[serde(default)]
    pub updated_replicas: i32,
    /// Of those, ready ones.
    #[serde(default)]
    pub updated_ready_replicas: i32,
    /// Of those, available ones.
    #[serde(default)]
    pub updated_available_replicas: i32,
    /// `replicas` less `partition`.
    #[serde(default)]
    pub expected_updated_replicas: i32,
    /// Revision that new pods get: the name of a `ControllerRevision`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub update_revision: String,
    /// Revision that pods had before; follows once all pods are updated.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub current_revision: String,
    /// The selector as text, for autoscalers.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label_selector: String,
    /// Hash collisions of revision names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// What its controller says of itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<CloneSetCondition>,
    /// Everything else.
    #[serde(flatten)]
    #[schemars(skip)]
    pub rest: Rest,
}

/// Something that the controller of a CloneSet says of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = kept)]
pub struct CloneSetCondition {
    /// Such as `FailedScale`: pods could not be made or deleted.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default)]
    pub status: String,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
    /// In the words of whoever refused.
    #[serde(default)]
    pub message: String,
}

fn anything(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// Makes an object keep the fields that it does not declare.
fn kept(schema: &mut Schema) {
    schema.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
}
