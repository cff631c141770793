//! Gives every workload back before an uninstall: nothing that triton leaves behind holds a pod, a
//! workload or a flow any more. Run it after the operator was stopped.

use std::collections::HashSet;
use std::fmt::Debug;
use std::io::Write;

use anyhow::{Context, ensure};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, DynamicObject, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::backend::cloneset::api_version::ApiVersion;
use crate::backend::cloneset::entry::CloneSetEntry;
use crate::backend::cloneset::lock::LockFault;
use crate::crd::DeployFlow;
use crate::labels;

/// Gives back, in one namespace or in all, and prints what. Workloads first, so that no pod is held any
/// more, then pods, then flows. A CloneSet that cannot be read is left alone with its pods, and named.
///
/// # Errors
/// The first thing that could not be given back, or every CloneSet that cannot be read; run it again once that
/// is mended.
pub async fn release(client: &Client, namespace: Option<&str>, dry_run: bool) -> anyhow::Result<()> {
    let params =
        PatchParams { field_manager: Some(labels::MANAGER.into()), dry_run, ..PatchParams::default() };
    let scope = Scope { client, namespace, params };
    let version = ApiVersion::oldest_served(client).await.context("asking which CloneSets are served")?;
    let clonesets =
        version.context("the API server serves no CloneSets: OpenKruise defines them")?.resource();
    let (mut unread, mut left_alone) = (Vec::new(), HashSet::new());
    for object in pages(scope.dynamic(&clonesets), "").await.context("listing CloneSets")? {
        let name = format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any());
        let gated = gated(&object);
        left_alone.extend(object.uid());
        match scope.give_back(&clonesets, object.clone(), cloneset).await? {
            Given::Unreadable(fault) => {
                say(&format!("CloneSet {name} cannot be read and is left alone: {fault}"));
                unread.push(name);
                continue;
            }
            Given::Back if gated => say(&format!(
                "  note: the template of {name} has the readiness gate {}; its new pods are not ready until \
                 something sets it, or a template without it is rolled out",
                labels::GATE
            )),
            Given::Back | Given::Nothing => {}
        }
        if let Some(uid) = object.uid() {
            left_alone.remove(&uid);
        }
    }
    let held = |pod: &Pod| {
        pod.owner_references()
            .iter()
            .any(|owner| owner.controller == Some(true) && left_alone.contains(&owner.uid))
    };
    for pod in pages(scope.pods(), labels::HOOK).await.context("listing pods")? {
        if held(&pod) {
            continue;
        }
        let (namespace, name) = (pod.namespace().unwrap_or_default(), pod.name_any());
        let api: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        let marks = json!({ labels::HOOK: null, labels::RESTARTED_BY: null });
        let body = json!({ "metadata": { "uid": pod.uid(), "labels": marks } });
        api.patch(&name, &scope.params, &Patch::Merge(&body)).await.with_context(|| format!("pod {name}"))?;
        say(&format!("pod {namespace}/{name}: hook label"));
    }
    let flows = ApiResource::erase::<DeployFlow>(&());
    for object in pages(scope.dynamic(&flows), "").await.context("listing flows")? {
        scope.give_back(&flows, object, |object| Ok(flow(object))).await?;
    }
    ensure!(
        unread.is_empty(),
        "these CloneSets cannot be read and were left alone: {}; mend them and run this again",
        unread.join(", ")
    );
    Ok(())
}

/// What became of an object.
enum Given {
    /// Nothing of triton's was on it.
    Nothing,
    /// It was given back.
    Back,
    /// It cannot be read: this is why.
    Unreadable(String),
}

/// Objects in one answer of a list.
const PAGE: u32 = 500;
/// Tries at an object that changes at the same moment.
const TRIES: u32 = 5;

struct Scope<'a> {
    client: &'a Client,
    namespace: Option<&'a str>,
    params: PatchParams,
}

impl Scope<'_> {
    fn dynamic(&self, resource: &ApiResource) -> Api<DynamicObject> {
        match self.namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, resource),
            None => Api::all_with(self.client.clone(), resource),
        }
    }

    fn pods(&self) -> Api<Pod> {
        match self.namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    /// Takes what is triton's off one object, if it is as it was read; else it is read again.
    async fn give_back(
        &self,
        resource: &ApiResource,
        mut object: DynamicObject,
        body: impl Fn(&DynamicObject) -> Result<Option<Value>, String>,
    ) -> anyhow::Result<Given> {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &namespace, resource);
        let mut tries = 1;
        loop {
            let body = match body(&object) {
                Ok(Some(body)) => body,
                Ok(None) => return Ok(Given::Nothing),
                Err(fault) => return Ok(Given::Unreadable(fault)),
            };
            match api.patch(&name, &self.params, &Patch::Merge(&body)).await {
                Err(kube::Error::Api(status)) if status.code == 409 && tries < TRIES => tries += 1,
                patched => {
                    patched.with_context(|| format!("{} {namespace}/{name}", resource.kind))?;
                    say(&format!("{} {namespace}/{name}: {body}", resource.kind));
                    return Ok(Given::Back);
                }
            }
            let read =
                api.get_opt(&name).await.with_context(|| format!("{} {namespace}/{name}", resource.kind));
            let Some(read) = read? else { return Ok(Given::Nothing) };
            object = read;
        }
    }
}

/// Everything that a list has, a page at a time.
async fn pages<K>(api: Api<K>, selector: &str) -> kube::Result<Vec<K>>
where
    K: Clone + DeserializeOwned + Debug,
{
    let (mut all, mut params) = (Vec::new(), ListParams::default().labels(selector).limit(PAGE));
    loop {
        let page = api.list(&params).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(all),
        }
    }
}

/// Annotations of triton's on a CloneSet.
const NOTES: [&str; 6] = [
    labels::LOCK,
    labels::LAST_FLOW,
    labels::TEMPLATE_OF,
    labels::REMEMBERED,
    labels::GOOD,
    labels::CARRIED_OUT,
];

/// Merge patch that takes everything of triton's off a CloneSet; `None` when nothing is on it.
///
/// # Errors
/// What cannot be read of it. Of a lock the settings to give back are enough.
fn cloneset(object: &DynamicObject) -> Result<Option<Value>, String> {
    let entry = CloneSetEntry::of(object)?;
    let labelled = object.labels().contains_key(labels::EXCLUDE_PREPARING_DELETE);
    let noted: Vec<_> = NOTES.iter().filter(|name| object.annotations().contains_key(**name)).collect();
    let hook =
        |name: &&str| object.data["spec"]["lifecycle"][*name]["labelsHandler"][labels::HOOK].is_string();
    let hooks: Vec<&str> = ["preDelete", "inPlaceUpdate"].into_iter().filter(hook).collect();
    if hooks.is_empty() && noted.is_empty() {
        return Ok(None);
    }
    let mut body = json!({ "metadata": { "uid": entry.uid, "resourceVersion": entry.version } });
    if labelled {
        body["metadata"]["labels"] = json!({ labels::EXCLUDE_PREPARING_DELETE: null });
        if entry.api_version.excludes_by_field() {
            body["spec"]["scaleStrategy"] = json!({ "excludePreparingDelete": null });
        }
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
    let before = match (&entry.lock, &entry.lock_fault) {
        (Some(note), _) => Some(&note.before),
        (None, Some(LockFault { before: Some(before), .. })) => Some(before),
        (None, Some(fault)) => return Err(fault.says(&entry.key)),
        (None, None) => None,
    };
    if let Some(before) = before {
        body["spec"]["updateStrategy"] = entry.api_version.wrapped(json!({
            "maxSurge": before.max_surge,
            "maxUnavailable": before.max_unavailable,
            "paused": before.paused,
        }));
    }
    Ok(Some(body))
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
        let body = cloneset(&object).unwrap().unwrap();
        assert_eq!(body["metadata"]["labels"], json!({ labels::EXCLUDE_PREPARING_DELETE: null }));
        assert_eq!(body["spec"]["lifecycle"], json!({ "preDelete": null, "inPlaceUpdate": null }));
        assert_eq!(body["spec"]["updateStrategy"]["maxSurge"], 2);
    }

    #[test]
    fn a_workload_of_a_later_openkruise_is_given_back_where_that_has_the_fields() {
        let note = json!({ "namespace": "default", "name": "f", "uid": "u", "before": { "maxSurge": 2 } });
        let object = object(json!({
            "apiVersion": ApiVersion::V1Beta1.name(),
            "metadata": {
                "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
                "labels": { labels::EXCLUDE_PREPARING_DELETE: "true" },
                "annotations": { labels::LOCK: note.to_string() },
            },
            "spec": { "selector": {}, "template": {} },
        }));
        let given = json!({
            "updateStrategy": { "rollingUpdate": { "maxSurge": 2, "maxUnavailable": null, "paused": null } },
            "scaleStrategy": { "excludePreparingDelete": null },
        });
        assert_eq!(cloneset(&object).unwrap().unwrap()["spec"], given);
    }

    #[test]
    fn what_is_remembered_of_a_workload_for_later_actions_is_taken_off() {
        for (note, value) in
            [(labels::REMEMBERED, "3"), (labels::GOOD, "3"), (labels::CARRIED_OUT, "a:0123456789abcdef::")]
        {
            let object = object(json!({
                "metadata": {
                    "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
                    "annotations": { note: value, "other": "stays" },
                },
                "spec": { "selector": {}, "template": {} },
            }));
            let notes = &cloneset(&object).unwrap().unwrap()["metadata"]["annotations"];
            assert!(notes.as_object().is_some_and(|notes| notes.contains_key(note)), "{notes}");
            assert!(notes.get("other").is_none(), "{notes}");
        }
    }

    #[test]
    fn of_a_lock_that_cannot_be_read_the_settings_are_given_back_or_the_workload_is_named() {
        let locked = |note: Value| {
            object(json!({
                "metadata": {
                    "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "7",
                    "annotations": { labels::LOCK: note.to_string() },
                },
                "spec": { "selector": {}, "template": {} },
            }))
        };
        let note = json!({
            "namespace": "default", "name": "f", "uid": "u",
            "before": { "maxSurge": 2 }, "wrote": { "template": "strange" },
        });
        let body = cloneset(&locked(note)).unwrap().unwrap();
        assert_eq!(body["spec"]["updateStrategy"]["maxSurge"], 2);
        assert_eq!(body["metadata"]["resourceVersion"], "7");
        let fault = cloneset(&locked(json!({ "before": 7 }))).unwrap_err();
        assert!(fault.contains("of CloneSet default/demo"), "{fault}");
    }

    #[test]
    fn a_number_that_cannot_be_read_is_not_nothing() {
        for (field, value) in [
            ("partition", json!("many")),
            ("partition", json!("3")),
            ("partition", json!("-5%")),
            ("partition", json!(-1)),
            ("maxSurge", json!("x%")),
            ("maxUnavailable", json!("%")),
        ] {
            let object = object(json!({
                "metadata": {
                    "name": "demo", "namespace": "default", "uid": "cs", "resourceVersion": "1",
                    "annotations": { labels::GOOD: "demo-1" },
                },
                "spec": { "selector": {}, "template": {}, "updateStrategy": { field: value } },
            }));
            let fault = cloneset(&object).unwrap_err();
            assert!(fault.starts_with(&format!("spec.updateStrategy.{field}: ")), "{fault}");
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
        assert_eq!(cloneset(&object).unwrap().unwrap()["spec"]["lifecycle"], rest);
    }

    #[test]
    fn what_is_not_of_triton_is_left_alone() {
        let cs = json!({
            "metadata": { "name": "x", "namespace": "y", "uid": "z", "resourceVersion": "1" },
            "spec": { "selector": {}, "template": {} },
        });
        assert_eq!(cloneset(&object(cs)), Ok(None));
        let mut other = object(json!({ "metadata": { "name": "f", "finalizers": ["theirs"] } }));
        assert_eq!(flow(&other), None);
        other.metadata.finalizers = Some(vec!["theirs".into(), labels::FINALIZER.into()]);
        assert_eq!(flow(&other).unwrap()["metadata"]["finalizers"], json!(["theirs"]));
    }

    fn object(mut value: Value) -> DynamicObject {
        let version = value.get("apiVersion").cloned().unwrap_or_else(|| ApiVersion::V1Alpha1.name().into());
        (value["apiVersion"], value["kind"]) = (version, "CloneSet".into());
        serde_json::from_value(value).unwrap()
    }
}
