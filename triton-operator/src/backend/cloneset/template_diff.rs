//! Where two templates are two revisions to OpenKruise.
//!
//! OpenKruise reads a template into its Go type and writes it out again before it compares (`getPatch`), which leaves out
//! what says nothing: `omitempty` of `k8s.io/api/core/v1`. An empty structure that Go has as a pointer stays, such as the
//! `securityContext` of a container, and so does `false` of a pointer. Measured on OpenKruise 1.9.0. What is not
//! listed here counts as another revision: rather one change too many is held than one too few.

use serde_json::{Map, Value};

/// Maps, and structures without a pointer: empty they say nothing.
const EMPTY: [&str; 11] = [
    "annotations",
    "labels",
    "limits",
    "matchLabels",
    "metadata",
    "nodeSelector",
    "options",
    "overhead",
    "requests",
    "resources",
    "volumeAttributes",
];

/// Switches without a pointer: off they say nothing.
const OFF: [&str; 6] = ["hostIPC", "hostNetwork", "hostPID", "stdin", "stdinOnce", "tty"];

/// Where a template that was stored is another revision than the one that was sent, as a JSON pointer.
pub(super) fn template_diff(sent: &Value, stored: &Value) -> Option<String> {
    let changes = json_patch::diff(&written("", sent), &written("", stored));
    changes.first().map(|change| change.path().to_string())
}

/// What OpenKruise writes of the field with this name; null where that is nothing.
fn written(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| (name.clone(), written(name, value)));
            let fields: Map<String, Value> = fields.filter(|(_, value)| !value.is_null()).collect();
            let says_nothing = fields.is_empty() && EMPTY.contains(&name);
            if says_nothing { Value::Null } else { Value::Object(fields) }
        }
        Value::Array(values) if values.is_empty() => Value::Null,
        Value::Array(values) => values.iter().map(|value| written("", value)).collect(),
        Value::Bool(false) if OFF.contains(&name) => Value::Null,
        Value::Number(number) if name == "hostPort" && number.as_i64() == Some(0) => Value::Null,
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn templates_differ_where_openkruise_makes_another_revision_of_them() {
        let template = json!({
            "metadata": { "labels": { "a": "b" } },
            "spec": {
                "volumes": [{ "name": "v", "emptyDir": {} }, { "name": "c", "csi": { "driver": "d" } }],
                "topologySpreadConstraints": [{ "maxSkew": 1, "labelSelector": { "matchLabels": { "a": "b" } } }],
                "containers": [{ "name": "web", "image": "v1", "ports": [{ "containerPort": 80 }] }],
            },
        });
        // What is added, and whether that is another revision: as measured.
        let rows = [
            ("/spec/hostNetwork", json!(false), false),
            ("/spec/hostNetwork", json!(true), true),
            ("/spec/hostPID", json!(false), false),
            ("/spec/hostIPC", json!(false), false),
            ("/spec/shareProcessNamespace", json!(false), true),
            ("/spec/enableServiceLinks", json!(false), true),
            ("/spec/automountServiceAccountToken", json!(false), true),
            ("/spec/affinity", json!({}), true),
            ("/spec/nodeSelector", json!({}), false),
            ("/spec/tolerations", json!([]), false),
            ("/spec/overhead", json!({}), false),
            ("/spec/priority", json!(0), true),
            ("/spec/terminationGracePeriodSeconds", json!(0), true),
            ("/spec/containers/0/securityContext", json!({}), true),
            ("/spec/containers/0/securityContext", json!({ "privileged": false }), true),
            ("/spec/containers/0/resources", json!({}), false),
            ("/spec/containers/0/resources", json!({ "limits": {} }), false),
            ("/spec/containers/0/stdin", json!(false), false),
            ("/spec/containers/0/tty", json!(false), false),
            ("/spec/containers/0/env", json!([]), false),
            ("/spec/containers/0/lifecycle", json!({}), true),
            ("/spec/containers/0/ports/0/hostPort", json!(0), false),
            ("/spec/volumes/1/csi/readOnly", json!(false), true),
            ("/spec/volumes/1/csi/volumeAttributes", json!({}), false),
            ("/spec/topologySpreadConstraints/0/labelSelector/matchExpressions", json!([]), false),
            ("/spec/topologySpreadConstraints/0/labelSelector/matchLabels/x", json!(""), true),
            ("/metadata/annotations", json!({}), false),
            ("/metadata/annotations", json!({ "cost": "7" }), true),
            ("/metadata/creationTimestamp", json!(null), false),
        ];
        for (at, value, differs) in rows {
            let mut stored = template.clone();
            let (parent, key) = at.rsplit_once('/').expect("a pointer");
            stored.pointer_mut(parent).expect("its parent")[key] = value.clone();
            let told = template_diff(&template, &stored);
            assert_eq!(told.is_some(), differs, "{at} {value}: {told:?}");
            assert!(told.is_none_or(|told| told.starts_with(parent)), "{at}");
        }
    }
}
