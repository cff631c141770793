//! Admission policies of others that change what is written to CloneSets.

use std::time::Duration;

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers};

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
    annotate(&web.site).await;
    let cancel = r#"{"spec":{"updateStrategy":{"canceled":true}}}"#;
    web.site.kubectl(&["patch", "deployflow", "second", "--type=merge", "-p", cancel]);
    let says = |view: &View| {
        let status = view.flow("second")["status"].clone();
        status["waiting"]["message"].to_string().contains("/metadata/annotations")
    };
    web.site.scene.holds("the flow names what would be changed", says).await;
    let generation =
        |site: &Site| site.kubectl_json(&["get", SETS, app::NAME])["metadata"]["generation"].clone();
    let before = generation(&web.site);
    tokio::time::sleep(QUIET).await;
    assert_eq!(generation(&web.site), before, "nothing is written again and again");
    let view = web.site.view();
    assert_eq!((view.serving().len(), pods(&view).len()), (3, 4), "{}", view.summary());

    web.site.apply(&policy(&web.site, "others"));
    web.site.ends("second", "Canceled").await;
    assert_eq!(web.kept(), web.old, "no pod went");
    web.safety.serving_at_least(&web.site.scene, 3);
    web.runs("nginx:1", &web.revision);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_to_a_template_that_would_not_return_as_it_was_is_refused_and_an_update_brings_it() {
    let web = Watched::new("admission-rollback", 2).await;
    let auto = || json!({"mode": "auto", "drainSeconds": DRAIN});
    web.carry_out(&app::update("second", 2, auto())).await;
    annotate(&web.site).await;
    let before = web.site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone());
    web.site.apply(&app::order("back", "rollback", None, auto()));
    web.site.ends("back", "Failed").await;
    let status = web.site.view().flow("back")["status"].clone();
    assert_eq!(status["reason"], "Refused", "{status}");
    assert!(status["message"].to_string().contains("cannot return"), "{status}");
    assert_eq!(web.site.view().get(Kind::Set, app::NAME).map(|set| set["spec"].clone()), before);
    web.carry_out(&app::flow("third", "update", 2, "nginx:1", auto())).await;
}

fn name(site: &Site) -> String {
    format!("annotate-{}", site.namespace)
}

/// A policy that gives the templates of CloneSets in this namespace an annotation, in force.
async fn annotate(site: &Site) {
    site.apply(&policy(site, "clonesets"));
    site.apply(&json!({
        "apiVersion": GROUP, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name(site)},
        "spec": {"policyName": name(site)},
    }));
    // It takes a moment until the API server knows it.
    let tried = || {
        let patch = r#"{"spec": {"minReadySeconds": 0}}"#;
        site.kubectl_json(&["patch", SETS, app::NAME, "--type=merge", "--dry-run=server", "-p", patch])
    };
    let in_force = |set: &Value| set["spec"]["template"]["metadata"]["annotations"]["cost"] == "7";
    answers("the policy is in force", tried, in_force).await;
}

/// A policy that gives the template of these resources an annotation.
fn policy(site: &Site, resource: &str) -> Value {
    let patch = r#"has(object.spec.template.metadata.annotations) ?
        [JSONPatch{op: "add", path: "/spec/template/metadata/annotations/cost", value: "7"}] :
        [JSONPatch{op: "add", path: "/spec/template/metadata/annotations", value: {"cost": "7"}}]"#;
    json!({
        "apiVersion": GROUP, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name(site)},
        "spec": {
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": site.namespace}},
                "resourceRules": [{
                    "apiGroups": ["apps.kruise.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                    "resources": [resource],
                }],
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}],
        },
    })
}
