//! Programs in Go that belong to tests.

use std::path::Path;

use anyhow::Result;
use tokio::process::Command;

use crate::python::run;

/// Builds the program in a folder. What its `go.sum` pins is fetched the first time.
///
/// # Errors
/// With what Go said, when it is missing, fails, or takes longer than 10 minutes.
pub async fn build(source: &Path, program: &Path) -> Result<()> {
    let mut build = Command::new("go");
    build.args(["build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o"]).arg(program).arg(".");
    // No C compiler, no workspace file of somebody's own.
    build.envs([("CGO_ENABLED", "0"), ("GOWORK", "off")]).current_dir(source);
    run(build).await.map(drop)
}
