//! One CloneSet: look, ask the pure function, write what it says, report.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::{Pod, PodReadinessGate};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use triton_core::sim::{
    Random,
    cloneset::{self, Changes, CloneSetPod, ControllerChange},
};

use super::{
    AGENT,
    cache::{Cache, Key},
    claims::Claims,
    history::History,
    in_place, object,
};

/// Writes at a time.
const PARALLEL: usize = 32;
const RETRY: Duration = Duration::from_millis(50);
/// The longest pause after failures in a row.
const LONGEST: Duration = Duration::from_secs(1);

/// The worker of one CloneSet, for all objects that ever have its name.
pub(super) struct Reconciler {
    client: Client,
    key: Key,
    sets: Cache<DynamicObject>,
    pods: Cache<Pod>,
    set_api: Api<DynamicObject>,
    pod_api: Api<Pod>,
    history: Option<History>,
    random: Random,
    /// In how long a pod has been ready for `minReadySeconds`.
    ages_in: Option<Duration>,
    /// The condition that OpenKruise sets when pods are refused, and leaves there.
    failed: Option<Value>,
}

/// What one look showed.
struct Look {
    set: Arc<DynamicObject>,
    pods: Vec<Arc<Pod>>,
    views: Vec<CloneSetPod>,
    update_revision: String,
    current_revision: String,
}

impl Reconciler {
    pub(super) fn new(
        client: Client,
        key: Key,
        set_api: Api<DynamicObject>,
        sets: Cache<DynamicObject>,
        pods: Cache<Pod>,
    ) -> Self {
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), &key);
        Self {
            set_api,
            pod_api: Api::namespaced(client.clone(), &key.0),
            history: None,
            failed: None,
            ages_in: None,
            random: Random::new(seed, 0),
            client,
            key,
            sets,
            pods,
        }
    }

    /// Works whenever woken, until nothing is left to do.
    pub(super) async fn run(mut self, wake: Arc<Notify>) {
        loop {
            match self.ages_in {
                // A timeout is as good as a wake-up.
                Some(left) => drop(tokio::time::timeout(left, wake.notified()).await),
                None => wake.notified().await,
            }
            let mut pause = RETRY;
            loop {
                match self.reconcile().await {
                    Ok(true) => pause = RETRY,
                    Ok(false) => break,
                    Err(error) => {
                        // A namespace that goes away refuses everything; its objects go too.
                        eprintln!("{AGENT}: {}/{}: {error:#}", self.key.0, self.key.1);
                        tokio::time::sleep(pause).await;
                        pause = LONGEST.min(pause * 2);
                    }
                }
            }
        }
    }

    /// One look and what follows from it; whether there may be more to do at once.
    async fn reconcile(&mut self) -> Result<bool> {
        let Some(look) = self.look().await? else { return Ok(false) };
        if self.end_graces(&look).await? {
            return Ok(true);
        }
        let changes = cloneset::decide(&object::numbers(&look.set), &look.views);
        let busy = !changes.is_empty();
        if let Err(error) = self.create(&look, &changes).await {
            self.failed.get_or_insert_with(|| failed_scale(&error));
            self.report(&look).await?;
            return Err(error);
        }
        self.change(&look, changes.pods).await?;
        let Some(look) = self.look().await? else { return Ok(false) };
        // The answer to a write of ours may show more than that write, and its event is no news any more.
        let dropped = self.drop_gone_names(&look).await?;
        let reported = self.report(&look).await?;
        Ok(busy || dropped || reported)
    }

    async fn look(&mut self) -> Result<Option<Look>> {
        let key = &self.key;
        let set = self.sets.list(|set| super::cache::key(set) == *key).pop();
        let Some(set) = set.filter(|set| set.metadata.deletion_timestamp.is_none()) else {
            return Ok(None);
        };
        let uid = set.metadata.uid.clone().unwrap_or_default();
        if self.history.as_ref().is_none_or(|history| history.owner().uid != uid) {
            self.history = Some(History::load(&self.client, &set).await?);
            self.failed = None;
        }
        let history = self.history.as_mut().context("the history was just read")?;
        let update_revision = history.update_revision(&set.data["spec"]["template"]).await?;
        let current = set.data["status"]["currentRevision"].as_str().filter(|name| !name.is_empty());
        let current_revision = current.unwrap_or(&update_revision).to_owned();
        let pods = self.pods.list(|pod| {
            object::is_active(pod) && object::owner(&pod.metadata).is_some_and(|owner| owner.uid == uid)
        });
        let views = pods.iter().map(|pod| {
            let old = history.template(object::revision(&pod.metadata));
            let new = &set.data["spec"]["template"];
            let swappable = old.is_some_and(|old| in_place::differs_in_images_alone(&old, new));
            object::pod(&set, &update_revision, pod, swappable)
        });
        let views = views.collect();
        let young = pods.iter().filter_map(|pod| object::young(&set, object::ready_since(pod)?));
        let ages_in = young.chain(pods.iter().filter_map(|pod| in_place::grace_left(pod))).min();
        self.ages_in = ages_in;
        Ok(Some(Look { set, pods, views, update_revision, current_revision }))
    }

    async fn create(&mut self, look: &Look, changes: &Changes) -> Result<()> {
        let Some(history) = &self.history else { return Ok(()) };
        if changes.create_updated + changes.create_current == 0 {
            return Ok(());
        }
        let claims = Claims::of(&self.client, &look.set, history.owner()).await?;
        let mut free = claims.free(&look.pods).into_iter();
        let mut wanted = Vec::new();
        let revisions = [
            (&look.update_revision, changes.create_updated),
            (&look.current_revision, changes.create_current),
        ];
        for (revision, count) in revisions {
            let template = history.template(revision);
            // OpenKruise, too, falls back on the newest when the current one is gone.
            let template = template.or_else(|| history.template(&look.update_revision)).unwrap_or_default();
            for _ in 0..count {
                let id = free.next().unwrap_or_else(|| letters(&mut self.random));
                let mut pod = new_pod(history, revision, &template, &id)?;
                if object::policy(&look.set).in_place() {
                    // OpenKruise gives it to every pod; where nothing is updated in place it says nothing.
                    let gate = PodReadinessGate { condition_type: in_place::GATE.into() };
                    pod.spec.get_or_insert_default().readiness_gates.get_or_insert_default().push(gate);
                }
                wanted.push(pod);
            }
        }
        let (api, cache, claims) = (&self.pod_api, &self.pods, &claims);
        let create = async |mut pod: Pod| {
            claims.give(&mut pod).await?;
            cache.enter(api.create(&PostParams::default(), &pod).await?);
            anyhow::Ok(())
        };
        stream::iter(wanted.into_iter().map(create)).buffer_unordered(PARALLEL).try_collect().await
    }

    async fn change(&self, look: &Look, changes: Vec<(usize, ControllerChange)>) -> Result<()> {
        let Some(history) = self.history.as_ref().filter(|_| !changes.is_empty()) else { return Ok(()) };
        let claims = &Claims::of(&self.client, &look.set, history.owner()).await?;
        let change = async |(at, change): (usize, ControllerChange)| {
            let pod = &look.pods[at];
            match self.carry_out(look, claims, pod, change).await {
                // Somebody was faster: its event is on its way, or has come.
                Err(kube::Error::Api(refusal)) if refusal.is_conflict() => Ok(()),
                Err(kube::Error::Api(refusal)) if refusal.is_not_found() => {
                    self.pods.forget(pod);
                    Ok(())
                }
                done => done.with_context(|| format!("{change:?} of a pod")),
            }
        };
        stream::iter(changes.into_iter().map(change)).buffer_unordered(PARALLEL).try_collect().await
    }

    async fn carry_out(
        &self,
        look: &Look,
        claims: &Claims<'_>,
        pod: &Pod,
        change: ControllerChange,
    ) -> kube::Result<()> {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let mut labels = Map::new();
        let mut set = |label: &str, value: Value| labels.insert(label.to_owned(), value);
        match change {
            ControllerChange::Mark => set(object::STATE, json!("PreparingDelete")),
            ControllerChange::Unmark | ControllerChange::Settle => set(object::STATE, json!("Normal")),
            ControllerChange::Prepare => set(object::STATE, json!("PreparingUpdate")),
            ControllerChange::PrepareAgain => {
                for (label, value) in object::hook(&look.set) {
                    set(label, value.clone());
                }
                set(object::STATE, json!("PreparingUpdate"))
            }
            ControllerChange::Finish => set(object::STATE, json!("Updated")),
            ControllerChange::Specify => set(object::SPECIFIED, json!("true")),
            ControllerChange::Swap => return self.swap(look, pod).await,
            ControllerChange::Admit => return self.gate(name, true).await.map(drop),
            ControllerChange::Delete => {
                let preconditions = Preconditions {
                    resource_version: pod.metadata.resource_version.clone(),
                    uid: pod.metadata.uid.clone(),
                };
                let how = DeleteParams::default().preconditions(preconditions);
                let answer = self.pod_api.delete(name, &how).await?;
                answer.either(|pod| drop(self.pods.enter(pod)), |_| self.pods.forget(pod));
                return claims.take(pod).await;
            }
        };
        let patch = json!({"metadata": {
            "resourceVersion": pod.metadata.resource_version,
            "labels": labels,
        }});
        self.pods.enter(self.pod_api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?);
        Ok(())
    }

    /// Opens or closes the gate of updates in place.
    async fn gate(&self, name: &str, open: bool) -> kube::Result<Pod> {
        let patch = Patch::Strategic(in_place::gate(open));
        let pod = self.pod_api.patch_status(name, &PatchParams::default(), &patch).await?;
        self.pods.enter(pod.clone());
        Ok(pod)
    }

    /// Updates a pod in place, in two writes as OpenKruise does it: out of traffic first.
    async fn swap(&self, look: &Look, pod: &Pod) -> kube::Result<()> {
        let Some(history) = &self.history else { return Ok(()) };
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        let old = history.template(object::revision(&pod.metadata)).unwrap_or_default();
        let pod = self.gate(name, false).await?;
        let new = &look.set.data["spec"]["template"];
        let grace = object::grace(&look.set);
        let patch = Patch::Strategic(in_place::swap(&pod, &old, new, &look.update_revision, grace));
        self.pods.enter(self.pod_api.patch(name, &PatchParams::default(), &patch).await?);
        Ok(())
    }

    /// Updates the pods in place whose grace is over, also while the CloneSet is paused; whether there are any.
    async fn end_graces(&self, look: &Look) -> Result<bool> {
        let mut any = false;
        for (pod, patch) in look.pods.iter().filter_map(|pod| Some((pod, in_place::finish(pod)?))) {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            match self.pod_api.patch(name, &PatchParams::default(), &Patch::Strategic(patch)).await {
                Ok(pod) => {
                    self.pods.enter(pod);
                    any = true;
                }
                // Its event is on its way, or has come.
                Err(kube::Error::Api(refusal)) if refusal.is_conflict() => {}
                Err(kube::Error::Api(refusal)) if refusal.is_not_found() => self.pods.forget(pod),
                Err(error) => return Err(error).context("an update in place after its grace"),
            }
        }
        Ok(any)
    }

    /// Names of pods that are gone leave `podsToDelete`; whether any did.
    async fn drop_gone_names(&self, look: &Look) -> Result<bool> {
        let lives = |name: &&str| look.pods.iter().any(|pod| pod.metadata.name.as_deref() == Some(name));
        let left: Vec<&str> = object::pods_to_delete(&look.set).filter(lives).collect();
        if left.len() == object::pods_to_delete(&look.set).count() {
            return Ok(false);
        }
        let patch = Patch::Merge(json!({
            "metadata": {"resourceVersion": look.set.metadata.resource_version},
            "spec": {"scaleStrategy": {"podsToDelete": left}},
        }));
        match self.set_api.patch(&self.key.1, &PatchParams::default(), &patch).await {
            Ok(set) => drop(self.sets.enter(set)),
            Err(kube::Error::Api(refusal)) if refusal.is_conflict() || refusal.is_not_found() => {}
            Err(error) => return Err(error).context("emptying podsToDelete"),
        }
        Ok(true)
    }

    /// Writes the status where it differs; whether it did.
    async fn report(&self, look: &Look) -> Result<bool> {
        let mut status = status(look);
        status.extend(self.failed.as_ref().map(|failed| ("conditions".to_owned(), json!([failed]))));
        let old = &look.set.data["status"];
        if status.iter().all(|(field, value)| old[field] == *value) {
            return Ok(false);
        }
        let patch = Patch::Merge(json!({"status": status}));
        match self.set_api.patch_status(&self.key.1, &PatchParams::default(), &patch).await {
            Ok(set) => drop(self.sets.enter(set)),
            Err(kube::Error::Api(refusal)) if refusal.is_not_found() => {}
            Err(error) => return Err(error).context("writing the status"),
        }
        Ok(true)
    }
}

#[expect(clippy::disallowed_methods, reason = "a time that is written to the API server")]
fn failed_scale(error: &anyhow::Error) -> Value {
    let message = match error.downcast_ref() {
        Some(kube::Error::Api(refusal)) => refusal.message.clone(),
        _ => format!("{error:#}"),
    };
    let since = k8s_openapi::jiff::Timestamp::now().to_string();
    json!({"type": "FailedScale", "status": "True", "lastTransitionTime": since, "message": message})
}

fn status(look: &Look) -> Map<String, Value> {
    let numbers = cloneset::status(&object::numbers(&look.set), &look.views);
    let current = if numbers.current_follows { &look.update_revision } else { &look.current_revision };
    let labels = look.set.data["spec"]["selector"]["matchLabels"].as_object();
    let selector: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let fields = [
        ("observedGeneration", json!(look.set.metadata.generation)),
        ("replicas", json!(numbers.replicas)),
        ("readyReplicas", json!(numbers.ready)),
        ("availableReplicas", json!(numbers.available)),
        ("updatedReplicas", json!(numbers.updated)),
        ("updatedReadyReplicas", json!(numbers.updated_ready)),
        ("updatedAvailableReplicas", json!(numbers.updated_available)),
        ("expectedUpdatedReplicas", json!(numbers.expected_updated)),
        ("updateRevision", json!(look.update_revision)),
        ("currentRevision", json!(current)),
        ("labelSelector", json!(selector.join(","))),
    ];
    fields.into_iter().map(|(field, value)| (field.to_owned(), value)).collect()
}

fn new_pod(history: &History, revision: &str, template: &Value, id: &str) -> Result<Pod> {
    let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
    let meta = &mut pod["metadata"];
    let owner = history.owner();
    meta["name"] = json!(format!("{}-{id}", owner.name));
    meta["generateName"] = json!(format!("{}-", owner.name));
    meta["ownerReferences"] = json!([owner]);
    for (label, value) in [(object::REVISION, revision), (object::INSTANCE, id), (object::STATE, "Normal")] {
        meta["labels"][label] = json!(value);
    }
    serde_json::from_value(pod).context("the template makes no pod")
}

/// Five letters for the name of a pod.
fn letters(random: &mut Random) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    (0..5).map(|_| random.index(LETTERS.len()).map_or('b', |at| char::from(LETTERS[at]))).collect()
}
