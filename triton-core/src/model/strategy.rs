//! The strategies as people write them: wire-exact, unchecked. See [`Draft`](super::Draft) for the check.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::count::RawSize;

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
    /// Seconds a stage may take before the flow pauses (default 600), waiting for people not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Seconds a pod keeps running after it was verified out of traffic (default 10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_seconds: Option<i32>,
    /// Not carried out by this version: leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<RawSize>,
    /// Not carried out by this version: leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_threshold: Option<RawSize>,
    /// `pause` (default); `cancel` and `rollback` are not carried out by this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<String>,
    /// `freeze` (default); `revert` is not carried out by this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_policy: Option<String>,
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
    /// Names of pods to remove or restart first; for scale_in and restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pods_to_delete: Option<Vec<String>>,
}
