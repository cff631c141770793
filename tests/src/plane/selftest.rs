//! The control plane keeps the promises that every cluster test builds on.
//! kwok stands in for kubelets only on a plane of our own, so these tests start one on any other cluster.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Plane;

const GATE: &str = "apps.triton.io/ready";

#[test]
fn a_pod_serves_only_after_its_readiness_gate_is_set() {
    // A plane to itself: every write on it is counted.
    let plane = Plane::start_own().expect("a plane starts beside the shared one");
    let site = Site::on(&plane, "gates");
    let before = plane.audit().expect("the audit log is readable");
    site.apply(&service());
    site.apply(&pod("web", &json!({}), &[GATE]));
    site.until("the containers are ready", || site.condition("web", "ContainersReady") == "True");
    assert_eq!(site.condition("web", "Ready"), "False");
    assert_eq!(site.condition("web", GATE), "", "nobody but its owner sets a gate");
    site.until("the pod is listed, not ready", || site.endpoints() == [false]);

    site.set_gate("web", "True");
    site.until("the pod serves", || site.endpoints() == [true]);
    assert_eq!(site.condition("web", "Ready"), "True");

    site.set_gate("web", "False");
    site.until("the pod is out", || site.endpoints() == [false]);

    let audit = plane.audit().expect("the audit log is readable").since(&before);
    let kubectl = audit.calls("kubectl");
    assert_eq!((kubectl.writes, kubectl.conflicts), (4, 0), "service, pod and the gate twice: {kubectl:?}");
    assert_eq!(kubectl.by_call["patch pods/status"], 2);
    assert!(kubectl.reads > 0, "{kubectl:?}");
    // Booted, ready, not ready: a pod that was Ready in between for no reason would show here.
    assert_eq!(audit.calls("kwok").by_call["patch pods/status"], 3, "{audit:?}");
    assert_eq!(audit.calls("kube-scheduler").writes, 1, "{audit:?}");
}

#[test]
fn a_pod_without_gates_is_ready_once_it_has_booted() {
    let site = Site::shared("plain");
    site.apply(&pod("web", &json!({}), &[]));
    site.until("the pod is ready", || site.condition("web", "Ready") == "True");
    site.plane.kubectl(&["-n", site.namespace, "delete", "pod", "web"]).expect("the pod goes");
}

#[test]
fn a_pod_fails_when_its_annotation_says_so_and_recovers_without_it() {
    let site = Site::shared("failures");
    let (main, init) = ("containerStatuses", "initContainerStatuses");
    // How it fails, in which list its status says so, with which reason, and in which phase the pod is.
    let rows = [
        ("crash", main, "CrashLoopBackOff", "Running"),
        ("init", init, "CrashLoopBackOff", "Pending"),
        ("image", main, "ImagePullBackOff", "Pending"),
        ("secret", main, "CreateContainerConfigError", "Pending"),
        ("mount", main, "ContainerCreating", "Pending"),
    ];
    for (how, list, ..) in rows {
        let mut pod = pod(how, &json!({"triton.test/fail": how}), &[]);
        if list == init {
            pod["spec"]["initContainers"] = json!([{"name": "init", "image": "busybox:1"}]);
        }
        let from = json!({"secretKeyRef": {"name": "token", "key": "value"}});
        pod["spec"]["containers"][0]["env"] = json!([{"name": "TOKEN", "valueFrom": from}]);
        site.apply(&pod);
    }
    for (how, list, reason, phase) in rows {
        let waiting = format!("{{.status.{list}[0].state.waiting.reason}}");
        site.until(how, || site.field(how, &waiting) == reason);
        assert_eq!(site.field(how, "{.status.phase}"), phase, "{how}");
        assert_eq!(site.condition(how, "ContainersReady"), "False", "{how}");
    }
    let told =
        |how: &str, list: &str| site.field(how, &format!("{{.status.{list}[0].state.waiting.message}}"));
    assert_eq!(told("secret", main), "secret \"token\" not found");
    assert!(told("init", init).starts_with("back-off 10s restarting failed container=init pod=init_"));
    for (how, ..) in rows {
        site.annotate(how, "triton.test/fail-");
        site.until("the pod boots", || site.condition(how, "Ready") == "True");
    }
    assert_eq!(site.field("init", "{.status.initContainerStatuses[0].restartCount}"), "2");
    assert_eq!(site.field("crash", "{.status.containerStatuses[0].restartCount}"), "1");
    site.annotate("crash", "triton.test/fail=crash");
    site.until("a ready pod crashes", || site.condition("crash", "Ready") == "False");
}

#[test]
fn a_new_image_restarts_the_container_in_place() {
    let site = Site::shared("in-place");
    site.apply(&pod("web", &json!({}), &[GATE]));
    site.set_gate("web", "True");
    site.until("the pod is ready", || site.condition("web", "Ready") == "True");
    let status = |field: &str| site.field("web", &format!("{{.status.containerStatuses[0].{field}}}"));
    let (image, address) = (status("imageID"), site.field("web", "{.status.podIP}"));

    site.plane
        .kubectl(&["-n", site.namespace, "set", "image", "pod/web", "web=nginx:2"])
        .expect("the image is mutable");
    site.until("the new image runs", || {
        status("image") == "nginx:2" && site.condition("web", "Ready") == "True"
    });
    assert_eq!(status("restartCount"), "1");
    assert_ne!(status("imageID"), image);
    assert_eq!(site.field("web", "{.status.podIP}"), address);
}

/// A namespace of a plane of our own.
struct Site<'a> {
    plane: &'a Plane,
    namespace: &'static str,
}

impl Site<'static> {
    fn shared(namespace: &'static str) -> Self {
        Self::on(Plane::own(), namespace)
    }
}

impl<'a> Site<'a> {
    fn on(plane: &'a Plane, namespace: &'static str) -> Self {
        plane.create_namespace(namespace).expect("the namespace is new");
        Self { plane, namespace }
    }

    fn apply(&self, object: &Value) {
        self.plane
            .kubectl_with_input(&["-n", self.namespace, "apply", "-f", "-"], &object.to_string())
            .expect("the object is valid");
    }

    fn annotate(&self, pod: &str, annotation: &str) {
        self.plane
            .kubectl(&["-n", self.namespace, "annotate", "pod", pod, annotation])
            .expect("the pod can be annotated");
    }

    fn set_gate(&self, pod: &str, status: &str) {
        let patch = json!({"status": {"conditions": [{"type": GATE, "status": status}]}}).to_string();
        self.plane
            .kubectl(&["-n", self.namespace, "patch", "pod", pod, "--subresource=status", "-p", &patch])
            .expect("the gate can be set");
    }

    fn field(&self, pod: &str, path: &str) -> String {
        self.plane
            .kubectl(&["-n", self.namespace, "get", "pod", pod, "-o", &format!("jsonpath={path}")])
            .expect("the pod exists")
    }

    fn condition(&self, pod: &str, kind: &str) -> String {
        self.field(pod, &format!("{{.status.conditions[?(@.type=='{kind}')].status}}"))
    }

    /// The `ready` conditions of all endpoints of the service `web`.
    fn endpoints(&self) -> Vec<bool> {
        let slices = ["-n", self.namespace, "get", "endpointslices", "-o", "json"];
        let list = self.plane.kubectl(&slices).expect("slices can be listed");
        let list: Value = serde_json::from_str(&list).expect("kubectl prints JSON");
        list["items"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
            .map(|endpoint| endpoint["conditions"]["ready"] == true)
            .collect()
    }

    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !done() {
            assert!(
                Instant::now() < deadline,
                "{what}: not within 30 s; pods:\n{}",
                self.plane.kubectl(&["-n", self.namespace, "get", "pods", "-o", "yaml"]).unwrap_or_default()
            );
            #[expect(
                clippy::disallowed_methods,
                reason = "between two looks at a condition that has a deadline"
            )]
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    })
}

fn pod(name: &str, annotations: &Value, gates: &[&str]) -> Value {
    let gates: Vec<Value> = gates.iter().map(|gate| json!({"conditionType": gate})).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "web"}, "annotations": annotations},
        "spec": {
            "containers": [{"name": "web", "image": "nginx:1"}],
            "readinessGates": gates,
        },
    })
}
