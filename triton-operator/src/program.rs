//! The whole program behind the command line, for `main` and for programs that start an operator as
//! themselves.

use crate::args::{Args, Command};
use crate::limits::Limits;
use crate::{crd, release, run, standalone, stop, telemetry};

/// Does what the command line says, until it is done or a signal ends it.
///
/// # Errors
/// Whatever ends it early, for people.
pub fn main(args: Args) -> anyhow::Result<()> {
    let Args { command, log_format, log } = args;
    if matches!(command, Command::Crd) {
        print!("{}", crd::yaml()?);
        return Ok(());
    }
    telemetry::log(log_format, &log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let shutdown = stop::signals()?;
        match command {
            Command::Run { cluster, doors, history, view } => {
                let (kubeconfig, namespace) = (cluster.kubeconfig, cluster.namespace);
                let (addresses, history) = (doors.into(), history.limit);
                run::run(run::Config { kubeconfig, namespace, addresses, history, limits: view.into() }, shutdown).await
            }
            Command::Standalone { doors, seed, history } => {
                let (addresses, history) = (doors.into(), history.limit);
                standalone::run(standalone::Config { addresses, seed, history }, shutdown).await
            }
            Command::Release { cluster, dry_run } => {
                let client = run::connect(cluster.kubeconfig.as_ref(), Limits::default()).await?;
                release::release(&client, cluster.namespace.as_deref(), dry_run).await
            }
            Command::Crd => Ok(()),
        }
    })
}
