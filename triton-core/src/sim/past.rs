//! Earlier states of the world, as hosts saw them: what a host that starts may still be shown.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::world::Workload;
use crate::model::{FlowId, InstanceId, Timestamp};
use crate::ports::Loaded;

/// How many states of each thing are kept.
const DEPTH: usize = 8;

/// Least time between two kept states of one thing, in microseconds.
const SPACING: i64 = 200_000;

/// States with the change numbers and times at which they were seen, oldest first.
type Line<T> = VecDeque<(u64, Timestamp, T)>;

/// The last few states of everything.
#[derive(Default)]
pub(super) struct Past {
    workloads: BTreeMap<InstanceId, Line<Arc<Workload>>>,
    flows: BTreeMap<FlowId, Line<Loaded>>,
}

impl Past {
    pub(super) const fn workloads(&self) -> &BTreeMap<InstanceId, Line<Arc<Workload>>> {
        &self.workloads
    }

    pub(super) const fn flows(&self) -> &BTreeMap<FlowId, Line<Loaded>> {
        &self.flows
    }

    pub(super) fn keep_workload(&mut self, id: &InstanceId, seq: u64, at: Timestamp, what: &Arc<Workload>) {
        push(self.workloads.entry(id.clone()).or_default(), seq, at, what);
    }

    pub(super) fn keep_flow(&mut self, id: &FlowId, seq: u64, at: Timestamp, what: &Loaded) {
        push(self.flows.entry(id.clone()).or_default(), seq, at, what);
    }
}

fn push<T: Clone>(line: &mut Line<T>, seq: u64, at: Timestamp, what: &T) {
    if line.back().is_some_and(|(_, last, _)| at.micros_since(*last) < SPACING) {
        return;
    }
    if line.len() >= DEPTH {
        line.pop_front();
    }
    line.push_back((seq, at, what.clone()));
}
