//! The control plane of the measurements, with its resources and the CloneSet controller.

use std::env;

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    cloneset::{StandIn, connect, definition},
    operator::Operator,
    plane::{Plane, free_port},
    scene::Scene,
};

/// Name of the instance, its CloneSet and its Service, in a namespace of its own each time.
pub(crate) const NAME: &str = "web";

pub(crate) struct Site {
    _stand_in: StandIn,
    pub(crate) plane: Plane,
}

impl Site {
    pub(crate) fn start() -> Result<Self> {
        let plane = Plane::start()?;
        ensure!(!plane.external(), "a cluster of somebody else's has no audit log to count from");
        let apply = ["apply", "--server-side", "-f", "-"];
        plane.kubectl_with_input(&apply, &triton_operator::crd::yaml()?)?;
        let sets = serde_json::to_string(&definition(&[ApiVersion::V1Alpha1]))?;
        plane.kubectl_with_input(&apply, &sets)?;
        for name in ["crd/deployflows.apps.triton.io", "crd/clonesets.apps.kruise.io"] {
            plane.kubectl(&["wait", "--for=condition=Established", "--timeout=30s", name])?;
        }
        Ok(Self { _stand_in: StandIn::start(plane.kubeconfig())?, plane })
    }

    /// A namespace with the Service, watched.
    pub(crate) async fn scene(&self, namespace: &str) -> Result<Scene> {
        self.plane.create_namespace(namespace)?;
        self.apply(
            namespace,
            &json!({
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": NAME},
                "spec": {"selector": {"app.kubernetes.io/instance": NAME}, "ports": [{"port": 80}]},
            }),
        )?;
        let client = connect(self.plane.kubeconfig(), "watching-bench").await?;
        Ok(Scene::open(&client, namespace))
    }

    pub(crate) fn apply(&self, namespace: &str, object: &Value) -> Result<()> {
        let args = ["-n", namespace, "create", "-f", "-"];
        self.plane.kubectl_with_input(&args, &object.to_string())?;
        Ok(())
    }

    /// The operator for one namespace, or for all; it ends when dropped.
    pub(crate) async fn operator(&self, namespace: Option<&str>) -> Result<Operator> {
        let program = env::current_exe()?;
        let mut operator =
            Operator::start(&self.plane, &[&program.to_string_lossy()], free_port(), namespace)?;
        operator.ready().await?;
        Ok(operator)
    }
}

/// Bytes of the environment in each template: with it a template is as large as they are in the field.
const ENVIRONMENT: usize = 8 * 1024;

fn environment() -> Value {
    let variable = |at: usize| json!({"name": format!("SETTING_{at:03}"), "value": "x".repeat(88)});
    let one = variable(0).to_string().len() + 1;
    (0..ENVIRONMENT.div_ceil(one)).map(variable).collect()
}

/// A flow that brings the instance to this image.
pub(crate) fn flow(action: &str, replicas: u32, image: &str, strategy: Value) -> Value {
    json!({
        "apiVersion": "apps.triton.io/v1alpha1",
        "kind": "DeployFlow",
        "metadata": {"name": action},
        "spec": {
            "action": action,
            "application": {
                "appID": 1, "groupID": 2, "appName": "hello", "instanceName": NAME, "replicas": replicas,
                "template": {"spec": {"containers": [{
                    "name": "web", "image": image, "ports": [{"containerPort": 80}], "env": environment(),
                }]}},
            },
            "updateStrategy": strategy,
        },
    })
}
