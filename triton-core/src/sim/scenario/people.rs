//! People: they make flows, give permission, and change their minds.

use core::future::Future;
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::vec::Vec;

use super::super::flows::Entry;
use super::super::tally::Fault;
use super::runner::Runner;
use super::{StepKind, Violation, draw};
use crate::model::{BatchPhase, Command, Draft, FlowId, Seconds, Target, Timestamp, UpdateStrategy};
use crate::ports::NewFlow;
use crate::service::{ApiError, CreateFlow, DeployApi};

impl Runner<'_> {
    /// Makes the next flow: when the one before has ended, or, now and then, while it runs; in a crowd at once.
    pub(super) fn make_flow(&mut self, now: Timestamp) -> Result<(), Violation> {
        let nth = self.flows.len();
        if nth >= self.drafts.len() || now < self.next_flow_at {
            return Ok(());
        }
        let busy = self.flows.iter().any(|id| !self.has_ended(id));
        self.next_flow_at = now.plus(Seconds(self.random.between(1, 10)));
        if busy && !self.chaos.crowd && (self.healed || !self.random.chance(30)) {
            return Ok(());
        }
        let id = draw::flow_id(nth);
        let namespace = id.namespace.clone();
        let draft = self.with_pods(self.drafts[nth].clone());
        let made = CreateFlow { namespace, name: Some(id.name.clone()), draft };
        if let Err(error) = ready(self.service.create(made)) {
            return Err(self.violation(&std::format!("a drawn flow was refused: {error}")));
        }
        self.flows.push(id.clone());
        self.note(StepKind::Made { flow: id })
    }

    /// Some flows name the pods that they remove or restart.
    fn with_pods(&mut self, mut draft: Draft) -> Draft {
        if !matches!(draft.action.as_str(), "scale_in" | "restart") || self.random.chance(500) {
            return draft;
        }
        let world = self.sim.world();
        let Some(workload) = world.workload(&draw::instance()) else { return draft };
        let most = match draft.replicas {
            Some(to) => workload.replicas.saturating_sub(u32::try_from(to).unwrap_or(0)),
            None => workload.replicas,
        };
        let names = workload.active().map(|pod| pod.name.to_string());
        let names: Vec<_> = names.take(usize::try_from(most).unwrap_or(0)).collect();
        if let Some(strategy) = &mut draft.non_update_strategy {
            strategy.pods_to_delete = (!names.is_empty()).then_some(names);
        }
        draft
    }

    /// People look at the flows and order what they please.
    pub(super) fn people(&mut self, now: Timestamp) -> Result<(), Violation> {
        if now < self.people_at {
            return Ok(());
        }
        self.people_at = now.plus(Seconds(self.random.between(1, 8)));
        let open: Vec<FlowId> = self.flows.iter().filter(|id| !self.has_ended(id)).cloned().collect();
        for id in open {
            let Some(command) = self.wish(&id) else { continue };
            let allowed = self.ask(&id, command).is_ok();
            self.note(StepKind::Asked { flow: id, command, allowed })?;
        }
        Ok(())
    }

    /// Somebody applies a folder of flows again, of which one had ended and was removed, if it is time.
    pub(super) fn again(&mut self, now: Timestamp) -> Result<(), Violation> {
        if self.healed || !self.chaos.people {
            return Ok(());
        }
        let Some(random) = self.again.due(now, 3, 60) else { return Ok(()) };
        let (at, often) = (random.index(self.flows.len()), random.chance(500));
        let Some(id) = at.map(|at| self.flows[at].clone()).filter(|id| often && self.has_ended(id)) else {
            return Ok(());
        };
        let mut world = self.sim.world();
        let Some(mut draft) = world.flows().get(&id).map(|entry| entry.draft.clone()) else { return Ok(()) };
        let fresh = |strategy: &mut UpdateStrategy| {
            (strategy.paused, strategy.canceled, strategy.resumes) = (None, None, None);
            strategy.superseded_by = None;
        };
        draft.update_strategy.iter_mut().for_each(fresh);
        if let Some(strategy) = &mut draft.non_update_strategy {
            let mut orders = UpdateStrategy::from(strategy.clone());
            fresh(&mut orders);
            strategy.take_orders(&orders);
        }
        if !world.delete_flow(&id) {
            return Ok(());
        }
        let new = NewFlow { id: id.clone(), draft, instance: draw::instance().name };
        if world.create_flow(new).is_ok() {
            world.tally.count(Fault::FlowAgain);
        }
        drop(world);
        self.note(StepKind::Outside(std::format!("{id} made again")))
    }

    /// What somebody wants of a flow now. Once everything has healed: only that it goes on.
    fn wish(&mut self, id: &FlowId) -> Option<Command> {
        let waits = self.sim.world().flows().get(id)?.record.waiting.as_ref().map(|w| w.reason.clone());
        let going_on = match waits.as_deref() {
            Some("Approval") => Some(Command::Next { expected: None }),
            Some("Paused" | "PodsFailed" | "DeadlineExceeded" | "Drift" | "Resized") => Some(Command::Resume),
            _ => None,
        };
        if self.healed {
            return going_on;
        }
        if going_on.is_some() && self.random.chance(600) {
            return going_on;
        }
        if !self.chaos.people {
            return None;
        }
        match self.random.below(150) {
            0..=2 => Some(Command::Pause),
            3 | 4 => Some(Command::Resume),
            5 => Some(Command::Cancel),
            6 | 7 => Some(Command::Next { expected: None }),
            8 => Some(Command::GoTo(Target { batch: self.random.between(1, 4), phase: BatchPhase::Baked })),
            9 => Some(Command::Delete),
            _ => None,
        }
    }

    fn ask(&mut self, id: &FlowId, command: Command) -> Result<(), ApiError> {
        let service = self.service.clone();
        match command {
            Command::Next { expected } => ready(service.next(id, expected)).map(|_| ()),
            Command::GoTo(target) => ready(service.go_to(id, target)).map(|_| ()),
            Command::Pause => ready(service.pause(id)).map(|_| ()),
            Command::Resume => ready(service.resume(id)).map(|_| ()),
            Command::Cancel => ready(service.cancel(id)).map(|_| ()),
            // As `kubectl delete` does it: the API refuses it for a flow that runs.
            Command::Delete => {
                self.sim.world().delete_flow(id);
                Ok(())
            }
        }
    }

    /// Whether a flow has ended or is gone.
    pub(super) fn has_ended(&self, id: &FlowId) -> bool {
        self.sim.world().flows().get(id).is_none_or(Entry::is_finished)
    }
}

/// The answer of a future that does not wait for anything.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        // A host without faults is never held up.
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return answer;
        }
    }
}
