//! A CloneSet, pruned to what decisions need. The template, by far the largest part, is not kept.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::api::DynamicObject;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use triton_core::model::{self, CarriedOut, Field, Flow, LastHolder, Shape, Trouble};
use triton_core::ports::{PortError, PortErrorKind};

use super::api_version::ApiVersion;
use super::binding::{
    CloneSetCondition, CloneSetSpec, CloneSetStatus, Lifecycle, LifecycleHook, UpdateStrategy,
};
use super::editors::{editor, editors};
use super::fixed::Fixed;
use super::lock::{LockFault, LockNote, read_last};
use super::view;
use crate::labels;
use crate::world::cache::Key;
use crate::world::container::Main;
use crate::world::offer::Offer;

/// Settings that a flow changes while it runs and gives back when it ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// `maxSurge`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<IntOrString>,
    /// `maxUnavailable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// `paused`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
}

impl Settings {
    /// What a workload gets that triton made: OpenKruise's own defaults.
    #[must_use]
    pub fn defaults() -> Self {
        Self {
            max_surge: Some(IntOrString::Int(0)),
            max_unavailable: Some(IntOrString::String("20%".into())),
            paused: Some(false),
        }
    }
}

/// A CloneSet.
#[derive(Clone, Debug, PartialEq)]
pub struct CloneSetEntry {
    /// Namespace and name.
    pub key: Key,
    /// Identity.
    pub uid: String,
    /// Resource version.
    pub version: String,
    /// The version of the API that it was read in.
    pub api_version: ApiVersion,
    /// `metadata.generation`.
    pub generation: i64,
    /// Generation that its controller has seen.
    pub observed: i64,
    /// Being deleted.
    pub terminating: bool,
    /// Kind and name of the controller that owns it.
    pub owner: Option<String>,
    /// Updates containers in place (OpenKruise: `InPlaceIfPossible`, `InPlaceOnly`).
    pub in_place: bool,
    /// How pods are updated, as it stands there.
    pub kind: Option<String>,
    /// Where that stands, below `spec`.
    pub kind_field: &'static str,
    /// `scaleStrategy.maxUnavailable` as it stands there.
    pub scale_limit: Option<IntOrString>,
    /// Pods wanted.
    pub replicas: u32,
    /// Seconds for which a pod has to be ready to count as available.
    pub min_ready: u32,
    /// Pods to keep at old revisions.
    pub partition: u32,
    /// The partition as it stands there.
    pub raw_partition: Option<IntOrString>,
    /// `maxSurge`, `maxUnavailable` and `paused` as they stand there.
    pub settings: Settings,
    /// The lock, where one is held and can be read.
    pub lock: Option<LockNote>,
    /// The lock, where it cannot be read.
    pub lock_fault: Option<LockFault>,
    /// The lock annotation as it stands there.
    pub lock_text: Option<String>,
    /// The flow that took the lock last.
    pub last: Option<LastHolder>,
    /// Others that manage fields of it, while a lock is held.
    pub editors: Vec<(Field, String)>,
    /// Who set the size last, unless that was triton.
    pub sized_by: Option<String>,
    /// UID of the flow whose template it has, if one's.
    pub template_of: Option<String>,
    /// Pods that its controller counts as available.
    pub available: u32,
    /// Revision that new pods get.
    pub update_revision: Option<String>,
    /// Revision that pods get that it keeps at the partition.
    pub current_revision: Option<String>,
    /// Its `preDelete` hook holds pods with triton's label.
    pub hooked: bool,
    /// So does its `inPlaceUpdate` hook.
    pub hooked_in_place: bool,
    /// Whether pods that are about to leave count as replicas until they are gone, by the label that a flow sets.
    pub counts_leaving: Option<bool>,
    /// Its template has triton's readiness gate.
    pub gated: bool,
    /// `scaleStrategy.podsToDelete`.
    pub pods_to_delete: Vec<String>,
    /// It may not be deleted while it has pods (OpenKruise: label `policy.kruise.io/delete-protection`).
    pub protected_with_pods: bool,
    /// Objects that changes are written into and that are not there, outermost first.
    pub missing: Vec<&'static str>,
    /// The size that it had when a flow stopped it.
    pub remembered: Option<u32>,
    /// Revisions that flows brought successfully, newest first.
    pub good: Vec<String>,
    /// Orders that flows carried out on it.
    pub carried: CarriedOut,
    /// What was set when it was made.
    pub fixed: Fixed,
    /// What its controller said when it could not make or delete pods.
    pub trouble: Option<Trouble>,
    /// Labels `app` and `group` as numbers; 0 when missing or something else.
    pub ids: (i32, i32),
    /// Label `app.kubernetes.io/name`; empty when missing.
    pub app_name: String,
    /// The application's container in its template.
    pub main: Main,
    /// The names of the containers of its template.
    pub containers: Vec<String>,
    /// What Services need of the pods of its template.
    pub offer: Offer<'static>,
}

impl CloneSetEntry {
    /// Decodes an object.
    ///
    /// # Errors
    /// Which field cannot be read, and what is wrong with it.
    #[expect(clippy::too_many_lines, reason = "one line per field")]
    pub fn of(object: &DynamicObject) -> Result<Self, String> {
        let api_version = ApiVersion::of(object)?;
        let part = |name: &str| object.data[name].clone();
        let spec: CloneSetSpec = model::read(part("spec"), "spec").map_err(|e| e.to_string())?;
        let status: Option<CloneSetStatus> =
            model::read(part("status"), "status").map_err(|e| e.to_string())?;
        let status = status.unwrap_or_default();
        let meta = &object.metadata;
        let text = |name: &'static str, value: &Option<String>| value.clone().ok_or(name);
        let annotation = |name: &str| meta.annotations.as_ref().and_then(|notes| notes.get(name)).cloned();
        let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name));
        let id = |name: &str| label(name).and_then(|id| id.parse().ok()).unwrap_or(0);
        let owner = meta.owner_references.iter().flatten().find(|owner| owner.controller == Some(true));
        let replicas = size(spec.replicas)?;
        let lock_text = annotation(labels::LOCK);
        let gates = spec.template["spec"]["readinessGates"].as_array();
        let gated = gates.is_some_and(|gates| gates.iter().any(|gate| gate["conditionType"] == labels::GATE));
        let good = annotation(labels::GOOD).unwrap_or_default();
        let carried = carried(annotation(labels::CARRIED_OUT))?;
        let (strategy, kind_field) = api_version.unwrapped(spec.update_strategy)?;
        let partition = numbers(api_version, &strategy, replicas)?;
        let is_missing = |pointer: &&str| !object.data.pointer(pointer).is_some_and(Value::is_object);
        let Lifecycle { pre_delete, in_place_update, .. } = spec.lifecycle.unwrap_or_default();
        let ours = |hook: Option<LifecycleHook>| {
            let labels = hook.and_then(|hook| hook.labels_handler);
            labels.is_some_and(|labels| labels.get(labels::HOOK).is_some_and(|v| v == labels::HOOK_ON))
        };
        let (namespace, uid) = (text("no namespace", &meta.namespace)?, text("no uid", &meta.uid)?);
        let (lock, lock_fault) = match LockNote::read(lock_text.as_deref()) {
            Ok(note) => (note.map(|note| note.on(&namespace, &uid)), None),
            Err(fault) => (None, Some(*fault)),
        };
        Ok(Self {
            key: Key::new(namespace, text("no name", &meta.name)?),
            uid,
            version: text("no resourceVersion", &meta.resource_version)?,
            api_version,
            generation: meta.generation.unwrap_or(0),
            observed: status.observed_generation,
            terminating: meta.deletion_timestamp.is_some(),
            owner: owner.map(|owner| format!("{} {}", owner.kind, owner.name)),
            in_place: strategy.kind.as_deref().is_some_and(|kind| kind.starts_with("InPlace")),
            kind: strategy.kind,
            kind_field,
            scale_limit: spec.scale_strategy.max_unavailable,
            replicas,
            // Below 0 it means nothing (OpenKruise does not refuse it).
            min_ready: spec.min_ready_seconds.map_or(0, |seconds| u32::try_from(seconds).unwrap_or(0)),
            partition,
            raw_partition: strategy.partition,
            settings: Settings {
                max_surge: strategy.max_surge,
                max_unavailable: strategy.max_unavailable,
                paused: strategy.paused,
            },
            editors: if lock.is_some() { editors(meta) } else { Vec::new() },
            sized_by: editor(meta, Field::Replicas),
            lock,
            lock_fault,
            lock_text,
            last: annotation(labels::LAST_FLOW)
                .and_then(|text| read_last(object.metadata.namespace.as_deref()?, &text)),
            template_of: annotation(labels::TEMPLATE_OF).filter(|uid| !uid.is_empty()),
            current_revision: Some(status.current_revision).filter(|revision| !revision.is_empty()),
            available: u32::try_from(status.available_replicas).unwrap_or(0),
            update_revision: Some(status.update_revision).filter(|revision| !revision.is_empty()),
            trouble: status.conditions.iter().find_map(trouble),
            ids: (id("app"), id("group")),
            app_name: label("app.kubernetes.io/name").cloned().unwrap_or_default(),
            main: Main::of(&spec.template["spec"]),
            containers: containers(&spec.template),
            offer: Offer::of_template(&spec.template),
            gated,
            counts_leaving: label(labels::EXCLUDE_PREPARING_DELETE)
                .and_then(|value| value.parse().ok())
                .map(|excludes: bool| !excludes),
            pods_to_delete: spec.scale_strategy.pods_to_delete.unwrap_or_default(),
            protected_with_pods: label(labels::DELETE_PROTECTION).is_some_and(|sort| sort == "Cascading"),
            missing: api_version.parents().iter().copied().filter(is_missing).collect(),
            remembered: remembered(annotation(labels::REMEMBERED))?,
            carried,
            fixed: Fixed::of(object),
            good: good.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            hooked: ours(pre_delete),
            hooked_in_place: ours(in_place_update),
        })
    }

    /// Extra pods during an exchange; percent rounds up (OpenKruise: `maxSurge`).
    #[must_use]
    pub fn surge(&self) -> u32 {
        read_before(scaled(self.settings.max_surge.as_ref(), self.replicas, true))
    }

    /// Pods that may be unavailable; 20 % when missing; percent rounds up, or down beside a surge, which a
    /// pause takes away (OpenKruise: `maxUnavailable`).
    #[must_use]
    pub fn unavailable(&self) -> u32 {
        let default = IntOrString::String("20%".into());
        let raw = self.settings.max_unavailable.as_ref().unwrap_or(&default);
        let up = self.surge() == 0 || self.settings.paused == Some(true);
        read_before(scaled(Some(raw), self.replicas, up))
    }

    /// Whether pods of a flow's template get triton's readiness gate. One more or less would recreate every
    /// pod of a workload that updates in place.
    #[must_use]
    pub const fn gates(&self, no_pull_in: bool) -> bool {
        if self.in_place { self.gated } else { !no_pull_in }
    }

    /// Whether the numbers that were asked for are there. A definition that does not know a field drops
    /// it, and an admission webhook may change it: asking again would go on for ever.
    ///
    /// # Errors
    /// [`PortErrorKind::Rejected`] names the field.
    pub fn has(&self, shape: &Shape) -> Result<(), PortError> {
        let doomed = shape.doomed.as_ref().map_or(0, |doomed| {
            doomed.iter().filter(|name| self.pods_to_delete.iter().any(|it| it == name.as_str())).count()
        });
        let count = |pods: usize| u32::try_from(pods).unwrap_or(u32::MAX);
        let asked = shape.doomed.as_ref().map_or(0, |doomed| count(doomed.len()));
        let strategy = |field| self.api_version.strategy(field);
        let fields = [
            ("replicas".into(), self.replicas, shape.replicas),
            ("scaleStrategy.podsToDelete".into(), count(doomed), asked),
            (strategy("partition"), self.partition, shape.partition.unwrap_or(self.partition)),
            (strategy("maxSurge"), self.surge(), shape.surge),
            (strategy("maxUnavailable"), self.unavailable(), shape.unavailable),
        ];
        let Some((field, is, wanted)) = fields.into_iter().find(|(_, is, wanted)| is != wanted) else {
            return Ok(());
        };
        let what = format!(
            "the API server took the change but left spec.{field} at {is} instead of {wanted}: look for an \
             admission webhook that changes it, or a definition of CloneSets that does not know it"
        );
        Err(PortError::new(PortErrorKind::Rejected, what))
    }

    /// The orders that were carried out on it, with that of a flow that holds it and has succeeded.
    #[must_use]
    pub fn carried_with(&self, flow: &Flow) -> CarriedOut {
        // What its controller told last, also where others have changed something since.
        self.carried.noted(flow, view::told_revision(self).as_ref(), self.replicas)
    }

    /// Whether something is missing that a lock brings: a hook, or the label that says how pods that leave are counted.
    #[must_use]
    pub const fn unhooked(&self) -> bool {
        !self.hooked || (self.in_place && !self.hooked_in_place) || self.counts_leaving.is_none()
    }

    /// How pods are exchanged (OpenKruise: `ReCreate`, where nothing is said).
    #[must_use]
    pub fn policy(&self) -> &str {
        self.kind.as_deref().unwrap_or("ReCreate")
    }

    /// Its controller is told to let updates stand still.
    #[must_use]
    pub fn paused(&self) -> bool {
        self.settings.paused.unwrap_or(false)
    }

    /// `metadata.generation` as the core counts it.
    #[must_use]
    pub fn generation(&self) -> u64 {
        u64::try_from(self.generation).unwrap_or(0)
    }

    /// Whether all that guards a change is the same: identity, settings and lock.
    #[must_use]
    pub fn is_guarded_like(&self, other: &Self) -> bool {
        let guards = |it: &Self| (it.uid.clone(), it.generation, it.lock_text.clone());
        guards(self) == guards(other)
    }

    /// The flow that had the lock last and did not give it back, where no lock stands there: others took it off.
    #[must_use]
    pub fn taken_off(&self) -> Option<&LastHolder> {
        let free = self.lock.is_none() && self.lock_fault.is_none();
        self.last.as_ref().filter(|last| free && !last.gave_back)
    }

    /// Its controller has seen the latest spec.
    #[must_use]
    pub const fn is_observed(&self) -> bool {
        self.observed >= self.generation
    }
}

fn containers(template: &Value) -> Vec<String> {
    let containers = template["spec"]["containers"].as_array().into_iter().flatten();
    containers.filter_map(|container| container["name"].as_str().map(str::to_owned)).collect()
}

/// The names of volume claims.
#[must_use]
pub fn names(claims: &Value) -> Vec<String> {
    let claims = claims.as_array().into_iter().flatten();
    claims.filter_map(|claim| claim["metadata"]["name"].as_str()).map(str::to_owned).collect()
}

/// Pods wanted (OpenKruise: 1 when missing).
fn size(replicas: Option<i32>) -> Result<u32, String> {
    let replicas = replicas.unwrap_or(1);
    u32::try_from(replicas).map_err(|_| format!("spec.replicas: {replicas} is below 0"))
}

/// The partition in pods.
///
/// # Errors
/// Which number of the strategy cannot be read.
fn numbers(version: ApiVersion, strategy: &UpdateStrategy, replicas: u32) -> Result<u32, String> {
    let number = |name: &str, value: &Option<IntOrString>| {
        let named = |fault| format!("spec.{}: {fault}", version.strategy(name));
        scaled(value.as_ref(), replicas, true).map_err(named)
    };
    number("maxSurge", &strategy.max_surge)?;
    number("maxUnavailable", &strategy.max_unavailable)?;
    Ok(kept(strategy.partition.as_ref(), number("partition", &strategy.partition)?, replicas))
}

fn carried(line: Option<String>) -> Result<CarriedOut, String> {
    let named = |fault| format!("annotation {}: {fault}; take that entry out", labels::CARRIED_OUT);
    CarriedOut::parse(&line.unwrap_or_default()).map_err(named)
}

fn remembered(size: Option<String>) -> Result<Option<u32>, String> {
    let size = size.filter(|size| !size.is_empty());
    let wrong = |size: &str| format!("annotation {}: {size:?} is no size", labels::REMEMBERED);
    size.map(|size| size.parse().map_err(|_| wrong(&size))).transpose()
}

/// Pods that a partition keeps at old revisions, when `pods` of `replicas` are named: below 100 % at least one of
/// several pods is updated (OpenKruise: `CalculatePartitionReplicas`).
fn kept(partition: Option<&IntOrString>, pods: u32, replicas: u32) -> u32 {
    let pods = pods.min(replicas);
    let short = matches!(partition, Some(IntOrString::String(text)) if text != "100%");
    if short && replicas > 1 && pods == replicas { replicas - 1 } else { pods }
}

/// A number of pods, or a percentage of `of`, rounded `up` or down; 0 when missing.
///
/// # Errors
/// What is neither (Kubernetes: `GetScaledValueFromIntOrPercent`).
fn scaled(value: Option<&IntOrString>, of: u32, up: bool) -> Result<u32, String> {
    match value {
        None => Ok(0),
        Some(IntOrString::Int(n)) => u32::try_from(*n).map_err(|_| format!("{n} is below 0")),
        Some(IntOrString::String(text)) => {
            let percent = text.strip_suffix('%').and_then(|percent| percent.parse::<u32>().ok());
            let percent = percent.ok_or_else(|| format!("{text:?} is neither a number nor a percentage"))?;
            let share = u64::from(of) * u64::from(percent);
            let pods = if up { share.div_ceil(100) } else { share / 100 };
            Ok(u32::try_from(pods).unwrap_or(u32::MAX))
        }
    }
}

/// What [`CloneSetEntry::of`] has read once: a CloneSet in which it cannot be read is none.
fn read_before(pods: Result<u32, String>) -> u32 {
    pods.unwrap_or(0)
}

/// OpenKruise sets the condition at the first failure and leaves it there, with words and time of that one (1.9.0:
/// `SetCloneSetCondition`): it is told with its time.
fn trouble(condition: &CloneSetCondition) -> Option<Trouble> {
    let CloneSetCondition { kind, status, last_transition_time, message } = condition;
    let at = last_transition_time.as_deref().and_then(|at| at.parse().ok()).unwrap_or_default();
    (kind == "FailedScale" && status == "True").then(|| Trouble { at: Some(at), what: message.clone() })
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
