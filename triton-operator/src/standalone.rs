//! The embedded default: engine, simulated world and store in one process, on the wall clock, behind the
//! same gRPC door as in a cluster. Needs nothing; forgets everything when it ends.

mod drive;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use triton_core::model::{DEFAULT_DRAIN, Seconds};
use triton_core::ports::Clock;
use triton_core::service::Service;
use triton_core::sim::{Host, Sim, Timing};
use triton_grpc::server::{ServeError, Server, Watches};

pub use drive::drive;

use crate::clock::{RandomNames, WallClock};

/// How to run an embedded world.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to serve gRPC; port 0 takes a free one.
    pub grpc: SocketAddr,
    /// The door itself.
    pub server: triton_grpc::server::Config,
    /// What pods do is drawn from this number.
    pub seed: u64,
    /// How long things take in the world.
    pub timing: Timing,
    /// How long a pod that somebody removed by hand keeps running once it is out of traffic.
    pub drain: Seconds,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from(([127, 0, 0, 1], 8099)),
            server: triton_grpc::server::Config::default(),
            seed: 1,
            timing: Timing::default(),
            drain: DEFAULT_DRAIN,
        }
    }
}

/// An embedded world with its gRPC door bound, not yet running.
#[derive(Debug)]
pub struct Standalone {
    sim: Sim,
    host: Host,
    listener: TcpListener,
    server: Server<Service<Host, RandomNames>, Host>,
    drain: Seconds,
}

impl Standalone {
    /// Makes the world and binds the door.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub async fn bind(config: Config) -> std::io::Result<Self> {
        let listener = TcpListener::bind(config.grpc).await?;
        let sim = Sim::on_clock(config.seed, config.timing, Arc::new(|| WallClock.now()));
        let host = sim.host();
        let api = Arc::new(Service { store: host.clone(), names: RandomNames });
        let server = Server::new(api, Arc::new(host.clone()), config.server);
        Ok(Self { sim, host, listener, server, drain: config.drain })
    }

    /// The address that gRPC is served on.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn grpc(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The world, to look at or to disturb.
    #[must_use]
    pub const fn sim(&self) -> &Sim {
        &self.sim
    }

    /// The numbers of the door's watches.
    #[must_use]
    pub fn watches(&self) -> Watches {
        self.server.watches()
    }

    /// Serves and drives until `shutdown` resolves.
    ///
    /// # Errors
    /// When serving breaks down.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServeError> {
        let Self { sim, host, listener, server, drain } = self;
        tokio::select! {
            served = server.serve(listener, shutdown) => served,
            () = drive(sim, host, drain) => Ok(()),
        }
    }
}
