//! That a deadline ends the wait of a flow only after somebody could look at the world for so long: neither an
//! outage nor a clock that jumps holds, closes or rolls back anything.

use std::collections::BTreeMap;
use std::time::Duration;

use triton_core::engine::{Decision, Why};
use triton_core::model::{Flow, FlowId, HoldReason, Position, Progress, Timestamp};

/// Measures stages on the world's clock, which never jumps.
#[derive(Default)]
pub(crate) struct Deadlines {
    /// The stage of each flow, and when it was saved first.
    stages: BTreeMap<FlowId, ((Position, Timestamp), Timestamp)>,
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

    /// Judges a decision.
    ///
    /// # Errors
    /// The deadline that came too early.
    pub(crate) fn judge(&self, flow: &Flow, decision: &Decision, now: Timestamp) -> Result<(), String> {
        let Decision::Move(_, Why::Held { reason } | Why::Stopping { reason }) = decision else {
            return Ok(());
        };
        let known = self.stages.get(&flow.id).filter(|(stage, _)| Some(*stage) == flow.progress.timed());
        let Some((_, since)) = known.filter(|_| *reason == HoldReason::DeadlineExceeded) else {
            return Ok(());
        };
        let blind: Duration =
            self.blind.iter().map(|(from, until)| span(*since.max(from), now.min(*until))).sum();
        let watched = span(*since, now).saturating_sub(blind);
        let deadline = flow.orders.deadline;
        if watched >= deadline.into() {
            return Ok(());
        }
        Err(format!(
            "the deadline of {deadline} ends {:?} after {watched:?} in which somebody looked",
            flow.progress
        ))
    }
}

fn span(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::from_micros(later.micros_since(earlier).unsigned_abs())
}
