//! The envelope that Kubernetes demands around a flow: group, kind, `spec` and `status`.
//!
//! Vocabulary comes from the core; only what Kubernetes alone knows (pod template, selector, volume
//! claims, observed generation) is declared here. The checks on it are in `crd/rules.rs`.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use triton_core::model::{BegunWith, NonUpdateStrategy, Record, RollbackTarget, UpdateStrategy};

/// One order to an application, carried out once and in batches.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "apps.triton.io",
    version = "v1alpha1",
    kind = "DeployFlow",
    plural = "deployflows",
    shortname = "df",
    namespaced,
    status = "DeployFlowStatus",
    derive = "PartialEq",
    doc = "One order to an application, carried out once and in batches",
    printcolumn = r#"{"name":"REPLICAS","type":"integer","jsonPath":".status.replicas","description":"Active pods"}"#,
    printcolumn = r#"{"name":"UPDATED_READY_REPLICAS","type":"integer","jsonPath":".status.updatedReadyReplicas","description":"Pods as the flow wants them, in traffic"}"#,
    printcolumn = r#"{"name":"FINISHED_REPLICAS","type":"integer","jsonPath":".status.finishedReplicas","description":"Pods of finished batches"}"#,
    printcolumn = r#"{"name":"PHASE","type":"string","jsonPath":".status.phase"}"#,
    printcolumn = r#"{"name":"BATCHES","type":"integer","jsonPath":".status.batches","description":"Batches in all"}"#,
    printcolumn = r#"{"name":"CURRENT_BATCH_SIZE","type":"integer","jsonPath":".status.conditions[-1:].batchSize"}"#,
    printcolumn = r#"{"name":"AGE","type":"date","jsonPath":".metadata.creationTimestamp"}"#,
    printcolumn = r#"{"name":"UPDATE_AT","type":"date","jsonPath":".status.updatedAt","priority":1}"#,
    printcolumn = r#"{"name":"PODS","type":"string","jsonPath":".status.pods","priority":1}"#,
    printcolumn = r#"{"name":"WAITING","type":"string","jsonPath":".status.message","priority":1,"description":"What the flow waits for"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct DeployFlowSpec {
    /// What to do with the application: create, update, rollback, restart, scale, scale_in, scale_out, start,
    /// stop or delete.
    pub action: String,
    /// The application and its pods.
    pub application: Application,
    /// How a create, an update or a rollback goes: batches, gates and standing orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<UpdateStrategy>,
    /// How a restart, a change of size or a deletion goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub non_update_strategy: Option<NonUpdateStrategy>,
    /// What a rollback returns to; the last good revision before the current one when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<RollbackTarget>,
}

/// The application that a flow acts on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Label `app` of the pods.
    #[serde(rename = "appID")]
    pub app_id: i64,
    /// Label `group` of the pods.
    #[serde(rename = "groupID")]
    pub group_id: i64,
    /// Label `app.kubernetes.io/name` of the pods.
    pub app_name: String,
    /// Label `app.kubernetes.io/instance` of the pods, and the name of the CloneSet.
    pub instance_name: String,
    /// Pods wanted; missing on update: as many as there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// Labels that the pods are selected by; the identity labels when missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "selector")]
    pub selector: Option<Value>,
    /// The pods to run. The identity labels are added to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "pod_template")]
    pub template: Option<Value>,
    /// Kind of workload: `cloneset`, also when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_type: Option<String>,
    /// Volume claims that are made for each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "claims")]
    pub volume_claim_templates: Option<Value>,
    /// Labels for the workload besides the identity labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application_label: Option<BTreeMap<String, String>>,
}

/// How far a flow is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployFlowStatus {
    /// The snapshot that the core writes.
    #[serde(flatten)]
    pub record: Record,
    /// `metadata.generation` of the spec that this status is about.
    #[serde(default)]
    pub observed_generation: i64,
    /// What the spec said when the flow began, for as long as the flow runs: the fields that never change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_with: Option<BegunWith>,
    /// Hash of `progress` and `begunWith` as the operator wrote them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_hash: Option<String>,
}

/// A label selector (Kubernetes: `meta/v1 LabelSelector`), typed so that rules can read it.
fn selector(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": string_map(),
            "matchExpressions": {
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string" },
                        "operator": { "type": "string" },
                        "values": {
                            "type": "array",
                            "nullable": true,
                            "x-kubernetes-list-type": "atomic",
                            "items": { "type": "string" }
                        }
                    }
                }
            }
        }
    })
}

/// A pod template: its labels and containers are visible to rules, the rest is kept as it is.
fn pod_template(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "nullable": true,
        "x-kubernetes-preserve-unknown-fields": true,
        "properties": {
            "metadata": {
                "type": "object",
                "nullable": true,
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": { "labels": string_map() }
            },
            "spec": {
                "type": "object",
                "nullable": true,
                "x-kubernetes-preserve-unknown-fields": true,
                "properties": {
                    "containers": {
                        "type": "array",
                        "nullable": true,
                        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
                    }
                }
            }
        }
    })
}

fn claims(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "nullable": true,
        "items": { "type": "object", "x-kubernetes-preserve-unknown-fields": true }
    })
}

fn string_map() -> Value {
    serde_json::json!({ "type": "object", "nullable": true, "additionalProperties": { "type": "string" } })
}
