//! `DeployFlow` to core and back: the only file that names both.

use std::collections::BTreeMap;

use kube::api::{DynamicObject, ObjectMeta};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use triton_core::model::{
    self, BatchSize, BegunWith, CorruptRecord, Draft, Fault, Faults, Flow, FlowId, FlowName, FlowPhase,
    FlowUid, Identity, InstanceId, InstanceName, Namespace, Orders, Peer, Progress, RawSize, Record, Report,
    Spec, Target, Timestamp, Version,
};
use triton_core::ports::{Invalid, Loaded, NewFlow, Stored};

use super::condition::Condition;
use super::v1alpha1::{Application, DeployFlow, DeployFlowSpec, DeployFlowStatus};
use crate::labels;
use crate::world::cache::{Entry, Key};

/// A stored flow, decoded once when it comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowEntry {
    /// Namespace and name.
    pub key: Key,
    /// Identity.
    pub uid: String,
    /// Resource version.
    pub version: String,
    /// The flow as the core knows it.
    pub loaded: Loaded,
    /// What it acts on; `None` where the name of the instance is not one.
    pub instance: Option<InstanceId>,
    /// `metadata.generation`.
    pub generation: i64,
    /// All finalizers, ours among them while the flow runs.
    pub finalizers: Vec<String>,
    /// Identity labels that it should carry and does not.
    pub missing_labels: BTreeMap<String, String>,
    /// Its deletion was asked for.
    pub leaving: bool,
    /// It has ended, by `status.progress`; one of the original, which wrote none, by `status.finished`.
    pub finished: bool,
    /// The condition that its status shows.
    pub condition: Option<Condition>,
    /// What its spec said when it began, for as long as it runs.
    pub begun_with: Option<BegunWith>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ended, where its status says that it has; when it was made, where it does not say when.
    pub ended: Option<Timestamp>,
}

impl Entry for FlowEntry {
    fn key(&self) -> &Key {
        &self.key
    }
    fn uid(&self) -> &str {
        &self.uid
    }
    fn version(&self) -> &str {
        &self.version
    }
    /// By the instance that it acts on; where that has no legal name, by a key that is no instance's.
    fn group(&self) -> Option<Key> {
        let instance = self.instance.as_ref();
        let named = instance.map(|instance| Key::new(instance.namespace.as_str(), instance.name.as_str()));
        named.or_else(|| Some(Key::new(&self.key.namespace, format!("/{}", self.key.name))))
    }
}

/// What became of a flow that a lock names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has not ended.
    Alive,
    /// It has ended, and gives the lock back if it has not.
    Ended,
    /// It ended in the middle of its batches, and leaves its workload as it is.
    Left,
    /// It is not there any more.
    Gone,
}

impl FlowEntry {
    /// Decodes an object, whatever is in it. `None` only for what no API server stores: an object without
    /// a legal name or an identity.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Option<Self> {
        let meta = &object.metadata;
        let (namespace, name) = (meta.namespace.as_deref()?, meta.name.as_deref()?);
        let id = FlowId { namespace: Namespace::new(namespace).ok()?, name: FlowName::new(name).ok()? };
        let uid = FlowUid::new(meta.uid.as_deref()?).ok()?;
        let version = Version::new(meta.resource_version.as_deref()?).ok()?;
        let created_at = meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_microsecond());
        let created_at = Timestamp::from_micros(created_at);
        let (spec, mut status) = (&object.data["spec"], without_nulls(&object.data["status"]));
        let condition = Condition::take(&mut status);
        let leaving = meta.deletion_timestamp.is_some();
        // Whoever took the finalizer off has it put back by the next save; once the deletion was asked for, the API
        // server takes none (Kubernetes: `metadata.finalizers`).
        let complete = status["finished"] == Value::Bool(true)
            || leaving
            || is_kept(meta.finalizers.as_deref().unwrap_or_default());
        let observed = complete && status["observedGeneration"].as_i64() == meta.generation;
        let ended = serde_json::from_value(status["finishedAt"].clone()).unwrap_or(created_at);
        let begun_with: Option<BegunWith> = serde_json::from_value(status["begunWith"].clone()).ok();
        let instance = acts_on(&id.namespace, spec, begun_with.as_ref());
        let acts_on = instance.clone();
        let mut missing_labels = BTreeMap::new();
        let loaded = match (parsed(spec, begun_with.as_ref()), record(&status)) {
            (_, Err(error)) => {
                let phase = told_phase(&status);
                Loaded::Corrupt { id, uid, version, instance, created_at, phase, leaving, error }
            }
            (Err(faults), Ok((progress, report))) => Loaded::Invalid(Box::new(Invalid {
                id,
                uid,
                version,
                action: spec["action"].as_str().unwrap_or_default().into(),
                instance,
                progress,
                report,
                created_at,
                observed,
                leaving,
                faults,
            })),
            (Ok((spec, orders)), Ok((progress, report))) => {
                missing_labels = missing(&spec.identity, meta);
                let flow = Flow { id, uid, spec, orders, progress };
                Loaded::Flow(Box::new(Stored { flow, report, version, created_at, observed, leaving }))
            }
        };
        let finished = loaded.is_finished();
        Some(Self {
            key: Key::new(namespace, name),
            uid: meta.uid.clone()?,
            version: meta.resource_version.clone()?,
            loaded,
            instance: acts_on,
            generation: meta.generation.unwrap_or(0),
            finalizers: meta.finalizers.clone().unwrap_or_default(),
            missing_labels,
            leaving,
            finished,
            condition,
            begun_with,
            created: created_at,
            ended: finished.then_some(ended),
        })
    }

    /// Whether our finalizer is on it.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        is_kept(&self.finalizers)
    }

    /// It as the others of its application see it.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.loaded.peer(self.created, self.ended, self.is_kept() || self.leaving)
    }

    /// Whether the driver has anything to do with it.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        let (leaving, observed) = match &self.loaded {
            Loaded::Corrupt { leaving, .. } => return *leaving && self.is_kept(),
            Loaded::Flow(stored) => (stored.leaving, stored.observed),
            Loaded::Invalid(invalid) => (invalid.leaving, invalid.observed),
        };
        !self.finished || self.is_kept() || !(observed || leaving)
    }

    /// Whether it has not begun.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.flow().is_some_and(|flow| matches!(flow.progress, Progress::Pending))
    }

    /// Whether a lock that it holds still counts. One that is deleted and cannot be read leaves its workload as
    /// it is, and so does one whose status was lost.
    #[must_use]
    pub fn fate(&self) -> Fate {
        let progress = match &self.loaded {
            Loaded::Flow(stored) => Some(&stored.flow.progress),
            Loaded::Invalid(invalid) => Some(&invalid.progress),
            Loaded::Corrupt { .. } => None,
        };
        match &self.loaded {
            _ if matches!(progress, Some(Progress::Finished { verdict, .. }) if verdict.leaves()) => {
                Fate::Left
            }
            _ if self.finished => Fate::Ended,
            Loaded::Corrupt { .. } | Loaded::Invalid(_) if self.leaving => Fate::Gone,
            Loaded::Flow(_) | Loaded::Invalid(_) | Loaded::Corrupt { .. } => Fate::Alive,
        }
    }

    /// The orders it carries now; `None` when its spec cannot be read.
    #[must_use]
    pub fn flow(&self) -> Option<&Flow> {
        match &self.loaded {
            Loaded::Flow(stored) => Some(&stored.flow),
            Loaded::Invalid(_) | Loaded::Corrupt { .. } => None,
        }
    }
}

/// The instance that a flow acts on: the one that it began with.
fn acts_on(namespace: &Namespace, spec: &Value, begun_with: Option<&BegunWith>) -> Option<InstanceId> {
    let named = || InstanceName::new(spec["application"]["instanceName"].as_str().unwrap_or_default()).ok();
    let name = begun_with.and_then(BegunWith::instance).or_else(named)?;
    Some(InstanceId { namespace: namespace.clone(), name })
}

/// The spec and its orders, where they can be read and the flow is still what it began as.
fn parsed(spec: &Value, begun_with: Option<&BegunWith>) -> Result<(Spec, Orders), Faults> {
    let (spec, orders) = draft(spec)?.parse()?;
    begun_with.and_then(|begun_with| begun_with.faults(&spec)).map_or(Ok((spec, orders)), Err)
}

/// Whether our finalizer is among these.
fn is_kept(finalizers: &[String]) -> bool {
    finalizers.iter().any(|finalizer| finalizer == labels::FINALIZER)
}

fn missing(identity: &Identity, meta: &ObjectMeta) -> BTreeMap<String, String> {
    let has = |key: &str| meta.labels.as_ref().is_some_and(|labels| labels.contains_key(key));
    let wanted = identity.labels().into_iter();
    wanted.filter(|(key, _)| !has(key)).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Go's clients store `null` where there is nothing.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), without_nulls(value))).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

/// How far a status that cannot be read as a whole says that its flow is. A progress that cannot be read, or that others
/// wrote, tells of no end.
fn told_phase(status: &Value) -> FlowPhase {
    let progress = &status["progress"];
    let read = || serde_json::from_value(progress.clone()).unwrap_or_else(|_| (&Progress::Pending).into());
    let record = Record {
        phase: serde_json::from_value(status["phase"].clone()).unwrap_or_default(),
        finished: status["finished"] == Value::Bool(true),
        progress: (!progress.is_null()).then(read),
        ..Record::default()
    };
    let told = record.told_phase();
    if told.is_final() && is_of_others(status) { FlowPhase::default() } else { told }
}

fn record(status: &Value) -> Result<(Progress, Report), CorruptRecord> {
    if status.is_null() {
        return Ok((Progress::Pending, Report::default()));
    }
    let record: Record =
        model::read(status.clone(), "status").map_err(|error| CorruptRecord::Field(error.to_string()))?;
    let progress = Progress::try_from(&record)?;
    if is_of_others(status) {
        let what = "is not what the operator wrote: status.progressHash is that of something else";
        return Err(CorruptRecord::Progress(what));
    }
    Ok((progress, record.report()))
}

/// Whether somebody else has changed what the controller resumes from. Statuses of the original carry no hash.
fn is_of_others(status: &Value) -> bool {
    let hash = &status["progressHash"];
    !hash.is_null() && *hash != json!(progress_hash(status))
}

/// The hash of what the controller resumes from.
fn progress_hash(status: &Value) -> String {
    model::hash_of(&json!({ "progress": status["progress"], "begunWith": status["begunWith"] }))
}

/// What somebody wrote.
///
/// # Errors
/// The part of the spec that cannot be read at all, with the reason.
pub fn draft(spec: &Value) -> Result<Draft, Faults> {
    let application: Option<Application> = part(spec, "application")?;
    let Some(application) = application else {
        return Err(fault("spec.application", "is required"));
    };
    let Application { app_id, group_id, app_name, instance_name, replicas, .. } = application;
    Ok(Draft {
        action: part(spec, "action")?.unwrap_or_default(),
        app_id,
        group_id,
        app_name,
        instance_name,
        replicas,
        application_type: application.application_type.unwrap_or_default(),
        application_label: application.application_label.unwrap_or_default(),
        selector: application.selector,
        template: application.template,
        volume_claim_templates: application.volume_claim_templates,
        update_strategy: part(spec, "updateStrategy")?,
        non_update_strategy: part(spec, "nonUpdateStrategy")?,
        rollback_to: part(spec, "rollbackTo")?,
        ..Draft::default()
    })
}

fn part<T: DeserializeOwned + Serialize + Default>(spec: &Value, name: &str) -> Result<Option<T>, Faults> {
    let given = &spec[name];
    (!given.is_null()).then(|| model::read_each(given, &format!("spec.{name}"))).transpose()
}

fn fault(field: &str, message: &str) -> Faults {
    Faults(vec![Fault { field: field.into(), message: message.into() }])
}

/// The object for a flow that the service makes.
#[must_use]
pub fn manifest(new: &NewFlow) -> DeployFlow {
    let draft = new.draft.clone();
    let some_text = |text: String| (!text.is_empty()).then_some(text);
    let spec = DeployFlowSpec {
        action: draft.action,
        application: Application {
            app_id: draft.app_id,
            group_id: draft.group_id,
            app_name: draft.app_name,
            instance_name: draft.instance_name,
            replicas: draft.replicas,
            selector: draft.selector,
            template: draft.template,
            application_type: some_text(draft.application_type),
            volume_claim_templates: draft.volume_claim_templates,
            application_label: Some(draft.application_label).filter(|labels| !labels.is_empty()),
        },
        update_strategy: draft.update_strategy,
        non_update_strategy: draft.non_update_strategy,
        rollback_to: draft.rollback_to,
    };
    let labels = new.draft.parse().ok().map(|(spec, _)| spec.identity.labels());
    let labels = labels.into_iter().flatten().map(|(key, value)| (key.to_owned(), value));
    let mut flow = DeployFlow::new(new.id.name.as_str(), spec);
    flow.metadata.namespace = Some(new.id.namespace.to_string());
    flow.metadata.labels = Some(draft.labels.into_iter().chain(labels).collect());
    flow.metadata.annotations = Some(draft.annotations).filter(|annotations| !annotations.is_empty());
    flow
}

/// The status to store; `before`: the condition that the one before shows, `begun_with`: what the spec of a flow that
/// runs said when it began.
///
/// # Errors
/// When it cannot be written as JSON, which a status of the core always can.
pub fn status(
    progress: &Progress,
    report: &Report,
    generation: i64,
    before: Option<Condition>,
    begun_with: Option<BegunWith>,
) -> serde_json::Result<Value> {
    let record = Record::new(progress, report);
    let status =
        DeployFlowStatus { record, observed_generation: generation, begun_with, progress_hash: None };
    let mut status = serde_json::to_value(status)?;
    status["progressHash"] = progress_hash(&status).into();
    Condition::after(before, progress, report).write(&mut status);
    Ok(status)
}

/// Fields of the strategy that make the old orders into the new ones.
#[must_use]
pub fn orders(old: &Orders, new: &Orders) -> Map<String, Value> {
    let mut fields = Map::new();
    let Orders { paused, canceled, superseded, resumes, target, sizes, interval, deadline, grace } = new;
    let mut set = |name: &str, changed: bool, value: Value| {
        if changed {
            fields.insert(name.into(), value);
        }
    };
    let Target { batch, phase } = target;
    set("paused", *paused != old.paused, json!(paused));
    set("canceled", *canceled != old.canceled, json!(canceled));
    set("supersededBy", *superseded != old.superseded, json!(superseded));
    set("resumes", *resumes != old.resumes, json!(resumes));
    set("batches", *target != old.target, json!(batch));
    set("stage", *target != old.target, json!(phase.as_str()));
    let raw: Vec<_> = sizes.0.iter().map(|size: &BatchSize| RawSize::from(*size)).collect();
    let resized = *sizes != old.sizes;
    // One of the two may stand there: the other is taken away.
    set("batchSize", resized, if raw.len() == 1 { json!(raw[0]) } else { Value::Null });
    set("batchSizes", resized, if raw.len() > 1 { json!(raw) } else { Value::Null });
    set("batchIntervalSeconds", *interval != old.interval, json!(interval.0));
    set("progressDeadlineSeconds", *deadline != old.deadline, json!(deadline.0));
    set("failureGraceSeconds", *grace != old.grace, json!(grace.0));
    fields
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
