//! One pod.

use std::string::String;
use std::sync::Arc;

use super::super::cloneset::{CloneSetPod, Lifecycle};
use super::template::PodTemplate;
use crate::model::{
    FailureClass, FlowUid, Heals, PodFailure, PodName, PodPhase, PodRef, PodUid, Revision, Seconds, Steps,
    Timestamp, Version,
};

/// How a pod comes to grief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// It fails in this way and stays so until it is repaired.
    Fails(FailureClass),
    /// It fails in this way, and heals by itself after a while.
    Heals(FailureClass),
    /// Its probe never succeeds; nothing tells why.
    NeverReady,
    /// It gets ready, loses it again, and so on, a few times.
    Flaps,
}

/// What a pod is going to do by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing.
    Steady,
    /// Its containers get ready.
    Boots { at: Timestamp, flaps: u32 },
    /// It fails.
    Fails { at: Timestamp, class: FailureClass, heals: bool },
    /// Its containers get unready for a while.
    Stumbles { at: Timestamp, flaps: u32 },
    /// The kubelet sees that an image was changed, and starts the containers anew.
    Restarts { at: Timestamp, mishap: Option<Mishap> },
}

impl Fate {
    const fn at(self) -> Option<Timestamp> {
        match self {
            Self::Steady => None,
            Self::Boots { at, .. }
            | Self::Fails { at, .. }
            | Self::Stumbles { at, .. }
            | Self::Restarts { at, .. } => Some(at),
        }
    }
}

/// A pod of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Its name, `<instance>-<5 letters>`.
    pub name: PodName,
    /// Its identity.
    pub uid: PodUid,
    /// Changes with every change of the pod.
    pub version: Version,
    /// Its revision.
    pub revision: Revision,
    /// Its template.
    pub template: Arc<PodTemplate>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its address.
    pub ip: Arc<str>,
    /// The address of its node.
    pub host_ip: Arc<str>,
    /// It has a node.
    pub scheduled: bool,
    /// All containers are ready.
    pub booted: bool,
    /// Since when it is ready, or not.
    pub turned_at: Timestamp,
    /// How it failed.
    pub failure: Option<PodFailure>,
    /// How often its containers were started again.
    pub restarts: u32,
    /// Its lifecycle state.
    pub state: Lifecycle,
    /// Its containers run the images of its revision.
    pub swapped: bool,
    /// The condition `InPlaceUpdateReady` is false.
    pub held_back: bool,
    /// It carries the hook label.
    pub hooked: bool,
    /// Label `apps.kruise.io/specified-delete`.
    pub specified: bool,
    /// The mark of the flow that replaces it.
    pub due: Option<FlowUid>,
    /// The condition of triton's readiness gate, once somebody set it.
    pub gate: Option<bool>,
    /// When its deletion ends, once it is being deleted.
    pub ends_at: Option<Timestamp>,
    /// The endpoints show it as ready.
    pub listed: bool,
    /// The Services of its workload can send to it.
    pub reached: bool,
    /// Since when the endpoints do not show it, while they do not.
    pub out_since: Timestamp,
    pub(super) flips_at: Option<Timestamp>,
    pub(super) fate: Fate,
}

impl Pod {
    /// Condition `Ready`: containers ready and the gates true.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.booted && !self.held_back && (!self.gated() || self.gate == Some(true))
    }

    /// Whether it waits to be deleted, or to be updated in place.
    #[must_use]
    pub const fn marked(&self) -> bool {
        matches!(self.state, Lifecycle::PreparingDelete | Lifecycle::PreparingUpdate)
    }

    /// Whether its template has triton's readiness gate.
    #[must_use]
    pub fn gated(&self) -> bool {
        self.template.gated
    }

    /// Whether it is meant to take traffic: ready and not being deleted.
    #[must_use]
    pub fn serves(&self) -> bool {
        self.ready() && self.active()
    }

    /// Whether it counts: not being deleted.
    #[must_use]
    pub const fn active(&self) -> bool {
        self.ends_at.is_none()
    }

    /// How far it is, for people.
    #[must_use]
    pub fn phase(&self) -> PodPhase {
        match (&self.failure, self.scheduled, self.booted) {
            (Some(failure), _, _) if failure.heals == Heals::Never => PodPhase::Failed,
            (Some(_), _, _) | (None, false, _) => PodPhase::Pending,
            (None, true, false) => PodPhase::Running,
            (None, true, true) if self.ready() => PodPhase::Ready,
            (None, true, true) => PodPhase::ContainersReady,
        }
    }

    /// The pod as an effect addresses it.
    #[must_use]
    pub fn reference(&self) -> PodRef {
        PodRef { name: self.name.clone(), uid: self.uid.clone(), version: self.version.clone() }
    }

    /// When something is due for it next.
    pub(super) fn next_event(&self) -> Option<Timestamp> {
        let times = [self.fate.at().filter(|_| self.active()), self.flips_at, self.ends_at];
        times.into_iter().flatten().min()
    }

    /// The pod as the workload's controller reads it.
    pub(super) fn as_seen(
        &self,
        (update, template): (&Revision, &PodTemplate),
        listed: &[PodName],
        (min_ready, now): (Seconds, Timestamp),
    ) -> CloneSetPod {
        CloneSetPod {
            updated: self.revision == *update,
            state: self.state,
            hooked: self.hooked,
            swappable: self.template.differs_in_images_alone(template),
            swapped: self.swapped,
            held_back: self.held_back,
            specified: self.specified || listed.contains(&self.name),
            scheduled: self.scheduled,
            running: self.scheduled && !self.stuck(),
            ready: self.ready(),
            young: self.ages_at(min_ready).is_some_and(|at| at > now),
            ready_since: self.turned_at,
            deletion_cost: 0,
            restarts: self.restarts,
            created_at: self.created_at,
        }
    }

    /// When it counts as available, if it stays ready.
    #[must_use]
    pub fn ages_at(&self, min_ready: Seconds) -> Option<Timestamp> {
        (self.ready() && min_ready > Seconds(0)).then(|| self.turned_at.plus(min_ready))
    }

    /// How far its container has come.
    #[must_use]
    pub fn steps(&self) -> Steps {
        let runs = u32::from(self.booted || (self.failure.is_none() && self.restarts > 0));
        Steps { restarts: self.restarts, started: runs, ready: u32::from(self.booted) }
    }

    fn stuck(&self) -> bool {
        let class = self.failure.as_ref().map(|failure| failure.class);
        class.is_some_and(|class| class != FailureClass::CrashLoop)
    }
}

/// When a failure counts. A container that stays broken is one that was started three times in vain.
pub(super) const fn heals(class: FailureClass, heals: bool) -> Heals {
    match class {
        FailureClass::Unschedulable => Heals::WithRoom,
        FailureClass::Ended => Heals::Never,
        FailureClass::CrashLoop if !heals => Heals::Never,
        FailureClass::ImagePull
        | FailureClass::Setup
        | FailureClass::InitFailure
        | FailureClass::CrashLoop => Heals::Maybe,
    }
}

/// What the kubelet says about a failure.
pub(super) fn words(class: FailureClass) -> String {
    let words = match class {
        FailureClass::ImagePull => "Back-off pulling image",
        FailureClass::Unschedulable => "0/3 nodes are available: insufficient cpu",
        FailureClass::CrashLoop => "back-off 40s restarting failed container",
        FailureClass::InitFailure => "init container exited with code 1",
        FailureClass::Ended => "Evicted: The node was low on resource: memory",
        FailureClass::Setup => "configmap not found",
    };
    words.into()
}
