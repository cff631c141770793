//! What the cluster refuses is known before a flow exists, or before it has touched anything.

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers};

use crate::{app, direct::Person, rig::SETS, site::Site};

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn a_template_that_kubernetes_refuses_is_named_by_its_field_before_anything_is_touched() {
    let site = Site::on_own_plane("template").await;
    site.serve(1).await;
    site.gives_back("first").await;
    let jo = Person::with_the_rights_of_the_page(&site).await;
    let before = workload(&site);
    // A pointer into the pod, what is put there, and the field that is named.
    let rows = [
        (
            "/containers/0/resources",
            json!({"requests": {"cpu": "500 m"}}),
            "containers[0].resources.requests.cpu",
        ),
        (
            "/containers/0/resources",
            json!({"limits": {"cpu": 1}, "requests": {"cpu": 2}}),
            "containers[0].resources.requests",
        ),
        (
            "/containers/0/env",
            json!([{"name": "A", "value": "1"}, {"name": "B", "value": 1}]),
            "containers[0].env[1].value",
        ),
        ("/containers/0/livenesProbe", json!({"tcpSocket": {"port": 80}}), "containers[0].livenesProbe"),
        (
            "/containers/0/volumeMounts",
            json!([{"name": "no", "mountPath": "/no"}]),
            "containers[0].volumeMounts[0].name",
        ),
        ("/containers/0/ports", json!([{"containerPort": 99_999}]), "containers[0].ports[0].containerPort"),
        ("/containers/0/imagePullPolicy", json!("always"), "containers[0].imagePullPolicy"),
        ("/restartPolicy", json!("Never"), "restartPolicy"),
    ];
    for (at, (place, value, field)) in rows.into_iter().enumerate() {
        let (name, field) = (format!("bad-{at}"), format!("spec.application.template.spec.{field}: "));
        let mut flow = app::update(&name, 1, json!({"mode": "auto", "drainSeconds": 0}));
        let pod = &mut flow["spec"]["application"]["template"]["spec"];
        let (above, last) = place.rsplit_once('/').expect("a path");
        pod.pointer_mut(above).expect("it is there")[last] = value;

        let refused = jo.typed(&["create", "-f", &jo.file(&flow)], 1);
        assert!(refused.contains(&field), "{place}: {refused}");
        assert!(site.try_kubectl(&["get", "df", &name]).is_err(), "no flow was made");

        site.apply(&flow);
        site.ends(&name, "Failed").await;
        let status = site.view().flow(&name)["status"].clone();
        assert_eq!(status["reason"], "InvalidSpec", "{status}");
        assert!(status["message"].as_str().is_some_and(|message| message.contains(&field)), "{status}");
        // A create, too.
        let mut create = flow.clone();
        create["metadata"]["name"] = json!(format!("new-{at}"));
        create["spec"]["action"] = json!("create");
        create["spec"]["application"]["instanceName"] = json!("other");
        site.apply(&create);
        site.ends(&format!("new-{at}"), "Failed").await;
    }
    assert_eq!(workload(&site), before, "nothing was touched");
    assert_eq!(site.view().all(Kind::Set).count(), 1);
    let claims = json!([{"metadata": {"name": "data"}, "spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
    }}]);
    let mut mounts = app::create("mounts", 0, json!({"mode": "auto"}));
    let application = &mut mounts["spec"]["application"];
    application["instanceName"] = json!("claims");
    application["volumeClaimTemplates"] = claims;
    application["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "data", "mountPath": "/data"}]);
    site.apply(&mounts);
    site.ends("mounts", "Success").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_protected_workload_keeps_its_pods_and_one_protected_while_it_has_pods_goes() {
    let site = Site::on_own_plane("protected").await;
    protect(&site).await;
    site.serve(2).await;
    site.gives_back("first").await;
    let delete = |name: &str| app::order(name, "delete", None, json!({"mode": "auto", "drainSeconds": 0}));
    label(&site, "Always");
    let before = workload(&site);
    site.apply(&delete("refused"));
    site.ends("refused", "Failed").await;
    let status = site.view().flow("refused")["status"].clone();
    let message = status["message"].as_str().unwrap_or_default();
    assert_eq!(status["reason"], "Refused", "{status}");
    assert!(message.contains("forbidden by ResourcesProtectionDeletion"), "{status}");
    assert_eq!(workload(&site), before, "nothing was touched");
    assert_eq!(site.view().serving().len(), 2);

    label(&site, "Cascading");
    site.apply(&delete("goes"));
    site.ends("goes", "Success").await;
    assert!(site.view().get(Kind::Set, app::NAME).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workload_with_a_field_that_would_keep_a_flow_waiting_is_left_as_it_is_and_the_field_named() {
    let site = Site::new("fields").await;
    site.apply(&json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {"name": app::NAME},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "tea"}},
            "scaleStrategy": {"maxUnavailable": 1},
            "template": {
                "metadata": {"labels": {"app": "tea"}},
                "spec": {"containers": [{"name": "web", "image": "nginx:1"}]},
            },
        },
    }));
    let runs = |view: &triton_tests::scene::View| view.pods().len() == 1;
    site.scene.holds("its pod is there", runs).await;
    let settled = |set: &Value| set["status"]["observedGeneration"] == set["metadata"]["generation"];
    answers("it is observed", || workload(&site), settled).await;
    let auto = || json!({"mode": "auto", "drainSeconds": 0, "batchSize": 1});
    let before = workload(&site);
    let fails = async |flow: Value, words: &str| {
        let name = flow["metadata"]["name"].as_str().expect("a name").to_owned();
        site.apply(&flow);
        site.ends(&name, "Failed").await;
        let status = site.view().flow(&name)["status"].clone();
        assert_eq!(status["reason"], "Unsupported", "{status}");
        assert!(status["message"].as_str().is_some_and(|message| message.contains(words)), "{status}");
    };
    fails(app::update("selects", 1, auto()), "app=tea does not match the labels of the template").await;
    fails(app::order("more", "scale_out", Some(3), auto()), "spec.scaleStrategy.maxUnavailable").await;
    fails(app::order("again", "restart", None, auto()), "spec.scaleStrategy.maxUnavailable").await;
    let written = |set: Value| (set["spec"].clone(), set["metadata"]["annotations"].clone());
    assert_eq!(written(workload(&site)), written(before), "nothing was touched");

    site.kubectl(&[
        "patch",
        SETS,
        app::NAME,
        "--type=json",
        "-p",
        r#"[{"op":"remove","path":"/spec/scaleStrategy/maxUnavailable"}]"#,
    ]);
    site.apply(&app::order("grows", "scale_out", Some(2), auto()));
    site.ends("grows", "Success").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_lets_no_more_pods_go_once_its_workload_is_protected() {
    let site = Site::on_own_plane("protected-midway").await;
    protect(&site).await;
    site.serve(3).await;
    site.gives_back("first").await;
    let slowly = json!({"mode": "auto", "drainSeconds": 0, "batchSize": 1, "batchIntervalSeconds": 5});
    site.apply(&app::order("goes", "delete", None, slowly));
    site.scene.holds("the first pod is gone", |view| view.pods().len() == 2).await;
    label(&site, "Always");
    let says =
        |view: &View| view.flow("goes")["status"]["message"].to_string().contains("forbidden by Resources");
    site.scene.holds("the flow says who refuses it", says).await;
    let view = site.view();
    assert_eq!(view.flow("goes")["status"]["reason"], "Rejected");
    assert_eq!(view.serving().len(), 2, "{}", view.summary());
    site.kubectl(&["label", SETS, app::NAME, "policy.kruise.io/delete-protection-"]);
    site.ends("goes", "Success").await;
    assert!(site.view().get(Kind::Set, app::NAME).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_a_revision_that_is_not_kept_is_refused_before_anything_is_touched() {
    let site = Site::new("lost-revision").await;
    site.serve(1).await;
    site.gives_back("first").await;
    let jo = Person::with_the_rights_of_the_page(&site).await;
    let before = workload(&site);
    let refused = jo.typed(&["rollback", app::NAME, "--to-revision", "5f9c6b96c5"], 1);
    assert!(refused.contains("NoRevision") && refused.contains("there is no revision"), "{refused}");
    let mut flow = app::order("back", "rollback", None, json!({"mode": "auto", "drainSeconds": 0}));
    flow["spec"]["rollbackTo"] = json!({"revision": "5f9c6b96c5"});
    let planned = jo.typed(&["plan", "-f", &jo.file(&flow)], 1);
    assert!(planned.contains("NoRevision: there is no revision"), "{planned}");
    site.apply(&flow);
    site.ends("back", "Failed").await;
    assert_eq!(site.view().flow("back")["status"]["reason"], "NoRevision");
    assert_eq!(workload(&site), before, "nothing was touched");
}

/// Spec, labels, annotations and identity, past the watches.
fn workload(site: &Site) -> Value {
    let mut set = site.kubectl_json(&["get", SETS, app::NAME]);
    for field in ["resourceVersion", "managedFields"] {
        set["metadata"].as_object_mut().and_then(|meta| meta.remove(field));
    }
    set
}

fn label(site: &Site, sort: &str) {
    let label = format!("policy.kruise.io/delete-protection={sort}");
    site.kubectl(&["label", SETS, app::NAME, "--overwrite", &label]);
}

/// A policy that does what OpenKruise's webhook does with this label, in this namespace.
async fn protect(site: &Site) {
    let label = "(has(oldObject.metadata.labels) && 'policy.kruise.io/delete-protection' in \
                 oldObject.metadata.labels ? oldObject.metadata.labels['policy.kruise.io/delete-protection'] : '')";
    let name = format!("protect-{}", site.namespace);
    let rules = [
        (format!("{label} != 'Always'"), "forbidden by ResourcesProtectionDeletion for Always"),
        (
            format!("{label} != 'Cascading' || oldObject.spec.replicas == 0"),
            "forbidden by ResourcesProtectionDeletion for Cascading",
        ),
    ];
    let rules =
        rules.map(|(rule, message)| json!({"expression": rule, "message": message, "reason": "Forbidden"}));
    let group = "admissionregistration.k8s.io/v1";
    site.apply(&json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": site.namespace}},
                "resourceRules": [{
                    "apiGroups": ["apps.kruise.io"], "apiVersions": ["*"], "operations": ["DELETE"],
                    "resources": ["clonesets"],
                }],
            },
            "validations": rules,
        },
    }));
    site.apply(&json!({
        "apiVersion": group, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"]},
    }));
    // It takes a moment to be in force.
    site.apply(&json!({
        "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
        "metadata": {"name": "probe", "labels": {"policy.kruise.io/delete-protection": "Always"}},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "probe"}}, "template": {
            "metadata": {"labels": {"app": "probe"}}, "spec": {"containers": [{"name": "probe", "image": "nginx:1"}]},
        }},
    }));
    let asked = || {
        site.try_kubectl(&["delete", SETS, "probe", "--dry-run=server"]).map_err(|error| error.to_string())
    };
    answers("the policy is in force", asked, |answer| {
        answer.as_ref().is_err_and(|refusal| refusal.contains("ResourcesProtectionDeletion"))
    })
    .await;
}
