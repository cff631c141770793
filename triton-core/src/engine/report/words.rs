//! What keeps pods from running, and what those still lack that start: in the words of the kubelet.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::Seen;
use crate::engine::decision::{Waiting, Why};
use crate::engine::goal::goal;
use crate::engine::look::is_fresh;
use crate::engine::stopped::calms;
use crate::model::{
    EndedPod, Facts, FailureClass, Flow, HoldReason, Observation, PodReport, Progress, Report, TextFor,
    Timestamp, Traffic, TrafficView, WorkloadPod, WorkloadView, shorten,
};

/// Most pods that a message names.
pub(super) const NAMED: usize = 3;

/// What may keep a pod that nothing of ours holds any more.
const KEEPS: &str = "another hook of the workload, or an admission policy, may keep it";

/// What is told of pods that a flow which waits for new pods does not have yet, and of those that do not go.
pub(super) fn words(flow: &Flow, began: Option<Timestamp>, waiting: &Waiting, seen: Seen<'_>) -> String {
    let Some(view) = seen.workload else { return String::new() };
    let (lacks, ends) = match waiting {
        Waiting::Verify { .. } | Waiting::Held { .. } => (true, true),
        Waiting::Out { .. } => return leaving(flow, view, seen.traffic),
        Waiting::Pods { .. } | Waiting::In { .. } => (true, false),
        Waiting::Terminating { .. } => (false, true),
        Waiting::Approval { .. }
        | Waiting::Interval
        | Waiting::Available { .. }
        | Waiting::Backend
        | Waiting::Record
        | Waiting::Unreachable { .. }
        | Waiting::Paused
        | Waiting::Rival { .. }
        | Waiting::Spec { .. }
        | Waiting::ServiceLost { .. }
        | Waiting::Lock { .. } => (false, false),
    };
    let stuck = view.pods.iter().filter_map(|pod| Some(told(pod, &pod.failure.as_ref()?.message)));
    let ended = ended(flow, began, view).filter(|_| lacks);
    let ended = ended.map(|(last, before)| match before {
        0 => told(&last.pod, end(last)),
        1 => format!("{}; another new pod has ended before it", told(&last.pod, end(last))),
        more => format!("{}; {more} other new pods have ended before it", told(&last.pod, end(last))),
    });
    let starting = starting(flow, view).filter(|_| lacks);
    let starting = starting.map(|(pod, lacks)| format!("pod {}: {}", pod.name, shorten(lacks, TextFor::Pod)));
    let ending = view.terminating.iter().filter(|_| ends);
    let ending = ending.map(|pod| format!("pod {} is being deleted and has not ended", pod.name));
    let kept = view.pods.iter().filter(|pod| lacks && ends && pod.marked && !pod.hooked);
    let kept = kept.map(|pod| format!("pod {}: was let go and is not deleted: {KEEPS}", pod.name));
    let all: Vec<String> = stuck.chain(ended).chain(starting).chain(kept).chain(ending).collect();
    let refused = trouble(view, began).filter(|_| matches!(waiting, Waiting::Held { .. }));
    let refused = refused.map(|trouble| format!("; {trouble}")).unwrap_or_default();
    format!("{refused}{}", first(&all))
}

/// What the workload's controller failed at, while pods are missing.
pub(super) fn trouble(view: &WorkloadView, began: Option<Timestamp>) -> Option<String> {
    let missing = view.pods.len() < view.shape.replicas as usize;
    view.trouble.as_ref().filter(|_| missing).map(|trouble| trouble.told(began))
}

/// The pods that leave, and what each is waited for.
fn leaving(flow: &Flow, view: &WorkloadView, traffic: &TrafficView) -> String {
    let drain = Duration::from(flow.spec.drain);
    let all = view.pods.iter().filter(|pod| pod.marked).map(|pod| {
        let is = match traffic.pods.get(&pod.uid).map(|pod| pod.shown) {
            _ if !pod.hooked && pod.swaps => "was let go and is not updated yet",
            _ if !pod.hooked => "was let go and is not deleted yet",
            Some(Traffic::In) => "is in traffic",
            Some(Traffic::Out { lasts }) if lasts < drain => "is out of traffic and drains",
            Some(Traffic::Out { .. }) => "is out of traffic",
            Some(Traffic::Moving) | None => "is not out of traffic yet",
        };
        format!("pod {} {is}", pod.name)
    });
    let all: Vec<_> = all.collect();
    let none = if all.is_empty() { "; the workload's controller has chosen none of them yet" } else { "" };
    format!("{}{none}", first(&all))
}

/// The first ones, and how many pods more there are.
fn first(all: &[String]) -> String {
    let mut words = String::new();
    for word in all.iter().take(NAMED) {
        words.push_str("; ");
        words.push_str(word);
    }
    if all.len() > NAMED {
        let more = all.len().saturating_sub(NAMED);
        words.push_str(&format!("; and {more} more {}", if more == 1 { "pod" } else { "pods" }));
    }
    words
}

/// The newest of the new pods that have ended since the flow began, and how many others did; `None` where every pod that
/// there is to be runs. Those of the time before say nothing of this flow.
fn ended<'a>(flow: &Flow, began: Option<Timestamp>, view: &'a WorkloadView) -> Option<(&'a EndedPod, usize)> {
    let runs = |pod: &&WorkloadPod| pod.booted && !pod.marked;
    if view.pods.iter().filter(runs).count() >= view.shape.replicas as usize {
        return None;
    }
    // What a pod was made at has whole seconds.
    let since = began.map(|began| began.as_micros().div_euclid(SECOND).saturating_mul(SECOND));
    let counts = |ended: &&EndedPod| {
        since.is_none_or(|since| ended.made.as_micros() >= since) && is_fresh(Some(flow), view, &ended.pod)
    };
    let mut all = view.ended.iter().rev().filter(counts);
    Some((all.next()?, all.count()))
}

/// New pods that start, and what each still lacks.
fn starting<'a>(flow: &Flow, view: &'a WorkloadView) -> impl Iterator<Item = (&'a WorkloadPod, &'a str)> {
    let fresh = view.pods.iter().filter(|pod| !pod.booted && !pod.marked && is_fresh(Some(flow), view, pod));
    fresh.filter_map(|pod| Some((pod, pod.starts.as_deref()?)))
}

fn told(pod: &WorkloadPod, message: &str) -> String {
    let class = pod.failure.as_ref().map_or("", |failure| failure.class.as_str());
    format!("pod {}: {class}: {}", pod.name, shorten(message, TextFor::Pod))
}

fn end(ended: &EndedPod) -> &str {
    ended.pod.failure.as_ref().map_or("", |failure| &failure.message)
}

/// What is told of pods in the new report that was not in the old one: of a pod again where its container or how it
/// ended is another, and of pods that have ended once for each reason. The other words of the kubelet change all the time.
pub fn newly_stuck<'a>(
    old: &'a Report,
    new: &'a Report,
    workload: Option<&'a WorkloadView>,
) -> impl Iterator<Item = Why> + 'a {
    let pods = |report: &'a Report| report.batches.iter().flat_map(|batch| &batch.pods);
    let known = move |pod: &PodReport| pods(old).any(|old| old.name == pod.name && cause(old) == cause(pod));
    let stuck = pods(new).filter(move |pod| !pod.reason.is_empty() && !known(pod)).take(NAMED);
    let stuck = stuck.map(|pod| (pod.name.clone(), pod.reason.clone(), pod.message.clone()));
    let ended = workload.into_iter().flat_map(|view| view.ended.iter().rev());
    let ended =
        ended.filter_map(|ended| Some((&ended.pod, ended.pod.failure.as_ref()?))).find(|(pod, end)| {
            let reason = end.message.split(':').next().unwrap_or_default();
            let reason = format!(": {}: {reason}", end.class.as_str());
            new.message.contains(&format!("pod {}{reason}", pod.name)) && !old.message.contains(&reason)
        });
    let ended = ended
        .map(|(pod, end)| (pod.name.clone(), end.class.as_str().into(), shorten(&end.message, TextFor::Pod)));
    stuck.chain(ended).map(|(pod, reason, message)| Why::PodStuck { pod, reason, message })
}

/// What is told besides a move when the deadline of a stage is over: new pods that still start, and why others could not
/// be made.
#[must_use]
pub fn late(why: &Why, flow: &Flow, began: Option<Timestamp>, workload: Option<&WorkloadView>) -> Vec<Why> {
    let reason = HoldReason::DeadlineExceeded;
    let view = workload.filter(|_| *why == Why::Held { reason } || *why == Why::Stopping { reason });
    let pods = view.into_iter().flat_map(|view| starting(flow, view)).take(NAMED);
    let slow = pods.map(|(pod, lacks)| Why::PodStuck {
        pod: pod.name.clone(),
        reason: "NotReady".into(),
        message: shorten(lacks, TextFor::Pod),
    });
    let refused = view.and_then(|view| trouble(view, began)).map(|what| Why::PodsNotMade { what });
    slow.chain(refused).collect()
}

/// When a hold by failed pods, or by a missed deadline, lifts itself, where nothing but the time since the last restart of
/// pods is missing. An update in place restarts them, too.
pub(super) fn lifts(flow: &Flow, waiting: &Waiting, seen: Seen<'_>, now: Timestamp) -> Option<String> {
    let Waiting::Held {
        reason: HoldReason::PodsFailed | HoldReason::DeadlineExceeded, paused: false, ..
    } = waiting
    else {
        return None;
    };
    let view = seen.workload.filter(|_| calms(flow, seen.observation))?;
    let grace = Duration::from(flow.orders.grace);
    let fresh = view.pods.iter().filter(|pod| !pod.marked && is_fresh(Some(flow), view, pod));
    let shaky = fresh.filter(|pod| pod.failure.is_none() && pod.steps.restarts > 0);
    let left = shaky.map(|pod| pod.booted.then(|| grace.saturating_sub(pod.lasts.calm)));
    let left = left.collect::<Option<Vec<_>>>().and_then(|left| left.into_iter().max());
    Some(match left {
        // In whole seconds, so that the next look says the same.
        Some(left) => {
            let at = now.after(left).as_micros();
            let at = Timestamp::from_micros(
                at.saturating_add(SECOND - 1).div_euclid(SECOND).saturating_mul(SECOND),
            );
            format!("nothing keeps them from running any more: it goes on at {at} if they stay ready")
        }
        None => format!("it goes on once they have been ready for {}", flow.orders.grace),
    })
}

/// Whoever is asked to agree is told of new pods that the batches so far did not ask for: they go on with the others.
pub(super) fn surplus(flow: &Flow, waiting: &Waiting, seen: &Observation) -> Option<String> {
    let Waiting::Approval { .. } = waiting else { return None };
    let Progress::Rolling { plan, done, batch } = &flow.progress else { return None };
    let there = seen.pods.count(Facts::FRESH, Facts::MARKED);
    let more = there.saturating_sub(goal(plan, done.saturating_add(batch.size)).fresh);
    (more > 0).then(|| format!("{there} new pods are there, {more} more than was asked for so far"))
}

/// Microseconds.
const SECOND: i64 = 1_000_000;

/// Of what keeps a pod from running, the class, the container and how it ended last. The kubelet tells an image that
/// cannot be pulled, and a container that ends again and again, by turns in several words.
fn cause(pod: &PodReport) -> [&str; 4] {
    let mut parts = pod.message.split(": ");
    let container = parts.next().filter(|part| part.starts_with("container ")).unwrap_or_default();
    let word = parts.next().filter(|_| pod.reason == FailureClass::Setup.as_str()).unwrap_or_default();
    let code = pod.message.split_once("exit code ").map_or("", |(_, rest)| rest);
    let code = code.split(|c: char| !c.is_ascii_digit() && c != '-').next().unwrap_or_default();
    [&pod.reason, container, word, code]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fixtures::{RUNS, base_of};
    use crate::engine::goal::plan;
    use crate::model::{Action, BatchPhase, Kind, PodTraffic, Seconds, Stage, Trouble};
    use alloc::string::ToString;

    #[test]
    fn a_hold_names_pods_that_were_let_go_and_are_still_there() {
        let held =
            |reason| Waiting::Held { reason, failed: 0, edits: Vec::new(), paused: false, blocks: false };
        let rows = [
            (held(HoldReason::DeadlineExceeded), true, false, true),
            (held(HoldReason::DeadlineExceeded), true, true, false),
            (held(HoldReason::DeadlineExceeded), false, false, false),
        ];
        let flow =
            Flow::test(Action::Update, 1).at(plan(base_of(Kind::Replace, 1, 1), 0), 1, 0, 1, Stage::Leaving);
        let traffic = TrafficView::default();
        for (waiting, marked, hooked, named) in rows {
            let pod = WorkloadPod { marked, hooked, ..WorkloadPod::test("web-a".parse().expect("a name")) };
            let view = WorkloadView::test(1, [pod].into());
            let observation = Observation::mine(1, 0, 1);
            let seen = Seen { observation: &observation, workload: Some(&view), traffic: &traffic };
            let says = words(&flow, None, &waiting, seen);
            let wanted = if named {
                format!("; pod web-a: was let go and is not deleted: {KEEPS}")
            } else {
                String::new()
            };
            assert_eq!(says, wanted, "{waiting:?} {marked} {hooked}");
        }
    }

    #[test]
    fn a_flow_that_waits_for_pods_to_leave_names_them_and_what_each_is_waited_for() {
        let out = |seconds| Some(Traffic::Out { lasts: Duration::from_secs(seconds) });
        // Whether the pod is chosen, hooked and updated in place, and what the registry shows.
        let rows = [
            (true, true, false, Some(Traffic::In), "; pod web-a is in traffic"),
            (true, true, false, Some(Traffic::Moving), "; pod web-a is not out of traffic yet"),
            (true, true, false, None, "; pod web-a is not out of traffic yet"),
            (true, true, false, out(9), "; pod web-a is out of traffic and drains"),
            (true, true, false, out(10), "; pod web-a is out of traffic"),
            (true, false, false, out(10), "; pod web-a was let go and is not deleted yet"),
            (true, false, true, out(10), "; pod web-a was let go and is not updated yet"),
            (
                false,
                true,
                false,
                Some(Traffic::In),
                "; the workload's controller has chosen none of them yet",
            ),
        ];
        let mut flow =
            Flow::test(Action::Update, 1).at(plan(base_of(Kind::Replace, 1, 1), 0), 1, 0, 1, Stage::Leaving);
        flow.spec.drain = Seconds(10);
        for (marked, hooked, swaps, shown, wanted) in rows {
            let pod =
                WorkloadPod { marked, hooked, swaps, ..WorkloadPod::test("web-a".parse().expect("a name")) };
            let mut traffic = TrafficView::default();
            if let Some(shown) = shown {
                traffic.pods.insert(pod.uid.clone(), PodTraffic { asked: Some(false), shown });
            }
            let view = WorkloadView::test(1, [pod].into());
            let observation = Observation::mine(1, 0, 1);
            let seen = Seen { observation: &observation, workload: Some(&view), traffic: &traffic };
            let says = words(&flow, None, &Waiting::Out { pods: 1, drains: false }, seen);
            assert_eq!(says, wanted, "{marked} {hooked} {swaps} {shown:?}");
        }
    }

    #[test]
    fn why_pods_could_not_be_made_is_told_when_a_deadline_is_over_and_as_past_where_it_was_before_the_flow() {
        let flow =
            Flow::test(Action::Update, 2).at(plan(base_of(Kind::Replace, 2, 2), 0), 1, 0, 1, Stage::Smoking);
        let reason = HoldReason::DeadlineExceeded;
        let at = |second: i64| Timestamp::from_micros(second * SECOND);
        // When the controller failed, how many of three pods are there, and what is told of a flow that began at 10 s.
        let rows = [
            (Some(at(12)), 2, Some("pods at 1970-01-01T00:00:12Z: exceeded quota")),
            (Some(at(10)), 2, Some("pods at 1970-01-01T00:00:10Z: exceeded quota")),
            (Some(at(9)), 2, Some("before this flow began, and keeps no later failure")),
            (None, 2, Some("exceeded quota")),
            (Some(at(12)), 3, None),
        ];
        for (failed, pods, wanted) in rows {
            let pod = |number| WorkloadPod::test(format!("web-{number}").parse().expect("a name"));
            let trouble = Some(Trouble { at: failed, what: "exceeded quota".into() });
            let view = WorkloadView { trouble, ..WorkloadView::test(3, (0..pods).map(pod).collect()) };
            for why in [Why::Held { reason }, Why::Stopping { reason }] {
                let told = late(&why, &flow, Some(at(10)), Some(&view));
                let told: Vec<String> = told.iter().map(ToString::to_string).collect();
                assert_eq!(told.len(), usize::from(wanted.is_some()), "{failed:?} {told:?}");
                assert!(wanted.is_none_or(|wanted| told[0].contains(wanted)), "{failed:?} {told:?}");
            }
            let (observation, traffic) = (Observation::mine(3, 2, 1), TrafficView::default());
            let seen = Seen { observation: &observation, workload: Some(&view), traffic: &traffic };
            let held = Waiting::Held { reason, failed: 0, edits: Vec::new(), paused: false, blocks: false };
            let says = words(&flow, Some(at(10)), &held, seen);
            assert_eq!(says.contains("exceeded quota"), wanted.is_some(), "{says}");
            let other = late(&Why::Held { reason: HoldReason::PodsFailed }, &flow, None, Some(&view));
            assert_eq!(other, []);
        }
    }

    #[test]
    fn who_is_asked_to_agree_is_told_of_new_pods_that_nobody_asked_for() {
        let approval = Waiting::Approval { batch: 1, phase: BatchPhase::Baking };
        let rows = [
            (&approval, 2, None),
            (&approval, 1, None),
            (&approval, 12, Some("12 new pods are there, 10 more than was asked for so far")),
            (&Waiting::Interval, 12, None),
        ];
        let flow = Flow::test(Action::Update, 10).at(
            plan(base_of(Kind::Replace, 10, 10), 0),
            1,
            0,
            2,
            Stage::Smoked,
        );
        for (waiting, fresh, says) in rows {
            let seen = Observation::mine(20, 10, 2).with(fresh, RUNS);
            assert_eq!(surplus(&flow, waiting, &seen).as_deref(), says, "{waiting:?} {fresh}");
        }
    }
}
