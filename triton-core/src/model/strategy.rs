//! The strategies as people write them: wire-exact, unchecked. See [`Draft`](super::Draft) for the check.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::count::RawSize;
use super::orders::Orders;

/// How a create, update or rollback goes: batches, gates and standing orders. Every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UpdateStrategy {
    /// Order: stop the flow's own steps until it is false again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Order: stop for good and close cleanly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled: Option<bool>,
    /// Order: how often a pause by failure was lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<i32>,
    /// Pods per batch, or a percentage of the replicas such as "25%". Missing: one batch with everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<RawSize>,
    /// Sizes of the batches after the canary, in order; the last one repeats. Instead of `batchSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_sizes: Option<Vec<RawSize>>,
    /// Seconds between a finished batch and the next one in mode auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_interval_seconds: Option<i32>,
    /// `auto` or `manual` (default): who lets the flow go on from batch to batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Order: go as far as this batch (default 1) where a person is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<i32>,
    /// Order: go as far as this stage inside batch `batches`: Pending, Smoking, Smoked, Baking or Baked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Pods take traffic as soon as they are ready; nothing is pulled in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_pull_in: Option<bool>,
    /// Pods in a first batch that waits for a person before and after it takes traffic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<i32>,
    /// Seconds a stage may take before the flow pauses (default 600). Waiting for people, drains and
    /// `minReadySeconds` are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds that a pod may be kept from running without progress, by something that can heal, before it counts as
    /// failed (default 120).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_grace_seconds: Option<i32>,
    /// Seconds a pod keeps running after it was verified out of traffic (default 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<i32>,
    /// Pods, or a percentage of the replicas, that may be missing: old pods leave before new ones start.
    /// Missing: new pods come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<RawSize>,
    /// Pods of a batch, or a percentage of it, that may fail (default 0): the batch goes on without them and
    /// they are tried again in a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<RawSize>,
    /// What happens when more pods fail or a stage takes too long: `pause` (default), `cancel` or `rollback`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// What becomes of new pods of finished batches when the flow is cancelled: `freeze` (default) keeps them,
    /// `revert` returns them to the revision before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_policy: Option<String>,
    /// When new pods may be asked for beside pods that are being deleted: `TerminationStarted` (default), or
    /// `TerminationComplete`, once none is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_replacement_policy: Option<String>,
    /// Order of the controller: the flow that takes over from this one, which is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
}

/// What a rollback returns to. Without it: the flow's own template, or the last good revision before the
/// current one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RollbackTarget {
    /// A revision of the workload: the full name, or its hash alone.
    pub revision: String,
}

/// How a restart or a change of size goes. Every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct NonUpdateStrategy {
    /// Order: stop the flow's own steps until it is false again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// Order: stop for good and close cleanly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canceled: Option<bool>,
    /// Order: how often a pause by failure was lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<i32>,
    /// Pods per batch, or a percentage of the replicas such as "25%". Missing: one batch with everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<RawSize>,
    /// Seconds between a finished batch and the next one in mode auto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_interval_seconds: Option<i32>,
    /// `auto` or `manual` (default): who lets the flow go on from batch to batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Order: go as far as this batch (default 1) where a person is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<i32>,
    /// Order: go as far as this stage inside batch `batches`: Pending, Smoking, Smoked, Baking or Baked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Sizes of the batches, in order; the last one repeats. Instead of `batchSize`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_sizes: Option<Vec<RawSize>>,
    /// Seconds a stage may take before the flow pauses (default 600). Waiting for people, drains and
    /// `minReadySeconds` are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds that a pod may be kept from running without progress, by something that can heal, before it counts as
    /// failed (default 120).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_grace_seconds: Option<i32>,
    /// Seconds a pod keeps running after it was verified out of traffic (default 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<i32>,
    /// For restart: pods, or a percentage of the replicas, that may be missing: old pods leave before new ones
    /// start. Missing: new pods come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<RawSize>,
    /// Pods of a batch, or a percentage of it, that may fail (default 0): the batch goes on without them and
    /// they are tried again in a later one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<RawSize>,
    /// What happens when more pods fail or a stage takes too long: `pause` (default) or `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// When new pods may be asked for beside pods that are being deleted: `TerminationStarted` (default), or
    /// `TerminationComplete`, once none is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_replacement_policy: Option<String>,
    /// Order of the controller: the flow that takes over from this one, which is cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_by: Option<String>,
    /// Names of pods to remove first, for scale_in, or of the only ones to restart, for restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods_to_delete: Option<Vec<String>>,
}

impl UpdateStrategy {
    /// Writes orders as people write them: the other direction of [`Draft::parse`](super::Draft::parse). Numbers
    /// that have no place in a field become the largest that has.
    pub fn write(&mut self, orders: &Orders) {
        let signed = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        self.paused = Some(orders.paused);
        self.superseded_by = orders.superseded.as_ref().map(ToString::to_string);
        self.canceled = Some(orders.canceled);
        self.resumes = Some(signed(orders.resumes));
        self.batches = Some(signed(orders.target.batch));
        self.stage = Some(String::from(orders.target.phase.as_str()));
        self.batch_interval_seconds = Some(signed(orders.interval.0));
        self.progress_deadline_seconds = Some(signed(orders.deadline.0));
        self.failure_grace_seconds = Some(signed(orders.grace.0));
        let mut sizes = orders.sizes.0.iter().copied().map(RawSize::from);
        (self.batch_size, self.batch_sizes) = match orders.sizes.0.len() {
            0 => (None, None),
            1 => (sizes.next(), None),
            _ => (None, Some(sizes.collect())),
        };
    }
}

impl From<NonUpdateStrategy> for UpdateStrategy {
    /// The fields that both have.
    fn from(strategy: NonUpdateStrategy) -> Self {
        let NonUpdateStrategy {
            paused,
            canceled,
            resumes,
            batch_size,
            batch_sizes,
            batch_interval_seconds,
            mode,
            batches,
            stage,
            progress_deadline_seconds,
            failure_grace_seconds,
            drain_seconds,
            max_unavailable,
            failure_threshold,
            on_failure,
            pod_replacement_policy,
            superseded_by,
            pods_to_delete: _,
        } = strategy;
        Self {
            paused,
            canceled,
            resumes,
            batch_size,
            batch_sizes,
            batch_interval_seconds,
            mode,
            batches,
            stage,
            progress_deadline_seconds,
            failure_grace_seconds,
            drain_seconds,
            max_unavailable,
            failure_threshold,
            on_failure,
            pod_replacement_policy,
            superseded_by,
            ..Self::default()
        }
    }
}

impl NonUpdateStrategy {
    /// Takes the standing orders over from the other kind of strategy, which has fields for all of them.
    pub fn take_orders(&mut self, from: &UpdateStrategy) {
        self.paused = from.paused;
        self.canceled = from.canceled;
        self.resumes = from.resumes;
        self.batch_size.clone_from(&from.batch_size);
        self.batch_sizes.clone_from(&from.batch_sizes);
        self.batch_interval_seconds = from.batch_interval_seconds;
        self.batches = from.batches;
        self.stage.clone_from(&from.stage);
        self.progress_deadline_seconds = from.progress_deadline_seconds;
        self.failure_grace_seconds = from.failure_grace_seconds;
        self.superseded_by.clone_from(&from.superseded_by);
    }
}
