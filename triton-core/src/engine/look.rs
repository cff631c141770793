//! From what the ports say to what decisions read.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use super::decision::Effect;
use crate::model::{
    Action, Base, Brings, DEFAULT_GRACE, Edits, Exchange, Facts, Field, FieldEdit, Flow, Heals, Lock,
    Observation, PodRef, PodTraffic, PodUid, Pods, Position, Progress, Revision, Seconds, Shape, TemplateRef,
    Traffic, TrafficView, WorkloadChange, WorkloadPod, WorkloadView,
};

/// One consistent look at the world, through the eyes of a flow or, without one, of the keeper.
#[must_use]
pub fn look(flow: Option<&Flow>, workload: Option<&WorkloadView>, traffic: &TrafficView) -> Observation {
    let Some(view) = workload else {
        return Observation::absent();
    };
    let mut pods = Pods::default();
    // Another template that others brought is carried out by the keeper once the flow has ended.
    let brings = flow.and_then(|flow| flow.progress.base()).is_none_or(|base| base.brings != Brings::Nothing);
    let swaps = if brings { swaps(view, traffic) } else { Vec::new() };
    let grace = Duration::from(flow.map_or(DEFAULT_GRACE, |flow| flow.orders.grace));
    for pod in &view.pods {
        let (mut facts, out_for) = facts(pod, grace, traffic.pods.get(&pod.uid).copied());
        let swap = swaps.iter().find(|(uid, _)| **uid == pod.uid);
        facts.set(Facts::MARKED, pod.marked && (!pod.swaps || swap.is_some()));
        facts.set(Facts::SURPLUS, swap.is_some_and(|(_, surplus)| *surplus));
        facts.set(Facts::UNAVAILABLE, pod.marked && pod.swaps && swap.is_none());
        facts.set(Facts::FRESH, is_fresh(flow, view, pod));
        facts.set(Facts::CURRENT, is_current(view, pod));
        facts.set(Facts::NAMED, flow.is_some_and(|flow| is_named(flow, pod)));
        facts.set(Facts::FOREIGN, is_foreign(flow, view, pod));
        let named = view.shape.doomed.as_ref().is_some_and(|doomed| doomed.contains(&pod.name));
        facts.set(Facts::DOOMED, named || pod.specified);
        if facts.contains(Facts::FOREIGN) || (view.left.is_some() && stays_out(flow, facts)) {
            facts.remove(Facts::BOOTED);
        }
        let pod = PodRef { name: pod.name.clone(), uid: pod.uid.clone(), version: pod.version.clone() };
        pods.push(pod, facts, out_for);
    }
    let undrained = undrained(flow, view, traffic);
    Observation {
        workload: Some(view.uid.clone()),
        settled: view.settled && !flow.is_some_and(|flow| is_old(flow, &view.lock, view.edits.at)),
        lock: view.lock.clone(),
        last: view.last.clone(),
        settings: view.settings.clone(),
        left: view.left,
        paused: view.paused,
        shape: Some(view.shape.clone()),
        revision: view.revision.clone(),
        stable: view.stable.clone(),
        revisions: flow.map_or_else(BTreeSet::new, |flow| revisions(flow, view)),
        label: view.label,
        obstacle: view.obstacle.clone(),
        in_place: view.in_place,
        unhooked: view.unhooked,
        remembered: view.remembered,
        good: view.good.clone(),
        differs: view.differs.clone(),
        carried: flow
            .filter(|flow| flow.progress.is_before_batches())
            .and_then(|flow| view.carried.find(flow)),
        edits: edits(flow, view),
        pods,
        terminating: count(undrained.clone()),
        ending: count(view.terminating.iter()),
        draining: undrained.clone().any(|left| left.is_some()),
        turns_in: undrained.flatten().chain(view.pods.iter().filter_map(|pod| turns_in(pod, grace))).min(),
        available_in: available_in(view),
        young_for: young_for(flow, view),
        lost: traffic.succession.lost.clone(),
        // What only its driver knows.
        ..Observation::absent()
    }
}

/// The pods that a flow exchanges, from its lock to its end; `None` when it exchanges none.
#[must_use]
pub fn exchange<'a>(flow: &'a Flow, view: &'a WorkloadView) -> Option<Exchange<'a>> {
    let goes_on = matches!(
        flow.progress,
        Progress::Preparing { .. } | Progress::Rolling { .. } | Progress::Verifying { .. }
    );
    let exchanges = flow.progress.base().is_some_and(|base| base.kind.exchanges());
    if !goes_on || !exchanges {
        return None;
    }
    let (new, old): (Vec<_>, Vec<_>) = view.pods.iter().partition(|pod| is_fresh(Some(flow), view, pod));
    Some(Exchange { flow, old, new })
}

/// Of the pods that are being deleted, those that are not out of traffic, or not for the time of a drain: for how
/// long they still drain, where they are out.
fn undrained<'a>(
    flow: Option<&Flow>,
    view: &'a WorkloadView,
    traffic: &'a TrafficView,
) -> impl Iterator<Item = Option<Duration>> + Clone + use<'a> {
    let drain = Duration::from(flow.map_or(Seconds(0), |flow| flow.spec.drain));
    let shown = |pod: &WorkloadPod| traffic.pods.get(&pod.uid).map(|pod| pod.shown);
    view.terminating.iter().filter_map(move |pod| match shown(pod) {
        Some(Traffic::Out { lasts }) => drain.checked_sub(lasts).filter(|left| !left.is_zero()).map(Some),
        Some(Traffic::In | Traffic::Moving) | None => Some(None),
    })
}

fn count<T>(things: impl Iterator<Item = T>) -> u32 {
    u32::try_from(things.count()).unwrap_or(u32::MAX)
}

/// In how long time alone changes what counts of a pod.
fn turns_in(pod: &WorkloadPod, grace: Duration) -> Option<Duration> {
    let lasts = match &pod.failure {
        Some(failure) if failure.heals == Heals::Maybe => pod.lasts.stuck,
        None if pod.booted && pod.steps.restarts > 0 => pod.lasts.calm,
        Some(_) | None => return None,
    };
    grace.checked_sub(lasts).filter(|left| !left.is_zero())
}

/// In how long every pod that is ready, and stays, counts as available. What is not ready does not get available by
/// time alone. The workload's controller looks again only so long after it saw that some are not: it may count them up
/// to twice that time after they were ready (OpenKruise: `doReconcile`, `MinReadySeconds`).
fn available_in(view: &WorkloadView) -> Option<Duration> {
    let needed = Duration::from(view.min_ready);
    let ready = view.pods.iter().filter(|pod| pod.ready && !pod.marked);
    let lags = view.available.is_some_and(|available| available < count(ready));
    let twice = || ready_in(view.pods.iter(), needed.saturating_mul(2)).filter(|_| lags);
    ready_in(view.pods.iter(), needed).or_else(twice)
}

/// In how long each new pod that is ready, and stays, was ready for as long as the workload demands.
fn young_for(flow: Option<&Flow>, view: &WorkloadView) -> Option<Duration> {
    let new = view.pods.iter().filter(|pod| is_fresh(flow, view, pod));
    ready_in(new, Duration::from(view.min_ready))
}

/// In how long each of these pods that is ready, and stays, was ready for so long.
fn ready_in<'a>(pods: impl Iterator<Item = &'a WorkloadPod>, needed: Duration) -> Option<Duration> {
    let ready = pods.filter(|pod| pod.ready && !pod.marked);
    ready.map(|pod| needed.saturating_sub(pod.lasts.ready)).filter(|left| !left.is_zero()).max()
}

/// Whether what keeps a pod from running counts as its failure.
fn has_failed(pod: &WorkloadPod, grace: Duration) -> bool {
    pod.failure.as_ref().is_some_and(|failure| match failure.heals {
        Heals::Never => true,
        Heals::Maybe => pod.lasts.stuck >= grace,
        Heals::WithRoom => false,
    })
}

/// Whether a pod that a flow before this one left out of traffic stays there: it counts as one that does not
/// run, unless it is one that the batches of this flow bring.
fn stays_out(flow: Option<&Flow>, facts: Facts) -> bool {
    let brings = flow.is_some_and(|flow| {
        !flow.progress.is_before_batches()
            && flow.progress.base().is_some_and(|base| base.brings != Brings::Nothing)
    });
    facts.contains(Facts::GATED) && !facts.contains(Facts::ASKED) && !(brings && facts.contains(Facts::FRESH))
}

/// The pods chosen to be updated in place that the workload's controller updates once they are let go. The
/// others it has chosen and does not want any more, because a pod was lost, the partition was raised, or it
/// is told to pause: it neither returns them nor goes on with them (OpenKruise: `refreshPodState`), so that
/// they belong in traffic. Of several it goes on with those that are not ready first. Among pods that nobody
/// can ask out of traffic its order cannot be told, nor among those that a flow before left out of it: all of them
/// stay chosen, some as surplus (`true`).
fn swaps<'a>(view: &'a WorkloadView, traffic: &TrafficView) -> Vec<(&'a PodUid, bool)> {
    let old = |pod: &&WorkloadPod| !is_current(view, pod);
    let mut chosen: Vec<_> = view.pods.iter().filter(|pod| pod.marked && pod.swaps).filter(old).collect();
    if chosen.is_empty() || view.paused {
        return Vec::new();
    }
    let stays = || view.pods.iter().filter(|pod| !pod.marked || pod.swaps);
    let (all, old) = (stays().count(), stays().filter(old).count());
    let size = |pods: u32| usize::try_from(pods).unwrap_or(usize::MAX);
    let (replicas, partition) = (size(view.shape.replicas), size(view.shape.partition.unwrap_or(0)));
    let missing = replicas.saturating_sub(partition).saturating_sub(all.saturating_sub(old));
    let wanted = old.saturating_sub(partition).min(missing);
    let asked = |pod: &WorkloadPod| traffic.pods.get(&pod.uid).map(|pod| pod.asked);
    let steered = |pod: &WorkloadPod| pod.gated && asked(pod) != Some(None);
    let idle = |pod: &WorkloadPod| view.left.is_some() && asked(pod) != Some(Some(true));
    chosen.sort_by_key(|pod| (pod.booted && asked(pod) == Some(Some(true)), pod.hooked));
    let goes_on =
        |(at, pod): &(usize, &WorkloadPod)| *at < wanted || (wanted > 0 && (!steered(pod) || idle(pod)));
    let surplus = |(at, pod): (usize, &'a WorkloadPod)| (&pod.uid, at >= wanted);
    chosen.into_iter().enumerate().filter(goes_on).map(surplus).collect()
}

/// Whether a pod is of the revision that the workload gives new pods.
fn is_current(view: &WorkloadView, pod: &WorkloadPod) -> bool {
    view.revision.is_some() && pod.revision == view.revision
}

/// Whether a pod is as the flow wants it. Which revision the flow's template has is known once the workload's controller
/// has told it.
pub(super) fn is_fresh(flow: Option<&Flow>, view: &WorkloadView, pod: &WorkloadPod) -> bool {
    let Some(flow) = flow else { return true };
    let current = is_current(view, pod);
    match flow.progress.base() {
        Some(base) if !base.kind.exchanges() => true,
        Some(base) => match (&base.brings, &base.brought) {
            (Brings::Nothing, _) => !pod.listed,
            // Also while the workload has a template of others.
            (Brings::Flow | Brings::Revision(_), Some(_)) => pod.revision == base.brought,
            (Brings::Flow, None) => view.shape.template == Some(TemplateRef::Flow) && current,
            (Brings::Revision(wanted), None) => view.revision.as_ref() == Some(wanted) && current,
        },
        None => flow.spec.action != Action::Restart || !pod.listed,
    }
}

/// Whether a pod is of a revision that others brought while the flow has the workload: neither the flow nor whoever
/// agreed to it knows anything of it. What the workload's controller starts in place of old pods is none of these. A
/// flow that brings no template does not take that of others back: while it is there, others would come in the places of
/// such pods, so that they are judged while the flow holds, and once the template is gone. Pods that nobody can keep out
/// of traffic are none of these either.
fn is_foreign(flow: Option<&Flow>, view: &WorkloadView, pod: &WorkloadPod) -> bool {
    let Some((flow, base)) = flow.and_then(|flow| Some((flow, flow.progress.base()?))) else { return false };
    let holds = || flow.progress.hold().is_some_and(|hold| hold.reason.is_others());
    let gone = || view.revision.is_some() && !is_current(view, pod);
    let judges = base.brings != Brings::Nothing || holds() || gone();
    judges
        && pod.gated
        && pod.revision != view.stable
        && pod.revision.as_ref().is_some_and(|revision| base.is_foreign(revision))
}

/// What others changed; in a flow that brings no template also another template than there was before its batches, or than
/// somebody has agreed to since.
fn edits(flow: Option<&Flow>, view: &WorkloadView) -> Edits {
    let mut edits = view.edits.clone();
    let base = flow.filter(|flow| flow.progress.has_begun()).and_then(|flow| flow.progress.base());
    let foreign = |base: &Base| {
        let another = base.previous.is_some() && view.revision.is_some() && base.previous != view.revision;
        base.brings == Brings::Nothing && another
    };
    if view.lock == Lock::Mine && base.is_some_and(foreign) {
        // A flow that took its lock again notes the template that it found, too.
        edits.fields.retain(|edit| edit.field != Field::Template);
        edits.fields.insert(0, FieldEdit { field: Field::Revision, by: None });
    }
    edits
}

/// The revisions that are there before the first batch of a flow.
fn revisions(flow: &Flow, view: &WorkloadView) -> BTreeSet<Revision> {
    if !flow.progress.is_before_batches() {
        return BTreeSet::new();
    }
    let told = view.revision.iter().chain(&view.stable);
    view.pods.iter().filter_map(|pod| pod.revision.as_ref()).chain(told).cloned().collect()
}

/// Whether the flow names this pod, or names none and means all.
fn is_named(flow: &Flow, pod: &WorkloadPod) -> bool {
    flow.spec.pods.is_empty() || flow.spec.pods.contains(&pod.name)
}

fn facts(pod: &WorkloadPod, grace: Duration, traffic: Option<PodTraffic>) -> (Facts, Duration) {
    let traffic =
        traffic.unwrap_or_else(|| PodTraffic { asked: pod.gated.then_some(false), shown: Traffic::Moving });
    let mut facts = Facts::empty();
    facts.set(Facts::BOOTED, pod.booted);
    facts.set(Facts::HOOKED, pod.hooked);
    facts.set(Facts::LISTED, pod.listed);
    facts.set(Facts::SPECIFIED, pod.specified);
    facts.set(Facts::IN_GRACE, pod.in_grace);
    facts.set(Facts::FAILED, has_failed(pod, grace));
    facts.set(Facts::STUCK, pod.failure.is_some());
    let calm = pod.booted && pod.lasts.calm >= grace;
    facts.set(Facts::SHAKY, pod.failure.is_none() && pod.steps.restarts > 0 && !calm);
    facts.set(Facts::GATED, traffic.asked.is_some());
    facts.set(Facts::ASKED, traffic.asked == Some(true));
    facts.set(Facts::IN, traffic.shown == Traffic::In);
    match traffic.shown {
        Traffic::Out { lasts } => (facts | Facts::OUT, lasts),
        Traffic::In | Traffic::Moving => (facts, Duration::ZERO),
    }
}

/// The effect that brings the workload to this shape; `None` when it has it. Pods of a template that others brought
/// leave by name, whatever is asked for.
pub(super) fn ask(seen: &Observation, want: Shape) -> Option<Effect> {
    let want = if seen.pods.any(Facts::FOREIGN, Facts::empty()) { without_foreign(seen, want) } else { want };
    (!has(seen, &want)).then_some(Effect::Workload(WorkloadChange::Reshape(want)))
}

fn without_foreign(seen: &Observation, want: Shape) -> Shape {
    let mut doomed = want.doomed.unwrap_or_default();
    doomed.extend(seen.pods.matching(Facts::FOREIGN, Facts::empty()).map(|(pod, _, _)| pod.name.clone()));
    Shape { doomed: Some(doomed), ..want }
}

/// Whether a workload has everything that is wanted; what is `None` is not asked for.
fn has(seen: &Observation, want: &Shape) -> bool {
    let Some(shape) = &seen.shape else { return false };
    let Shape { template: _, replicas, partition, doomed, surge, unavailable } = want;
    has_template(seen, want)
        && shape.replicas == *replicas
        && (partition.is_none() || shape.partition == *partition)
        && (doomed.is_none() || shape.doomed == *doomed)
        && (shape.surge, shape.unavailable) == (*surge, *unavailable)
}

/// Whether a workload has the template that is wanted, or none is asked for.
pub(super) fn has_template(seen: &Observation, want: &Shape) -> bool {
    let has =
        |wanted| seen.shape.as_ref().is_some_and(|shape| shape.is_template(wanted, seen.revision.as_ref()));
    want.template.as_ref().is_none_or(has)
}

/// Whether the flow that is looking holds the lock.
pub(super) fn is_mine(seen: &Observation) -> bool {
    seen.lock == Lock::Mine
}

/// Whether the record of the flow that is looking is older than what the flow wrote beside its lock last: a host that comes
/// back may know the workload as it is and its flow as it was.
fn is_old(flow: &Flow, lock: &Lock, wrote: Position) -> bool {
    *lock == Lock::Mine && flow.progress.position().is_behind(wrote)
}

/// The same, also where others took off the lock since that the flow had.
pub(super) fn is_behind(flow: &Flow, seen: &Observation) -> bool {
    let had = seen.had_lock(&flow.uid);
    let locked = flow.progress == Progress::Pending && had && seen.lock == Lock::Free;
    locked || is_old(flow, &seen.lock, seen.edits.at)
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
