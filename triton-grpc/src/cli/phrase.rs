//! Words for flows: where one is, whom it waits for, how long things took.

use triton_core::model::{
    Action, BatchPhase, BatchReport, FlowId, FlowPhase, InstanceId, PodReport, PullIn, Target, Timestamp,
};
use triton_core::service::{FlowView, InstanceView};

use super::failure::Door;
use super::screen::Tone;
use crate::ViewAge;

/// Where a person is asked, if one is.
pub(super) fn gate(view: &FlowView) -> Option<Target> {
    view.here().filter(|_| view.asks() && !view.agreed() && !view.canceled)
}

/// Whether a flow has come as far as a point. A stage that failed is where it failed.
pub(super) fn reached(view: &FlowView, target: Target) -> bool {
    view.here().is_some_and(|Target { batch, phase }| {
        let phase = match phase {
            BatchPhase::SmokeFailed => BatchPhase::Smoking,
            BatchPhase::BakeFailed => BatchPhase::Baking,
            phase => phase,
        };
        Target { batch, phase } >= target
    })
}

/// Whether nothing happens before a person does something.
pub(super) fn waits_for_a_person(view: &FlowView) -> bool {
    !view.record.finished && !view.canceled && view.ends_watch(None)
}

/// Whether it will ask for no permission before somebody has done something else, if ever.
pub(super) fn stands(view: &FlowView) -> bool {
    view.record.finished || waits_for_a_person(view) || tone(view) == Tone::Bad
}

/// How a flow is named in a command to type.
pub(super) fn typed(id: &FlowId, explicit: bool) -> String {
    if explicit { format!("{} -n {}", id.name, id.namespace) } else { id.name.to_string() }
}

/// The colour of a flow.
pub(super) fn tone(view: &FlowView) -> Tone {
    match view.record.phase {
        FlowPhase::Success => Tone::Good,
        FlowPhase::Failed | FlowPhase::Aborted => Tone::Bad,
        FlowPhase::Canceled => Tone::Faint,
        FlowPhase::Pending | FlowPhase::Initializing | FlowPhase::BatchStarted | FlowPhase::BatchFinished => {
            match reason(view) {
                "PodsFailed" | "DeadlineExceeded" | "Drift" | "Resized" | "CorruptStatus" | "OldStatus"
                | "InvalidSpec" | "LockUnreadable" | "WorkloadUnreadable" | "Rejected" | "NoRevision"
                | "Unreachable" => Tone::Bad,
                _ => Tone::Busy,
            }
        }
    }
}

/// What to say of an answer that is too old.
pub(super) fn stale(door: &Door, ViewAge { age, stale }: &ViewAge) -> Option<String> {
    let kind = stale.as_ref()?;
    let seconds = age.as_secs();
    let who = match door {
        Door::Operator(_) => {
            format!("the operator has not heard of {kind} for {seconds} s, and does nothing meanwhile")
        }
        Door::Cluster => format!("the API server has told nothing of {kind} for {seconds} s"),
    };
    Some(format!("warning: this may be out of date: {who}"))
}

/// What to know of an instance that a flow left.
pub(super) fn left(view: &InstanceView) -> Option<String> {
    let InstanceView { name, namespace, left_by, .. } = view;
    (!left_by.is_empty()).then(|| {
        format!(
            "{namespace}/{name} was left by flow {left_by} in the middle of its batches: nothing is changed, and new \
             pods stay out of traffic, until an update or a rollback has replaced what was left; stop and delete are \
             taken too, everything else is refused"
        )
    })
}

/// What to know of an instance without pods that is to keep its size.
pub(super) fn stays_empty(action: Action, instance: &InstanceId, (from, to): (u32, u32)) -> Option<String> {
    let InstanceId { namespace, name } = instance;
    (action.exchanges() && from == 0 && to == 0).then(|| {
        format!(
            "{instance} has 0 pods and keeps them: name replicas, or start some afterwards: kubectl triton scale {name} \
             --replicas N -n {namespace}"
        )
    })
}

/// What it waits for, or why it ended, in one word.
pub(super) fn reason(view: &FlowView) -> &str {
    match &view.record.waiting {
        Some(waiting) if !view.record.finished => &waiting.reason,
        _ => &view.record.reason,
    }
}

/// The same, where the phase does not say it.
pub(super) fn besides(view: &FlowView) -> &str {
    let reason = reason(view);
    if tone(view) == Tone::Good || reason == view.record.phase.as_str() { "" } else { reason }
}

/// What it waits for, or why it ended, as a sentence.
pub(super) fn message(view: &FlowView) -> &str {
    match &view.record.waiting {
        Some(waiting) if !view.record.finished => &waiting.message,
        _ => &view.record.message,
    }
}

/// `batch 2`, `batch 1 canary`.
pub(super) fn title(batch: &BatchReport) -> String {
    format!("batch {}", number(batch.batch, batch.canary))
}

/// A batch in a table: `2`, `1 canary`.
pub(super) fn number(batch: u32, canary: bool) -> String {
    if canary { format!("{batch} canary") } else { batch.to_string() }
}

/// Where a pod is reached; empty while it has no address.
pub(super) fn address(pod: &PodReport) -> String {
    match (pod.ip.as_str(), pod.port) {
        ("", _) => String::new(),
        (ip, 0) => ip.to_owned(),
        (ip, port) => format!("{ip}:{port}"),
    }
}

/// How far a pod is, and what keeps it from running: `Pending (ImagePull)`.
pub(super) fn phase(pod: &PodReport) -> String {
    match pod.reason.as_str() {
        "" => format!("{:?}", pod.phase),
        reason => format!("{:?} ({reason})", pod.phase),
    }
}

/// When a flow is looked at again.
pub(super) fn again(until: Timestamp, now: Timestamp) -> String {
    format!("looked at again at each change, and in {} at the latest", ago(now, until))
}

/// Where a pod stands in traffic. Of one without the readiness gate nobody says when it gets in.
pub(super) const fn traffic(pod: &PodReport) -> &'static str {
    match (pod.pull_in_status, pod.ungated) {
        (PullIn::PullInSucceeded, false) => "in traffic",
        (PullIn::PullInSucceeded, true) => "in, ungated",
        (PullIn::PullInFailed, false) => "did not get in",
        (PullIn::None, false) => "out of traffic",
        (PullIn::PullInFailed | PullIn::None, true) => "out, ungated",
    }
}

/// New pods of a batch that are in traffic. Records from before they were counted only list them.
pub(super) fn pulled_in(batch: &BatchReport) -> u32 {
    let listed = batch.pods.iter().filter(|pod| pod.pull_in_status == PullIn::PullInSucceeded).count();
    u32::try_from(listed).unwrap_or(u32::MAX).max(batch.pods_in_traffic)
}

/// Batches to show, in order: those that are listed, and what is known of the others.
pub(super) enum Shown<'a> {
    /// A batch that is listed.
    Listed(&'a BatchReport),
    /// Finished batches that the status has no room for: the first and the last of them.
    Finished(u32, u32),
    /// Batches that have not begun: the first and the last of them.
    Planned(u32, u32),
}

/// All batches of a flow.
pub(super) fn batches(view: &FlowView) -> Vec<Shown<'_>> {
    let (mut shown, mut next) = (Vec::new(), 1);
    for batch in &view.record.conditions {
        if batch.batch > next {
            shown.push(Shown::Finished(next, batch.batch - 1));
        }
        shown.push(Shown::Listed(batch));
        next = batch.batch.saturating_add(1);
    }
    // Without a list only the numbers tell.
    let finished = view.record.finished_batches;
    if view.record.conditions.is_empty() && finished > 0 {
        shown.push(Shown::Finished(next, finished));
        next = finished.saturating_add(1);
    }
    if view.record.batches >= next {
        shown.push(Shown::Planned(next, view.record.batches));
    }
    shown
}

/// `7`, `7-9`.
pub(super) fn range(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// `1 pod`, `3 pods`.
pub(super) fn pods(count: u32) -> String {
    if count == 1 { "1 pod".into() } else { format!("{count} pods") }
}

/// The revision without the name of its workload.
pub(super) fn revision(view: &FlowView) -> &str {
    let full = view.record.update_revision.as_ref().map_or("", |revision| revision.as_str());
    hash(full, &view.instance_name)
}

/// A revision without the name of its workload.
pub(super) fn hash<'a>(full: &'a str, workload: &str) -> &'a str {
    full.strip_prefix(workload).map_or(full, |short| short.trim_start_matches('-'))
}

/// How long ago, as kubectl says it.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> String {
    span(now.micros_since(then) / 1_000_000)
}

/// How long something took, or takes until now; nothing when it has not begun.
pub(super) fn took(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> String {
    from.map_or_else(String::new, |from| ago(from, to.unwrap_or(now)))
}

/// Seconds in the two largest units: `42s`, `3m5s`, `2h10m`, `5d3h`.
pub(super) fn span(seconds: i64) -> String {
    let units = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];
    let first = units.iter().position(|(_, size)| seconds >= *size).unwrap_or(units.len() - 1);
    let mut left = seconds.max(0);
    let parts = units.iter().skip(first).take(2).map(|(unit, size)| {
        let number = left / size;
        left %= size;
        let only = first == units.len() - 1;
        if number > 0 || only { format!("{number}{unit}") } else { String::new() }
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;

    #[test]
    fn spans_have_two_units_at_most() {
        let cases = [(0, "0s"), (59, "59s"), (60, "1m"), (185, "3m5s"), (7800, "2h10m"), (442_800, "5d3h")];
        for (seconds, text) in cases {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn an_answer_that_is_too_old_is_told_with_who_heard_nothing() {
        let age = |stale: Option<&str>| ViewAge {
            age: std::time::Duration::from_millis(80_900),
            stale: stale.map(str::to_owned),
        };
        let operator = Door::Operator("http://there:1".into());
        for door in [&operator, &Door::Cluster] {
            assert_eq!(stale(door, &age(None)), None, "80 s may be a healthy watch");
        }
        let told = |door| stale(door, &age(Some("pods"))).expect("a warning");
        assert!(
            told(&operator)
                .ends_with("the operator has not heard of pods for 80 s, and does nothing meanwhile")
        );
        assert!(told(&Door::Cluster).ends_with("the API server has told nothing of pods for 80 s"));
    }

    #[test]
    fn an_approval_that_was_given_is_no_gate() {
        let mut view = views::smoked("a");
        assert_eq!(gate(&view), Some(Target { batch: 1, phase: BatchPhase::Smoked }));
        assert!(waits_for_a_person(&view) && !view.agreed());
        view.target = Target { batch: 1, phase: BatchPhase::Baking };
        assert_eq!(gate(&view), None);
        assert!(!waits_for_a_person(&view) && view.agreed());
    }

    #[test]
    fn a_flow_stands_that_has_ended_or_that_somebody_has_to_help() {
        let waits_for = |reason: &str| {
            let mut view = views::smoked("a");
            view.record.waiting.as_mut().unwrap().reason = reason.into();
            view
        };
        for reason in ["CorruptStatus", "OldStatus", "InvalidSpec", "LockUnreadable", "PodsFailed"] {
            assert!(stands(&waits_for(reason)), "{reason}");
        }
        assert!(stands(&views::success("a")));
        assert!(!stands(&waits_for("Pods")));
    }

    #[test]
    fn an_address_has_a_port_only_where_the_pod_has_one() {
        let mut pod = views::smoked("a").record.conditions[0].pods[0].clone();
        assert_eq!(address(&pod), "172.31.230.23:80");
        pod.port = 0;
        assert_eq!(address(&pod), "172.31.230.23");
        pod.ip.clear();
        assert_eq!(address(&pod), "");
    }

    #[test]
    fn a_revision_is_shown_by_its_hash() {
        assert_eq!(revision(&views::smoked("a")), "6ddf9b7cf4");
    }
}
