//! The interpreter of the table: shape, tend, until, gate, move. First hit wins.

mod came;
mod failed;
mod held_up;
mod kept;
mod numbers;

use self::kept::lost;
use self::numbers::asks_for_more;
use super::closing::{left, stop, verifying};
use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::{self, Goal};
use super::look::ask;
use super::table::{self, Row, Until};
use super::tend::{Tend, hooked, ordered, serving, steer, tend};
use super::{gate, resized, until};
use crate::model::{
    Base, Batch, Brings, Facts, Flow, Hold, HoldReason, Kind, Observation, Plan, Progress, Seconds, Shape,
    Spec, Stage, Succession, Target, Timestamp,
};

/// Where a rolling flow is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rolling<'a> {
    pub(super) flow: &'a Flow,
    pub(super) plan: &'a Plan,
    pub(super) done: u32,
    pub(super) batch: Batch,
}

impl Rolling<'_> {
    /// What happens next in this batch.
    pub(super) fn step(&self, seen: &Observation, now: Timestamp) -> Decision {
        let failed = self.failing(seen);
        if failed > self.tolerated() && !self.batch.forgiven {
            return self.hold(HoldReason::PodsFailed, seen, now);
        }
        let row = self.row(seen);
        if let Some(waiting) = self.keeps_old(row, seen) {
            let returned = self.returns(row, seen);
            // New pods come in all the same: old ones may have left before, in a swap.
            let upkeep = || tend(self.rule(row.admit || self.follows(), false), &seen.pods);
            return returned.or_else(upkeep).map_or_else(|| stay(waiting, now), Decision::Act);
        }
        let want = self.shape(row, seen);
        let terminating = self.waits_for_termination(&want, seen);
        let asked = || ask(seen, want).filter(|_| terminating.is_none());
        if let Some(effect) = hooked(&seen.pods).or_else(asked) {
            return Decision::Act(effect);
        }
        if let Some(effect) = steer(self.rule(row.admit || self.follows(), true), &seen.pods) {
            return Decision::Act(effect);
        }
        if let Some(waiting) = terminating {
            return stay(waiting, now);
        }
        let goal = self.goal(row);
        let unmet = until::unmet(self.kind(), row.until, &seen.pods, goal);
        if let Some(batch) = self.without_failed(failed, row, seen, goal) {
            return self.rolling(self.done, batch, Why::GoesOnWithout { batch: batch.number, failed });
        }
        // Nothing more is asked for beside a pod that may fail.
        let stuck = self.counted(seen, Facts::STUCK);
        let recovering =
            (stuck > 0).then(|| until::running(goal.fresh.saturating_sub(stuck), goal.fresh, &seen.pods));
        match unmet.or(recovering) {
            Some(waiting) => self.late(row.ask, seen, waiting, now),
            None => self.pass(row.until, row.next, seen, now),
        }
    }

    /// What is waited for before more pods are asked for, where the flow wants those that are being deleted to be gone
    /// first.
    fn waits_for_termination(&self, want: &Shape, seen: &Observation) -> Option<Waiting> {
        let waits = self.flow.spec.pod_replacement_policy.waits();
        let grows = seen.shape.as_ref().is_some_and(|shape| want.replicas > shape.replicas);
        (waits && grows && seen.ending > 0).then_some(Waiting::Terminating { pods: seen.ending })
    }

    const fn kind(&self) -> Kind {
        self.plan.base.kind
    }

    /// The row of the stage. Old pods are chosen only while every new one is in traffic: when one was lost
    /// after the stage began and before they were chosen, its replacement comes in first.
    fn row(&self, seen: &Observation) -> Row {
        let row = table::row_of(&self.flow.spec, self.kind(), self.batch.stage);
        if self.batch.stage == Stage::Leaving
            && self.keeps_all(seen)
            && until::unmet(self.kind(), Until::In, &seen.pods, self.after()).is_some()
        {
            return Row { shrunk: false, until: Until::In, ..row };
        }
        let vacates = self.kind() == Kind::Swap && self.batch.stage == Stage::Vacating;
        if vacates && (self.has_come(seen) || self.has_room(row, seen)) {
            return Row { until: Until::Now, ..row };
        }
        if self.goes_on_beside(seen) {
            return Row { until: Until::Now, ..row };
        }
        row
    }

    /// Where nobody is asked, or a person let it go on, a new pod that took the place of an old one serves as
    /// soon as it can: others of its batch may be unable to leave before.
    fn follows(&self) -> bool {
        let agreed = !self.batch.canary || self.batch.forgiven;
        self.kind() == Kind::Swap && agreed && self.batch.stage > Stage::Queued
    }

    /// What keeps up while the flow is paused: pods that are not of the current batch stay in traffic,
    /// and what others chose to remove leaves, where pods may `go`.
    pub(super) fn upkeep(&self, go: bool, seen: &Observation) -> Option<Effect> {
        let row = table::of(self.kind(), self.batch.stage);
        let been_in = row.admit && (self.batch.stage > Stage::PullingIn || self.kind() == Kind::Shrink);
        let go = go && !matches!(self.batch.stage, Stage::Leaving | Stage::Vacating);
        tend(self.rule(been_in, go), &seen.pods)
    }

    /// The numbers of the stage for a size that the flow followed while it is stopped. Nothing where the stage has not
    /// asked for its own yet: that is a step.
    pub(super) fn resized(&self, seen: &Observation) -> Option<Effect> {
        let base = &self.plan.base;
        let written = !resized::is_unwritten(base, seen);
        if base.followed.is_none() || (written && !seen.edits.fields.is_empty()) {
            return None;
        }
        let row = self.row(seen);
        let want = self.shape(row, seen);
        // New pods that nobody asked for may still come after the numbers were written.
        if written && self.unasked(row, &want, seen).is_none() {
            return None;
        }
        let adds = want.partition.is_some() && asks_for_more(&want, seen);
        hooked(&seen.pods).or_else(|| ask(seen, want).filter(|_| !adds))
    }

    /// Pods of work when this batch is done.
    pub(super) const fn end(&self) -> u32 {
        self.done.saturating_add(self.batch.size)
    }

    const fn before(&self) -> Goal {
        goal::goal(self.plan, self.done)
    }

    const fn after(&self) -> Goal {
        goal::goal(self.plan, self.end())
    }

    /// Pods that a stage asks for; old ones leave later.
    const fn wanted(&self, row: Row) -> Goal {
        if row.grown { self.after() } else { self.before() }
    }

    /// Pods that end the stage.
    fn goal(&self, row: Row) -> Goal {
        let fresh = self.wanted(row).fresh.saturating_sub(self.plan.base.degraded);
        Goal { fresh, stale: self.after().stale }
    }

    fn rule(&self, admit: bool, go: bool) -> Tend {
        let floor = self.before().total().min(self.after().total());
        let missing = goal::missing_of(&self.flow.spec, self.plan, self.batch.size);
        let floor = floor.saturating_sub(missing).min(self.batch.serving);
        let most = if self.limited() { self.after().fresh } else { u32::MAX };
        let admit = if admit { most } else { self.before().fresh };
        Tend { admit, floor, go, drain: self.flow.spec.drain }
    }

    /// Whether no more new pods may take traffic than the batches so far asked for, however they came: others may have
    /// changed the numbers. Where a flow returns what it changed, or brings no template, a new pod is as good as those
    /// that served before.
    fn limited(&self) -> bool {
        let Base { brings, turned, .. } = &self.plan.base;
        self.kind().exchanges() && *brings != Brings::Nothing && !turned
    }

    const fn last(&self) -> bool {
        self.end() >= self.plan.work
    }

    /// Something is missing: wait for it, but not beyond the deadline of the stage.
    /// In a stage that may ask a person the time runs from when something went missing. What was counted is told:
    /// nobody here knows for how long somebody looked.
    fn late(&self, ask: bool, seen: &Observation, waiting: Waiting, now: Timestamp) -> Decision {
        if ask && self.batch.met {
            let batch = Batch { met: false, since: now, counted: Seconds(0), ..self.batch };
            return self.rolling(self.done, batch, Why::PodsMissing { batch: batch.number });
        }
        // New pods that run and that the registry can never show do not come in by waiting, and are not at fault.
        let run = seen.pods.count(Facts::FRESH | Facts::BOOTED, Facts::MARKED);
        if let (Waiting::In { of, .. }, Some(lost)) = (&waiting, lost(seen))
            && run >= *of
        {
            return stay(lost, now);
        }
        match left(self.flow, self.batch.counted) {
            Some(left) => {
                let waiting = ordered(waiting, self.flow.spec.drain, seen);
                Decision::Wait(waiting, now.plus(left))
            }
            None if self.counted(seen, Facts::STUCK) > self.tolerated() => {
                self.hold(HoldReason::PodsFailed, seen, now)
            }
            None => self.hold(HoldReason::DeadlineExceeded, seen, now),
        }
    }

    /// Everything is there: ask a person, wait for the interval, or go on.
    fn pass(&self, until: Until, next: Option<Stage>, seen: &Observation, now: Timestamp) -> Decision {
        let (flow, batch) = (self.flow, &self.batch);
        let asked = gate::asked(&flow.spec, self.plan, batch, self.last());
        if let Some(Target { batch: number, phase }) =
            gate::missing(&flow.spec, &flow.orders, self.plan, batch, self.last())
        {
            if !batch.met {
                let why = Why::Reached { batch: batch.number, stage: batch.stage };
                return self.rolling(self.done, Batch { met: true, ..*batch }, why);
            }
            return Decision::Wait(
                Waiting::Approval { batch: number, phase },
                now.plus(flow.orders.deadline),
            );
        }
        let over = batch.since.plus(flow.orders.interval);
        if until == Until::Interval && asked.is_none() && !self.last() && now < over {
            return Decision::Wait(Waiting::Interval, over);
        }
        // Where old pods left before, nothing else keeps the next ones until those of this batch count as available.
        let young = seen.young_for.filter(|_| self.kind() == Kind::Swap && batch.stage == Stage::Proving);
        if let Some(left) = young {
            return stay(Waiting::Available { pods: 0, left: left.into() }, now);
        }
        match next {
            Some(stage) => {
                let why = Why::Reached { batch: batch.number, stage };
                let batch =
                    Batch { stage, since: now, counted: Seconds(0), met: true, edited: None, ..*batch };
                self.rolling(self.done, batch, why)
            }
            None if self.last() => Decision::Move(verifying(self.plan.clone(), now), Why::AllBatchesDone),
            None => start(flow, self.plan, self.end(), batch.number.saturating_add(1), seen, now),
        }
    }

    fn hold(&self, reason: HoldReason, seen: &Observation, now: Timestamp) -> Decision {
        let hold = Some(Hold { reason, resumes: self.flow.orders.resumes });
        let held = || self.rolling(self.done, Batch { hold, ..self.batch }, Why::Held { reason });
        stop(self.flow, seen, reason, now).unwrap_or_else(held)
    }

    fn rolling(&self, done: u32, batch: Batch, why: Why) -> Decision {
        Decision::Move(Progress::Rolling { plan: self.plan.clone(), done, batch }, why)
    }
}

/// Waits for a person as long as it takes.
fn stay(waiting: Waiting, now: Timestamp) -> Decision {
    Decision::look_again(waiting, now)
}

/// What is told besides a move: before the first batch, what the registry would lose or might, and after the last one,
/// what it lost.
pub fn besides(why: &Why, succession: &Succession) -> impl Iterator<Item = Why> + use<> {
    let Succession { lost, at_risk } = succession;
    let first = matches!(why, Why::BatchStarted { batch: 1, .. });
    let lost = (first && !lost.is_empty()).then(|| Why::ServiceLost { what: lost.join("; ") });
    let told = first || matches!(why, Why::AllBatchesDone);
    let risks = (told && !at_risk.is_empty()).then(|| Why::ServiceAtRisk { what: at_risk.join("; ") });
    lost.into_iter().chain(risks)
}

/// The first stage of batch `number`, or the end where no work is left.
pub(super) fn start(
    flow: &Flow,
    plan: &Plan,
    done: u32,
    number: u32,
    seen: &Observation,
    now: Timestamp,
) -> Decision {
    let size = goal::batch_size(&flow.spec, &flow.orders, plan, done, number);
    if size == 0 {
        return Decision::Move(verifying(plan.clone(), now), Why::AllBatchesDone);
    }
    let batch = Batch { since: now, serving: serving(&seen.pods), ..queued(&flow.spec, plan, number, size) };
    let why = Why::BatchStarted { batch: number, size };
    Decision::Move(Progress::Rolling { plan: plan.clone(), done, batch }, why)
}

/// A batch of which nothing has begun; when it begins, and how many pods serve then, is still to be said.
pub(super) fn queued(spec: &Spec, plan: &Plan, number: u32, size: u32) -> Batch {
    Batch {
        number,
        size,
        canary: goal::is_canary(spec, plan, number),
        stage: Stage::Queued,
        since: Timestamp::default(),
        counted: Seconds(0),
        serving: 0,
        hold: None,
        forgiven: false,
        met: true,
        edited: None,
    }
}

#[cfg(test)]
#[path = "terminating_tests.rs"]
mod tests;
