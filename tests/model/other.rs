//! The other host: a second driver and a second keeper whose views are of any age, each kind by itself.
//!
//! A view that falls behind stays for good what it was at that moment of the run; the longer the run goes on, the
//! older it is. The first host sees everything as it is.

use triton_core::model::{PodsAsSeen, Progress, Target};

use super::machine::Machine;
use super::setup::SHORT;
use super::state::{Pod, Set, State};

/// What is watched apart from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Flow,
    Workload,
    Pods,
    Traffic,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Flow, Self::Workload, Self::Pods, Self::Traffic];
}

/// The stored flow: orders, deletion and progress.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stored {
    paused: bool,
    canceled: bool,
    resumes: u32,
    target: Target,
    leaving: bool,
    pub(crate) progress: Progress,
}

/// What the other host knows that is older than the truth; what is `None` it sees as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Other {
    pub(crate) flow: Option<Box<Stored>>,
    workload: Option<Option<Set>>,
    /// Those that are [untouched](Pod::untouched) are in the world as they were.
    pods: Option<Vec<Pod>>,
    /// Each pod knows what it [tells](Pod::told).
    traffic: bool,
}

/// Who looks with the eyes of the other host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eyes {
    Driver,
    Keeper,
}

impl Other {
    /// Whether anything of it is older than the truth.
    pub(crate) fn is_behind(&self) -> bool {
        *self != Self::default()
    }

    pub(crate) const fn has(&self, kind: Kind) -> bool {
        match kind {
            Kind::Flow => self.flow.is_some(),
            Kind::Workload => self.workload.is_some(),
            Kind::Pods => self.pods.is_some(),
            Kind::Traffic => self.traffic,
        }
    }
}

impl State {
    /// From now on the other host hears nothing more of a kind.
    pub(crate) fn fall_behind(&mut self, kind: Kind) {
        match kind {
            Kind::Flow => {
                let Self { paused, canceled, resumes, target, leaving, .. } = *self;
                let progress = self.progress.clone();
                let stored = Stored { paused, canceled, resumes, target, leaving, progress };
                self.other.flow = Some(Box::new(stored));
            }
            Kind::Workload => self.other.workload = Some(self.set),
            Kind::Pods => {
                self.pods.iter_mut().for_each(|pod| pod.untouched = true);
                self.other.pods = Some(self.pods.clone());
            }
            Kind::Traffic => {
                self.pods.iter_mut().for_each(|pod| pod.told = Some((pod.listed, pod.out_for)));
                self.other.traffic = true;
            }
        }
    }

    /// The same state without the other host.
    pub(crate) fn alone(mut self) -> Self {
        self.other = Other::default();
        for pod in &mut self.pods {
            (pod.untouched, pod.told) = (false, None);
        }
        self.pods.sort_unstable();
        self
    }

    /// What the other host sees. Pods are where they are in the world; behind them come those that it knows
    /// differently. A flow that does not find its lock asks the API server itself, as every backend has to.
    pub(crate) fn seen_by_other(&self, eyes: Eyes) -> Self {
        let mut seen = self.clone();
        if let Some(stored) = &self.other.flow {
            let Stored { paused, canceled, resumes, target, leaving, progress } = (**stored).clone();
            seen = Self { paused, canceled, resumes, target, leaving, progress, ..seen };
        }
        if let Some(known) = self.other.workload
            && (eyes == Eyes::Keeper || known.is_some_and(|set| set.locked))
        {
            seen.set = known;
        }
        if let Some(known) = &self.other.pods {
            seen.pods.iter_mut().for_each(|pod| pod.gone |= !pod.untouched);
            seen.pods.extend(known.iter().filter(|pod| !pod.untouched));
        }
        if self.other.traffic {
            for pod in &mut seen.pods {
                (pod.listed, pod.out_for) = pod.told.unwrap_or((false, SHORT.0));
            }
        }
        seen
    }

    /// Pods of which the other host does not know whether they take traffic: they changed since it heard of
    /// endpoints.
    pub(crate) fn unheard(&self) -> u32 {
        let told = |pod: &&Pod| pod.told.map_or(pod.listed, |(listed, _)| listed != pod.listed);
        let unheard = if self.other.traffic { self.pods.iter().filter(told).count() } else { 0 };
        u32::try_from(unheard).expect("a small number")
    }

    /// Whether a list of the pods that no cache answers shows those that the other host knows: the same ones, and
    /// `which` of them as they were. Of one that was starting nothing tells here whether it is the same one still: as
    /// many others are enough where it may have changed.
    pub(crate) fn knows_pods(&self, which: PodsAsSeen) -> bool {
        let Some(known) = &self.other.pods else { return true };
        let gone: Vec<&Pod> = known.iter().filter(|pod| !pod.untouched).collect();
        let others = self.pods.iter().filter(|pod| !pod.untouched && !pod.gone).count();
        let may_differ = |pod: &&Pod| which == PodsAsSeen::Running && !pod.booted;
        gone.iter().all(may_differ) && gone.len() == others
    }

    /// Takes note of what has changed since `before`, while positions still name pods: what the other host knows
    /// of a pod that has changed is guarded by a version that is not there any more.
    pub(crate) fn note_changes(&mut self, before: &Self) {
        for (at, was) in before.pods.iter().enumerate() {
            let pod = &mut self.pods[at];
            if pod.told.is_some() && pod.ready() {
                pod.told = pod.told.map(|(listed, _)| (listed, 0));
            }
            if !was.untouched || (!pod.gone && pod.version() == was.version()) {
                continue;
            }
            pod.untouched = false;
            let known = self.other.pods.iter_mut().flatten();
            let same = |known: &&mut Pod| known.untouched && known.version() == was.version();
            if let Some(known) = known.into_iter().find(same) {
                known.untouched = false;
            }
        }
    }
}

impl Machine {
    /// Whether a write to pods that the other host decided on `seen` goes out: only when a read that no cache answers
    /// shows the workload as it was seen.
    pub(crate) fn confirmed(state: &State, seen: &State) -> bool {
        super::view::unobserved(state.set) == super::view::unobserved(seen.set)
    }
}
