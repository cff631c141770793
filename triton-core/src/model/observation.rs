//! What the world looks like: what the ports say, and the compact form that decisions read.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::carried::{Carried, CarriedOut};
use super::edit::Edits;
use super::failure::Failure;
use super::flow::Flow;
use super::lock::{LastHolder, Left, Lock};
use super::name::{FlowUid, PodUid, Revision, Version, WorkloadUid};
use super::peer::Place;
use super::pods::Pods;
use super::shape::Shape;
use super::silence::Silence;
use super::time::Seconds;
use super::trouble::Trouble;
use super::workload_pod::{EndedPod, WorkloadPod};

/// What the pods of a workload carry as the label of their revision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RevisionLabel {
    /// No pod tells.
    #[default]
    Unknown,
    /// The full name: that of the workload, and a hash.
    Name,
    /// The hash alone (OpenKruise: feature gate `CloneSetShortHash`).
    Hash,
}

/// Why a workload cannot be acted on at all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Obstacle {
    /// It is being deleted.
    Deleted,
    /// It belongs to another controller.
    Owned {
        /// Kind and name of the owner.
        owner: String,
    },
    /// It is of a sort that this version does not act on.
    Unsupported {
        /// What, and what to do instead.
        what: String,
    },
}

/// A workload and its pods, as its backend sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadView {
    /// Identity.
    pub uid: WorkloadUid,
    /// Token that guards writes to the workload.
    pub version: Version,
    /// The workload's controller has seen the latest spec **and** this view contains our own last write.
    pub settled: bool,
    /// Who holds the lock.
    pub lock: Lock,
    /// The flow that took the lock last, whether it has it still; `None` where that cannot be told.
    pub last: Option<LastHolder>,
    /// What the flow that looks gives back if it takes the lock now, as its backend writes it; asked before the first
    /// batch alone. `None` where the backend keeps that itself.
    pub settings: Option<String>,
    /// What a flow left behind that held it before, where nobody holds it or the flow that looks does.
    pub left: Option<Left>,
    /// The workload's controller is told to pause.
    pub paused: bool,
    /// Its numbers.
    pub shape: Shape,
    /// The revision that new pods get; `None` while the controller has not told it.
    pub revision: Option<Revision>,
    /// The revision of the pods that its controller starts in place of old ones; `None` where that is not known
    /// (OpenKruise: `status.currentRevision`).
    pub stable: Option<Revision>,
    /// What its newest pod carries as the label of its revision.
    pub label: RevisionLabel,
    /// Why it cannot be acted on.
    pub obstacle: Option<Obstacle>,
    /// What its controller said when it failed to make or delete pods; shown while pods are missing, and
    /// nothing is decided on it.
    pub trouble: Option<Trouble>,
    /// What else a person should know while the flow that looks holds it; shown with everything that the flow waits
    /// for, and nothing is decided on it.
    pub note: Option<String>,
    /// It updates pods in place where it can, and takes no surge.
    pub in_place: bool,
    /// How many of its pods its controller counts as available; `None` where it does not tell.
    pub available: Option<u32>,
    /// Something that its lock brings, and by which pods stay until a flow lets them go, is not there: others took it off
    /// (OpenKruise: lifecycle hooks).
    pub unhooked: bool,
    /// The size it had when a flow stopped it.
    pub remembered: Option<u32>,
    /// Revisions that flows brought successfully, newest first.
    pub good: Vec<Revision>,
    /// Orders that flows carried out on it.
    pub carried: CarriedOut,
    /// Fields of the spec of the flow that looks that only a `create` sets, and that it has in another way.
    pub differs: Vec<&'static str>,
    /// What others changed since the flow that looks wrote last.
    pub edits: Edits,
    /// Its active pods, in the order they were made.
    pub pods: Vec<WorkloadPod>,
    /// Pods that are being deleted.
    pub terminating: Vec<WorkloadPod>,
    /// Pods that have ended and are not being deleted, in the order they were made; shown while the flow waits for pods
    /// in their places, and nothing is decided on them.
    pub ended: Vec<EndedPod>,
    /// How long a pod has to be ready before the workload's controller counts it as available
    /// (OpenKruise: `minReadySeconds`).
    pub min_ready: Seconds,
}

/// Whether the registry, read back, shows a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Traffic {
    /// It does.
    In,
    /// It does not.
    Out {
        /// For how long that has been known for certain, on a clock that never jumps.
        lasts: Duration,
    },
    /// Unknown or on its way: neither in nor out.
    Moving,
}

/// What a registry knows of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PodTraffic {
    /// What was asked last: `Some(true)` in, `Some(false)` out or never asked, `None` when the registry
    /// cannot steer this pod (no readiness gate).
    pub asked: Option<bool>,
    /// What the registry shows.
    pub shown: Traffic,
}

/// What a registry knows; a pod that is not listed is `Moving`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficView {
    /// By pod.
    pub pods: BTreeMap<PodUid, PodTraffic>,
    /// Things about the registry that a person should know, one sentence each
    /// (for example a Service that publishes not-ready addresses).
    pub notes: Vec<String>,
    /// What becomes of the places of the registry in an exchange.
    pub succession: Succession,
}

/// What becomes of the places of a registry that have pods which are to be exchanged: one sentence each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Succession {
    /// Places that can have none of the pods that take their places, and nobody else's either. While there is one, no
    /// old pod leaves.
    pub lost: Vec<String>,
    /// Places of which that may be meant, or cannot be told: people are warned, and nothing is decided on it.
    pub at_risk: Vec<String>,
}

/// Pods of a workload that are to be exchanged, and those that took the places of such pods.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// The flow that exchanges them.
    pub flow: &'a Flow,
    /// Pods that are to be exchanged; none once all have left.
    pub old: Vec<&'a WorkloadPod>,
    /// Pods that are as the flow wants them.
    pub new: Vec<&'a WorkloadPod>,
}

/// One consistent look at the world, in the form that decisions read: counts and small sets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observation {
    /// The kind that was not heard of for longest, beyond the limit: nothing is decided on such a view.
    pub stale: Option<Silence>,
    /// See [`WorkloadView::uid`]; `None` when there is no workload.
    pub workload: Option<WorkloadUid>,
    /// See [`WorkloadView::settled`]; true when there is no workload.
    pub settled: bool,
    /// See [`WorkloadView::lock`]; free when there is no workload.
    pub lock: Lock,
    /// See [`WorkloadView::last`].
    pub last: Option<LastHolder>,
    /// See [`WorkloadView::settings`].
    pub settings: Option<String>,
    /// See [`WorkloadView::left`].
    pub left: Option<Left>,
    /// See [`WorkloadView::paused`].
    pub paused: bool,
    /// The workload's numbers; `None` when there is no workload.
    pub shape: Option<Shape>,
    /// See [`WorkloadView::revision`].
    pub revision: Option<Revision>,
    /// See [`WorkloadView::stable`].
    pub stable: Option<Revision>,
    /// That revision and those of the active pods, each once; told before the first batch alone.
    pub revisions: BTreeSet<Revision>,
    /// See [`WorkloadView::label`].
    pub label: RevisionLabel,
    /// See [`WorkloadView::obstacle`].
    pub obstacle: Option<Obstacle>,
    /// What is refused of that which the flow that looks would write, asked only of a flow that would
    /// [begin](crate::engine::begins); or of what it would take over: see [`unproven`](crate::engine::unproven).
    pub refused: Option<Failure>,
    /// See [`WorkloadView::in_place`].
    pub in_place: bool,
    /// See [`WorkloadView::unhooked`].
    pub unhooked: bool,
    /// See [`WorkloadView::remembered`].
    pub remembered: Option<u32>,
    /// See [`WorkloadView::good`].
    pub good: Vec<Revision>,
    /// The order of the flow that looks was carried out before: by a flow of the same name and spec.
    pub carried: Option<Carried>,
    /// See [`WorkloadView::differs`].
    pub differs: Vec<&'static str>,
    /// See [`WorkloadView::edits`].
    pub edits: Edits,
    /// The flow that holds the lock gives way to the one that looks.
    pub yields: bool,
    /// What keeps that flow from going on until somebody mends it, in its own words. For people: nothing is decided on
    /// it.
    pub stuck: Option<String>,
    /// Who is before the flow that looks, among those that wait for the workload.
    pub place: Option<Place>,
    /// The size that the workload comes to by the flow that holds it, where that is not the one that looks: see
    /// [`size`](crate::engine::size). For people: nothing is decided on it.
    pub size: Option<u32>,
    /// Active pods.
    pub pods: Pods,
    /// Pods that are being deleted and may still take traffic, or have not been out of it for long enough.
    pub terminating: u32,
    /// See [`Succession::lost`].
    pub lost: Vec<String>,
    /// All pods that are being deleted.
    pub ending: u32,
    /// Some of them are out of traffic, and have not been for the time of a drain.
    pub draining: bool,
    /// In how long time alone changes what is known of a pod: one that is kept from running counts as failed, one
    /// that is being deleted is drained, one that has restarted is calm again.
    pub turns_in: Option<Duration>,
    /// In how long every pod that is ready counts as available, where pods have to be ready for some time.
    pub available_in: Option<Duration>,
    /// For how much longer some of the new pods that are ready were not ready for as long as the workload demands.
    pub young_for: Option<Duration>,
}

impl Observation {
    /// A world without the workload.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            stale: None,
            workload: None,
            settled: true,
            lock: Lock::Free,
            last: None,
            settings: None,
            left: None,
            paused: false,
            shape: None,
            revision: None,
            stable: None,
            revisions: BTreeSet::new(),
            label: RevisionLabel::Unknown,
            obstacle: None,
            refused: None,
            in_place: false,
            unhooked: false,
            remembered: None,
            good: Vec::new(),
            carried: None,
            differs: Vec::new(),
            edits: Edits::default(),
            yields: false,
            stuck: None,
            place: None,
            size: None,
            pods: Pods::default(),
            terminating: 0,
            lost: Vec::new(),
            ending: 0,
            draining: false,
            turns_in: None,
            available_in: None,
            young_for: None,
        }
    }

    /// Whether this flow took the lock last and has not given it back, whether it has it still.
    #[must_use]
    pub fn had_lock(&self, flow: &FlowUid) -> bool {
        self.last.as_ref().is_some_and(|last| last.holds(flow))
    }
}
