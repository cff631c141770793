//! How fast a controller answers what happens to pods, read from the audit log: one clock for everybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;

/// The program that plays the kubelet, as its user agent begins.
const KUBELET: &str = "kwok";

/// What happened to an instance: its pod has booted, or the controller wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Booted,
    Wrote,
}

/// Returns the times from the moment that the API server stored that a pod runs to the arrival of the next
/// write of `agent` about the same instance, sorted. Where another pod of the instance follows before such a
/// write, the later one counts: a batch waits for its last pod.
///
/// `instance` tells whose an object is, by its resource and name.
pub(super) fn parse(
    log: &str,
    namespace: &str,
    agent: &str,
    instance: impl Fn(&str, &str) -> Option<String>,
) -> Vec<Duration> {
    let mut events: BTreeMap<String, Vec<(Timestamp, Event)>> = BTreeMap::new();
    let mut booted = BTreeSet::new();
    for entry in log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (resource, name) = (text("/objectRef/resource"), text("/objectRef/name"));
        let reads = matches!(text("/verb"), "get" | "list" | "watch");
        if reads || text("/objectRef/namespace") != namespace || text("/stage") != "ResponseComplete" {
            continue;
        }
        let at = |pointer: &str| text(pointer).parse::<Timestamp>().ok();
        let event = match text("/userAgent").split('/').next() {
            // The first thing that the kubelet says of a pod is that it runs.
            Some(KUBELET) if resource == "pods" && booted.insert(name.to_owned()) => {
                at("/stageTimestamp").map(|at| (at, Event::Booted))
            }
            Some(who) if who == agent => at("/requestReceivedTimestamp").map(|at| (at, Event::Wrote)),
            _ => None,
        };
        if let (Some(event), Some(instance)) = (event, instance(resource, name)) {
            events.entry(instance).or_default().push(event);
        }
    }
    let mut reactions: Vec<Duration> = events.into_values().flat_map(answered).collect();
    reactions.sort();
    reactions
}

fn answered(mut events: Vec<(Timestamp, Event)>) -> Vec<Duration> {
    events.sort();
    let time = |pair: &[(Timestamp, Event)]| match pair {
        [(booted, Event::Booted), (wrote, Event::Wrote)] => {
            Duration::try_from(wrote.duration_since(*booted)).ok()
        }
        _ => None,
    };
    events.windows(2).filter_map(time).collect()
}

/// The value below which this share of sorted values lies, such as 0.99; zero where there are none.
#[must_use]
pub fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let place = (share * last as f64).round() as usize;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(agent: &str, resource: &str, name: &str, millis: u32) -> String {
        let at = format!("2026-01-01T00:00:00.{millis:03}000Z");
        serde_json::json!({
            "stage": "ResponseComplete", "verb": "patch", "userAgent": format!("{agent}/1"),
            "objectRef": {"resource": resource, "name": name, "namespace": "here"},
            "requestReceivedTimestamp": at, "stageTimestamp": at,
        })
        .to_string()
    }

    #[test]
    fn the_last_pod_to_boot_counts_until_the_next_write_about_its_instance() {
        let log = [
            line("kwok", "pods", "a-1", 100),
            line("kwok", "pods", "b-1", 110),
            line("kwok", "pods", "a-2", 130),
            line("us", "flows", "a", 150),
            line("kwok", "pods", "a-1", 160),
            line("us", "pods", "a-1", 170),
            line("us", "pods", "b-1", 190),
            line("others", "pods", "b-1", 120),
        ];
        let instance = |_: &str, name: &str| name.split('-').next().map(str::to_owned);
        let found = parse(&log.join("\n"), "here", "us", instance);
        assert_eq!(found, [Duration::from_millis(20), Duration::from_millis(80)]);
        assert_eq!(quantile(&found, 0.99), Duration::from_millis(80));
        assert!(parse(&log.join("\n"), "elsewhere", "us", instance).is_empty());
    }
}
