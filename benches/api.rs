//! What a rollout costs a real API server, beside a null controller that only writes what cannot be
//! avoided; how exact the interval is; and how much memory the operator takes.
//!
//! The operator is this same program, started again with `run`, so that its memory is its own.

mod api_memory;
mod api_null;
mod api_rollout;
mod api_site;

use std::env;

use anyhow::Result;
use clap::Parser;
use triton_benches::machine;
use triton_operator::{args::Args, program};

use api_site::Site;

/// Measured by others on OpenKruise 1.9.0 with Kubernetes 1.34.4, kwok and two cores: wall time, writes
/// per pod, conflicts.
const FIELD: [(&str, &str, &str, u32); 7] = [
    ("original Triton (Go), create 100 by 25", "15.2 s", "4.2", 12),
    ("original Triton (Go), update 100 by 25", "17.6 s", "4.5", 15),
    ("Kruise Rollouts 0.6, no traffic, update 100 by 25", "22.8 s", "4.7", 24),
    ("null controller, create 20 by 5", "2.8 s", "1.25", 0),
    ("null controller, update 20 by 5", "3.7 s", "3.2", 0),
    ("null controller, create 100 by 25", "4.8-5.3 s", "1.05", 0),
    ("null controller, update 100 by 25", "10.6 s", "3.04", 0),
];

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some("run") {
        return program::main(Args::parse());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    println!("\n{}", machine());
    let site = Site::start()?;
    api_rollout::measure(&site).await?;
    field();
    api_rollout::intervals(&site).await?;
    api_memory::measure(&site).await
}

fn field() {
    println!("\nin the field{:<53} {:>10} {:>14} {:>9}", "", "wall", "writes per pod", "409");
    for (who, wall, writes, conflicts) in FIELD {
        println!("{who:<64} {wall:>11} {writes:>14} {conflicts:>9}");
    }
}
