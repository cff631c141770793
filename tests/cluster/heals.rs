//! Pods that do not run yet, or do not end yet, and heal: the flow shows why it waits, undoes nothing, and succeeds.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, answers, is_marked, name};

use crate::{
    app,
    rig::SETS,
    safety::{LATE, Safety, all_run},
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
    /// What the status of the pod and of the flow say: the class, and whose own words. No class where the kubelet
    /// writes no cause into the status of the pod.
    told: [&'static str; 2],
    /// Whether it counts as a failure when it lasts for longer than the grace.
    counts: bool,
}

const CASES: [Case; 6] = [
    Case {
        name: "heals-node",
        until: Until::Node,
        told: ["Unschedulable", "didn't match Pod's node affinity/selector"],
        counts: false,
    },
    Case {
        name: "heals-image",
        until: Until::Kubelet("image"),
        told: ["ImagePull", "ImagePullBackOff: Back-off pulling image"],
        counts: true,
    },
    Case {
        name: "heals-crash",
        until: Until::Kubelet("crash"),
        told: ["CrashLoop", "CrashLoopBackOff: back-off 10s restarting failed container"],
        counts: true,
    },
    Case {
        name: "heals-init",
        until: Until::Kubelet("init"),
        told: [
            "InitFailure",
            "container init: CrashLoopBackOff: back-off 10s restarting failed container=init",
        ],
        counts: true,
    },
    Case {
        name: "heals-secret",
        until: Until::Kubelet("secret"),
        told: ["Setup", "CreateContainerConfigError: secret \"token\" not found"],
        counts: true,
    },
    Case {
        name: "heals-mount",
        until: Until::Kubelet("mount"),
        told: ["", "ContainerCreating (no sandbox, volumes or network yet; the events of the pod say why)"],
        counts: false,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_heals_is_shown_at_once_and_stops_nothing() {
    join_all(CASES.iter().map(|case| async {
        let (site, safety) = case.begins(1, 60).await;
        let waits = |view: &View| case.is_told(view) && view.waits_for(FLOW) == "PodsStarting";
        site.scene.holds(&format!("{}: the flow says why the pod does not run", case.name), waits).await;
        case.until.comes(&site).await;
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 2);
        safety.never_held(&site.scene);
        safety.serving_at_least(&site.scene, 2);
        safety.out_before_deletion(&site.scene);
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lasts_for_longer_than_the_grace_is_held_where_it_counts_and_goes_on_by_itself_when_it_is_mended()
 {
    join_all(CASES.iter().map(|case| async {
        let (site, safety) = case.begins(2, 1).await;
        let counts = |view: &View| case.is_told(view) && view.waits_for(FLOW) == "PodsFailed";
        if case.counts {
            site.scene.holds(&format!("{}: the flow holds", case.name), counts).await;
        } else {
            outlasts(&site, FLOW, Duration::from_secs(3)).await;
            assert!(case.is_told(&site.view()), "{}: {}", case.name, site.view().summary());
        }
        case.until.comes(&site).await;
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 2);
        safety.serving_at_least(&site.scene, 2);
        if !case.counts {
            safety.never_held(&site.scene);
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn old_pods_leave_after_min_ready_seconds_which_count_against_no_deadline() {
    const MIN_READY: Duration = Duration::from_secs(16);
    let site = Site::on_own_plane("heals-min-ready").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let workload = format!("clonesets.apps.kruise.io/{}", app::NAME);
    let longer = json!({"spec": {"minReadySeconds": MIN_READY.as_secs()}}).to_string();
    site.kubectl(&["patch", &workload, "--type=merge", "-p", &longer]);
    let safety = Safety::from_now(&site.scene);
    let strategy = json!({"mode": "auto", "batchSize": 2, "drainSeconds": 0, "onFailure": "rollback",
        "progressDeadlineSeconds": 8});
    site.apply(&app::update(FLOW, 2, strategy));
    let says = |view: &View| {
        let message = view.flow(FLOW)["status"]["waiting"]["message"].as_str().unwrap_or_default();
        view.waits_for(FLOW) == "MinReady" && message.contains("minReadySeconds of the workload")
    };
    site.scene.holds("it says what runs", says).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    safety.serving_at_least(&site.scene, 2);
    safety.never_held(&site.scene);

    let journal = site.scene.journal();
    let at = |is: &dyn Fn(&Value) -> bool| {
        let found = journal.iter().find(|entry| entry.kind == Kind::Pod && is(&entry.object));
        found.expect("it happened").at
    };
    let new = |pod: &Value| pod["spec"]["containers"][0]["image"] == "nginx:2";
    let ready = at(&|pod| new(pod) && condition(pod, "Ready") == "True");
    let left = at(&|pod| !new(pod) && is_marked(pod));
    let waited = left.saturating_duration_since(ready);
    // The API server keeps the time of a condition in whole seconds.
    assert!(waited + LATE * 2 >= MIN_READY, "an old pod left after {waited:?}");
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

/// The API server, the controllers and OpenKruise keep a pod that the kubelet has ended, and another one takes its place.
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_are_evicted_are_named_in_the_words_of_the_kubelet_and_count_neither_as_pods_nor_as_failures()
 {
    const WORDS: &str = "Evicted: The node was low on resource: memory.";
    let site = Site::new("heals-evicted").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let safety = Safety::from_now(&site.scene);
    let until = Until::Kubelet("mount");
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "onFailure": "rollback"});
    site.apply(&until.given(&site, app::update(FLOW, 2, strategy)));
    let (reason, message) = WORDS.split_once(": ").expect("a reason and a message");
    let evicted = json!({"status": {"phase": "Failed", "reason": reason, "message": message}}).to_string();
    let evicts = async |then: &str| {
        let pod = fails(&site).await.expect("the flow waits for it");
        site.kubectl(&["patch", "pod", &pod, "--subresource=status", "--type=merge", "-p", &evicted]);
        let says = |view: &View| {
            let message = view.flow(FLOW)["status"]["message"].as_str().unwrap_or_default();
            view.waits_for(FLOW) == "PodsStarting" && message.contains(&format!(": Ended: {WORDS}{then}"))
        };
        site.scene.holds("the flow says how the pod ended", says).await;
        pod
    };
    let first = evicts("").await;
    assert!(site.view().flow(FLOW)["status"]["message"].to_string().contains(&format!("pod {first}: Ended")));
    // Which one is the newer one does not show where both were made in the same second.
    evicts("; another new pod has ended before it").await;
    site.tells("PodStuck", &format!("Ended: {WORDS}")).await;
    let events = site.events();
    let told = events.iter().filter(|event| event["note"].to_string().contains(&format!("Ended: {WORDS}")));
    assert_eq!(told.count(), 1, "one event for one reason: {events:#?}");
    until.comes(&site).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 2);
    let view = site.view();
    let ended = view.all(Kind::Pod).filter(|pod| pod["status"]["phase"] == "Failed").count();
    assert_eq!(ended, 2, "they are still there");
    safety.never_held(&site.scene);
    safety.serving_at_least(&site.scene, 2);
}

/// Held at the deadline, the flow says which pod it waited for and what that one lacks, in its message and in an event, and
/// goes on once the pod is ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_whose_deadline_is_over_names_the_pods_that_are_not_ready_and_goes_on_once_they_are() {
    let site = Site::new("heals-deadline").await;
    site.serve(1).await;
    site.gives_back("first").await;
    let until = Until::Kubelet("mount");
    let strategy = json!({"mode": "auto", "drainSeconds": 0, "progressDeadlineSeconds": 3});
    site.apply(&until.given(&site, app::update(FLOW, 1, strategy)));
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "DeadlineExceeded").await;
    let message = site.view().flow(FLOW)["status"]["message"].to_string();
    assert!(message.contains(": ContainerCreating (no sandbox"), "{message}");
    assert!(message.contains("it goes on by itself once what it waits for is there"), "{message}");
    site.tells("PodStuck", ": NotReady: container ").await;
    until.comes(&site).await;
    site.succeeds(FLOW).await;
    site.tells("CameLate", "what the stage waited for is there after its deadline").await;
    all_run(&site.view(), "nginx:2", 1);
}

/// Held for a pod of its second batch, the flow goes on once the size is one without that batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_holds_for_pods_that_a_size_makes_needless_goes_on() {
    let site = Site::new("heals-size").await;
    site.serve(2).await;
    site.gives_back("first").await;
    let strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "progressDeadlineSeconds": 3});
    let until = Until::Kubelet("mount");
    let mut update = until.given(&site, app::update(FLOW, 2, strategy));
    update["spec"]["application"].as_object_mut().and_then(|fields| fields.remove("replicas"));
    site.apply(&update);
    let first = fails(&site).await.unwrap_or_default();
    site.kubectl(&["annotate", "pod", &first, "triton.test/fail-"]);
    site.scene
        .holds("the first batch is done", |view| {
            view.flow(FLOW)["status"]["progress"]["batch"]["number"] == 2
        })
        .await;
    site.scene.holds("the flow holds", |view| view.waits_for(FLOW) == "DeadlineExceeded").await;
    site.kubectl(&["scale", SETS, app::NAME, "--replicas=1"]);
    site.tells("Resized", "the flow goes on with 1 pod instead of 2").await;
    // As the partition stands, the pod that stays may be the old one.
    until.comes(&site).await;
    site.succeeds(FLOW).await;
    all_run(&site.view(), "nginx:2", 1);
}

impl Case {
    /// Brings the application up, and begins an update whose pods wait.
    async fn begins(&self, batch: u32, grace: u32) -> (Site, Safety) {
        let site = Site::on_own_plane(self.name).await;
        site.serve(2).await;
        site.gives_back("first").await;
        let safety = Safety::from_now(&site.scene);
        let strategy = json!({"mode": "auto", "batchSize": batch, "drainSeconds": 0, "onFailure": self.on_failure(grace),
            "failureGraceSeconds": grace});
        site.apply(&self.until.given(&site, app::update(FLOW, 2, strategy)));
        (site, safety)
    }

    /// Where nothing is to be held, one that is would be undone for good.
    const fn on_failure(&self, grace: u32) -> &'static str {
        if self.counts && grace < 60 { "pause" } else { "rollback" }
    }

    /// Whether the flow waits for pods that do not run, and says why: in its message, and at the pod.
    fn is_told(&self, view: &View) -> bool {
        let message = view.flow(FLOW)["status"]["waiting"]["message"].as_str().unwrap_or_default();
        let pods = view.batch(FLOW)["pods"].as_array().cloned().unwrap_or_default();
        let [reason, words] = self.told;
        let stuck = |pod: &Value| pod["reason"].as_str().unwrap_or_default() == reason;
        message.contains(reason) && message.contains(words) && pods.iter().any(stuck)
    }
}

impl Until {
    fn given(&self, site: &Site, flow: Value) -> Value {
        match self {
            Self::Kubelet(how) => app::annotated(asks_for(how, flow), "triton.test/fail", how),
            Self::Node => with(flow, "nodeSelector", json!({label(site): "yes"})),
        }
    }

    async fn comes(&self, site: &Site) {
        match self {
            Self::Kubelet(_) => {
                while let Some(pod) = fails(site).await {
                    // Another size may take it away meanwhile.
                    let _ = site.try_kubectl(&["annotate", "pod", &pod, "triton.test/fail-"]);
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

/// The flow with what the kubelet fails in this way.
fn asks_for(how: &str, mut flow: Value) -> Value {
    let pod = &mut flow["spec"]["application"]["template"]["spec"];
    match how {
        "init" => pod["initContainers"] = json!([{"name": "init", "image": "busybox:1"}]),
        "secret" => {
            let from = json!({"secretKeyRef": {"name": "token", "key": "value"}});
            pod["containers"][0]["env"] = json!([{"name": "TOKEN", "valueFrom": from}]);
        }
        "mount" => {
            pod["volumes"] = json!([{"name": "token", "secret": {"secretName": "token"}}]);
            pod["containers"][0]["volumeMounts"] = json!([{"name": "token", "mountPath": "/token"}]);
        }
        _ => {}
    }
    flow
}

/// Waits until a flow has waited for pods for so long.
pub(crate) async fn outlasts(site: &Site, flow: &str, time: Duration) {
    site.scene.holds("it waits for pods", |view| view.waits_for(flow) == "PodsStarting").await;
    let since = Instant::now();
    answers("it has waited for long enough", || since.elapsed(), |waited| *waited > time).await;
    assert_eq!(site.view().waits_for(flow), "PodsStarting", "{}", site.view().summary());
}

fn condition<'a>(pod: &'a Value, kind: &str) -> &'a str {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let found = conditions.find(|condition| condition["type"] == kind);
    found.and_then(|condition| condition["status"].as_str()).unwrap_or_default()
}

fn label(site: &Site) -> String {
    format!("triton.test/{}", site.namespace)
}

fn with(mut flow: Value, field: &str, value: Value) -> Value {
    flow["spec"]["application"]["template"]["spec"][field] = value;
    flow
}
