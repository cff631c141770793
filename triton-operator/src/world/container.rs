//! The containers of a pod or a template, as people are shown them, and which of them are the application's.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;

/// What people are shown of a container. Quantities as Kubernetes writes them, empty when not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Main {
    /// Name.
    pub name: String,
    /// Image.
    pub image: String,
    /// CPU limit.
    pub cpu: String,
    /// Memory limit.
    pub memory: String,
    /// CPU request.
    pub request_cpu: String,
    /// Memory request.
    pub request_memory: String,
    /// First port that has no name or is named `app-port`; 0 when there is none.
    pub port: u16,
}

/// The application's containers among those of a pod: those that the template of its workload names. Others come
/// from webhooks, which put them first as well (OpenKruise: `SidecarSet`; meshes). All of them, where the template
/// names none of them.
pub fn application<'a>(containers: &'a [Main], template: &[String]) -> impl Iterator<Item = &'a Main> {
    let named = |container: &Main| template.contains(&container.name);
    let any = containers.iter().any(named);
    containers.iter().filter(move |container| !any || named(container))
}

impl From<&Container> for Main {
    fn from(container: &Container) -> Self {
        let resources = container.resources.as_ref();
        let limits = resources.and_then(|resources| resources.limits.as_ref());
        let requests = resources.and_then(|resources| resources.requests.as_ref());
        let amount = |of: Option<&BTreeMap<String, Quantity>>, name: &str| {
            of.and_then(|amounts| amounts.get(name)).map_or_else(String::new, |amount| amount.0.clone())
        };
        let shown = |name: Option<&str>| name.is_none_or(|name| matches!(name, "" | "app-port"));
        let port = container.ports.iter().flatten().find(|port| shown(port.name.as_deref()));
        Self {
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            cpu: amount(limits, "cpu"),
            memory: amount(limits, "memory"),
            request_cpu: amount(requests, "cpu"),
            request_memory: amount(requests, "memory"),
            port: port.and_then(|port| u16::try_from(port.container_port).ok()).unwrap_or(0),
        }
    }
}

impl Main {
    /// The first container of a template; empty when it has none. Its port is not read.
    #[must_use]
    pub fn of(spec: &Value) -> Self {
        let container = &spec["containers"][0];
        let text = |value: &Value| value.as_str().map_or_else(|| number(value), ToOwned::to_owned);
        let (limits, requests) = (&container["resources"]["limits"], &container["resources"]["requests"]);
        Self {
            name: text(&container["name"]),
            image: text(&container["image"]),
            cpu: text(&limits["cpu"]),
            memory: text(&limits["memory"]),
            request_cpu: text(&requests["cpu"]),
            request_memory: text(&requests["memory"]),
            port: 0,
        }
    }
}

/// A quantity may be written as a number.
fn number(value: &Value) -> String {
    value.as_number().map_or_else(String::new, ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_container_of_a_template_is_the_application() {
        let main = Main::of(&json!({ "containers": [
            { "name": "app", "image": "nginx", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } },
            { "name": "sidecar", "image": "proxy" },
        ] }));
        assert_eq!((main.name.as_str(), main.cpu.as_str(), main.memory.as_str()), ("app", "1", "1Gi"));
        assert_eq!(main.request_cpu, "");
        assert_eq!(Main::of(&Value::Null), Main::default());
    }

    #[test]
    fn the_containers_of_the_application_are_those_that_its_template_names() {
        let named = |name: &&str| Main { name: (*name).to_owned(), ..Main::default() };
        // Containers of the pod, those of the template, those of the application.
        let rows: [(&[&str], &[&str], &[&str]); 5] = [
            (&["proxy", "app"], &["app"], &["app"]),
            (&["app", "proxy"], &["app"], &["app"]),
            (&["proxy", "app", "log"], &["app", "log"], &["app", "log"]),
            (&["proxy", "old"], &["new"], &["proxy", "old"]),
            (&["app"], &[], &["app"]),
        ];
        for (pod, template, wanted) in rows {
            let containers: Vec<_> = pod.iter().map(named).collect();
            let template: Vec<_> = template.iter().map(|name| (*name).to_owned()).collect();
            let found: Vec<_> =
                application(&containers, &template).map(|container| container.name.as_str()).collect();
            assert_eq!(found, wanted, "{pod:?} of {template:?}");
        }
    }
}
