//! What a rollout costs a real API server, beside a null controller that only writes what cannot be
//! avoided; how exact the interval is; how much memory the operator takes; and 1,000 applications at once.
//!
//! The operator is this same program, started again with `run`, so that its memory is its own.

mod api_memory;
mod api_null;
mod api_rollout;
mod api_scale;
mod api_site;

use std::env;

use anyhow::{Result, ensure};
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

/// What there is to measure; named on the command line (`cargo bench --bench api -- scale`), only these.
const PARTS: [&str; 5] = ["rollout", "interval", "memory", "scale", "history"];

fn main() -> Result<()> {
    if env::args().nth(1).as_deref() == Some("run") {
        return program::main(Args::parse());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure())
}

async fn measure() -> Result<()> {
    // cargo itself adds `--bench`.
    let only: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let unknown = only.iter().find(|word| !PARTS.contains(&word.as_str()));
    ensure!(unknown.is_none(), "{unknown:?} is no part of this benchmark; there are {}", PARTS.join(", "));
    let wanted = |part: &str| only.is_empty() || only.iter().any(|word| word == part);
    println!("\n{}", machine());
    let site = Site::start()?;
    if wanted("rollout") {
        api_rollout::measure(&site).await?;
        field();
    }
    if wanted("interval") {
        api_rollout::intervals(&site).await?;
    }
    if wanted("memory") {
        api_memory::measure(&site).await?;
    }
    if wanted("scale") {
        api_scale::at_once(&site).await?;
    }
    if wanted("history") {
        api_scale::ended(&site).await?;
    }
    Ok(())
}

fn field() {
    println!("\nin the field{:<53} {:>10} {:>14} {:>9}", "", "wall", "writes per pod", "409");
    for (who, wall, writes, conflicts) in FIELD {
        println!("{who:<64} {wall:>11} {writes:>14} {conflicts:>9}");
    }
}
