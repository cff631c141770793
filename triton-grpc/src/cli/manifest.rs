//! Flows as somebody wrote them: YAML or JSON, one document or several.

use std::fs;
use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use triton_core::model::{
    Draft, Fault, Faults, FlowName, Namespace, NonUpdateStrategy, RollbackTarget, UpdateStrategy,
};

use super::failure::Failure;

/// A flow that a manifest describes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    /// `metadata.name`.
    pub(super) name: Option<FlowName>,
    /// `metadata.namespace`.
    pub(super) namespace: Option<Namespace>,
    /// `spec`.
    pub(super) draft: Draft,
}

/// What a manifest holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Manifest {
    /// Its flows, in order.
    pub(super) flows: Vec<Described>,
    /// `Kind name` of the other documents.
    pub(super) others: Vec<String>,
}

/// `spec.application`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(rename = "appID")]
    app_id: i64,
    #[serde(rename = "groupID")]
    group_id: i64,
    app_name: String,
    instance_name: String,
    replicas: Option<i64>,
    selector: Option<Value>,
    template: Option<Value>,
    application_type: Option<String>,
    volume_claim_templates: Option<Value>,
    application_label: Option<BTreeMap<String, String>>,
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(file: &str) -> Result<Manifest, Failure> {
    let mut text = String::new();
    let read = match file {
        "-" => io::stdin().read_to_string(&mut text).map(|_| text),
        file => fs::read_to_string(file),
    };
    let text = read.map_err(|error| Failure::new(format!("{file}: {error}")))?;
    let manifest = parse(&text)?;
    if manifest.flows.is_empty() {
        let found = if manifest.others.is_empty() { "nothing".into() } else { manifest.others.join(", ") };
        let hint = "a flow has apiVersion: apps.triton.io/v1alpha1 and kind: DeployFlow";
        return Err(Failure::new(format!("{file} holds no DeployFlow; it holds {found}")).hint(hint));
    }
    Ok(manifest)
}

/// Reads a text.
pub(super) fn parse(text: &str) -> Result<Manifest, Failure> {
    let mut manifest = Manifest::default();
    for document in serde_norway::Deserializer::from_str(text) {
        let document = Value::deserialize(document)
            .map_err(|error| Failure::new(format!("the manifest cannot be read: {error}")))?;
        take(&document, &mut manifest)?;
    }
    Ok(manifest)
}

/// Takes one document; a list is taken apart.
fn take(document: &Value, manifest: &mut Manifest) -> Result<(), Failure> {
    let kind = document["kind"].as_str().unwrap_or_default();
    let name = document["metadata"]["name"].as_str().unwrap_or_default();
    match kind {
        _ if document.is_null() => {}
        "DeployFlow" => manifest.flows.push(described(document)?),
        _ if document["items"].is_array() => {
            for item in document["items"].as_array().into_iter().flatten() {
                take(item, manifest)?;
            }
        }
        "" => return Err(Failure::new("the manifest holds a document without a kind")),
        _ => manifest.others.push(format!("{kind} {name}").trim_end().to_owned()),
    }
    Ok(())
}

fn described(document: &Value) -> Result<Described, Failure> {
    let version = document["apiVersion"].as_str().unwrap_or_default();
    if version != "apps.triton.io/v1alpha1" {
        return Err(fault("apiVersion", "must be apps.triton.io/v1alpha1").into());
    }
    let metadata = &document["metadata"];
    let text = |field: &str| metadata[field].as_str().filter(|text| !text.is_empty());
    let name = text("name").map(FlowName::new).transpose();
    let namespace = text("namespace").map(Namespace::new).transpose();
    Ok(Described {
        name: name.map_err(|error| fault("metadata.name", error.fault))?,
        namespace: namespace.map_err(|error| fault("metadata.namespace", error.fault))?,
        draft: draft(&document["spec"])?,
    })
}

/// The draft in a `spec`. What it does not know is refused: a field with a slip of the pen would else be
/// left out in silence.
fn draft(spec: &Value) -> Result<Draft, Faults> {
    let known = ["action", "application", "updateStrategy", "nonUpdateStrategy", "rollbackTo"];
    if let Some(unknown) = spec.as_object().and_then(|spec| spec.keys().find(|key| !known.contains(&&***key)))
    {
        return Err(fault(&format!("spec.{unknown}"), "is no field of a flow"));
    }
    let Some(application) = part::<Application>(spec, "application")? else {
        return Err(fault("spec.application", "is required"));
    };
    Ok(Draft {
        action: part(spec, "action")?.unwrap_or_default(),
        app_id: application.app_id,
        group_id: application.group_id,
        app_name: application.app_name,
        instance_name: application.instance_name,
        replicas: application.replicas,
        application_type: application.application_type.unwrap_or_default(),
        application_label: application.application_label.unwrap_or_default(),
        selector: application.selector,
        template: application.template,
        volume_claim_templates: application.volume_claim_templates,
        update_strategy: part::<UpdateStrategy>(spec, "updateStrategy")?,
        non_update_strategy: part::<NonUpdateStrategy>(spec, "nonUpdateStrategy")?,
        rollback_to: part::<RollbackTarget>(spec, "rollbackTo")?,
    })
}

/// One part of the spec; `None` where there is none.
fn part<T: DeserializeOwned + PartialEq>(spec: &Value, name: &str) -> Result<Option<T>, Faults> {
    let (given, path) = (&spec[name], format!("spec.{name}"));
    if given.is_null() {
        return Ok(None);
    }
    let read = |value: &Value| serde_json::from_value::<T>(value.clone());
    let part = read(given).map_err(|error| fault(&path, &error.to_string()))?;
    for (field, _) in given.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        let mut without = given.clone();
        without.as_object_mut().map(|fields| fields.remove(field));
        // A field that makes no difference is one that nobody reads.
        if read(&without).is_ok_and(|without| without == part) {
            return Err(fault(&format!("{path}.{field}"), "is no field of a flow"));
        }
    }
    Ok(Some(part))
}

fn fault(field: &str, message: &str) -> Faults {
    Faults(vec![Fault { field: field.into(), message: message.into() }])
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUTORIAL: &str = include_str!("../../../docs/tutorial/nginx-deployflow.yaml");

    #[test]
    fn the_tutorial_holds_one_flow_and_a_service() {
        let manifest = parse(TUTORIAL).unwrap();
        assert_eq!(manifest.others, ["Service sample-12122-svc"]);
        let [flow] = &manifest.flows[..] else { panic!("{manifest:?}") };
        assert_eq!(flow.name.as_ref().map(FlowName::as_str), Some("12122-sample-10010-df"));
        assert_eq!(flow.draft.replicas, Some(3));
        assert!(flow.draft.parse().is_ok());
    }

    #[test]
    fn json_and_lists_are_read_as_well() {
        let flow = first(TUTORIAL);
        let list = serde_json::json!({ "kind": "List", "items": [flow, flow] }).to_string();
        assert_eq!(parse(&list).unwrap().flows.len(), 2);
    }

    #[test]
    fn a_slip_of_the_pen_is_named_with_its_path() {
        for (from, to, field) in [
            ("batchSize:", "batchsize:", "spec.updateStrategy.batchsize"),
            ("replicas:", "replica:", "spec.application.replica"),
            ("  updateStrategy:", "  updatestrategy:", "spec.updatestrategy"),
            ("v1alpha1", "v2", "apiVersion"),
            ("canary: 1", "canary: one", "spec.updateStrategy"),
            ("name: 12122-sample-10010-df", "name: A_B", "metadata.name"),
        ] {
            let failure = parse(&TUTORIAL.replacen(from, to, 1)).unwrap_err();
            assert!(failure.message.contains(&format!("{field}: ")), "{field}: {}", failure.message);
        }
    }

    fn first(text: &str) -> Value {
        Value::deserialize(serde_norway::Deserializer::from_str(text).next().unwrap()).unwrap()
    }
}
