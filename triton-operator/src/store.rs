//! Flows over the API server: reads from the cache, every write guarded by the version that was read.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::Stream;
use futures::stream;
use kube::Client;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use triton_core::model::{
    BegunWith, Flow, FlowId, FlowUid, Holder, InstanceId, Namespace, Orders, Peer, Progress, Report, Version,
};
use triton_core::ports::{FlowStore, Loaded, NewFlow, PortError, PortErrorKind, StoreEvent};

use crate::backend::cloneset::lock::NOBODY;
use crate::crd::convert::{self, Fate, FlowEntry};
use crate::kube_error::{about_flow, call, find};
use crate::labels;
use crate::world::cache::Key;
use crate::world::{FlowChange, World};

/// How long a list waits for the first reading of the cluster.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps flows as custom resources.
#[derive(Clone)]
pub struct Flows {
    client: Client,
    world: Arc<World>,
}

impl Flows {
    /// A store over this cluster.
    #[must_use]
    pub const fn new(client: Client, world: Arc<World>) -> Self {
        Self { client, world }
    }

    /// What became of the flow that a lock names. The cache may be behind, so that it is gone always comes from
    /// the API server, and UIDs are compared: a flow of the same name made later is another flow. To a workload that
    /// it does not act on it is gone: it never gives that back.
    ///
    /// # Errors
    /// `Transient` when it cannot be told.
    pub async fn fate(&self, holder: &Holder, workload: &Key) -> Result<Fate, PortError> {
        let same = |entry: &FlowEntry| entry.uid == holder.uid.as_str();
        let acts =
            |entry: &FlowEntry| entry.instance.as_ref().is_none_or(|it| it.name.as_str() == &*workload.name);
        let fate = |entry: &FlowEntry| if acts(entry) { entry.fate() } else { Fate::Gone };
        if holder.uid.as_str() == NOBODY {
            return Ok(Fate::Gone);
        }
        if let Some(cached) = self.world.flows.get(&key(&holder.id))
            && same(&cached.entry)
        {
            return Ok(fate(&cached.entry));
        }
        let read = self.read(&holder.id).await?;
        Ok(read.filter(same).map_or(Fate::Gone, |entry| fate(&entry)))
    }

    /// The flow that a lock names, once it has ended; `None` where it has not, or cannot be read.
    #[must_use]
    pub fn ended(&self, holder: &Holder) -> Option<Flow> {
        let cached = self.world.flows.get(&key(&holder.id))?;
        let ended = cached.entry.uid == holder.uid.as_str() && cached.entry.finished;
        cached.entry.flow().filter(|_| ended).cloned()
    }

    fn api(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), namespace, &self.world.flow_resource)
    }

    /// Reads past the cache.
    async fn read(&self, id: &FlowId) -> Result<Option<FlowEntry>, PortError> {
        let api = self.api(id.namespace.as_str());
        let object = find(|| api.get(id.name.as_str())).await.map_err(about_flow)?;
        let Some(entry) = object.as_ref().and_then(FlowEntry::of) else { return Ok(None) };
        self.world.flows.wrote(entry.clone());
        Ok(Some(entry))
    }

    async fn find(&self, id: &FlowId) -> Result<Arc<FlowEntry>, PortError> {
        if let Some(cached) = self.world.flows.get(&key(id)) {
            return Ok(cached.entry);
        }
        let gone = || PortError::new(PortErrorKind::NotFound, format!("there is no flow {id}"));
        self.read(id).await?.map(Arc::new).ok_or_else(gone)
    }

    /// The flow, if it is still the version that was read.
    async fn find_at(&self, id: &FlowId, version: &Version) -> Result<Arc<FlowEntry>, PortError> {
        let entry = self.find(id).await?;
        if entry.version == version.as_str() { Ok(entry) } else { Err(changed()) }
    }

    /// Takes the answer to a write.
    fn took(&self, answer: Result<DynamicObject, PortError>) -> Result<FlowEntry, PortError> {
        let entry = FlowEntry::of(&answer?);
        let entry = entry.ok_or_else(|| PortError::new(PortErrorKind::Transient, "the answer is no flow"))?;
        self.world.flows.wrote(entry.clone());
        Ok(entry)
    }

    /// Makes one guarded write. After a conflict the cache is brought up to date, so that the next try does
    /// not repeat this one.
    async fn write<T>(
        &self,
        id: &FlowId,
        request: impl Future<Output = Result<T, kube::Error>> + Send,
    ) -> Result<T, PortError> {
        let answer = call(request).await;
        if answer.as_ref().is_err_and(|error| error.kind == PortErrorKind::Conflict) {
            // The watch brings it if this does not.
            let _ = self.read(id).await;
        }
        answer.map_err(about_flow)
    }

    async fn merge(&self, id: &FlowId, body: Value) -> Result<FlowEntry, PortError> {
        let api = self.api(id.namespace.as_str());
        let patch = Patch::Merge(&body);
        self.took(self.write(id, api.patch(id.name.as_str(), &params(), &patch)).await)
    }

    /// Puts the finalizer and the identity labels on a flow before anything is touched for it.
    async fn keep(&self, id: &FlowId, entry: &FlowEntry) -> Result<FlowEntry, PortError> {
        let mut finalizers = entry.finalizers.clone();
        finalizers.push(labels::FINALIZER.into());
        let body = json!({ "metadata": {
            "resourceVersion": entry.version,
            "finalizers": finalizers,
            "labels": entry.missing_labels,
        } });
        self.merge(id, body).await
    }
}

impl FlowStore for Flows {
    async fn load(&self, id: &FlowId) -> Result<Loaded, PortError> {
        self.find(id).await.map(|entry| entry.loaded.clone())
    }

    async fn list(&self, namespace: Option<&Namespace>) -> Result<Vec<Loaded>, PortError> {
        // Just after the start there is nothing to tell yet.
        let _ = tokio::time::timeout(PATIENCE, self.world.until_ready()).await;
        self.world.check_ready()?;
        let mut all = self.world.flows.all();
        all.retain(|entry| namespace.is_none_or(|namespace| *entry.key.namespace == *namespace.as_str()));
        all.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
        Ok(all.iter().map(|entry| entry.loaded.clone()).collect())
    }

    async fn peers(&self, instance: &InstanceId) -> Result<Vec<Peer>, PortError> {
        self.world.check_ready()?;
        let group = Key::new(instance.namespace.as_str(), instance.name.as_str());
        Ok(self.world.flows.group(&group).iter().map(|entry| entry.peer()).collect())
    }

    async fn create(&self, new: NewFlow) -> Result<Loaded, PortError> {
        let body = serde_json::to_value(convert::manifest(&new)).and_then(serde_json::from_value);
        let object: DynamicObject = body.map_err(|e| PortError::caused(PortErrorKind::Rejected, e))?;
        let params = PostParams { field_manager: Some(labels::MANAGER.into()), ..PostParams::default() };
        let answer = call(self.api(new.id.namespace.as_str()).create(&params, &object)).await;
        self.took(answer.map_err(about_flow)).map(|entry| entry.loaded)
    }

    async fn save_orders(
        &self,
        id: &FlowId,
        orders: &Orders,
        version: &Version,
    ) -> Result<Loaded, PortError> {
        let entry = self.find_at(id, version).await?;
        let Some(flow) = entry.flow() else {
            return Err(PortError::new(PortErrorKind::Rejected, "the spec of the flow is not valid"));
        };
        let fields = convert::orders(&flow.orders, orders);
        if fields.is_empty() {
            return Ok(entry.loaded.clone());
        }
        let strategy = strategy(flow);
        let body = json!({ "metadata": { "resourceVersion": version }, "spec": { strategy: fields } });
        self.merge(id, body).await.map(|entry| entry.loaded)
    }

    async fn save_progress(
        &self,
        id: &FlowId,
        progress: &Progress,
        report: &Report,
        version: &Version,
    ) -> Result<(), PortError> {
        let entry = self.find_at(id, version).await?;
        let (mut version, mut generation) = (entry.version.clone(), entry.generation);
        if !progress.is_finished() && !entry.is_kept() && !entry.leaving {
            let kept = self.keep(id, &entry).await?;
            (version, generation) = (kept.version, kept.generation);
        }
        let status =
            convert::status(progress, report, generation, entry.condition, begun_with(&entry, progress));
        let status = status.map_err(|error| PortError::caused(PortErrorKind::Rejected, error))?;
        let ops = json!([
            // Replaced by itself it is compared: a conflict when the flow has changed.
            { "op": "replace", "path": "/metadata/resourceVersion", "value": version },
            { "op": "add", "path": "/status", "value": status },
        ]);
        let ops = serde_json::from_value(ops).map_err(|e| PortError::caused(PortErrorKind::Rejected, e))?;
        let api = self.api(id.namespace.as_str());
        let (params, patch) = (params(), Patch::Json::<()>(ops));
        let request = api.patch_status(id.name.as_str(), &params, &patch);
        self.took(self.write(id, request).await).map(drop)
    }

    async fn confirm_flow(&self, id: &FlowId, version: &Version) -> Result<(), PortError> {
        let read = self.read(id).await?;
        let same = read.is_some_and(|entry| entry.version == version.as_str());
        if same { Ok(()) } else { Err(changed()) }
    }

    async fn forget(&self, id: &FlowId, uid: &FlowUid) -> Result<(), PortError> {
        let entry = match self.find(id).await {
            Ok(entry) if entry.uid == uid.as_str() && entry.is_kept() => entry,
            Ok(_) => return Ok(()),
            Err(error) if error.kind == PortErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let rest: Vec<_> = entry.finalizers.iter().filter(|name| *name != labels::FINALIZER).collect();
        let body = json!({ "metadata": { "resourceVersion": entry.version, "finalizers": rest } });
        match self.merge(id, body).await {
            Err(error) if error.kind != PortErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn delete(&self, id: &FlowId, version: &Version) -> Result<(), PortError> {
        let preconditions = Preconditions { resource_version: Some(version.to_string()), uid: None };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.api(id.namespace.as_str());
        match self.write(id, api.delete(id.name.as_str(), &params)).await {
            Err(error) if error.kind != PortErrorKind::NotFound => Err(error),
            Ok(_) | Err(_) => {
                let gone =
                    self.world.flows.get(&key(id)).filter(|cached| cached.entry.version == version.as_str());
                gone.into_iter()
                    .for_each(|cached| self.world.flows.removed(&cached.entry.key, &cached.entry.uid));
                Ok(())
            }
        }
    }

    fn watch(&self) -> Pin<Box<dyn Stream<Item = StoreEvent> + Send>> {
        let changes = self.world.subscribe();
        Box::pin(stream::unfold(changes, |mut changes| async move {
            let event = loop {
                match changes.recv().await {
                    Ok(FlowChange::Changed(entry)) => break StoreEvent::Changed(entry.loaded.clone()),
                    Ok(FlowChange::Removed(entry)) => break StoreEvent::Removed(entry.loaded.id().clone()),
                    Ok(FlowChange::Spoilt(..)) => {}
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                }
            };
            Some((event, changes))
        }))
    }
}

/// What the spec of a flow said when it began. Nobody needs it before, nor once the flow has ended.
fn begun_with(entry: &FlowEntry, progress: &Progress) -> Option<BegunWith> {
    let runs = !matches!(progress, Progress::Pending | Progress::Finished { .. });
    let known = || entry.begun_with.clone().or_else(|| Some(BegunWith::of(&entry.flow()?.spec)));
    runs.then(known).flatten()
}

fn changed() -> PortError {
    PortError::new(PortErrorKind::Conflict, "the flow has changed since it was read")
}

fn key(id: &FlowId) -> Key {
    Key::new(id.namespace.as_str(), id.name.as_str())
}

fn params() -> PatchParams {
    PatchParams { field_manager: Some(labels::MANAGER.into()), ..PatchParams::default() }
}

const fn strategy(flow: &Flow) -> &'static str {
    if flow.spec.action.is_update() { "updateStrategy" } else { "nonUpdateStrategy" }
}
