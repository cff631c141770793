//! Hook, pull in, let go, pull out: the only place that touches traffic. Serves flows, closing and the
//! keeper.

use alloc::vec::Vec;
use core::time::Duration;

use super::decision::{Effect, Waiting};
use crate::model::{Facts, Observation, PodChange, PodRef, Pods, Seconds, Timestamp, TrafficChange};

/// What tending may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tend {
    /// Most fresh pods that may be asked into traffic; pods that are not fresh always may.
    pub(super) admit: u32,
    /// Fewest pods in traffic that taking pods out may leave.
    pub(super) floor: u32,
    /// Marked pods may be pulled out and let go.
    pub(super) go: bool,
    /// How long a pod keeps running after it was verified out.
    pub(super) drain: Seconds,
}

/// The next thing to do for the pods, if any. First hit wins: a pod is hooked before it is pulled in,
/// and pods come in before others go out.
pub(super) fn tend(rule: Tend, pods: &Pods) -> Option<Effect> {
    hooked(pods).or_else(|| steer(rule, pods))
}

/// The same for pods that are hooked.
pub(super) fn steer(rule: Tend, pods: &Pods) -> Option<Effect> {
    let pulled_in = || pull_in(rule, pods).map(|pods| Effect::Traffic(TrafficChange::PullIn(pods)));
    let let_go = || let_go(rule, pods).map(|pods| Effect::Pods(PodChange::Unhook(pods)));
    let pulled_out = || pull_out(rule, pods).map(|pods| Effect::Traffic(TrafficChange::PullOut(pods)));
    pulled_in().or_else(let_go).or_else(pulled_out)
}

/// A steered pod that is on its way out and was verified out.
const DRAINS: Facts = Facts::MARKED.union(Facts::HOOKED).union(Facts::GATED).union(Facts::OUT);

/// How long the next drain still runs: zero where one is over, `None` where there is none.
pub(super) fn next_drain(drain: Seconds, pods: &Pods) -> Option<Duration> {
    pods.longest_out(DRAINS, Facts::ASKED).map(|lasts| Duration::from(drain).saturating_sub(lasts))
}

/// Nobody looks again sooner because of time alone. Where nothing is heard of pods, the time for which they have been seen
/// as they are does not pass: what is left of it stays, however little it is.
const SOONEST: Duration = Duration::from_millis(50);

/// When time alone changes something next: when a drain is over, when a pod counts as failed or as available.
pub(super) fn turns(drain: Seconds, seen: &Observation, now: Timestamp) -> Option<Timestamp> {
    let drained = next_drain(drain, &seen.pods).filter(|left| !left.is_zero());
    let left = [drained, seen.turns_in, seen.available_in, seen.young_for].into_iter().flatten().min();
    left.map(|left| now.after(left.max(SOONEST)))
}

/// Whether a pod that is verified out of traffic keeps running because that was ordered.
pub(super) fn drains(drain: Seconds, seen: &Observation) -> bool {
    next_drain(drain, &seen.pods).is_some_and(|left| !left.is_zero())
}

/// What is waited for where pods are to leave: while one drains, or while the workload's controller chooses none
/// because pods have not been ready for long enough, the time is one that was ordered.
pub(super) fn ordered(waiting: Waiting, drain: Seconds, seen: &Observation) -> Waiting {
    let Waiting::Out { pods, .. } = waiting else { return waiting };
    let drains = drains(drain, seen);
    match seen.available_in {
        Some(left) if !drains && !seen.pods.any(Facts::MARKED, Facts::empty()) => {
            Waiting::Available { pods, left: left.into() }
        }
        Some(_) | None => Waiting::Out { pods, drains },
    }
}

/// Pods that take traffic and are not on their way out of it: neither asked out nor, where nobody can be
/// asked, let go already.
pub(super) fn serving(pods: &Pods) -> u32 {
    let unsteered = Facts::GATED | Facts::ASKED;
    let let_go = pods.count(Facts::IN | Facts::MARKED, unsteered | Facts::HOOKED | Facts::SURPLUS);
    let steered = pods.count(Facts::IN | Facts::ASKED, Facts::empty());
    steered.saturating_add(pods.count(Facts::IN, unsteered)).saturating_sub(let_go)
}

/// Chosen pods with these facts and none of those that are held back in traffic: they were asked there, or nobody
/// steers them.
pub(super) fn held_back(pods: &Pods, with: Facts, without: Facts) -> u32 {
    let chosen = Facts::MARKED | Facts::HOOKED | Facts::IN | with;
    let unsteered = pods.count(chosen, without | Facts::ASKED | Facts::GATED);
    pods.count(chosen | Facts::ASKED, without).saturating_add(unsteered)
}

/// Every pod that stays asks before it is touched. Numbers are changed only after that: they may let the
/// workload's controller choose any pod, because a hooked one leaves only when it is let go.
pub(super) fn hooked(pods: &Pods) -> Option<Effect> {
    let without = Facts::MARKED | Facts::HOOKED;
    let all = pick(pods, Facts::empty(), without, u32::MAX);
    (!all.is_empty()).then_some(Effect::Pods(PodChange::Hook(all)))
}

/// Pods with and without these facts stay that are to be deleted whatever the numbers say, and were not let go.
pub(super) fn cleared(pods: &Pods, with: Facts, without: Facts) -> Option<Effect> {
    let chosen = Facts::SPECIFIED | Facts::HOOKED;
    let stay = pick(pods, chosen | with, without, u32::MAX);
    (!stay.is_empty()).then_some(Effect::Pods(PodChange::ClearSpecifiedDelete(stay)))
}

fn pull_in(rule: Tend, pods: &Pods) -> Option<Vec<PodRef>> {
    let ready = Facts::BOOTED | Facts::GATED;
    let never = Facts::MARKED | Facts::ASKED;
    // Those that others chose to remove stay until the ones in their places serve. Where none may go, they all stay.
    let leave = if rule.go { Facts::MARKED | Facts::DOOMED } else { Facts::empty() };
    let room = rule.admit.saturating_sub(pods.count(Facts::FRESH | Facts::ASKED, leave));
    let mut chosen = pick(pods, ready, never | Facts::FRESH, u32::MAX);
    chosen.extend(pick(pods, ready | Facts::FRESH, never, room));
    (!chosen.is_empty()).then_some(chosen)
}

/// Pods that are verified out and drained; pods that no registry can steer as far as the floor allows.
fn let_go(rule: Tend, pods: &Pods) -> Option<Vec<PodRef>> {
    let held = Facts::MARKED | Facts::HOOKED;
    let due = next_drain(rule.drain, pods).is_some_and(|left| left.is_zero());
    if !rule.go || !(due || pods.any(held, Facts::GATED)) {
        return None;
    }
    let mut room = serving(pods).saturating_sub(rule.floor);
    // Once as many are let go as the workload updates, it costs nothing to let go of the others, too: it may
    // have meant those.
    let others = || !pods.any(held | Facts::IN, Facts::GATED | Facts::SURPLUS);
    let mut chosen = Vec::new();
    for (pod, facts, lasts) in pods.matching(held, Facts::empty()) {
        let steered = facts.contains(Facts::GATED);
        let drained =
            facts.contains(DRAINS) && !facts.contains(Facts::ASKED) && lasts >= Duration::from(rule.drain);
        let unsteered_out = !steered && facts.contains(Facts::OUT);
        let free = if facts.contains(Facts::SURPLUS) { others() } else { room > 0 };
        let unsteered_in = !steered && facts.contains(Facts::IN) && free;
        if unsteered_in {
            room = room.saturating_sub(1);
        }
        if drained || unsteered_out || unsteered_in {
            chosen.push(pod.clone());
        }
    }
    (!chosen.is_empty()).then_some(chosen)
}

/// Marked pods that still take traffic, never below the floor; those that take none always.
fn pull_out(rule: Tend, pods: &Pods) -> Option<Vec<PodRef>> {
    let asked = Facts::MARKED | Facts::ASKED;
    if !rule.go {
        return None;
    }
    let room = serving(pods).saturating_sub(rule.floor);
    let mut chosen = pick(pods, asked, Facts::IN, u32::MAX);
    chosen.extend(pick(pods, asked | Facts::IN, Facts::empty(), room));
    (!chosen.is_empty()).then_some(chosen)
}

/// So many of the pods with and without these facts.
pub(super) fn pick(pods: &Pods, with: Facts, without: Facts, most: u32) -> Vec<PodRef> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    pods.matching(with, without).take(most).map(|(pod, _, _)| pod.clone()).collect()
}
