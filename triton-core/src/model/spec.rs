//! What was declared when a flow was made.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::count::BatchSize;
use super::name::{InstanceName, PodName, Revision};
use super::time::Seconds;

/// What a flow does to its workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make the workload and start its pods.
    Create,
    /// Replace its pods by pods of a new template.
    Update,
    /// Return to an earlier template.
    Rollback,
    /// Replace all or listed pods by pods of the same template.
    Restart,
    /// Change the size, whichever way.
    Scale,
    /// Remove pods.
    ScaleIn,
    /// Add pods.
    ScaleOut,
    /// Bring a stopped workload back.
    Start,
    /// Go to zero pods and keep the workload.
    Stop,
    /// Remove every pod and then the workload.
    Delete,
}

impl Action {
    /// Every action, in the order of their names on the wire.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Update,
        Self::Rollback,
        Self::Restart,
        Self::Scale,
        Self::ScaleIn,
        Self::ScaleOut,
        Self::Start,
        Self::Stop,
        Self::Delete,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Rollback => "rollback",
            Self::Restart => "restart",
            Self::Scale => "scale",
            Self::ScaleIn => "scale_in",
            Self::ScaleOut => "scale_out",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Delete => "delete",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// Whether a flow of this action must say how many pods there are to be.
    #[must_use]
    pub const fn needs_replicas(self) -> bool {
        matches!(self, Self::Create | Self::Scale | Self::ScaleIn | Self::ScaleOut)
    }

    /// Whether a flow of this action may have a workload that another flow left in the middle of its batches:
    /// nothing that was left stays, or every pod goes.
    #[must_use]
    pub const fn takes_over(self) -> bool {
        matches!(self, Self::Update | Self::Rollback | Self::Stop | Self::Delete)
    }

    /// Whether this action takes an `updateStrategy` (the others take a `nonUpdateStrategy`).
    #[must_use]
    pub const fn is_update(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Rollback)
    }

    /// Whether this action puts other pods in the places of those that are there.
    #[must_use]
    pub const fn exchanges(self) -> bool {
        matches!(self, Self::Update | Self::Rollback | Self::Restart)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who lets a flow go from batch to batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The interval, once the canary batch was approved by a person.
    Auto,
    /// A person, after every batch.
    #[default]
    Manual,
}

impl Mode {
    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }
}

/// Whose pods these are; written as labels on the flow, the workload and the pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// Label `app`.
    pub app_id: i32,
    /// Label `group`.
    pub group_id: i32,
    /// Label `app.kubernetes.io/name`.
    pub app_name: String,
    /// Label `app.kubernetes.io/instance`, and the name of the workload.
    pub instance: InstanceName,
}

impl Identity {
    /// The five identity labels, in alphabetical order of their keys.
    #[must_use]
    pub fn labels(&self) -> [(&'static str, String); 5] {
        [
            ("app", self.app_id.to_string()),
            ("app.kubernetes.io/instance", self.instance.to_string()),
            ("app.kubernetes.io/name", self.app_name.clone()),
            ("group", self.group_id.to_string()),
            ("managed-by", "triton-io".into()),
        ]
    }
}

/// The description of the pods to run: a JSON document that only the workload backend understands.
/// Compared as text, with its keys in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Template(Arc<str>);

impl Template {
    /// Takes a JSON document.
    #[must_use]
    pub fn from_json(json: &serde_json::Value) -> Self {
        Self(Arc::from(json.to_string()))
    }

    /// The document as compact text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document; `null` only for a template that did not come from [`Template::from_json`].
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }

    /// Images of its containers, in order, with commas; empty where they cannot be read. For people.
    #[must_use]
    pub fn images(&self) -> String {
        #[derive(serde::Deserialize)]
        struct Pods {
            spec: Pod,
        }
        #[derive(serde::Deserialize)]
        struct Pod {
            containers: Vec<Container>,
        }
        #[derive(serde::Deserialize)]
        struct Container {
            #[serde(default)]
            image: String,
        }
        let read: Result<Pods, _> = serde_json::from_str(&self.0);
        let images = read.map(|pods| pods.spec.containers.into_iter().map(|container| container.image));
        images.map(|images| images.collect::<Vec<_>>().join(", ")).unwrap_or_default()
    }
}

/// The parts of a flow that never change after it was made. Parsed and checked: see
/// [`Draft`](super::Draft).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spec {
    /// What to do.
    pub action: Action,
    /// Whose pods.
    pub identity: Identity,
    /// Kind of workload, for the host to choose a backend; `cloneset` by default.
    pub workload_kind: String,
    /// Target replicas; `None` keeps the size that the workload has when the flow starts.
    pub replicas: Option<u32>,
    /// The pods to run; present for create and update, and a rollback may bring one.
    pub template: Option<Template>,
    /// Labels that pods of the workload are selected by, for create; the identity labels when empty.
    pub selector: Option<Template>,
    /// Labels to set on the workload besides the identity labels.
    pub labels: Vec<(String, String)>,
    /// Volume claims of the workload, for create; a JSON list.
    pub volume_claims: Option<Template>,
    /// Pods in the canary batch; 0 means there is none.
    pub canary: u32,
    /// Who lets the flow go on.
    pub mode: Mode,
    /// Pods take traffic as soon as they are ready; nothing is pulled in.
    pub no_pull_in: bool,
    /// How long a pod keeps running after it was verified out of traffic.
    pub drain: Seconds,
    /// Pods to remove first, or the only ones to restart.
    pub pods: Vec<PodName>,
    /// The revision that a rollback without a template returns to; the last good one before the current
    /// one when `None`.
    pub rollback_to: Option<Revision>,
    /// Pods that may be missing while batches exchange them: old pods leave before new ones start.
    pub max_unavailable: Option<BatchSize>,
    /// Pods of a batch that may fail without stopping the flow.
    pub tolerance: Tolerance,
    /// What becomes of the flow when more fail, or a stage takes too long.
    pub on_failure: OnFailure,
    /// What becomes of the new pods of finished batches when the flow is cancelled.
    pub cancel_policy: CancelPolicy,
    /// When new pods may be asked for beside pods that are being deleted.
    pub pod_replacement_policy: PodReplacementPolicy,
}

/// How many pods of a batch may fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tolerance {
    /// None.
    #[default]
    Nothing,
    /// So many, in pods or in percent of the batch, rounded down.
    UpTo(BatchSize),
}

impl Tolerance {
    /// In pods, of a batch of this size.
    #[must_use]
    pub const fn of(self, batch: u32) -> u32 {
        match self {
            Self::Nothing => 0,
            Self::UpTo(BatchSize::Pods(pods)) => pods,
            Self::UpTo(BatchSize::Percent(percent)) => batch.saturating_mul(percent) / 100,
        }
    }
}

/// What becomes of a flow when too many pods fail or a stage takes too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OnFailure {
    /// It holds until a person resumes or cancels it.
    #[default]
    Pause,
    /// It is cancelled.
    Cancel,
    /// It is cancelled and returns everything to the revision before.
    Rollback,
}

/// When new pods may be asked for beside pods that are being deleted. The names are those of the field of the same
/// name that Kubernetes plans for Deployments (KEP-5882, before that a part of KEP-3973).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PodReplacementPolicy {
    /// At once: both may be there at the same time.
    #[default]
    TerminationStarted,
    /// Once no pod of the workload is being deleted any more.
    TerminationComplete,
}

impl PodReplacementPolicy {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::TerminationStarted, Self::TerminationComplete];

    /// Whether pods that are being deleted have to be gone first.
    #[must_use]
    pub const fn waits(self) -> bool {
        matches!(self, Self::TerminationComplete)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TerminationStarted => "TerminationStarted",
            Self::TerminationComplete => "TerminationComplete",
        }
    }
}

/// What becomes of the new pods of finished batches when a flow is cancelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CancelPolicy {
    /// They stay.
    #[default]
    Freeze,
    /// They are returned to the revision before, in batches.
    Revert,
}
