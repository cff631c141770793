//! A server on a free loopback port.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};
use triton_grpc::client::Client;
use triton_grpc::server::{Config, ServeError, Server, Watches};

/// How long anything in these tests may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A running server.
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) address: String,
    /// The numbers of its watches.
    pub(crate) watches: Watches,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ServeError>>,
}

impl Served {
    /// Serves one thing that is all APIs.
    pub(crate) async fn start<A>(api: Arc<A>, config: Config) -> Self
    where
        A: DeployApi + InstanceApi + LifecycleApi + 'static,
    {
        Self::start_each(api.clone(), api.clone(), api, config).await
    }

    /// Serves the APIs on a port that is free.
    pub(crate) async fn start_each<A, I, L>(
        api: Arc<A>,
        instances: Arc<I>,
        lifecycle: Arc<L>,
        config: Config,
    ) -> Self
    where
        A: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::listen(listener, Server::new(api, instances, lifecycle, config))
    }

    /// Serves on this listener.
    pub(crate) fn listen<A, I, L>(listener: TcpListener, server: Server<A, I, L>) -> Self
    where
        A: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let address = format!("http://{}", listener.local_addr().unwrap());
        let watches = server.watches();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.serve(listener, async move {
            let _ = stopped.await;
        }));
        Self { address, watches, stop, task }
    }

    /// A client on a connection of its own.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.address).await.unwrap()
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        in_time(self.task).await.unwrap().unwrap();
    }
}

/// The outcome, if it comes in time.
pub(crate) async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it should not take so long")
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
