use kube::api::DynamicObject;
use serde::Deserialize;
use serde_json::{Value, json};
use triton_core::model::{Draft, Flow, FlowId, Lock, Obstacle, Orders, Progress};

use super::*;
use crate::backend::cloneset::view::view;

/// What triton makes of a field of `spec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// It is read, written, or both: see [`CloneSetEntry`] and the requests.
    Modelled,
    /// It stays as it is, and changes nothing that a flow waits for without an end.
    Kept,
    /// Flows that it would keep waiting are refused.
    Refused,
}
use Use::{Kept, Modelled, Refused};

/// Every field of `spec`; a path stands for all that is below it.
const FIELDS: [(&str, Use); 25] = [
    ("replicas", Modelled),
    ("selector", Modelled),
    ("template", Modelled),
    ("volumeClaimTemplates", Modelled),
    ("lifecycle.preDelete.labelsHandler", Modelled),
    ("lifecycle.inPlaceUpdate.labelsHandler", Modelled),
    // Hooks of others: their owners let the pods go.
    ("lifecycle.preDelete.finalizersHandler", Kept),
    ("lifecycle.preDelete.markPodNotReady", Kept),
    ("lifecycle.inPlaceUpdate.finalizersHandler", Kept),
    ("lifecycle.inPlaceUpdate.markPodNotReady", Kept),
    ("lifecycle.preNormal", Kept),
    // Pods count as available so much later, and old ones leave after that.
    ("minReadySeconds", Kept),
    // Sets a condition, and nothing else.
    ("progressDeadlineSeconds", Kept),
    ("revisionHistoryLimit", Kept),
    ("scaleStrategy.podsToDelete", Modelled),
    ("scaleStrategy.maxUnavailable", Refused),
    ("scaleStrategy.disablePVCReuse", Kept),
    ("updateStrategy.type", Refused),
    ("updateStrategy.partition", Modelled),
    ("updateStrategy.maxSurge", Modelled),
    ("updateStrategy.maxUnavailable", Modelled),
    ("updateStrategy.paused", Modelled),
    // Which pods are first: a flow counts them, and names those for which it matters.
    ("updateStrategy.priorityStrategy", Kept),
    ("updateStrategy.scatterStrategy", Kept),
    // Between out of service and the swap of containers.
    ("updateStrategy.inPlaceUpdateStrategy.gracePeriodSeconds", Kept),
];

#[test]
fn every_field_of_the_definition_of_openkruise_is_known() {
    let path = format!("{}/tests/data/openkruise-1.9.0-clonesets.yaml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the definition");
    let documents = serde_norway::Deserializer::from_str(&text);
    let definition = documents.map(|document| Value::deserialize(document).expect("YAML"));
    let definition = definition.into_iter().find(|it| it["kind"] == "CustomResourceDefinition").expect("one");
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    assert_eq!(unknown(schema, ""), [""; 0], "say in FIELDS what triton makes of it");
    let mut newer = schema.clone();
    newer["properties"]["scaleStrategy"]["properties"]["new"] = json!({"type": "string"});
    assert_eq!(unknown(&newer, ""), ["scaleStrategy.new"]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_field_that_would_keep_a_flow_waiting_is_named_before_anything_is_touched() {
    let limit = |value: Value| json!({"scaleStrategy": {"maxUnavailable": value}});
    let kind = |name: &str| json!({"updateStrategy": {"type": name}});
    let selects = |labels: Value| json!({"selector": {"matchLabels": labels}});
    let scale = "spec.scaleStrategy.maxUnavailable of CloneSet default/demo is ";
    let rows: Vec<(&str, Option<i64>, Value, Option<&str>)> = vec![
        ("update", None, limit(json!(1)), Some(scale)),
        ("rollback", None, limit(json!("20%")), Some(scale)),
        ("restart", None, limit(json!(3)), Some(scale)),
        ("scale_out", Some(9), limit(json!(1)), Some(scale)),
        ("scale", Some(9), limit(json!(1)), Some(scale)),
        ("start", None, limit(json!(1)), Some(scale)),
        ("scale", Some(2), limit(json!(1)), None),
        ("scale_in", Some(2), limit(json!(1)), None),
        ("stop", None, limit(json!(1)), None),
        ("delete", None, limit(json!(1)), None),
        ("update", None, limit(Value::Null), None),
        (
            "update",
            None,
            kind("OnDelete"),
            Some("spec.updateStrategy.type of CloneSet default/demo is OnDelete"),
        ),
        ("rollback", None, kind("Later"), Some("spec.updateStrategy.type")),
        ("scale", Some(9), kind("OnDelete"), None),
        ("update", None, kind("InPlaceIfPossible"), None),
        (
            "update",
            None,
            selects(json!({"app": "tea"})),
            Some(
                "app=tea does not match the labels of the template: it has app=1, from spec.application.appID",
            ),
        ),
        ("update", None, selects(json!({"app.kubernetes.io/name": "tea"})), Some("spec.application.appName")),
        ("update", None, selects(json!({"managed-by": "helm"})), Some("managed-by=triton-io, from triton")),
        (
            "update",
            None,
            selects(json!({"tier": "front"})),
            Some("it has no tier in spec.application.template.metadata.labels"),
        ),
        (
            "update",
            None,
            json!({"selector": {"matchExpressions": [{"key": "group", "operator": "NotIn", "values": ["2"]}]}}),
            Some("the expression on group does not match"),
        ),
        ("update", None, selects(json!({"app": "1", "group": "2"})), None),
        // They bring no template.
        ("restart", None, selects(json!({"app": "tea"})), None),
        ("rollback", None, selects(json!({"app": "tea"})), None),
        ("scale", Some(9), selects(json!({"app": "tea"})), None),
        ("delete", None, selects(json!({"app": "tea"})), None),
    ];
    for (action, replicas, fields, wanted) in rows {
        let seen =
            view(&cloneset(&fields), &[], Some(&flow(action, replicas)), Lock::Free, true).expect("a view");
        let told = match seen.obstacle {
            Some(Obstacle::Unsupported { what }) => Some(what),
            other => {
                assert_eq!(other, None);
                None
            }
        };
        let named = told.as_deref().zip(wanted).is_some_and(|(told, wanted)| told.contains(wanted));
        assert!(named || (told.is_none() && wanted.is_none()), "{action} {fields}: {told:?}");
    }
}

#[test]
fn a_limit_that_is_set_while_a_flow_runs_is_told_where_pods_are_missing() {
    let seen = |fields: Value| view(&cloneset(&fields), &[], None, Lock::Free, true).expect("a view").trouble;
    assert_eq!(seen(json!({})), None);
    let told = seen(json!({"scaleStrategy": {"maxUnavailable": "10%"}})).unwrap_or_default();
    assert!(
        told.starts_with("spec.scaleStrategy.maxUnavailable of CloneSet default/demo is 10%: "),
        "{told}"
    );
}

/// Fields of a schema, down to the leaves, that [`FIELDS`] does not have.
fn unknown(schema: &Value, at: &str) -> Vec<String> {
    if FIELDS.iter().any(|(known, _)| *known == at) {
        return Vec::new();
    }
    let below = schema["properties"].as_object().into_iter().flatten().flat_map(|(name, schema)| {
        let dot = if at.is_empty() { "" } else { "." };
        unknown(schema, &format!("{at}{dot}{name}"))
    });
    let below: Vec<String> = below.collect();
    let leaf = schema["properties"].is_null() && !at.is_empty();
    if leaf { vec![at.to_owned()] } else { below }
}

fn cloneset(fields: &Value) -> CloneSetEntry {
    let mut object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": {
            "name": "demo", "namespace": "default", "uid": "cs-uid", "resourceVersion": "9", "generation": 3,
        },
        "spec": { "replicas": 4, "selector": {}, "template": {} },
        "status": { "observedGeneration": 3, "updateRevision": "demo-abc" },
    });
    for (name, value) in fields.as_object().into_iter().flatten() {
        object["spec"][name] = value.clone();
    }
    CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object).expect("an object"))
        .expect("it is read")
}

fn flow(action: &str, replicas: Option<i64>) -> Flow {
    let draft = Draft {
        action: action.into(),
        app_id: 1,
        group_id: 2,
        app_name: "shop".into(),
        instance_name: "demo".into(),
        replicas,
        template: (action == "update").then(|| json!({"spec": {"containers": [{"name": "demo"}]}})),
        ..Draft::default()
    };
    let (spec, orders): (_, Orders) = draft.parse().expect("valid");
    let id = FlowId { namespace: "default".parse().expect("a name"), name: "df".parse().expect("a name") };
    Flow { id, uid: "flow-uid".parse().expect("a uid"), spec, orders, progress: Progress::Pending }
}
