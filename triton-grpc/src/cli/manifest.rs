//! Flows as somebody wrote them: YAML or JSON, one document or several.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use triton_core::model::{
    self, Draft, Fault, Faults, FlowName, Namespace, NonUpdateStrategy, RollbackTarget, UpdateStrategy,
};

use super::failure::Failure;
use super::yaml;

/// What somebody may write in the metadata of a flow.
const KEPT: [&str; 4] = ["name", "namespace", "labels", "annotations"];
/// What the API server writes there itself, whatever was sent.
const WRITTEN: [&str; 5] = ["creationTimestamp", "generation", "managedFields", "selfLink", "uid"];

/// A flow that a manifest describes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Described {
    /// `metadata.name`.
    pub(super) name: Option<FlowName>,
    /// `metadata.namespace`.
    pub(super) namespace: Option<Namespace>,
    /// `spec`, and labels and annotations of `metadata`.
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
    selector: Option<Map<String, Value>>,
    template: Option<Map<String, Value>>,
    application_type: Option<String>,
    volume_claim_templates: Option<Vec<Map<String, Value>>>,
    application_label: Option<BTreeMap<String, String>>,
}

/// Reads a file, or standard input for `-`.
pub(super) fn read(file: &str) -> Result<Manifest, Failure> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => io::stdin().read_to_end(&mut bytes).map(|_| bytes),
        file => fs::read(file),
    };
    let bytes = read.map_err(|error| Failure::new(format!("{file}: {error}")))?;
    let manifest = parse(&bytes)?;
    if manifest.flows.is_empty() {
        let found = if manifest.others.is_empty() { "nothing".into() } else { manifest.others.join(", ") };
        let hint = "a flow has apiVersion: apps.triton.io/v1alpha1 and kind: DeployFlow";
        return Err(Failure::new(format!("{file} holds no DeployFlow; it holds {found}")).hint(hint));
    }
    Ok(manifest)
}

/// Reads a text.
pub(super) fn parse(text: &[u8]) -> Result<Manifest, Failure> {
    let mut manifest = Manifest::default();
    let objects =
        objects(text).map_err(|error| Failure::new(format!("the manifest cannot be read: {error}")))?;
    for object in objects {
        let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
        match text(&object["kind"]).as_str() {
            "DeployFlow" => manifest.flows.push(described(&object)?),
            "" => return Err(Failure::new("the manifest holds a document without a kind")),
            kind => {
                let name = text(&object["metadata"]["name"]);
                manifest.others.push(format!("{kind} {name}").trim_end().to_owned());
            }
        }
    }
    Ok(manifest)
}

/// The objects of a text, those in lists too.
fn objects(text: &[u8]) -> Result<Vec<Value>, yaml::Unreadable> {
    let mut objects = Vec::new();
    yaml::documents(text)?.into_iter().for_each(|document| take(document, &mut objects));
    Ok(objects)
}

/// Takes one document; a list is taken apart. What an item does not say of itself, a list of one kind says.
fn take(mut document: Value, objects: &mut Vec<Value>) {
    let Some(Value::Array(items)) = document.get_mut("items").map(Value::take) else {
        return objects.push(document);
    };
    let kind = document["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).unwrap_or_default();
    for mut item in items {
        if let Some(fields) = item.as_object_mut()
            && !kind.is_empty()
            && fields.get("kind").is_none_or(Value::is_null)
        {
            fields.insert("kind".into(), kind.into());
            fields.insert("apiVersion".into(), document["apiVersion"].clone());
        }
        take(item, objects);
    }
}

fn described(document: &Value) -> Result<Described, Failure> {
    let version = document["apiVersion"].as_str().unwrap_or_default();
    if version != "apps.triton.io/v1alpha1" {
        return Err(fault("apiVersion", "must be apps.triton.io/v1alpha1").into());
    }
    let known = ["apiVersion", "kind", "metadata", "spec", "status"];
    refuse_others("", document, &known, "is no field of a flow")?;
    let metadata = &document["metadata"];
    let elsewhere = "is not kept here: leave it out, or make the flow with kubectl create -f";
    refuse_others("metadata.", metadata, &[&KEPT[..], &WRITTEN[..]].concat(), elsewhere)?;
    let name = word(metadata, "name")?.map(FlowName::new).transpose();
    let namespace = word(metadata, "namespace")?.map(Namespace::new).transpose();
    Ok(Described {
        name: name.map_err(|error| fault("metadata.name", error.fault))?,
        namespace: namespace.map_err(|error| fault("metadata.namespace", error.fault))?,
        draft: Draft {
            labels: words(metadata, "labels")?,
            annotations: words(metadata, "annotations")?,
            ..draft(&without_nulls(&document["spec"]))?
        },
    })
}

/// The same without fields that are null: `kubectl apply` leaves them out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            given.map(|(field, value)| (field.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Refuses fields other than these, and what is no object.
fn refuse_others(path: &str, object: &Value, known: &[&str], message: &str) -> Result<(), Faults> {
    if !object.is_object() && !object.is_null() {
        return Err(fault(path.trim_end_matches('.'), "must be an object"));
    }
    let given = object.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let unknown = given.map(|(field, _)| field).filter(|field| !known.contains(&field.as_str()));
    let unknown = unknown.map(|field| Fault { field: format!("{path}{field}"), message: message.into() });
    fine((), unknown.collect())
}

/// A text in the metadata; `None` where it is absent or empty.
fn word<'a>(metadata: &'a Value, field: &str) -> Result<Option<&'a str>, Faults> {
    match &metadata[field] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        other => Err(fault(&format!("metadata.{field}"), &format!("must be text: write it as \"{other}\""))),
    }
}

/// Texts by name in the metadata. `kubectl apply` leaves out a null.
fn words(metadata: &Value, field: &str) -> Result<BTreeMap<String, String>, Faults> {
    let entries = match &metadata[field] {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Object(entries) => entries,
        _ => return Err(fault(&format!("metadata.{field}"), "must be texts by name")),
    };
    let text = |(key, value): (&String, &Value)| match value {
        Value::String(text) => Ok((key.clone(), text.clone())),
        other => {
            let message = format!("must be text, and {other} is not: put it in quotes");
            Err(fault(&format!("metadata.{field}.{key}"), &message))
        }
    };
    entries.iter().filter(|(_, value)| !value.is_null()).map(text).collect()
}

/// The draft in a `spec`. What it does not know is refused: a field with a slip of the pen would else be
/// left out in silence.
fn draft(spec: &Value) -> Result<Draft, Faults> {
    let known = ["action", "application", "updateStrategy", "nonUpdateStrategy", "rollbackTo"];
    refuse_others("spec.", spec, &known, "is no field of a flow")?;
    let missing = || fault("spec.application", "is required");
    let application = part::<Application>(spec, "application").and_then(|part| part.ok_or_else(missing));
    let action = part::<String>(spec, "action");
    let update = part::<UpdateStrategy>(spec, "updateStrategy");
    let other = part::<NonUpdateStrategy>(spec, "nonUpdateStrategy");
    let back = part::<RollbackTarget>(spec, "rollbackTo");
    let faults = [
        application.as_ref().err(),
        action.as_ref().err(),
        update.as_ref().err(),
        other.as_ref().err(),
        back.as_ref().err(),
    ];
    fine((), faults.into_iter().flatten().flat_map(|Faults(faults)| faults.clone()).collect())?;
    let application = application?;
    let claims = application.volume_claim_templates;
    Ok(Draft {
        action: action?.unwrap_or_default(),
        app_id: application.app_id,
        group_id: application.group_id,
        app_name: application.app_name,
        instance_name: application.instance_name,
        replicas: application.replicas,
        application_type: application.application_type.unwrap_or_default(),
        application_label: application.application_label.unwrap_or_default(),
        selector: application.selector.map(Value::Object),
        template: application.template.map(Value::Object),
        volume_claim_templates: claims.map(|list| list.into_iter().map(Value::Object).collect()),
        update_strategy: update?,
        non_update_strategy: other?,
        rollback_to: back?,
        ..Draft::default()
    })
}

/// One part of the spec; `None` where there is none.
fn part<T>(spec: &Value, name: &str) -> Result<Option<T>, Faults>
where
    T: DeserializeOwned + Serialize + PartialEq + Default,
{
    let (given, path) = (&spec[name], format!("spec.{name}"));
    if given.is_null() {
        return Ok(None);
    }
    let part = model::read_each(given, &path)?;
    let fields = given.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let unread = fields.filter(|(field, _)| {
        let mut without = given.clone();
        without.as_object_mut().map(|fields| fields.remove(*field));
        // A field that makes no difference is one that nobody reads.
        model::read::<T, _>(without, &path).is_ok_and(|without| without == part)
    });
    let unread = unread.map(|(field, _)| fault(&format!("{path}.{field}"), "is no field of a flow").0);
    let unread = unread.flatten().collect();
    fine(Some(part), unread)
}

/// A value, where nothing is wrong.
fn fine<T>(value: T, faults: Vec<Fault>) -> Result<T, Faults> {
    if faults.is_empty() { Ok(value) } else { Err(Faults(faults)) }
}

fn fault(field: &str, message: &str) -> Faults {
    Faults(vec![Fault { field: field.into(), message: message.into() }])
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
