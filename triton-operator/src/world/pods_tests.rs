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
    assert_eq!(
        (pod.phase, pod.port(&[]), pod.ip.as_deref()),
        (PodPhase::ContainersReady, 80, Some("10.0.0.7"))
    );
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
fn a_pod_that_may_heal_is_not_shown_as_failed() {
    let waiting = |reason: &str, restarts: i32| {
        json!({ "phase": "Pending", "containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": { "waiting": { "reason": reason, "message": "because" } },
        }] })
    };
    for (status, phase) in [
        (waiting("ErrImagePull", 0), PodPhase::Pending),
        (waiting("CrashLoopBackOff", 1), PodPhase::Pending),
        (waiting("CrashLoopBackOff", 3), PodPhase::Failed),
        (waiting("InvalidImageName", 0), PodPhase::Failed),
    ] {
        assert_eq!(entry(status.clone()).phase, phase, "{status}");
    }
}

#[test]
fn the_port_shown_is_the_unnamed_one_or_the_app_port_of_the_application() {
    let metrics = json!([{ "containerPort": 9090, "name": "metrics" }]);
    let app =
        json!([{ "containerPort": 9090, "name": "metrics" }, { "containerPort": 8080, "name": "app-port" }]);
    let proxy = json!([{ "containerPort": 15090 }]);
    // Containers and their ports, those of the template, and the port that is shown.
    let rows = [
        (vec![("app", &app)], "app", 8080),
        (vec![("proxy", &proxy), ("app", &app)], "app", 8080),
        (vec![("proxy", &proxy), ("app", &metrics)], "app", 0),
        (vec![("app", &metrics), ("proxy", &proxy)], "other", 15090),
    ];
    for (containers, template, port) in rows {
        let mut pod = pod(json!({}));
        let container = |(name, ports)| json!({ "name": name, "image": name, "ports": ports });
        pod["spec"]["containers"] = containers.iter().copied().map(container).collect();
        let pod = PodEntry::of(&serde_json::from_value(pod).unwrap()).unwrap();
        assert_eq!(pod.port(&[template.to_owned()]), port, "{containers:?}");
    }
}

#[test]
fn other_readiness_gates_are_known_until_their_condition_is_true() {
    let unmet = |conditions: Value| {
        let mut pod = pod(json!({ "conditions": conditions }));
        pod["spec"]["readinessGates"] = json!([
            { "conditionType": "apps.triton.io/ready" }, { "conditionType": "target-health.example/web" },
        ]);
        PodEntry::of(&serde_json::from_value(pod).unwrap()).unwrap().unmet
    };
    let condition = |status: &str| json!([{ "type": "target-health.example/web", "status": status }]);
    for missing in [json!([]), condition("False"), condition("Unknown")] {
        assert_eq!(unmet(missing.clone()), ["target-health.example/web"], "{missing}");
    }
    assert_eq!(unmet(condition("True")), Vec::<String>::new());
}

#[test]
fn the_families_of_a_pod_are_those_of_its_addresses() {
    let rows = [
        (json!([]), vec![]),
        (json!([{ "ip": "10.0.0.7" }]), vec!["IPv4"]),
        (json!([{ "ip": "fd00::7" }]), vec!["IPv6"]),
        (json!([{ "ip": "10.0.0.7" }, { "ip": "fd00::7" }]), vec!["IPv4", "IPv6"]),
    ];
    for (ips, families) in rows {
        assert_eq!(entry(json!({ "podIPs": ips })).families, families, "{ips}");
    }
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
