//! `kubectl triton`: the command line, over an operator's door or straight on a cluster.

use std::process::ExitCode;

use triton_grpc::cli::{self, Cluster};

use crate::direct::Direct;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    cli::main(async |Cluster { files, context }| {
        Direct::open(&files, context).await.map_err(|error| format!("{error:#}"))
    })
}
