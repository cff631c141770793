//! Builds the test control plane, or runs one to try things on by hand.

use std::io;

use anyhow::Result;
use clap::Parser;
use triton_tests::plane::{Binaries, Plane};

/// The control plane of the tests, on its own.
#[derive(Debug, Parser)]
enum Command {
    /// Build the programs (first use: some minutes).
    Build,
    /// Start a control plane and keep it until Ctrl-C or the end of standard input.
    Run,
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Build => {
            println!("{}", Binaries::ensure()?.folder().display());
        }
        Command::Run => {
            let plane = Plane::start()?;
            println!("export KUBECONFIG={}", plane.kubeconfig().display());
            println!("export PATH={}:$PATH", plane.binaries().folder().display());
            io::copy(&mut io::stdin(), &mut io::sink())?;
        }
    }
    Ok(())
}
