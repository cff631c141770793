//! The flat, serialisable snapshot of a flow's progress and report, with the phase names of v1alpha1.
//! The status of the custom resource, REST's JSON and protobuf are skins over it.

mod parts;
mod progress;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::name::Revision;
use super::progress::{FlowPhase, Progress};
use super::report::{BatchReport, Counts, Report, WaitingReport};
use super::time::Timestamp;

pub use parts::{BringsRecord, FailureRecord, HoldRecord, StageRecord};
pub use progress::ProgressRecord;

/// The status of a flow: how far it is and what people are shown. Less than 32 KiB of JSON for every flow:
/// 8 KiB for batches, 8 KiB for pods, 8 KiB for the rest, and 8 KiB that are free.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Record {
    /// Active pods of the workload.
    pub replicas: u32,
    /// The size that the flow leads to, before it has begun: without what a flow that it waits for asks for beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_replicas: Option<u32>,
    /// Pods of work in all batches.
    pub replicas_to_process: u32,
    /// Pods in traffic.
    pub available_replicas: u32,
    /// Active pods that are as the flow wants them.
    pub updated_replicas: u32,
    /// Of those, pods in traffic.
    pub updated_ready_replicas: u32,
    /// Full name of the revision that the flow brings about.
    pub update_revision: Option<Revision>,
    /// The batches that have started, in order: the first and the newest, as many as there is room for.
    /// `batches` and `finishedBatches` count all.
    pub conditions: Vec<BatchReport>,
    /// Names of the new pods that are listed.
    pub pods: Vec<String>,
    /// Whether the flow takes no steps: by order or by failure.
    pub paused: bool,
    /// How far the flow is.
    pub phase: FlowPhase,
    /// Whether it has ended.
    pub finished: bool,
    /// Batches in all, as planned now.
    pub batches: u32,
    /// Batches that are finished.
    pub finished_batches: u32,
    /// Pods of work in finished batches.
    pub finished_replicas: u32,
    /// Pods that fail now.
    pub failed_replicas: u32,
    /// When the flow left `Pending`.
    pub started_at: Option<Timestamp>,
    /// When the status was last written.
    pub updated_at: Option<Timestamp>,
    /// When the flow ended.
    pub finished_at: Option<Timestamp>,
    /// Why the flow is where it is: one CamelCase word.
    pub reason: String,
    /// The same as a sentence.
    pub message: String,
    /// What the flow waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<WaitingReport>,
    /// Why the flow stopped by itself, as `onFailure` says, and which pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Exactly where the flow is; what the controller resumes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<ProgressRecord>,
}

/// A stored record that is not one this engine writes. The flow holds; nothing is guessed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CorruptRecord {
    /// Its progress contradicts itself, or lacks something.
    #[error("status.progress: {0}")]
    Progress(&'static str),
    /// A field has a value that the engine never writes: which field, and what is wrong with it.
    #[error("{0}")]
    Field(String),
}

impl Record {
    /// The snapshot of a progress and its report, which is [made to fit](Report::fit).
    #[must_use]
    pub fn new(progress: &Progress, report: &Report) -> Self {
        let mut report = report.clone();
        report.fit();
        let counts = report.counts;
        let pods = report.batches.iter().flat_map(|batch| &batch.pods).map(|pod| pod.name.clone().into());
        Self {
            replicas: counts.replicas,
            wanted_replicas: counts.wanted,
            replicas_to_process: counts.to_process,
            available_replicas: counts.available,
            updated_replicas: counts.updated,
            updated_ready_replicas: counts.updated_ready,
            update_revision: report.update_revision.clone(),
            pods: pods.collect(),
            conditions: report.batches.clone(),
            paused: report.paused,
            phase: FlowPhase::from(progress),
            finished: progress.is_finished(),
            batches: counts.batches,
            finished_batches: counts.finished_batches,
            finished_replicas: counts.finished_replicas,
            failed_replicas: counts.failed,
            started_at: report.started_at,
            updated_at: report.updated_at,
            finished_at: report.finished_at,
            reason: report.reason.clone(),
            message: report.message.clone(),
            waiting: report.waiting.clone(),
            cause: report.cause.clone(),
            progress: Some(progress.into()),
        }
    }

    /// How far it says that its flow is, where it cannot be read. It has ended only where nothing contradicts that: the
    /// original wrote no `progress`.
    #[must_use]
    pub fn told_phase(&self) -> FlowPhase {
        if !self.phase.is_final() {
            return self.phase;
        }
        match self.progress.as_ref().map(Progress::try_from) {
            None if self.finished => self.phase,
            Some(Ok(progress)) if !progress.is_finished() => FlowPhase::from(&progress),
            None | Some(_) => FlowPhase::default(),
        }
    }

    /// The report in it.
    #[must_use]
    pub fn report(&self) -> Report {
        Report {
            counts: Counts {
                replicas: self.replicas,
                wanted: self.wanted_replicas,
                to_process: self.replicas_to_process,
                available: self.available_replicas,
                updated: self.updated_replicas,
                updated_ready: self.updated_ready_replicas,
                failed: self.failed_replicas,
                batches: self.batches,
                finished_batches: self.finished_batches,
                finished_replicas: self.finished_replicas,
            },
            update_revision: self.update_revision.clone(),
            batches: self.conditions.clone(),
            paused: self.paused,
            reason: self.reason.clone(),
            message: self.message.clone(),
            waiting: self.waiting.clone(),
            cause: self.cause.clone(),
            started_at: self.started_at,
            updated_at: self.updated_at,
            finished_at: self.finished_at,
        }
    }
}

impl TryFrom<&Record> for Progress {
    type Error = CorruptRecord;

    /// Reads the progress back. A record without `progress` is a new flow, unless its phase says that
    /// something was done, or that it ended: then it is corrupt, because a step that was taken must
    /// not be taken again.
    fn try_from(record: &Record) -> Result<Self, CorruptRecord> {
        let Some(progress) = &record.progress else {
            return match record.phase {
                FlowPhase::Pending if !record.finished => Ok(Self::Pending),
                _ => Err(CorruptRecord::Progress("is missing although the flow has started")),
            };
        };
        let progress = Self::try_from(progress)?;
        if FlowPhase::from(&progress) == record.phase && progress.is_finished() == record.finished {
            Ok(progress)
        } else {
            Err(CorruptRecord::Progress("contradicts status.phase"))
        }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
