//! A control plane with the resources and the CloneSet controller on it.

use std::sync::OnceLock;

use anyhow::Context;
use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    cloneset::{StandIn, definition},
    plane::{Plane, PlaneError},
};

/// The name of the definition of flows.
const FLOWS: &str = "deployflows.apps.triton.io";
/// The name of the definition of CloneSets.
pub(crate) const CLONESETS: &str = "clonesets.apps.kruise.io";
/// CloneSets for kubectl, in the version in which tests look at them: later ones than OpenKruise 1.9 prefer another.
pub(crate) const SETS: &str = "clonesets.v1alpha1.apps.kruise.io";

/// A control plane, ready for operators.
pub(crate) struct Rig {
    pub(crate) plane: &'static Plane,
    /// The version in which tests look at CloneSets.
    pub(crate) version: ApiVersion,
    _stand_in: Option<StandIn>,
}

impl Rig {
    /// The one that most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Rig> = OnceLock::new();
        SHARED.get_or_init(|| Self::on(Plane::shared(), ApiVersion::V1Alpha1))
    }

    /// One on a plane that the suite has started, for tests that others would notice.
    pub(crate) fn apart() -> &'static Self {
        static PLANE: OnceLock<Plane> = OnceLock::new();
        static APART: OnceLock<Rig> = OnceLock::new();
        APART.get_or_init(|| Self::on(own(&PLANE), ApiVersion::V1Alpha1))
    }

    /// One on a plane that the suite has started, with the CloneSets of an OpenKruise later than 1.9.
    pub(crate) fn later() -> &'static Self {
        static PLANE: OnceLock<Plane> = OnceLock::new();
        static LATER: OnceLock<Rig> = OnceLock::new();
        LATER.get_or_init(|| Self::on(own(&PLANE), ApiVersion::V1Beta1))
    }

    fn on(plane: &'static Plane, version: ApiVersion) -> Self {
        let stand_in = install(plane, &[version]).unwrap_or_else(|error| panic!("{error:#}"));
        Self { plane, version, _stand_in: stand_in }
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

fn own(plane: &'static OnceLock<Plane>) -> &'static Plane {
    plane.get_or_init(|| Plane::start_own().unwrap_or_else(|error| panic!("{error}")))
}

/// The resources, and the CloneSet controller. On a cluster that was given they must be there: nothing is changed.
pub(crate) fn install(plane: &Plane, versions: &[ApiVersion]) -> anyhow::Result<Option<StandIn>> {
    if plane.external() {
        has_definitions(plane)?;
        return Ok(None);
    }
    define(plane, &triton_operator::crd::yaml()?, FLOWS)?;
    define_clonesets(plane, versions)?;
    StandIn::start(plane.kubeconfig()).map(Some)
}

/// Defines CloneSets in these versions; the first is stored.
pub(crate) fn define_clonesets(plane: &Plane, versions: &[ApiVersion]) -> anyhow::Result<()> {
    Ok(define(plane, &serde_json::to_string(&definition(versions))?, CLONESETS)?)
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
