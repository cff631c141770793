//! What the world does by itself, and what goes wrong in it.

use triton_core::model::Base;
use triton_core::sim::cloneset::{self, CloneSet, CloneSetPod, ControllerChange, Lifecycle, UpdatePolicy};

use super::invariants::Cause;
use super::setup::{SHORT, Setup};
use super::state::{Pod, Rev, State};

/// Something that happens. Positions name pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Event {
    /// The workload's controller looks; its cache lists the pods forward or backward.
    Reconcile { backward: bool },
    /// A pod's containers get ready.
    Boots(usize),
    /// The containers of a pod that was updated in place go down and start anew.
    Restarts(usize),
    /// The endpoints follow a pod's readiness.
    Flips(usize),
    /// A pod fails.
    Fails(usize),
    /// A failed pod is mended.
    Mended(usize),
    /// A pod vanishes with its node.
    Vanishes(usize),
    /// Pods that were ending have ended.
    Ended,
    /// A second passes.
    Tick,
}

impl Event {
    /// Everything that can happen in a state. Pods are sorted, so one of several equal ones is enough.
    pub(crate) fn all(state: &State, into: &mut Vec<Self>) {
        into.extend([Self::Reconcile { backward: false }, Self::Reconcile { backward: true }, Self::Tick]);
        if state.terminating > 0 {
            into.push(Self::Ended);
        }
        for (at, pod) in state.pods.iter().enumerate() {
            if at > 0 && state.pods[at - 1] == *pod {
                continue;
            }
            if !pod.swapped {
                into.push(Self::Restarts(at));
            }
            if !pod.booted && !pod.failed {
                into.push(Self::Boots(at));
            }
            if pod.listed != pod.ready() {
                into.push(Self::Flips(at));
            }
            if !pod.failed && state.budget.failures > 0 {
                into.push(Self::Fails(at));
            }
            if pod.failed {
                into.push(Self::Mended(at));
            }
            if state.budget.losses > 0 {
                into.push(Self::Vanishes(at));
            }
        }
    }

    /// Whose doing it is.
    pub(crate) const fn cause(self) -> Cause {
        match self {
            Self::Reconcile { .. } => Cause::Controller,
            Self::Boots(_)
            | Self::Restarts(_)
            | Self::Flips(_)
            | Self::Fails(_)
            | Self::Mended(_)
            | Self::Vanishes(_)
            | Self::Ended
            | Self::Tick => Cause::Nature,
        }
    }

    /// Lets it happen.
    pub(crate) fn happen(self, state: &mut State, setup: &Setup) {
        match self {
            Self::Reconcile { backward } => reconcile(state, setup, backward),
            Self::Boots(at) => (state.pods[at].booted, state.pods[at].swapped) = (true, true),
            Self::Restarts(at) => (state.pods[at].booted, state.pods[at].swapped) = (false, true),
            Self::Flips(at) => {
                let pod = &mut state.pods[at];
                (pod.listed, pod.out_for) = (pod.ready(), 0);
            }
            Self::Fails(at) => {
                state.budget.failures -= 1;
                (state.pods[at].failed, state.pods[at].booted) = (true, false);
            }
            Self::Mended(at) => state.pods[at].failed = false,
            Self::Vanishes(at) => {
                state.budget.losses -= 1;
                state.pods[at].gone = true;
            }
            Self::Ended => state.terminating = 0,
            Self::Tick => state.tick(),
        }
    }
}

/// One reconcile of the workload's controller: the function that the simulator uses too.
fn reconcile(state: &mut State, setup: &Setup, backward: bool) {
    let Some(mut set) = state.set else { return };
    (set.observed, set.told) = (true, Some(set.template));
    let mut at: Vec<usize> = (0..state.pods.len()).filter(|at| !state.pods[*at].gone).collect();
    if backward {
        at.reverse();
    }
    let pods: Vec<CloneSetPod> = at.iter().map(|at| as_seen(state.pods[*at], set.template)).collect();
    let spec = CloneSet {
        replicas: set.replicas,
        partition: set.partition,
        max_surge: set.surge,
        max_unavailable: set.unavailable,
        paused: set.paused,
        policy: if set.in_place { UpdatePolicy::InPlaceIfPossible } else { UpdatePolicy::ReCreate },
        pre_delete_hook: set.hook,
        in_place_hook: set.hook && set.in_place,
        exclude_preparing_delete: set.hook
            && !(set.locked && state.progress.base().is_some_and(Base::waits_for_room)),
    };
    let changes = cloneset::decide(&spec, &pods);
    if cloneset::status(&spec, &pods).current_follows {
        set.current = set.template;
    }
    for (index, change) in changes.pods {
        let pod = &mut state.pods[at[index]];
        match change {
            ControllerChange::Mark => pod.state = Lifecycle::PreparingDelete,
            ControllerChange::Unmark | ControllerChange::Settle => pod.state = Lifecycle::Normal,
            ControllerChange::Prepare => pod.state = Lifecycle::PreparingUpdate,
            ControllerChange::PrepareAgain => (pod.state, pod.hooked) = (Lifecycle::PreparingUpdate, true),
            ControllerChange::Swap => swap(pod, set.template, setup),
            // Its gate follows from its state.
            ControllerChange::Admit => {}
            ControllerChange::Finish => pod.state = Lifecycle::Updated,
            ControllerChange::Specify => pod.specified = true,
            ControllerChange::Delete => {
                pod.gone = true;
                state.terminating = 1;
            }
        }
    }
    let current = (0..changes.create_current).map(|_| set.current);
    let updated = (0..changes.create_updated).map(|_| set.template);
    let born: Vec<Pod> = current.chain(updated).map(|rev| newborn(rev, setup)).collect();
    state.pods.extend(born);
    state.set = Some(set);
}

/// The pod gets the other revision; of its labels those that are not the same in both.
const fn swap(pod: &mut Pod, to: Rev, setup: &Setup) {
    if setup.start.adopted {
        pod.hooked = matches!(to, Rev::New);
    }
    (pod.rev, pod.state, pod.swapped) = (to, Lifecycle::Updating, false);
}

const fn newborn(rev: Rev, setup: &Setup) -> Pod {
    let gated = match rev {
        Rev::New => setup.gated,
        Rev::Old => !setup.start.adopted,
    };
    Pod {
        rev,
        booted: false,
        failed: false,
        state: Lifecycle::Normal,
        swapped: true,
        hooked: match rev {
            Rev::New => true,
            Rev::Old => !setup.start.adopted,
        },
        gated,
        asked: false,
        listed: false,
        specified: false,
        doomed: false,
        due: false,
        out_for: SHORT.0,
        gone: false,
        untouched: false,
        told: None,
    }
}

fn as_seen(pod: Pod, template: Rev) -> CloneSetPod {
    CloneSetPod {
        updated: pod.rev == template,
        state: pod.state,
        swappable: true,
        swapped: pod.swapped,
        held_back: matches!(pod.state, Lifecycle::Updating),
        hooked: pod.hooked,
        specified: pod.specified || pod.doomed,
        scheduled: true,
        running: true,
        ready: pod.ready(),
        ..CloneSetPod::default()
    }
}
