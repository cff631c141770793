use super::*;
use triton_core::model::{Action, Base, Failure, FlowPhase, Kind, Mode, Plan, Seconds, Verdict};

#[test]
fn the_tutorial_manifest_becomes_a_flow() {
    let entry = FlowEntry::of(&object(tutorial(), Value::Null)).unwrap();
    let flow = entry.flow().unwrap();
    assert_eq!((flow.spec.action, flow.spec.mode, flow.spec.canary), (Action::Create, Mode::Auto, 1));
    assert_eq!(flow.orders.interval, Seconds(10));
    assert_eq!(entry.group(), Some(Key::new("default", "12122-sample-10010")));
    assert_eq!(entry.missing_labels.len(), 5);
    assert!(entry.is_driven() && !entry.is_kept());
}

#[test]
fn nulls_of_go_clients_are_like_nothing() {
    let mut spec = tutorial();
    spec["updateStrategy"] = Value::Null;
    spec["nonUpdateStrategy"] = Value::Null;
    let status = json!({ "phase": "Pending", "pods": null, "conditions": null, "finishedAt": null });
    assert!(FlowEntry::of(&object(spec, status)).unwrap().flow().is_some());
}

#[test]
fn an_object_nobody_validated_is_invalid_and_names_the_field() {
    let cases = [
        ("/updateStrategy/batchSize", json!({ "x": 1 }), "spec.updateStrategy.batchSize"),
        ("/updateStrategy/batchSize", json!(0), "spec.updateStrategy.batchSize"),
        ("/application/appID", json!("x"), "spec.application.appID"),
        ("/updateStrategy", json!("x"), "spec.updateStrategy"),
        ("/updateStrategy", json!([]), "spec.updateStrategy"),
        ("/application", json!([]), "spec.application"),
        ("/application", Value::Null, "spec.application"),
        ("/action", json!("explode"), "spec.action"),
    ];
    for (pointer, value, field) in cases {
        let mut spec = tutorial();
        *spec.pointer_mut(pointer).unwrap() = value;
        match FlowEntry::of(&object(spec, Value::Null)).unwrap().loaded {
            Loaded::Invalid(flow) if !flow.progress.is_finished() => {
                assert_eq!(flow.faults.0[0].field, field)
            }
            other => panic!("{pointer}: {other:?}"),
        }
    }
}

#[test]
fn a_status_nobody_of_us_wrote_is_corrupt_and_the_flow_is_left_alone() {
    let rows = [
        (json!({ "phase": "BatchStarted" }), "status.progress: is missing although the flow has started"),
        (json!({ "phase": "Exploded" }), "status.phase: unknown variant `Exploded`"),
        (json!({ "replicas": -1 }), "status.replicas: invalid value: integer `-1`"),
    ];
    for (status, says) in rows {
        let entry = FlowEntry::of(&object(tutorial(), status)).unwrap();
        let Loaded::Corrupt { error, .. } = &entry.loaded else { panic!("{entry:?}") };
        assert!(error.to_string().starts_with(says), "{error}");
        assert!(!entry.is_driven() && entry.fate() == Fate::Alive);
    }
}

/// `finished` alone ended a running flow for everybody but itself: its canary was led into traffic.
#[test]
fn a_running_flow_has_not_ended_because_somebody_wrote_so_beside_its_progress() {
    let plan = Plan { base: Base::new(Kind::Replace, 2, 2), fresh: 0, work: 2 };
    let running = Progress::Verifying {
        plan,
        since: Timestamp::from_micros(1),
        counted: Seconds(0),
        hold: None,
        edited: None,
    };
    let running = status(&running, &Report::default(), 1, None, None).unwrap();
    let rows = [
        json!({ "finished": true }),
        json!({ "finished": true, "phase": "Success" }),
        json!({ "phase": "Canceled" }),
        json!({ "phase": "Failed", "progress": { "step": "Exploded" } }),
        json!({ "finished": true, "phase": "Failed", "finishedAt": "2026-01-02T03:04:05Z", "progress": { "step": 1 } }),
    ];
    for row in rows {
        let mut status = running.clone();
        for (field, value) in row.as_object().unwrap() {
            status[field] = value.clone();
        }
        let entry = FlowEntry::of(&object(tutorial(), status)).unwrap();
        let Loaded::Corrupt { phase, .. } = &entry.loaded else { panic!("{row}: {entry:?}") };
        assert!(!phase.is_final() && !entry.finished && entry.fate() == Fate::Alive, "{row}: {entry:?}");
        assert_eq!(entry.peer().ended_at, None, "{row}");
    }
}

/// The status of the flow of the tutorial, which has begun.
fn begun() -> Value {
    let progress = Progress::Preparing { base: Base::new(Kind::Grow, 0, 3) };
    let flow = FlowEntry::of(&object(tutorial(), Value::Null)).unwrap();
    let begun_with = BegunWith::of(&flow.flow().unwrap().spec);
    status(&progress, &Report::default(), 1, None, Some(begun_with)).unwrap()
}

#[test]
fn a_spec_that_says_something_else_than_when_its_flow_began_is_invalid_and_names_the_field() {
    let rows = [
        ("/action", json!("update"), "spec.action"),
        ("/application/instanceName", json!("other"), "spec.application.instanceName"),
        ("/application/replicas", json!(9), "spec.application.replicas"),
        ("/application/template/spec/containers/0/image", json!("other:1"), "spec.application.template"),
    ];
    for (pointer, value, field) in rows {
        let mut spec = tutorial();
        *spec.pointer_mut(pointer).unwrap() = value;
        let entry = FlowEntry::of(&object(spec, begun())).unwrap();
        let Loaded::Invalid(invalid) = &entry.loaded else { panic!("{pointer}: {entry:?}") };
        assert_eq!(invalid.faults.0[0].field, field);
        let name = entry.instance.as_ref().map(|instance| instance.name.as_str());
        assert_eq!(name, Some("12122-sample-10010"), "{pointer}: it acts on what it has begun with");
        assert_eq!(entry.fate(), Fate::Alive, "{pointer}");
    }
    assert!(FlowEntry::of(&object(tutorial(), begun())).unwrap().flow().is_some());
}

#[test]
fn a_progress_that_others_wrote_is_corrupt_however_well_it_reads() {
    let mut ended = begun();
    let at = Timestamp::from_micros(1);
    let over = Progress::Finished { verdict: Verdict::Canceled, at };
    let over = status(&over, &Report::default(), 1, None, None).unwrap();
    for field in ["phase", "finished", "finishedAt", "progress"] {
        ended[field] = over[field].clone();
    }
    let with = |pointer: &str, value: Value| {
        let mut status = begun();
        *status.pointer_mut(pointer).unwrap() = value;
        status
    };
    let rows = [
        with("/progress/from", json!(1)),
        with("/progress/to", json!(9999)),
        with("/progress/kind", json!("Shrink")),
        with("/begunWith", Value::Null),
        with("/begunWith/action", json!("update")),
        ended,
    ];
    for status in rows {
        let entry = FlowEntry::of(&object(tutorial(), status.clone())).unwrap();
        assert!(matches!(entry.loaded, Loaded::Corrupt { .. }), "{status}");
        assert!(!entry.finished && entry.fate() == Fate::Alive, "{status}");
    }
    let older = with("/progressHash", Value::Null);
    assert!(FlowEntry::of(&object(tutorial(), older)).unwrap().flow().is_some(), "of an operator before");
}

#[test]
fn a_spoilt_flow_that_is_deleted_is_given_free_and_its_lock_counts_no_more() {
    let mut spoilt = object(tutorial(), json!({ "phase": "BatchStarted" }));
    spoilt.metadata.finalizers = Some(vec![labels::FINALIZER.into()]);
    assert!(!FlowEntry::of(&spoilt).unwrap().is_driven());
    spoilt.metadata.deletion_timestamp = Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    let entry = FlowEntry::of(&spoilt).unwrap();
    assert!(entry.is_driven() && entry.fate() == Fate::Gone);
}

#[test]
fn the_lock_of_a_flow_counts_as_it_ended() {
    let at = Timestamp::from_micros(1);
    let rows = [
        (Progress::Pending, Fate::Alive),
        (Progress::Finished { verdict: Verdict::Canceled, at }, Fate::Ended),
        (Progress::Finished { verdict: Verdict::Failed(Failure::LockLost), at }, Fate::Ended),
        // It ended in the middle of its batches: as one that is gone.
        (Progress::Finished { verdict: Verdict::Failed(Failure::StatusLost), at }, Fate::Left),
    ];
    for (progress, fate) in rows {
        let status = status(&progress, &Report::default(), 1, None, None).unwrap();
        for action in ["create", "explode"] {
            let mut spec = tutorial();
            spec["action"] = json!(action);
            let entry = FlowEntry::of(&object(spec, status.clone())).unwrap();
            assert_eq!(entry.fate(), fate, "{action} {progress:?}");
        }
    }
}

#[test]
fn a_flow_that_ended_without_progress_is_known_by_its_phase() {
    let entry = FlowEntry::of(&object(tutorial(), json!({ "phase": "Success", "finished": true }))).unwrap();
    assert!(matches!(entry.loaded, Loaded::Corrupt { phase: FlowPhase::Success, .. }), "{entry:?}");
    assert!(!entry.is_driven() && entry.fate() == Fate::Ended);
}

#[test]
fn a_flow_is_known_to_have_ended_and_to_hold_something_whatever_can_be_read_of_it() {
    let at = "2026-01-02T03:04:05.000006Z";
    let peer = |spec: &Value, status: Value, kept: bool| {
        let mut object = object(spec.clone(), status);
        object.metadata.finalizers = kept.then(|| vec![labels::FINALIZER.into()]);
        FlowEntry::of(&object).unwrap().peer()
    };
    let ended_at: Timestamp = serde_json::from_value(json!(at)).unwrap();
    let finished = Progress::Finished { verdict: Verdict::Canceled, at: ended_at };
    let report = Report { finished_at: Some(ended_at), ..Report::default() };
    let ours = status(&finished, &report, 3, None, None).unwrap();
    let originals = json!({ "phase": "Success", "finished": true, "finishedAt": at });
    let (good, mut bad) = (tutorial(), tutorial());
    bad["action"] = json!("explode");
    for (spec, status) in [(&good, &ours), (&good, &originals), (&bad, &ours)] {
        let free = peer(spec, status.clone(), false);
        assert_eq!((free.ended_at, free.held), (Some(ended_at), false), "{status}");
        assert!(peer(spec, status.clone(), true).held);
    }
    for stands in [true, false] {
        let already = Progress::Finished { verdict: Verdict::AlreadyCarriedOut { stands }, at: ended_at };
        let copy = peer(&good, status(&already, &report, 3, None, None).unwrap(), false);
        assert_eq!(copy.ended_at, None, "the history limit neither counts nor removes it");
    }
    let open = status(&Progress::Pending, &Report::default(), 3, None, None).unwrap();
    let spoilt = json!({ "phase": "BatchStarted", "finished": true, "finishedAt": at });
    for (spec, status) in [(&good, Value::Null), (&bad, Value::Null), (&good, open), (&good, spoilt)] {
        assert_eq!(peer(spec, status.clone(), false).ended_at, None, "{status}");
    }
    let mut leaving = object(tutorial(), ours);
    leaving.metadata.deletion_timestamp =
        Some(serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap());
    assert!(FlowEntry::of(&leaving).unwrap().peer().held, "its removal is under way");
}

#[test]
fn a_status_is_read_back_as_it_was_written() {
    let at = Timestamp::from_micros(1_700_000_000_123_456);
    let progress = Progress::Finished { verdict: Verdict::Canceled, at };
    let canceled = Report { reason: "Canceled".into(), ..Report::default() };
    let written = status(&progress, &canceled, 3, None, None).unwrap();
    assert_eq!((&written["observedGeneration"], &written["finishedAt"]), (&json!(3), &Value::Null));
    let entry_of = |status| {
        let mut object = object(tutorial(), status);
        object.metadata.generation = Some(3);
        FlowEntry::of(&object).unwrap()
    };
    let entry = entry_of(written);
    let Loaded::Flow(stored) = &entry.loaded else { panic!("{entry:?}") };
    assert_eq!((&stored.flow.progress, stored.report.reason.as_str()), (&progress, "Canceled"));
    assert!(entry.finished && !entry.is_driven());
    let edited = status(&progress, &Report::default(), 2, None, None).unwrap();
    assert!(entry_of(edited).is_driven(), "its orders were changed after the end");
    assert_eq!(FlowPhase::from(&stored.flow.progress), FlowPhase::Canceled);
}

#[test]
fn a_flow_that_nobody_has_looked_at_has_a_status_of_no_generation_and_begins() {
    let entry = FlowEntry::of(&object(tutorial(), json!({ "observedGeneration": -1 }))).unwrap();
    let Loaded::Flow(stored) = &entry.loaded else { panic!("{entry:?}") };
    assert_eq!((&stored.flow.progress, stored.observed, entry.finished), (&Progress::Pending, false, false));
    assert!(entry.is_driven() && entry.is_pending());
}

#[test]
fn a_status_about_an_earlier_spec_or_a_finalizer_that_was_taken_off_is_saved_anew() {
    let at = Timestamp::from_micros(1);
    let ended = Progress::Finished { verdict: Verdict::Canceled, at };
    let ours: &[&str] = &["others.io/own", labels::FINALIZER];
    let torn: &[&str] = &["others.io/own"];
    // Where it is, the generation of its spec, its finalizers, whether its deletion was asked for, and whether nothing
    // of the last save is missing.
    let rows = [
        (&Progress::Pending, 1, ours, false, true),
        (&Progress::Pending, 2, ours, false, false),
        (&Progress::Pending, 1, torn, false, false),
        (&Progress::Pending, 1, &[], false, false),
        (&Progress::Pending, 1, torn, true, true),
        (&Progress::Pending, 2, torn, true, false),
        (&ended, 1, torn, false, true),
        (&ended, 1, &[], false, true),
    ];
    for (progress, generation, finalizers, leaving, wanted) in rows {
        let status = status(progress, &Report::default(), 1, None, None).unwrap();
        for action in ["create", "explode"] {
            let mut spec = tutorial();
            spec["action"] = json!(action);
            let mut object = object(spec, status.clone());
            object.metadata.generation = Some(generation);
            object.metadata.finalizers = Some(finalizers.iter().copied().map(String::from).collect());
            let deleted = serde_json::from_value(json!("2026-01-01T00:00:00Z")).unwrap();
            object.metadata.deletion_timestamp = leaving.then_some(deleted);
            let observed = match FlowEntry::of(&object).unwrap().loaded {
                Loaded::Flow(stored) => stored.observed,
                Loaded::Invalid(invalid) => invalid.observed,
                other => panic!("{other:?}"),
            };
            assert_eq!(observed, wanted, "{action} {progress:?} {generation} {finalizers:?} {leaving}");
        }
    }
}

#[test]
fn only_changed_orders_are_written_and_read_back_the_same() {
    let entry = FlowEntry::of(&object(tutorial(), Value::Null)).unwrap();
    let old = entry.flow().unwrap().orders.clone();
    assert!(orders(&old, &old).is_empty());
    let mut new = old.clone();
    new.paused = true;
    new.sizes.0.push(BatchSize::Percent(50));
    new.target.batch = 2;
    let patch = orders(&old, &new);
    let names: Vec<_> = patch.keys().map(String::as_str).collect();
    assert_eq!(names, ["batchSize", "batchSizes", "batches", "paused", "stage"]);
    let mut spec = tutorial();
    for (name, value) in patch {
        spec["updateStrategy"][name] = value;
    }
    assert_eq!(FlowEntry::of(&object(spec, Value::Null)).unwrap().flow().unwrap().orders, new);
}

#[test]
fn a_flow_of_the_service_is_stored_as_it_was_drafted() {
    let draft = draft(&tutorial()).unwrap();
    let instance = InstanceName::new("12122-sample-10010").unwrap();
    let id =
        FlowId { namespace: Namespace::new("default").unwrap(), name: FlowName::new("x-abcde").unwrap() };
    let flow = manifest(&NewFlow { id, draft: draft.clone(), instance });
    assert_eq!(flow.metadata.labels.as_ref().unwrap()["managed-by"], "triton-io");
    assert_eq!(super::draft(&serde_json::to_value(&flow.spec).unwrap()), Ok(draft));
}

fn tutorial() -> Value {
    json!({
        "action": "create",
        "application": {
            "appID": 12122, "appName": "deploy-demo-hello", "groupID": 10010,
            "instanceName": "12122-sample-10010", "replicas": 3,
            "selector": { "matchLabels": { "app": "12122", "managed-by": "triton-io" } },
            "template": { "metadata": {}, "spec": { "containers": [{
                "image": "nginx:latest", "name": "c",
                "ports": [{ "containerPort": 80, "protocol": "TCP" }], "resources": {},
            }] } },
        },
        "updateStrategy": { "batchSize": 1, "batchIntervalSeconds": 10, "canary": 1, "mode": "auto" },
    })
}

fn object(spec: Value, status: Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "apps.triton.io/v1alpha1", "kind": "DeployFlow",
        "metadata": {
            "name": "demo-df", "namespace": "default", "uid": "u-1", "resourceVersion": "5", "generation": 1,
        },
        "spec": spec, "status": status,
    }))
    .unwrap()
}
