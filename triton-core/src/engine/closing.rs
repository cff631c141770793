//! The end: cancel, shed, restore, verify.

use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::{self, goal};
use super::look::{ask, is_mine};
use super::shape;
use super::tend::{Tend, next_drain, tend};
use crate::model::{
    Facts, Failure, Flow, Hold, HoldReason, Kind, Observation, Plan, Progress, Seconds, Shape, Stage,
    Timestamp, Verdict,
};

/// When to look again where nothing else says so.
pub(super) const LOOK_AGAIN: Seconds = Seconds(60);

/// What a cancelled flow does now; `None` when it is closing already or has ended.
pub(super) fn cancel(flow: &Flow, kind: Kind, now: Timestamp) -> Option<Decision> {
    let verdict = Verdict::Canceled;
    let closing = |plan: Plan, keep: u32, serving: u32, shed: bool| {
        let floor = goal(kind, &plan, keep).total().min(serving);
        let progress = Progress::Closing { plan, verdict: Verdict::Canceled, keep, floor, shed };
        Some(Decision::Move(progress, Why::Canceling))
    };
    match &flow.progress {
        Progress::Pending => Some(end(verdict, now)),
        Progress::Preparing { base } => closing(goal::plan(kind, base.clone(), 0), 0, base.from, true),
        Progress::Rolling { plan, done, batch } => {
            // Once old pods have begun to leave, that exchange is completed; before, the new pods go.
            let keep = if batch.stage >= Stage::Leaving { done.saturating_add(batch.size) } else { *done };
            closing(plan.clone(), keep, batch.serving, false)
        }
        Progress::Verifying { plan, .. } => closing(plan.clone(), plan.work, u32::MAX, false),
        Progress::Closing { .. } | Progress::Finished { .. } => None,
    }
}

/// The flow has ended.
pub(super) fn end(verdict: Verdict, at: Timestamp) -> Decision {
    let why = Why::Ended { verdict: verdict.clone() };
    Decision::Move(Progress::Finished { verdict, at }, why)
}

/// Where a cancelled flow is while it leaves the world clean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing<'a> {
    pub(super) flow: &'a Flow,
    pub(super) kind: Kind,
    pub(super) plan: &'a Plan,
    pub(super) verdict: &'a Verdict,
    pub(super) keep: u32,
    pub(super) floor: u32,
    pub(super) shed: bool,
}

impl Closing<'_> {
    /// First the new pods that are not kept leave, with the new template still in place so that the
    /// workload's controller chooses them; then the template is restored. One write for both would make
    /// it choose serving pods.
    pub(super) fn step(&self, seen: &Observation, now: Timestamp) -> Decision {
        let Self { flow, kind, plan, keep, floor, shed, .. } = *self;
        if !is_mine(seen) {
            return end(self.verdict.clone(), now);
        }
        let wanted = goal(kind, plan, keep);
        let want = if shed { shape::restored(kind, plan, keep) } else { shape::shedding(kind, plan, keep) };
        if let Some(effect) = ask(seen, want) {
            return Decision::Act(effect);
        }
        // A flow that brought the very template that served before exposes nothing new.
        let same = plan.base.previous.is_some() && plan.base.previous == seen.revision;
        let admit = if same { u32::MAX } else { wanted.fresh };
        let rule = Tend { admit, floor, go: true, drain: flow.spec.drain };
        if let Some(effect) = tend(rule, &seen.pods, now) {
            return Decision::Act(effect);
        }
        if let Some(effect) = self.called_back(seen) {
            return Decision::Act(effect);
        }
        let marked = seen.pods.count(Facts::MARKED, Facts::empty());
        let surplus = seen.pods.len().saturating_sub(marked).saturating_sub(wanted.total());
        let left = marked.saturating_add(surplus).max(self.foreign(seen));
        if left > 0 {
            let again = now.plus(LOOK_AGAIN);
            let drained = next_drain(flow.spec.drain, &seen.pods).filter(|at| *at > now);
            return Decision::Wait(Waiting::Out { pods: left }, drained.map_or(again, |at| at.min(again)));
        }
        if shed {
            return end(self.verdict.clone(), now);
        }
        let (plan, verdict) = (plan.clone(), self.verdict.clone());
        Decision::Move(Progress::Closing { plan, verdict, keep, floor, shed: true }, Why::Shed)
    }

    /// Pods that the restored template replaces: more of another revision than the workload is told to keep.
    fn foreign(&self, seen: &Observation) -> u32 {
        let partition = seen.shape.as_ref().map_or(u32::MAX, |shape| shape.partition);
        match self.kind {
            Kind::Replace if self.shed => {
                seen.pods.count(Facts::empty(), Facts::CURRENT | Facts::MARKED).saturating_sub(partition)
            }
            Kind::Replace | Kind::Grow => 0,
        }
    }

    /// Room for every pod, where the floor holds chosen pods back in traffic while new pods that are not
    /// kept, and not ready, were not chosen: a pod that was lost since made the controller's choice wrong,
    /// and it chooses nothing more while anything is chosen. With room for all it returns them, and then
    /// chooses anew, the ones that are not ready first. As many old pods more are asked for as pods in all,
    /// so that no new one starts.
    fn called_back(&self, seen: &Observation) -> Option<Effect> {
        let Self { kind, plan, keep, shed, .. } = *self;
        let chosen = Facts::MARKED | Facts::HOOKED | Facts::IN;
        let held = seen.pods.any(chosen | Facts::ASKED, Facts::empty())
            || seen.pods.any(chosen, Facts::ASKED | Facts::GATED);
        let left = seen.pods.count(Facts::FRESH, Facts::MARKED);
        let ready = Facts::FRESH | Facts::BOOTED;
        let steered = seen.pods.count(ready | Facts::ASKED, Facts::MARKED);
        let ready =
            steered.saturating_add(seen.pods.count(ready, Facts::MARKED | Facts::GATED | Facts::ASKED));
        if shed || !held || left <= ready || left <= goal(kind, plan, keep).fresh {
            return None;
        }
        let rest = shape::shedding(kind, plan, keep);
        let more = seen.pods.len().saturating_sub(rest.replicas);
        let partition = match kind {
            Kind::Grow => rest.partition,
            Kind::Replace => rest.partition.saturating_add(more),
        };
        ask(seen, Shape { replicas: rest.replicas.saturating_add(more), partition, ..rest })
    }
}

/// The final check: Success is said only of a world that is as ordered at this very look.
pub(super) fn verify(
    flow: &Flow,
    kind: Kind,
    (plan, since): (&Plan, Timestamp),
    seen: &Observation,
    now: Timestamp,
) -> Decision {
    let wanted = goal(kind, plan, plan.work).total();
    if let Some(effect) = ask(seen, shape::at_rest(kind, plan, plan.work)) {
        return Decision::Act(effect);
    }
    let rule = Tend { admit: u32::MAX, floor: wanted, go: true, drain: flow.spec.drain };
    if let Some(effect) = tend(rule, &seen.pods, now) {
        return Decision::Act(effect);
    }
    let ready = seen.pods.count(Facts::FRESH | Facts::BOOTED | Facts::IN, Facts::MARKED);
    if ready == wanted && seen.pods.len() == wanted && seen.terminating == 0 {
        return end(Verdict::Succeeded, now);
    }
    let deadline = since.plus(flow.orders.deadline);
    if now >= deadline {
        let reason = HoldReason::DeadlineExceeded;
        let hold = Some(Hold { reason, resumes: flow.orders.resumes });
        return Decision::Move(Progress::Verifying { plan: plan.clone(), since, hold }, Why::Held { reason });
    }
    let drained = next_drain(flow.spec.drain, &seen.pods).filter(|at| *at > now);
    Decision::Wait(Waiting::Verify { ready, of: wanted }, drained.map_or(deadline, |at| at.min(deadline)))
}

/// The flow ends because it cannot do what was ordered.
pub(super) fn fail(failure: Failure, now: Timestamp) -> Decision {
    end(Verdict::Failed(failure), now)
}
