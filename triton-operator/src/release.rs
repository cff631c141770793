//! Gives every workload back before an uninstall: nothing that triton leaves behind holds a pod, a
//! workload or a flow any more. Run it after the operator was stopped.

use std::io::Write;

use anyhow::Context;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use crate::backend::cloneset::binding::CloneSet;
use crate::backend::cloneset::entry::CloneSetEntry;
use crate::crd::DeployFlow;
use crate::labels;

/// Gives back, in one namespace or in all, and prints what. Workloads first, so that no pod is held any
/// more, then pods, then flows.
///
/// # Errors
/// The first thing that could not be given back; run it again once that is mended.
pub async fn release(client: &Client, namespace: Option<&str>, dry_run: bool) -> anyhow::Result<()> {
    let params =
        PatchParams { field_manager: Some(labels::MANAGER.into()), dry_run, ..PatchParams::default() };
    let scope = Scope { client, namespace, params };
    for object in
        scope.dynamic(&ApiResource::erase::<CloneSet>(&()), "").await.context("listing CloneSets")?
    {
        let Some(body) = cloneset(&object) else { continue };
        scope.patch(&ApiResource::erase::<CloneSet>(&()), &object, &body).await?;
        if gated(&object) {
            say(&format!(
                "  note: the template of {} has the readiness gate {}; its new pods are not ready until \
                 something sets it, or a template without it is rolled out",
                object.name_any(),
                labels::GATE
            ));
        }
    }
    for pod in scope.pods().await.context("listing pods")? {
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let marks = json!({ labels::HOOK: null, labels::RESTARTED_BY: null });
        let body = json!({ "metadata": { "uid": pod.uid(), "labels": marks } });
        api.patch(&name, &scope.params, &Patch::Merge(&body)).await.with_context(|| format!("pod {name}"))?;
        say(&format!("pod {namespace}/{name}: hook label"));
    }
    let flows = ApiResource::erase::<DeployFlow>(&());
    for object in scope.dynamic(&flows, "").await.context("listing flows")? {
        if let Some(body) = flow(&object) {
            scope.patch(&flows, &object, &body).await?;
        }
    }
    Ok(())
}

struct Scope<'a> {
    client: &'a Client,
    namespace: Option<&'a str>,
    params: PatchParams,
}

impl Scope<'_> {
    async fn dynamic(&self, resource: &ApiResource, selector: &str) -> kube::Result<Vec<DynamicObject>> {
        let api: Api<DynamicObject> = match self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        };
        Ok(api.list(&ListParams::default().labels(selector)).await?.items)
    }

    async fn pods(&self) -> kube::Result<Vec<Pod>> {
        let api: Api<Pod> = match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        Ok(api.list(&ListParams::default().labels(labels::HOOK)).await?.items)
    }

    async fn patch(
        &self,
        resource: &ApiResource,
        object: &DynamicObject,
        body: &Value,
    ) -> anyhow::Result<()> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &namespace, resource);
        let patched = api.patch(&name, &self.params, &Patch::Merge(body)).await;
        patched.with_context(|| format!("{} {namespace}/{name}", resource.kind))?;
        say(&format!("{} {namespace}/{name}: {body}", resource.kind));
        Ok(())
    }
}

/// Annotations of triton's on a CloneSet.
const NOTES: [&str; 4] = [labels::LOCK, labels::TEMPLATE_OF, labels::REMEMBERED, labels::GOOD];

/// Merge patch that takes everything of triton's off a CloneSet; `None` when nothing is on it.
fn cloneset(object: &DynamicObject) -> Option<Value> {
    let entry = CloneSetEntry::of(object).ok()?;
    let labelled = object.labels().contains_key(labels::EXCLUDE_PREPARING_DELETE);
    let noted: Vec<_> = NOTES.iter().filter(|name| object.annotations().contains_key(**name)).collect();
    let hook =
        |name: &&str| object.data["spec"]["lifecycle"][*name]["labelsHandler"][labels::HOOK].is_string();
    let hooks: Vec<&str> = ["preDelete", "inPlaceUpdate"].into_iter().filter(hook).collect();
    if hooks.is_empty() && noted.is_empty() {
        return None;
    }
    let mut body = json!({ "metadata": { "uid": entry.uid } });
    if labelled {
        body["metadata"]["labels"] = json!({ labels::EXCLUDE_PREPARING_DELETE: null });
    }
    for name in noted {
        body["metadata"]["annotations"][*name] = Value::Null;
    }
    for name in hooks {
        let hook = &object.data["spec"]["lifecycle"][name];
        let others = hook["labelsHandler"].as_object().is_some_and(|labels| labels.len() > 1)
            || hook["finalizersHandler"].as_array().is_some_and(|finalizers| !finalizers.is_empty());
        let rest = json!({ "labelsHandler": { labels::HOOK: null } });
        body["spec"]["lifecycle"][name] = if others { rest } else { Value::Null };
    }
    if let Some(note) = &entry.lock {
        let before = &note.before;
        body["spec"]["updateStrategy"] = json!({
            "maxSurge": before.max_surge,
            "maxUnavailable": before.max_unavailable,
            "paused": before.paused,
        });
    }
    Some(body)
}

/// Merge patch that takes our finalizer off a flow; `None` when it is not on it.
fn flow(object: &DynamicObject) -> Option<Value> {
    let rest: Vec<_> = object.finalizers().iter().filter(|name| *name != labels::FINALIZER).collect();
    let body = json!({ "metadata": {
        "uid": object.uid(), "resourceVersion": object.resource_version(), "finalizers": rest,
    } });
    (rest.len() < object.finalizers().len()).then_some(body)
}

fn gated(object: &DynamicObject) -> bool {
    let gates = object.data["spec"]["template"]["spec"]["readinessGates"].as_array();
    gates.into_iter().flatten().any(|gate| gate["conditionType"] == labels::GATE)
}

fn say(line: &str) {
    // Nobody may be reading any more; what is given back is given back all the same.
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_is_given_back_with_its_settings() {
        let note = json!({ "namespace": "default", "name": "f", "uid": "u", "before": { "maxSurge": 2 } });
        let object = object(json!({
            "metadata": {
                "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
                "labels": { labels::EXCLUDE_PREPARING_DELETE: "true", "app": "7" },
                "annotations": { labels::LOCK: note.to_string(), "other": "stays" },
            },
            "spec": {
                "selector": {}, "template": {},
                "lifecycle": {
                    "preDelete": { "labelsHandler": { labels::HOOK: "true" } },
                    "inPlaceUpdate": { "labelsHandler": { labels::HOOK: "true" } },
                },
            },
        }));
        let body = cloneset(&object).unwrap();
        assert_eq!(body["metadata"]["labels"], json!({ labels::EXCLUDE_PREPARING_DELETE: null }));
        assert_eq!(body["spec"]["lifecycle"], json!({ "preDelete": null, "inPlaceUpdate": null }));
        assert_eq!(body["spec"]["updateStrategy"]["maxSurge"], 2);
    }

    #[test]
    fn what_is_remembered_of_a_workload_for_later_actions_is_taken_off() {
        for note in [labels::REMEMBERED, labels::GOOD] {
            let object = object(json!({
                "metadata": {
                    "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
                    "annotations": { note: "3", "other": "stays" },
                },
                "spec": { "selector": {}, "template": {} },
            }));
            let notes = &cloneset(&object).unwrap()["metadata"]["annotations"];
            assert!(notes.as_object().is_some_and(|notes| notes.contains_key(note)), "{notes}");
            assert!(notes.get("other").is_none(), "{notes}");
        }
    }

    #[test]
    fn a_hook_that_others_use_too_stays() {
        let object = object(json!({
            "metadata": { "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1" },
            "spec": {
                "selector": {}, "template": {},
                "lifecycle": { "preDelete": { "labelsHandler": { labels::HOOK: "true", "theirs": "yes" } } },
            },
        }));
        let rest = json!({ "preDelete": { "labelsHandler": { labels::HOOK: null } } });
        assert_eq!(cloneset(&object).unwrap()["spec"]["lifecycle"], rest);
    }

    #[test]
    fn what_is_not_of_triton_is_left_alone() {
        let cs = json!({
            "metadata": { "name": "x", "namespace": "y", "uid": "z", "resourceVersion": "1" },
            "spec": { "selector": {}, "template": {} },
        });
        assert_eq!(cloneset(&object(cs)), None);
        let mut other = object(json!({ "metadata": { "name": "f", "finalizers": ["theirs"] } }));
        assert_eq!(flow(&other), None);
        other.metadata.finalizers = Some(vec!["theirs".into(), labels::FINALIZER.into()]);
        assert_eq!(flow(&other).unwrap()["metadata"]["finalizers"], json!(["theirs"]));
    }

    fn object(value: Value) -> DynamicObject {
        serde_json::from_value(value).unwrap()
    }
}
