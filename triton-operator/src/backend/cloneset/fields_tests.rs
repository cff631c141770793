use kube::api::DynamicObject;
use serde_json::{Value, json};
use triton_core::model::{Draft, Flow, FlowId, Lock, Obstacle, Orders, Progress};

use super::*;
use crate::backend::cloneset::fixtures::object;
use crate::backend::cloneset::view::view;

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
    let seen = |fields: Value| {
        view(&cloneset(&fields), &[], None, Lock::Free, true)
            .expect("a view")
            .trouble
            .map(|trouble| trouble.what)
    };
    assert_eq!(seen(json!({})), None);
    let told = seen(json!({"scaleStrategy": {"maxUnavailable": "10%"}})).unwrap_or_default();
    assert!(
        told.starts_with("spec.scaleStrategy.maxUnavailable of CloneSet default/demo is 10%: "),
        "{told}"
    );
}

#[test]
fn a_type_by_which_no_pod_is_exchanged_is_named_where_each_version_has_it() {
    let strategy = |value: Value| json!({ "updateStrategy": value });
    let rolling = |policy: &str| strategy(json!({ "rollingUpdate": { "podUpdatePolicy": policy } }));
    let rows = [
        (
            ApiVersion::V1Alpha1,
            strategy(json!({ "type": "OnDelete" })),
            Some("updateStrategy.type of CloneSet"),
        ),
        (ApiVersion::V1Beta1, strategy(json!({ "type": "OnDelete" })), Some("make it RollingUpdate")),
        (
            ApiVersion::V1Beta1,
            strategy(json!({ "type": "OnDelete", "rollingUpdate": { "podUpdatePolicy": "ReCreate" } })),
            Some("updateStrategy.type of CloneSet"),
        ),
        (
            ApiVersion::V1Beta1,
            rolling("Later"),
            Some("updateStrategy.rollingUpdate.podUpdatePolicy of CloneSet"),
        ),
        (ApiVersion::V1Beta1, rolling("ReCreate"), None),
        (ApiVersion::V1Beta1, rolling("InPlaceOnly"), None),
        (ApiVersion::V1Beta1, strategy(json!({ "type": "RollingUpdate" })), None),
        (ApiVersion::V1Beta1, strategy(json!({})), None),
    ];
    for (version, fields, wanted) in rows {
        let told = refused(&cloneset_in(version, &fields), &flow("update", None));
        let named = told.as_deref().zip(wanted).is_some_and(|(told, wanted)| told.contains(wanted));
        assert!(named || (told.is_none() && wanted.is_none()), "{version:?} {fields}: {told:?}");
    }
}

fn cloneset(fields: &Value) -> CloneSetEntry {
    cloneset_in(ApiVersion::V1Alpha1, fields)
}

fn cloneset_in(version: ApiVersion, fields: &Value) -> CloneSetEntry {
    CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object(version, fields)).expect("an object"))
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
