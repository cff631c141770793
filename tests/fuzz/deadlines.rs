//! That a deadline ends the wait of a flow only after somebody could look at the world for so long: neither an
//! outage nor a clock that jumps holds, closes or rolls back anything. The same of pods that may heal: they count as
//! failed after the grace or at the deadline, and before that nothing is held, closed or rolled back for them.

use std::collections::BTreeMap;
use std::time::Duration;

use triton_core::engine::{Decision, Why};
use triton_core::model::{
    Flow, FlowId, Heals, HoldReason, Orders, PodUid, Position, Progress, Timestamp, WorkloadPod, WorkloadView,
};
use triton_core::sim::Pod;

/// Measures stages on the world's clock, which never jumps.
#[derive(Default)]
pub(crate) struct Deadlines {
    /// The stage of each flow, and when it was saved first.
    stages: BTreeMap<FlowId, ((Position, Timestamp), Timestamp)>,
    /// Pods that something kept from running that may heal, and since when.
    stuck: BTreeMap<PodUid, Timestamp>,
    /// When nobody could look.
    blind: Vec<(Timestamp, Timestamp)>,
}

impl Deadlines {
    /// Nobody looks from here to there.
    pub(crate) fn blind(&mut self, from: Timestamp, until: Timestamp) {
        self.healed(from);
        self.blind.push((from, until));
    }

    /// Everybody looks from now on.
    pub(crate) fn healed(&mut self, now: Timestamp) {
        for (_, until) in &mut self.blind {
            *until = now.min(*until);
        }
    }

    /// A flow was saved.
    pub(crate) fn saved(&mut self, id: &FlowId, progress: &Progress, now: Timestamp) {
        let Some(stage) = progress.timed() else {
            self.stages.remove(id);
            return;
        };
        if self.stages.get(id).is_none_or(|(known, _)| *known != stage) {
            self.stages.insert(id.clone(), (stage, now));
        }
    }

    /// Takes note of pods that are kept from running. One that heals and fails again counts from the first time.
    pub(crate) fn pods<'a>(&mut self, pods: impl Iterator<Item = &'a Pod>, now: Timestamp) {
        let heals = |pod: &&Pod| pod.failure.as_ref().is_some_and(|failure| failure.heals == Heals::Maybe);
        for pod in pods.filter(heals) {
            self.stuck.entry(pod.uid.clone()).or_insert(now);
        }
    }

    /// Judges a decision on this workload.
    ///
    /// # Errors
    /// The deadline, or the failure, that came too early.
    pub(crate) fn judge(
        &self,
        flow: &Flow,
        workload: Option<&WorkloadView>,
        decision: &Decision,
        now: Timestamp,
    ) -> Result<(), String> {
        let Decision::Move(_, Why::Held { reason } | Why::Stopping { reason }) = decision else {
            return Ok(());
        };
        let known = self.stages.get(&flow.id).filter(|(stage, _)| Some(*stage) == flow.progress.timed());
        let Some((_, since)) = known.filter(|_| !reason.is_others()) else { return Ok(()) };
        let watched = self.watched(*since, now);
        let Orders { deadline, grace, .. } = flow.orders;
        if watched >= deadline.into() {
            return Ok(());
        }
        if *reason == HoldReason::PodsFailed {
            let failed = |pod: &WorkloadPod| match pod.failure.as_ref().map(|failure| failure.heals) {
                Some(Heals::Never) => true,
                Some(Heals::Maybe) => {
                    let since = self.stuck.get(&pod.uid);
                    since.is_some_and(|since| self.watched(*since, now) >= grace.into())
                }
                Some(Heals::WithRoom) | None => false,
            };
            if workload.is_some_and(|view| view.pods.iter().any(failed)) {
                return Ok(());
            }
            return Err(format!("{:?} is stopped by pods that may heal within {grace}", flow.progress));
        }
        Err(format!(
            "the deadline of {deadline} ends {:?} after {watched:?} in which somebody looked",
            flow.progress
        ))
    }

    /// How much of this time somebody could look.
    fn watched(&self, since: Timestamp, now: Timestamp) -> Duration {
        let blind: Duration =
            self.blind.iter().map(|(from, until)| span(since.max(*from), now.min(*until))).sum();
        span(since, now).saturating_sub(blind)
    }
}

fn span(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_micros(later.micros_since(earlier).unsigned_abs())
}
