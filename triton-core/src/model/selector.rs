//! Label selectors, as far as admission needs them: do they match the pods a template makes?

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::Deserialize;
use serde_json::Value;

use super::fault::Fault;
use super::read::read;
use super::spec::Identity;

/// What a selector may say (Kubernetes: `meta/v1 LabelSelector`). The API server leaves out everything else in silence.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read to be checked")]
struct LabelSelector {
    match_labels: Option<BTreeMap<String, String>>,
    match_expressions: Option<Vec<Requirement>>,
}

/// One of its expressions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to be checked")]
struct Requirement {
    key: String,
    operator: String,
    values: Option<Vec<String>>,
}

/// Whether a selector has the fields of a `LabelSelector` and no others; `path` is where it stands.
///
/// # Errors
/// The first field that is another, or something else than it should be.
pub(super) fn read_as_written(selector: &Value, path: &str) -> Result<(), Fault> {
    read::<LabelSelector, _>(selector, path).map(|_| ())
}

/// What is wrong with a label value: 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at
/// both ends (Kubernetes: labels and selectors).
pub(super) fn label_value_fault(value: &str) -> Option<&'static str> {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if value.is_empty() {
        Some("must not be empty")
    } else if value.len() > 63 {
        Some("must have at most 63 characters")
    } else if !value.chars().all(legal) || !edge(value.chars().next()) || !edge(value.chars().next_back()) {
        Some("must be letters, digits, '-', '_' and '.', with a letter or digit at both ends")
    } else {
        None
    }
}

/// Labels that an object has and that the identity labels would overwrite with another value: key, that value, and
/// the field that it comes from.
pub(super) fn overwritten(
    labels: &BTreeMap<&str, String>,
    identity: &Identity,
) -> Vec<(&'static str, String, &'static str)> {
    let ours = identity.labels().into_iter().filter(|(key, value)| {
        let theirs = labels.get(key);
        theirs.is_some_and(|theirs| theirs != value)
    });
    ours.map(|(key, value)| (key, value, source(key, identity))).collect()
}

/// Why the selector (JSON of a `LabelSelector`) does not match the labels that pods of this template will have: its
/// own labels under the identity labels.
#[must_use]
pub fn mismatch(selector: &Value, template: &Value, identity: &Identity) -> Option<String> {
    let mut labels: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in template["metadata"]["labels"].as_object().into_iter().flatten() {
        labels.insert(key.clone(), value.as_str().unwrap_or_default().to_string());
    }
    labels.extend(identity.labels().map(|(key, value)| (key.to_string(), value)));
    let told = |key: &str| told(key, labels.get(key), identity);
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        let wanted = value.as_str().unwrap_or_default();
        if labels.get(key).is_none_or(|have| have != wanted) {
            return Some(format!("{key}={wanted} does not match the labels of the template: {}", told(key)));
        }
    }
    for wanted in selector["matchExpressions"].as_array().into_iter().flatten() {
        let (key, operator) = (wanted["key"].as_str().unwrap_or_default(), wanted["operator"].as_str());
        if key.is_empty() {
            return Some("an expression of matchExpressions names no label: give it a key".to_string());
        }
        let have = labels.get(key).map(String::as_str);
        let listed = || wanted["values"].as_array().into_iter().flatten().any(|v| v.as_str() == have);
        let holds = match operator {
            Some("In") => have.is_some() && listed(),
            Some("NotIn") => have.is_none() || !listed(),
            Some("Exists") => have.is_some(),
            Some("DoesNotExist") => have.is_none(),
            _ => {
                return Some(format!(
                    "the operator of the expression on {key} must be In, NotIn, Exists or DoesNotExist"
                ));
            }
        };
        if !holds {
            return Some(format!(
                "the expression on {key} does not match the labels of the template: {}",
                told(key)
            ));
        }
    }
    None
}

/// Which field of a flow a label of its pods comes from; `triton` where it is always the same.
fn source(key: &str, identity: &Identity) -> &'static str {
    match key {
        "app" => "spec.application.appID",
        "app.kubernetes.io/instance" => "spec.application.instanceName",
        "app.kubernetes.io/name" => "spec.application.appName",
        "group" => "spec.application.groupID",
        _ if identity.labels().iter().any(|(label, _)| *label == key) => "triton",
        _ => "spec.application.template.metadata.labels",
    }
}

/// What the template has as a label, and where it comes from.
fn told(key: &str, have: Option<&String>, identity: &Identity) -> String {
    let source = source(key, identity);
    match have {
        Some(value) => format!("it has {key}={value}, from {source}"),
        None => format!("it has no {key} in {source}"),
    }
}
