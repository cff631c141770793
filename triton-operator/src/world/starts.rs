//! What a pod still has to do before its containers are ready, in the words of the kubelet. A slow start is no failure.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodSpec, PodStatus};

use serde_json::Value;

use super::stuck::ended_before;
use crate::labels;

/// What the containers of a pod lack to be ready; `None` where they are.
#[must_use]
pub fn starts(spec: &PodSpec, status: &PodStatus) -> Option<String> {
    let unready =
        condition(status, "ContainersReady").filter(|condition| condition.status == "True").is_none();
    unready.then(|| {
        let words = initializes(status).or_else(|| creates(status)).or_else(|| unready_words(status));
        words.unwrap_or_else(|| placed(spec))
    })
}

/// What a pod waits for that OpenKruise has taken out of traffic and not updated in place yet; `None` where it has none
/// such. OpenKruise notes its order for later as JSON (`UpdateSpec`, field `graceSeconds`).
#[must_use]
pub fn grace(annotations: &BTreeMap<String, String>) -> Option<String> {
    let noted = labels::IN_PLACE_GRACE.iter().find_map(|key| annotations.get(*key))?;
    let noted: Option<Value> = serde_json::from_str(noted).ok();
    let seconds = noted.and_then(|noted| noted["graceSeconds"].as_u64());
    let lasts = seconds.map(|seconds| format!(" ({seconds} s)")).unwrap_or_default();
    Some(format!(
        "OpenKruise updates it in place once inPlaceUpdateStrategy.gracePeriodSeconds{lasts} of its CloneSet is over"
    ))
}

/// Whether a pod has a node, and who gives it one.
fn placed(spec: &PodSpec) -> String {
    let scheduler = spec.scheduler_name.as_deref().filter(|name| *name != "default-scheduler");
    match (spec.node_name.as_deref(), scheduler) {
        (Some(node), _) => {
            format!("it has a node ({node}), whose kubelet has told nothing of its containers yet")
        }
        (None, Some(scheduler)) => format!("it has no node yet, which scheduler {scheduler} is to give it"),
        (None, None) => "it has no node yet".to_owned(),
    }
}

/// The init container that the others wait for. One that keeps running is done once it has started.
fn initializes(status: &PodStatus) -> Option<String> {
    let all = status.init_container_statuses.as_deref().unwrap_or_default();
    let (at, next) = all.iter().enumerate().find(|(_, container)| !is_done(container))?;
    let ContainerStatus { name, state, .. } = next;
    let which = format!("init container {name} ({} of {})", at + 1, all.len());
    let waiting = state.as_ref().and_then(|state| state.waiting.as_ref());
    let words = waiting.map_or_else(
        || " runs".to_owned(),
        |waiting| {
            let words = waits(status, waiting.reason.as_deref(), waiting.message.as_deref());
            format!(": {words}")
        },
    );
    Some(which + &words + &ended_before(next))
}

fn is_done(container: &ContainerStatus) -> bool {
    let state = container.state.as_ref();
    let ended = state.and_then(|state| state.terminated.as_ref());
    let runs = state.is_some_and(|state| state.running.is_some());
    ended.is_some_and(|ended| ended.exit_code == 0) || (runs && container.started == Some(true))
}

/// The first container that is still being made.
fn creates(status: &PodStatus) -> Option<String> {
    status.container_statuses.iter().flatten().find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        let words = waits(status, waiting.reason.as_deref(), waiting.message.as_deref());
        Some(format!("container {}: {words}{}", container.name, ended_before(container)))
    })
}

/// The kubelet says in an event alone what keeps it from making a container, such as a volume or the network.
fn waits(status: &PodStatus, reason: Option<&str>, message: Option<&str>) -> String {
    let reason = reason.unwrap_or("waiting");
    let message = message.filter(|message| !message.is_empty());
    let message = message.map_or_else(String::new, |message| format!(": {message}"));
    // Neither sandbox nor network (Kubernetes: `PodReadyToStartContainers`).
    let bare = condition(status, "PodReadyToStartContainers").is_some_and(|told| told.status == "False");
    let hint = if bare { " (no sandbox, volumes or network yet; the events of the pod say why)" } else { "" };
    format!("{reason}{message}{hint}")
}

/// The words of the condition, whose startup probe has not succeeded, and how those that are started again ended before,
/// such as by a probe.
fn unready_words(status: &PodStatus) -> Option<String> {
    let all = status.container_statuses.as_deref().unwrap_or_default();
    let unready: Vec<&ContainerStatus> = all.iter().filter(|container| !container.ready).collect();
    if unready.is_empty() {
        return None;
    }
    let names = |of: &[&ContainerStatus]| {
        of.iter().map(|container| container.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let told = condition(status, "ContainersReady").and_then(|condition| condition.message.as_deref());
    let told = told.filter(|message| !message.is_empty());
    let words =
        told.map_or_else(|| format!("containers that are not ready: {}", names(&unready)), str::to_owned);
    let starting: Vec<_> =
        unready.iter().copied().filter(|container| container.started == Some(false)).collect();
    let starting = match starting.as_slice() {
        [] => String::new(),
        starting => format!(" (startupProbe has not succeeded yet: {})", names(starting)),
    };
    let ends = unready.iter().map(|container| (&container.name, ended_before(container)));
    let ends = ends.filter(|(_, end)| !end.is_empty());
    let ends: String = ends.map(|(name, end)| format!("; container {name} ended before{end}")).collect();
    Some(format!("{words}{starting}{ends}"))
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a PodCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Conditions, init containers, containers, and what is told.
    type Case<'a> = (Value, &'a [Value], &'a [Value], Option<&'static str>);

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn what_a_pod_that_starts_still_lacks_is_told_with_container_and_words() {
        let unready = json!([{ "type": "ContainersReady", "status": "False", "reason": "ContainersNotReady",
            "message": "containers with unready status: [web]" }]);
        let creating = json!({ "waiting": { "reason": "ContainerCreating" } });
        let initializing = json!({ "waiting": { "reason": "PodInitializing" } });
        let runs = json!({ "running": {} });
        let done = json!({ "terminated": { "exitCode": 0 } });
        let rows: [Case<'_>; 15] = [
            (ready(), &[], &[container("web", &runs, true, true)], None),
            (
                unready.clone(),
                &[],
                &[container("web", &creating, false, false)],
                Some("container web: ContainerCreating"),
            ),
            (
                json!([{ "type": "PodReadyToStartContainers", "status": "False" }]),
                &[],
                &[container("web", &creating, false, false)],
                Some(
                    "container web: ContainerCreating (no sandbox, volumes or network yet; the events of the pod say why)",
                ),
            ),
            (
                unready.clone(),
                &[],
                &[container(
                    "web",
                    &json!({ "waiting": { "reason": "ContainerCreating", "message": "because" } }),
                    false,
                    false,
                )],
                Some("container web: ContainerCreating: because"),
            ),
            (
                unready.clone(),
                &[
                    container("a", &done, false, true),
                    container("b", &runs, false, false),
                    container("c", &initializing, false, false),
                ],
                &[container("web", &initializing, false, false)],
                Some("init container b (2 of 3) runs"),
            ),
            (
                unready.clone(),
                &[container("a", &initializing, false, false)],
                &[container("web", &initializing, false, false)],
                Some("init container a (1 of 1): PodInitializing"),
            ),
            // A sidecar that has started keeps nobody waiting; one that has not does.
            (
                unready.clone(),
                &[container("mesh", &runs, true, true)],
                &[container("web", &initializing, false, false)],
                Some("container web: PodInitializing"),
            ),
            (
                unready.clone(),
                &[container("mesh", &runs, false, false)],
                &[container("web", &initializing, false, false)],
                Some("init container mesh (1 of 1) runs"),
            ),
            (
                unready.clone(),
                &[],
                &[container("web", &runs, false, true)],
                Some("containers with unready status: [web]"),
            ),
            (
                unready.clone(),
                &[],
                &[container("web", &runs, false, false)],
                Some("containers with unready status: [web] (startupProbe has not succeeded yet: web)"),
            ),
            // Killed by its liveness probe, and by its startup probe; what is ready is not told of.
            (
                unready.clone(),
                &[],
                &[
                    again("web", &runs, true, &json!({ "exitCode": 137, "reason": "Error" })),
                    container("mesh", &runs, true, true),
                ],
                Some(
                    "containers with unready status: [web]; container web ended before (exit code 137, 7 restarts)",
                ),
            ),
            (
                unready.clone(),
                &[],
                &[
                    again("web", &runs, false, &json!({ "exitCode": 137, "reason": "OOMKilled" })),
                    again("db", &runs, true, &json!({ "exitCode": 1, "message": "no disk" })),
                ],
                Some(
                    "containers with unready status: [web] (startupProbe has not succeeded yet: web); container web ended \
                     before (OOMKilled, exit code 137, 7 restarts); container db ended before (exit code 1, 7 \
                     restarts): no disk",
                ),
            ),
            (
                unready.clone(),
                &[again("first", &runs, false, &json!({ "exitCode": 3 }))],
                &[container("web", &initializing, false, false)],
                Some("init container first (1 of 1) runs (exit code 3, 7 restarts)"),
            ),
            (
                unready,
                &[],
                &[again("web", &creating, false, &json!({ "exitCode": 3 }))],
                Some("container web: ContainerCreating (exit code 3, 7 restarts)"),
            ),
            (json!([]), &[], &[], Some("it has no node yet")),
        ];
        for (conditions, inits, mains, wanted) in rows {
            let status = json!({ "conditions": conditions, "initContainerStatuses": inits, "containerStatuses": mains });
            let read: PodStatus = serde_json::from_value(status.clone()).expect("a status of a pod");
            assert_eq!(starts(&PodSpec::default(), &read).as_deref(), wanted, "{status}");
        }
    }

    #[test]
    fn a_pod_that_rests_before_it_is_updated_in_place_says_for_how_long() {
        let noted = json!({"revision": "web-1", "containerImages": {"web": "v2"}, "graceSeconds": 8});
        let rows = [
            (json!({ "apps.kruise.io/inplace-update-grace": noted.to_string() }), Some(" (8 s) of")),
            (json!({ "inplace-update-grace": noted.to_string() }), Some(" (8 s) of")),
            (json!({ "apps.kruise.io/inplace-update-grace": "{" }), Some("gracePeriodSeconds of")),
            (json!({ "apps.kruise.io/inplace-update-state": noted.to_string() }), None),
        ];
        for (annotations, words) in rows {
            let told = grace(&serde_json::from_value(annotations.clone()).expect("annotations"));
            let is_told = told.as_deref().zip(words).map(|(told, words)| told.contains(words));
            assert_eq!(is_told, words.map(|_| true), "{annotations}: {told:?}");
        }
    }

    #[test]
    fn the_node_of_a_pod_that_starts_is_told_or_the_scheduler_that_is_to_give_it_one() {
        let rows = [
            (json!({ "containers": [] }), "it has no node yet"),
            (json!({ "containers": [], "schedulerName": "default-scheduler" }), "it has no node yet"),
            (
                json!({ "containers": [], "schedulerName": "gpu" }),
                "it has no node yet, which scheduler gpu is to give it",
            ),
            (
                json!({ "containers": [], "schedulerName": "gpu", "nodeName": "n1" }),
                "it has a node (n1), whose kubelet has told nothing of its containers yet",
            ),
        ];
        for (spec, wanted) in rows {
            let read: PodSpec = serde_json::from_value(spec.clone()).expect("a spec of a pod");
            assert_eq!(starts(&read, &PodStatus::default()).as_deref(), Some(wanted), "{spec}");
        }
    }

    fn ready() -> Value {
        json!([{ "type": "ContainersReady", "status": "True" }])
    }

    /// One that is not ready, and was started again after it had ended so.
    fn again(name: &str, state: &Value, started: bool, end: &Value) -> Value {
        let mut again = container(name, state, false, started);
        again["restartCount"] = json!(7);
        again["lastState"] = json!({ "terminated": end });
        again
    }

    fn container(name: &str, state: &Value, ready: bool, started: bool) -> Value {
        json!({ "name": name, "image": "i", "imageID": "", "ready": ready, "started": started, "restartCount": 0,
            "state": state })
    }
}
