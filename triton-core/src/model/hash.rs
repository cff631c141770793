//! The part of a spec that never changes, as a short hash.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::count::RawSize;
use super::orders::DEFAULT_DRAIN;
use super::spec::{CancelPolicy, Mode, OnFailure, PodReplacementPolicy, Spec, Template, Tolerance};

/// A hash of everything in a spec that never changes after the flow was made: the first 8 bytes of a SHA-256.
/// The same for the same spec in every version: it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpecHash(u64);

impl SpecHash {
    /// The hash of a spec.
    #[must_use]
    pub fn of(spec: &Spec) -> Self {
        Self::of_text(&canonical(spec))
    }

    fn of_text(text: &str) -> Self {
        let hash = Sha256::digest(text);
        Self(hash.iter().take(8).fold(0, |all, byte| (all << 8) | u64::from(*byte)))
    }

    /// Reads what [`Display`](fmt::Display) writes: 16 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| digits).map(Self)
    }
}

impl fmt::Display for SpecHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The first 8 bytes of the SHA-256 of a document, as 16 hexadecimal digits. The order of its keys, and fields that are
/// null or empty, change nothing.
#[must_use]
pub fn hash_of(document: &Value) -> String {
    let mut text = String::new();
    write(document, &mut text);
    SpecHash::of_text(&text).to_string()
}

/// The spec as one text.
fn canonical(spec: &Spec) -> String {
    let mut text = String::new();
    write(&Value::Object(said(spec)), &mut text);
    text
}

/// What a spec says, field by field. What is as it is where nothing is said is null, so that a field that a later
/// version adds, and a default that it changes, leave what older flows say as it is.
pub(super) fn said(spec: &Spec) -> Map<String, Value> {
    let Spec {
        action,
        identity,
        workload_kind,
        replicas,
        template,
        selector,
        labels,
        volume_claims,
        canary,
        mode,
        no_pull_in,
        drain,
        pods,
        rollback_to,
        max_unavailable,
        tolerance,
        on_failure,
        cancel_policy,
        pod_replacement_policy,
    } = spec;
    let document = |template: &Option<Template>| template.as_ref().map_or(Value::Null, Template::to_json);
    let said = |said: bool, value: Value| if said { value } else { Value::Null };
    let mut names: Vec<&str> = pods.iter().map(|pod| pod.as_str()).collect();
    names.sort_unstable();
    let labels: Map<String, Value> = labels.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let fields = [
        ("action", json!(action.as_str())),
        ("appID", json!(identity.app_id)),
        ("groupID", json!(identity.group_id)),
        ("appName", json!(identity.app_name)),
        ("instanceName", json!(identity.instance)),
        ("applicationType", said(workload_kind != "cloneset", json!(workload_kind))),
        ("replicas", json!(replicas)),
        ("template", document(template)),
        ("selector", document(selector)),
        ("applicationLabel", said(!labels.is_empty(), Value::Object(labels))),
        ("volumeClaimTemplates", document(volume_claims)),
        ("canary", said(*canary > 0, json!(canary))),
        ("mode", said(*mode != Mode::Manual, json!(mode.as_str()))),
        ("noPullIn", said(*no_pull_in, json!(true))),
        ("drainSeconds", said(*drain != DEFAULT_DRAIN, json!(drain.0))),
        ("podsToDelete", said(!names.is_empty(), json!(names))),
        ("rollbackTo", json!(rollback_to)),
        ("maxUnavailable", json!(max_unavailable.map(RawSize::from))),
        ("failureThreshold", threshold(*tolerance)),
        ("onFailure", reaction(*on_failure)),
        ("cancelPolicy", said(*cancel_policy == CancelPolicy::Revert, json!("revert"))),
        (
            "podReplacementPolicy",
            said(
                *pod_replacement_policy != PodReplacementPolicy::default(),
                json!(pod_replacement_policy.as_str()),
            ),
        ),
    ];
    fields.into_iter().map(|(name, value)| (name.to_string(), value)).collect()
}

fn threshold(tolerance: Tolerance) -> Value {
    match tolerance {
        Tolerance::Nothing => Value::Null,
        Tolerance::UpTo(size) => json!(RawSize::from(size)),
    }
}

fn reaction(on_failure: OnFailure) -> Value {
    match on_failure {
        OnFailure::Pause => Value::Null,
        OnFailure::Cancel => json!("cancel"),
        OnFailure::Rollback => json!("rollback"),
    }
}

/// JSON with its keys in order, and without fields that are null.
fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut said: Vec<_> = fields.iter().filter(|(_, value)| says(value)).collect();
            said.sort_unstable_by_key(|(key, _)| *key);
            list(text, ('{', '}'), &said, |(key, value), text| {
                text.push_str(&format!("{}:", Value::from(key.as_str())));
                write(value, text);
            });
        }
        Value::Array(values) => list(text, ('[', ']'), values, write),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string())
        }
    }
}

/// Whether a field that is there with this value says more than one that is not.
fn says(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.values().any(says),
        Value::Array(values) => !values.is_empty(),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn list<T>(text: &mut String, (open, close): (char, char), things: &[T], each: impl Fn(&T, &mut String)) {
    text.push(open);
    for (at, thing) in things.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        each(thing, text);
    }
    text.push(close);
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
