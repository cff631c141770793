//! The doors that both ways of running open: gRPC, REST, health, metrics.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};

use crate::stop::Stop;
use crate::telemetry::health::{self, Measure, Ready};
use crate::telemetry::metrics::Metrics;

/// Where to listen; port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// gRPC, plain text.
    pub grpc: SocketAddr,
    /// REST, plain text.
    pub rest: SocketAddr,
    /// `/healthz` and `/readyz`.
    pub health: SocketAddr,
    /// `/metrics`.
    pub metrics: SocketAddr,
}

/// Listeners that are bound and not answered yet.
pub struct Doors {
    grpc: (TcpListener, SocketAddr),
    rest: (TcpListener, SocketAddr),
    health: (TcpListener, SocketAddr),
    metrics: (TcpListener, SocketAddr),
}

/// What can be asked at the doors.
pub struct Apis<D, I, L> {
    /// Of flows.
    pub deploys: Arc<D>,
    /// Of instances and pods.
    pub instances: Arc<I>,
    /// Orders to instances.
    pub lifecycle: Arc<L>,
}

/// Doors that are open.
pub struct Open(JoinSet<anyhow::Result<()>>);

impl Doors {
    /// Binds all addresses and logs them.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub async fn bind(addresses: &Addresses) -> anyhow::Result<Self> {
        let doors = Self {
            grpc: bind(addresses.grpc).await?,
            rest: bind(addresses.rest).await?,
            health: bind(addresses.health).await?,
            metrics: bind(addresses.metrics).await?,
        };
        for (door, address) in doors.addresses() {
            tracing::info!(door, %address, "listening");
        }
        Ok(doors)
    }

    /// The bound addresses by the name of their door.
    #[must_use]
    pub const fn addresses(&self) -> [(&'static str, SocketAddr); 4] {
        [("grpc", self.grpc.1), ("rest", self.rest.1), ("health", self.health.1), ("metrics", self.metrics.1)]
    }

    /// Answers at all doors until `stop`.
    pub fn open<D, I, L>(
        self,
        apis: Apis<D, I, L>,
        metrics: Arc<Metrics>,
        ready: Ready,
        measure: Measure,
        stop: &Stop,
    ) -> Open
    where
        D: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let mut tasks = JoinSet::new();
        let Apis { deploys, instances, lifecycle } = apis;
        let config = triton_grpc::rest::Config::default();
        let same = (Arc::clone(&deploys), Arc::clone(&instances), Arc::clone(&lifecycle));
        let rest = triton_grpc::rest::Server::new(same.0, same.1, same.2, config);
        let config = triton_grpc::server::Config::default();
        let server = triton_grpc::server::Server::new(deploys, instances, lifecycle, config);
        let (watches, events) = (server.watches(), rest.watches());
        let measure: Measure = Arc::new(move |metrics| {
            measure(metrics);
            metrics.size("watches", watches.live().saturating_add(events.live()));
        });
        let ended = stop.future();
        tasks.spawn(async move { server.serve(self.grpc.0, ended).await.context("gRPC") });
        let ended = stop.future();
        tasks.spawn(async move {
            rest.serve(self.rest.0, ended).await;
            Ok(())
        });
        let ended = stop.future();
        tasks.spawn(async move { health::health(self.health.0, ready, ended).await.context("health") });
        let ended = stop.future();
        let served = health::metrics(self.metrics.0, metrics, measure, ended);
        tasks.spawn(async move { served.await.context("metrics") });
        Open(tasks)
    }
}

impl Open {
    /// Waits until all doors are closed.
    ///
    /// # Errors
    /// The first door that broke down.
    pub async fn closed(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.0.join_next().await {
            ended.context("a door ended by itself")??;
        }
        Ok(())
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}
