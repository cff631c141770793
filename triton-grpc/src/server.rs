//! Serves a [`DeployApi`], an [`InstanceApi`] and a [`LifecycleApi`] over gRPC, in plain text.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};
//! # async fn run(
//! #     api: Arc<impl DeployApi + 'static>,
//! #     instances: Arc<impl InstanceApi + 'static>,
//! #     lifecycle: Arc<impl LifecycleApi + 'static>,
//! # ) {
//! use triton_grpc::server::{Config, Server};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8099").await.expect("the port is free");
//! let server = Server::new(api, instances, lifecycle, Config::default());
//! let watches = server.watches(); // for metrics
//! server.serve(listener, async { /* until SIGTERM */ }).await.expect("served");
//! assert_eq!(watches.live(), 0);
//! # }
//! ```

mod applications;
mod deploys;
mod frame;
mod hub;
mod pods;
mod watch;

/// Server traits and routers made from `proto/`.
mod generated {
    #![allow(unreachable_pub, clippy::use_self, reason = "generated")]

    /// Of package `application`.
    pub(crate) mod application {
        include!(concat!(env!("OUT_DIR"), "/servers/application.rs"));
    }
    /// Of package `deployflow`.
    pub(crate) mod deployflow {
        include!(concat!(env!("OUT_DIR"), "/servers/deployflow.rs"));
    }
    /// Of package `pod`.
    pub(crate) mod pod {
        include!(concat!(env!("OUT_DIR"), "/servers/pod.rs"));
    }
}

pub(crate) use frame::{Codec, Frame};

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::http::Response;
use tonic::service::RoutesBuilder;
use tonic::transport::server::TcpIncoming;
use tower::util::MapResponseLayer;
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};

use applications::Applications;
use deploys::Deploys;
use generated::application::application_server::ApplicationServer;
use generated::deployflow::deploy_flow_server::DeployFlowServer;
use generated::pod::pod_server::PodServer;
use hub::{Hub, Limits};
use pods::Pods;

use crate::age::Age;

/// Largest request that carries an application, in bytes.
const MAX_APPLICATION: usize = 4 << 20;
/// Largest other request, in bytes.
const MAX_REQUEST: usize = 256 << 10;
/// Largest set of request headers, in bytes.
const MAX_HEADERS: u32 = 16 << 10;

/// Who may ask for the descriptions of the services (gRPC server reflection, which `grpcurl` uses).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflection {
    /// Everybody who can reach the port.
    Everybody,
    /// Everybody, if the listener is bound to a loopback address; else nobody.
    #[default]
    Loopback,
    /// Nobody.
    Nobody,
}

/// How to serve. The defaults suit a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who may ask for the descriptions of the services.
    pub reflection: Reflection,
    /// Most calls and watches at a time on one connection (default 1024).
    pub max_streams_per_connection: u32,
    /// Most watches at a time in all; over it `RESOURCE_EXHAUSTED` (default 20,000).
    pub max_watches: usize,
    /// Changes of one flow that are kept for a slow watcher; it loses older ones (default 16).
    pub watch_queue: usize,
    /// Changes of all flows that are kept for a slow watcher of lists; it is ended beyond (default 1024).
    pub list_queue: usize,
    /// A connection on which nothing happens is asked for a sign of life this often (default 30 s).
    pub keepalive: Duration,
    /// A connection that gives none for so long is closed (default 10 s).
    pub keepalive_timeout: Duration,
    /// Longest time until a call is answered, or the first answer of a stream (default 30 s).
    pub call_timeout: Duration,
    /// How long a new watch waits while changes cannot be watched (default 5 s).
    pub watch_patience: Duration,
    /// How long calls may take to end once the server is told to stop (default 5 s).
    pub grace: Duration,
    /// How old what is answered is, told as metadata of every answer (default: not at all).
    pub age: Age,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            reflection: Reflection::default(),
            max_streams_per_connection: 1024,
            max_watches: 20_000,
            watch_queue: 16,
            list_queue: 1024,
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
            watch_patience: Duration::from_secs(5),
            grace: Duration::from_secs(5),
            age: Age::default(),
        }
    }
}

/// Why serving failed.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is of no use.
    #[error("the listener is of no use: {0}")]
    Listener(#[from] std::io::Error),
    /// The descriptions of the services cannot be served.
    #[error("the descriptions of the services cannot be served: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The transport failed.
    #[error("the transport failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

/// The gRPC door over three APIs.
#[derive(Debug)]
pub struct Server<A, I, L> {
    api: Arc<A>,
    instances: Arc<I>,
    lifecycle: Arc<L>,
    config: Config,
    hub: Hub,
}

/// Numbers of a server's watches, for metrics.
#[derive(Clone, Debug)]
pub struct Watches(Hub);

impl Watches {
    /// Watches that live now: Watch, ListAndWatch and the streams of Pause, Resume and Cancel.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.live()
    }

    /// Changes that were encoded for watches so far: one each, however many watch.
    #[must_use]
    pub fn encodings(&self) -> u64 {
        self.0.encodings()
    }
}

/// Serves until `shutdown` resolves; short for [`Server::new`] and [`Server::serve`].
///
/// # Errors
/// As [`Server::serve`].
pub async fn serve<A: DeployApi + 'static, I: InstanceApi + 'static, L: LifecycleApi + 'static>(
    listener: TcpListener,
    api: Arc<A>,
    instances: Arc<I>,
    lifecycle: Arc<L>,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    Server::new(api, instances, lifecycle, config).serve(listener, shutdown).await
}

impl<A: DeployApi + 'static, I: InstanceApi + 'static, L: LifecycleApi + 'static> Server<A, I, L> {
    /// A server that does not serve yet.
    #[must_use]
    pub fn new(api: Arc<A>, instances: Arc<I>, lifecycle: Arc<L>, config: Config) -> Self {
        let hub = Hub::new(Limits {
            watchers: config.max_watches,
            queue: config.watch_queue.max(1),
            list_queue: config.list_queue.max(1),
            patience: config.watch_patience,
        });
        Self { api, instances, lifecycle, config, hub }
    }

    /// The numbers of its watches.
    #[must_use]
    pub fn watches(&self) -> Watches {
        Watches(self.hub.clone())
    }

    /// Serves on this listener until `shutdown` resolves. Then watches end with `UNAVAILABLE`, the health
    /// service says so, and calls have [`Config::grace`] to end.
    ///
    /// # Errors
    /// [`ServeError`] when serving cannot begin or breaks down.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), ServeError> {
        let incoming =
            TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(self.config.keepalive));
        let reflect = match self.config.reflection {
            Reflection::Everybody => true,
            Reflection::Loopback => incoming.local_addr()?.ip().is_loopback(),
            Reflection::Nobody => false,
        };
        let (health, health_service) = tonic_health::server::health_reporter();
        health.set_serving::<DeployFlowServer<Deploys<A>>>().await;
        health.set_serving::<ApplicationServer<Applications<I, L>>>().await;
        health.set_serving::<PodServer<Pods<I>>>().await;
        let mut routes = self.routes(reflect)?;
        routes.add_service(health_service);
        let age = self.config.age.clone();
        let tell = MapResponseLayer::new(move |mut response: Response<Body>| {
            age.tell(response.headers_mut());
            response
        });
        let router = self.transport().layer(tell).add_routes(routes.routes());

        let mut tasks = JoinSet::new();
        let (hub, api) = (self.hub.clone(), self.api.clone());
        tasks.spawn(async move { hub.feed(&*api).await });

        let (stopping, stopped) = oneshot::channel();
        let hub = self.hub.clone();
        let stop = async move {
            shutdown.await;
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
            hub.close();
            let _ = stopping.send(());
        };
        let grace = self.config.grace;
        let too_long = async move {
            match stopped.await {
                Ok(()) => tokio::time::sleep(grace).await,
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            served = router.serve_with_incoming_shutdown(incoming, stop) => served?,
            () = too_long => tracing::warn!(?grace, "calls did not end in time; closing their connections"),
        }
        Ok(())
    }

    fn transport(&self) -> tonic::transport::Server {
        let config = &self.config;
        tonic::transport::Server::builder()
            .timeout(config.call_timeout)
            .max_concurrent_streams(config.max_streams_per_connection)
            .http2_max_header_list_size(MAX_HEADERS)
            .http2_keepalive_interval(Some(config.keepalive))
            .http2_keepalive_timeout(Some(config.keepalive_timeout))
    }

    fn routes(&self, reflect: bool) -> Result<RoutesBuilder, ServeError> {
        let deploys = Deploys { api: self.api.clone(), hub: self.hub.clone() };
        let applications =
            Applications { instances: self.instances.clone(), lifecycle: self.lifecycle.clone() };
        let applications = ApplicationServer::new(applications);
        let pods = PodServer::new(Pods(self.instances.clone()));
        let mut routes = RoutesBuilder::default();
        routes
            .add_service(DeployFlowServer::new(deploys).max_decoding_message_size(MAX_APPLICATION))
            .add_service(applications.max_decoding_message_size(MAX_REQUEST))
            .add_service(pods.max_decoding_message_size(MAX_REQUEST));
        if reflect {
            routes.add_service(describer().build_v1()?).add_service(describer().build_v1alpha()?);
        }
        Ok(routes)
    }
}

fn describer() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(crate::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
