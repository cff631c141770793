//! What is written to single pods of a CloneSet. Pure: every function gives the body of one request.

use serde_json::{Value, json};
use triton_core::model::{FlowUid, PodRef};

use crate::labels;

/// Merge patch that sets the hook label; refused by another pod of that name.
#[must_use]
pub(super) fn hook(pod: &PodRef) -> Value {
    json!({ "metadata": { "uid": pod.uid, "labels": { labels::HOOK: labels::HOOK_ON } } })
}

/// Merge patch that takes the hook label off; refused when the pod is not as it was seen.
#[must_use]
pub(super) fn unhook(pod: &PodRef) -> Value {
    json!({ "metadata": {
        "uid": pod.uid, "resourceVersion": pod.version, "labels": { labels::HOOK: null },
    } })
}

/// Merge patch that marks a pod as one that this flow replaces; refused by another pod of that name.
#[must_use]
pub(super) fn mark_for_replacement(pod: &PodRef, flow: &FlowUid) -> Value {
    json!({ "metadata": { "uid": pod.uid, "labels": { labels::RESTARTED_BY: flow } } })
}

/// Merge patch that takes the mark off that has a pod deleted whatever the numbers say.
#[must_use]
pub(super) fn clear_specified_delete(pod: &PodRef) -> Value {
    json!({ "metadata": { "uid": pod.uid, "labels": { labels::SPECIFIED_DELETE: null } } })
}

#[cfg(test)]
mod tests {
    use triton_core::model::{PodName, PodUid, Version};

    use super::*;

    #[test]
    fn hooking_is_guarded_by_uid_and_letting_go_by_version_too() {
        let pod = PodRef {
            name: PodName::new("demo-x").unwrap(),
            uid: PodUid::new("pod-uid").unwrap(),
            version: Version::new("7").unwrap(),
        };
        assert_eq!(
            hook(&pod),
            json!({ "metadata": { "uid": "pod-uid", "labels": { labels::HOOK: "true" } } })
        );
        assert_eq!(
            unhook(&pod),
            json!({ "metadata": { "uid": "pod-uid", "resourceVersion": "7", "labels": { labels::HOOK: null } } })
        );
    }
}
