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
pub mod patch;
pub mod sizer;
pub mod state;
pub mod view;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::apps::v1::ControllerRevision;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::Client;
use kube::api::{
    Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::core::Selector;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use triton_core::model::{
    Failure, Flow, InstanceId, Left, Lock, PodRef, Revision, Shape, TemplateRef, Version, WorkloadChange,
    WorkloadView,
};
use triton_core::ports::{PortError, PortErrorKind, Subject, WorkloadBackend, are_as_seen};

use self::entry::CloneSetEntry;
use self::lock::LockNote;
use self::state::CloneSetState;
use crate::concurrent::each;
use crate::crd::convert::Fate;
use crate::kube_error::{call, find, read};
use crate::labels;
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

    /// Who holds a workload, and what a flow before left behind.
    async fn lock(
        &self,
        cloneset: &CloneSetEntry,
        flow: Option<&Flow>,
    ) -> Result<(Lock, Option<Left>), PortError> {
        if let Some(fault) = &cloneset.lock_fault {
            return Ok((Lock::Unreadable { what: fault.says(&cloneset.key) }, None));
        }
        let Some(note) = &cloneset.lock else { return self.unlocked(cloneset, flow).await };
        let left = Some(Left { size: note.size });
        if flow.is_some_and(|flow| flow.uid == note.holder.uid) {
            return Ok((Lock::Mine, left.filter(|_| note.left)));
        }
        Ok(match self.flows.fate(&note.holder, &cloneset.key).await? {
            Fate::Alive => (Lock::Theirs(note.holder.id.clone()), None),
            Fate::Ended => (Lock::Free, None),
            Fate::Left | Fate::Gone => (Lock::Free, left),
        })
    }

    /// Whose a workload without a lock is: others took it off where the flow that had it last did not give it back.
    async fn unlocked(
        &self,
        cloneset: &CloneSetEntry,
        flow: Option<&Flow>,
    ) -> Result<(Lock, Option<Left>), PortError> {
        let last = cloneset.last.as_ref().filter(|last| !last.gave_back).map(|last| &last.holder);
        let Some(last) = last.filter(|last| flow.is_none_or(|flow| flow.uid != last.uid)) else {
            return Ok((Lock::Free, None));
        };
        Ok(match self.flows.fate(last, &cloneset.key).await? {
            Fate::Alive => (Lock::Theirs(last.id.clone()), None),
            // Who takes off the lock of a flow that is gone gives free what that left.
            Fate::Ended | Fate::Gone => (Lock::Free, None),
            Fate::Left => (Lock::Free, Some(Left::default())),
        })
    }

    /// The workload as it was looked at last.
    fn looked(&self, key: &Key) -> Option<Arc<CloneSetEntry>> {
        self.looks.lock().get(key).map(|look| Arc::clone(&look.cloneset))
    }

    /// The note that a flow had beside its lock, where others took that off the workload since.
    fn lost_note(&self, cloneset: &CloneSetEntry, flow: &Flow) -> Option<LockNote> {
        let locked = self.looks.lock().get(&cloneset.key)?.locked.clone()?;
        let own = |note: &&LockNote| note.holder.uid == flow.uid && locked.uid == cloneset.uid;
        locked.lock.as_ref().filter(own).cloned()
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

    async fn create(&self, flow: &Flow, shape: &Shape) -> Result<(), PortError> {
        let template = patch::pod_template(flow, !flow.spec.no_pull_in);
        let body = patch::create(self.world.api_version()?, flow, shape, template);
        let object: DynamicObject = serde_json::from_value(body).map_err(unreadable)?;
        let params = PostParams { field_manager: Some(labels::MANAGER.into()), ..PostParams::default() };
        let key = Key::new(flow.id.namespace.as_str(), flow.spec.identity.instance.as_str());
        let api = self.api(&key.namespace)?;
        let made = self.watched(&key, call(api.create(&params, &object)).await);
        match made {
            // It is there although it was absent, perhaps by a write of ours that nobody answered: look again.
            Err(error) if error.kind == PortErrorKind::Exists => {
                self.doubtful.lock().insert(key);
                Err(PortError { kind: PortErrorKind::Conflict, ..error })
            }
            other => other?.has(shape),
        }
    }

    /// Remembers what a write to a workload came to; answers the workload as it is now.
    fn watched(
        &self,
        key: &Key,
        answer: Result<DynamicObject, PortError>,
    ) -> Result<Arc<CloneSetEntry>, PortError> {
        match answer {
            Ok(object) => {
                let cloneset = decoded(&object)?;
                self.world.clonesets.wrote(cloneset.clone());
                cloneset.read()
            }
            Err(error) => {
                // Of a refusal the outcome is known; of everything else, or of a view that was too old, not.
                if !matches!(error.kind, PortErrorKind::Rejected | PortErrorKind::Exists) {
                    self.doubtful.lock().insert(key.clone());
                }
                Err(error)
            }
        }
    }

    async fn take_lock(
        &self,
        cloneset: &CloneSetEntry,
        flow: &Flow,
        remember: Option<u32>,
    ) -> Result<(), PortError> {
        // A holder that has not ended gave the workload up, or is gone.
        let (before, left) = match &cloneset.lock {
            None => (None, false),
            Some(note) => match self.flows.fate(&note.holder, &cloneset.key).await? {
                Fate::Ended => (self.flows.ended(&note.holder), false),
                // One that takes its own again has left nothing.
                Fate::Alive | Fate::Left | Fate::Gone => {
                    (None, !flow.progress.has_begun() && (note.brings || note.left))
                }
            },
        };
        let resizes = flow.progress.base().is_some_and(|base| base.kind.exchanges() && base.from != base.to);
        let sized_by = if resizes { sizer::sizer(&self.client, cloneset).await } else { None };
        let note = self.lost_note(cloneset, flow);
        let note = note.unwrap_or_else(|| LockNote { left, sized_by, ..patch::note_of_lock(cloneset, flow) });
        let body = patch::lock(cloneset, flow, remember, before.as_ref(), &note);
        let api = self.api(&cloneset.key.namespace)?;
        let params = PatchParams::apply(labels::MANAGER).force();
        let patch = Patch::Apply(&body);
        let request = api.patch(&cloneset.key.name, &params, &patch);
        self.watched(&cloneset.key, call(request).await).map(drop)
    }

    async fn change(
        &self,
        cloneset: &CloneSetEntry,
        ops: Option<Value>,
    ) -> Result<Option<Arc<CloneSetEntry>>, PortError> {
        let Some(ops) = ops else { return Ok(None) };
        let ops = serde_json::from_value(ops).map_err(unreadable)?;
        let api = self.api(&cloneset.key.namespace)?;
        let params = PatchParams { field_manager: Some(labels::MANAGER.into()), ..PatchParams::default() };
        let patch = Patch::Json::<()>(ops);
        let request = api.patch(&cloneset.key.name, &params, &patch);
        self.watched(&cloneset.key, call(request).await).map(Some)
    }

    /// Deletes a workload, if it is still the one and as it was seen.
    async fn remove(&self, cloneset: &CloneSetEntry) -> Result<(), PortError> {
        let seen = Preconditions {
            uid: Some(cloneset.uid.clone()),
            resource_version: Some(cloneset.version.clone()),
        };
        let params = DeleteParams::background().preconditions(seen);
        let api = self.api(&cloneset.key.namespace)?;
        let deleted = call(api.delete(&cloneset.key.name, &params)).await;
        self.doubtful.lock().insert(cloneset.key.clone());
        match deleted {
            Ok(_) => Ok(()),
            Err(error) if error.kind == PortErrorKind::Gone => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn reshape(&self, cloneset: &CloneSetEntry, flow: &Flow, shape: &Shape) -> Result<(), PortError> {
        let mine = view::is_template_of(cloneset, flow);
        let gated = cloneset.gates(flow.spec.no_pull_in);
        let template = match &shape.template {
            None => None,
            Some(TemplateRef::Flow) => (!mine).then(|| patch::pod_template(flow, gated)),
            Some(TemplateRef::Revision(wanted)) => {
                let has = !mine && cloneset.update_revision.as_deref() == Some(wanted.as_str());
                if has { None } else { Some(template_of(&self.client, cloneset, wanted).await?) }
            }
        };
        let changed = self.change(cloneset, patch::reshape(cloneset, flow, shape, template)).await?;
        changed.map_or(Ok(()), |cloneset| cloneset.has(shape))
    }

    /// Sends one merge patch per pod that needs it, all at once.
    async fn patch_pods(
        &self,
        instance: &InstanceId,
        pods: &[PodRef],
        needed: impl Fn(&PodEntry) -> bool + Sync,
        body: impl Fn(&PodRef) -> Value + Sync,
    ) -> Result<(), PortError> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), instance.namespace.as_str());
        let params = PatchParams { field_manager: Some(labels::MANAGER.into()), ..PatchParams::default() };
        let wanted = pods.iter().filter(|pod| {
            let cached = self.world.pods.get(&Key::new(instance.namespace.as_str(), pod.name.as_str()));
            cached.is_none_or(|cached| cached.entry.uid == pod.uid.as_str() && needed(&cached.entry))
        });
        each(wanted, |pod| {
            let (api, params, body) = (&api, &params, body(pod));
            async move {
                let patch = Patch::Merge(body);
                self.world.took_pod(call(api.patch(pod.name.as_str(), params, &patch)).await)
            }
        })
        .await
    }

    /// Changes a workload that is as it was looked at.
    async fn own(
        &self,
        cloneset: &CloneSetEntry,
        flow: &Flow,
        change: &WorkloadChange,
    ) -> Result<(), PortError> {
        let conflict = |what: &str| PortError::new(PortErrorKind::Conflict, what);
        let mine = cloneset.lock.as_ref().is_some_and(|note| note.holder.uid == flow.uid);
        if let Some(fault) = &cloneset.lock_fault {
            return Err(PortError::new(PortErrorKind::Unreadable, fault.says(&cloneset.key)));
        }
        match change {
            WorkloadChange::Lock { .. } if mine => Ok(()),
            WorkloadChange::Lock { remember } => self.take_lock(cloneset, flow, *remember).await,
            WorkloadChange::Release { .. } if !mine => Ok(()),
            _ if !mine => Err(conflict("the workload is not locked by this flow")),
            WorkloadChange::Release { good } => {
                let passed_on = patch::pass_on(cloneset, flow);
                let ops = passed_on.or_else(|| patch::release(cloneset, flow, good.as_deref()));
                self.change(cloneset, ops).await.map(drop)
            }
            WorkloadChange::Remove => self.remove(cloneset).await,
            WorkloadChange::Reshape(shape) => self.reshape(cloneset, flow, shape).await,
            WorkloadChange::Freeze(on) => {
                self.change(cloneset, patch::freeze(cloneset, flow, *on)).await.map(drop)
            }
            WorkloadChange::Hook(_)
            | WorkloadChange::LetGo(_)
            | WorkloadChange::List(_)
            | WorkloadChange::Spare(_) => Ok(()),
        }
    }
}

/// The template that a revision of this workload keeps (OpenKruise: `ControllerRevision`, whose data
/// is a patch that replaces the template).
///
/// # Errors
/// `Rejected` when it is not kept any more; else as any read.
pub async fn template_of(
    client: &Client,
    cloneset: &CloneSetEntry,
    wanted: &Revision,
) -> Result<Value, PortError> {
    let api: Api<ControllerRevision> = Api::namespaced(client.clone(), &cloneset.key.namespace);
    let lost = || PortError::new(PortErrorKind::Rejected, format!("revision {wanted} is not kept any more"));
    let revision = find(|| api.get(wanted.as_str())).await?.ok_or_else(lost)?;
    if !revision.metadata.owner_references.iter().flatten().any(|owner| owner.uid == cloneset.uid) {
        return Err(lost());
    }
    let mut template = revision.data.0["spec"]["template"].clone();
    let fields = template.as_object_mut().ok_or_else(lost)?;
    fields.remove("$patch");
    Ok(template)
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

    async fn execute(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        let conflict = |what: &str| PortError::new(PortErrorKind::Conflict, what);
        match change {
            WorkloadChange::Hook(pods) => {
                return self.patch_pods(subject.instance, pods, |pod| !pod.hooked(), patch::hook_pod).await;
            }
            WorkloadChange::LetGo(pods) => {
                return self.patch_pods(subject.instance, pods, PodEntry::hooked, patch::let_go_pod).await;
            }
            WorkloadChange::Spare(pods) => {
                let body = patch::spare_pod;
                return self.patch_pods(subject.instance, pods, PodEntry::specified, body).await;
            }
            WorkloadChange::List(_)
            | WorkloadChange::Lock { .. }
            | WorkloadChange::Release { .. }
            | WorkloadChange::Remove
            | WorkloadChange::Reshape(_)
            | WorkloadChange::Freeze(_) => {}
        }
        let Some(flow) = subject.flow else {
            return Err(PortError::new(PortErrorKind::Rejected, "only a flow changes a workload"));
        };
        if let WorkloadChange::List(pods) = change {
            let unlisted = |pod: &PodEntry| !pod.listed_by(flow.uid.as_str());
            let body = |pod: &PodRef| patch::list_pod(pod, &flow.uid);
            return self.patch_pods(subject.instance, pods, unlisted, body).await;
        }
        let key = Key::new(subject.instance.namespace.as_str(), subject.instance.name.as_str());
        let looked = self.looked(&key);
        let cloneset = match (looked, seen, change) {
            (None, None, WorkloadChange::Reshape(shape)) => return self.create(flow, shape).await,
            (Some(cloneset), Some(seen), _) if cloneset.version == seen.as_str() => cloneset,
            _ => return Err(conflict("the workload is not the one that was looked at")),
        };
        self.own(&cloneset, flow, change).await
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
    async fn confirm_pods(&self, instance: &InstanceId, seen: &WorkloadView) -> Result<(), PortError> {
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
        if are_as_seen(seen, active.iter().map(|(uid, version)| (uid, version)), terminating.iter()) {
            Ok(())
        } else {
            Err(conflict("the pods are not as they were seen"))
        }
    }
}

/// Whether a flow that has the workload does not find its lock there: the cache may be behind, and it must not
/// take the lock as lost.
fn misses_lock(cloneset: &CloneSetEntry, flow: Option<&Flow>) -> bool {
    let held = |flow: &Flow| cloneset.lock.as_ref().is_some_and(|note| note.holder.uid == flow.uid);
    let misses = |flow: &Flow| !flow.progress.is_before_batches() && !held(flow);
    cloneset.lock_fault.is_none() && flow.is_some_and(misses)
}

fn decoded(object: &DynamicObject) -> Result<CloneSetState, PortError> {
    let nameless = || PortError::new(PortErrorKind::Transient, "the answer is no CloneSet");
    CloneSetState::of(object).ok_or_else(nameless)
}

fn unreadable(error: serde_json::Error) -> PortError {
    PortError::caused(PortErrorKind::Rejected, error)
}
