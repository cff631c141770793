//! What happened in a world, for whoever checks it.

use std::boxed::Box;
use std::vec::Vec;

use crate::model::{
    Flow, FlowId, InstanceId, Orders, PodChange, PodRef, Progress, Revision, Silence, Timestamp, Traffic,
    TrafficChange, TrafficView, WorkloadChange, WorkloadView,
};
use crate::ports::PortErrorKind;

/// Who deleted a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The workload's controller.
    Controller,
    /// A person, an eviction, a lost node.
    Outside,
}

/// One thing that happened, in the order of the world.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a journal is short and emptied after every step")]
pub enum Happening {
    /// The workload's controller made a pod.
    Created {
        /// Of this workload.
        instance: InstanceId,
        /// The pod.
        pod: PodRef,
        /// Its revision.
        revision: Revision,
    },
    /// The workload's controller chose a pod to leave, or returned it.
    Marked {
        /// Of this workload.
        instance: InstanceId,
        /// The pod.
        pod: PodRef,
        /// Chosen, or returned.
        marked: bool,
    },
    /// The workload's controller updated a pod in place: its containers are about to be swapped.
    Swapped {
        /// Of this workload.
        instance: InstanceId,
        /// The pod.
        pod: PodRef,
        /// The revision that it has now.
        revision: Revision,
        /// What the endpoints showed of it at that moment.
        traffic: Traffic,
        /// Whether the registry can steer it; one that it cannot serves until then.
        steered: bool,
    },
    /// A pod was deleted.
    Deleted {
        /// Of this workload.
        instance: InstanceId,
        /// The pod.
        pod: PodRef,
        /// What the endpoints showed of it at that moment.
        traffic: Traffic,
        /// Whether the registry can steer it; one that it cannot serves until it ends.
        steered: bool,
        /// It carried the hook label: nobody let it go.
        hooked: bool,
        /// Pods serving at that moment, this one included if it did.
        serving: u32,
        /// Who did it.
        cause: Cause,
    },
    /// A host looked at a workload: the inputs of a decision. What it decided on this look is what
    /// [`decide`](crate::engine::decide) answers to them, and the host's next write, if it makes one.
    Saw {
        /// Number of the host.
        host: u32,
        /// The time on the host's clock.
        now: Timestamp,
        /// What the host had not heard of for too long.
        stale: Option<Silence>,
        /// At this workload.
        instance: InstanceId,
        /// For this flow; `None` for upkeep that belongs to no flow.
        flow: Option<Box<Flow>>,
        /// What the backend showed; `None` when there is no workload.
        workload: Option<Box<WorkloadView>>,
        /// What the registry showed.
        traffic: TrafficView,
    },
    /// A host wrote to a workload.
    Workload {
        /// Which host, and how it went.
        write: Write,
        /// To this workload.
        instance: InstanceId,
        /// The flow as the host saw it: also the state that the write was decided in. `None` for upkeep
        /// that belongs to no flow.
        flow: Option<Box<Flow>>,
        /// What it wrote.
        change: WorkloadChange,
    },
    /// A host wrote to pods of a workload.
    Pods {
        /// Which host, and how it went.
        write: Write,
        /// Of this workload.
        instance: InstanceId,
        /// As with [`Workload`](Self::Workload).
        flow: Option<Box<Flow>>,
        /// What it wrote.
        change: PodChange,
    },
    /// A host asked the registry for something.
    Traffic {
        /// Which host, and how it went.
        write: Write,
        /// Of this workload.
        instance: InstanceId,
        /// What it asked for.
        change: TrafficChange,
        /// Pods that the request itself took out of traffic: shown, serving, and now asked out.
        taken_out: u32,
        /// Pods serving before.
        serving: u32,
    },
    /// A host saved progress.
    Progress {
        /// Which host, and how it went.
        write: Write,
        /// Of this flow.
        id: FlowId,
        /// What was stored before; `None` when it could not be read.
        before: Option<Progress>,
        /// What it saved.
        after: Progress,
    },
    /// Somebody saved orders.
    Orders {
        /// Which host, and how it went.
        write: Write,
        /// Of this flow.
        id: FlowId,
        /// What was saved.
        orders: Orders,
    },
}

/// A write by a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Number of the host; a host that crashed and came back has another.
    pub host: u32,
    /// Which of its writes, from 1.
    pub nth: u32,
    /// When, on the world's clock.
    pub at: Timestamp,
    /// When, on the host's clock.
    pub host_time: Timestamp,
    /// What the host had not heard of for too long when it looked.
    pub stale: Option<Silence>,
    /// What the world answered: `Ok(true)` changed something, `Ok(false)` all was so already. The host may
    /// have been told otherwise by a fault.
    pub result: Result<bool, PortErrorKind>,
}

/// The happenings, when they are kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Journal {
    on: bool,
    entries: Vec<Happening>,
}

impl Journal {
    pub(super) const fn keep(&mut self, on: bool) {
        self.on = on;
    }

    pub(super) const fn is_kept(&self) -> bool {
        self.on
    }

    pub(super) fn entries(&self) -> &[Happening] {
        &self.entries
    }

    pub(super) fn empty(&mut self) {
        self.entries.clear();
    }

    /// Adds to the last look of a host what the registry would lose.
    pub(super) fn told(&mut self, number: u32, lost: &[String]) {
        let looks = |entry: &&mut Happening| matches!(entry, Happening::Saw { host, .. } if *host == number);
        if let Some(Happening::Saw { traffic, .. }) = self.entries.iter_mut().rev().find(looks) {
            traffic.succession.lost = lost.to_vec();
        }
    }

    pub(super) fn write(&mut self, entry: impl FnOnce() -> Happening) {
        if self.on {
            self.entries.push(entry());
        }
    }
}
