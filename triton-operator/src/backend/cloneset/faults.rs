//! Which fields of a template are at fault, from what the API server answers to a dry run. Pure.

use kube::core::Status;
use serde_json::{Value, json};
use triton_core::model::{Action, Fault, Spec};

use crate::labels;

/// Where the template stands in a flow; the answers of the API server begin with `template`.
const ABOVE: &str = "spec.application.";
/// How an answer begins that tells that the object cannot be decoded.
const UNDECODED: &str = "cannot be handled as a PodTemplate: ";

/// What is wrong with a template, where a refusal of the `PodTemplate` that was made of it tells so. Empty where it
/// is about something else: a quota, or a policy for `PodTemplate`s.
pub(super) fn faults(status: &Status, object: &Value) -> Vec<Fault> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let fields = causes.filter(|cause| cause.field.starts_with("template"));
    let told: Vec<Fault> = fields.map(|cause| fault(&placed(&cause.field), &*cause.message)).collect();
    match status.message.split_once(UNDECODED) {
        Some((_, words)) if told.is_empty() => undecoded(words, object),
        Some(_) | None => told,
    }
}

/// What OpenKruise refuses of a template that a `PodTemplate` may have, and what no dry run of a template shows.
pub(super) fn unsupported(spec: &Spec) -> Vec<Fault> {
    let mut found = Vec::new();
    let template = spec.template.as_ref().map_or(Value::Null, |template| template.to_json());
    let pod = &template["spec"];
    if !matches!(pod["restartPolicy"].as_str(), None | Some("" | "Always")) {
        found.push(fault("template.spec.restartPolicy", "must be Always, or be left out"));
    }
    if !pod["activeDeadlineSeconds"].is_null() {
        let text = "a CloneSet runs no pods that end by themselves; leave it out";
        found.push(fault("template.spec.activeDeadlineSeconds", text));
    }
    for (place, key, says) in MARKS {
        if template["metadata"][place].get(key).is_some() {
            let text = format!("marks a single pod {says}, and would mark every pod; leave it out");
            found.push(fault(&format!("template.metadata.{place}[{key}]"), text));
        }
    }
    let hook = template["metadata"]["labels"].get(labels::HOOK);
    overwritten("template.metadata.labels", hook, labels::HOOK, &mut found);
    if spec.action == Action::Create {
        let label = labels::EXCLUDE_PREPARING_DELETE;
        let given = spec.labels.iter().find(|(key, _)| *key == label).map(|(_, value)| json!(value));
        overwritten("applicationLabel", given.as_ref(), label, &mut found);
    }
    let claims = spec.volume_claims.as_ref().map_or(Value::Null, |claims| claims.to_json());
    quantities(&claims, "volumeClaimTemplates", "", &mut found);
    found
}

/// A label that triton sets to `"true"` itself, and that another value is given for.
fn overwritten(field: &str, given: Option<&Value>, label: &str, found: &mut Vec<Fault>) {
    if given.is_some_and(|value| value != "true") {
        found.push(fault(&format!("{field}[{label}]"), "is set to \"true\" by triton itself; leave it out"));
    }
}

/// What OpenKruise or triton write to single pods, and what it says. With the first one in its template a CloneSet replaces
/// every pod as soon as it is there, and each waits for its hook: there are more and more. With the annotations OpenKruise
/// never counts its pods (measured on 1.9.0).
const MARKS: [(&str, &str, &str); 7] = [
    ("labels", labels::SPECIFIED_DELETE, "that is to be replaced"),
    ("labels", labels::LIFECYCLE_STATE, "with where it is in its life"),
    ("labels", labels::RESTARTED_BY, "that a flow restarts"),
    ("annotations", labels::IN_PLACE_GRACE[0], UPDATED),
    ("annotations", labels::IN_PLACE_GRACE[1], UPDATED),
    ("annotations", labels::IN_PLACE_STATE[0], UPDATED),
    ("annotations", labels::IN_PLACE_STATE[1], UPDATED),
];
const UPDATED: &str = "that is updated in place";

/// Kubernetes leaves `metadata` out where labels and annotations of a template are at fault.
fn placed(field: &str) -> String {
    match field.strip_prefix("template.") {
        Some(rest) if rest.starts_with("labels") || rest.starts_with("annotations") => {
            format!("template.metadata.{rest}")
        }
        Some(_) | None => field.to_owned(),
    }
}

fn fault(path: &str, message: impl Into<String>) -> Fault {
    Fault { field: format!("{ABOVE}{path}"), message: message.into() }
}

/// The fields at fault of an object that cannot be decoded; the whole template where none can be told.
fn undecoded(words: &str, object: &Value) -> Vec<Fault> {
    let mut found = unknown_fields(words);
    if found.is_empty() {
        found = wrong_types(words, object);
    }
    if found.is_empty() && words.contains("quantit") {
        quantities(&object["template"]["spec"], "template.spec", "", &mut found);
    }
    if found.is_empty() {
        found.push(fault("template", words));
    }
    found
}

/// `strict decoding error: unknown field "template.spec.containers[0].x", unknown field ...`.
fn unknown_fields(words: &str) -> Vec<Fault> {
    let named = words.split("unknown field \"").skip(1).filter_map(|rest| rest.split('"').next());
    named
        .map(|path| fault(path, "is no field of a pod in this version of Kubernetes; is it misspelt?"))
        .collect()
}

/// `json: cannot unmarshal number into Go struct field EnvVar.template.spec.containers.env.value of type string`.
fn wrong_types(words: &str, object: &Value) -> Vec<Fault> {
    let read = || {
        let (_, rest) = words.split_once("cannot unmarshal ")?;
        let (is, rest) = rest.split_once(" into Go struct field ")?;
        let (path, wanted) = rest.split_once(" of type ")?;
        // The first part is the name of a type.
        Some((is.split(' ').next()?, path.split_once('.')?.1, wanted))
    };
    let Some((is, path, wanted)) = read() else { return Vec::new() };
    let quotes = if wanted == "string" { "; put it in quotes" } else { "" };
    let message = format!("is a value of type {is} and must be of type {wanted}{quotes}");
    let mut places = Vec::new();
    places_of(object, path, String::new(), is, &mut places);
    if places.is_empty() {
        places.push(path.to_owned());
    }
    places.into_iter().map(|place| fault(&place, &*message)).collect()
}

/// Where values of a type are at this path, which names no index of a list and no key of a map.
fn places_of(value: &Value, path: &str, at: String, is: &str, found: &mut Vec<String>) {
    let typed = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    match (value, path) {
        (_, "") if typed == is => found.push(at),
        (Value::Array(items), _) => {
            for (index, item) in items.iter().enumerate() {
                places_of(item, path, format!("{at}[{index}]"), is, found);
            }
        }
        (Value::Object(fields), "") => {
            for (key, value) in fields {
                places_of(value, "", format!("{at}.{key}"), is, found);
            }
        }
        (Value::Object(fields), _) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            if let Some(value) = fields.get(name) {
                let dot = if at.is_empty() { "" } else { "." };
                places_of(value, rest, format!("{at}{dot}{name}"), is, found);
            }
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {}
    }
}

/// Quantities that are none: the API server does not say which of them it cannot read.
fn quantities(value: &Value, at: &str, key: &str, found: &mut Vec<Fault>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                quantities(item, &format!("{at}[{index}]"), "", found);
            }
        }
        Value::Object(fields) => {
            let all = matches!(key, "limits" | "requests" | "overhead");
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                if (all || matches!(name.as_str(), "sizeLimit" | "divisor")) && !is_quantity(value) {
                    let text =
                        format!("{value} is no quantity: a number and a unit, such as 500m, 0.5 or 128Mi");
                    found.push(fault(&at, text));
                } else {
                    quantities(value, &at, name, found);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether a value is a quantity (Kubernetes: `resource.ParseQuantity`).
fn is_quantity(value: &Value) -> bool {
    const UNITS: [&str; 16] =
        ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    let Value::String(text) = value else { return matches!(value, Value::Number(_) | Value::Null) };
    let text = text.trim();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (number, unit) = unsigned.split_at(end);
    let exponent =
        unit.strip_prefix(['e', 'E']).map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    let scaled =
        exponent.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()));
    number.chars().any(|c| c.is_ascii_digit())
        && number.matches('.').count() < 2
        && (scaled || UNITS.contains(&unit))
}

#[cfg(test)]
#[path = "faults_tests.rs"]
mod tests;
