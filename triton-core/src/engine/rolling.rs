//! The interpreter of the table: shape, tend, until, gate, move. First hit wins.

mod came;
mod failed;
mod held_up;
mod kept;

use alloc::collections::BTreeSet;

use self::kept::lost;
use super::closing::{left, stop, verifying};
use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::{self, Goal};
use super::look::{ask, has_template};
use super::table::{self, Row, Until};
use super::tend::{Tend, hooked, ordered, serving, steer, tend};
use super::{gate, resized, shape, until};
use crate::model::{
    Base, Batch, Brings, Facts, Flow, Hold, HoldReason, Kind, MAX_NAMED, Observation, Plan, PodName,
    Progress, Seconds, Shape, Spec, Stage, Succession, Target, Timestamp, Tolerance,
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

    /// The shape of the stage, and which new pods leave that nobody asked for.
    fn shape(&self, row: Row, seen: &Observation) -> Shape {
        let want = self.shape_of(row, seen);
        let doomed = want.doomed.clone().or_else(|| self.unasked(row, &want, seen));
        Shape { doomed, ..want }
    }

    /// The numbers of the stage. Old pods that others added are kept until old pods leave anyway: the
    /// workload's controller would exchange them for new ones, wait for new pods to be available that the
    /// batch does not pull in yet, and never get on.
    fn shape_of(&self, row: Row, seen: &Observation) -> Shape {
        let want = shape::rolling(self.plan, self.done, self.end(), row);
        // Pods that are to be deleted anyway are replaced one by one beside them: to keep those too would ask for more
        // and more.
        let others = |known| {
            let leave = Facts::MARKED | Facts::DOOMED | Facts::FOREIGN;
            seen.pods.count(Facts::empty(), known | leave)
        };
        let stays = self.kind() == Kind::Replace && !row.shrunk;
        match want.partition {
            None if self.kind() != Kind::Grow => {
                // Names that stayed would leave although more pods are asked for.
                let chosen = || shape::doomed(seen, self.plan, self.after(), false);
                // Pods that were chosen to be updated in place, for a template of others, count as unavailable: none
                // that is named would be chosen beside them. Choosing is safe: hooked pods stay until they are let go.
                let waits = seen.pods.any(Facts::UNAVAILABLE, Facts::empty());
                let unavailable = if waits { want.replicas.max(1) } else { want.unavailable };
                // Without them in the numbers no new pod would be started beside them.
                let more = if stays { others(Facts::FRESH).saturating_sub(self.before().stale) } else { 0 };
                let replicas = want.replicas.saturating_add(more);
                let doomed = Some(row.shrunk.then(chosen).unwrap_or_default());
                Shape { replicas, doomed, unavailable, ..want }
            }
            // Where others set the size, it is right: old pods that are too many leave by name, not for new ones.
            Some(stay) if stays && self.plan.base.followed.is_some() && has_template(seen, &want) => {
                let doomed = Some(shape::surplus(seen, stay)).filter(|names| !names.is_empty());
                Shape { doomed, ..want }
            }
            Some(partition) if stays => {
                // Which pods are new cannot be told before the flow's template is in place again.
                let more = if has_template(seen, &want) {
                    others(Facts::FRESH).saturating_sub(partition)
                } else {
                    others(Facts::empty()).saturating_sub(want.replicas)
                };
                let (replicas, partition) =
                    (want.replicas.saturating_add(more), partition.saturating_add(more));
                Shape { replicas, partition: Some(partition), ..want }
            }
            Some(_) if row.until == Until::Gone => match self.leave_idle(want.replicas, seen) {
                0 => self.sheds(want, row, seen),
                idle => Shape { doomed: Some(shape::idle(seen, idle)), ..want },
            },
            None | Some(_) => self.sheds(want, row, seen),
        }
    }

    /// New pods that nobody asked for leave by name as far as old ones are missing, which come in their places: where
    /// others set a size, a partition or names of pods, the workload's controller starts what is missing at the new
    /// revision. Those in traffic stay.
    fn unasked(&self, row: Row, want: &Shape, seen: &Observation) -> Option<BTreeSet<PodName>> {
        // Where none of an earlier revision would be started in their places, new ones would be, without end.
        let starts_old = seen.stable.is_some() && seen.stable != seen.revision;
        let old_come = self.limited() && starts_old && has_template(seen, want);
        let partition = want.partition.filter(|_| old_come)?;
        let wanted = self.wanted(row);
        // Those in traffic that are to be deleted leave once the pods in their places serve.
        let serves = Facts::ASKED | Facts::IN;
        let stays = seen.pods.count(Facts::FRESH, Facts::DOOMED);
        let never = seen.pods.count(Facts::FRESH | Facts::DOOMED, serves);
        let surplus = stays.saturating_add(never).saturating_sub(wanted.fresh);
        let old = seen.pods.count(Facts::empty(), Facts::FRESH | Facts::MARKED | Facts::FOREIGN);
        let leaving = seen.pods.count(Facts::FRESH | Facts::MARKED, serves);
        let leave = surplus.min(partition.saturating_sub(old).saturating_add(leaving)).min(MAX_NAMED);
        (leave > 0).then(|| shape::unasked(seen, leave))
    }

    /// Failed pods that a batch goes on without leave by name: the workload's controller might choose others.
    fn sheds(&self, want: Shape, row: Row, seen: &Observation) -> Shape {
        let fresh = seen.pods.count(Facts::FRESH, Facts::empty());
        let surplus = fresh.saturating_sub(self.after().fresh);
        let tolerant = row.grown && self.flow.spec.tolerance != Tolerance::Nothing && surplus > 0;
        let doomed = tolerant.then(|| shape::failed(seen, surplus));
        Shape { doomed: doomed.or(want.doomed), ..want }
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

/// Whether a shape asks for more new pods than the workload is told to have.
fn asks_for_more(want: &Shape, seen: &Observation) -> bool {
    let new = |shape: &Shape| shape.replicas.saturating_sub(shape.partition.unwrap_or(0));
    seen.shape.as_ref().is_some_and(|told| new(want) > new(told))
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
