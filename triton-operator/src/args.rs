//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::doors::Addresses;
use crate::limits::Limits;
use crate::telemetry::LogFormat;

/// Carries DeployFlows out: applications on Kubernetes, in batches, pulled into traffic one by one.
#[derive(Clone, Debug, Parser)]
#[command(name = "triton-operator", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// How log lines look.
    #[arg(long, value_enum, default_value = "json", global = true, env = "TRITON_LOG_FORMAT")]
    pub log_format: LogFormat,
    /// What is logged: a level, or levels by module, as in `info,triton_operator=debug`.
    #[arg(long, default_value = "info", global = true, env = "TRITON_LOG")]
    pub log: String,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Work on a cluster until SIGTERM.
    Run {
        /// Which cluster.
        #[command(flatten)]
        cluster: Cluster,
        /// Where to listen.
        #[command(flatten)]
        doors: DoorArgs,
        /// What stays.
        #[command(flatten)]
        history: History,
        /// How old what is known may be.
        #[command(flatten)]
        view: View,
    },
    /// Work on an embedded, simulated world until SIGTERM; needs nothing else.
    Standalone {
        /// Where to listen.
        #[command(flatten)]
        doors: DoorArgs,
        /// Chooses names, boot times and everything else that is chosen in the embedded world.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// What stays.
        #[command(flatten)]
        history: History,
    },
    /// Print the custom resource definition as YAML.
    Crd,
    /// Give every workload back before an uninstall: hooks, hook labels, locks, finalizers. Stop the
    /// operator first.
    Release {
        /// Which cluster.
        #[command(flatten)]
        cluster: Cluster,
        /// Say what would be given back, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// What stays of flows that have ended.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct History {
    /// Flows that have ended and are kept, per application; older ones are removed. 0 keeps none.
    #[arg(long = "history-limit", value_name = "N", default_value_t = 10, env = "TRITON_HISTORY_LIMIT")]
    pub limit: u32,
}

/// How old what is known may be.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct View {
    /// Seconds without news of a kind of object after which nothing is removed, exposed or ended, and the operator is
    /// not ready. All other time limits towards the API server are shares of it.
    #[arg(long, value_name = "SECONDS", default_value_t = 75, env = "TRITON_MAX_VIEW_AGE",
        value_parser = clap::value_parser!(u32).range(8..=3600))]
    pub max_view_age: u32,
}

impl From<View> for Limits {
    fn from(view: View) -> Self {
        Self::of_views(Duration::from_secs(view.max_view_age.into()))
    }
}

/// Which cluster.
#[derive(Clone, Debug, ClapArgs)]
pub struct Cluster {
    /// The kubeconfig to use; else $KUBECONFIG, ~/.kube/config or the service account of the pod.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Look at this namespace only; else at all.
    #[arg(long, short = 'n', env = "TRITON_NAMESPACE")]
    pub namespace: Option<String>,
}

/// Where to listen. Without a host: on all addresses of the machine, of IPv4 and IPv6. Port 0 takes a free port; the log says which.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct DoorArgs {
    /// Address for gRPC, plain text: keep it on loopback or behind a proxy that authenticates.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8099", value_parser = address)]
    pub grpc_address: SocketAddr,
    /// Address for REST, plain text: keep it on loopback or behind a proxy that authenticates.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8088", value_parser = address)]
    pub rest_address: SocketAddr,
    /// Address for /healthz and /readyz.
    #[arg(long, value_name = "HOST:PORT", default_value = ":8000", value_parser = address)]
    pub health_address: SocketAddr,
    /// Address for /metrics.
    #[arg(long, value_name = "HOST:PORT", default_value = ":8080", value_parser = address)]
    pub metrics_address: SocketAddr,
}

impl From<DoorArgs> for Addresses {
    fn from(args: DoorArgs) -> Self {
        let DoorArgs { grpc_address, rest_address, health_address, metrics_address } = args;
        Self { grpc: grpc_address, rest: rest_address, health: health_address, metrics: metrics_address }
    }
}

/// `127.0.0.1:8099`, `localhost:8099`, or `:8099` for every address of this machine, of IPv4 and IPv6.
fn address(text: &str) -> Result<SocketAddr, String> {
    let text = match text.split_once(':') {
        Some(("", port)) => format!("[::]:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        _ => text.to_owned(),
    };
    text.parse().map_err(|_| "must be an address and a port, such as 127.0.0.1:8099 or :8099".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_its_defaults_are_the_documented_ports() {
        Args::command().debug_assert();
        let args = Args::try_parse_from(["triton-operator", "run"]).unwrap();
        let Command::Run { doors, cluster, history, view } = args.command else { panic!("{args:?}") };
        let Addresses { grpc, rest, health, metrics } = doors.into();
        assert_eq!((grpc.to_string(), health.port(), metrics.port()), ("127.0.0.1:8099".into(), 8000, 8080));
        assert_eq!(rest.to_string(), "127.0.0.1:8088");
        assert_eq!((cluster.namespace, history.limit), (None, 10));
        assert_eq!(Limits::from(view), Limits::default());
        let short = ["triton-operator", "run", "--max-view-age=7"];
        assert!(Args::try_parse_from(short).is_err(), "a watch would be too short for a bookmark");
    }

    #[test]
    fn addresses_may_leave_the_host_out() {
        assert_eq!(address(":0").map(|a| a.to_string()), Ok("[::]:0".into()));
        assert_eq!(address("0.0.0.0:1").map(|a| a.to_string()), Ok("0.0.0.0:1".into()));
        assert_eq!(address("[::1]:1").map(|a| a.to_string()), Ok("[::1]:1".into()));
        assert_eq!(address("localhost:1").map(|a| a.to_string()), Ok("127.0.0.1:1".into()));
        assert!(address("8099").is_err() && address("host:port").is_err());
    }
}
