//! The CloneSet resource as OpenKruise's webhooks make it behave: what they fill in, and the cheap part of
//! what they refuse.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, ValidationRule,
};
use serde_json::json;

/// Adds OpenKruise's defaults (a field left out of an apply is filled in: replicas 1, partition 0, that is
/// a full rollout) and two of its refusals to a definition of the CloneSet.
///
/// # Panics
/// When the definition lacks one of the fields.
#[must_use]
pub fn with_defaults(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
        let spec = field(schema.expect("a CloneSet has a schema"), "spec");
        spec.x_kubernetes_validations.get_or_insert_default().push(refuse(
            "self.replicas == 0 || !(string(self.updateStrategy.maxUnavailable) in ['0', '0%']) || \
             (has(self.updateStrategy.maxSurge) && !(string(self.updateStrategy.maxSurge) in ['0', '0%']))",
            "maxUnavailable and maxSurge may not both be 0",
        ));
        field(spec, "replicas").default = Some(JSON(json!(1)));
        field(spec, "scaleStrategy").default = Some(JSON(json!({})));
        let update = field(spec, "updateStrategy");
        update.default = Some(JSON(json!({})));
        update.x_kubernetes_validations.get_or_insert_default().push(refuse(
            "self.type != 'InPlaceOnly' || !has(self.maxSurge)",
            "maxSurge does not go with InPlaceOnly",
        ));
        for (name, value) in
            [("type", json!("ReCreate")), ("partition", json!(0)), ("maxUnavailable", json!("20%"))]
        {
            field(update, name).default = Some(JSON(value));
        }
    }
    definition
}

fn field<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> &'a mut JSONSchemaProps {
    let fields = schema.properties.get_or_insert_default();
    fields.get_mut(name).unwrap_or_else(|| panic!("a CloneSet has the field {name}"))
}

fn refuse(rule: &str, message: &str) -> ValidationRule {
    ValidationRule { rule: rule.to_owned(), message: Some(message.to_owned()), ..ValidationRule::default() }
}
