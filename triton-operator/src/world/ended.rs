//! How a pod ended as a whole, in the words of kubelet and control plane.

use k8s_openapi::api::core::v1::PodStatus;
use triton_core::model::{FailureClass, Heals, PodFailure};

use super::stuck::said;

/// Whether a pod has ended and does not come back, also while it is still there.
#[must_use]
pub fn has_ended(status: &PodStatus) -> bool {
    matches!(status.phase.as_deref(), Some("Failed" | "Succeeded"))
}

/// How a pod ended: what the kubelet says where it ended or rejected it (`Evicted`, `NodeShutdown`, `OutOfcpu`,
/// `NodeAffinity`), what the control plane says where it did (condition `DisruptionTarget`), else how its containers
/// ended.
#[must_use]
pub fn end(status: &PodStatus) -> PodFailure {
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let own = filled(&status.reason).map(|reason| said(&reason, status.message.as_deref()));
    let disrupted = || {
        let mut conditions = status.conditions.iter().flatten();
        let told = conditions.find(|told| told.type_ == "DisruptionTarget" && told.status == "True")?;
        Some(said(&filled(&told.reason)?, told.message.as_deref()))
    };
    let containers = || {
        let ends = status.container_statuses.iter().flatten().filter_map(|container| {
            let ended = container.state.as_ref()?.terminated.as_ref()?;
            let reason = ended.reason.as_deref().unwrap_or("Error");
            Some(format!("container {}: {reason} (exit code {})", container.name, ended.exit_code))
        });
        let ends: Vec<String> = ends.collect();
        let phase = status.phase.as_deref().unwrap_or_default();
        let told =
            if ends.is_empty() { filled(&status.message).unwrap_or_default() } else { ends.join(", ") };
        said(phase, Some(&told))
    };
    let message = own.or_else(disrupted).unwrap_or_else(containers);
    PodFailure { class: FailureClass::Ended, heals: Heals::Never, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn how_a_pod_ended_is_told_in_the_words_of_whoever_ended_it() {
        let ended = |name: &str, reason: &str, code: i32| {
            json!({ "name": name, "image": "i", "imageID": "", "ready": false, "restartCount": 0,
                "state": { "terminated": { "exitCode": code, "reason": reason } } })
        };
        let by_kubelet = |reason: &str| json!({ "phase": "Failed", "reason": reason, "message": "because" });
        let disruption = json!([{ "type": "DisruptionTarget", "status": "True", "reason": "DeletionByPodGC",
            "message": "PodGC: node no longer exists" }]);
        let rows = [
            (by_kubelet("Evicted"), "Evicted: because"),
            (by_kubelet("NodeAffinity"), "NodeAffinity: because"),
            (by_kubelet("OutOfcpu"), "OutOfcpu: because"),
            (by_kubelet("UnexpectedAdmissionError"), "UnexpectedAdmissionError: because"),
            (by_kubelet("NodeShutdown"), "NodeShutdown: because"),
            (by_kubelet("Terminated"), "Terminated: because"),
            (by_kubelet("Preempting"), "Preempting: because"),
            (
                json!({ "phase": "Failed", "conditions": disruption }),
                "DeletionByPodGC: PodGC: node no longer exists",
            ),
            (
                json!({ "phase": "Failed", "containerStatuses": [ended("web", "Error", 1), ended("log", "Completed", 0)] }),
                "Failed: container web: Error (exit code 1), container log: Completed (exit code 0)",
            ),
            (
                json!({ "phase": "Succeeded", "containerStatuses": [ended("web", "Completed", 0)] }),
                "Succeeded: container web: Completed (exit code 0)",
            ),
            (json!({ "phase": "Failed", "message": "because" }), "Failed: because"),
            (json!({ "phase": "Failed" }), "Failed"),
        ];
        for (status, words) in rows {
            let read: PodStatus = serde_json::from_value(status.clone()).expect("a status of a pod");
            assert!(has_ended(&read), "{status}");
            let told = end(&read);
            assert_eq!((told.class, told.heals), (FailureClass::Ended, Heals::Never), "{status}");
            assert_eq!(told.message, words, "{status}");
        }
        for phase in
            [json!({}), json!({ "phase": "Running" }), json!({ "phase": "Unknown", "reason": "NodeLost" })]
        {
            assert!(!has_ended(&serde_json::from_value(phase.clone()).expect("a status")), "{phase}");
        }
    }
}
