//! What Kubernetes tools read of a flow. `kubectl wait` and kstatus (sigs.k8s.io/cli-utils) look for conditions in
//! `status.conditions` and know nothing else of a custom resource. The list is one of batches, and its newest
//! entry carries one condition beside its batch; a flow without a batch has an entry of batch 0 for it.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use triton_core::model::{Progress, Report, Timestamp, Verdict};

/// The type of a condition, which is always true (kstatus: standard conditions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConditionType {
    /// The flow goes on by itself or by a person's permission (kstatus: `InProgress`).
    Reconciling,
    /// The flow does not go on, or ended without doing what was ordered (kstatus: `Failed`).
    Stalled,
    /// The order was carried out (kstatus: `Current`).
    Ready,
}

/// The condition of a flow, as far as the next one depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Since when it has had this type.
    #[serde(rename = "lastTransitionTime")]
    pub since: Timestamp,
}

/// Reasons of waits that end only when a person corrects what is stored.
const UNREADABLE: [&str; 2] = ["InvalidSpec", "LockUnreadable"];

impl Condition {
    /// The condition of a flow after another one.
    #[must_use]
    pub fn after(before: Option<Self>, progress: &Progress, report: &Report) -> Self {
        let unreadable = || {
            let waiting = report.waiting.as_ref();
            waiting.is_some_and(|waiting| UNREADABLE.contains(&waiting.reason.as_str()))
        };
        let kind = match progress {
            Progress::Finished { verdict, .. } => match verdict {
                Verdict::Succeeded | Verdict::AlreadyCarriedOut { .. } => ConditionType::Ready,
                Verdict::Failed(_) | Verdict::Canceled | Verdict::Aborted { .. } => ConditionType::Stalled,
            },
            _ if progress.hold().is_some() || unreadable() => ConditionType::Stalled,
            _ => ConditionType::Reconciling,
        };
        let same = before.filter(|before| before.kind == kind);
        same.unwrap_or_else(|| Self { kind, since: report.updated_at.unwrap_or_default() })
    }

    /// Writes it into the newest entry of a status.
    pub fn write(self, status: &mut Value) {
        let fields = json!({
            "type": self.kind,
            "status": "True",
            "reason": status["reason"],
            "message": status["message"],
            "lastTransitionTime": self.since,
        });
        let Some(list) = status["conditions"].as_array_mut() else { return };
        if list.is_empty() {
            list.push(json!({ "batch": NO_BATCH, "batchSize": 0 }));
        }
        let newest = list.last_mut().and_then(Value::as_object_mut);
        newest.into_iter().for_each(|newest| newest.extend(fields.as_object().cloned().unwrap_or_default()));
    }

    /// Reads it from a status; what else is in there is one of batches once more.
    #[must_use]
    pub fn take(status: &mut Value) -> Option<Self> {
        let list = status.get_mut("conditions")?.as_array_mut()?;
        let condition = serde_json::from_value(list.last()?.clone()).ok();
        list.retain(|entry| entry["batch"] != NO_BATCH);
        condition
    }
}

/// Number of the batch of an entry that is of none.
const NO_BATCH: u32 = 0;

/// Adds the fields of a condition to those of a batch in the generated definition. Until its first status is
/// written a flow has one of no generation: kstatus takes an object without a status for a finished one.
pub(super) fn declare(crd: &mut CustomResourceDefinition) {
    let schemas = crd.spec.versions.iter_mut().filter_map(|version| version.schema.as_mut());
    for root in schemas.filter_map(|schema| schema.open_api_v3_schema.as_mut()) {
        let status = root.properties.as_mut().and_then(|fields| fields.get_mut("status"));
        let Some(status) = status else { continue };
        status.default = Some(JSON(json!({ "observedGeneration": -1 })));
        let list = status.properties.as_mut().and_then(|fields| fields.get_mut("conditions"));
        if let Some(JSONSchemaPropsOrArray::Schema(entry)) = list.and_then(|list| list.items.as_mut()) {
            entry.properties.get_or_insert_default().extend(fields());
        }
    }
}

fn fields() -> [(String, JSONSchemaProps); 5] {
    [
        ("type", "Of the newest entry: Reconciling, Stalled (held, or ended without success) or Ready."),
        ("status", "Of the newest entry: True."),
        ("reason", "Of the newest entry: the same as status.reason."),
        ("message", "Of the newest entry: the same as status.message."),
        ("lastTransitionTime", "Of the newest entry: since when the flow has had this type of condition."),
    ]
    .map(|(name, says)| {
        let schema = JSONSchemaProps {
            description: Some(says.into()),
            type_: Some("string".into()),
            ..JSONSchemaProps::default()
        };
        (name.into(), schema)
    })
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
