//! What is written to a CloneSet. Pure: every function gives the body of one request.
//!
//! Guards: creation is a POST; taking the lock carries UID and resource version; every later change tests
//! UID, generation and lock. The generation stands for everything that people and other controllers write
//! (Kubernetes: it changes with `spec` only), so the CloneSet controller's own status writes, several per
//! pod, do not refuse ours.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Map, Value, json};
use triton_core::engine::size_to_reach;
use triton_core::model::{
    Action, Base, Brings, CarriedOut, Flow, Holder, LastHolder, PodName, Revision, Shape, TemplateRef, Wrote,
};

use super::api_version::ApiVersion;
use super::entry::{CloneSetEntry, Settings};
use super::lock::{LockNote, nobody, write_last};
use super::view;
use crate::labels;

/// The object of a workload that does not exist yet, in this version: locked, and with its hook.
#[must_use]
pub fn create(version: ApiVersion, flow: &Flow, shape: &Shape, template: Value) -> Value {
    let identity = flow.spec.identity.labels();
    let identity: Map<_, _> =
        identity.map(|(key, value)| (key.to_owned(), value.into())).into_iter().collect();
    let mut all = Map::new();
    all.extend(flow.spec.labels.iter().map(|(key, value)| (key.clone(), value.clone().into())));
    all.extend(identity.clone());
    all.insert(labels::EXCLUDE_PREPARING_DELETE.into(), "true".into());
    let selector = flow.spec.selector.as_ref().map(|selector| selector.to_json());
    let selector = selector.unwrap_or_else(|| json!({ "matchLabels": identity }));
    let strategy = json!({
        version.policy(): "ReCreate",
        "partition": shape.partition.unwrap_or(0),
        "maxSurge": shape.surge,
        "maxUnavailable": shape.unavailable,
        "paused": false,
    });
    let mut spec = json!({
        "replicas": shape.replicas,
        "selector": selector,
        "template": template,
        "updateStrategy": version.wrapped(strategy),
        "lifecycle": hook(false),
    });
    if version.excludes_by_field() {
        // In v1alpha1 claims are taken again unless something else is said; in v1beta1 only then.
        spec["scaleStrategy"] = json!({ "excludePreparingDelete": true, "enablePVCReuse": true });
    }
    if let Some(claims) = &flow.spec.volume_claims {
        spec["volumeClaimTemplates"] = claims.to_json();
    }
    let at = flow.progress.position();
    let made = Wrote::locked(None, false, at).reshaped(shape, at, false, 0);
    json!({
        "apiVersion": version.name(),
        "kind": "CloneSet",
        "metadata": {
            "namespace": flow.id.namespace,
            "name": flow.spec.identity.instance,
            "labels": all,
            "annotations": {
                labels::LOCK: json!(note(flow, None, Settings::defaults(), made)).to_string(),
                labels::LAST_FLOW: write_last(&LastHolder::taken(None, flow)),
                labels::TEMPLATE_OF: flow.uid,
            },
        },
        "spec": spec,
    })
}

/// The flow's template and nothing else but the identity labels, the hook label and, where pods are `gated`,
/// the readiness gate.
#[must_use]
pub fn pod_template(flow: &Flow, gated: bool) -> Value {
    let mut template = flow.spec.template.as_ref().map_or(Value::Null, |template| template.to_json());
    if !template["metadata"].is_object() {
        template["metadata"] = json!({});
    }
    let meta = &mut template["metadata"];
    if let Some(meta) = meta.as_object_mut() {
        meta.retain(|_, value| !value.is_null());
    }
    if !meta["labels"].is_object() {
        meta["labels"] = json!({});
    }
    for (key, value) in flow.spec.identity.labels() {
        meta["labels"][key] = value.into();
    }
    meta["labels"][labels::HOOK] = labels::HOOK_ON.into();
    let gate = json!({ "conditionType": labels::GATE });
    let Some(spec) = template["spec"].as_object_mut() else { return template };
    match spec.get_mut("readinessGates").and_then(Value::as_array_mut) {
        Some(gates) if !gated => gates.retain(|given| *given != gate),
        Some(gates) if gates.contains(&gate) => {}
        Some(gates) => gates.push(gate),
        None if !gated => {}
        None => {
            spec.insert("readinessGates".into(), json!([gate]));
        }
    }
    template
}

/// Server-side apply that takes the lock: everything that triton owns of a workload, as it stands there,
/// with the hook and the label that keeps leaving pods out of the count, or in it where no pod may start
/// before there is room. `before`: a flow that has ended and has not given its lock back. `note`: what stands beside
/// the lock.
#[must_use]
pub fn lock(
    cloneset: &CloneSetEntry,
    flow: &Flow,
    remember: Option<u32>,
    before: Option<&Flow>,
    note: &LockNote,
) -> Value {
    let mut notes = Map::new();
    notes.insert(labels::LOCK.into(), json!(note).to_string().into());
    let template_of = cloneset.template_of.as_deref().unwrap_or_default();
    notes.insert(labels::TEMPLATE_OF.into(), template_of.into());
    let last = write_last(&LastHolder::taken(cloneset.last.as_ref(), flow));
    notes.insert(labels::LAST_FLOW.into(), last.into());
    // What an apply leaves out is taken away.
    if let Some(size) = remember.or(cloneset.remembered) {
        notes.insert(labels::REMEMBERED.into(), size.to_string().into());
    }
    if !cloneset.good.is_empty() {
        notes.insert(labels::GOOD.into(), cloneset.good.join(",").into());
    }
    let carried = before.map_or_else(|| cloneset.carried.clone(), |before| cloneset.carried_with(before));
    if carried != CarriedOut::default() {
        notes.insert(labels::CARRIED_OUT.into(), carried.as_str().into());
    }
    let excludes = !flow.progress.base().is_some_and(Base::waits_for_room);
    let Settings { max_surge, max_unavailable, paused } = &cloneset.settings;
    let mut strategy = Map::new();
    let mut set = |name: &str, value: Value| {
        if !value.is_null() {
            strategy.insert(name.into(), value);
        }
    };
    set("partition", cloneset.raw_partition.as_ref().map_or_else(|| json!(0), |partition| json!(partition)));
    set("maxSurge", json!(max_surge));
    set("maxUnavailable", json!(max_unavailable));
    set("paused", json!(paused));
    let version = cloneset.api_version;
    let mut spec = json!({
        "replicas": cloneset.replicas,
        "updateStrategy": version.wrapped(strategy.into()),
        "lifecycle": hook(cloneset.in_place),
    });
    if version.excludes_by_field() {
        spec["scaleStrategy"] = json!({ "excludePreparingDelete": excludes });
    }
    json!({
        "apiVersion": version.name(),
        "kind": "CloneSet",
        "metadata": {
            "namespace": &*cloneset.key.namespace,
            "name": &*cloneset.key.name,
            "uid": cloneset.uid,
            "resourceVersion": cloneset.version,
            "labels": { labels::EXCLUDE_PREPARING_DELETE: excludes.to_string() },
            "annotations": notes,
        },
        "spec": spec,
    })
}

/// The note of a flow that takes the lock as the workload is now. One that takes it again knows what it found at first.
#[must_use]
pub fn note_of_lock(cloneset: &CloneSetEntry, flow: &Flow) -> LockNote {
    let found =
        flow.progress.base().filter(|base| base.workload.is_some()).map(|base| match &base.settings {
            Some(settings) => serde_json::from_str(settings).ok(),
            None => (flow.spec.action == Action::Create).then(Settings::defaults),
        });
    let before = found.flatten().unwrap_or_else(|| given_back(cloneset));
    let policy = flow.spec.action.exchanges().then(|| cloneset.policy());
    note(flow, Some(cloneset.uid.clone()), before, Wrote::relocked(policy, cloneset.paused(), &flow.progress))
}

/// What the new holder will give back: an abandoned lock remembers it better than the workload shows it.
#[must_use]
pub fn given_back(cloneset: &CloneSetEntry) -> Settings {
    cloneset.lock.as_ref().map_or_else(|| cloneset.settings.clone(), |note| note.before.clone())
}

/// JSON patch that brings a locked workload to these numbers, and to this template where one is given, and
/// notes beside the lock that this was written. `None` when it is there already.
#[must_use]
pub fn reshape(
    cloneset: &CloneSetEntry,
    flow: &Flow,
    shape: &Shape,
    template: Option<Value>,
) -> Option<Value> {
    let mut ops = Vec::new();
    let mut set = |path: &str, is_there: bool, want: u32| {
        if !is_there {
            ops.push(json!({ "op": "add", "path": path, "value": want }));
        }
    };
    set("/spec/replicas", cloneset.replicas == shape.replicas, shape.replicas);
    // What these say depends on the size: percentages, and a partition that is greater than it.
    let mut of_size = |field: &str, raw: Option<&IntOrString>, now: u32, want: u32| {
        let says =
            |raw: &IntOrString| matches!(raw, IntOrString::Int(raw) if u32::try_from(*raw) == Ok(want));
        set(&cloneset.api_version.pointer(field), now == want && raw.is_none_or(says), want);
    };
    if let Some(partition) = shape.partition {
        of_size("partition", cloneset.raw_partition.as_ref(), cloneset.partition, partition);
    }
    let Settings { max_surge, max_unavailable, .. } = &cloneset.settings;
    of_size("maxSurge", max_surge.as_ref(), cloneset.surge(), shape.surge);
    of_size("maxUnavailable", max_unavailable.as_ref(), cloneset.unavailable(), shape.unavailable);
    ops.extend(doomed(cloneset, shape));
    if let Some(template) = template {
        let of = if shape.template == Some(TemplateRef::Flow) { flow.uid.as_str() } else { "" };
        ops.push(json!({ "op": "add", "path": "/spec/template", "value": template }));
        ops.push(json!({ "op": "add", "path": annotation(labels::TEMPLATE_OF), "value": of }));
    }
    ops.extend(cloneset.lock.as_ref().and_then(|held| {
        let before = held.wrote.clone().unwrap_or_default();
        let wrote =
            before.reshaped(shape, flow.progress.position(), cloneset.paused(), cloneset.generation());
        (!ops.is_empty() || !wrote.same(&before)).then(|| noted(cloneset, held, wrote))
    }));
    guarded(cloneset, ops)
}

/// JSON patch that puts this template in place and does nothing else, for a dry run.
#[must_use]
pub fn try_template(cloneset: &CloneSetEntry, template: &Value) -> Value {
    json!([
        { "op": "test", "path": "/metadata/uid", "value": cloneset.uid },
        { "op": "add", "path": "/spec/template", "value": template },
    ])
}

/// Merge patch that changes whatever a flow without a template of its own writes, for a dry run: the lock, the size that it
/// reaches, or one more where that is there, and how pods are exchanged. `version`: what it is guarded by.
#[must_use]
pub fn try_numbers(cloneset: &CloneSetEntry, flow: &Flow, version: Option<&str>) -> Value {
    let reached = size_to_reach(&flow.spec, cloneset.replicas, cloneset.remembered);
    let size = if reached == cloneset.replicas { reached.saturating_add(1) } else { reached };
    // A CloneSet that updates in place takes no surge.
    let surge = if cloneset.in_place { cloneset.surge() } else { cloneset.surge().saturating_add(1) };
    let strategy = json!({
        "maxSurge": surge,
        "maxUnavailable": cloneset.unavailable().saturating_add(1),
        "paused": !cloneset.paused(),
    });
    json!({
        "metadata": {
            "uid": cloneset.uid,
            "resourceVersion": version,
            "annotations": { labels::LOCK: "" },
        },
        "spec": {
            "replicas": size,
            "updateStrategy": cloneset.api_version.wrapped(strategy),
        },
    })
}

/// The operation that names the pods that leave first; none when they are named already.
fn doomed(cloneset: &CloneSetEntry, shape: &Shape) -> Option<Value> {
    let wanted: Vec<&str> = shape.doomed.as_ref()?.iter().map(|name| name.as_str()).collect();
    let named = |name: &&str| cloneset.pods_to_delete.iter().any(|it| it == *name);
    if wanted.len() == cloneset.pods_to_delete.len() && wanted.iter().all(named) {
        return None;
    }
    Some(json!({ "op": "add", "path": "/spec/scaleStrategy/podsToDelete", "value": wanted }))
}

/// JSON patch that pauses the workload's controller, or lets it go on.
#[must_use]
pub fn set_paused(cloneset: &CloneSetEntry, flow: &Flow, paused: bool) -> Option<Value> {
    if cloneset.paused() == paused {
        return None;
    }
    let path = cloneset.api_version.pointer("paused");
    let mut ops = vec![json!({ "op": "add", "path": path, "value": paused })];
    let names = cloneset.pods_to_delete.iter().filter_map(|name| PodName::new(name).ok()).collect();
    let seen = view::shape(cloneset, Some(flow), names);
    ops.extend(cloneset.lock.as_ref().zip(seen).and_then(|(held, seen)| {
        let wrote = held.wrote.as_ref()?;
        let edits = view::edited(cloneset, wrote, &seen);
        Some(noted(cloneset, held, wrote.froze(paused, &edits, cloneset.generation())))
    }));
    guarded(cloneset, ops)
}

/// JSON patch that gives the lock and the settings back, and remembers what the flow carried out. Where others took the lock
/// off, nobody can tell what the settings were.
#[must_use]
pub fn release(cloneset: &CloneSetEntry, flow: &Flow, good: Option<&[Revision]>) -> Option<Value> {
    let now = &cloneset.settings;
    let before = cloneset.lock.as_ref().map_or(now, |note| &note.before);
    let mut ops = vec![json!({ "op": "add", "path": annotation(labels::LOCK), "value": "" })];
    let last = LastHolder { gave_back: true, ..LastHolder::taken(cloneset.last.as_ref(), flow) };
    ops.push(json!({ "op": "add", "path": annotation(labels::LAST_FLOW), "value": write_last(&last) }));
    if let Some(good) = good {
        let names: Vec<&str> = good.iter().map(|revision| revision.as_str()).collect();
        ops.push(json!({ "op": "add", "path": annotation(labels::GOOD), "value": names.join(",") }));
    }
    ops.extend(carried_out(cloneset, flow));
    let mut back = |name: &str, now: Value, before: Value| {
        let path = cloneset.api_version.pointer(name);
        match (now == before, before.is_null()) {
            (true, _) => {}
            (false, true) => ops.push(json!({ "op": "remove", "path": path })),
            (false, false) => ops.push(json!({ "op": "add", "path": path, "value": before })),
        }
    };
    back("maxSurge", json!(now.max_surge), json!(before.max_surge));
    back("maxUnavailable", json!(now.max_unavailable), json!(before.max_unavailable));
    back("paused", json!(now.paused), json!(before.paused));
    if cloneset.counts_leaving == Some(true) {
        let path = format!("/metadata/labels/{}", escaped(labels::EXCLUDE_PREPARING_DELETE));
        ops.push(json!({ "op": "replace", "path": path, "value": "true" }));
        if cloneset.api_version.excludes_by_field() {
            let path = "/spec/scaleStrategy/excludePreparingDelete";
            ops.push(json!({ "op": "add", "path": path, "value": true }));
        }
    }
    guarded(cloneset, ops)
}

/// The operation that remembers what a flow carried out, if it did.
fn carried_out(cloneset: &CloneSetEntry, flow: &Flow) -> Option<Value> {
    let carried = cloneset.carried_with(flow);
    let new = carried != cloneset.carried;
    new.then(|| json!({ "op": "add", "path": annotation(labels::CARRIED_OUT), "value": carried.as_str() }))
}

/// JSON patch by which a flow that has not replaced what another one had left gives the lock of the workload back: what
/// was left waits for the next flow. `None` where nothing was left, or all of it is replaced.
#[must_use]
pub fn pass_on(cloneset: &CloneSetEntry, flow: &Flow) -> Option<Value> {
    let held = cloneset.lock.as_ref().filter(|held| held.left)?;
    if flow.replaced_what_was_left() {
        return None;
    }
    let holder = nobody(&held.holder);
    let last = LastHolder::taken(cloneset.last.as_ref(), flow);
    let last = write_last(&LastHolder { holder: holder.clone(), size: held.size, ..last });
    let note = json!(LockNote { holder, ..held.clone() }).to_string();
    let ops = [(labels::LOCK, note), (labels::LAST_FLOW, last)];
    let ops = ops.map(|(name, value)| json!({ "op": "add", "path": annotation(name), "value": value }));
    guarded(cloneset, ops.into_iter().chain(carried_out(cloneset, flow)).collect())
}

fn hook(in_place: bool) -> Value {
    let handler = json!({ "labelsHandler": { labels::HOOK: labels::HOOK_ON } });
    if in_place {
        json!({ "preDelete": handler, "inPlaceUpdate": handler })
    } else {
        json!({ "preDelete": handler })
    }
}

fn note(flow: &Flow, workload: Option<String>, before: Settings, wrote: Wrote) -> LockNote {
    let holder = Holder { id: flow.id.clone(), uid: flow.uid.clone() };
    let size = flow.progress.base().and_then(Base::size_of_exchange);
    let brings = flow.progress.base().is_none_or(|base| base.brings != Brings::Nothing);
    LockNote { holder, workload, before, wrote: Some(wrote), size, sized_by: None, brings, left: false }
}

/// The operation that notes beside the lock what is written.
fn noted(cloneset: &CloneSetEntry, held: &LockNote, wrote: Wrote) -> Value {
    let note = LockNote { wrote: Some(wrote), workload: Some(cloneset.uid.clone()), ..held.clone() };
    let note = json!(note).to_string();
    json!({ "op": "add", "path": annotation(labels::LOCK), "value": note })
}

fn annotation(name: &str) -> String {
    format!("/metadata/annotations/{}", escaped(name))
}

/// A name as a JSON pointer has it (RFC 6901).
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// The operations behind the tests that guard them; `None` when there is nothing to do.
fn guarded(cloneset: &CloneSetEntry, ops: Vec<Value>) -> Option<Value> {
    if ops.is_empty() {
        return None;
    }
    let mut all = vec![
        json!({ "op": "test", "path": "/metadata/uid", "value": cloneset.uid }),
        json!({ "op": "test", "path": "/metadata/generation", "value": cloneset.generation }),
        json!({ "op": "test", "path": annotation(labels::LOCK), "value": cloneset.lock_text }),
    ];
    let needed = |parent: &&&str| {
        let within = |path: &str| path.strip_prefix(**parent).is_some_and(|rest| rest.starts_with('/'));
        ops.iter().any(|op| op["path"].as_str().is_some_and(within))
    };
    let parents = cloneset.missing.iter().filter(needed);
    all.extend(parents.map(|parent| json!({ "op": "add", "path": parent, "value": {} })));
    all.extend(ops);
    Some(Value::Array(all))
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
