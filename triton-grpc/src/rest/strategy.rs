//! The strategies as callers write them.

use serde::Deserialize;
use triton_core::model::{self, BatchSize, RawSize, Sizes};
use utoipa::ToSchema;

use super::answer::Refusal;

/// A number of pods, or a percentage of the replicas such as "25%". "10" is 10 pods.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "must be a whole number or a percentage such as \"25%\"")]
pub(super) enum Size {
    /// Pods.
    Pods(i64),
    /// Pods or percent as text.
    Text(String),
}

/// How a create, update or rollback goes. Every field is optional.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UpdateStrategy)]
pub(super) struct Update {
    /// Start paused.
    paused: Option<bool>,
    /// Cancelled from the start.
    canceled: Option<bool>,
    /// How often a pause by failure was lifted; of the custom resource, of no use here.
    resumes: Option<i32>,
    /// Pods per batch. Missing: one batch with everything.
    batch_size: Option<Size>,
    /// Sizes of the batches after the canary, in order; the last one repeats. Instead of batchSize.
    batch_sizes: Option<Vec<Size>>,
    /// Seconds between a finished batch and the next one in mode auto.
    batch_interval_seconds: Option<i32>,
    /// auto, or manual (default).
    mode: Option<String>,
    /// Go as far as this batch where a person is asked (default 1).
    batches: Option<i32>,
    /// Go as far as this stage inside batch `batches`: Pending, Smoking, Smoked, Baking or Baked.
    stage: Option<String>,
    /// Pods take traffic as soon as they are ready; nothing is pulled in.
    no_pull_in: Option<bool>,
    /// Pods in a first batch that waits for a person before and after it takes traffic.
    canary: Option<i32>,
    /// Seconds a stage may take before the flow pauses (default 600), time that the flow orders not counted.
    progress_deadline_seconds: Option<i32>,
    /// Seconds that a pod may be kept from running without progress before it counts as failed (default 120).
    failure_grace_seconds: Option<i32>,
    /// Seconds a pod keeps running after it was verified out of traffic (default 10).
    drain_seconds: Option<i32>,
    /// Pods, or a percentage, that may be missing: old pods leave first. Missing: new pods come first.
    max_unavailable: Option<Size>,
    /// Pods of a batch, or a percentage of it, that may fail (default 0); they are tried again later.
    failure_threshold: Option<Size>,
    /// What happens when more fail or a stage takes too long: pause (default), cancel or rollback.
    on_failure: Option<String>,
    /// What becomes of new pods of finished batches in a cancel: freeze (default) keeps, revert returns them.
    cancel_policy: Option<String>,
    /// When new pods may be asked for beside pods that are being deleted: TerminationStarted (default), or
    /// TerminationComplete, once none is left.
    pod_replacement_policy: Option<String>,
}

/// How every other action than create, update and rollback goes. Every field is optional.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NonUpdateStrategy)]
pub(super) struct NonUpdate {
    /// Start paused.
    paused: Option<bool>,
    /// Cancelled from the start.
    canceled: Option<bool>,
    /// How often a pause by failure was lifted; of the custom resource, of no use here.
    resumes: Option<i32>,
    /// Pods per batch. Missing: one batch with everything.
    batch_size: Option<Size>,
    /// Seconds between a finished batch and the next one in mode auto.
    batch_interval_seconds: Option<i32>,
    /// auto, or manual (default).
    mode: Option<String>,
    /// Go as far as this batch where a person is asked (default 1).
    batches: Option<i32>,
    /// Go as far as this stage inside batch `batches`: Pending, Smoking, Smoked, Baking or Baked.
    stage: Option<String>,
    /// Sizes of the batches, in order; the last one repeats. Instead of batchSize.
    batch_sizes: Option<Vec<Size>>,
    /// Seconds a stage may take before the flow pauses (default 600), time that the flow orders not counted.
    progress_deadline_seconds: Option<i32>,
    /// Seconds that a pod may be kept from running without progress before it counts as failed (default 120).
    failure_grace_seconds: Option<i32>,
    /// Seconds a pod keeps running after it was verified out of traffic (default 10).
    drain_seconds: Option<i32>,
    /// For restart: pods, or a percentage, that may be missing. Missing: new pods come first.
    max_unavailable: Option<Size>,
    /// Pods of a batch, or a percentage of it, that may fail (default 0).
    failure_threshold: Option<Size>,
    /// What happens when more fail or a stage takes too long: pause (default) or cancel.
    on_failure: Option<String>,
    /// When new pods may be asked for beside pods that are being deleted: TerminationStarted (default), or
    /// TerminationComplete, once none is left.
    pod_replacement_policy: Option<String>,
    /// Names of pods to remove first, or of the only ones to restart.
    pods_to_delete: Option<Vec<String>>,
}

/// The sizes of a change, checked; both fields cannot be set.
pub(super) fn sizes(one: Option<Size>, list: Option<Vec<Size>>) -> Result<Option<Sizes>, Refusal> {
    let (field, sizes) = match (one, list) {
        (None, None) => return Ok(None),
        (Some(one), None) => ("batchSize".to_owned(), vec![one]),
        (None, Some(list)) if list.is_empty() => {
            return Err(Refusal::field("batchSizes", "must not be empty"));
        }
        (None, Some(list)) => ("batchSizes".to_owned(), list),
        (Some(_), Some(_)) => {
            return Err(Refusal::field("batchSizes", "stands instead of batchSize: give one of them"));
        }
    };
    let read = |size: Size| BatchSize::parse(&size.into()).map_err(|fault| Refusal::field(&field, fault));
    sizes.into_iter().map(read).collect::<Result<_, _>>().map(|sizes| Some(Sizes(sizes)))
}

impl From<Size> for RawSize {
    fn from(size: Size) -> Self {
        match size {
            Size::Pods(pods) => Self::Int(pods),
            Size::Text(text) => Self::Text(text),
        }
    }
}

fn raw(list: Option<Vec<Size>>) -> Option<Vec<RawSize>> {
    list.map(|list| list.into_iter().map(RawSize::from).collect())
}

impl From<Update> for model::UpdateStrategy {
    fn from(update: Update) -> Self {
        Self {
            paused: update.paused,
            canceled: update.canceled,
            resumes: update.resumes,
            batch_size: update.batch_size.map(RawSize::from),
            batch_sizes: raw(update.batch_sizes),
            batch_interval_seconds: update.batch_interval_seconds,
            mode: update.mode,
            batches: update.batches,
            stage: update.stage,
            no_pull_in: update.no_pull_in,
            canary: update.canary,
            progress_deadline_seconds: update.progress_deadline_seconds,
            failure_grace_seconds: update.failure_grace_seconds,
            drain_seconds: update.drain_seconds,
            max_unavailable: update.max_unavailable.map(RawSize::from),
            failure_threshold: update.failure_threshold.map(RawSize::from),
            on_failure: update.on_failure,
            cancel_policy: update.cancel_policy,
            pod_replacement_policy: update.pod_replacement_policy,
            superseded_by: None,
        }
    }
}

impl From<NonUpdate> for model::NonUpdateStrategy {
    fn from(strategy: NonUpdate) -> Self {
        Self {
            paused: strategy.paused,
            canceled: strategy.canceled,
            resumes: strategy.resumes,
            batch_size: strategy.batch_size.map(RawSize::from),
            batch_interval_seconds: strategy.batch_interval_seconds,
            mode: strategy.mode,
            batches: strategy.batches,
            stage: strategy.stage,
            batch_sizes: raw(strategy.batch_sizes),
            progress_deadline_seconds: strategy.progress_deadline_seconds,
            failure_grace_seconds: strategy.failure_grace_seconds,
            drain_seconds: strategy.drain_seconds,
            max_unavailable: strategy.max_unavailable.map(RawSize::from),
            failure_threshold: strategy.failure_threshold.map(RawSize::from),
            on_failure: strategy.on_failure,
            pod_replacement_policy: strategy.pod_replacement_policy,
            superseded_by: None,
            pods_to_delete: strategy.pods_to_delete,
        }
    }
}
