use std::sync::Arc;

use kube::api::DynamicObject;
use triton_core::model::{
    Base, Draft, Field, FieldEdit, FlowId, Kind, Lock, Orders, PodName, PodUid, Position, Revision, Version,
};

use super::*;
use crate::backend::cloneset::fixtures::base;
use crate::backend::cloneset::view::view;
use crate::world::pods::PodEntry;

#[test]
fn a_workload_is_made_locked_hooked_gated_and_labelled() {
    let flow = flow(|_| ());
    let made = create(ApiVersion::V1Alpha1, &flow, &shape(4, 2), pod_template(&flow, true));
    let (meta, spec) = (&made["metadata"], &made["spec"]);
    assert_eq!(meta["labels"]["app"], "7");
    assert_eq!(meta["labels"]["team"], "blue");
    assert_eq!(meta["labels"][labels::EXCLUDE_PREPARING_DELETE], "true");
    assert_eq!(meta["annotations"][labels::TEMPLATE_OF], "flow-uid");
    assert_eq!(spec["lifecycle"]["preDelete"]["labelsHandler"][labels::HOOK], "true");
    assert_eq!(spec["selector"]["matchLabels"]["managed-by"], "triton-io");
    assert_eq!((&spec["replicas"], &spec["updateStrategy"]["partition"]), (&json!(4), &json!(2)));
    let template = &spec["template"];
    assert_eq!(template["metadata"]["labels"][labels::HOOK], "true");
    assert_eq!(template["metadata"]["labels"]["app.kubernetes.io/instance"], "demo");
    assert_eq!(template["spec"]["readinessGates"], json!([{ "conditionType": labels::GATE }]));
    let note: LockNote = serde_json::from_str(meta["annotations"][labels::LOCK].as_str().unwrap()).unwrap();
    assert_eq!((note.holder.uid, note.before), (flow.uid, Settings::defaults()));
}

#[test]
fn selector_and_claims_of_the_flow_arrive_in_the_workload() {
    let selector = json!({ "matchLabels": { "tier": "front" } });
    let claims = json!([{ "metadata": { "name": "data" }, "spec": { "accessModes": ["ReadWriteOnce"] } }]);
    let flow = flow(|draft| {
        draft.selector = Some(selector.clone());
        draft.volume_claim_templates = Some(claims.clone());
        draft.template.as_mut().unwrap()["metadata"]["labels"] = json!({ "tier": "front" });
    });
    let spec = &create(ApiVersion::V1Alpha1, &flow, &shape(4, 2), pod_template(&flow, true))["spec"];
    assert_eq!((&spec["selector"], &spec["volumeClaimTemplates"]), (&selector, &claims));
}

#[test]
fn a_failure_to_make_pods_is_read_with_its_time() {
    let condition = |status: &str| {
        json!([{
            "type": "FailedScale", "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z",
            "message": "exceeded quota",
        }])
    };
    let trouble = |status| cloneset(|object| object["status"]["conditions"] = condition(status)).trouble;
    let said =
        "the workload's controller failed to make or delete pods at 2026-01-01T00:00:00Z: exceeded quota";
    assert_eq!((trouble("True").as_deref(), trouble("False")), (Some(said), None));
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
fn without_pulling_in_there_is_no_gate() {
    let flow = flow(|draft| draft.update_strategy.get_or_insert_default().no_pull_in = Some(true));
    assert!(pod_template(&flow, !flow.spec.no_pull_in)["spec"].get("readinessGates").is_none());
}

fn locks(cloneset: &CloneSetEntry, flow: &Flow, before: Option<&Flow>) -> Value {
    lock(cloneset, flow, None, before, &note_of_lock(cloneset, flow))
}

#[test]
fn taking_the_lock_changes_no_number_and_remembers_what_to_give_back() {
    let cloneset = cloneset(|object| {
        object["spec"]["updateStrategy"] = json!({ "maxUnavailable": "25%", "partition": "50%" });
    });
    let body = locks(&cloneset, &flow(|_| ()), None);
    assert_eq!(body["spec"]["replicas"], 4);
    assert_eq!(
        body["spec"]["updateStrategy"],
        json!({ "maxUnavailable": "25%", "partition": "50%" }),
        "what is not set stays with the workload's defaults"
    );
    assert_eq!(body["metadata"]["resourceVersion"], "9");
    assert!(body["spec"].get("template").is_none() && body["spec"].get("selector").is_none());
    let note: LockNote =
        serde_json::from_str(body["metadata"]["annotations"][labels::LOCK].as_str().unwrap()).unwrap();
    assert_eq!(json!(note.before), json!({ "maxUnavailable": "25%" }));
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
fn an_abandoned_lock_remembers_better_than_the_workload() {
    let abandoned = cloneset(locked);
    let body = locks(&abandoned, &flow(|_| ()), None);
    let note: LockNote =
        serde_json::from_str(body["metadata"]["annotations"][labels::LOCK].as_str().unwrap()).unwrap();
    assert_eq!(json!(note.before), json!({ "maxUnavailable": "30%", "paused": true }));
}

#[test]
fn a_reshape_names_only_what_differs_and_is_guarded_by_uid_generation_and_lock() {
    let same = Shape { surge: 1, unavailable: 0, ..shape(4, 0) };
    let cloneset = wrote(&same, 2);
    assert_eq!(reshape(&cloneset, &flow(|_| ()), &same, None), None);
    let further = Flow { progress: Progress::Preparing { base: base(Kind::Replace) }, ..flow(|_| ()) };
    let ops = reshape(&cloneset, &further, &Shape { replicas: 6, ..same }, None).unwrap();
    let paths: Vec<_> =
        ops.as_array().unwrap().iter().map(|op| (op["op"].as_str(), op["path"].as_str())).collect();
    assert_eq!(
        paths,
        [
            (Some("test"), Some("/metadata/uid")),
            (Some("test"), Some("/metadata/generation")),
            (Some("test"), Some("/metadata/annotations/apps.triton.io~1lock")),
            (Some("add"), Some("/spec/replicas")),
            (Some("add"), Some("/metadata/annotations/apps.triton.io~1lock")),
        ]
    );
    let note: LockNote = serde_json::from_str(ops[4]["value"].as_str().unwrap()).unwrap();
    assert_eq!(note.before, cloneset.lock.unwrap().before, "what is given back stays");
    let (note, at) = (note.wrote.unwrap(), further.progress.position());
    assert_eq!((note.replicas, note.clean, note.at), (Some(6), 3, at));
}

#[test]
fn a_template_is_replaced_whole_together_with_the_numbers() {
    let cloneset = cloneset(locked);
    let flow = flow(|_| ());
    let ops = reshape(&cloneset, &flow, &shape(4, 4), Some(pod_template(&flow, true))).unwrap();
    let path = |path: &str| ops.as_array().unwrap().iter().find(|op| op["path"] == path).unwrap().clone();
    assert_eq!(path("/spec/template")["op"], "add");
    assert_eq!(path("/metadata/annotations/apps.triton.io~1template-of")["value"], "flow-uid");
    assert_eq!(path("/spec/updateStrategy/partition")["value"], 4);
    let back =
        Shape { template: Some(TemplateRef::Revision(Revision::new("demo-old").unwrap())), ..shape(4, 4) };
    let ops = reshape(&cloneset, &flow, &back, Some(json!({}))).unwrap();
    let note =
        ops.as_array().unwrap().iter().find(|op| op["path"].as_str().unwrap().ends_with("template-of"));
    assert_eq!(note.unwrap()["value"], "");
}

#[test]
fn what_a_flow_carried_out_is_noted_in_the_write_that_releases_or_takes_over_its_lock() {
    let at = triton_core::model::Timestamp::default();
    let ended = |verdict| Flow { progress: Progress::Finished { verdict, at }, ..flow(|_| ()) };
    let noted = |ops: &Value| {
        let path = "/metadata/annotations/apps.triton.io~1carried-out";
        let op = ops.as_array().unwrap().iter().find(|op| op["path"] == path);
        op.map(|op| op["value"].as_str().unwrap().to_owned())
    };
    let (done, canceled) = (ended(Verdict::Succeeded), ended(Verdict::Canceled));
    let released = noted(&release(&cloneset(locked), &done, None).unwrap()).expect("it is noted");
    assert!(released.starts_with("demo-df:") && released.ends_with(":demo-abc"), "{released}");
    assert_eq!(noted(&release(&cloneset(locked), &canceled, None).unwrap()), None);
    let known = |object: &mut Value| {
        locked(object);
        object["metadata"]["annotations"][labels::CARRIED_OUT] = "older:0123456789abcdef::".into();
    };
    let both = noted(&release(&cloneset(known), &done, None).unwrap()).unwrap();
    assert_eq!(both, format!("{released},older:0123456789abcdef::"));

    let carried = |before: Option<&Flow>| {
        let body = locks(&cloneset(known), &flow(|_| ()), before);
        body["metadata"]["annotations"][labels::CARRIED_OUT].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(carried(Some(&done)), both, "who takes over notes what the one before carried out");
    assert_eq!(carried(Some(&canceled)), "older:0123456789abcdef::");
    assert_eq!(carried(None), "older:0123456789abcdef::", "what an apply leaves out is taken away");
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
fn a_release_gives_back_what_the_lock_remembers() {
    let ops = release(&cloneset(locked), &flow(|_| ()), None).unwrap();
    let rest: Vec<_> = ops.as_array().unwrap()[3..].to_vec();
    assert_eq!(
        rest,
        [
            json!({ "op": "add", "path": "/metadata/annotations/apps.triton.io~1lock", "value": "" }),
            json!({
                "op": "add", "path": "/metadata/annotations/apps.triton.io~1last-flow",
                "value": "demo-df/flow-uid/1/ended",
            }),
            json!({ "op": "remove", "path": "/spec/updateStrategy/maxSurge" }),
            json!({ "op": "add", "path": "/spec/updateStrategy/maxUnavailable", "value": "30%" }),
            json!({ "op": "add", "path": "/spec/updateStrategy/paused", "value": true }),
        ]
    );
}

#[test]
fn leaving_pods_count_while_a_flow_runs_whose_old_pods_leave_first() {
    let of = |kind| Flow { progress: Progress::Preparing { base: base(kind) }, ..flow(|_| ()) };
    let label = |kind| {
        let body = locks(&cloneset(|_| ()), &of(kind), None);
        body["metadata"]["labels"][labels::EXCLUDE_PREPARING_DELETE].clone()
    };
    assert_eq!((label(Kind::Swap), label(Kind::Replace)), (json!("false"), json!("true")));
    let counting = cloneset(|object| {
        locked(object);
        object["metadata"]["labels"] = json!({ labels::EXCLUDE_PREPARING_DELETE: "false" });
    });
    let path = "/metadata/labels/apps.kruise.io~1cloneset-scaling-exclude-preparing-delete";
    let back = json!({ "op": "replace", "path": path, "value": "true" });
    let last = |cloneset: &CloneSetEntry| {
        release(cloneset, &flow(|_| ()), None).unwrap().as_array().unwrap().last().cloned()
    };
    assert_eq!(last(&counting), Some(back.clone()));
    assert_ne!(last(&cloneset(locked)), Some(back), "it stands already");
}

#[test]
fn a_pause_that_stands_costs_no_write() {
    let cloneset = cloneset(locked);
    assert_eq!(freeze(&cloneset, &flow(|_| ()), false), None);
    assert_eq!(freeze(&cloneset, &flow(|_| ()), true).unwrap()[3]["value"], true);
}

#[test]
fn an_edit_by_others_is_told_from_what_the_flow_wrote() {
    let flow = flow(|_| ());
    let edits = |cloneset: &CloneSetEntry| view(cloneset, &[], Some(&flow), Lock::Mine, true).unwrap().edits;
    let mut cloneset = wrote(&Shape { template: None, ..shape(4, 0) }, 2);
    assert!(edits(&cloneset).is_empty());
    cloneset.partition = 2;
    cloneset.editors = vec![(Field::Partition, "kubectl-patch".into()), (Field::Replicas, "me".into())];
    let seen = edits(&cloneset);
    assert_eq!(seen.fields, [FieldEdit { field: Field::Partition, by: Some("kubectl-patch".into()) }]);
    assert_eq!((seen.generation, seen.clean, seen.at), (3, 2, Position::default()));
    let frozen = freeze(&cloneset, &flow, true).unwrap();
    let note = serde_json::from_str::<LockNote>(frozen[4]["value"].as_str().unwrap()).unwrap().wrote.unwrap();
    assert_eq!((note.paused, note.clean), (Some(true), 2), "a pause sets no other field right");
}

#[test]
fn a_foreign_template_is_told_by_its_revision() {
    let brought = |revision: &str| {
        let base = Base { brought: Revision::new(revision).ok(), ..base(Kind::Replace) };
        Flow { progress: Progress::Preparing { base }, ..flow(|_| ()) }
    };
    let mut cloneset = wrote(&shape(4, 0), 2);
    cloneset.template_of = Some("flow-uid".into());
    let seen = |flow: &Flow| view(&cloneset, &[], Some(flow), Lock::Mine, true).unwrap();
    assert!(seen(&brought("demo-abc")).edits.is_empty());
    let foreign = seen(&brought("demo-xyz"));
    assert!(foreign.edits.has(Field::Template));
    assert_eq!(foreign.shape.template, Some(TemplateRef::Revision(Revision::new("demo-abc").unwrap())));
}

#[test]
fn hooking_is_guarded_by_uid_and_letting_go_by_version_too() {
    let pod = PodRef {
        name: PodName::new("demo-x").unwrap(),
        uid: PodUid::new("pod-uid").unwrap(),
        version: Version::new("7").unwrap(),
    };
    assert_eq!(
        hook_pod(&pod),
        json!({ "metadata": { "uid": "pod-uid", "labels": { labels::HOOK: "true" } } })
    );
    assert_eq!(
        let_go_pod(&pod),
        json!({ "metadata": { "uid": "pod-uid", "resourceVersion": "7", "labels": { labels::HOOK: null } } })
    );
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
fn a_view_knows_whose_template_is_live_and_when_it_is_settled() {
    let (flow, cloneset) = (flow(|_| ()), cloneset(locked));
    let seen = view(&cloneset, &[], Some(&flow), Lock::Mine, true).unwrap();
    assert_eq!(seen.shape.template, Some(TemplateRef::Revision(Revision::new("demo-abc").unwrap())));
    assert!(seen.settled && seen.revision.is_some() && !seen.frozen);
    let mut live = cloneset.clone();
    live.template_of = Some("flow-uid".into());
    let seen = view(&live, &[], Some(&flow), Lock::Mine, true).unwrap();
    assert_eq!(seen.shape.template, Some(TemplateRef::Flow));
    live.generation += 1;
    let seen = view(&live, &[], Some(&flow), Lock::Mine, true).unwrap();
    assert!(!seen.settled && seen.revision.is_none(), "its controller has not seen the change yet");
    assert!(!view(&cloneset, &[], Some(&flow), Lock::Mine, false).unwrap().settled);
}

#[test]
fn a_pod_does_not_run_while_its_containers_are_swapped() {
    let seen = |state: &str| {
        let owner = json!({
            "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "demo", "uid": "cs-uid",
            "controller": true,
        });
        let pod = json!({
            "metadata": {
                "namespace": "default", "name": "demo-x", "uid": "pod-uid", "resourceVersion": "7",
                "labels": { labels::LIFECYCLE_STATE: state }, "ownerReferences": [owner],
            },
            "spec": { "containers": [] },
            "status": { "conditions": [{ "type": "ContainersReady", "status": "True" }] },
        });
        let pod = PodEntry::of(&serde_json::from_value(pod).unwrap()).unwrap();
        let seen = view(&cloneset(|_| ()), &[Arc::new(pod)], None, Lock::Free, true).unwrap();
        let pod = &seen.pods[0];
        (pod.booted, pod.marked, pod.swaps)
    };
    assert_eq!(seen("Normal"), (true, false, false));
    assert_eq!(seen("PreparingDelete"), (true, true, false));
    assert_eq!(seen("PreparingUpdate"), (true, true, true));
    assert_eq!(seen("Updating"), (false, false, false));
    assert_eq!(seen("Updated"), (true, false, false));
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

/// A locked workload, to which its holder wrote this.
fn wrote(shape: &Shape, generation: u64) -> CloneSetEntry {
    let mut cloneset = cloneset(locked);
    let (held, at) = (cloneset.lock.as_mut().unwrap(), Position::default());
    held.wrote = Some(Wrote::locked(false, at).reshaped(shape, at, false, generation));
    cloneset
}

fn shape(replicas: u32, partition: u32) -> Shape {
    Shape {
        template: Some(TemplateRef::Flow),
        replicas,
        partition: Some(partition),
        doomed: None,
        surge: 1,
        unavailable: 0,
    }
}

fn flow(change: impl FnOnce(&mut Draft)) -> Flow {
    let mut draft = Draft {
        action: "create".into(),
        app_id: 7,
        group_id: 8,
        app_name: "web".into(),
        instance_name: "demo".into(),
        replicas: Some(4),
        template: Some(json!({
            "metadata": { "creationTimestamp": null },
            "spec": { "containers": [{ "name": "c", "image": "i" }] },
        })),
        application_label: [("team".to_owned(), "blue".to_owned())].into(),
        ..Draft::default()
    };
    change(&mut draft);
    let (spec, _) = draft.parse().unwrap();
    let id = FlowId { namespace: "default".parse().unwrap(), name: "demo-df".parse().unwrap() };
    let uid = FlowUid::new("flow-uid").unwrap();
    Flow { id, uid, spec, orders: Orders::default(), progress: Progress::Pending }
}

fn cloneset(change: impl FnOnce(&mut Value)) -> CloneSetEntry {
    let mut object = json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": {
            "name": "demo", "namespace": "default", "uid": "cs-uid", "resourceVersion": "9", "generation": 3,
        },
        "spec": {
            "replicas": 4, "selector": {}, "template": {}, "minReadySeconds": 5,
            "updateStrategy": { "maxSurge": 1, "maxUnavailable": 0, "partition": 0 },
        },
        "status": { "observedGeneration": 3, "updateRevision": "demo-abc", "conditions": [] },
    });
    change(&mut object);
    CloneSetEntry::of(&serde_json::from_value::<DynamicObject>(object).unwrap()).unwrap()
}

fn locked(object: &mut Value) {
    let note = json!({
        "namespace": "default", "name": "demo-df", "uid": "flow-uid",
        "before": { "maxUnavailable": "30%", "paused": true },
    });
    object["metadata"]["annotations"] = json!({ labels::LOCK: note.to_string() });
}
