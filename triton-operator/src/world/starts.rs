//! What a pod still has to do before its containers are ready, in the words of the kubelet. A slow start is no failure.

use k8s_openapi::api::core::v1::{ContainerStatus, PodCondition, PodStatus};

/// What the containers of a pod lack to be ready; `None` where they are.
#[must_use]
pub fn starts(status: &PodStatus) -> Option<String> {
    let unready =
        condition(status, "ContainersReady").filter(|condition| condition.status == "True").is_none();
    unready.then(|| {
        initializes(status).or_else(|| creates(status)).or_else(|| unready_words(status)).unwrap_or_else(
            || {
                if condition(status, "PodScheduled").is_some_and(|condition| condition.status == "True") {
                    "it has a node, whose kubelet has told nothing of its containers yet".to_owned()
                } else {
                    "it has no node yet".to_owned()
                }
            },
        )
    })
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
    Some(which + &words)
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
        Some(format!("container {}: {words}", container.name))
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

/// The words of the condition, and whose startup probe has not succeeded.
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
    let starting: Vec<_> = unready.into_iter().filter(|container| container.started == Some(false)).collect();
    Some(match starting.as_slice() {
        [] => words,
        starting => format!("{words} (startupProbe has not succeeded yet: {})", names(starting)),
    })
}

fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<&'a PodCondition> {
    status.conditions.iter().flatten().find(|condition| condition.type_ == kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

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
        let rows: [Case<'_>; 12] = [
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
                unready,
                &[],
                &[container("web", &runs, false, false)],
                Some("containers with unready status: [web] (startupProbe has not succeeded yet: web)"),
            ),
            (
                json!([{ "type": "PodScheduled", "status": "True" }]),
                &[],
                &[],
                Some("it has a node, whose kubelet has told nothing of its containers yet"),
            ),
            (json!([]), &[], &[], Some("it has no node yet")),
        ];
        for (conditions, inits, mains, wanted) in rows {
            let status = json!({ "conditions": conditions, "initContainerStatuses": inits, "containerStatuses": mains });
            let read: PodStatus = serde_json::from_value(status.clone()).expect("a status of a pod");
            assert_eq!(starts(&read).as_deref(), wanted, "{status}");
        }
    }

    fn ready() -> Value {
        json!([{ "type": "ContainersReady", "status": "True" }])
    }

    fn container(name: &str, state: &Value, ready: bool, started: bool) -> Value {
        json!({ "name": name, "image": "i", "imageID": "", "ready": ready, "started": started, "restartCount": 0,
            "state": state })
    }
}
