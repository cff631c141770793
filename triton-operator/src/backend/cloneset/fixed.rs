//! What is set when a CloneSet is made and never again: a flow that orders it, too, must mean the same.

use std::collections::BTreeMap;

use kube::api::DynamicObject;
use serde_json::{Map, Value};
use triton_core::model::{Action, Flow, Template};

/// What a CloneSet has of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fixed {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `spec.selector`.
    pub selector: Value,
    /// `spec.volumeClaimTemplates`; null where there are none.
    pub claims: Value,
}

impl Fixed {
    /// Takes it from an object.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Self {
        let spec = &object.data["spec"];
        Self {
            labels: object.metadata.labels.clone().unwrap_or_default(),
            selector: spec["selector"].clone(),
            claims: spec["volumeClaimTemplates"].clone(),
        }
    }

    /// Fields of a flow that has not begun that say something else; none for a `create`.
    #[must_use]
    pub fn differs(&self, flow: &Flow) -> Vec<&'static str> {
        if !flow.progress.is_before_batches() || flow.spec.action == Action::Create {
            return Vec::new();
        }
        // The identity labels win where a CloneSet is made.
        let identity = flow.spec.identity.labels();
        let mut labels =
            flow.spec.labels.iter().filter(|(key, _)| identity.iter().all(|(own, _)| own != key));
        let other_label = labels.any(|(key, value)| self.labels.get(key) != Some(value));
        let ordered =
            |field: &Option<Template>| field.as_ref().map_or(Value::Null, |field| said(&field.to_json()));
        let (selector, claims) = (ordered(&flow.spec.selector), ordered(&flow.spec.volume_claims));
        let rows = [
            (other_label, "spec.application.applicationLabel"),
            (!selector.is_null() && selector != said(&self.selector), "spec.application.selector"),
            (
                !claims.is_null() && !has_claims(&claims, &self.claims),
                "spec.application.volumeClaimTemplates",
            ),
        ];
        rows.into_iter().filter_map(|(differs, field)| differs.then_some(field)).collect()
    }
}

/// A value without what says nothing: nulls, and lists and objects with nothing in them.
fn said(value: &Value) -> Value {
    let keep = |value: &Value| !value.is_null();
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| (key.clone(), said(value)));
            let fields: Map<String, Value> = fields.filter(|(_, value)| keep(value)).collect();
            if fields.is_empty() { Value::Null } else { Value::Object(fields) }
        }
        Value::Array(values) => {
            let values: Vec<Value> = values.iter().map(said).filter(keep).collect();
            if values.is_empty() { Value::Null } else { Value::Array(values) }
        }
        other => other.clone(),
    }
}

/// Whether the claims are those, by their names: OpenKruise fills in what a claim does not say.
fn has_claims(ordered: &Value, stored: &Value) -> bool {
    let (ordered, stored) = (list(ordered), list(stored));
    let name = |claim: &Value| claim["metadata"]["name"].clone();
    let same = |claim: &Value| stored.iter().any(|it| name(it) == name(claim) && has(claim, it));
    ordered.len() == stored.len() && ordered.iter().all(same)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Whether everything that is ordered is stored.
fn has(ordered: &Value, stored: &Value) -> bool {
    match (ordered, stored) {
        (Value::Object(fields), _) => fields.iter().all(|(key, value)| has(value, &stored[key.as_str()])),
        (Value::Array(values), Value::Array(others)) => {
            values.len() == others.len() && values.iter().zip(others).all(|(value, other)| has(value, other))
        }
        _ => ordered == stored || quantity(ordered).is_some_and(|pods| Some(pods) == quantity(stored)),
    }
}

/// A quantity in thousandths: OpenKruise writes `1024Mi` as `1Gi` (Kubernetes: `resource.Quantity`).
fn quantity(value: &Value) -> Option<u128> {
    const SUFFIXES: [(&str, u128); 14] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("Pi", 1 << 50),
        ("Ei", 1 << 60),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("P", 1_000_000_000_000_000),
        ("E", 1_000_000_000_000_000_000),
        ("m", 0),
        ("", 1),
    ];
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let (digits, unit) =
        SUFFIXES.iter().find_map(|(suffix, unit)| Some((text.strip_suffix(suffix)?, *unit)))?;
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let part = format!("{part:0<3}");
    if part.len() > 3 || whole.is_empty() {
        return None;
    }
    let thousandths = whole.parse::<u128>().ok()?.checked_mul(1_000)?.checked_add(part.parse().ok()?)?;
    if unit == 0 { Some(thousandths / 1_000) } else { thousandths.checked_mul(unit) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use triton_core::model::{Draft, FlowId, Progress};

    use super::*;

    #[test]
    fn a_flow_that_orders_what_only_a_create_sets_must_mean_what_the_workload_has() {
        let claim = |size: &str| json!([{ "metadata": { "name": "data" }, "spec": { "resources": { "requests": { "storage": size } } } }]);
        let two = json!([claim("1Gi")[0], { "metadata": { "name": "logs" } }]);
        let selector =
            |app: &str| json!({ "matchLabels": { "app": app, "group": "2" }, "matchExpressions": [] });
        let label = |value: &str| json!({ "team": value });
        let (labels, claims) = ("spec.application.applicationLabel", "spec.application.volumeClaimTemplates");
        let rows: [(&str, Value, Option<&str>); 16] = [
            ("applicationLabel", label("tea"), None),
            ("applicationLabel", json!({}), None),
            ("applicationLabel", label("coffee"), Some(labels)),
            ("applicationLabel", json!({ "other": "tea" }), Some(labels)),
            ("applicationLabel", json!({ "app": "7" }), None),
            ("selector", selector("1"), None),
            ("selector", Value::Null, None),
            ("selector", json!({}), None),
            ("selector", json!({ "matchLabels": { "app": "1" } }), Some("spec.application.selector")),
            ("volumeClaimTemplates", claim("1Gi"), None),
            ("volumeClaimTemplates", claim("1024Mi"), None),
            ("volumeClaimTemplates", json!([]), None),
            (
                "volumeClaimTemplates",
                json!([{ "metadata": { "name": "data", "creationTimestamp": null } }]),
                None,
            ),
            ("volumeClaimTemplates", claim("2Gi"), Some(claims)),
            ("volumeClaimTemplates", json!([{ "metadata": { "name": "other" } }]), Some(claims)),
            ("volumeClaimTemplates", two, Some(claims)),
        ];
        for (field, value, wanted) in rows {
            for action in ["update", "restart", "stop", "delete"] {
                let told = workload().differs(&flow(action, field, &value));
                assert_eq!(told.first().copied(), wanted, "{field} of {action}: {value}");
            }
            assert!(workload().differs(&flow("create", field, &value)).is_empty());
        }
        let bare = Fixed { claims: Value::Null, ..workload() };
        assert_eq!(bare.differs(&flow("update", "volumeClaimTemplates", &claim("1Gi"))), [claims]);
    }

    #[test]
    fn quantities_are_compared_by_what_they_mean() {
        for (one, other, same) in [
            ("1Gi", "1024Mi", true),
            ("1.5Gi", "1536Mi", true),
            ("1", "1000m", true),
            ("1k", "1000", true),
            ("1G", "1Gi", false),
            ("ReadWriteOnce", "ReadWriteMany", false),
            ("", "0", false),
            (".5", "0.5", false),
        ] {
            let equal = quantity(&json!(one)).is_some_and(|it| Some(it) == quantity(&json!(other)));
            assert_eq!(equal, same, "{one} {other}");
        }
        assert_eq!(quantity(&json!(1)), quantity(&json!("1")));
    }

    /// As OpenKruise stores it.
    fn workload() -> Fixed {
        Fixed {
            labels: BTreeMap::from([("team".into(), "tea".into()), ("app".into(), "1".into())]),
            selector: json!({ "matchLabels": { "app": "1", "group": "2" } }),
            claims: json!([{
                "metadata": { "name": "data", "creationTimestamp": null },
                "spec": { "resources": { "requests": { "storage": "1Gi" } }, "volumeMode": "Filesystem" },
                "status": {},
            }]),
        }
    }

    fn flow(action: &str, field: &str, value: &Value) -> Flow {
        let mut draft = Draft {
            action: action.into(),
            app_id: 1,
            group_id: 2,
            app_name: "demo".into(),
            instance_name: "demo".into(),
            replicas: (action == "create").then_some(1),
            template: Some(json!({ "spec": { "containers": [{ "name": "demo" }] } })),
            ..Draft::default()
        };
        match field {
            "applicationLabel" => draft.application_label = serde_json::from_value(value.clone()).unwrap(),
            "selector" => draft.selector = Some(value.clone()),
            _ => draft.volume_claim_templates = Some(value.clone()),
        }
        let (spec, orders) = draft.parse().unwrap();
        let id = FlowId { namespace: "default".parse().unwrap(), name: "df".parse().unwrap() };
        Flow { id, uid: "uid".parse().unwrap(), spec, orders, progress: Progress::Pending }
    }
}
