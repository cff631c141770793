//! The doors that both ways of running open: gRPC, REST, health, metrics.

use std::future::Future;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, ensure};
use socket2::{Domain, Socket, Type};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};

use crate::panics::caught;
use crate::stop::Stop;
use crate::telemetry::health::{self, Check, Measure};
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

/// How the operator is.
pub struct Checks {
    /// Whether it is at work.
    pub alive: Check,
    /// Whether it knows the cluster as it is.
    pub ready: Check,
    /// How old what it knows is.
    pub age: triton_grpc::Age,
}

/// Doors that are open.
pub struct Open {
    doors: JoinSet<anyhow::Result<()>>,
    stop: Stop,
}

impl Doors {
    /// Binds all addresses and logs them.
    ///
    /// # Errors
    /// Names the address that cannot be bound.
    pub async fn bind(addresses: &Addresses) -> anyhow::Result<Self> {
        let doors = Self {
            grpc: door(addresses.grpc, "grpc").await?,
            rest: door(addresses.rest, "rest").await?,
            health: door(addresses.health, "health").await?,
            metrics: door(addresses.metrics, "metrics").await?,
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
        checks: Checks,
        measure: Measure,
        stop: &Stop,
    ) -> Open
    where
        D: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let Apis { deploys, instances, lifecycle } = apis;
        let Checks { alive, ready, age } = checks;
        let config = triton_grpc::rest::Config { age: age.clone(), ..triton_grpc::rest::Config::default() };
        let same = (Arc::clone(&deploys), Arc::clone(&instances), Arc::clone(&lifecycle));
        let rest = triton_grpc::rest::Server::new(same.0, same.1, same.2, config);
        let config = triton_grpc::server::Config { age, ..triton_grpc::server::Config::default() };
        let server = triton_grpc::server::Server::new(deploys, instances, lifecycle, config);
        let (watches, events) = (server.watches(), rest.watches());
        let measure: Measure = Arc::new(move |metrics| {
            measure(metrics);
            metrics.size("watches", watches.live().saturating_add(events.live()));
        });
        let mut open = Open { doors: JoinSet::new(), stop: stop.clone() };
        let ended = stop.future();
        open.add("gRPC", async move { server.serve(self.grpc.0, ended).await.context("serving") });
        let ended = stop.future();
        open.add("REST", async move {
            rest.serve(self.rest.0, ended).await;
            Ok(())
        });
        let ended = stop.future();
        let served = health::health(self.health.0, alive, ready, ended);
        open.add("health", async move { served.await.context("serving") });
        let ended = stop.future();
        let served = health::metrics(self.metrics.0, metrics, measure, ended);
        open.add("metrics", async move { served.await.context("serving") });
        open
    }
}

impl Open {
    /// Adds a door that is to stay open until it is time to stop.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        serve: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) {
        let stop = self.stop.clone();
        self.doors.spawn(async move {
            let served = caught(serve).await.map_err(anyhow::Error::msg).and_then(|served| served);
            served.with_context(|| format!("the door {name} broke down"))?;
            ensure!(stop.is_now(), "the door {name} closed by itself");
            Ok(())
        });
    }

    /// Waits until a door breaks down; for ever where none does.
    pub async fn broken(&mut self) -> anyhow::Error {
        while let Some(ended) = self.doors.join_next().await {
            if let Err(error) = ended.map_err(anyhow::Error::from).and_then(|served| served) {
                return error;
            }
        }
        std::future::pending().await
    }

    /// Waits until all doors are closed.
    ///
    /// # Errors
    /// The first door that broke down.
    pub async fn closed(mut self) -> anyhow::Result<()> {
        while let Some(ended) = self.doors.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// Binds the address of a door; whose address is taken says how to name another one.
async fn door(address: SocketAddr, name: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let taken = |error: &anyhow::Error| {
        error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
    };
    bind(address).await.map_err(|error| {
        if taken(&error) {
            let hint = format!(
                "something listens on {address} already, perhaps another operator: name another address with \
                 --{name}-address; port 0 takes one that is free"
            );
            return error.context(hint);
        }
        error
    })
}

async fn bind(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = if address.is_ipv6() && address.ip().is_unspecified() {
        every(address.port())
    } else {
        TcpListener::bind(address).await
    };
    let listener = listener.with_context(|| format!("listening on {address}"))?;
    let bound = listener.local_addr()?;
    Ok((listener, bound))
}

/// Listens on all addresses of this machine, of IPv4 and IPv6, whatever `net.ipv6.bindv6only` says; where the kernel
/// has no IPv6, on those of IPv4.
fn every(port: u16) -> std::io::Result<TcpListener> {
    let (socket, address): (_, SocketAddr) = match Socket::new(Domain::IPV6, Type::STREAM, None) {
        Ok(socket) => {
            socket.set_only_v6(false)?;
            (socket, (Ipv6Addr::UNSPECIFIED, port).into())
        }
        Err(_) => (Socket::new(Domain::IPV4, Type::STREAM, None)?, (Ipv4Addr::UNSPECIFIED, port).into()),
    };
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpStream;

    #[tokio::test]
    async fn whose_address_is_taken_is_told_how_to_name_another_one() {
        let loopback = (Ipv4Addr::LOCALHOST, 0).into();
        let (_held, address) = bind(loopback).await.unwrap();
        let error = format!("{:#}", door(address, "rest").await.unwrap_err());
        assert!(error.contains(&format!("something listens on {address} already")), "{error}");
        assert!(error.contains("--rest-address") && error.contains("in use"), "{error}");
    }

    #[tokio::test]
    async fn an_address_without_a_host_is_reached_over_ipv4_and_ipv6() {
        let (_listener, bound) = bind((Ipv6Addr::UNSPECIFIED, 0).into()).await.unwrap();
        let has_ipv6 = std::net::TcpListener::bind("[::1]:0").is_ok();
        for host in ["127.0.0.1", "::1"].into_iter().filter(|host| has_ipv6 || host.contains('.')) {
            TcpStream::connect((host, bound.port())).await.unwrap_or_else(|error| panic!("{host}: {error}"));
        }
    }

    #[tokio::test]
    async fn an_address_of_one_family_is_reached_over_that_alone() {
        let (_listener, bound) = bind((Ipv4Addr::UNSPECIFIED, 0).into()).await.unwrap();
        TcpStream::connect(("127.0.0.1", bound.port())).await.unwrap();
        assert!(TcpStream::connect(("::1", bound.port())).await.is_err());
    }
}
