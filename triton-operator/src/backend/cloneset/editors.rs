//! Who wrote a field of a CloneSet last (Kubernetes: field management).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use triton_core::model::Field;

use crate::labels;

/// The fields that somebody else than triton manages, with who wrote last to each.
#[must_use]
pub fn editors(meta: &ObjectMeta) -> Vec<(Field, String)> {
    Field::ALL.into_iter().filter_map(|field| Some((field, editor(meta, field)?))).collect()
}

/// Who wrote last to a field that somebody else than triton manages.
#[must_use]
pub fn editor(meta: &ObjectMeta, field: Field) -> Option<String> {
    let managed = meta.managed_fields.as_deref().unwrap_or_default();
    let others = managed.iter().filter(|entry| {
        let status = entry.subresource.as_deref() == Some("status");
        !status && entry.manager.as_deref() != Some(labels::MANAGER)
    });
    let writes = others.filter(|entry| entry.fields_v1.as_ref().is_some_and(|fields| has(&fields.0, field)));
    let last = writes.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
    last.manager.clone()
}

/// Whether a field is in a set of fields (Kubernetes: `FieldsV1`). An entry keeps the paths of the version of the API
/// that its manager wrote in, and no path means another field in another version.
fn has(set: &Value, field: Field) -> bool {
    let spec = &set["f:spec"];
    let strategy = |name: &str| {
        let strategy = &spec["f:updateStrategy"];
        [strategy, &strategy["f:rollingUpdate"]].iter().any(|at| at.get(name).is_some())
    };
    match field {
        Field::Template | Field::Revision => spec.get("f:template").is_some(),
        Field::Policy => strategy("f:type") || strategy("f:podUpdatePolicy"),
        Field::Replicas => spec.get("f:replicas").is_some(),
        Field::Partition => strategy("f:partition"),
        Field::MaxSurge => strategy("f:maxSurge"),
        Field::MaxUnavailable => strategy("f:maxUnavailable"),
        Field::Paused => strategy("f:paused"),
        Field::PodsToDelete => spec["f:scaleStrategy"].get("f:podsToDelete").is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_other_manager_of_a_field_is_named() {
        let entry = |manager: &str, time: &str, subresource: Option<&str>, fields: Value| {
            let version = if fields.to_string().contains("rollingUpdate") { "v1beta1" } else { "v1alpha1" };
            json!({
                "manager": manager, "operation": "Update", "apiVersion": format!("apps.kruise.io/{version}"),
                "time": time, "subresource": subresource, "fieldsType": "FieldsV1", "fieldsV1": fields,
            })
        };
        let partition = json!({ "f:spec": { "f:updateStrategy": { "f:partition": {} } } });
        let surge = json!({ "f:spec": { "f:updateStrategy": { "f:rollingUpdate": { "f:maxSurge": {} } } } });
        let size = json!({ "f:spec": { "f:replicas": {} } });
        let meta: ObjectMeta = serde_json::from_value(json!({ "managedFields": [
            entry("kubectl-create", "2026-01-01T00:00:00Z", None, partition.clone()),
            entry("kubectl-patch", "2026-01-01T00:00:01Z", None, partition.clone()),
            entry("triton", "2026-01-01T00:00:02Z", None, partition),
            entry("flux", "2026-01-01T00:00:03Z", None, surge),
            entry("horizontal-pod-autoscaler", "2026-01-01T00:00:00Z", Some("scale"), size.clone()),
            entry("kruise", "2026-01-01T00:00:09Z", Some("status"), size),
        ] }))
        .expect("metadata");
        let named = [
            (Field::Replicas, "horizontal-pod-autoscaler"),
            (Field::Partition, "kubectl-patch"),
            (Field::MaxSurge, "flux"),
        ];
        assert_eq!(editors(&meta), named.map(|(field, by)| (field, by.to_owned())));
    }
}
