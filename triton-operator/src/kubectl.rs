//! `kubectl triton`: the command line, over an operator's door or straight on a cluster.

use std::process::ExitCode;

use triton_grpc::cli::{self, Cluster};
use triton_grpc::{Age, ViewAge};

use crate::direct::Direct;
use crate::unknown::unknown_fields;

/// Runs the program.
#[must_use]
pub fn main() -> ExitCode {
    let open = async |Cluster { files, context }| {
        let direct = Direct::open(&files, context).await.map_err(|error| format!("{error:#}"))?;
        let known = direct.known();
        let age = Age::new(move || {
            let (age, stale) = known.oldest()?;
            Some(ViewAge { age, stale: stale.map(str::to_owned) })
        });
        Ok((direct, age))
    };
    cli::main(open, unknown_fields)
}
