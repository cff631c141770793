//! The CloneSet resource as OpenKruise's webhooks make it behave: what they fill in, and the cheap part of
//! what they refuse.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionVersion, JSON, JSONSchemaProps, ValidationRule,
};
use kube::CustomResourceExt;
use serde_json::json;
use triton_operator::backend::cloneset::{api_version::ApiVersion, binding::CloneSet};

/// The definition of CloneSets that serves these versions and stores the first: nothing converts between them. With
/// OpenKruise's defaults (a field left out of an apply is filled in: replicas 1, partition 0, that is a full
/// rollout) and two of its refusals.
///
/// # Panics
/// When the binding lacks one of the fields.
#[must_use]
pub fn definition(versions: &[ApiVersion]) -> CustomResourceDefinition {
    let mut definition = CloneSet::crd();
    let [alpha] = definition.spec.versions.as_slice() else { panic!("the binding is of one version") };
    let alpha = alpha.clone();
    definition.spec.versions = versions.iter().map(|version| served(*version, alpha.clone())).collect();
    definition.spec.versions.iter_mut().skip(1).for_each(|version| version.storage = false);
    definition
}

fn served(
    version: ApiVersion,
    mut definition: CustomResourceDefinitionVersion,
) -> CustomResourceDefinitionVersion {
    definition.name = version.resource().version;
    let schema = definition.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut());
    let spec = field(schema.expect("a CloneSet has a schema"), "spec");
    let at = format!("self.{}", version.strategy(""));
    spec.x_kubernetes_validations.get_or_insert_default().push(refuse(
        &format!(
            "self.replicas == 0 || !(string({at}maxUnavailable) in ['0', '0%']) || \
             (has({at}maxSurge) && !(string({at}maxSurge) in ['0', '0%']))"
        ),
        "maxUnavailable and maxSurge may not both be 0",
    ));
    field(spec, "replicas").default = Some(JSON(json!(1)));
    let scale = field(spec, "scaleStrategy");
    scale.default = Some(JSON(json!({})));
    let update = field(spec, "updateStrategy");
    update.default = Some(JSON(json!({})));
    let rolling = match version {
        ApiVersion::V1Alpha1 => update,
        ApiVersion::V1Beta1 => rolling(update),
    };
    let policy = version.policy();
    rolling.x_kubernetes_validations.get_or_insert_default().push(refuse(
        &format!("self.{policy} != 'InPlaceOnly' || !has(self.maxSurge)"),
        "maxSurge does not go with InPlaceOnly",
    ));
    for (name, value) in
        [(policy, json!("ReCreate")), ("partition", json!(0)), ("maxUnavailable", json!("20%"))]
    {
        field(rolling, name).default = Some(JSON(value));
    }
    if version == ApiVersion::V1Beta1 {
        let scale = field(spec, "scaleStrategy").properties.get_or_insert_default();
        scale.insert("excludePreparingDelete".into(), boolean(None));
        scale.insert("enablePVCReuse".into(), boolean(Some(false)));
    }
    definition
}

/// Moves what concerns the exchange of pods one level down, as `v1beta1` has it.
fn rolling(update: &mut JSONSchemaProps) -> &mut JSONSchemaProps {
    let mut rolling = JSONSchemaProps { default: Some(JSON(json!({}))), ..update.clone() };
    let fields = rolling.properties.get_or_insert_default();
    let kind = fields.remove("type").expect("a strategy has a type");
    fields.insert("podUpdatePolicy".into(), kind.clone());
    let kind = JSONSchemaProps { default: Some(JSON(json!("RollingUpdate"))), ..kind };
    update.properties = Some([("type".into(), kind), ("rollingUpdate".into(), rolling)].into());
    field(update, "rollingUpdate")
}

fn boolean(default: Option<bool>) -> JSONSchemaProps {
    let default = default.map(|default| JSON(json!(default)));
    JSONSchemaProps { type_: Some("boolean".into()), default, ..JSONSchemaProps::default() }
}

fn field<'a>(schema: &'a mut JSONSchemaProps, name: &str) -> &'a mut JSONSchemaProps {
    let fields = schema.properties.get_or_insert_default();
    fields.get_mut(name).unwrap_or_else(|| panic!("a CloneSet has the field {name}"))
}

fn refuse(rule: &str, message: &str) -> ValidationRule {
    ValidationRule { rule: rule.to_owned(), message: Some(message.to_owned()), ..ValidationRule::default() }
}
