//! `podReplacementPolicy: TerminationComplete`: new pods come when those before them are gone.

use serde_json::{Value, json};
use triton_tests::scene::{View, name};

use crate::{
    app,
    safety::{Safety, all_run},
    site::Site,
};

const FLOW: &str = "second";

/// Three pods are exchanged one by one, and the first one that leaves takes long to end.
struct Case {
    name: &'static str,
    /// Old pods leave before new ones start.
    leave_first: bool,
    /// New pods that are there while the first old one ends.
    new: usize,
}

const CASES: [Case; 2] = [
    Case { name: "terminating-beside", leave_first: false, new: 1 },
    Case { name: "terminating-first", leave_first: true, new: 0 },
];

#[tokio::test(flavor = "multi_thread")]
async fn new_pods_start_when_no_pod_is_being_deleted_any_more() {
    for case in &CASES {
        let site = Site::new(case.name).await;
        site.serve(3).await;
        site.gives_back("first").await;
        let safety = Safety::from_now(&site.scene);
        let old: Vec<String> = site.view().pods().into_iter().map(|pod| name(pod).to_owned()).collect();
        for pod in &old {
            finalizers(&site, pod, &json!(["triton.test/stays"]));
        }
        let mut strategy = json!({"mode": "auto", "batchSize": 1, "drainSeconds": 0, "onFailure": "rollback",
            "progressDeadlineSeconds": 120, "podReplacementPolicy": "TerminationComplete"});
        if case.leave_first {
            strategy["maxUnavailable"] = json!(1);
        }
        site.apply(&app::update(FLOW, 3, strategy));
        let what = format!("{}: it waits for the end of the first old pod", case.name);
        let waits = |view: &View| {
            let message = view.flow(FLOW)["status"]["waiting"]["message"].as_str().unwrap_or_default();
            view.waits_for(FLOW) == "PodsTerminating" && old.iter().any(|pod| message.contains(pod))
        };
        site.scene.holds(&what, waits).await;
        let view = site.view();
        let new = view.pods().into_iter().filter(|pod| !old.contains(&name(pod).to_owned())).count();
        assert_eq!(new, case.new, "{what}");
        for pod in &old {
            finalizers(&site, pod, &Value::Null);
        }
        site.succeeds(FLOW).await;
        all_run(&site.view(), "nginx:2", 3);
        safety.serving_at_least(&site.scene, if case.leave_first { 2 } else { 3 });
        safety.starts_none_beside_pods_that_end(&site.scene);
    }
}

fn finalizers(site: &Site, pod: &str, of: &Value) {
    let patch = json!({"metadata": {"finalizers": of}}).to_string();
    site.kubectl(&["patch", "pod", pod, "--type=merge", "-p", &patch]);
}
