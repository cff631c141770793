//! What looks at a flow tell of the time that counts against its deadlines.

use super::{Adapters, Driver};
use crate::engine::{Decision, Time};
use crate::model::{Flow, FlowId, WorkloadView};
use crate::ports::{Clock, FlowStore, Reading};

impl<S: FlowStore, C: Clock, A: Adapters> Driver<S, C, A> {
    /// A look at a flow begins: puts the time that counts into it. Answers the reading of the stopwatch.
    pub(super) fn looks(&self, flow: &mut Flow) -> Reading {
        let mut reading = Reading::default();
        self.clock.watching(&mut |watching, now| {
            watching.tell(flow, now);
            reading = now;
        });
        reading
    }

    /// Puts into what was seen of the workload for how long its pods have been so.
    pub(super) fn looks_at(&self, id: &FlowId, reading: Reading, view: &mut WorkloadView) {
        self.clock.watching(&mut |watching, _| watching.tell_pods(id, reading, view));
    }

    /// Takes note of what the first decision on a look says about the time around it.
    pub(super) fn looked(&self, flow: &Flow, reading: Reading, decision: &Decision) {
        let time = match decision {
            Decision::Wait(waiting, _) => Some(waiting.time()),
            // What is written is a part of the stage.
            Decision::Move(..) | Decision::Act(_) | Decision::Done => None,
        };
        self.clock.watching(&mut |watching, _| match time {
            Some(Time::Unseen) => watching.pause(&flow.id),
            Some(Time::Counts) => watching.note(flow, reading, Some(true)),
            Some(Time::Stands) => watching.note(flow, reading, Some(false)),
            None => watching.note(flow, reading, None),
        });
    }

    /// A flow could not be looked at, or not be written to.
    pub(super) fn failed(&self, id: &FlowId) {
        self.clock.watching(&mut |watching, _| watching.pause(id));
    }

    /// There is no such flow any more.
    pub(super) fn is_gone(&self, id: &FlowId) {
        self.clock.watching(&mut |watching, _| watching.forget(id));
    }
}
