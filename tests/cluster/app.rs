//! The application that the tests roll out: instance `web`, revisions told apart by their image.

use serde_json::{Value, json};

/// Name of the instance, and of its CloneSet and its Service.
pub(crate) const NAME: &str = "web";

/// The Service that selects its pods.
pub(crate) fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME},
        "spec": {"selector": {"app.kubernetes.io/instance": NAME}, "ports": [{"name": "web", "port": 80}]},
    })
}

/// A CloneSet of its name, as somebody makes it who does not use flows.
pub(crate) fn cloneset(replicas: u32, image: &str) -> Value {
    let labels = json!({"app": NAME});
    json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

/// A flow that creates it with image `nginx:1`.
pub(crate) fn create(name: &str, replicas: u32, strategy: Value) -> Value {
    flow(name, "create", replicas, "nginx:1", strategy)
}

/// A flow that updates it to image `nginx:2`.
pub(crate) fn update(name: &str, replicas: u32, strategy: Value) -> Value {
    flow(name, "update", replicas, "nginx:2", strategy)
}

/// A flow.
pub(crate) fn flow(name: &str, action: &str, replicas: u32, image: &str, strategy: Value) -> Value {
    json!({
        "apiVersion": "apps.triton.io/v1alpha1",
        "kind": "DeployFlow",
        "metadata": {"name": name},
        "spec": {
            "action": action,
            "application": {
                "appID": 1,
                "groupID": 2,
                "appName": "hello",
                "instanceName": NAME,
                "replicas": replicas,
                "template": {
                    "metadata": {"annotations": {}},
                    "spec": {"containers": [{
                        "name": "web",
                        "image": image,
                        "ports": [{"containerPort": 80}],
                    }]},
                },
            },
            "updateStrategy": strategy,
        },
    })
}

/// A flow that brings no template: rollback, restart, scale and so on.
pub(crate) fn order(name: &str, action: &str, replicas: Option<u32>, strategy: Value) -> Value {
    let mut order = flow(name, action, 0, "", Value::Null);
    let spec = &mut order["spec"];
    spec["application"].as_object_mut().and_then(|fields| fields.remove("template"));
    match replicas {
        Some(replicas) => spec["application"]["replicas"] = json!(replicas),
        None => drop(spec["application"].as_object_mut().and_then(|fields| fields.remove("replicas"))),
    }
    if action != "rollback" {
        spec.as_object_mut().and_then(|fields| fields.remove("updateStrategy"));
        spec["nonUpdateStrategy"] = strategy;
    } else {
        spec["updateStrategy"] = strategy;
    }
    order
}

/// The same flow with an annotation on its pods, such as those of the test nodes.
pub(crate) fn annotated(mut flow: Value, key: &str, value: &str) -> Value {
    flow["spec"]["application"]["template"]["metadata"]["annotations"][key] = json!(value);
    flow
}
