//! Fields of a pod template that Kubernetes does not know, where no API server is asked: it answers a dry run with
//! them, and would take pods without what was meant.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::Value;
use triton_core::model::{
    Failure, Fault, Faults, Flow, InstanceId, PodChange, PodsAsSeen, Template, Version, WorkloadChange,
    WorkloadView,
};
use triton_core::ports::{PortError, Subject, WorkloadBackend};

/// The fields of a template that no pod has, by their path in a flow. What stands after a value of a wrong type is not
/// looked at.
#[must_use]
pub fn unknown_fields(template: &Value) -> Vec<Fault> {
    let mut unknown = Vec::new();
    let readable = with_quantities(template, false);
    let read: Result<PodTemplateSpec, _> = serde_ignored::deserialize(readable, |path| {
        let message = "is no field of a pod in this version of Kubernetes; is it misspelt?".to_owned();
        unknown.push(Fault { field: format!("spec.application.template{}", placed(&path)), message });
    });
    // Of the wrong type: for whoever carries it out.
    drop(read);
    unknown
}

/// `.spec.containers[0].imagee`.
fn placed(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", placed(parent)),
        Path::Map { parent, key } => format!("{}.{key}", placed(parent)),
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            placed(parent)
        }
    }
}

/// Kubernetes takes numbers for quantities (`cpu: 1`), which are texts.
fn with_quantities(value: &Value, quantity: bool) -> Value {
    match value {
        Value::Number(number) if quantity => number.to_string().into(),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| {
                let named =
                    matches!(key.as_str(), "limits" | "requests" | "overhead" | "sizeLimit" | "divisor");
                (key.clone(), with_quantities(value, quantity || named))
            });
            Value::Object(fields.collect())
        }
        Value::Array(list) => {
            Value::Array(list.iter().map(|value| with_quantities(value, quantity)).collect())
        }
        other => other.clone(),
    }
}

/// A backend that no API server stands behind, with what one would refuse of a template.
#[derive(Clone, Debug)]
pub(crate) struct Checking<W>(pub(crate) W);

#[async_trait]
impl<W: WorkloadBackend> WorkloadBackend for Checking<W> {
    async fn observe(&self, subject: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        self.0.observe(subject).await
    }

    async fn change_workload(
        &self,
        subject: Subject<'_>,
        change: &WorkloadChange,
        seen: Option<&Version>,
    ) -> Result<(), PortError> {
        self.0.change_workload(subject, change, seen).await
    }

    async fn change_pods(&self, subject: Subject<'_>, change: &PodChange) -> Result<(), PortError> {
        self.0.change_pods(subject, change).await
    }

    async fn dry_run(&self, flow: &Flow, seen: Option<&Version>) -> Result<Option<Failure>, PortError> {
        let template = flow.spec.template.as_ref().map(Template::to_json);
        let unknown = template.as_ref().map_or_else(Vec::new, unknown_fields);
        if unknown.is_empty() {
            return self.0.dry_run(flow, seen).await;
        }
        Ok(Some(Failure::InvalidSpec { fault: Faults(unknown).to_string() }))
    }

    async fn confirm(&self, instance: &InstanceId, seen: &Version) -> Result<(), PortError> {
        self.0.confirm(instance, seen).await
    }

    async fn confirm_pods(
        &self,
        instance: &InstanceId,
        seen: &WorkloadView,
        which: PodsAsSeen,
    ) -> Result<(), PortError> {
        self.0.confirm_pods(instance, seen, which).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_no_pod_has_are_named_with_their_place() {
        let template = json!({
            "metadata": { "labels": { "any": "label" }, "annotation": {} },
            "spec": {
                "containers": [
                    { "name": "web", "image": "nginx:1", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } },
                    { "name": "side", "imagee": "nginx:1", "ports": [{ "containerPort": 80, "protocoll": "TCP" }] },
                ],
                "volumes": [{ "name": "tmp", "emptyDir": { "sizeLimit": 1000 } }],
                "securityContext": { "runAsNonroot": true },
                "restartPolicyy": "Always",
            },
        });
        let mut found: Vec<String> = unknown_fields(&template).into_iter().map(|fault| fault.field).collect();
        found.sort();
        let wanted = [
            "metadata.annotation",
            "spec.containers[1].imagee",
            "spec.containers[1].ports[0].protocoll",
            "spec.restartPolicyy",
            "spec.securityContext.runAsNonroot",
        ];
        assert_eq!(found, wanted.map(|path| format!("spec.application.template.{path}")));
        let quantities = json!({ "spec": { "containers": [], "overhead": { "cpu": 1 } }, "metadata": {} });
        assert_eq!(unknown_fields(&quantities), []);
    }
}
