//! A state of the search: stored flow, workload, pods, and what may still go wrong.

use core::fmt;

use triton_core::model::{Flow, Hold, Orders, Position, Progress, Seconds, Stage, Target, Timestamp};

use triton_core::sim::cloneset::Lifecycle;

use super::invariants::Violation;
use super::other::Other;
use super::setup::{Budget, DEADLINE, SHORT, Setup, Start};

/// The time in every state: states know ages, not times.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_000_000_000);

/// A revision of the workload's template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Rev {
    Old,
    New,
}

/// A pod.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pod {
    pub(crate) rev: Rev,
    pub(crate) booted: bool,
    pub(crate) failed: bool,
    pub(crate) state: Lifecycle,
    /// Its containers run the images of its revision.
    pub(crate) swapped: bool,
    pub(crate) hooked: bool,
    pub(crate) gated: bool,
    /// The gate is true.
    pub(crate) asked: bool,
    /// The endpoints show it.
    pub(crate) listed: bool,
    /// Label `specified-delete`.
    pub(crate) specified: bool,
    /// Named by `podsToDelete`.
    pub(crate) doomed: bool,
    /// Marked by the flow as one that it replaces.
    pub(crate) due: bool,
    /// Seconds since the endpoints stopped to show it, as far as that matters.
    pub(crate) out_for: u32,
    /// Gone; kept in the list until the step is over, so that positions name pods.
    pub(crate) gone: bool,
    /// It is as it was when the other host last heard of pods.
    pub(crate) untouched: bool,
    /// What the other host was told last by the endpoints, where it hears nothing more of them: whether they show
    /// the pod, and since how many seconds it takes it as out.
    pub(crate) told: Option<(bool, u32)>,
}

impl Pod {
    /// Condition `Ready`.
    pub(crate) const fn ready(self) -> bool {
        // The gate `InPlaceUpdateReady` is false exactly while it is being updated.
        self.booted && !matches!(self.state, Lifecycle::Updating) && (!self.gated || self.asked)
    }

    /// What its resource version stands for: the pod itself, without what endpoints and workload say of it.
    pub(crate) const fn version(self) -> Self {
        Self { listed: false, out_for: 0, doomed: false, untouched: false, told: None, ..self }
    }

    /// Whether it waits to be deleted, or to be updated in place.
    pub(crate) const fn marked(self) -> bool {
        matches!(self.state, Lifecycle::PreparingDelete | Lifecycle::PreparingUpdate)
    }
}

impl fmt::Debug for Pod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [
            (self.booted, "booted"),
            (self.failed, "failed"),
            (!self.swapped, "unswapped"),
            (self.hooked, "hooked"),
            (!self.gated, "ungated"),
            (self.asked, "asked"),
            (self.listed, "listed"),
            (self.specified, "specified"),
            (self.doomed, "doomed"),
            (self.due, "due"),
            (self.untouched, "untouched"),
        ];
        write!(f, "{:?} {:?}", self.rev, self.state)?;
        flags.iter().filter(|(on, _)| *on).try_for_each(|(_, name)| write!(f, " {name}"))?;
        write!(f, " out {}", self.out_for)?;
        self.told.map_or(Ok(()), |told| write!(f, " told {told:?}"))
    }
}

/// The CloneSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Set {
    pub(crate) template: Rev,
    pub(crate) replicas: u32,
    pub(crate) partition: u32,
    pub(crate) surge: u32,
    pub(crate) unavailable: u32,
    pub(crate) paused: bool,
    pub(crate) locked: bool,
    pub(crate) hook: bool,
    /// It updates pods in place.
    pub(crate) in_place: bool,
    /// Its controller has seen the latest spec.
    pub(crate) observed: bool,
    /// `status.updateRevision`.
    pub(crate) told: Option<Rev>,
    /// `status.currentRevision`.
    pub(crate) current: Rev,
    /// The size to return to.
    pub(crate) remembered: Option<u32>,
    /// How far the flow was that wrote last.
    pub(crate) at: Position,
}

/// `maxUnavailable` of a workload that nobody acts on.
pub(crate) const UNAVAILABLE: u32 = 1;

/// A state.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) paused: bool,
    pub(crate) canceled: bool,
    pub(crate) resumes: u32,
    pub(crate) target: Target,
    /// The flow's deletion was asked for.
    pub(crate) leaving: bool,
    pub(crate) progress: Progress,
    pub(crate) set: Option<Set>,
    pub(crate) pods: Vec<Pod>,
    /// Pods that are ending.
    pub(crate) terminating: u32,
    pub(crate) budget: Budget,
    pub(crate) other: Other,
    /// The first property that did not hold on the way here.
    pub(crate) broken: Option<Violation>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { paused, canceled, resumes, target, leaving, .. } = self;
        writeln!(
            f,
            "paused {paused} canceled {canceled} leaving {leaving} resumes {resumes} target {target}"
        )?;
        writeln!(f, "{:?}", self.progress)?;
        writeln!(f, "{:?}, {} pods ending, {:?}", self.set, self.terminating, self.budget)?;
        if self.other.is_behind() {
            writeln!(f, "{:?}", self.other)?;
        }
        self.pods.iter().try_for_each(|pod| writeln!(f, "  {pod:?}"))
    }
}

impl State {
    pub(crate) fn first(setup: &Setup) -> Self {
        let Start { old, degraded, new, adopted, stopped } = setup.start;
        let serving = Pod {
            rev: Rev::Old,
            booted: true,
            failed: false,
            state: Lifecycle::Normal,
            swapped: true,
            hooked: !adopted,
            gated: !adopted,
            asked: !adopted,
            listed: true,
            specified: false,
            doomed: false,
            due: false,
            out_for: 0,
            gone: false,
            untouched: false,
            told: None,
        };
        let broken = Pod { booted: false, listed: false, asked: false, out_for: SHORT.0, ..serving };
        let fresh = Pod { rev: Rev::New, ..serving };
        let mut pods = vec![serving; old as usize];
        pods.extend(vec![broken; degraded as usize]);
        pods.extend(vec![fresh; new as usize]);
        let set = (!pods.is_empty() || stopped).then(|| Set {
            template: Rev::Old,
            replicas: old + degraded + new,
            partition: if new > 0 { old + degraded + new } else { 0 },
            surge: 0,
            unavailable: UNAVAILABLE,
            paused: false,
            locked: false,
            hook: !adopted,
            in_place: setup.in_place,
            observed: true,
            told: Some(Rev::Old),
            current: Rev::Old,
            remembered: None,
            at: Position::default(),
        });
        let orders = &setup.flow.orders;
        let mut state = Self {
            paused: orders.paused,
            canceled: orders.canceled,
            resumes: orders.resumes,
            target: orders.target,
            leaving: false,
            progress: Progress::Pending,
            set,
            pods,
            terminating: 0,
            budget: setup.budget,
            other: Other::default(),
            broken: None,
        };
        state.settle(setup);
        state
    }

    /// The stored flow, as the driver reads it.
    pub(crate) fn flow(&self, setup: &Setup) -> Flow {
        let orders = Orders {
            paused: self.paused,
            // The driver reads the deletion of a running flow as a cancel.
            canceled: self.canceled || (self.leaving && !self.progress.is_finished()),
            resumes: self.resumes,
            target: self.target,
            ..setup.flow.orders.clone()
        };
        let Flow { id, uid, spec, .. } = &setup.flow;
        Flow { id: id.clone(), uid: uid.clone(), spec: spec.clone(), orders, progress: self.progress.clone() }
    }

    /// Takes what people ordered.
    pub(crate) const fn order(&mut self, orders: &Orders) {
        self.paused = orders.paused;
        self.canceled = orders.canceled;
        self.resumes = orders.resumes;
        self.target = orders.target;
    }

    /// Forgets what cannot matter any more, so that states that behave alike are the same.
    pub(crate) fn settle(&mut self, setup: &Setup) {
        self.pods.retain(|pod| !pod.gone);
        for pod in &mut self.pods {
            pod.out_for = if pod.listed { 0 } else { pod.out_for.min(SHORT.0) };
            pod.told = pod.told.map(|(listed, out)| (listed, if listed { 0 } else { out.min(SHORT.0) }));
        }
        self.pods.sort_unstable();
        self.resumes = u32::from(self.progress.hold().is_some_and(|hold| hold.resumes < self.resumes));
        forget(&mut self.progress, setup.deadline);
        if let Some(stored) = &mut self.other.flow {
            forget(&mut stored.progress, setup.deadline);
        }
    }

    /// A second passes.
    pub(crate) fn tick(&mut self) {
        for pod in &mut self.pods {
            pod.out_for += u32::from(!pod.listed);
            pod.told = pod.told.map(|(listed, out)| (listed, out + u32::from(!listed && !pod.ready())));
        }
        age(&mut self.progress);
        if let Some(stored) = &mut self.other.flow {
            age(&mut stored.progress);
        }
    }
}

/// Forgets of a progress what cannot matter any more.
fn forget(progress: &mut Progress, deadline: bool) {
    match progress {
        Progress::Rolling { batch, .. } => {
            let most = if batch.stage == Stage::Baked { SHORT } else { Seconds(0) };
            batch.since = younger(batch.since, most);
            batch.counted = batch.counted.min(if deadline { DEADLINE } else { Seconds(0) });
            batch.hold = batch.hold.map(|hold| Hold { resumes: 0, ..hold });
        }
        Progress::Verifying { since, counted, hold, .. } => {
            *since = NOW;
            *counted = (*counted).min(if deadline { DEADLINE } else { Seconds(0) });
            *hold = hold.map(|hold| Hold { resumes: 0, ..hold });
        }
        Progress::Finished { at, .. } => *at = NOW,
        Progress::Pending | Progress::Preparing { .. } | Progress::Closing { .. } => {}
    }
}

fn age(progress: &mut Progress) {
    if let Progress::Rolling { batch, .. } = progress {
        batch.since = earlier(batch.since);
    }
    if let Some(counted) = progress.counted_mut() {
        counted.0 += 1;
    }
}

fn younger(since: Timestamp, most: Seconds) -> Timestamp {
    since.max(Timestamp::from_micros(NOW.as_micros() - most.as_micros()))
}

fn earlier(since: Timestamp) -> Timestamp {
    Timestamp::from_micros(since.as_micros() - 1_000_000)
}
