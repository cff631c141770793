//! A control plane with the resources and the CloneSet controller on it.

use std::sync::OnceLock;

use anyhow::Context;
use kube::CustomResourceExt;
use triton_operator::backend::cloneset::binding::CloneSet;
use triton_tests::{
    cloneset::{StandIn, with_defaults},
    plane::{Plane, PlaneError},
};

/// The name of the definition of flows.
const FLOWS: &str = "deployflows.apps.triton.io";
/// The name of the definition of CloneSets.
const CLONESETS: &str = "clonesets.apps.kruise.io";

/// A control plane, ready for operators.
pub(crate) struct Rig {
    pub(crate) plane: &'static Plane,
    _stand_in: Option<StandIn>,
}

impl Rig {
    /// The one that most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Rig> = OnceLock::new();
        SHARED.get_or_init(|| Self::on(Plane::shared()))
    }

    /// One on a plane that the suite has started, for tests that others would notice.
    pub(crate) fn apart() -> &'static Self {
        static PLANE: OnceLock<Plane> = OnceLock::new();
        static APART: OnceLock<Rig> = OnceLock::new();
        let plane = || PLANE.get_or_init(|| Plane::start_own().unwrap_or_else(|error| panic!("{error}")));
        APART.get_or_init(|| Self::on(plane()))
    }

    fn on(plane: &'static Plane) -> Self {
        Self { plane, _stand_in: install(plane).unwrap_or_else(|error| panic!("{error:#}")) }
    }

    /// Defines flows as this version does.
    pub(crate) fn define_flows(&self) {
        let definition = triton_operator::crd::yaml().expect("the definition is YAML");
        self.define_flows_as(&definition);
    }

    /// Defines flows in another way.
    pub(crate) fn define_flows_as(&self, definition: &str) {
        define(self.plane, definition, FLOWS).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// The resources, and the CloneSet controller. On a cluster that was given they must be there: nothing is changed.
pub(crate) fn install(plane: &Plane) -> anyhow::Result<Option<StandIn>> {
    if plane.external() {
        has_definitions(plane)?;
        return Ok(None);
    }
    define(plane, &triton_operator::crd::yaml()?, FLOWS)?;
    let sets = with_defaults(CloneSet::crd());
    define(plane, &serde_json::to_string(&sets)?, CLONESETS)?;
    StandIn::start(plane.kubeconfig()).map(Some)
}

fn has_definitions(plane: &Plane) -> anyhow::Result<()> {
    plane.kubectl(&["get", "crd", CLONESETS]).context("OpenKruise must be installed")?;
    let diff = ["diff", "--server-side", "--force-conflicts", "-f", "-"];
    let same = plane.kubectl_with_input(&diff, &triton_operator::crd::yaml()?);
    same.context(
        "the definition of flows differs from this version's: \
         kubectl apply --server-side --force-conflicts -f triton-operator/deploy/crd.yaml",
    )?;
    Ok(())
}

fn define(plane: &Plane, definition: &str, name: &str) -> Result<(), PlaneError> {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&apply, definition)?;
    // As a condition it would be an error until the definition has any.
    let established = r#"--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True"#;
    plane.kubectl(&["wait", established, "--timeout=30s", &format!("crd/{name}")])?;
    Ok(())
}
