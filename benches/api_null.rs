//! The null controller: it patches the CloneSet, the gates and the hook labels as fast as the world
//! allows, and has no status and no safety. The floor for everybody else.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};
use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    cloneset::connect,
    scene::{Kind, Scene, View, is_marked, name},
};

use crate::{
    api_rollout::{BATCH, PODS},
    api_site::{NAME, Site},
};

const GATE: &str = "apps.triton.io/ready";
const HOOK: &str = "null.test/in-traffic";
/// Writes at a time.
const PARALLEL: usize = 16;

pub(crate) struct Null<'a> {
    scene: &'a Scene,
    sets: Api<DynamicObject>,
    pods: Api<Pod>,
}

impl<'a> Null<'a> {
    pub(crate) async fn new(site: &Site, scene: &'a Scene, namespace: &str) -> Result<Self> {
        let client = connect(site.plane.kubeconfig(), "null-controller").await?;
        Ok(Self {
            scene,
            sets: Api::namespaced_with(client.clone(), namespace, &ApiVersion::V1Alpha1.resource()),
            pods: Api::namespaced(client, namespace),
        })
    }

    /// 100 pods by 25.
    pub(crate) async fn create(&self) -> Result<()> {
        let mut set: DynamicObject = serde_json::from_value(set())?;
        set.data["spec"]["replicas"] = json!(BATCH);
        self.sets.create(&kube::api::PostParams::default(), &set).await?;
        for done in (0..PODS).step_by(BATCH as usize) {
            if done > 0 {
                self.patch(json!({"replicas": done + BATCH})).await?;
            }
            self.pull_in("nginx:1", done + BATCH).await?;
        }
        Ok(())
    }

    /// Exchanges the 100 pods by 25, each old one pulled out before it goes.
    pub(crate) async fn update(&self) -> Result<()> {
        for done in (0..PODS).step_by(BATCH as usize) {
            let (fresh, stale) = (done + BATCH, PODS - done);
            let mut grown = json!({
                "replicas": fresh + stale,
                "updateStrategy": {"partition": stale, "maxSurge": BATCH, "maxUnavailable": 0},
            });
            if done == 0 {
                grown["template"] = template("nginx:2");
            }
            self.patch(grown).await?;
            self.pull_in("nginx:2", fresh).await?;
            let left = stale - BATCH;
            self.patch(json!({"replicas": fresh + left, "updateStrategy": {"partition": left}})).await?;
            self.pull_out(PODS).await?;
        }
        Ok(())
    }

    /// Sets the gate of every pod that runs, until so many of this image serve.
    async fn pull_in(&self, image: &str, wanted: u32) -> Result<()> {
        let mut asked = BTreeSet::new();
        loop {
            let found = self.scene.until("pods run, or enough serve", |view| {
                let of: Vec<&Value> = view.pods().into_iter().filter(|pod| runs(pod, image)).collect();
                let out = of.iter().filter(|pod| condition(pod, "ContainersReady") && !condition(pod, GATE));
                let out: Vec<String> = fresh(out.copied(), &asked);
                let serving = view.serving();
                let enough = of.iter().filter(|pod| serving.contains(name(pod))).count() >= wanted as usize;
                (enough || !out.is_empty()).then_some((enough, out))
            });
            let (enough, out) = found.await;
            if enough {
                return Ok(());
            }
            self.for_each(&out, async |pod| self.set_gate(pod, "True").await).await?;
            asked.extend(out);
        }
    }

    /// Takes every marked pod out of traffic and lets it go, until so many pods are left.
    async fn pull_out(&self, left: u32) -> Result<()> {
        let (mut out, mut let_go) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let found = self.scene.until("old pods leave", |view| {
                let pods = view.pods();
                let marked = || pods.iter().copied().filter(|pod| is_marked(pod));
                let serving = view.serving();
                let free = |pod: &&Value| out.contains(name(pod)) && !serving.contains(name(pod));
                let (leaving, gone) = (fresh(marked(), &out), fresh(marked().filter(free), &let_go));
                let done = pods.len() <= left as usize && settled(view);
                (done || !leaving.is_empty() || !gone.is_empty()).then_some((done, leaving, gone))
            });
            let (done, leaving, gone) = found.await;
            if done {
                return Ok(());
            }
            self.for_each(&leaving, async |pod| self.set_gate(pod, "False").await).await?;
            self.for_each(&gone, async |pod| self.let_go(pod).await).await?;
            out.extend(leaving);
            let_go.extend(gone);
        }
    }

    async fn patch(&self, spec: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.sets.patch(NAME, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Writes to some pods at once.
    async fn for_each(&self, pods: &[String], write: impl AsyncFn(&str) -> Result<()>) -> Result<()> {
        stream::iter(pods.iter().map(|pod| write(pod))).buffer_unordered(PARALLEL).try_collect().await
    }

    async fn set_gate(&self, pod: &str, status: &str) -> Result<()> {
        let patch = Patch::Strategic(json!({"status": {"conditions": [{"type": GATE, "status": status}]}}));
        self.pods.patch_status(pod, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    async fn let_go(&self, pod: &str) -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {HOOK: null}}}));
        self.pods.patch(pod, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}

/// Names of pods that were not written to yet.
fn fresh<'v>(pods: impl Iterator<Item = &'v Value>, asked: &BTreeSet<String>) -> Vec<String> {
    pods.map(|pod| name(pod).to_owned()).filter(|name| !asked.contains(name)).collect()
}

fn set() -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": {
            "name": NAME,
            "labels": {"apps.kruise.io/cloneset-scaling-exclude-preparing-delete": "true"},
        },
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/instance": NAME}},
            "lifecycle": {"preDelete": {"labelsHandler": {HOOK: "true"}}},
            "updateStrategy": {"partition": 0, "maxSurge": 1, "maxUnavailable": 0},
            "template": template("nginx:1"),
        },
    })
}

fn template(image: &str) -> Value {
    json!({
        "metadata": {"labels": {"app.kubernetes.io/instance": NAME, HOOK: "true"}},
        "spec": {
            "readinessGates": [{"conditionType": GATE}],
            "containers": [{"name": "web", "image": image}],
        },
    })
}

fn runs(pod: &Value, image: &str) -> bool {
    pod["spec"]["containers"][0]["image"] == image
}

fn condition(pod: &Value, kind: &str) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    conditions.into_iter().flatten().any(|found| found["type"] == kind && found["status"] == "True")
}

fn settled(view: &View) -> bool {
    view.get(Kind::Set, NAME)
        .is_some_and(|set| set["status"]["observedGeneration"] == set["metadata"]["generation"])
}
