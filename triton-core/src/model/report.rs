//! What people are shown of a flow. No decision reads it.

mod fit;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::name::{PodName, Revision};
use super::orders::BatchPhase;
use super::progress::Batch;
use super::time::Timestamp;
use super::workload_pod::PodPhase;

/// Whether a pod was pulled into traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PullIn {
    /// Not yet.
    #[default]
    #[serde(rename = "")]
    None,
    /// The registry shows it.
    PullInSucceeded,
    /// It did not get in before the deadline.
    PullInFailed,
}

impl PullIn {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::PullInSucceeded => "PullInSucceeded",
            Self::PullInFailed => "PullInFailed",
        }
    }
}

/// A pod of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PodReport {
    /// Name of the pod.
    pub name: PodName,
    /// IP address; empty while it has none.
    #[serde(default)]
    pub ip: String,
    /// First container port that has no name or is named `app-port`; 0 when there is none.
    #[serde(default)]
    pub port: u16,
    /// How far the pod is.
    #[serde(default)]
    pub phase: PodPhase,
    /// Whether it was pulled into traffic.
    #[serde(default)]
    pub pull_in_status: PullIn,
    /// It was made without the readiness gate: it takes traffic as soon as it is ready, asked or not.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub ungated: bool,
    /// What keeps it from running, in one word; empty where nothing is known to.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The same with container, the kubelet's or the scheduler's own words, exit code and restarts.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl PodReport {
    /// Whether the registry shows it in traffic.
    #[must_use]
    pub fn is_in(&self) -> bool {
        self.phase == PodPhase::Ready
    }
}

/// A batch that has started.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct BatchReport {
    /// Number of the batch, from 1.
    pub batch: u32,
    /// Pods of work in it.
    pub batch_size: u32,
    /// Whether it is the canary batch.
    #[serde(default)]
    pub canary: bool,
    /// How far it is.
    #[serde(default)]
    pub phase: BatchPhase,
    /// Pods of it that fail now.
    #[serde(default)]
    pub failed_replicas: u32,
    /// New pods of it, as many as there is room for: those that failed, and the newest.
    #[serde(default)]
    pub pods: Vec<PodReport>,
    /// How many new pods it has, listed or not.
    #[serde(default)]
    pub pods_total: u32,
    /// How many of them are in traffic, listed or not.
    #[serde(default)]
    pub pods_in_traffic: u32,
    /// When it started.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When all its pods were verified in traffic.
    #[serde(default)]
    pub pulled_in_at: Option<Timestamp>,
    /// When it was finished.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
}

impl BatchReport {
    /// A batch that has just started, of which no pod is known.
    #[must_use]
    pub fn new(batch: &Batch, now: Timestamp) -> Self {
        Self {
            batch: batch.number,
            batch_size: batch.size,
            canary: batch.canary,
            phase: batch.phase(),
            failed_replicas: 0,
            pods: Vec::new(),
            pods_total: 0,
            pods_in_traffic: 0,
            started_at: Some(now),
            pulled_in_at: None,
            finished_at: None,
        }
    }

    /// New pods of it that are not listed.
    #[must_use]
    pub fn hidden(&self) -> usize {
        usize::try_from(self.pods_total).unwrap_or(usize::MAX).saturating_sub(self.pods.len())
    }
}

/// Numbers of a flow as last observed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Active pods of the workload.
    pub replicas: u32,
    /// The size that the flow leads to, before it has a plan; `None` from then on, and before the first look.
    pub wanted: Option<u32>,
    /// Pods of work in all batches.
    pub to_process: u32,
    /// Pods in traffic.
    pub available: u32,
    /// Active pods that are as the flow wants them.
    pub updated: u32,
    /// Of those, pods in traffic.
    pub updated_ready: u32,
    /// Pods that fail now.
    pub failed: u32,
    /// Batches in all, as planned now.
    pub batches: u32,
    /// Batches that are finished.
    pub finished_batches: u32,
    /// Pods of work in finished batches.
    pub finished_replicas: u32,
}

/// What a flow waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WaitingReport {
    /// One CamelCase word.
    pub reason: String,
    /// Who or what must do something.
    pub message: String,
    /// Since when it waits for this.
    pub since: Timestamp,
    /// When the controller looks again at the latest.
    pub until: Timestamp,
}

/// Everything that people are shown of a flow besides its progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Report {
    /// Numbers.
    pub counts: Counts,
    /// Revision that the flow brings about; full name.
    pub update_revision: Option<Revision>,
    /// The batches that have started, in order: the first and the newest, as many as there is room for.
    pub batches: Vec<BatchReport>,
    /// Whether the flow takes no steps: by order or by failure.
    pub paused: bool,
    /// Why the flow is where it is: one CamelCase word.
    pub reason: String,
    /// The same as a sentence.
    pub message: String,
    /// What it waits for; `None` when it has ended.
    pub waiting: Option<WaitingReport>,
    /// Why the flow stopped by itself, and which pods; `None` where it did not.
    pub cause: Option<String>,
    /// When the flow left `Pending`.
    pub started_at: Option<Timestamp>,
    /// When this was last written.
    pub updated_at: Option<Timestamp>,
    /// When the flow ended.
    pub finished_at: Option<Timestamp>,
}
