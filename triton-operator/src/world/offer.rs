//! What Services need of a pod: its labels, its address families, and the ports that its containers declare.
//!
//! The rules are those of the EndpointSlice controller (Kubernetes: `k8s.io/endpointslice`, `FindPort`).

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use serde_json::Value;

use crate::labels;

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredPort {
    /// Its name; empty when it has none.
    pub name: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Its number.
    pub number: i32,
}

/// What Services need of a pod, or of the pods of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer<'a> {
    /// The name of the pod; empty where it is only expected.
    pub pod: Cow<'a, str>,
    /// Labels.
    pub labels: Cow<'a, BTreeMap<String, String>>,
    /// Keys of labels that no template gives, and that are only expected to be given again.
    pub given: Vec<String>,
    /// Whether it is only expected, and the workload's controller may update the pod in place, which keeps what it was
    /// given.
    pub in_place: bool,
    /// Declared ports; of several with the same name and protocol the first one counts.
    pub ports: Cow<'a, [DeclaredPort]>,
    /// `IPv4`, `IPv6` or both; empty while it has no address, and where it is only expected.
    pub families: Cow<'a, [&'static str]>,
}

impl Offer<'_> {
    /// Of a pod template, also of one that the API server has not seen.
    #[must_use]
    pub fn of_template(template: &Value) -> Offer<'static> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let labels = template["metadata"]["labels"].as_object().into_iter().flatten();
        let list = |of: &Value| of.as_array().cloned().unwrap_or_default();
        let mut sidecars = list(&template["spec"]["initContainers"]);
        sidecars.retain(|container| container["restartPolicy"] == ALWAYS);
        let containers = list(&template["spec"]["containers"]).into_iter().chain(sidecars);
        let declared = |port: Value| {
            Some(DeclaredPort {
                name: text(&port["name"]).unwrap_or_default(),
                protocol: text(&port["protocol"]).unwrap_or_else(|| TCP.into()),
                number: i32::try_from(port["containerPort"].as_i64()?).ok()?,
            })
        };
        let labels = labels.filter_map(|(key, value)| Some((key.clone(), text(value)?)));
        let ports = containers.flat_map(|container| list(&container["ports"])).filter_map(declared);
        Offer { labels: Cow::Owned(labels.collect()), ports: ports.collect(), ..Offer::default() }
    }

    /// What a pod of the template `before` offers once it has the template `after`. What it has of neither, others
    /// have added, and they do so again, except what OpenKruise gives to a pod alone.
    #[must_use]
    pub fn exchanged(&self, before: &Offer<'_>, after: &Offer<'_>) -> Offer<'static> {
        let both = |(key, value): (&String, &String)| (key.clone(), value.clone());
        let again = |key: &str| !before.labels.contains_key(key) && !labels::OF_ONE_POD.contains(&key);
        let added = self.labels.iter().filter(|(key, _)| again(key));
        let given = added.clone().map(|(key, _)| key.clone()).filter(|key| !after.labels.contains_key(key));
        let given = given.collect();
        let labels = added.chain(after.labels.iter()).map(both);
        let state = self.labels.contains_key(labels::LIFECYCLE_STATE);
        let state = state.then(|| (labels::LIFECYCLE_STATE.to_owned(), labels::NORMAL.to_owned()));
        let labels = labels.chain(state).collect();
        let added = self.ports.iter().filter(|port| !before.ports.contains(port));
        let ports = after.ports.iter().chain(added).cloned().collect();
        Offer { labels: Cow::Owned(labels), given, ports, ..Offer::default() }
    }
}

/// The ports that a pod declares: those of its containers, then those of the init containers that run beside them.
#[must_use]
pub fn declared_ports(spec: &PodSpec) -> Vec<DeclaredPort> {
    let sidecars = spec.init_containers.iter().flatten();
    let sidecars = sidecars.filter(|container| container.restart_policy.as_deref() == Some(ALWAYS));
    spec.containers.iter().chain(sidecars).flat_map(declared).collect()
}

fn declared(container: &Container) -> impl Iterator<Item = DeclaredPort> {
    container.ports.iter().flatten().map(|port| DeclaredPort {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| TCP.into()),
        number: port.container_port,
    })
}

/// The protocol where none is given.
pub const TCP: &str = "TCP";

/// How an init container is restarted that runs beside the others.
const ALWAYS: &str = "Always";

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ports_are_declared_by_containers_and_by_init_containers_that_keep_running() {
        let template = json!({
            "metadata": { "labels": { "app": "1" } },
            "spec": {
                "initContainers": [
                    { "name": "once", "ports": [{ "name": "never", "containerPort": 1 }] },
                    { "name": "mesh", "restartPolicy": "Always", "ports": [{ "name": "mesh", "containerPort": 2 }] },
                ],
                "containers": [{ "name": "main", "resources": { "limits": { "cpu": 1 } }, "ports": [
                    { "containerPort": 80 }, { "name": "dns", "containerPort": 53, "protocol": "UDP" },
                ] }],
            },
        });
        let offer = Offer::of_template(&template);
        let ports: Vec<_> =
            offer.ports.iter().map(|port| (&*port.name, &*port.protocol, port.number)).collect();
        assert_eq!(ports, [("", "TCP", 80), ("dns", "UDP", 53), ("mesh", "TCP", 2)]);
        assert_eq!(offer.labels["app"], "1");
        let typed: PodSpec = serde_json::from_value(json!({
            "containers": [{ "name": "main", "ports": template["spec"]["containers"][0]["ports"] }],
            "initContainers": template["spec"]["initContainers"],
        }))
        .unwrap();
        assert_eq!(declared_ports(&typed), offer.ports.as_ref(), "a pod is read as its template is");
        assert_eq!(Offer::of_template(&Value::Null), Offer::default());
    }

    #[test]
    fn what_others_added_to_a_pod_stays_when_it_is_exchanged() {
        let offer = |labels: &[(&str, &str)], ports: &[(&str, i32)]| Offer {
            labels: Cow::Owned(labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()),
            ports: ports
                .iter()
                .map(|(name, number)| DeclaredPort {
                    name: (*name).into(),
                    protocol: TCP.into(),
                    number: *number,
                })
                .collect(),
            ..Offer::default()
        };
        let before = offer(&[("line", "green"), ("old", "yes")], &[("http", 80)]);
        let after = offer(&[("line", "black")], &[("web", 80)]);
        let pod = offer(&[("line", "green"), ("old", "yes"), ("mesh", "on")], &[("http", 80), ("mesh", 1)]);
        let wanted = offer(&[("line", "black"), ("mesh", "on")], &[("web", 80), ("mesh", 1)]);
        let wanted = Offer { given: vec!["mesh".to_owned()], ..wanted };
        assert_eq!(pod.exchanged(&before, &after), wanted);
        let own = [
            (labels::LIFECYCLE_STATE, "PreparingUpdate"),
            (labels::REVISION, "web-1"),
            (labels::SPECIFIED_DELETE, "true"),
            ("pod-template-hash", "1"),
        ];
        let normal = offer(&[(labels::LIFECYCLE_STATE, labels::NORMAL), ("line", "black")], &[]);
        assert_eq!(offer(&own, &[]).exchanged(&offer(&[], &[]), &offer(&[("line", "black")], &[])), normal);
    }
}
