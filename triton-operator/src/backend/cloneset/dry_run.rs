//! What the API server would refuse of that which a flow is going to write, asked by dry runs.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams, Preconditions};
use serde_json::{Value, json};
use triton_core::engine::rollback_revision;
use triton_core::model::{Action, Failure, Fault, Faults, Flow, Revision, Shape, TemplateRef};
use triton_core::ports::{PortError, PortErrorKind};

use super::entry::{CloneSetEntry, names};
use super::template_diff::template_diff;
use super::{CloneSets, faults, patch, template_of, unreadable, view};
use crate::kube_error::{DryRun, call, dry_run, knows_no_such_kind};
use crate::labels;
use crate::world::cache::Key;

/// What a new workload is asked for in a dry run: any size will do.
const NEW: Shape = Shape {
    template: Some(TemplateRef::Flow),
    replicas: 0,
    partition: Some(0),
    doomed: None,
    surge: 1,
    unavailable: 0,
};

impl CloneSets {
    /// See [`WorkloadBackend::dry_run`](triton_core::ports::WorkloadBackend::dry_run).
    pub(super) async fn refusal(
        &self,
        flow: &Flow,
        cloneset: Option<&CloneSetEntry>,
    ) -> Result<Option<Failure>, PortError> {
        let spec = &flow.spec;
        match (spec.action, cloneset) {
            (Action::Delete, Some(cloneset)) => {
                let refused = self.writes(flow, cloneset).await?;
                return if refused.is_some() { Ok(refused) } else { self.deletion(flow, cloneset).await };
            }
            (
                Action::Scale
                | Action::ScaleIn
                | Action::ScaleOut
                | Action::Restart
                | Action::Start
                | Action::Stop,
                Some(cloneset),
            ) => return self.writes(flow, cloneset).await,
            (Action::Rollback, Some(cloneset)) if spec.template.is_none() => {
                return self.revision(flow, cloneset).await;
            }
            (Action::Create | Action::Update | Action::Rollback, _) if spec.template.is_some() => {}
            _ => return Ok(None),
        }
        let gated = cloneset.map_or(!spec.no_pull_in, |cloneset| cloneset.gates(spec.no_pull_in));
        let template = patch::pod_template(flow, gated);
        let claims = spec.volume_claims.as_ref().map_or(Value::Null, |claims| claims.to_json());
        let mut found = faults::unsupported(spec);
        let names = names(cloneset.map_or(&claims, |cloneset| &cloneset.fixed.claims));
        let more = self.template(flow, &template, &names).await?;
        found.retain(|own| more.iter().all(|fault| fault.field != own.field));
        found.extend(more);
        if !found.is_empty() {
            return Ok(Some(Failure::InvalidSpec { fault: Faults(found).to_string() }));
        }
        self.workload(flow, cloneset, template).await
    }

    /// What is wrong with a template: asked with a `PodTemplate`, whose pods Kubernetes checks like those of its own
    /// workloads, and in whose fields it takes no misspelt one.
    async fn template(
        &self,
        flow: &Flow,
        template: &Value,
        claims: &[String],
    ) -> Result<Vec<Fault>, PortError> {
        let object = json!({
            "apiVersion": "v1",
            "kind": "PodTemplate",
            "metadata": { "generateName": format!("{}-", flow.spec.identity.instance) },
            "template": mounted(template, claims),
        });
        let params = PostParams { dry_run: true, field_manager: Some(labels::MANAGER.into()) };
        let url = format!("/api/v1/namespaces/{}/podtemplates", flow.id.namespace);
        let body = serde_json::to_vec(&object).map_err(unreadable)?;
        let request = kube::core::Request::new(url).create(&params, body);
        let mut request = request.map_err(|error| PortError::caused(PortErrorKind::Rejected, error))?;
        let strict = format!("{}&fieldValidation=Strict", request.uri()).parse();
        *request.uri_mut() = strict.map_err(|error| PortError::caused(PortErrorKind::Rejected, error))?;
        match dry_run(self.client.request_text(request)).await {
            Ok(told) => Ok(told.refused().map_or_else(Vec::new, |status| faults::faults(&status, &object))),
            // An API server without them cannot tell.
            Err(error) if knows_no_such_kind(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// What is refused of the CloneSet with this template.
    async fn workload(
        &self,
        flow: &Flow,
        cloneset: Option<&CloneSetEntry>,
        template: Value,
    ) -> Result<Option<Failure>, PortError> {
        let refused = match cloneset {
            None => {
                let body = patch::create(self.world.api_version()?, flow, &NEW, template);
                let object: DynamicObject = serde_json::from_value(body).map_err(unreadable)?;
                let params = PostParams { dry_run: true, field_manager: Some(labels::MANAGER.into()) };
                let api = self.api(flow.id.namespace.as_str())?;
                dry_run(api.create(&params, &object)).await?.refused()
            }
            Some(cloneset) => self.try_template(cloneset, &template).await?.refused(),
        };
        let Some(status) = refused else { return Ok(None) };
        if status.message.contains("exceeded quota") {
            // There may be room later.
            return Err(PortError::new(PortErrorKind::Rejected, status.message));
        }
        let what = format!("the API server refuses the CloneSet with this template: {}", status.message);
        Ok(Some(Failure::Refused { what }))
    }

    /// Whether the revision that a rollback returns to is kept.
    async fn revision(&self, flow: &Flow, cloneset: &CloneSetEntry) -> Result<Option<Failure>, PortError> {
        let good: Vec<_> = cloneset.good.iter().filter_map(|name| Revision::new(name).ok()).collect();
        // Where there is none the flow itself says so.
        let Ok(wanted) = rollback_revision(flow, view::told_revision(cloneset).as_ref(), &good) else {
            return Ok(None);
        };
        match template_of(&self.client, cloneset, &wanted).await {
            Ok(template) => {
                let changed = self.changed(cloneset, &wanted, &template).await?;
                Ok(changed.map(|what| Failure::Refused { what }))
            }
            Err(error) if error.kind == PortErrorKind::NoRevision => {
                Ok(Some(Failure::NoRevision { what: error.message }))
            }
            Err(error) => Err(error),
        }
    }

    /// What the API server would change of the template of a revision, for people. Admission webhooks and policies that came
    /// after the revision do so, and the workload's controller would then replace every pod, the ones that serve too, by
    /// pods of a revision that nobody asked for.
    pub(super) async fn changed(
        &self,
        cloneset: &CloneSetEntry,
        revision: &Revision,
        template: &Value,
    ) -> Result<Option<String>, PortError> {
        let what = match self.try_template(cloneset, template).await? {
            DryRun::Unknown => None,
            DryRun::Refused(status) => Some(format!("refuses it: {}", status.message)),
            DryRun::Taken(stored) => template_diff(template, &stored.data["spec"]["template"]).map(|field| {
                format!(
                    "would change it at {field}, and every pod would be replaced: look for an admission webhook or policy \
                     that changes CloneSets, and exempt this one; a flow that waits for this then goes on by itself. To \
                     bring another template by an update instead, first take the finalizer {} off the DeployFlow that \
                     waits for this, if there is one, and delete it",
                    labels::FINALIZER
                )
            }),
        };
        Ok(what
            .map(|what| format!("spec.template of revision {revision} cannot return: the API server {what}")))
    }

    /// What the API server changes of the template with the writes of a flow that brings none: pods would get a template that
    /// nobody ordered.
    async fn writes(&self, flow: &Flow, cloneset: &CloneSetEntry) -> Result<Option<Failure>, PortError> {
        let Key { namespace, name } = &cloneset.key;
        let api = self.api(namespace)?;
        let now = call(api.get(name)).await?;
        // Refused where others have changed it meanwhile.
        let patch = patch::try_numbers(cloneset, flow, now.metadata.resource_version.as_deref());
        let field_manager = Some(labels::MANAGER.into());
        let params = PatchParams { dry_run: true, field_manager, ..PatchParams::default() };
        let DryRun::Taken(stored) = dry_run(api.patch(name, &params, &Patch::Merge(patch))).await? else {
            return Ok(None);
        };
        let template = |object: &DynamicObject| object.data["spec"]["template"].clone();
        Ok(template_diff(&template(&now), &template(&stored)).map(|field| Failure::Refused {
            what: format!(
                "the API server changes spec.template{field} of CloneSet {namespace}/{name} with what this flow writes, \
                 and pods would get a template that nobody ordered: look for an admission webhook or policy that changes \
                 CloneSets, and exempt this one; or bring the template by an update first"
            ),
        }))
    }

    /// Asks for this template alone.
    async fn try_template(
        &self,
        cloneset: &CloneSetEntry,
        template: &Value,
    ) -> Result<DryRun<DynamicObject>, PortError> {
        let ops = serde_json::from_value(patch::try_template(cloneset, template)).map_err(unreadable)?;
        let field_manager = Some(labels::MANAGER.into());
        let params = PatchParams { dry_run: true, field_manager, ..PatchParams::default() };
        let api = self.api(&cloneset.key.namespace)?;
        dry_run(api.patch(&cloneset.key.name, &params, &Patch::Json::<()>(ops))).await
    }

    /// What is refused of the deletion of a workload. OpenKruise's protection of the sort `Cascading` allows it as
    /// soon as there are no pods any more, and the flow removes them first.
    async fn deletion(&self, flow: &Flow, cloneset: &CloneSetEntry) -> Result<Option<Failure>, PortError> {
        if cloneset.protected_with_pods && cloneset.replicas > 0 {
            return Ok(None);
        }
        let Key { namespace, name } = &cloneset.key;
        let same = Preconditions { uid: Some(cloneset.uid.clone()), resource_version: None };
        let params = DeleteParams { dry_run: true, ..DeleteParams::background().preconditions(same) };
        let refused = dry_run(self.api(namespace)?.delete(name, &params)).await?.refused();
        Ok(refused.map(|status| {
            let so_far =
                if flow.progress.has_begun() { "no more pods leave" } else { "nothing was touched" };
            let what = format!(
                "the API server refuses to delete CloneSet {namespace}/{name}: {}; {so_far}. Allow it; or where it is \
                 refused only while there are pods, use action stop before",
                status.message
            );
            Failure::Refused { what }
        }))
    }
}

/// The template with a volume for each claim: OpenKruise adds them to each pod, and containers mount them by name.
fn mounted(template: &Value, claims: &[String]) -> Value {
    let mut template = template.clone();
    let there = |volumes: &Value, name: &str| {
        volumes.as_array().into_iter().flatten().any(|volume| volume["name"] == name)
    };
    for name in claims {
        let volumes = &mut template["spec"]["volumes"];
        let volume = json!({ "name": name, "persistentVolumeClaim": { "claimName": name } });
        match volumes {
            Value::Null => *volumes = json!([volume]),
            volumes if there(volumes, name) => {}
            Value::Array(volumes) => volumes.push(volume),
            _ => {}
        }
    }
    template
}
