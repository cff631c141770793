use serde_json::{Value, json};

use super::*;

#[test]
fn a_pod_of_a_cloneset_is_pruned_to_what_matters() {
    let pod = entry(json!({ "conditions": [
        { "type": "apps.triton.io/ready", "status": "True" },
        { "type": "ContainersReady", "status": "True" },
        { "type": "Ready", "status": "False" },
    ], "podIP": "10.0.0.7", "phase": "Running" }));
    assert!(pod.gated && pod.gate == Some(true) && pod.booted && !pod.ready && pod.hooked() && !pod.marked());
    assert_eq!((pod.phase, pod.port, pod.ip.as_deref()), (PodPhase::ContainersReady, 80, Some("10.0.0.7")));
    assert_eq!(pod.group(), Some(Key::new("default", "cloneset-uid")));
}

#[test]
fn a_pod_without_a_controlling_cloneset_is_not_kept() {
    let mut pod = pod(json!({}));
    pod["metadata"]["ownerReferences"][0]["kind"] = json!("ReplicaSet");
    assert_eq!(PodEntry::of(&serde_json::from_value(pod).unwrap()), None);
}

#[test]
fn a_pod_is_to_be_deleted_by_a_label_of_any_value() {
    let specified = |value: &str| {
        let mut pod = pod(json!({}));
        pod["metadata"]["labels"]["apps.kruise.io/specified-delete"] = json!(value);
        PodEntry::of(&serde_json::from_value(pod).unwrap()).unwrap().specified()
    };
    assert!(specified("true") && specified("") && specified("soon"));
    assert!(!entry(json!({})).specified());
}

#[test]
fn failures_carry_their_class_and_the_words_of_the_kubelet() {
    let waiting = |reason: &str, restarts: i32| {
        json!({ "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": { "waiting": { "reason": reason, "message": "because" } },
        }] })
    };
    let cases = [
        (waiting("ImagePullBackOff", 0), Some(FailureClass::ImagePull)),
        (waiting("CreateContainerConfigError", 0), Some(FailureClass::Setup)),
        (waiting("CrashLoopBackOff", 2), Some(FailureClass::CrashLoop)),
        (waiting("CrashLoopBackOff", 1), None),
        (waiting("ContainerCreating", 0), None),
        (
            json!({ "reason": "Evicted", "message": "because", "phase": "Failed" }),
            Some(FailureClass::Evicted),
        ),
        (
            json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": "because" }] }),
            Some(FailureClass::Unschedulable),
        ),
    ];
    for (status, class) in cases {
        let failure = entry(status.clone()).failure;
        assert_eq!(failure.as_ref().map(|failure| failure.class), class, "{status}");
        assert!(failure.is_none_or(|failure| failure.message.ends_with(": because")), "{status}");
    }
}

#[test]
fn the_port_shown_is_the_unnamed_one_or_the_app_port() {
    let mut pod = pod(json!({}));
    pod["spec"]["containers"][0]["ports"] = json!([
        { "containerPort": 9090, "name": "metrics" }, { "containerPort": 8080, "name": "app-port" },
    ]);
    assert_eq!(PodEntry::of(&serde_json::from_value(pod).unwrap()).unwrap().port, 8080);
}

fn entry(status: Value) -> PodEntry {
    PodEntry::of(&serde_json::from_value(pod(status)).unwrap()).unwrap()
}

fn pod(status: Value) -> Value {
    json!({
        "metadata": {
            "namespace": "default", "name": "demo-x", "uid": "pod-uid", "resourceVersion": "7",
            "labels": { "apps.triton.io/in-traffic": "true" },
            "ownerReferences": [{
                "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "demo",
                "uid": "cloneset-uid", "controller": true,
            }],
        },
        "spec": {
            "containers": [{ "name": "c", "image": "i", "ports": [{ "containerPort": 80 }] }],
            "readinessGates": [{ "conditionType": "apps.triton.io/ready" }],
        },
        "status": status,
    })
}
