//! Liveness: from every state, with no further mishap, the flow ends and leaves the world as it must be.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use triton_core::engine::Waiting;
use triton_core::model::{Command, Progress};

use super::events::Event;
use super::machine::{Machine, Write};
use super::oracle::{Ending, judge};
use super::setup::Budget;
use super::state::{NOW, State};
use super::view::{Reach, see};

/// More steps than any ending of these small worlds needs.
const LIMIT: usize = 400;

impl Machine {
    /// Whether the fault-free continuation of a state ends well. A state that lies on the continuation of
    /// one that does is known to do so too.
    pub(crate) fn ends_well(&self, state: &State) -> bool {
        state.broken.is_some() || self.ending(state).is_ok()
    }

    /// Follows the fault-free continuation.
    ///
    /// # Errors
    /// What it got stuck in, or how the world differs from what must be.
    pub(crate) fn ending(&self, state: &State) -> Result<(), String> {
        let mut at = State { budget: Budget::default(), ..state.clone().alone() };
        let mut path = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let print = BuildHasherDefault::<DefaultHasher>::default().hash_one(&at);
            if self.known(print) {
                break;
            }
            if !seen.insert(print) || path.len() > LIMIT {
                return Err(format!("goes round in circles at {at:?}"));
            }
            path.push(print);
            match self.goes_on(&at)? {
                Some(next) => at = next,
                None => break self.at_rest(&at)?,
            }
        }
        for print in path {
            self.shard(print).insert(print);
        }
        Ok(())
    }

    /// The next step of the fault-free continuation; `None` when all is at rest.
    fn goes_on(&self, at: &State) -> Result<Option<State>, String> {
        let write = self.decide(at).map_err(|violation| violation.to_string())?;
        let changed = |next: State| (next != *at).then_some(next);
        let mut next = at.clone();
        Self::write(&mut next, at, &write, Reach::All);
        if at.progress.is_finished() {
            self.upkeep(&mut next, at);
        }
        next.settle(&self.setup);
        if let Some(next) = changed(next) {
            return Ok(Some(next));
        }
        if let Some(next) = world_goes_on(self, at) {
            return Ok(Some(next));
        }
        let command = match write {
            Write::Nothing(Some(Waiting::Approval { .. })) => Some(Command::Next { expected: None }),
            Write::Nothing(Some(Waiting::Paused | Waiting::Held { .. })) => Some(Command::Resume),
            _ => None,
        };
        let mut next = at.clone();
        if let Some(command) = command {
            self.order(&mut next, command);
        } else {
            next.tick();
        }
        next.settle(&self.setup);
        Ok(changed(next))
    }

    fn at_rest(&self, at: &State) -> Result<(), String> {
        let Progress::Finished { verdict, .. } = &at.progress else {
            let flow = at.flow(&self.setup);
            let seen = see(at, Some(&flow));
            let decision = triton_core::engine::decide(&flow, &seen, NOW);
            return Err(format!("stuck with {decision:?} at {at:?}"));
        };
        let start = self.setup.start;
        let from = start.old + start.degraded + start.new;
        let ending = Ending { spec: &self.setup.flow.spec, verdict, from };
        judge(&ending, &see(at, Some(&at.flow(&self.setup)))).map_err(|what| format!("{what} at {at:?}"))
    }

    fn known(&self, print: u64) -> bool {
        self.shard(print).contains(&print)
    }

    fn shard(&self, print: u64) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        let at = usize::try_from(print % self.live.len() as u64).expect("a small number");
        self.live[at].lock().expect("nobody panics with the lock")
    }
}

/// The world does what is due, all of a kind at once: controller, containers, endpoints, ends.
fn world_goes_on(machine: &Machine, at: &State) -> Option<State> {
    let mut next = at.clone();
    Event::Reconcile { backward: false }.happen(&mut next, &machine.setup);
    next.settle(&machine.setup);
    if next != *at {
        return Some(next);
    }
    let mut next = at.clone();
    for at in 0..next.pods.len() {
        let pod = &mut next.pods[at];
        (pod.failed, pod.booted, pod.swapped) = (false, true, true);
        if pod.listed != pod.ready() {
            Event::Flips(at).happen(&mut next, &machine.setup);
        }
    }
    next.terminating = 0;
    next.settle(&machine.setup);
    (next != *at).then_some(next)
}
