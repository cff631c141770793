//! OpenKruise CloneSets as the workload of an instance: pure [`view()`](view::view), pure
//! [requests](patch), then the calls.

pub mod api_version;
pub mod binding;
mod dry_run;
pub mod editors;
pub mod entry;
mod faults;
pub mod fields;
pub mod fixed;
#[cfg(test)]
mod fixtures;
pub mod known;
pub mod lock;
mod locking;
pub mod patch;
mod pod_patch;
pub mod sizer;
pub mod state;
mod template_diff;
pub mod view;
mod writes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::Selector;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use triton_core::model::{
    Failure, Flow, InstanceId, PodChange, PodRef, PodsAsSeen, Revision, Version, WorkloadChange, WorkloadView,
};
use triton_core::ports::{PortError, PortErrorKind, Subject, WorkloadBackend, are_as_seen};

use self::entry::CloneSetEntry;
use self::locking::misses_lock;
use self::state::CloneSetState;
use crate::kube_error::{find, read};
use crate::store::Flows;
use crate::world::World;
use crate::world::cache::Key;
use crate::world::pods::PodEntry;

/// A workload as it was looked at last.
#[derive(Clone)]
struct Look {
    cloneset: Arc<CloneSetEntry>,
    /// The same when it carried a lock last.
    locked: Option<Arc<CloneSetEntry>>,
}

/// Runs pods through CloneSets.
pub struct CloneSets {
    client: Client,
    world: Arc<World>,
    flows: Flows,
    /// Each workload as it was looked at last: what the next change is guarded by.
    looks: Mutex<HashMap<Key, Look>>,
    /// Workloads whose last write has no known outcome: read past the cache before the next look.
    doubtful: Mutex<HashSet<Key>>,
}

impl CloneSets {
    /// A backend over this cluster.
    #[must_use]
    pub fn new(client: Client, world: Arc<World>, flows: Flows) -> Self {
        Self { client, world, flows, looks: Mutex::default(), doubtful: Mutex::default() }
    }

    fn api(&self, namespace: &str) -> Result<Api<DynamicObject>, PortError> {
        let resource = self.world.api_version()?.resource();
        Ok(Api::namespaced_with(self.client.clone(), namespace, &resource))
    }

    /// The workload from the cache; past it when the cache has none or may miss our last write, or when a flow
    /// that has the workload does not find its lock there.
    async fn find(
        &self,
        key: &Key,
        flow: Option<&Flow>,
    ) -> Result<Option<(Arc<CloneSetEntry>, bool)>, PortError> {
        let doubtful = self.doubtful.lock().contains(key);
        match self.world.clonesets.get(key) {
            Some(cached) if !doubtful => {
                let cloneset = cached.entry.read()?;
                if !misses_lock(&cloneset, flow) {
                    return Ok(Some((cloneset, !cached.pending)));
                }
            }
            None if flow.is_none() && !doubtful => return Ok(None),
            Some(_) | None => {}
        }
        self.read(key).await
    }

    /// The workload as the API server has it now (Kubernetes: a read without `resourceVersion` is answered by
    /// etcd); the cache learns of it.
    async fn read(&self, key: &Key) -> Result<Option<(Arc<CloneSetEntry>, bool)>, PortError> {
        let api = self.api(&key.namespace)?;
        let found = find(|| api.get(&key.name)).await?;
        self.doubtful.lock().remove(key);
        let Some(object) = found else { return Ok(None) };
        self.world.clonesets.wrote(decoded(&object)?);
        let Some(cached) = self.world.clonesets.get(key) else { return Ok(None) };
        Ok(Some((cached.entry.read()?, !cached.pending)))
    }

    /// The workload as it was looked at last.
    fn looked(&self, key: &Key) -> Option<Arc<CloneSetEntry>> {
        self.looks.lock().get(key).map(|look| Arc::clone(&look.cloneset))
    }

    fn remember(&self, key: Key, cloneset: Arc<CloneSetEntry>) {
        let mut looks = self.looks.lock();
        let same = |look: Look| look.locked.filter(|before| before.uid == cloneset.uid);
        let locked = cloneset.lock.is_some().then(|| Arc::clone(&cloneset));
        let locked = locked.or_else(|| looks.remove(&key).and_then(same));
        looks.insert(key, Look { cloneset, locked });
        // Of what was deleted since nobody takes a look again.
        if looks.len() > 2 * self.world.clonesets.len() + 64 {
            looks.retain(|key, _| self.world.clonesets.get(key).is_some());
        }
    }
}

/// The template that a revision of this workload keeps (OpenKruise: `ControllerRevision`, whose data
/// is a patch that replaces the template).
///
/// # Errors
/// `NoRevision` when it keeps no such one; else as any read.
pub async fn template_of(
    client: &Client,
    cloneset: &CloneSetEntry,
    wanted: &Revision,
) -> Result<Value, PortError> {
    let api: Api<ControllerRevision> = Api::namespaced(client.clone(), &cloneset.key.namespace);
    let lost = || PortError::new(PortErrorKind::NoRevision, not_kept(cloneset, wanted));
    let revision = find(|| api.get(wanted.as_str())).await?.ok_or_else(lost)?;
    if !revision.metadata.owner_references.iter().flatten().any(|owner| owner.uid == cloneset.uid) {
        return Err(lost());
    }
    let mut template = revision.data.0["spec"]["template"].clone();
    let fields = template.as_object_mut().ok_or_else(lost)?;
    fields.remove("$patch");
    Ok(template)
}

/// Why nobody can return to a revision, and what to do instead.
fn not_kept(cloneset: &CloneSetEntry, wanted: &Revision) -> String {
    let Key { namespace, name } = &cloneset.key;
    let why = if cloneset.good.iter().any(|good| good == wanted.as_str()) {
        format!("revision {wanted} is not kept any more")
    } else {
        format!("there is no revision {wanted} among those that CloneSet {namespace}/{name} keeps")
    };
    format!(
        "{why}: name a flow to return to, or a revision of this CloneSet (kubectl get controllerrevisions -n {namespace})"
    )
}

#[async_trait]
impl WorkloadBackend for CloneSets {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        self.world.check_ready()?;
        let key = Key::new(subject.instance.namespace.as_str(), subject.instance.name.as_str());
        let Some((cloneset, certain)) = self.find(&key, subject.flow).await? else {
            self.looks.lock().remove(&key);
            return Ok(None);
        };
        let (lock, left) = self.lock(&cloneset, subject.flow).await?;
        let pods = self.world.pods.group(&Key::new(&key.namespace, &cloneset.uid));
        self.remember(key, Arc::clone(&cloneset));
        let seen = view::view(&cloneset, &pods, subject.flow, lock, certain);
        let seen = seen.map(|seen| WorkloadView { left, ..seen });
        seen.map(Some).ok_or_else(|| PortError::new(PortErrorKind::Transient, "the CloneSet has no version"))
    }

    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        let conflict = |what: &str| PortError::new(PortErrorKind::Conflict, what);
        let Some(flow) = subject.flow else {
            return Err(PortError::new(PortErrorKind::Rejected, "only a flow changes a workload"));
        };
        let key = Key::new(subject.instance.namespace.as_str(), subject.instance.name.as_str());
        let looked = self.looked(&key);
        let cloneset = match (looked, seen, change) {
            (None, None, WorkloadChange::Reshape(shape)) => return self.create(flow, shape).await,
            (Some(cloneset), Some(seen), _) if cloneset.version == seen.as_str() => cloneset,
            _ => return Err(conflict("the workload is not the one that was looked at")),
        };
        self.own(&cloneset, flow, change).await
    }

    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        let instance = subject.instance;
        match (change, subject.flow) {
            (PodChange::Hook(pods), _) => {
                self.patch_pods(instance, pods, |pod| !pod.hooked(), pod_patch::hook).await
            }
            (PodChange::Unhook(pods), _) => {
                self.patch_pods(instance, pods, PodEntry::hooked, pod_patch::unhook).await
            }
            (PodChange::ClearSpecifiedDelete(pods), _) => {
                self.patch_pods(instance, pods, PodEntry::specified, pod_patch::clear_specified_delete).await
            }
            (PodChange::MarkForReplacement(pods), Some(flow)) => {
                let unmarked = |pod: &PodEntry| !pod.listed_by(flow.uid.as_str());
                let body = |pod: &PodRef| pod_patch::mark_for_replacement(pod, &flow.uid);
                self.patch_pods(instance, pods, unmarked, body).await
            }
            (PodChange::MarkForReplacement(_), None) => {
                Err(PortError::new(PortErrorKind::Rejected, "only a flow marks pods to be replaced"))
            }
        }
    }

    async fn dry_run(&self, flow: &Flow, seen: Option<&Version>) -> Result<Option<Failure>, PortError> {
        let key = Key::new(flow.id.namespace.as_str(), flow.spec.identity.instance.as_str());
        let looked = self.looked(&key);
        // Its identity guards what is asked, and a newer look at it tells no less.
        if looked.is_some() != seen.is_some() {
            return Err(PortError::new(
                PortErrorKind::Conflict,
                "the workload is not the one that was looked at",
            ));
        }
        self.refusal(flow, looked.as_deref()).await
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        let key = Key::new(instance.namespace.as_str(), instance.name.as_str());
        let looked = self.looked(&key);
        let looked = looked.filter(|cloneset| cloneset.version == seen.as_str());
        let now = self.read(&key).await?;
        match (looked, now) {
            (Some(looked), Some((now, _))) if looked.is_guarded_like(&now) => Ok(()),
            _ => Err(PortError::new(PortErrorKind::Conflict, "the workload is not as it was seen")),
        }
    }

    /// A list of metadata: versions and owners are in it. Without `resourceVersion` it is as consistent as etcd.
    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        let key = Key::new(instance.namespace.as_str(), instance.name.as_str());
        let conflict = |what: &str| PortError::new(PortErrorKind::Conflict, what);
        let looked = self.looked(&key);
        let looked = looked.ok_or_else(|| conflict("the workload is not the one that was looked at"))?;
        let selector = LabelSelector::deserialize(&looked.fixed.selector);
        let selector = selector.map_err(|error| PortError::caused(PortErrorKind::Unreadable, error))?;
        let selector = Selector::try_from(selector);
        let selector = selector.map_err(|error| PortError::caused(PortErrorKind::Unreadable, error))?;
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &key.namespace);
        let params = ListParams::default().labels_from(&selector);
        let found = read(|| api.list_metadata(&params)).await?;
        let known = self.world.pods.group(&Key::new(&key.namespace, &looked.uid));
        let ended: HashSet<&str> = known.iter().filter(|pod| pod.ended).map(|pod| pod.uid.as_str()).collect();
        let (active, terminating) =
            view::owned(found.items.iter().map(|pod| &pod.metadata), &looked.uid, &ended);
        if are_as_seen(seen, which, active.iter().map(|(uid, version)| (uid, version)), terminating.iter()) {
            Ok(())
        } else {
            Err(conflict("the pods are not as they were seen"))
        }
    }
}

fn decoded(object: &DynamicObject) -> Result<CloneSetState, PortError> {
    let nameless = || PortError::new(PortErrorKind::Transient, "the answer is no CloneSet");
    CloneSetState::of(object).ok_or_else(nameless)
}

fn unreadable(error: serde_json::Error) -> PortError {
    PortError::caused(PortErrorKind::Rejected, error)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_revision_that_never_was_is_told_from_one_that_is_not_kept_any_more() {
        let cloneset = fixtures::cloneset(|object| {
            object["metadata"]["annotations"] = json!({ crate::labels::GOOD: "demo-new,demo-old" });
        });
        let rows = [
            ("demo-old", "revision demo-old is not kept any more: name a flow"),
            (
                "demo-nope",
                "there is no revision demo-nope among those that CloneSet default/demo keeps: name a flow",
            ),
        ];
        for (wanted, says) in rows {
            let text = not_kept(&cloneset, &wanted.parse().unwrap());
            assert!(text.starts_with(says) && text.ends_with("controllerrevisions -n default)"), "{text}");
        }
    }
}
