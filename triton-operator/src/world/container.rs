//! The application's container of a pod or a template: the first one, sidecars come after it.

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
}

impl Main {
    /// From a pod spec; empty when it has no container.
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
    fn the_first_container_is_the_application() {
        let main = Main::of(&json!({ "containers": [
            { "name": "app", "image": "nginx", "resources": { "limits": { "cpu": 1, "memory": "1Gi" } } },
            { "name": "sidecar", "image": "proxy" },
        ] }));
        assert_eq!((main.name.as_str(), main.cpu.as_str(), main.memory.as_str()), ("app", "1", "1Gi"));
        assert_eq!(main.request_cpu, "");
        assert_eq!(Main::of(&Value::Null), Main::default());
    }
}
