//! Who wrote a field of a CloneSet last (Kubernetes: field management).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
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
    let writes = others.filter(|entry| {
        entry.fields_v1.as_ref().is_some_and(|fields| fields.0.pointer(path(field)).is_some())
    });
    let last = writes.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
    last.manager.clone()
}

/// Where the field is in a set of fields (Kubernetes: `FieldsV1`).
const fn path(field: Field) -> &'static str {
    match field {
        Field::Template => "/f:spec/f:template",
        Field::Replicas => "/f:spec/f:replicas",
        Field::Partition => "/f:spec/f:updateStrategy/f:partition",
        Field::MaxSurge => "/f:spec/f:updateStrategy/f:maxSurge",
        Field::MaxUnavailable => "/f:spec/f:updateStrategy/f:maxUnavailable",
        Field::Paused => "/f:spec/f:updateStrategy/f:paused",
        Field::PodsToDelete => "/f:spec/f:scaleStrategy/f:podsToDelete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_other_manager_of_a_field_is_named() {
        let entry = |manager: &str, time: &str, subresource: Option<&str>, fields: serde_json::Value| {
            json!({
                "manager": manager, "operation": "Update", "apiVersion": "apps.kruise.io/v1alpha1",
                "time": time, "subresource": subresource, "fieldsType": "FieldsV1", "fieldsV1": fields,
            })
        };
        let partition = json!({ "f:spec": { "f:updateStrategy": { "f:partition": {} } } });
        let size = json!({ "f:spec": { "f:replicas": {} } });
        let meta: ObjectMeta = serde_json::from_value(json!({ "managedFields": [
            entry("kubectl-create", "2026-01-01T00:00:00Z", None, partition.clone()),
            entry("kubectl-patch", "2026-01-01T00:00:01Z", None, partition.clone()),
            entry("triton", "2026-01-01T00:00:02Z", None, partition),
            entry("horizontal-pod-autoscaler", "2026-01-01T00:00:00Z", Some("scale"), size.clone()),
            entry("kruise", "2026-01-01T00:00:09Z", Some("status"), size),
        ] }))
        .expect("metadata");
        let named = [(Field::Replicas, "horizontal-pod-autoscaler"), (Field::Partition, "kubectl-patch")];
        assert_eq!(editors(&meta), named.map(|(field, by)| (field, by.to_owned())));
    }
}
