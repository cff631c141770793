//! The nouns: plain data, no decisions.

mod base;
mod begun;
mod carried;
mod change;
mod count;
mod draft;
mod edit;
mod failure;
mod fault;
#[cfg(test)]
mod fixtures;
mod flow;
mod hash;
mod kind;
mod lock;
mod name;
mod observation;
mod orders;
mod peer;
mod pod_failure;
mod pods;
mod position;
mod progress;
mod read;
mod record;
mod report;
mod selector;
mod shape;
mod silence;
mod spec;
mod strategy;
mod text;
mod time;
mod trouble;
mod unused;
mod workload_pod;

pub use base::{Base, Brings, Plan};
pub use begun::BegunWith;
pub use carried::{Carried, CarriedOut};
pub use change::{PodChange, TrafficChange, WorkloadChange};
pub use count::{BatchSize, MAX_BATCHES, MAX_NAMED, MAX_REPLICAS, RawSize, Sizes};
pub use draft::Draft;
pub use edit::{Edits, Field, FieldEdit, Wrote};
pub use failure::Failure;
pub use fault::{Fault, Faults};
pub use flow::Flow;
pub use hash::{SpecHash, hash_of};
pub use kind::Kind;
pub use lock::{Holder, LastHolder, Left, Lock};
pub use name::{
    FlowId, FlowName, FlowUid, InstanceId, InstanceName, MAX_CREATED, MAX_LABEL, NameError, Namespace,
    PodName, PodUid, Revision, Version, WorkloadUid,
};
pub use observation::{
    Exchange, Observation, Obstacle, PodTraffic, RevisionLabel, Succession, Traffic, TrafficView,
    WorkloadView,
};
pub use orders::{
    BatchPhase, Command, DEFAULT_DEADLINE, DEFAULT_DRAIN, DEFAULT_GRACE, Edit, Orders, SUPERSEDED_ALONE,
    Target,
};
pub use peer::{Peer, Place};
pub use pod_failure::{FailureClass, Heals, Lasts, PodFailure, Steps};
pub use pods::{Facts, PodRef, Pods, PodsAsSeen};
pub use position::Position;
pub use progress::{Batch, FlowPhase, Hold, HoldReason, Progress, Stage, Step, Verdict};
pub use read::{read, read_each};
pub use record::{
    BringsRecord, CorruptRecord, FailureRecord, HoldRecord, ProgressRecord, Record, StageRecord,
};
pub use report::{BatchReport, Counts, PodReport, PullIn, Report, WaitingReport};
pub use selector::mismatch as selector_mismatch;
pub use shape::{Shape, TemplateRef};
pub use silence::Silence;
pub use spec::{
    Action, CancelPolicy, Identity, Mode, OnFailure, PodReplacementPolicy, Spec, Template, Tolerance,
};
pub use strategy::{NonUpdateStrategy, RollbackTarget, UpdateStrategy};
pub use text::{ANSWER_TEXT, LISTED, POD_TEXT, STATUS_TEXT, TextFor, shorten};
pub use time::{Seconds, TimeError, Timestamp};
pub use trouble::Trouble;
pub use workload_pod::{EndedPod, PodPhase, WorkloadPod};
