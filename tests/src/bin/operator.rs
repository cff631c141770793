//! `triton-operator run` as a program that tests can start, and kill.

use anyhow::{Result, bail};
use clap::Parser;
use triton_operator::{
    args::{Args, Command},
    run, stop, telemetry,
};

fn main() -> Result<()> {
    let Args { command, log_format, log } = Args::parse();
    let Command::Run { cluster, doors } = command else { bail!("only `run` is needed here") };
    telemetry::log(log_format, &log)?;
    let (kubeconfig, namespace) = (cluster.kubeconfig, cluster.namespace);
    let config = run::Config { kubeconfig, namespace, addresses: doors.into() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { run::run(config, stop::signals()?).await })
}
