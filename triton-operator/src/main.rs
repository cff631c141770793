//! `triton-operator run | standalone | crd | release`.

use clap::Parser;
use triton_operator::{args::Args, program};

fn main() -> anyhow::Result<()> {
    program::main(Args::parse())
}
