//! Parts of a [`ProgressRecord`](super::ProgressRecord), and their conversions.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::CorruptRecord;
use crate::model::failure::Failure;
use crate::model::progress::{Batch, Hold, HoldReason, Stage};
use crate::model::text::{TextFor, shorten};
use crate::model::time::{Seconds, Timestamp};

/// What becomes of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum BringsRecord {
    /// The flow's own comes in its place.
    Flow,
    /// That of revision `target` comes back.
    Revision,
    /// Nothing.
    Nothing,
}

/// [`Batch`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StageRecord {
    /// From 1.
    pub number: u32,
    /// Pods of work in it.
    pub size: u32,
    /// Whether it is the canary batch.
    pub canary: bool,
    /// Its stage.
    pub stage: Stage,
    /// When the stage began, or was resumed.
    pub since: Timestamp,
    /// Seconds of it that count against the deadline, as of this save.
    #[serde(default)]
    pub counted: Seconds,
    /// Pods in traffic when the batch started.
    pub serving: u32,
    /// The hold by failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldRecord>,
    /// Failed pods have until the deadline to recover.
    #[serde(default)]
    pub forgiven: bool,
    /// Only a person is waited for.
    #[serde(default)]
    pub met: bool,
    /// The generation of the workload at which the first edit by others in this stage was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<u64>,
}

/// [`Hold`] on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HoldRecord {
    /// What happened.
    pub reason: HoldReason,
    /// `resumes` of the orders when the hold was placed.
    pub resumes: u32,
}

/// [`Failure`] on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailureRecord {
    /// One CamelCase word.
    pub reason: String,
    /// What the word alone does not say.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

impl From<&Batch> for StageRecord {
    fn from(batch: &Batch) -> Self {
        let Batch { number, size, canary, stage, since, counted, serving, hold, forgiven, met, edited } =
            *batch;
        Self {
            number,
            size,
            canary,
            stage,
            since,
            counted,
            serving,
            hold: hold.map(Into::into),
            forgiven,
            met,
            edited,
        }
    }
}

impl From<&StageRecord> for Batch {
    fn from(record: &StageRecord) -> Self {
        let StageRecord { number, size, canary, stage, since, counted, serving, hold, forgiven, met, edited } =
            *record;
        Self {
            number,
            size,
            canary,
            stage,
            since,
            counted,
            serving,
            hold: hold.map(Into::into),
            forgiven,
            met,
            edited,
        }
    }
}

impl From<Hold> for HoldRecord {
    fn from(Hold { reason, resumes }: Hold) -> Self {
        Self { reason, resumes }
    }
}

impl From<HoldRecord> for Hold {
    fn from(HoldRecord { reason, resumes }: HoldRecord) -> Self {
        Self { reason, resumes }
    }
}

impl From<&Failure> for FailureRecord {
    fn from(failure: &Failure) -> Self {
        let detail = match failure {
            Failure::WorkloadExists
            | Failure::WorkloadMissing
            | Failure::WorkloadDeleted
            | Failure::Abandoned
            | Failure::StatusLost
            | Failure::LockLost => String::new(),
            Failure::WorkloadOwned { owner } => owner.clone(),
            Failure::Unsupported { what }
            | Failure::WrongSize { what }
            | Failure::WrongPods { what }
            | Failure::NoRevision { what }
            | Failure::Refused { what } => what.clone(),
            Failure::InvalidSpec { fault } => fault.clone(),
        };
        Self { reason: failure.reason().into(), detail: shorten(&detail, TextFor::Status) }
    }
}

impl TryFrom<&FailureRecord> for Failure {
    type Error = CorruptRecord;

    fn try_from(record: &FailureRecord) -> Result<Self, CorruptRecord> {
        let detail = record.detail.clone();
        Ok(match record.reason.as_str() {
            "WorkloadExists" => Self::WorkloadExists,
            "WorkloadMissing" => Self::WorkloadMissing,
            "WorkloadDeleted" => Self::WorkloadDeleted,
            "LockLost" => Self::LockLost,
            "Abandoned" => Self::Abandoned,
            "StatusLost" => Self::StatusLost,
            "WorkloadOwned" => Self::WorkloadOwned { owner: detail },
            "Unsupported" => Self::Unsupported { what: detail },
            "WrongSize" => Self::WrongSize { what: detail },
            "WrongPods" => Self::WrongPods { what: detail },
            "NoRevision" => Self::NoRevision { what: detail },
            "Refused" => Self::Refused { what: detail },
            "InvalidSpec" => Self::InvalidSpec { fault: detail },
            _ => return Err(CorruptRecord::Progress("failure.reason is unknown")),
        })
    }
}
