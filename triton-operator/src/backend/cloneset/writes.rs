//! What is written to a CloneSet and its pods.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::Value;
use triton_core::model::{Flow, InstanceId, PodRef, Revision, Shape, TemplateRef, WorkloadChange};
use triton_core::ports::{PortError, PortErrorKind};

use super::entry::CloneSetEntry;
use super::{CloneSets, decoded, patch, template_of, unreadable, view};
use crate::concurrent::each;
use crate::kube_error::call;
use crate::labels;
use crate::world::cache::Key;
use crate::world::pods::PodEntry;

impl CloneSets {
    pub(super) async fn create(&self, flow: &Flow, shape: &Shape) -> Result<(), PortError> {
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
    pub(super) fn watched(
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
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn reshape(&self, cloneset: &CloneSetEntry, flow: &Flow, shape: &Shape) -> Result<(), PortError> {
        let mine = view::is_template_of(cloneset, flow);
        let gated = cloneset.gates(flow.spec.no_pull_in);
        let template = match &shape.template {
            None => None,
            Some(TemplateRef::Flow) if mine => None,
            // What others changed since returns as the revision that it became, with its pods.
            Some(TemplateRef::Flow) => {
                Some(match flow.progress.base().and_then(|base| base.brought.as_ref()) {
                    Some(brought) => self.before(cloneset, brought).await?,
                    None => patch::pod_template(flow, gated),
                })
            }
            Some(TemplateRef::Revision(wanted)) => {
                let has = !mine && cloneset.update_revision.as_deref() == Some(wanted.as_str());
                if has { None } else { Some(self.before(cloneset, wanted).await?) }
            }
        };
        let changed = self.change(cloneset, patch::reshape(cloneset, flow, shape, template)).await?;
        changed.map_or(Ok(()), |cloneset| cloneset.has(shape))
    }

    /// The template that a flow returns its workload to in the middle of its work.
    async fn before(&self, cloneset: &CloneSetEntry, wanted: &Revision) -> Result<Value, PortError> {
        let template = template_of(&self.client, cloneset, wanted).await.map_err(|error| match error.kind {
            PortErrorKind::NoRevision => PortError::new(
                PortErrorKind::NoRevision,
                format!(
                    "revision {wanted} is not kept any more: put its template into the CloneSet by hand, or delete the \
                     DeployFlow, which leaves the workload as it is for an update or a rollback"
                ),
            ),
            _ => error,
        })?;
        match self.changed(cloneset, wanted, &template).await? {
            Some(what) => Err(PortError::new(PortErrorKind::Rejected, what)),
            None => Ok(template),
        }
    }

    /// Sends one merge patch per pod that needs it, all at once.
    pub(super) async fn patch_pods(
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
    pub(super) async fn own(
        &self,
        cloneset: &CloneSetEntry,
        flow: &Flow,
        change: &WorkloadChange,
    ) -> Result<(), PortError> {
        let conflict = |what: &str| PortError::new(PortErrorKind::Conflict, what);
        let mine = cloneset.lock.as_ref().is_some_and(|note| note.holder.uid == flow.uid);
        let had = cloneset.taken_off().is_some_and(|last| last.holder.uid == flow.uid);
        if let Some(fault) = &cloneset.lock_fault {
            return Err(PortError::new(PortErrorKind::Unreadable, fault.says(&cloneset.key)));
        }
        match change {
            WorkloadChange::Lock { .. } if mine && !cloneset.unhooked() => Ok(()),
            WorkloadChange::Lock { remember } => self.take_lock(cloneset, flow, *remember).await,
            WorkloadChange::Release { .. } if !mine && !had => Ok(()),
            WorkloadChange::Release { good } => {
                let passed_on = patch::pass_on(cloneset, flow);
                let ops = passed_on.or_else(|| patch::release(cloneset, flow, good.as_deref()));
                self.change(cloneset, ops).await.map(drop)
            }
            _ if !mine => Err(conflict("the workload is not locked by this flow")),
            WorkloadChange::Remove => self.remove(cloneset).await,
            WorkloadChange::Reshape(shape) => self.reshape(cloneset, flow, shape).await,
            WorkloadChange::SetPaused(on) => {
                self.change(cloneset, patch::set_paused(cloneset, flow, *on)).await.map(drop)
            }
        }
    }
}
