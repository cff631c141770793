//! The interpreter of the table: shape, tend, until, gate, move. First hit wins.

use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::{self, Goal};
use super::look::ask;
use super::table::{self, Row, Until};
use super::tend::{Tend, next_drain, serving, tend};
use super::{gate, shape, until};
use crate::model::{
    Batch, Facts, Flow, Hold, HoldReason, Kind, Observation, Plan, Progress, Shape, Stage, Target, Timestamp,
};

/// Where a rolling flow is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rolling<'a> {
    pub(super) flow: &'a Flow,
    pub(super) kind: Kind,
    pub(super) plan: &'a Plan,
    pub(super) done: u32,
    pub(super) batch: Batch,
}

impl Rolling<'_> {
    /// What happens next in this batch.
    pub(super) fn step(&self, seen: &Observation, now: Timestamp) -> Decision {
        let failed = failing(&seen.pods);
        if failed > 0 && !self.batch.forgiven {
            return self.hold(HoldReason::PodsFailed);
        }
        let row = self.row(seen);
        if let Some(effect) = ask(seen, self.shape(row, seen)) {
            return Decision::Act(effect);
        }
        if let Some(effect) = tend(self.rule(row.admit, true), &seen.pods, now) {
            return Decision::Act(effect);
        }
        let wanted = if row.grown { self.after() } else { self.before() };
        let unmet = until::unmet(row.until, &seen.pods, Goal { stale: self.after().stale, ..wanted });
        let recovering = (failed > 0)
            .then_some(Waiting::Pods { ready: wanted.fresh.saturating_sub(failed), of: wanted.fresh });
        match unmet.or(recovering) {
            Some(waiting) => self.late(row.ask, seen, waiting, now),
            None => self.pass(row.until, row.next, seen, now),
        }
    }

    /// The shape of the stage. Old pods that others added are kept until old pods leave anyway: the
    /// workload's controller would exchange them for new ones, wait for new pods to be available that the
    /// batch does not pull in yet, and never get on.
    fn shape(&self, row: Row, seen: &Observation) -> Shape {
        let want = shape::rolling(self.kind, self.plan, self.done, self.end(), row);
        if self.kind == Kind::Grow || row.shrunk {
            return want;
        }
        let old = seen.pods.count(Facts::empty(), Facts::FRESH | Facts::MARKED);
        let more = old.saturating_sub(want.partition);
        Shape {
            replicas: want.replicas.saturating_add(more),
            partition: want.partition.saturating_add(more),
            ..want
        }
    }

    /// The row of the stage. Old pods are chosen only while every new one is in traffic: when one was lost
    /// after the stage began and before they were chosen, its replacement comes in first.
    fn row(&self, seen: &Observation) -> Row {
        let row = table::of(self.kind, self.batch.stage);
        let chosen = |shape: &Shape| shape.partition <= self.after().stale;
        let first = self.kind == Kind::Replace && !seen.shape.as_ref().is_some_and(chosen);
        if self.batch.stage == Stage::Leaving
            && first
            && until::unmet(Until::In, &seen.pods, self.after()).is_some()
        {
            return Row { shrunk: false, until: Until::In, ..row };
        }
        row
    }

    /// What keeps up while the flow is paused: pods that are not of the current batch stay in traffic,
    /// and what others chose to remove leaves.
    pub(super) fn upkeep(&self, seen: &Observation, now: Timestamp) -> Option<Effect> {
        let row = table::of(self.kind, self.batch.stage);
        let been_in = row.admit && self.batch.stage > Stage::PullingIn;
        tend(self.rule(been_in, self.batch.stage != Stage::Leaving), &seen.pods, now)
    }

    /// Pods of work when this batch is done.
    pub(super) const fn end(&self) -> u32 {
        self.done.saturating_add(self.batch.size)
    }

    const fn before(&self) -> Goal {
        goal::goal(self.kind, self.plan, self.done)
    }

    const fn after(&self) -> Goal {
        goal::goal(self.kind, self.plan, self.end())
    }

    fn rule(&self, admit: bool, go: bool) -> Tend {
        let floor = self.before().total().min(self.after().total()).min(self.batch.serving);
        let admit = if admit { u32::MAX } else { self.before().fresh };
        Tend { admit, floor, go, drain: self.flow.spec.drain }
    }

    const fn last(&self) -> bool {
        self.end() >= self.plan.work
    }

    /// Something is missing: wait for it, but not beyond the deadline of the stage.
    /// In a stage that may ask a person the time runs from when something went missing.
    fn late(&self, ask: bool, seen: &Observation, waiting: Waiting, now: Timestamp) -> Decision {
        if ask && self.batch.met {
            let batch = Batch { met: false, since: now, ..self.batch };
            return self.rolling(self.done, batch, Why::PodsMissing { batch: batch.number });
        }
        let deadline = self.batch.since.plus(self.flow.orders.deadline);
        if now >= deadline {
            return self.hold(HoldReason::DeadlineExceeded);
        }
        let drained = next_drain(self.flow.spec.drain, &seen.pods).filter(|at| *at > now);
        Decision::Wait(waiting, drained.map_or(deadline, |at| at.min(deadline)))
    }

    /// Everything is there: ask a person, wait for the interval, or go on.
    fn pass(&self, until: Until, next: Option<Stage>, seen: &Observation, now: Timestamp) -> Decision {
        let (flow, batch) = (self.flow, &self.batch);
        let asked = gate::asked(&flow.spec, batch, self.last());
        if let Some(Target { batch: number, phase }) =
            gate::missing(&flow.spec, &flow.orders, batch, self.last())
        {
            if !batch.met {
                let why = Why::Reached { batch: number, stage: batch.stage };
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
        match next {
            Some(stage) => {
                let why = Why::Reached { batch: batch.number, stage };
                let batch = Batch { stage, since: now, met: true, ..*batch };
                self.rolling(self.done, batch, why)
            }
            None if self.last() => {
                let progress = Progress::Verifying { plan: self.plan.clone(), since: now, hold: None };
                Decision::Move(progress, Why::AllBatchesDone)
            }
            None => start(flow, self.plan, self.end(), batch.number.saturating_add(1), seen, now),
        }
    }

    fn hold(&self, reason: HoldReason) -> Decision {
        let hold = Some(Hold { reason, resumes: self.flow.orders.resumes });
        self.rolling(self.done, Batch { hold, ..self.batch }, Why::Held { reason })
    }

    fn rolling(&self, done: u32, batch: Batch, why: Why) -> Decision {
        Decision::Move(Progress::Rolling { plan: self.plan.clone(), done, batch }, why)
    }
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
        let progress = Progress::Verifying { plan: plan.clone(), since: now, hold: None };
        return Decision::Move(progress, Why::AllBatchesDone);
    }
    let batch = Batch {
        number,
        size,
        canary: goal::is_canary(&flow.spec, number),
        stage: Stage::Queued,
        since: now,
        serving: serving(&seen.pods),
        hold: None,
        forgiven: false,
        met: true,
    };
    let why = Why::BatchStarted { batch: number, size };
    Decision::Move(Progress::Rolling { plan: plan.clone(), done, batch }, why)
}

/// New pods that fail now.
fn failing(pods: &crate::model::Pods) -> u32 {
    pods.count(Facts::FRESH | Facts::FAILED, Facts::MARKED)
}
