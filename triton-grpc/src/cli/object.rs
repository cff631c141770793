//! Answers as objects, in the form of the custom resource where there is one.

use serde::Serialize;
use serde_json::{Map, Value, json};
use triton_core::model::Action;
use triton_core::service::{FlowView, InstanceView, PodView};

/// A flow, as `kubectl get df -o json` has it, without what the API does not tell: the template, sizes of batches,
/// policies, and whether a flow that holds by failure was paused, too.
pub(super) fn flow(view: &FlowView) -> Value {
    let mut strategy = json!({
        "mode": view.mode,
        "batchIntervalSeconds": view.interval.0,
        "progressDeadlineSeconds": view.deadline.0,
        "failureGraceSeconds": view.grace.0,
        "drainSeconds": view.drain.0,
        "batches": view.target.batch,
        "stage": view.target.phase.as_str(),
        "canceled": view.canceled,
    });
    if !view.superseded_by.is_empty() {
        strategy["supersededBy"] = view.superseded_by.as_str().into();
    }
    let (paused, by_order) = (view.record.paused, view.record.reason == "Paused");
    if by_order || !paused {
        strategy["paused"] = paused.into();
    }
    let update = Action::parse(&view.action).is_some_and(Action::is_update);
    if update {
        strategy["canary"] = view.canary.into();
    }
    let of = if update { "updateStrategy" } else { "nonUpdateStrategy" };
    let mut object = json!({
        "apiVersion": "apps.triton.io/v1alpha1",
        "kind": "DeployFlow",
        "metadata": {
            "name": view.id.name,
            "namespace": view.id.namespace,
            "creationTimestamp": view.created_at,
        },
        "spec": {
            "action": view.action,
            "application": {
                "appID": view.app_id,
                "groupID": view.group_id,
                "appName": view.app_name,
                "instanceName": view.instance_name,
                "replicas": view.replicas,
            },
        },
        "status": serde_json::to_value(&view.record).unwrap_or_default(),
    });
    // Of a flow that cannot be read no order is known.
    if !view.mode.is_empty() {
        object["spec"][of] = strategy;
    }
    if !view.image.is_empty() {
        object["spec"]["application"]["image"] = view.image.as_str().into();
    }
    if !view.rollback_to.is_empty() {
        object["spec"]["rollbackTo"] = json!({ "revision": view.rollback_to });
    }
    object
}

/// An application instance.
pub(super) fn instance(view: &InstanceView) -> Value {
    plain("Instance", view)
}

/// A pod.
pub(super) fn pod(view: &PodView) -> Value {
    plain("Pod", view)
}

/// Several objects.
pub(super) fn list(items: &[Value]) -> Value {
    json!({ "apiVersion": "v1", "kind": "List", "items": items })
}

/// `kind/name`.
pub(super) fn name(object: &Value) -> String {
    let kind = match object["kind"].as_str().unwrap_or_default() {
        "DeployFlow" => "deployflow.apps.triton.io".to_owned(),
        kind => kind.to_lowercase(),
    };
    let name = object["metadata"]["name"].as_str().or_else(|| object["name"].as_str());
    format!("{kind}/{}", name.unwrap_or_default())
}

/// The fields of a view, named as everything else is.
fn plain(kind: &str, view: &impl Serialize) -> Value {
    let mut object = Map::from_iter([("kind".to_owned(), kind.into())]);
    if let Ok(Value::Object(fields)) = serde_json::to_value(view) {
        object.extend(fields.into_iter().map(|(field, value)| (camel(&field), value)));
    }
    object.into()
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;

    #[test]
    fn a_flow_is_shown_as_the_custom_resource_has_it() {
        let object = flow(&views::smoked("web-df"));
        assert_eq!(object["kind"], "DeployFlow");
        assert_eq!(object["spec"]["application"]["instanceName"], "12122-sample-10010");
        assert_eq!(object["status"]["waiting"]["reason"], "Approval");
        assert_eq!(object["status"]["conditions"][0]["phase"], "Smoked");
        assert_eq!(name(&object), "deployflow.apps.triton.io/web-df");
    }

    #[test]
    fn a_spec_says_what_was_ordered_as_far_as_the_api_tells_it() {
        let with = |action: &str, reason: &str, paused: bool| {
            let mut view = views::smoked("web-df");
            (view.action, view.batch_size) = (action.into(), 7);
            (view.record.reason, view.record.paused) = (reason.into(), paused);
            flow(&view)["spec"].clone()
        };
        // Action, why it is where it is, whether it takes no steps; where its strategy stands, and what that says of it.
        let rows = [
            ("update", "Approval", false, "updateStrategy", Some(false)),
            ("update", "Paused", true, "updateStrategy", Some(true)),
            // Held, and maybe paused, too.
            ("update", "PodsFailed", true, "updateStrategy", None),
            ("restart", "Paused", true, "nonUpdateStrategy", Some(true)),
        ];
        for (action, reason, paused, of, told) in rows {
            let spec = with(action, reason, paused);
            assert_eq!(spec[of]["paused"].as_bool(), told, "{action} {reason}");
            // The size of the current batch is none that was ordered.
            assert!(spec[of].is_object() && spec[of].get("batchSize").is_none(), "{spec}");
            assert_eq!(spec[of].get("canary").is_some(), of == "updateStrategy", "{spec}");
        }
        let unread = flow(&FlowView { mode: String::new(), ..views::pending("web-df") });
        assert!(unread["spec"].get("updateStrategy").is_none(), "nothing is known of it: {unread}");
    }

    #[test]
    fn instances_and_pods_are_named_in_the_same_case() {
        let view = InstanceView { name: "web".into(), available_replicas: 2, ..InstanceView::default() };
        let object = instance(&view);
        assert_eq!(object["availableReplicas"], 2);
        assert_eq!(name(&object), "instance/web");
    }
}
