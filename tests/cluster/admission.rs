//! Admission policies of others that change what is written to CloneSets.

use std::time::Duration;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers, revision};

use crate::{
    app,
    rig::SETS,
    site::Site,
    watched::{DRAIN, Watched, pods},
};

const GROUP: &str = "admissionregistration.k8s.io/v1";

/// How long nothing may happen where the old template cannot return.
const QUIET: Duration = Duration::from_secs(5);

/// One that pins images, or counts costs, came after the application was made: the template before comes back as another
/// revision, and OpenKruise would replace every pod by one of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_would_not_return_as_it_was_is_not_written_and_old_pods_serve_on() {
    let web = Watched::new("admission", 3).await;
    let slowly = json!({"mode": "manual", "batchSize": 2, "canary": 1, "drainSeconds": DRAIN});
    web.site.apply(&app::update("second", 3, slowly));
    web.site.asks("second", 1, "Smoked").await;
    in_force(&web.site, &ANNOTATION, ALWAYS).await;
    let cancel = r#"{"spec":{"updateStrategy":{"canceled":true}}}"#;
    web.site.kubectl(&["patch", "deployflow", "second", "--type=merge", "-p", cancel]);
    let says = |view: &View| {
        let status = view.flow("second")["status"].clone();
        status["waiting"]["message"].to_string().contains(ANNOTATION.shows)
    };
    web.site.scene.holds("the flow names what would be changed", says).await;
    let generation =
        |site: &Site| site.kubectl_json(&["get", SETS, app::NAME])["metadata"]["generation"].clone();
    let before = generation(&web.site);
    tokio::time::sleep(QUIET).await;
    assert_eq!(generation(&web.site), before, "nothing is written again and again");
    let view = web.site.view();
    assert_eq!(view.serving().len(), 3, "{}", view.summary());
    // The canary leaves as long as the template of its flow is there: the policy may have changed that before.
    assert!((3..=4).contains(&pods(&view).len()), "{}", view.summary());

    web.site.apply(&policy(&web.site, "others", &ANNOTATION, ALWAYS));
    web.site.ends("second", "Canceled").await;
    assert_eq!(web.kept(), web.old, "no pod went");
    web.safety.serving_at_least(&web.site.scene, 3);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_replace_pods_that_nobody_meant_is_refused_and_an_update_brings_the_template() {
    let web = Watched::new("admission-rollback", 2).await;
    let auto = || json!({"mode": "auto", "drainSeconds": DRAIN});
    web.carry_out(&app::update("second", 2, auto())).await;
    in_force(&web.site, &EMPTY, ALWAYS).await;
    let before = web.site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone());
    let orders = [
        ("rollback", None, "cannot return"),
        ("scale_out", Some(3), "with what this flow writes"),
        ("restart", None, "with what this flow writes"),
        ("stop", None, "with what this flow writes"),
        ("delete", None, "with what this flow writes"),
    ];
    for (action, replicas, says) in orders {
        let name = action.replace('_', "-");
        web.site.apply(&app::order(&name, action, replicas, auto()));
        web.site.ends(&name, "Failed").await;
        let status = web.site.view().flow(&name)["status"].clone();
        assert_eq!(status["reason"], "Refused", "{status}");
        let message = status["message"].to_string();
        assert!(message.contains(says) && message.contains(EMPTY.shows), "{message}");
    }
    assert_eq!(web.site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone()), before);
    web.carry_out(&app::flow("third", "update", 2, "nginx:1", auto())).await;
    web.carry_out(&app::order("fourth", "scale_out", Some(3), auto())).await;
    web.carry_out(&app::order("fifth", "stop", None, auto())).await;
}

/// A policy that looks at what a flow writes, and leaves its lock alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_looks_at_numbers_is_found_before_anything_is_written() {
    let web = Watched::new("admission-numbers", 3).await;
    let auto = || json!({"mode": "auto", "drainSeconds": DRAIN});
    for (number, when) in [SIZE, SURGE].into_iter().enumerate() {
        in_force(&web.site, &ANNOTATION, when).await;
        for (action, replicas) in [("scale_out", Some(4)), ("scale_in", Some(2)), ("restart", None)] {
            let name = format!("{}-{number}", action.replace('_', "-"));
            web.site.apply(&app::order(&name, action, replicas, auto()));
            web.site.ends(&name, "Failed").await;
            let status = web.site.view().flow(&name)["status"].clone();
            assert_eq!(status["reason"], "Refused", "{status}");
            assert!(status["message"].to_string().contains(ANNOTATION.shows), "{status}");
        }
    }
    assert_eq!(web.check(3, 3), 0, "no pod went");
    web.runs("nginx:1", &web.revision);
}

/// It comes in the middle of a flow that brings no template.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_a_flow_without_one_meets_midway_exchanges_no_pod_unless_a_person_agrees() {
    for agrees in [false, true] {
        let web = Watched::new(&format!("admission-midway-{agrees}"), 2).await;
        let slowly = json!({"mode": "manual", "batchSize": 1, "drainSeconds": DRAIN});
        web.site.apply(&app::order("more", "scale_out", Some(4), slowly));
        web.site.asks("more", 1, "Baked").await;
        let before = web.site.view().serving();
        in_force(&web.site, &ANNOTATION, SIZE).await;
        web.site.next("more");
        web.site.scene.holds("the flow holds", |view| view.waits_for("more") == "Drift").await;
        tokio::time::sleep(QUIET).await;
        let view = web.site.view();
        assert_eq!(view.serving(), before, "they serve on, and none beside them: {}", view.summary());
        let message = view.flow("more")["status"]["message"].to_string();
        assert!(message.contains("put back the template"), "{message}");
        if !agrees {
            web.site.apply(&policy(&web.site, "others", &ANNOTATION, SIZE));
            let back = r#"[{"op": "remove", "path": "/spec/template/metadata/annotations/cost"}]"#;
            web.site.kubectl(&["patch", SETS, app::NAME, "--type=json", "-p", back]);
            let told = |view: &View| {
                let set = view.get(Kind::Set, app::NAME);
                set.is_some_and(|set| set["status"]["updateRevision"] == web.revision.as_str())
            };
            web.site.scene.holds("the template is back", told).await;
        }
        web.site.order("Resume", "more");
        web.site.succeeds("more").await;
        if agrees {
            // The workload's controller exchanges the others as it would without a flow.
            let one_revision = |view: &View| {
                let pods = pods(view);
                let new = |pod: &&Value| revision(pod) != web.revision;
                pods.len() == 4 && view.serving().len() == 4 && pods.iter().all(new)
            };
            web.site.scene.holds("all pods are of the new template", one_revision).await;
            web.check_traffic(2);
        } else {
            assert_eq!(pods(&web.site.view()).len(), 4);
            assert_eq!(web.kept(), web.old, "no pod that served went");
            web.runs("nginx:1", &web.revision);
        }
    }
}

fn name(site: &Site) -> String {
    format!("annotate-{}", site.namespace)
}

/// What a policy changes of a template: what it adds, the path that messages name, and how it is done.
struct Change {
    adds: &'static str,
    shows: &'static str,
    patch: &'static str,
}

const ANNOTATION: Change = Change {
    adds: "/metadata/annotations/cost",
    shows: "/metadata/annotations",
    patch: r#"has(object.spec.template.metadata.annotations) ?
        [JSONPatch{op: "add", path: "/spec/template/metadata/annotations/cost", value: "7"}] :
        [JSONPatch{op: "add", path: "/spec/template/metadata/annotations", value: {"cost": "7"}}]"#,
};

/// It says nothing, and is another revision.
const EMPTY: Change = Change {
    adds: "/spec/containers/0/securityContext",
    shows: "/spec/containers/0/securityContext",
    patch: r#"[JSONPatch{op: "add", path: "/spec/template/spec/containers/0/securityContext", value: {}}]"#,
};

/// A policy that changes the templates of CloneSets in this namespace, in force.
async fn in_force(site: &Site, change: &Change, when: &str) {
    site.apply(&policy(site, "clonesets", change, when));
    site.apply(&json!({
        "apiVersion": GROUP, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name(site)},
        "spec": {"policyName": name(site)},
    }));
    // It takes a moment until the API server knows it.
    let tried = || {
        let patch = r#"{"spec": {"replicas": 77, "updateStrategy": {"maxSurge": 7}}}"#;
        site.kubectl_json(&["patch", SETS, app::NAME, "--type=merge", "--dry-run=server", "-p", patch])
    };
    let shows = |set: &Value| set.pointer(&format!("/spec/template{}", change.adds)).is_some();
    answers("the policy is in force", tried, shows).await;
}

/// Which writes a policy changes.
const ALWAYS: &str = "true";
const SIZE: &str = "request.operation != 'UPDATE' || object.spec.replicas != oldObject.spec.replicas";
const SURGE: &str =
    "request.operation != 'UPDATE' || object.spec.updateStrategy != oldObject.spec.updateStrategy";

/// A policy that changes the template of these resources.
fn policy(site: &Site, resource: &str, change: &Change, when: &str) -> Value {
    json!({
        "apiVersion": GROUP, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name(site)},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConditions": [{"name": "when", "expression": when}],
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": site.namespace}},
                "resourceRules": [{
                    "apiGroups": ["apps.kruise.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                    "resources": [resource],
                }],
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": change.patch}}],
        },
    })
}
