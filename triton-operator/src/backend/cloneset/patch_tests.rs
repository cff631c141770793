use std::sync::Arc;

use triton_core::model::{
    Base, Draft, Field, FieldEdit, FlowId, FlowUid, Kind, Lock, Orders, Position, Progress, Revision, Verdict,
};

use super::*;
use crate::backend::cloneset::fixtures::{base, cloneset, shape};
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
fn a_number_that_would_say_something_else_at_another_size_is_written_with_that_size() {
    // What stands there at 4 pods, the size that is wanted, and what is written beside it.
    let rows = [
        (json!({ "partition": 8 }), 4, Some(("partition", 4))),
        (json!({ "partition": 8 }), 7, Some(("partition", 4))),
        (json!({ "partition": "100%" }), 7, Some(("partition", 4))),
        (json!({ "partition": 4 }), 7, None),
        (json!({ "partition": 4, "maxSurge": "25%" }), 9, Some(("maxSurge", 1))),
        (json!({ "partition": 4, "maxUnavailable": "0%" }), 9, Some(("maxUnavailable", 0))),
    ];
    for (numbers, replicas, also) in rows {
        let cloneset = cloneset(|object| {
            locked(object);
            let strategy = object["spec"]["updateStrategy"].as_object_mut().unwrap();
            strategy.extend(numbers.as_object().unwrap().clone());
        });
        let ops = reshape(&cloneset, &flow(|_| ()), &shape(replicas, 4), None);
        let ops = ops.map_or_else(Vec::new, |ops| ops.as_array().unwrap().clone());
        let path = |op: &Value| op["path"].as_str().unwrap_or_default().to_owned();
        let strategy = ops.iter().find(|op| path(op).starts_with("/spec/updateStrategy/"));
        let strategy = strategy.map(|op| (path(op), op["value"].clone()));
        let wanted = also.map(|(field, value)| (format!("/spec/updateStrategy/{field}"), json!(value)));
        assert_eq!(strategy, wanted, "{numbers} at {replicas}");
        assert_eq!(ops.iter().any(|op| path(op) == "/spec/replicas"), replicas != 4, "{numbers}");
    }
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
fn what_was_left_waits_for_the_next_flow_until_one_has_replaced_it() {
    let at = triton_core::model::Timestamp::default();
    let left = cloneset(|object| {
        locked(object);
        let lock = &mut object["metadata"]["annotations"][labels::LOCK];
        let mut note: Value = serde_json::from_str(lock.as_str().unwrap()).unwrap();
        note["left"] = true.into();
        *lock = note.to_string().into();
    });
    // What is noted beside the lock, and whether the order was carried out.
    let rows = [
        (Action::Update, Verdict::Succeeded, None),
        (Action::Update, Verdict::Canceled, Some(false)),
        (Action::Stop, Verdict::Succeeded, Some(true)),
        (Action::Stop, Verdict::Canceled, Some(false)),
    ];
    for (action, verdict, waits) in rows {
        let row = format!("{action} {verdict:?}");
        let mut flow = Flow { progress: Progress::Finished { verdict, at }, ..flow(|_| ()) };
        flow.spec.action = action;
        let ops = pass_on(&left, &flow);
        assert_eq!(ops.is_some(), waits.is_some(), "{row}");
        let Some(ops) = ops else { continue };
        let ops = ops.as_array().unwrap();
        let value = |name| ops.iter().rev().find(|op| op["path"].as_str().unwrap().ends_with(name));
        let note: LockNote =
            serde_json::from_str(value("~1lock").unwrap()["value"].as_str().unwrap()).unwrap();
        assert!(note.left && note.holder.uid.as_str() == crate::backend::cloneset::lock::NOBODY, "{row}");
        assert_eq!(Some(value("~1carried-out").is_some()), waits, "{row}");
    }
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
    // Others took the lock off: nobody knows what to give back, and that the flow has ended is noted.
    let ops = release(&cloneset(|_| ()), &flow(|_| ()), None).unwrap();
    let rest: Vec<_> = ops.as_array().unwrap().iter().filter_map(|op| op["path"].as_str()).collect();
    assert!(rest.iter().all(|path| !path.starts_with("/spec")), "{rest:?}");
    assert!(rest.contains(&"/metadata/annotations/apps.triton.io~1last-flow"), "{rest:?}");
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
    assert_eq!(set_paused(&cloneset, &flow(|_| ()), false), None);
    assert_eq!(set_paused(&cloneset, &flow(|_| ()), true).unwrap()[3]["value"], true);
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
    let paused = set_paused(&cloneset, &flow, true).unwrap();
    let note = serde_json::from_str::<LockNote>(paused[4]["value"].as_str().unwrap()).unwrap().wrote.unwrap();
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
fn a_view_knows_whose_template_is_live_and_when_it_is_settled() {
    let (flow, cloneset) = (flow(|_| ()), cloneset(locked));
    let seen = view(&cloneset, &[], Some(&flow), Lock::Mine, true).unwrap();
    assert_eq!(seen.shape.template, Some(TemplateRef::Revision(Revision::new("demo-abc").unwrap())));
    assert!(seen.settled && seen.revision.is_some() && !seen.paused);
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

/// A locked workload, to which its holder wrote this.
fn wrote(shape: &Shape, generation: u64) -> CloneSetEntry {
    let mut cloneset = cloneset(locked);
    let (held, at) = (cloneset.lock.as_mut().unwrap(), Position::default());
    held.wrote = Some(Wrote::locked(None, false, at).reshaped(shape, at, false, generation));
    cloneset
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

fn locked(object: &mut Value) {
    let note = json!({
        "namespace": "default", "name": "demo-df", "uid": "flow-uid",
        "before": { "maxUnavailable": "30%", "paused": true },
    });
    object["metadata"]["annotations"] = json!({ labels::LOCK: note.to_string() });
}
