//! The search: every step the engine, a person or the world can take from a state.

use std::collections::HashSet;
use std::sync::Mutex;

use stateright::{Model, Property};
use triton_core::engine::{
    Answer, Decision, Effect, Waiting, admit, decide, keep, rests_on_pods, tells_of_pods,
};
use triton_core::model::{BatchPhase, Command, Flow, PodsAsSeen, Progress, Target, Verdict};

use super::events::Event;
use super::invariants::{Cause, Change, Intent, Stand, Violation, judge_change, judge_intent};
use super::other::{Eyes, Kind};
use super::setup::{Budget, Setup, Start};
use super::state::{NOW, State};
use super::view::{Reach, execute, see};

/// A step of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    /// The driver looks, decides and writes.
    Step,
    /// The same, but of several pods only the first is reached.
    Part,
    /// The driver looks and decides, then this happens, then it writes.
    Late(Event),
    /// Two leaders look; the first one writes, then the second one.
    Twice,
    /// The driver looks and decides, then a person orders this, then it writes.
    Overtaken(Command),
    /// Upkeep of a workload that no flow acts on.
    Keep,
    /// The other host hears nothing more of a kind.
    Lags(Kind),
    /// The other host drives the flow.
    OtherSteps,
    /// The other host keeps up a workload that, as far as it knows, no flow acts on.
    OtherKeeps,
    /// The world goes on.
    Happens(Event),
    /// A person orders something.
    Orders(Command),
    /// The flow's deletion is asked for.
    Delete,
}

/// What the driver would write.
pub(crate) enum Write {
    Save(Progress),
    Do(Effect),
    Nothing(Option<Waiting>),
}

impl Write {
    /// Whether the driver asks first that the workload is as it was seen.
    const fn needs_confirmation(&self) -> bool {
        match self {
            Self::Do(effect) => effect.is_to_pods(),
            Self::Save(progress) => progress.is_last_word(),
            Self::Nothing(_) => false,
        }
    }

    /// Which pods the driver asks for first to be as they were seen.
    fn rests_on_pods(&self, flow: &Flow) -> Option<PodsAsSeen> {
        match self {
            Self::Do(effect) => rests_on_pods(flow, effect),
            Self::Save(progress) => tells_of_pods(&flow.progress, progress),
            Self::Nothing(_) => None,
        }
    }
}

/// The search over one configuration.
pub(crate) struct Machine {
    pub(crate) setup: Setup,
    /// States, as fingerprints, from which the flow is known to end well.
    pub(crate) live: Vec<Mutex<HashSet<u64>>>,
}

impl Machine {
    pub(crate) fn new(setup: Setup) -> Self {
        let live = (0..64).map(|_| Mutex::default()).collect();
        Self { setup, live }
    }

    /// One look and one decision; moves that follow from the same look are folded as the driver does it.
    pub(crate) fn decide(&self, state: &State) -> Result<Write, Violation> {
        let mut flow = state.flow(&self.setup);
        let seen = see(state, Some(&flow));
        let mut moved = false;
        loop {
            let decision = decide(&flow, &seen, NOW);
            judge_intent(&Intent { flow: &flow, seen: &seen, now: NOW, decision: &decision })?;
            match decision {
                Decision::Move(progress, _) => {
                    if !self.setup.folded {
                        return Ok(Write::Save(progress));
                    }
                    flow.progress = progress;
                    moved = true;
                }
                _ if moved => return Ok(Write::Save(flow.progress)),
                Decision::Act(effect) => return Ok(Write::Do(effect)),
                Decision::Wait(waiting, _) => return Ok(Write::Nothing(Some(waiting))),
                Decision::Done => return Ok(Write::Nothing(None)),
            }
        }
    }

    /// Carries out a write that was decided on `seen`; a save is refused when the flow has changed since.
    pub(crate) fn write(state: &mut State, seen: &State, write: &Write, reach: Reach) {
        match write {
            Write::Nothing(_) => {}
            Write::Do(effect) => execute(state, seen, effect, reach),
            Write::Save(progress) => {
                let of = |state: &State| {
                    (state.paused, state.canceled, state.resumes, state.target, state.leaving)
                };
                if of(state) == of(seen) && state.progress == seen.progress {
                    state.progress = progress.clone();
                }
            }
        }
    }

    fn take(&self, state: &State, action: Action) -> Result<State, Violation> {
        let mut next = state.clone();
        let mut cause = Cause::Driver;
        match action {
            Action::Step => Self::write(&mut next, state, &self.decide(state)?, Reach::All),
            Action::Part => {
                next.budget.partial -= 1;
                Self::write(&mut next, state, &self.decide(state)?, Reach::First);
            }
            Action::Late(event) => {
                next.budget.stale -= 1;
                event.happen(&mut next, &self.setup);
                // The write is not excused by what happened before it.
                self.judge(state, event.cause(), &next)?;
                let between = next.clone();
                Self::write(&mut next, state, &self.decide(state)?, Reach::All);
                self.judge(&between, Cause::Driver, &next)?;
                next.note_changes(state);
                next.settle(&self.setup);
                return Ok(next);
            }
            Action::Twice => {
                next.budget.stale -= 1;
                let write = self.decide(state)?;
                Self::write(&mut next, state, &write, Reach::All);
                Self::write(&mut next, state, &write, Reach::All);
            }
            Action::Overtaken(command) => {
                next.budget.stale -= 1;
                self.order(&mut next, command);
                Self::write(&mut next, state, &self.decide(state)?, Reach::All);
                cause = Cause::Person(command);
            }
            Action::Keep => self.upkeep(&mut next, state),
            Action::Lags(kind) => {
                next.budget.lags -= 1;
                next.fall_behind(kind);
            }
            Action::OtherSteps => self.other_steps(&mut next, state)?,
            Action::OtherKeeps => self.other_keeps(&mut next, state),
            Action::Happens(event) => {
                event.happen(&mut next, &self.setup);
                cause = event.cause();
            }
            Action::Orders(command) => {
                self.order(&mut next, command);
                cause = Cause::Person(command);
            }
            Action::Delete => {
                next.budget.deletions -= 1;
                next.leaving = true;
                cause = Cause::Person(Command::Delete);
            }
        }
        self.judge(state, cause, &next)?;
        next.note_changes(state);
        next.settle(&self.setup);
        Ok(next)
    }

    fn other_steps(&self, next: &mut State, state: &State) -> Result<(), Violation> {
        let seen = state.seen_by_other(Eyes::Driver);
        let write = self.decide(&seen)?;
        let rests = write.rests_on_pods(&seen.flow(&self.setup));
        let pods = rests.is_none_or(|which| state.knows_pods(which));
        if pods && (!write.needs_confirmation() || Self::confirmed(state, &seen)) {
            Self::write(next, &seen, &write, Reach::All);
        }
        Ok(())
    }

    fn other_keeps(&self, next: &mut State, state: &State) {
        let seen = state.seen_by_other(Eyes::Keeper);
        if Self::confirmed(state, &seen) {
            self.upkeep(next, &seen);
        }
    }

    fn judge(&self, before: &State, cause: Cause, after: &State) -> Result<(), Violation> {
        let flows = (before.flow(&self.setup), after.flow(&self.setup));
        let worlds = (see(before, Some(&flows.0)), see(after, Some(&flows.1)));
        let full = self.setup.budget;
        let spent = full.losses - after.budget.losses + full.failures - after.budget.failures;
        judge_change(&Change {
            before: Stand { flow: &flows.0, world: &worlds.0 },
            cause,
            after: Stand { flow: &flows.1, world: &worlds.1 },
            mishaps: u32::from(spent),
            // Of a host that hears nothing of endpoints, a pod for each that it is mistaken about.
            unheard: before.unheard(),
            fewer: 0,
            strangers: 0,
        })
    }

    /// A person orders something; what is refused changes nothing.
    pub(crate) fn order(&self, state: &mut State, command: Command) {
        match command {
            Command::Pause => state.budget.pauses = state.budget.pauses.saturating_sub(1),
            Command::Cancel => state.budget.cancels = state.budget.cancels.saturating_sub(1),
            Command::GoTo(_) => state.budget.jumps = state.budget.jumps.saturating_sub(1),
            Command::Next { .. } | Command::Resume | Command::Delete => {}
        }
        let mut flow = state.flow(&self.setup);
        flow.orders.canceled = state.canceled;
        if let Ok(Answer::Orders(orders)) = admit(&flow, command) {
            state.order(&orders);
        }
    }

    /// What the keeper does where no flow holds the workload.
    pub(crate) fn upkeep(&self, state: &mut State, before: &State) {
        if before.set.is_none_or(|set| set.locked || !set.observed) {
            return;
        }
        if let Some(effect) = keep(&see(before, None), self.setup.flow.spec.drain) {
            execute(state, before, &effect, Reach::All);
        }
    }

    fn commands(&self, state: &State, into: &mut Vec<Command>) {
        if state.progress.is_finished() {
            return;
        }
        into.extend([Command::Next { expected: None }, Command::Resume]);
        if state.budget.pauses > 0 && !state.paused {
            into.push(Command::Pause);
        }
        if state.budget.cancels > 0 && !state.canceled {
            into.push(Command::Cancel);
        }
        if state.budget.jumps > 0 {
            let to = |batch, phase| Command::GoTo(Target { batch, phase });
            into.extend([to(1, BatchPhase::Baked), to(2, BatchPhase::Smoking), to(9, BatchPhase::Baked)]);
        }
    }
}

impl Model for Machine {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::first(&self.setup)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.is_some() {
            return;
        }
        let Budget { stale, partial, deletions, lags, .. } = state.budget;
        let (mut events, mut commands) = (Vec::new(), Vec::new());
        Event::all(state, &mut events);
        self.commands(state, &mut commands);
        actions.push(Action::Step);
        // Beside a running flow this host sees the lock.
        if state.progress.is_finished() {
            actions.push(Action::Keep);
        }
        if lags > 0 {
            let more = self.setup.behind.iter().filter(|kind| !state.other.has(**kind));
            actions.extend(more.copied().map(Action::Lags));
        }
        if state.other.is_behind() {
            actions.extend([Action::OtherSteps, Action::OtherKeeps]);
        }
        if partial > 0 {
            actions.push(Action::Part);
        }
        if stale > 0 {
            actions.push(Action::Twice);
            actions.extend(events.iter().copied().map(Action::Late));
            actions.extend(commands.iter().copied().map(Action::Overtaken));
        }
        if deletions > 0 && !state.progress.is_finished() {
            actions.push(Action::Delete);
        }
        actions.extend(events.into_iter().map(Action::Happens));
        actions.extend(commands.into_iter().map(Action::Orders));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        match self.take(state, action) {
            Ok(next) => (next != *state).then_some(next),
            Err(violation) => Some(State { broken: Some(violation), ..state.clone() }),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every safety property holds", |_, state: &State| state.broken.is_none()),
            Property::always("no pod is asked into traffic with its old container", |_, state: &State| {
                state.pods.iter().all(|pod| pod.swapped || !pod.asked)
            }),
            Property::always("from here everything ends well", Self::ends_well),
            Property::sometimes("the flow succeeds", |_, state: &State| {
                matches!(state.progress, Progress::Finished { verdict: Verdict::Succeeded, .. })
            }),
            Property::sometimes("the flow is cancelled", |_, state: &State| {
                matches!(state.progress, Progress::Finished { verdict: Verdict::Canceled, .. })
            }),
        ]
    }
}

#[test]
fn what_happens_before_a_late_write_is_judged_by_who_did_it() {
    let start = Start { old: 2, ..Start::default() };
    let late = Budget { stale: 1, ..Budget::default() };
    let machine =
        Machine::new(Setup::new("sample", triton_core::model::Action::Update, 2).from(start).with(late));
    let mut state = State::first(&machine.setup);
    let set = state.set.as_mut().expect("there are pods");
    (set.replicas, set.hook) = (0, false);
    state.pods.iter_mut().for_each(|pod| pod.hooked = false);
    let event = Event::Reconcile { backward: false };
    assert!(machine.take(&state, Action::Happens(event)).is_err(), "the controller removes what serves");
    assert!(machine.take(&state, Action::Late(event)).is_err());
}
