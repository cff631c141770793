//! The custom resources, and who controls CloneSets, on a control plane.

use anyhow::Context;
use triton_operator::backend::cloneset::api_version::ApiVersion;

use crate::{
    cloneset::{StandIn, definition},
    plane::{Plane, PlaneError},
};

/// The name of the definition of flows.
pub const FLOWS: &str = "deployflows.apps.triton.io";
/// The name of the definition of CloneSets.
pub const CLONESETS: &str = "clonesets.apps.kruise.io";

/// The resources, and the CloneSet controller. On a cluster that was given they must be there: nothing is changed.
///
/// # Errors
/// When the API server refuses a definition, or does not serve it within 30 s; on a cluster that was given, when one is
/// missing or another.
pub fn install(plane: &Plane, versions: &[ApiVersion]) -> anyhow::Result<Option<StandIn>> {
    if plane.external() {
        has_definitions(plane)?;
        return Ok(None);
    }
    define(plane, &triton_operator::crd::yaml()?, FLOWS)?;
    define_clonesets(plane, versions)?;
    StandIn::start(plane.kubeconfig()).map(Some)
}

/// Defines CloneSets in these versions; the first is stored.
///
/// # Errors
/// As [`install`].
pub fn define_clonesets(plane: &Plane, versions: &[ApiVersion]) -> anyhow::Result<()> {
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

/// Makes or changes a definition, and waits until it is served.
///
/// # Errors
/// [`PlaneError::Command`] with the words of the API server.
pub fn define(plane: &Plane, definition: &str, name: &str) -> Result<(), PlaneError> {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&apply, definition)?;
    // As a condition it would be an error until the definition has any.
    let established = r#"--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True"#;
    plane.kubectl(&["wait", established, "--timeout=30s", &format!("crd/{name}")])?;
    Ok(())
}
