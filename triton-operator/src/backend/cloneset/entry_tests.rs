use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::*;
use crate::backend::cloneset::fixtures::{cloneset, shape};
use crate::labels;

#[test]
fn a_failure_to_make_pods_is_read_with_its_time() {
    let condition = |status: &str| {
        json!([{
            "type": "FailedScale", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "exceeded quota",
        }])
    };
    let trouble = |status| cloneset(|object| object["status"]["conditions"] = condition(status)).trouble;
    let said = "2026-01-01T00:00:00Z".parse().ok();
    let said = Trouble { at: said, what: "exceeded quota".into() };
    assert!(said.at.is_some());
    assert_eq!((trouble("True"), trouble("False")), (Some(said), None));
}

#[test]
fn a_label_that_is_no_number_is_zero() {
    let ids = |app: &str, group: &str| {
        cloneset(|object| object["metadata"]["labels"] = json!({ "app": app, "group": group })).ids
    };
    assert_eq!((ids("7", "8"), ids("web", "99999999999")), ((7, 8), (0, 0)));
    assert_eq!(cloneset(|_| ()).ids, (0, 0), "nor is one that is missing");
}

#[test]
fn a_number_that_the_api_server_did_not_keep_is_named_instead_of_asked_for_again() {
    let made = |strategy: Value| {
        cloneset(|object| object["spec"]["updateStrategy"] = strategy)
            .has(&shape(4, 2))
            .map_err(|e| e.to_string())
    };
    assert_eq!(made(json!({ "partition": 2, "maxSurge": 1, "maxUnavailable": 0 })), Ok(()));
    let dropped = made(json!({ "type": "ReCreate" })).expect_err("the partition is not there");
    assert!(dropped.contains("spec.updateStrategy.partition at 0 instead of 2"), "{dropped}");
}

#[test]
fn an_entry_of_what_was_carried_out_that_cannot_be_read_makes_the_cloneset_one_that_cannot() {
    let object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": {
            "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
            "annotations": { labels::CARRIED_OUT: "a:0123456789abcdef::,nonsense" },
        },
        "spec": { "selector": {}, "template": {} },
    });
    let fault = CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object).unwrap()).unwrap_err();
    assert!(fault.contains(labels::CARRIED_OUT) && fault.contains("\"nonsense\""), "{fault}");
}

#[test]
fn percentages_round_like_openkruise_rounds_them() {
    let of = |strategy: Value| {
        let cloneset = cloneset(|object| object["spec"]["updateStrategy"] = strategy);
        (cloneset.surge(), cloneset.unavailable(), cloneset.partition)
    };
    assert_eq!(of(json!({})), (0, 1, 0));
    assert_eq!(of(json!({ "maxSurge": "30%", "maxUnavailable": "30%", "partition": "30%" })), (2, 1, 2));
    let paused = json!({ "maxSurge": 1, "maxUnavailable": "30%", "paused": true });
    assert_eq!(of(paused), (1, 2, 0), "a pause takes the surge away");
    assert_eq!(of(json!({ "maxSurge": 3, "maxUnavailable": 2, "partition": 9 })), (3, 2, 4));
    assert_eq!(of(json!({ "partition": "90%" })).2, 3, "less than all keeps less than all");
    assert_eq!(of(json!({ "partition": "100%" })).2, 4);
}

#[test]
fn a_workload_that_updates_in_place_neither_gets_nor_loses_the_gate() {
    let gates = |kind: &str, template: Value| {
        let cloneset = cloneset(|object| {
            object["spec"]["updateStrategy"]["type"] = kind.into();
            object["spec"]["template"] = template;
        });
        [false, true].map(|no_pull_in| cloneset.gates(no_pull_in))
    };
    let gated = || json!({ "spec": { "readinessGates": [{ "conditionType": labels::GATE }] } });
    for kind in ["InPlaceIfPossible", "InPlaceOnly"] {
        assert_eq!((gates(kind, gated()), gates(kind, json!({}))), ([true; 2], [false; 2]), "{kind}");
    }
    assert_eq!(gates("ReCreate", json!({})), [true, false]);
}

#[test]
fn a_field_that_cannot_be_read_is_named_by_its_path() {
    let rows = [
        (json!({ "replicas": "three" }), "spec.replicas: invalid type"),
        (json!({ "lifecycle": { "preDelete": 7 } }), "spec.lifecycle.preDelete: invalid type"),
    ];
    for (spec, begins) in rows {
        let object = json!({
            "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {}, "spec": spec,
        });
        let says = CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object).unwrap()).unwrap_err();
        assert!(says.starts_with(begins), "{says}");
    }
}
