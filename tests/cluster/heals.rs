//! Pods that do not run yet, or do not end yet, and heal: the flow shows why it waits, undoes nothing, and succeeds.

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, name};

use crate::{
    app,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";

/// What a new pod waits for, and what ends the wait.
enum Until {
    /// A node with a label that no node has.
    Node,
    /// The kubelet fails it in this way, until somebody mends it.
    Kubelet(&'static str),
}

struct Case {
    name: &'static str,
    until: Until,
    /// What the status of the pod says.
    reason: &'static str,
}

const CASES: [Case; 3] = [
    Case { name: "heals-node", until: Until::Node, reason: "Unschedulable" },
    Case { name: "heals-image", until: Until::Kubelet("image"), reason: "ImagePull" },
    Case { name: "heals-crash", until: Until::Kubelet("crash"), reason: "CrashLoop" },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_heals_is_shown_at_once_and_stops_nothing() {
    for case in &CASES {
        let site = Site::on_own_plane(case.name).await;
        site.serve(2).await;
        site.gives_back("first").await;
        let safety = Safety::from_now(&site.scene);
        let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "onFailure": "rollback", "failureGraceSeconds": 60});
        site.apply(&case.until.given(&site, app::update(FLOW, 2, strategy)));
        let told = |view: &View| {
            let message = view.flow(FLOW)["status"]["waiting"]["message"].as_str().unwrap_or_default();
            let pods = view.batch(FLOW)["pods"].as_array().cloned().unwrap_or_default();
            view.waits_for(FLOW) == "PodsStarting"
                && message.contains(case.reason)
                && pods.iter().any(|pod| pod["reason"] == case.reason && pod["phase"] != "Failed")
        };
        site.scene.holds(&format!("{}: the flow says why the pod does not run", case.name), told).await;
        case.until.comes(&site).await;
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 2);
        safety.serving_at_least(&site.scene, 2);
        safety.out_before_deletion(&site.scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_by_failed_pods_lifts_itself_when_they_are_mended() {
    let site = Site::new("heals-hold").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let strategy = json!({"mode": "auto", "batchSize": 2, "drainSeconds": 0, "failureGraceSeconds": 1});
    let until = Until::Kubelet("image");
    site.apply(&until.given(&site, app::update(FLOW, 2, strategy)));
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "PodsFailed").await;
    until.comes(&site).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_pod_that_does_not_end_undoes_nothing_and_is_named() {
    let site = Site::new("heals-ends").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let safety = Safety::from_now(&site.scene);
    let pod = name(site.view().pods()[0]).to_owned();
    let finalizers = |of: &Value| {
        site.kubectl(&[
            "patch",
            "pod",
            &pod,
            "--type=merge",
            "-p",
            &json!({"metadata": {"finalizers": of}}).to_string(),
        ]);
    };
    finalizers(&json!(["triton.test/stays"]));
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 1, "onFailure": "rollback", "progressDeadlineSeconds": 15});
    site.apply(&app::update(FLOW, 2, strategy));
    site.ends(FLOW, "Success").await;
    let view = site.view();
    let message = view.flow(FLOW)["status"]["message"].as_str().unwrap_or_default();
    assert!(message.contains(&pod), "{message}");
    assert!(view.get(Kind::Pod, &pod).is_some(), "the pod is still there");
    all_run(&view, "nginx:2", 2);
    safety.serving_at_least(&site.scene, 2);
    finalizers(&Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_that_is_longer_than_the_deadline_counts_against_none() {
    let site = Site::new("heals-drain").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 12, "onFailure": "rollback",
        "progressDeadlineSeconds": 8});
    site.apply(&app::update(FLOW, 2, strategy));
    site.scene.holds("it says what runs", |view| view.waits_for(FLOW) == "PodsLeaving").await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    safety.serving_at_least(&site.scene, 2);
}

impl Until {
    fn given(&self, site: &Site, flow: Value) -> Value {
        match self {
            Self::Kubelet(how) => app::annotated(flow, "triton.test/fail", how),
            Self::Node => with(flow, "nodeSelector", json!({label(site): "yes"})),
        }
    }

    async fn comes(&self, site: &Site) {
        match self {
            Self::Kubelet(_) => {
                while let Some(pod) = fails(site).await {
                    site.kubectl(&["annotate", "pod", &pod, "triton.test/fail-"]);
                }
            }
            Self::Node => {
                site.kubectl(&["label", "nodes", "--all", "--overwrite", &format!("{}=yes", label(site))]);
            }
        }
    }
}

/// The next pod that fails and that nobody has mended; `None` once the flow has ended.
async fn fails(site: &Site) -> Option<String> {
    let next = |view: &View| {
        let fails = |pod: &&Value| {
            !pod["metadata"]["annotations"]["triton.test/fail"].is_null()
                && !pod["status"]["containerStatuses"][0]["state"]["waiting"].is_null()
        };
        let pod = view.pods().into_iter().find(fails).map(|pod| name(pod).to_owned());
        (pod.is_some() || view.flow(FLOW)["status"]["finished"] == true).then_some(pod)
    };
    site.scene.until("a pod fails, or the flow ends", next).await
}

fn label(site: &Site) -> String {
    format!("triton.test/{}", site.namespace)
}

fn with(mut flow: Value, field: &str, value: Value) -> Value {
    flow["spec"]["application"]["template"]["spec"][field] = value;
    flow
}
