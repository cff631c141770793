//! What time it is, and for how long a process has watched.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::model::{
    FailureClass, Flow, FlowId, FlowUid, Lasts, PodUid, Position, Seconds, Steps, Timestamp, WorkloadPod,
    WorkloadView,
};

/// Tells the time. Sleeping belongs to the host.
pub trait Clock: Send + Sync {
    /// The time now. May jump: what is measured in seconds of waiting is measured by [`Clock::watching`].
    fn now(&self) -> Timestamp;

    /// Uses, alone, what this process remembers of the flows that it watches, beside a reading of its stopwatch.
    fn watching(&self, apply: &mut dyn FnMut(&mut Watching, Reading));
}

/// A reading of a stopwatch that runs while this process is in touch with the cluster. It never jumps and never
/// goes back; it stands still while the cluster cannot be reached. Where it starts does not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Time in touch up to the last sign of life.
    pub sure: Duration,
    /// The same up to now, if the next sign of life comes. Never less.
    pub likely: Duration,
}

impl Reading {
    /// One by somebody who knows at every moment whether he is in touch.
    #[must_use]
    pub const fn exact(time: Duration) -> Self {
        Self { sure: time, likely: time }
    }
}

/// What a process remembers of the flows that it watches: how much time counts against the deadlines of their
/// stages, and for how long their pods have been as they are. It is lost with the process; what the last save
/// carries is not.
#[derive(Clone, Debug, Default)]
pub struct Watching {
    flows: BTreeMap<FlowId, Watched>,
    pods: BTreeMap<FlowId, BTreeMap<PodUid, WatchedPod>>,
}

#[derive(Clone, Debug)]
struct Watched {
    uid: FlowUid,
    /// See [`Progress::timed`](crate::model::Progress::timed).
    stage: (Position, Timestamp),
    span: Span,
}

/// A pod of which it matters for how long it has been so.
#[derive(Clone, Copy, Debug, Default)]
struct WatchedPod {
    /// The furthest that it came: less of anything is no progress, nor is the way back there.
    best: (u8, Steps),
    stuck: Span,
    calm: Span,
    ready: Span,
}

/// Time that was watched.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    /// What counts of the time before this stretch.
    counted: Duration,
    /// A stretch in which time counts.
    stretch: Option<Stretch>,
}

/// Readings of the stopwatch.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// When it began.
    from: Duration,
    /// At the last look that could be trusted.
    seen: Duration,
}

impl Span {
    const fn from(counted: Duration) -> Self {
        Self { counted, stretch: None }
    }

    const fn counted(&self, until: Duration) -> Duration {
        match self.stretch {
            Some(stretch) => self.counted.saturating_add(until.saturating_sub(stretch.from)),
            None => self.counted,
        }
    }

    /// Time counts from here, if it does not already.
    fn begins(&mut self, reading: Reading) {
        self.stretch.get_or_insert(Stretch { from: reading.likely, seen: reading.likely });
    }

    /// There was a look that can be trusted.
    fn goes_on(&mut self, reading: Reading) {
        if let Some(stretch) = &mut self.stretch {
            stretch.seen = reading.sure.max(stretch.from);
        }
    }

    /// The stretch ends at the last look.
    fn ends(&mut self) {
        self.counted = self.stretch.map_or(self.counted, |stretch| self.counted(stretch.seen));
        self.stretch = None;
    }
}

impl WatchedPod {
    /// Takes note of what is seen of the pod, and answers for how long it has been so.
    fn sees(&mut self, pod: &WorkloadPod, reading: Reading) -> Lasts {
        let (rank, Steps { restarts, started, ready }) = (rank(pod), pod.steps);
        let (before, best) = self.best;
        if restarts > best.restarts {
            self.calm = Span::default();
        }
        if rank > before || restarts > best.restarts || started > best.started || ready > best.ready {
            self.stuck = Span::default();
        }
        self.best = (
            rank.max(before),
            Steps {
                restarts: restarts.max(best.restarts),
                started: started.max(best.started),
                ready: ready.max(best.ready),
            },
        );
        match pod.failure {
            Some(_) => self.stuck.begins(reading),
            // It comes and goes.
            None if !pod.booted => self.stuck.ends(),
            None => self.stuck = Span::default(),
        }
        for (span, holds) in [(&mut self.calm, pod.booted), (&mut self.ready, pod.ready)] {
            if holds { span.begins(reading) } else { *span = Span::default() }
        }
        let lasts = |span: Span| span.counted(reading.sure);
        Lasts { stuck: lasts(self.stuck), calm: lasts(self.calm), ready: lasts(self.ready) }
    }

    fn spans(&mut self) -> [&mut Span; 3] {
        [&mut self.stuck, &mut self.calm, &mut self.ready]
    }
}

/// How far a pod is that is kept from running: it has no node, its containers are not made, or they do not stay.
const fn rank(pod: &WorkloadPod) -> u8 {
    let Some(failure) = &pod.failure else { return 0 };
    match failure.class {
        FailureClass::Unschedulable => 0,
        FailureClass::ImagePull | FailureClass::Ended => 1,
        // The image is there before a container is set up.
        FailureClass::Setup => 2,
        FailureClass::InitFailure => 3,
        FailureClass::CrashLoop => 4,
    }
}

impl Watched {
    fn is_at(&self, flow: &Flow) -> bool {
        self.uid == flow.uid && flow.progress.timed().as_ref() == Some(&self.stage)
    }
}

impl Watching {
    /// Puts into the progress of a flow, as it was loaded, the time that counts until now, if this look can be
    /// trusted. Of what was saved and what is remembered the longer one holds: two processes may watch a flow.
    pub fn tell(&self, flow: &mut Flow, reading: Reading) {
        let own = self.flows.get(&flow.id).filter(|watched| watched.is_at(flow));
        let own = own.map_or(Duration::ZERO, |watched| watched.span.counted(reading.sure));
        if let Some(told) = flow.progress.counted_mut() {
            *told = Seconds::from(own).max(*told);
        }
    }

    /// Puts into a view of the workload of a flow for how long its pods have been seen as they are, as far as that
    /// matters to anybody. Pods that are not in the view are forgotten.
    pub fn tell_pods(&mut self, id: &FlowId, reading: Reading, view: &mut WorkloadView) {
        let mut before = self.pods.remove(id).unwrap_or_default();
        let mut pods = BTreeMap::new();
        let ages = view.min_ready > Seconds(0);
        for pod in &mut view.pods {
            let old = before.remove(&pod.uid);
            let matters = pod.failure.is_some() || pod.steps.restarts > 0 || (ages && pod.ready);
            let Some(mut watched) = old.or_else(|| matters.then(WatchedPod::default)) else { continue };
            pod.lasts = watched.sees(pod, reading);
            if matters || !pod.booted {
                pods.insert(pod.uid.clone(), watched);
            }
        }
        if !pods.is_empty() {
            self.pods.insert(id.clone(), pods);
        }
    }

    /// Takes note of a look that can be trusted at a flow, as [`Watching::tell`] left it. `counts`: whether the
    /// time from here to the next look counts; `None` where it goes on as before.
    pub fn note(&mut self, flow: &Flow, reading: Reading, counts: Option<bool>) {
        if flow.progress.is_finished() {
            return self.forget(&flow.id);
        }
        self.pod_spans(&flow.id).for_each(|span| span.goes_on(reading));
        let Some(stage) = flow.progress.timed() else {
            self.flows.remove(&flow.id);
            return;
        };
        let told = Duration::from(flow.progress.counted());
        let fresh = || Watched { uid: flow.uid.clone(), stage, span: Span::from(told) };
        let watched = self.flows.entry(flow.id.clone()).or_insert_with(fresh);
        if !watched.is_at(flow) || watched.span.counted(reading.sure) < told {
            *watched = fresh();
        }
        watched.span.goes_on(reading);
        match counts {
            Some(true) => watched.span.begins(reading),
            Some(false) => watched.span.ends(),
            None => {}
        }
    }

    /// A flow could not be looked at, or what was seen is not how things are: the time since the last look, and
    /// that to the next one, does not count.
    pub fn pause(&mut self, id: &FlowId) {
        if let Some(watched) = self.flows.get_mut(id) {
            watched.span.ends();
        }
        self.pod_spans(id).for_each(Span::ends);
    }

    /// Nobody watches the flow any more.
    pub fn forget(&mut self, id: &FlowId) {
        self.flows.remove(id);
        self.pods.remove(id);
    }

    fn pod_spans(&mut self, id: &FlowId) -> impl Iterator<Item = &mut Span> {
        self.pods.get_mut(id).into_iter().flatten().flat_map(|(_, pod)| pod.spans())
    }
}
