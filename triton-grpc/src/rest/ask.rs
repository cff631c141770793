//! What callers ask: bodies and queries, and what the core calls them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use triton_core::model::{
    Action, BatchPhase, Draft, Edit, InstanceName, Namespace, RollbackTarget, Seconds, Target,
};
use triton_core::service::{FlowFilter, MAX_PAGE};
use utoipa::{IntoParams, ToSchema};

use super::answer::Refusal;
use super::extract::checked;
use super::strategy::{NonUpdate, Size, Update, sizes};

/// How many flows a page has when nothing is said.
const PAGE: u32 = 10;

/// A flow to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewFlow {
    /// What to do. Not set: update where the instance exists, create where it does not.
    pub(super) action: Option<String>,
    /// Name of the flow; one is made from the instance name when not set.
    pub(super) name: Option<String>,
    /// The application.
    pub(super) application_spec: ApplicationSpec,
    /// How a create, update or rollback goes.
    pub(super) update_strategy: Option<Update>,
    /// How every other action goes.
    pub(super) non_update_strategy: Option<NonUpdate>,
    /// What a rollback returns to.
    pub(super) rollback_to: Option<RollbackRevision>,
    /// Labels of the flow itself, beside those of its application.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Annotations of the flow itself.
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

/// An application instance as somebody wants it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = Application)]
pub(super) struct ApplicationSpec {
    /// Label `app`.
    #[serde(rename = "appID")]
    app_id: i64,
    /// Label `group`.
    #[serde(rename = "groupID")]
    group_id: i64,
    /// Label `app.kubernetes.io/name`.
    app_name: String,
    /// Application instance, which is the name of the workload.
    pub(super) instance_name: String,
    /// Target replicas. Not set in an update: the size that the workload has.
    replicas: Option<i64>,
    /// Kind of workload; cloneset when empty.
    application_type: String,
    /// Labels to set on the workload besides the identity labels.
    application_label: BTreeMap<String, String>,
    /// Which pods belong to the workload: a Kubernetes LabelSelector; the identity labels when not set.
    #[schema(value_type = Option<Object>)]
    selector: Option<Map<String, Value>>,
    /// The pods to run: a Kubernetes PodTemplateSpec.
    #[schema(value_type = Option<Object>)]
    template: Option<Map<String, Value>>,
    /// Volume claims of the workload: Kubernetes PersistentVolumeClaims.
    #[schema(value_type = Option<Vec<Object>>)]
    volume_claim_templates: Option<Vec<Map<String, Value>>>,
}

/// A revision to return to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RollbackRevision {
    /// A revision of the workload: the full name, or its hash alone.
    revision: String,
}

/// What to change of a flow that runs; what is not set stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StrategyPatch {
    /// true: pause; false: resume, also after a pause by failure.
    paused: Option<bool>,
    /// true: cancel. It cannot be taken back.
    canceled: Option<bool>,
    /// Go as far as this batch.
    #[schema(minimum = 1)]
    batches: Option<u32>,
    /// Go as far as this stage of it: Pending, Smoking, Smoked, Baking or Baked. Not set: its start.
    stage: Option<String>,
    /// Pods per batch, for batches that have not started.
    batch_size: Option<Size>,
    /// Sizes of the batches that have not started; the last one repeats. Instead of batchSize.
    batch_sizes: Option<Vec<Size>>,
    /// Seconds between a finished batch and the next one in mode auto.
    batch_interval_seconds: Option<u32>,
    /// Seconds a stage may take before the flow pauses.
    #[schema(minimum = 1)]
    progress_deadline_seconds: Option<u32>,
    /// Seconds that a pod may be kept from running without progress before it counts as failed.
    failure_grace_seconds: Option<u32>,
}

/// What the caller of Next saw waiting.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// Number of the batch, from 1.
    #[schema(minimum = 1)]
    batch: Option<u32>,
    /// Its stage, as shown: Smoked, Baking or Baked.
    stage: Option<String>,
}

/// How far to go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Continue {
    /// Number of the batch, from 1.
    #[schema(minimum = 1)]
    batches: u32,
    /// Pending, Smoking, Smoked, Baking or Baked. Not set: the start of the batch.
    stage: Option<String>,
}

/// Which flows. All conditions hold together; one that is not set matches every flow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FlowQuery {
    /// Of this application instance.
    instance_name: Option<String>,
    /// With this action.
    action: Option<String>,
    /// Made after this time (RFC 3339).
    #[param(format = DateTime)]
    after: Option<String>,
    /// How many to skip, newest first.
    #[param(value_type = Option<u32>)]
    start: Option<String>,
    /// How many to answer at most: 10 when not set or 0; more than 500 is cut to it.
    #[param(value_type = Option<u32>)]
    page_size: Option<String>,
}

/// Where a watch ends.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct UntilQuery {
    /// As far as this batch; not set: until a person is asked.
    #[param(value_type = Option<u32>, minimum = 1)]
    batches: Option<String>,
    /// As far as this stage of it: Pending, Smoking, Smoked, Baking or Baked. Not set: its end.
    stage: Option<String>,
}

impl NewFlow {
    /// The draft of it; the core checks it.
    pub(super) fn draft(self, action: String) -> Draft {
        let spec = self.application_spec;
        let claims = spec.volume_claim_templates;
        Draft {
            action,
            app_id: spec.app_id,
            group_id: spec.group_id,
            app_name: spec.app_name,
            instance_name: spec.instance_name,
            replicas: spec.replicas,
            application_type: spec.application_type,
            application_label: spec.application_label,
            selector: spec.selector.map(Value::Object),
            template: spec.template.map(Value::Object),
            volume_claim_templates: claims.map(|list| list.into_iter().map(Value::Object).collect()),
            update_strategy: self.update_strategy.map(Update::into),
            non_update_strategy: self.non_update_strategy.map(NonUpdate::into),
            rollback_to: self.rollback_to.map(|to| RollbackTarget { revision: to.revision }),
            labels: self.labels,
            annotations: self.annotations,
        }
    }
}

impl StrategyPatch {
    /// The edit that it asks for.
    pub(super) fn edit(self) -> Result<Edit, Refusal> {
        let target = match (self.batches, self.stage) {
            (None, Some(_)) => return Err(Refusal::field("batches", "must be given beside stage")),
            (None, None) => None,
            (Some(batch), stage) => Some(target("batches", batch, stage.as_deref(), BatchPhase::Smoking)?),
        };
        if self.progress_deadline_seconds == Some(0) {
            return Err(Refusal::field("progressDeadlineSeconds", "must be at least 1"));
        }
        Ok(Edit {
            paused: self.paused,
            canceled: self.canceled,
            target,
            sizes: sizes(self.batch_size, self.batch_sizes)?,
            interval: self.batch_interval_seconds.map(Seconds),
            deadline: self.progress_deadline_seconds.map(Seconds),
            grace: self.failure_grace_seconds.map(Seconds),
        })
    }
}

impl Expected {
    /// Batch and stage, when both are given.
    pub(super) fn target(self) -> Result<Option<Target>, Refusal> {
        match (self.batch, self.stage) {
            (None, None) => Ok(None),
            (Some(batch), Some(stage)) => target("batch", batch, Some(&stage), BatchPhase::Smoking).map(Some),
            (None, Some(_)) => Err(Refusal::field("batch", "must be given beside stage")),
            (Some(_), None) => Err(Refusal::field("stage", "must be given beside batch")),
        }
    }
}

impl Continue {
    /// How far. Without a stage: as a manifest that names only the batch.
    pub(super) fn target(self) -> Result<Target, Refusal> {
        target("batches", self.batches, self.stage.as_deref(), BatchPhase::Smoking)
    }
}

impl UntilQuery {
    /// Where it ends. Without a stage: when the batch is finished.
    pub(super) fn target(self) -> Result<Option<Target>, Refusal> {
        let stage = given(self.stage);
        match number("batches", self.batches)? {
            Some(batch) => target("batches", batch, stage.as_deref(), BatchPhase::Baked).map(Some),
            None if stage.is_some() => Err(Refusal::field("batches", "must be given beside stage")),
            None => Ok(None),
        }
    }
}

impl FlowQuery {
    /// The flows of this namespace that are asked for.
    pub(super) fn filter(self, namespace: Namespace) -> Result<FlowFilter, Refusal> {
        let instance = given(self.instance_name).map(InstanceName::new).transpose();
        let known = |name: String| {
            let action = Action::parse(&name).map(|action| action.to_string());
            action.ok_or_else(|| Refusal::field("action", format!("{name:?} is not an action")))
        };
        let after = given(self.after).map(|text| text.parse().map_err(|e| Refusal::field("after", e)));
        let size = number("pageSize", self.page_size)?.filter(|size| *size > 0).unwrap_or(PAGE);
        Ok(FlowFilter {
            namespace: Some(namespace),
            instance_name: checked("instanceName", instance)?,
            action: given(self.action).map(known).transpose()?,
            after: after.transpose()?,
            start: number("start", self.start)?.unwrap_or(0),
            page_size: size.min(MAX_PAGE),
        })
    }
}

/// A text of a query; an empty one counts as not given.
pub(super) fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn number(field: &str, text: Option<String>) -> Result<Option<u32>, Refusal> {
    let read = |text: String| text.parse().map_err(|_| Refusal::field(field, "must be a number from 0"));
    given(text).map(read).transpose()
}

fn target(field: &str, batch: u32, stage: Option<&str>, default: BatchPhase) -> Result<Target, Refusal> {
    if batch == 0 {
        return Err(Refusal::field(field, "must be at least 1"));
    }
    let named = |name| crate::convert::stage("stage", name);
    Ok(Target { batch, phase: stage.map_or(Ok(default), named)? })
}
