//! What time it is, and for how long a process has watched.

use alloc::collections::BTreeMap;
use core::time::Duration;

use crate::model::{Flow, FlowId, FlowUid, Position, Seconds, Timestamp};

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
/// stages. It is lost with the process; what the last save carries is not.
#[derive(Clone, Debug, Default)]
pub struct Watching(BTreeMap<FlowId, Watched>);

#[derive(Clone, Debug)]
struct Watched {
    uid: FlowUid,
    /// See [`Progress::timed`](crate::model::Progress::timed).
    stage: (Position, Timestamp),
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

impl Watched {
    fn is_at(&self, flow: &Flow) -> bool {
        self.uid == flow.uid && flow.progress.timed().as_ref() == Some(&self.stage)
    }

    const fn counted(&self, until: Duration) -> Duration {
        match self.stretch {
            Some(stretch) => self.counted.saturating_add(until.saturating_sub(stretch.from)),
            None => self.counted,
        }
    }

    /// The stretch ends at the last look.
    fn ends(&mut self) {
        self.counted = self.stretch.map_or(self.counted, |stretch| self.counted(stretch.seen));
        self.stretch = None;
    }
}

impl Watching {
    /// Puts into the progress of a flow, as it was loaded, the time that counts until now, if this look can be
    /// trusted. Of what was saved and what is remembered the longer one holds: two processes may watch a flow.
    pub fn tell(&self, flow: &mut Flow, reading: Reading) {
        let own = self.0.get(&flow.id).filter(|watched| watched.is_at(flow));
        let own = own.map_or(Duration::ZERO, |watched| watched.counted(reading.sure));
        if let Some(told) = flow.progress.counted_mut() {
            *told = Seconds::from(own).max(*told);
        }
    }

    /// Takes note of a look that can be trusted at a flow, as [`Watching::tell`] left it. `counts`: whether the
    /// time from here to the next look counts; `None` where it goes on as before.
    pub fn note(&mut self, flow: &Flow, reading: Reading, counts: Option<bool>) {
        let Some(stage) = flow.progress.timed() else { return self.forget(&flow.id) };
        let told = Duration::from(flow.progress.counted());
        let fresh = || Watched { uid: flow.uid.clone(), stage, counted: told, stretch: None };
        let watched = self.0.entry(flow.id.clone()).or_insert_with(fresh);
        if !watched.is_at(flow) || watched.counted(reading.sure) < told {
            *watched = fresh();
        }
        if let Some(stretch) = &mut watched.stretch {
            stretch.seen = reading.sure;
        }
        match (counts, watched.stretch) {
            (Some(true), None) => {
                watched.stretch = Some(Stretch { from: reading.likely, seen: reading.likely });
            }
            (Some(false), Some(_)) => watched.ends(),
            (Some(_) | None, _) => {}
        }
    }

    /// A flow could not be looked at, or what was seen is not how things are: the time since the last look, and
    /// that to the next one, does not count.
    pub fn pause(&mut self, id: &FlowId) {
        if let Some(watched) = self.0.get_mut(id) {
            watched.ends();
        }
    }

    /// Nobody watches the flow any more.
    pub fn forget(&mut self, id: &FlowId) {
        self.0.remove(id);
    }
}
