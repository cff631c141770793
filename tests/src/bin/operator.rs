//! `triton-operator` as a program that tests can start, and kill.

use clap::Parser;
use triton_operator::{args::Args, program};

fn main() -> anyhow::Result<()> {
    program::main(Args::parse())
}
