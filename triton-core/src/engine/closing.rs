//! The end: cancel, shed, restore, revert, verify.

use alloc::collections::BTreeSet;

use super::decision::{Decision, Effect, Waiting, Why};
use super::goal::{self, goal};
use super::look::{ask, is_behind, is_mine};
use super::shape;
use super::tend::{Tend, cleared, drains, held_back, hooked, steer};
use crate::model::{
    Action, Base, Batch, Brings, CancelPolicy, Facts, Failure, Flow, FlowId, Hold, HoldReason, Kind,
    Observation, OnFailure, Plan, Progress, Seconds, Shape, Stage, Timestamp, Verdict, WorkloadChange,
};

/// What a cancelled flow does now; `None` when it is closing already or has ended.
pub(super) fn cancel(flow: &Flow, seen: &Observation, now: Timestamp) -> Option<Decision> {
    if flow.progress.base().is_some_and(|base| base.turned) {
        return None;
    }
    match &flow.orders.superseded {
        None => close(flow, seen, now, Verdict::Canceled, Why::Canceling),
        Some(by) => {
            let id = FlowId { namespace: flow.id.namespace.clone(), name: by.clone() };
            close(flow, seen, now, Verdict::Aborted { by: id }, Why::GivingWay { to: by.clone() })
        }
    }
}

/// What a flow does that is to stop by itself when it fails; `None` where it holds.
pub(super) fn stop(flow: &Flow, seen: &Observation, reason: HoldReason, now: Timestamp) -> Option<Decision> {
    let turned = flow.progress.base().is_some_and(|base| base.turned);
    if flow.spec.on_failure == OnFailure::Pause || turned {
        return None;
    }
    close(flow, seen, now, Verdict::Canceled, Why::Stopping { reason })
}

fn close(flow: &Flow, seen: &Observation, now: Timestamp, verdict: Verdict, why: Why) -> Option<Decision> {
    let over = matches!(flow.progress, Progress::Closing { .. } | Progress::Finished { .. });
    if is_mine(seen) && seen.left.is_some() && !over {
        // There is no clean state to return to: it stays as another flow left it, for the next one.
        return Some(Decision::end(verdict, now));
    }
    let (plan, keep, serving, shed) = match &flow.progress {
        // What it had found, and would restore, is not known any more.
        Progress::Pending if is_behind(flow, seen) => {
            return Some(Decision::end(Failure::StatusLost.into(), now));
        }
        Progress::Pending => return Some(Decision::end(verdict, now)),
        Progress::Preparing { base } => (goal::plan(base.clone(), 0), 0, base.from, true),
        Progress::Rolling { plan, done, batch } => {
            // Where pods leave by name, or without successors, there is nothing to shed.
            let named = plan.base.kind == Kind::Swap && plan.base.brings == Brings::Nothing;
            let shed = named || plan.base.kind == Kind::Shrink;
            (plan.clone(), kept(plan, *done, batch, seen), batch.serving, shed)
        }
        Progress::Verifying { plan, .. } => (plan.clone(), plan.work, u32::MAX, false),
        Progress::Closing { .. } | Progress::Finished { .. } => return None,
    };
    let of_batch = |batch: &Batch| goal::missing_of(&flow.spec, &plan, batch.size);
    let missing = flow.progress.batch().map_or_else(|| plan.base.spares(), of_batch);
    let floor = goal(&plan, keep).total().saturating_sub(missing).min(serving);
    Some(Decision::Move(Progress::Closing { plan, verdict, keep, floor, shed }, why))
}

/// How much of the work stays done. Once the workload's controller was told to let old pods leave, that exchange is
/// completed; before, the new pods go. Where old pods leave first, new ones stay once all of the batch serve. Where pods
/// only leave, those that are not let go yet return.
fn kept(plan: &Plan, done: u32, batch: &Batch, seen: &Observation) -> u32 {
    let end = done.saturating_add(batch.size);
    let held = |with| {
        let gone = seen.pods.count(with | Facts::MARKED, Facts::HOOKED);
        seen.pods.count(with, Facts::empty()).saturating_sub(gone)
    };
    let lets_leave = seen.shape.as_ref().is_some_and(|shape| shape::lets_leave(plan, end, shape));
    match (plan.base.kind, &plan.base.brings) {
        (Kind::Grow, _) if batch.stage >= Stage::Leaving => end,
        (Kind::Replace, _) if batch.stage >= Stage::Leaving && lets_leave => end,
        (Kind::Swap, _) if batch.stage >= Stage::Proving => end,
        (Kind::Swap, Brings::Nothing) => plan.work.saturating_sub(held(Facts::LISTED)).clamp(done, end),
        (Kind::Shrink, _) => plan.base.from.saturating_sub(held(Facts::empty())).clamp(done, end),
        (Kind::Grow | Kind::Replace | Kind::Swap, _) => done,
    }
}

/// Where a cancelled flow is while it leaves the world clean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing<'a> {
    pub(super) flow: &'a Flow,
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
        let Self { flow, plan, keep, floor, shed, .. } = *self;
        if !is_mine(seen) {
            return Decision::end(self.verdict.clone(), now);
        }
        let wanted = goal(plan, keep);
        let asked = || ask(seen, self.shape(seen)).or_else(|| self.cleared(seen));
        if let Some(effect) = hooked(&seen.pods).or_else(asked) {
            return Decision::Act(effect);
        }
        let admit = if plan.base.is_new(seen.revision.as_ref()) { wanted.fresh } else { u32::MAX };
        let rule = Tend { admit, floor, go: true, drain: flow.spec.drain };
        if let Some(effect) = steer(rule, &seen.pods) {
            return Decision::Act(effect);
        }
        if let Some(effect) = self.called_back(seen) {
            return Decision::Act(effect);
        }
        let marked = seen.pods.count(Facts::MARKED, Facts::empty());
        let surplus = seen.pods.len().saturating_sub(marked).saturating_sub(wanted.total());
        let left = marked.saturating_add(surplus).max(self.foreign(seen));
        if left > 0 && !self.is_crowded(seen) {
            return Decision::look_again(Waiting::Out { pods: left, drains: false }, now);
        }
        if shed {
            return self.ended(now);
        }
        let (plan, verdict) = (plan.clone(), self.verdict.clone());
        Decision::Move(Progress::Closing { plan, verdict, keep, floor, shed: true }, Why::Shed)
    }

    /// The last pods that serve are to be deleted, and no others can serve in their places while the flow's
    /// template is there: more new ones than were ever wanted have come, and no old one.
    fn is_crowded(&self, seen: &Observation) -> bool {
        let Self { plan, shed, .. } = *self;
        let crowd = seen.pods.count(Facts::FRESH, Facts::MARKED) > plan.base.from.max(plan.base.to);
        let waits = held_back(&seen.pods, Facts::DOOMED, Facts::empty()) > 0
            && held_back(&seen.pods, Facts::empty(), Facts::DOOMED) == 0;
        !shed && plan.base.kind.exchanges() && !plan.base.by_name() && crowd && waits
    }

    /// The world is clean. What was ordered to return goes on doing so in batches.
    fn ended(&self, now: Timestamp) -> Decision {
        let Self { flow, plan, keep, .. } = *self;
        let ordered = if flow.orders.canceled {
            flow.spec.cancel_policy == CancelPolicy::Revert
        } else {
            flow.spec.on_failure == OnFailure::Rollback
        };
        let back = plan.base.previous.clone().filter(|_| {
            ordered && keep > 0 && plan.base.kind.exchanges() && plan.base.brings != Brings::Nothing
        });
        match (back, self.verdict) {
            (Some(previous), Verdict::Canceled) => {
                let size = goal(plan, keep).total();
                let mut base = Base {
                    brings: Brings::Revision(previous),
                    turned: true,
                    from: size,
                    to: size,
                    partition: 0,
                    previous: None,
                    brought: None,
                    ..plan.base.clone()
                };
                // Its own is an old one now.
                base.knows(plan.base.brought.clone());
                Decision::Move(Progress::Preparing { base }, Why::Reverting)
            }
            (_, verdict) => Decision::end(verdict.clone(), now),
        }
    }

    fn shape(&self, seen: &Observation) -> Shape {
        let Self { plan, keep, shed, .. } = *self;
        let want = if shed { shape::restored(plan, keep) } else { shape::shedding(plan, keep) };
        let doomed = match (plan.base.kind, &plan.base.brings) {
            (Kind::Shrink, _) => Some(BTreeSet::new()),
            (Kind::Replace | Kind::Swap, Brings::Nothing) => {
                Some(shape::doomed(seen, plan, goal(plan, keep), true))
            }
            // To the workload's controller new ones are old ones now, and its partition might keep them. Where it starts
            // such ones itself in the places of old ones, they are as good.
            (Kind::Replace | Kind::Swap, _)
                if shed && plan.base.partition > 0 && seen.stable != plan.base.brought =>
            {
                let new = seen.pods.count(Facts::FRESH, Facts::CURRENT);
                let surplus = new.saturating_sub(goal(plan, keep).fresh);
                // In a swap new ones may be in traffic already.
                let names = if plan.base.kind == Kind::Swap { shape::brought } else { shape::unasked };
                (surplus > 0).then(|| names(seen, surplus)).filter(|names| !names.is_empty())
            }
            (_, _) => None,
        };
        Shape { doomed, ..want }
    }

    /// Pods that were chosen to be exchanged and not let go yet stay: the old ones, once the partition keeps
    /// them, and later those of the restored template.
    fn cleared(&self, seen: &Observation) -> Option<Effect> {
        // Before, only a swap chose pods that way; elsewhere the workload's controller does, and means it.
        let swaps = self.shed || self.plan.base.kind == Kind::Swap;
        if !(swaps && shape::restores(self.plan, self.keep)) {
            return None;
        }
        let current = Facts::CURRENT;
        let (with, without) = if self.shed { (current, Facts::empty()) } else { (Facts::empty(), current) };
        cleared(&seen.pods, with, without)
    }

    /// Pods that the restored template replaces: more of another revision than the workload is told to keep.
    fn foreign(&self, seen: &Observation) -> u32 {
        if !(self.shed && shape::restores(self.plan, self.keep)) {
            return 0;
        }
        let partition = seen.shape.as_ref().and_then(|shape| shape.partition).unwrap_or(u32::MAX);
        seen.pods.count(Facts::empty(), Facts::CURRENT | Facts::MARKED).saturating_sub(partition)
    }

    /// Room for every pod, where the floor holds chosen pods back in traffic while new pods that are not
    /// kept, and not ready, were not chosen: a pod that was lost since made the controller's choice wrong,
    /// and it chooses nothing more while anything is chosen. With room for all it returns them, and then
    /// chooses anew, the ones that are not ready first. As many old pods more are asked for as pods in all,
    /// so that no new one starts.
    fn called_back(&self, seen: &Observation) -> Option<Effect> {
        let Self { plan, keep, shed, .. } = *self;
        let wanted = goal(plan, keep);
        let left = seen.pods.count(Facts::FRESH, Facts::MARKED);
        let ready = Facts::FRESH | Facts::BOOTED;
        let steered = seen.pods.count(ready | Facts::ASKED, Facts::MARKED);
        let ready =
            steered.saturating_add(seen.pods.count(ready, Facts::MARKED | Facts::GATED | Facts::ASKED));
        if shed || plan.base.by_name() || left <= ready || left <= wanted.fresh {
            return None;
        }
        let rest = shape::shedding(plan, keep);
        // One that is named to be deleted, or marked for it, never returns: room for it would be filled by another pod.
        if held_back(&seen.pods, Facts::empty(), Facts::DOOMED) == 0 {
            if !plan.base.kind.exchanges() || held_back(&seen.pods, Facts::DOOMED, Facts::empty()) == 0 {
                return None;
            }
            // They stay in traffic until others serve in their places: old ones, beside all new ones. Where no old pod
            // is left, the workload's controller starts new ones instead: then more would be asked for each time.
            if self.is_crowded(seen) {
                return None;
            }
            let (replicas, partition) = (left.saturating_add(wanted.stale), Some(wanted.stale));
            return ask(seen, Shape { replicas, partition, ..rest });
        }
        let more = seen.pods.count(Facts::empty(), Facts::DOOMED).saturating_sub(rest.replicas);
        let partition = rest.partition.map(|partition| {
            if plan.base.kind == Kind::Grow { partition } else { partition.saturating_add(more) }
        });
        ask(seen, Shape { replicas: rest.replicas.saturating_add(more), partition, ..rest })
    }
}

/// All batches are done: the final check begins.
pub(super) const fn verifying(plan: Plan, now: Timestamp) -> Progress {
    Progress::Verifying { plan, since: now, counted: Seconds(0), hold: None, edited: None }
}

/// What keeps up while the whole world is compared with the spec.
pub(super) fn verified(flow: &Flow, plan: &Plan) -> Tend {
    let floor = goal(plan, plan.work).total().saturating_sub(plan.base.spares());
    Tend { admit: u32::MAX, floor, go: true, drain: flow.spec.drain }
}

/// Whether all pods are as ordered, and none that is being deleted may take traffic still.
pub(super) fn is_as_ordered(flow: &Flow, plan: &Plan, seen: &Observation) -> bool {
    let wanted = goal(plan, plan.work).total();
    // A workload is removed after its last pod.
    let last = flow.spec.action != Action::Delete || seen.ending == 0;
    running(seen) == wanted && seen.pods.len() == wanted && seen.terminating == 0 && last
}

fn running(seen: &Observation) -> u32 {
    seen.pods.count(Facts::FRESH | Facts::BOOTED | Facts::IN, Facts::MARKED)
}

/// The final check: Success is said only of a world that is as ordered at this very look.
pub(super) fn verify(
    flow: &Flow,
    (plan, since, counted, edited): (&Plan, Timestamp, Seconds, Option<u64>),
    seen: &Observation,
    now: Timestamp,
) -> Decision {
    let (ready, wanted) = (running(seen), goal(plan, plan.work).total());
    let asked = || ask(seen, shape::at_rest(plan, plan.work));
    if let Some(effect) = hooked(&seen.pods).or_else(asked) {
        return Decision::Act(effect);
    }
    if let Some(effect) = steer(verified(flow, plan), &seen.pods) {
        return Decision::Act(effect);
    }
    if is_as_ordered(flow, plan, seen) {
        return match (flow.spec.action, plan.base.turned) {
            (Action::Delete, _) => Decision::change_workload(WorkloadChange::Remove),
            (_, true) => Decision::end(Verdict::Canceled, now),
            (_, false) => Decision::end(Verdict::Succeeded, now),
        };
    }
    let Some(left) = left(flow, counted) else {
        let stuck = seen.pods.any(Facts::STUCK, Facts::MARKED);
        let reason = if stuck { HoldReason::PodsFailed } else { HoldReason::DeadlineExceeded };
        let hold = Some(Hold { reason, resumes: flow.orders.resumes });
        let held = || Progress::Verifying { plan: plan.clone(), since, counted, hold, edited };
        // What serves as ordered is not given up for a pod that takes long to end.
        let stopped =
            if ready == wanted && seen.pods.len() == wanted { None } else { stop(flow, seen, reason, now) };
        return stopped.unwrap_or_else(|| Decision::Move(held(), Why::Held { reason }));
    };
    let drains = drains(flow.spec.drain, seen) || seen.draining;
    Decision::Wait(Waiting::Verify { ready, of: wanted, drains }, now.plus(left))
}

/// How much of its deadline a stage has left after the time that counts; `None` when it is over.
pub(super) fn left(flow: &Flow, counted: Seconds) -> Option<Seconds> {
    flow.orders.deadline.0.checked_sub(counted.0).filter(|left| *left > 0).map(Seconds)
}
