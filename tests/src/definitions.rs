//! The custom resources, and who controls CloneSets, on a control plane.

use std::time::Duration;

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
#[expect(clippy::disallowed_methods, reason = "a pause between looks, which have a deadline")]
pub fn define(plane: &Plane, definition: &str, name: &str) -> Result<(), PlaneError> {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    plane.kubectl_with_input(&apply, definition)?;
    let established = r#"--for=jsonpath={.status.conditions[?(@.type=="Established")].status}=True"#;
    let of = format!("crd/{name}");
    let mut waited = Ok(String::new());
    for _ in 0..60 {
        waited = plane.kubectl(&["wait", established, "--timeout=1s", &of]);
        if waited.is_ok() {
            break;
        }
        // It fails at once where the definition has no conditions yet.
        std::thread::sleep(Duration::from_millis(200));
    }
    waited.map(drop)
}
