//! [`Progress`] as a flat object, and the two conversions.

use alloc::collections::BTreeSet;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use super::CorruptRecord;
use super::parts::{BringsRecord, FailureRecord, HoldRecord, StageRecord};
use crate::model::base::{Base, Brings, Plan};
use crate::model::count::MAX_REPLICAS;
use crate::model::kind::Kind;
use crate::model::name::{FlowId, Revision, WorkloadUid};
use crate::model::progress::{FlowPhase, Progress, Step, Verdict};
use crate::model::time::{Seconds, Timestamp};

/// [`Progress`] as a flat object. A field is present exactly when its step has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProgressRecord {
    /// Which step.
    pub step: Step,
    /// What its batches do to pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// The earlier revision that the flow returns to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Revision>,
    /// What becomes of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brings: Option<BringsRecord>,
    /// The workload takes no surge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_place: Option<bool>,
    /// Pods that were out of service before pods were added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degraded: Option<u32>,
    /// The flow returns what it had changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<bool>,
    /// Size of the workload when the flow started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u32>,
    /// Size to reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u32>,
    /// Partition of the workload when the flow started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    /// Revision that served when the flow started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Revision>,
    /// Revision of the template that the flow brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought: Option<Revision>,
    /// The generation of the workload at which the flow followed a size that others gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<u64>,
    /// Identity of the workload, once batches begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadUid>,
    /// How often flows had taken the lock of the workload when this one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<u64>,
    /// What the flow gives back at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<String>,
    /// Revisions of the pods when the flow started, and of the template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions: Option<BTreeSet<Revision>>,
    /// Pods that needed no work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<u32>,
    /// Pods of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work: Option<u32>,
    /// Pods of work done in earlier batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u32>,
    /// The current batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<StageRecord>,
    /// Since when the world is compared with the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Seconds of it that count against the deadline, as of this save.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Seconds>,
    /// The hold by failure while comparing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<HoldRecord>,
    /// The generation of the workload at which the first edit by others was seen while comparing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<u64>,
    /// How the flow ended, or will have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<FlowPhase>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureRecord>,
    /// The flow that replaced it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aborted_by: Option<FlowId>,
    /// A flow of the same name and spec carried the order out before; whether the workload still has what it brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub already: Option<bool>,
    /// Pods of work that a cancelled flow keeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
    /// Fewest pods in traffic while closing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<u32>,
    /// Pods that are not kept are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shed: Option<bool>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl ProgressRecord {
    fn bare(step: Step) -> Self {
        Self {
            step,
            kind: None,
            target: None,
            brings: None,
            in_place: None,
            degraded: None,
            turned: None,
            from: None,
            to: None,
            partition: None,
            previous: None,
            brought: None,
            followed: None,
            workload: None,
            turn: None,
            settings: None,
            revisions: None,
            fresh: None,
            work: None,
            done: None,
            batch: None,
            since: None,
            counted: None,
            hold: None,
            edited: None,
            verdict: None,
            failure: None,
            aborted_by: None,
            already: None,
            keep: None,
            floor: None,
            shed: None,
            at: None,
        }
    }

    fn base(self, base: &Base) -> Self {
        let (brings, target) = match &base.brings {
            Brings::Flow => (BringsRecord::Flow, None),
            Brings::Revision(revision) => (BringsRecord::Revision, Some(revision.clone())),
            Brings::Nothing => (BringsRecord::Nothing, None),
        };
        Self {
            kind: Some(base.kind),
            target,
            brings: Some(brings),
            in_place: Some(base.in_place),
            degraded: Some(base.degraded),
            turned: Some(base.turned),
            from: Some(base.from),
            to: Some(base.to),
            partition: Some(base.partition),
            previous: base.previous.clone(),
            brought: base.brought.clone(),
            followed: base.followed,
            workload: base.workload.clone(),
            turn: base.turn,
            settings: base.settings.clone(),
            revisions: base.revisions.clone(),
            ..self
        }
    }

    fn plan(self, plan: &Plan) -> Self {
        Self { fresh: Some(plan.fresh), work: Some(plan.work), ..self.base(&plan.base) }
    }

    fn verdict(self, verdict: &Verdict) -> Self {
        let (phase, failure, aborted_by) = match verdict {
            Verdict::Succeeded => (FlowPhase::Success, None, None),
            Verdict::Failed(failure) => (FlowPhase::Failed, Some(failure.into()), None),
            Verdict::Canceled => (FlowPhase::Canceled, None, None),
            Verdict::Aborted { by } => (FlowPhase::Aborted, None, Some(by.clone())),
            // Without the field that says why, it is one that cannot be read.
            Verdict::AlreadyCarriedOut { .. } => (FlowPhase::Aborted, None, None),
        };
        let already = match verdict {
            Verdict::AlreadyCarriedOut { stands } => Some(*stands),
            Verdict::Succeeded | Verdict::Failed(_) | Verdict::Canceled | Verdict::Aborted { .. } => None,
        };
        Self { verdict: Some(phase), failure, aborted_by, already, ..self }
    }

    fn read_base(&self) -> Result<Base, CorruptRecord> {
        let base = Base {
            kind: self.kind.ok_or(CorruptRecord::Progress("kind is missing"))?,
            brings: match self.brings.ok_or(CorruptRecord::Progress("brings is missing"))? {
                BringsRecord::Flow => Brings::Flow,
                BringsRecord::Nothing => Brings::Nothing,
                BringsRecord::Revision => {
                    Brings::Revision(self.target.clone().ok_or(CorruptRecord::Progress("target is missing"))?)
                }
            },
            in_place: self.in_place.ok_or(CorruptRecord::Progress("inPlace is missing"))?,
            degraded: self.degraded.ok_or(CorruptRecord::Progress("degraded is missing"))?,
            turned: self.turned.ok_or(CorruptRecord::Progress("turned is missing"))?,
            from: self.from.ok_or(CorruptRecord::Progress("from is missing"))?,
            to: self.to.ok_or(CorruptRecord::Progress("to is missing"))?,
            partition: self.partition.ok_or(CorruptRecord::Progress("partition is missing"))?,
            previous: self.previous.clone(),
            brought: self.brought.clone(),
            followed: self.followed,
            workload: self.workload.clone(),
            turn: self.turn,
            settings: self.settings.clone(),
            revisions: self.revisions.clone(),
        };
        let sane = |n: u32| n <= MAX_REPLICAS;
        if sane(base.from) && sane(base.to) {
            Ok(base)
        } else {
            Err(CorruptRecord::Progress("size is over 10000"))
        }
    }

    fn read_plan(&self) -> Result<Plan, CorruptRecord> {
        let base = self.read_base()?;
        let fresh = self.fresh.ok_or(CorruptRecord::Progress("fresh is missing"))?;
        let work = self.work.ok_or(CorruptRecord::Progress("work is missing"))?;
        if fresh > base.from.max(base.to) || work > base.from.saturating_add(base.to) {
            return Err(CorruptRecord::Progress("work does not fit the sizes"));
        }
        Ok(Plan { base, fresh, work })
    }

    fn read_verdict(&self) -> Result<Verdict, CorruptRecord> {
        match self.verdict.ok_or(CorruptRecord::Progress("verdict is missing"))? {
            FlowPhase::Success => Ok(Verdict::Succeeded),
            FlowPhase::Canceled => Ok(Verdict::Canceled),
            FlowPhase::Failed => {
                let failure = self.failure.as_ref().ok_or(CorruptRecord::Progress("failure is missing"))?;
                Ok(Verdict::Failed(failure.try_into()?))
            }
            FlowPhase::Aborted => {
                if let Some(stands) = self.already {
                    return Ok(Verdict::AlreadyCarriedOut { stands });
                }
                let by = self.aborted_by.clone().ok_or(CorruptRecord::Progress("abortedBy is missing"))?;
                Ok(Verdict::Aborted { by })
            }
            FlowPhase::Pending
            | FlowPhase::Initializing
            | FlowPhase::BatchStarted
            | FlowPhase::BatchFinished => Err(CorruptRecord::Progress("verdict is not final")),
        }
    }
}

impl From<&Progress> for ProgressRecord {
    fn from(progress: &Progress) -> Self {
        match progress {
            Progress::Pending => Self::bare(Step::Pending),
            Progress::Preparing { base } => Self::bare(Step::Preparing).base(base),
            Progress::Rolling { plan, done, batch } => {
                Self { done: Some(*done), batch: Some(batch.into()), ..Self::bare(Step::Rolling).plan(plan) }
            }
            Progress::Verifying { plan, since, counted, hold, edited } => Self {
                since: Some(*since),
                counted: Some(*counted),
                hold: hold.map(Into::into),
                edited: *edited,
                ..Self::bare(Step::Verifying).plan(plan)
            },
            Progress::Closing { plan, verdict, keep, floor, shed } => Self {
                keep: Some(*keep),
                floor: Some(*floor),
                shed: Some(*shed),
                ..Self::bare(Step::Closing).plan(plan).verdict(verdict)
            },
            Progress::Finished { verdict, at } => {
                Self { at: Some(*at), ..Self::bare(Step::Finished).verdict(verdict) }
            }
        }
    }
}

impl TryFrom<&ProgressRecord> for Progress {
    type Error = CorruptRecord;

    fn try_from(record: &ProgressRecord) -> Result<Self, CorruptRecord> {
        Ok(match record.step {
            Step::Pending => Self::Pending,
            Step::Preparing => Self::Preparing { base: record.read_base()? },
            Step::Rolling => {
                let plan = record.read_plan()?;
                let done = record.done.ok_or(CorruptRecord::Progress("done is missing"))?;
                let batch = record.batch.as_ref().ok_or(CorruptRecord::Progress("batch is missing"))?;
                if done.checked_add(batch.size).is_none_or(|end| end > plan.work) || batch.number == 0 {
                    return Err(CorruptRecord::Progress("batch does not fit the work"));
                }
                Self::Rolling { plan, done, batch: batch.into() }
            }
            Step::Verifying => Self::Verifying {
                plan: record.read_plan()?,
                since: record.since.ok_or(CorruptRecord::Progress("since is missing"))?,
                counted: record.counted.unwrap_or_default(),
                hold: record.hold.map(Into::into),
                edited: record.edited,
            },
            Step::Closing => {
                let plan = record.read_plan()?;
                let keep = record.keep.ok_or(CorruptRecord::Progress("keep is missing"))?;
                if keep > plan.work {
                    return Err(CorruptRecord::Progress("keep does not fit the work"));
                }
                Self::Closing {
                    plan,
                    verdict: record.read_verdict()?,
                    keep,
                    floor: record.floor.ok_or(CorruptRecord::Progress("floor is missing"))?,
                    shed: record.shed.ok_or(CorruptRecord::Progress("shed is missing"))?,
                }
            }
            Step::Finished => Self::Finished {
                verdict: record.read_verdict()?,
                at: record.at.ok_or(CorruptRecord::Progress("at is missing"))?,
            },
        })
    }
}
