use kube::api::DynamicObject;
use serde_json::{Value, json};
use triton_core::model::{Draft, Flow, FlowId, FlowUid, Kind, Orders, PodName, Progress, Shape, TemplateRef};

use super::*;
use crate::backend::cloneset::entry::CloneSetEntry;
use crate::backend::cloneset::fixtures::{base, object};
use crate::backend::cloneset::patch;
use crate::labels;

#[test]
fn both_versions_are_read_alike() {
    let numbers = json!({ "partition": 2, "maxSurge": "30%", "maxUnavailable": 1, "paused": true });
    let strategy = |version: ApiVersion, policy: &str| {
        let mut numbers = numbers.clone();
        numbers[version.policy()] = policy.into();
        version.wrapped(numbers)
    };
    for policy in ["ReCreate", "InPlaceIfPossible", "InPlaceOnly"] {
        let read = ApiVersion::ALL.map(|version| {
            let entry = read(version, &json!({ "updateStrategy": strategy(version, policy) })).expect(policy);
            assert_eq!(entry.api_version, version);
            (entry.partition, entry.surge(), entry.unavailable(), entry.paused(), entry.in_place, entry.kind)
        });
        assert_eq!(read[0], read[1]);
        assert_eq!(read[0], (2, 2, 1, true, policy != "ReCreate", Some(policy.into())));
    }
}

#[test]
fn a_number_that_cannot_be_read_is_named_where_each_version_has_it() {
    for (version, named) in [
        (V1Alpha1, "spec.updateStrategy.partition: "),
        (V1Beta1, "spec.updateStrategy.rollingUpdate.partition: "),
    ] {
        let fault = read(version, &json!({ "updateStrategy": version.wrapped(json!({ "partition": -1 })) }));
        let fault = fault.expect_err("below 0");
        assert!(fault.starts_with(named), "{fault}");
    }
}

#[test]
fn an_object_that_nobody_converted_and_one_of_an_unknown_version_cannot_be_read() {
    let typed = |kind: &str| json!({ "updateStrategy": { "type": kind, "partition": 2 } });
    for (version, kind, readable) in [
        (V1Alpha1, "ReCreate", true),
        (V1Alpha1, "InPlaceOnly", true),
        (V1Alpha1, "RollingUpdate", false),
        (V1Beta1, "RollingUpdate", true),
        (V1Beta1, "ReCreate", false),
        (V1Beta1, "InPlaceIfPossible", false),
        (V1Beta1, "InPlaceOnly", false),
    ] {
        let read = read(version, &typed(kind));
        assert_eq!(read.is_ok(), readable, "{version:?} {kind}");
        assert!(read.err().is_none_or(|fault| fault.contains("spec.conversion")));
    }
    let mut object = object(V1Alpha1, &json!({}));
    object["apiVersion"] = "apps.kruise.io/v1".into();
    let fault = CloneSetEntry::of(&serde_json::from_value(object).unwrap()).unwrap_err();
    assert!(fault.contains("\"apps.kruise.io/v1\""), "{fault}");
}

#[test]
fn a_workload_is_made_alike_in_both_versions() {
    let made = |version| patch::create(version, &flow(Kind::Grow), &shape(), json!({}));
    let (alpha, beta) = (made(V1Alpha1), made(V1Beta1));
    assert_eq!(
        (&alpha["apiVersion"], &beta["apiVersion"]),
        (&json!(V1Alpha1.name()), &json!(V1Beta1.name()))
    );
    let numbers = json!({ "partition": 1, "maxSurge": 3, "maxUnavailable": 0, "paused": false });
    let with = |field: &str| {
        let mut numbers = numbers.clone();
        numbers[field] = "ReCreate".into();
        numbers
    };
    assert_eq!(alpha["spec"]["updateStrategy"], with("type"));
    assert_eq!(alpha["spec"].get("scaleStrategy"), None);
    assert_eq!(beta["spec"]["updateStrategy"], json!({ "rollingUpdate": with("podUpdatePolicy") }));
    let scales = json!({ "excludePreparingDelete": true, "enablePVCReuse": true });
    assert_eq!(beta["spec"]["scaleStrategy"], scales);
    assert_eq!(alpha["metadata"], beta["metadata"], "the label stays beside the field");
}

#[test]
fn whether_leaving_pods_count_is_written_where_each_version_obeys_it() {
    let lock = |version, kind| {
        let cloneset = read(version, &json!({})).expect("it is read");
        patch::lock(&cloneset, &flow(kind), None, None, &patch::note_of_lock(&cloneset, &flow(kind)))
    };
    for (kind, excludes) in [(Kind::Replace, true), (Kind::Swap, false)] {
        let (alpha, beta) = (lock(V1Alpha1, kind), lock(V1Beta1, kind));
        assert_eq!(alpha["spec"].get("scaleStrategy"), None);
        assert_eq!(beta["spec"]["scaleStrategy"], json!({ "excludePreparingDelete": excludes }));
        for body in [alpha, beta] {
            let label = &body["metadata"]["labels"][labels::EXCLUDE_PREPARING_DELETE];
            assert_eq!(*label, json!(excludes.to_string()));
        }
    }
    let mut counting = object(V1Beta1, &json!({ "scaleStrategy": { "excludePreparingDelete": false } }));
    locked(&mut counting);
    counting["metadata"]["labels"] = json!({ labels::EXCLUDE_PREPARING_DELETE: "false" });
    let counting = CloneSetEntry::of(&serde_json::from_value(counting).unwrap()).unwrap();
    let ops = patch::release(&counting, &flow(Kind::Swap), None).unwrap();
    let back =
        ops.as_array().unwrap().iter().find(|op| op["path"] == "/spec/scaleStrategy/excludePreparingDelete");
    assert_eq!(back.unwrap()["value"], true);
}

#[test]
fn numbers_are_changed_where_each_version_has_them_and_so_is_what_they_stand_in() {
    let whole = json!({ "updateStrategy": { "rollingUpdate": {} }, "scaleStrategy": {} });
    let rows = [
        (V1Alpha1, whole.clone(), "/spec/updateStrategy", [].as_slice()),
        (V1Alpha1, json!({}), "/spec/updateStrategy", &["/spec/scaleStrategy", "/spec/updateStrategy"]),
        (V1Beta1, whole, "/spec/updateStrategy/rollingUpdate", &[]),
        (
            // A write through v1alpha1 to one that is updated by nobody takes it away.
            V1Beta1,
            json!({ "updateStrategy": { "type": "OnDelete" }, "scaleStrategy": {} }),
            "/spec/updateStrategy/rollingUpdate",
            &["/spec/updateStrategy/rollingUpdate"],
        ),
        (
            V1Beta1,
            json!({}),
            "/spec/updateStrategy/rollingUpdate",
            &["/spec/scaleStrategy", "/spec/updateStrategy", "/spec/updateStrategy/rollingUpdate"],
        ),
    ];
    for (version, fields, below, made) in rows {
        let mut object = object(version, &fields);
        locked(&mut object);
        let cloneset = CloneSetEntry::of(&serde_json::from_value(object).unwrap()).unwrap();
        let doomed = Some([PodName::new("demo-x").unwrap()].into());
        let shape = Shape { doomed, ..shape() };
        let flow = flow(Kind::Replace);
        let paths = |ops: Option<Value>, value: Option<&Value>| -> Vec<String> {
            let ops = ops.expect("something changes");
            let ops =
                ops.as_array().unwrap().iter().filter(|op| value.is_none_or(|value| op["value"] == *value));
            ops.map(|op| op["path"].as_str().unwrap().to_owned()).collect()
        };
        let ops = patch::reshape(&cloneset, &flow, &shape, None);
        assert_eq!(paths(ops.clone(), Some(&json!({}))), made, "{version:?} {fields}");
        let paths = [paths(ops, None), paths(patch::set_paused(&cloneset, &flow, true), None)].concat();
        for field in ["partition", "maxSurge", "maxUnavailable", "paused"] {
            assert!(paths.contains(&format!("{below}/{field}")), "{version:?}: {paths:?}");
        }
        let first = |path: &str| paths.iter().position(|it| it == path).unwrap();
        for parent in made {
            assert!(first(parent) < first(&format!("{below}/partition")), "{version:?}: {paths:?}");
        }
    }
}

fn read(version: ApiVersion, fields: &Value) -> Result<CloneSetEntry, String> {
    CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object(version, fields)).expect("an object"))
}

fn locked(object: &mut Value) {
    let note = json!({ "namespace": "default", "name": "demo-df", "uid": "flow-uid" });
    object["metadata"]["annotations"] = json!({ labels::LOCK: note.to_string() });
}

fn shape() -> Shape {
    Shape {
        template: Some(TemplateRef::Flow),
        replicas: 4,
        partition: Some(1),
        doomed: None,
        surge: 3,
        unavailable: 0,
    }
}

fn flow(kind: Kind) -> Flow {
    let draft = Draft {
        action: "create".into(),
        app_id: 7,
        group_id: 8,
        app_name: "web".into(),
        instance_name: "demo".into(),
        replicas: Some(4),
        template: Some(json!({ "spec": { "containers": [{ "name": "c", "image": "i" }] } })),
        ..Draft::default()
    };
    let (spec, _) = draft.parse().unwrap();
    let id = FlowId { namespace: "default".parse().unwrap(), name: "demo-df".parse().unwrap() };
    let uid = FlowUid::new("flow-uid").unwrap();
    Flow { id, uid, spec, orders: Orders::default(), progress: Progress::Preparing { base: base(kind) } }
}
