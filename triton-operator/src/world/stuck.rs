//! What keeps a pod from running, in the words of kubelet and scheduler, and whether it may heal.

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, PodStatus};
use triton_core::model::{FailureClass, Heals, PodFailure, Steps};

/// Restarts from which on a container counts as one that does not get up by itself.
const RESTARTS: i32 = 3;

/// What keeps a pod from running; `None` where nothing is known to. Of one that has [ended](super::ended) something else
/// is to be told.
#[must_use]
pub fn failure(status: &PodStatus) -> Option<PodFailure> {
    let inits = status.init_container_statuses.iter().flatten().map(|container| (container, true));
    let mains = status.container_statuses.iter().flatten().map(|container| (container, false));
    let mut stuck: Vec<PodFailure> =
        inits.chain(mains).filter_map(|(container, init)| of_container(container, init)).collect();
    // What cannot heal is told before what may.
    stuck.sort_by_key(|failure| failure.heals);
    stuck.into_iter().next().or_else(|| unscheduled(status))
}

/// How far the containers have come. An init container that has ended well has started and got ready.
#[must_use]
pub fn steps(status: &PodStatus) -> Steps {
    let inits = status.init_container_statuses.iter().flatten();
    inits.chain(status.container_statuses.iter().flatten()).fold(Steps::default(), |sum, container| {
        let state = container.state.as_ref();
        let ended = state.and_then(|state| state.terminated.as_ref());
        let done = ended.is_some_and(|ended| ended.exit_code == 0);
        let runs = state.is_some_and(|state| state.running.is_some());
        Steps {
            restarts: sum.restarts.saturating_add(u32::try_from(container.restart_count).unwrap_or(0)),
            started: sum.started.saturating_add(u32::from(runs || done)),
            ready: sum.ready.saturating_add(u32::from(container.ready || done)),
        }
    })
}

/// No node takes it yet, or somebody has not given it free to be scheduled: whatever the reason is, such as
/// `Unschedulable`, `SchedulingGated` or `SchedulerError` (Kubernetes: `PodScheduled`).
fn unscheduled(status: &PodStatus) -> Option<PodFailure> {
    let mut conditions = status.conditions.iter().flatten();
    let condition =
        conditions.find(|condition| condition.type_ == "PodScheduled" && condition.status == "False")?;
    let reason = condition.reason.as_deref().filter(|reason| !reason.is_empty()).unwrap_or("Unschedulable");
    let message = said(reason, condition.message.as_deref());
    Some(PodFailure { class: FailureClass::Unschedulable, heals: Heals::WithRoom, message })
}

/// Why a container does not get on (kubelet: `pkg/kubelet/images`, `pkg/kubelet/container`).
fn of_container(container: &ContainerStatus, init: bool) -> Option<PodFailure> {
    let state = container.state.as_ref()?;
    let crash = if init { FailureClass::InitFailure } else { FailureClass::CrashLoop };
    let worn = if container.restart_count >= RESTARTS { Heals::Never } else { Heals::Maybe };
    let (class, heals, words) = match (&state.waiting, &state.terminated) {
        (Some(waiting), _) => {
            let reason = waiting.reason.as_deref().unwrap_or_default();
            let (class, heals) = match reason {
                // No other attempt ends otherwise.
                "InvalidImageName" => (FailureClass::ImagePull, Heals::Never),
                "ImagePullBackOff"
                | "ErrImagePull"
                | "ErrImageNeverPull"
                | "ImageInspectError"
                | "RegistryUnavailable"
                | "SignatureValidationFailed" => (FailureClass::ImagePull, Heals::Maybe),
                "CrashLoopBackOff" => (crash, worn),
                "CreateContainerConfigError"
                | "CreateContainerError"
                | "RunContainerError"
                | "PreCreateHookError"
                | "PreStartHookError"
                | "PostStartHookError" => (FailureClass::Setup, worn),
                _ => return None,
            };
            (class, heals, said(reason, waiting.message.as_deref()))
        }
        // An init container is to end well; one beside it is to run, and is started again whatever it ended with.
        (None, Some(ended)) if ended.exit_code != 0 || !init => {
            (crash, worn, said(ended.reason.as_deref().unwrap_or("Error"), ended.message.as_deref()))
        }
        (None, Some(_) | None) => return None,
    };
    let end = match &state.terminated {
        // Its reason and its message are said already.
        Some(ended) => counted(container.restart_count, None, Some(ended)),
        None => ended_before(container),
    };
    let message = format!("container {}: {words}{end}", container.name);
    Some(PodFailure { class, heals, message })
}

/// How a container that is started again ended before, such as ` (OOMKilled, exit code 137, 2 restarts): its last words`.
/// Empty where it has not.
pub(super) fn ended_before(container: &ContainerStatus) -> String {
    let last = container.last_state.as_ref().and_then(|last| last.terminated.as_ref());
    let reason = last.and_then(|last| last.reason.as_deref());
    let telling = reason.filter(|reason| !matches!(*reason, "" | "Error" | "Completed"));
    let message = last.and_then(|last| last.message.as_deref()).filter(|message| !message.is_empty());
    let message = message.map_or_else(String::new, |message| format!(": {message}"));
    counted(container.restart_count, telling, last) + &message
}

pub(super) fn said(reason: &str, message: Option<&str>) -> String {
    match message {
        None | Some("") => reason.to_owned(),
        Some(message) => format!("{reason}: {message}"),
    }
}

/// Why a container ended, such as `OOMKilled`, exit code and restarts, as far as there are any.
fn counted(restarts: i32, reason: Option<&str>, ended: Option<&ContainerStateTerminated>) -> String {
    let code = ended.map(|ended| format!("exit code {}", ended.exit_code));
    let restarts = (restarts > 0).then(|| format!("{restarts} restarts"));
    let all: Vec<String> = reason.map(str::to_owned).into_iter().chain(code).chain(restarts).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Status, class, when it counts, and what people are told.
    type Row = (Value, Option<(FailureClass, Heals)>, &'static str);

    #[test]
    fn what_keeps_a_pod_from_running_is_told_with_its_words_and_whether_it_may_heal() {
        use FailureClass::{CrashLoop, ImagePull, InitFailure, Setup, Unschedulable};
        use Heals::{Maybe, Never, WithRoom};
        let rows: Vec<Row> = vec![
            (main(waits("ErrImagePull"), 0), Some((ImagePull, Maybe)), "container c: ErrImagePull: because"),
            (
                main(waits("ImagePullBackOff"), 0),
                Some((ImagePull, Maybe)),
                "container c: ImagePullBackOff: because",
            ),
            (
                main(waits("InvalidImageName"), 0),
                Some((ImagePull, Never)),
                "container c: InvalidImageName: because",
            ),
            (
                main(waits("CreateContainerConfigError"), 0),
                Some((Setup, Maybe)),
                "container c: CreateContainerConfigError: because",
            ),
            (
                main(waits("CrashLoopBackOff"), 1),
                Some((CrashLoop, Maybe)),
                "container c: CrashLoopBackOff: because (exit code 7, 1 restarts)",
            ),
            (main(waits("CrashLoopBackOff"), 2), Some((CrashLoop, Maybe)), "CrashLoopBackOff"),
            (main(waits("CrashLoopBackOff"), 3), Some((CrashLoop, Never)), "3 restarts"),
            (main(ended(1), 0), Some((CrashLoop, Maybe)), "container c: Error: because (exit code 1)"),
            (main(ended(137), 5), Some((CrashLoop, Never)), "exit code 137, 5 restarts"),
            (main(ended(0), 0), Some((CrashLoop, Maybe)), "container c: Completed: because (exit code 0)"),
            (
                main(ended(0), 3),
                Some((CrashLoop, Never)),
                "container c: Completed: because (exit code 0, 3 restarts)",
            ),
            (main(json!({ "running": {} }), 9), None, ""),
            (main(waits("ContainerCreating"), 0), None, ""),
            (main(waits("PodInitializing"), 0), None, ""),
            (
                first(waits("CrashLoopBackOff"), 1),
                Some((InitFailure, Maybe)),
                "container i: CrashLoopBackOff",
            ),
            (first(ended(1), 0), Some((InitFailure, Maybe)), "container i: Error: because (exit code 1)"),
            (first(ended(1), 3), Some((InitFailure, Never)), "3 restarts"),
            (first(ended(0), 0), None, ""),
            (first(waits("ErrImagePull"), 0), Some((ImagePull, Maybe)), "container i: ErrImagePull"),
            (scheduled("Unschedulable"), Some((Unschedulable, WithRoom)), "Unschedulable: because"),
            (scheduled("SchedulingGated"), Some((Unschedulable, WithRoom)), "SchedulingGated: because"),
            (scheduled("SchedulerError"), Some((Unschedulable, WithRoom)), "SchedulerError: because"),
            (scheduled("ReasonToCome"), Some((Unschedulable, WithRoom)), "ReasonToCome: because"),
            (scheduled(""), Some((Unschedulable, WithRoom)), "Unschedulable: because"),
            (json!({ "conditions": [{ "type": "PodScheduled", "status": "True" }] }), None, ""),
            (json!({ "conditions": [{ "type": "PodScheduled", "status": "Unknown" }] }), None, ""),
        ];
        for (status, class, words) in rows {
            let told = failure(&read(&status));
            assert_eq!(told.as_ref().map(|told| (told.class, told.heals)), class, "{status}");
            let message = told.map(|told| told.message).unwrap_or_default();
            assert!(message.contains(words), "{message:?} of {status}");
        }
    }

    #[test]
    fn how_a_container_that_is_started_again_ended_is_told() {
        // The end before the present wait, and what is said of it.
        let rows = [
            (json!({ "exitCode": 137, "reason": "OOMKilled" }), " (OOMKilled, exit code 137, 1 restarts)"),
            (
                json!({ "exitCode": 1, "reason": "Error", "message": "no route to db" }),
                " (exit code 1, 1 restarts): no route to db",
            ),
            (json!({ "exitCode": 0, "reason": "Completed", "message": "" }), " (exit code 0, 1 restarts)"),
        ];
        for (end, words) in rows {
            let mut status = main(waits("CrashLoopBackOff"), 1);
            status["containerStatuses"][0]["lastState"] = json!({ "terminated": end });
            let told = failure(&read(&status)).expect("it waits").message;
            assert_eq!(told, format!("container c: CrashLoopBackOff: because{words}"));
        }
    }

    #[test]
    fn what_cannot_heal_is_told_before_what_may() {
        let mut status = main(waits("InvalidImageName"), 0);
        status["initContainerStatuses"] = first(ended(1), 1)["initContainerStatuses"].clone();
        let told = failure(&read(&status)).expect("two of them");
        assert_eq!((told.class, told.heals), (FailureClass::ImagePull, Heals::Never));
    }

    #[test]
    fn restarts_starts_and_readiness_of_all_containers_are_progress() {
        let mut status = main(json!({ "running": {} }), 2);
        status["containerStatuses"][0]["ready"] = json!(true);
        status["initContainerStatuses"] = first(ended(0), 1)["initContainerStatuses"].clone();
        assert_eq!(steps(&read(&status)), Steps { restarts: 3, started: 2, ready: 2 });
        assert_eq!(steps(&read(&main(ended(1), 1))), Steps { restarts: 1, started: 0, ready: 0 });
        assert_eq!(steps(&read(&json!({}))), Steps::default());
    }

    fn waits(reason: &str) -> Value {
        json!({ "waiting": { "reason": reason, "message": "because" } })
    }

    fn ended(code: i32) -> Value {
        json!({ "terminated": { "exitCode": code, "reason": if code == 0 { "Completed" } else { "Error" },
            "message": "because" } })
    }

    fn main(state: Value, restarts: i32) -> Value {
        json!({ "containerStatuses": [container("c", state, restarts)] })
    }

    fn first(state: Value, restarts: i32) -> Value {
        json!({ "initContainerStatuses": [container("i", state, restarts)] })
    }

    fn container(name: &str, state: Value, restarts: i32) -> Value {
        let last = if restarts > 0 { json!({ "terminated": { "exitCode": 7 } }) } else { json!({}) };
        json!({ "name": name, "image": "i", "imageID": "", "ready": false, "restartCount": restarts,
            "state": state, "lastState": last })
    }

    fn scheduled(reason: &str) -> Value {
        json!({ "conditions": [{ "type": "PodScheduled", "status": "False", "reason": reason, "message": "because" }] })
    }

    fn read(status: &Value) -> PodStatus {
        serde_json::from_value(status.clone()).expect("a status of a pod")
    }
}
