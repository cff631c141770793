//! Serves a [`DeployApi`], an [`InstanceApi`] and a [`LifecycleApi`] as JSON over HTTP/1.1, in plain text.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};
//! # async fn run(
//! #     api: Arc<impl DeployApi + 'static>,
//! #     instances: Arc<impl InstanceApi + 'static>,
//! #     lifecycle: Arc<impl LifecycleApi + 'static>,
//! # ) {
//! use triton_grpc::rest::{Config, Server};
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8088").await.expect("the port is free");
//! let server = Server::new(api, instances, lifecycle, Config::default());
//! server.serve(listener, async { /* until SIGTERM */ }).await;
//! # }
//! ```
//!
//! Every answer is the envelope `{"code", "data", "msg"}`, except for streams of events, the description at
//! `/api/v1/openapi.json` and the page over it at `/api/v1/docs`.

mod answer;
mod api;
mod ask;
mod calls;
mod extract;
mod flows;
mod guard;
mod instances;
mod lifecycle;
mod listen;
mod orders;
mod page;
mod show;
mod strategy;
mod terms;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch as signal};
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::age::Age;

/// Under which all paths are.
const BASE: &str = "/api/v1";
/// Largest request that carries an application, in bytes.
const MAX_APPLICATION: usize = 4 << 20;
/// Largest other request, in bytes.
const MAX_REQUEST: usize = 256 << 10;

/// How to serve. The defaults suit a cluster.
#[derive(Clone, Debug)]
pub struct Config {
    /// Most connections at a time; others wait until one ends (default 2048).
    pub max_connections: usize,
    /// Most watches at a time; over it 429 (default 1000).
    pub max_watches: usize,
    /// Longest time until a call is answered, or the first answer of a stream; over it 503 (default 30 s).
    pub call_timeout: Duration,
    /// Longest time for the headers of a request, and for a connection to be idle (default 30 s).
    pub header_timeout: Duration,
    /// A stream on which nothing happens gets a comment this often (default 15 s).
    pub keepalive: Duration,
    /// How long calls may take to end once the server is told to stop (default 5 s).
    pub grace: Duration,
    /// How old what is answered is, told as a header of every answer (default: not at all).
    pub age: Age,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 2048,
            max_watches: 1000,
            call_timeout: Duration::from_secs(30),
            header_timeout: Duration::from_secs(30),
            keepalive: Duration::from_secs(15),
            grace: Duration::from_secs(5),
            age: Age::default(),
        }
    }
}

/// The REST door over three APIs.
#[derive(Debug)]
pub struct Server(Door);

/// Numbers of a server's watches, for metrics.
#[derive(Clone, Debug)]
pub struct Watches(Door);

impl Watches {
    /// Watches that live now.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.config.max_watches.saturating_sub(self.0.watches.available_permits())
    }
}

/// What every handler has at hand.
#[derive(Clone)]
struct Door {
    api: Arc<dyn api::Api>,
    config: Arc<Config>,
    /// One permit per watch.
    watches: Arc<Semaphore>,
    /// Turns true when the server stops.
    closing: signal::Sender<bool>,
    /// Whether only this machine can reach the listener.
    loopback: bool,
    /// [`openapi`].
    description: Arc<str>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Server {
    /// A server that does not serve yet.
    #[must_use]
    pub fn new<D, I, L>(deploys: Arc<D>, instances: Arc<I>, lifecycle: Arc<L>, config: Config) -> Self
    where
        D: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let watches = Arc::new(Semaphore::new(config.max_watches.min(Semaphore::MAX_PERMITS)));
        let api = Arc::new(api::Three { deploys, instances, lifecycle });
        let closing = signal::Sender::new(false);
        let (config, description) = (Arc::new(config), openapi().into());
        Self(Door { api, config, watches, closing, loopback: false, description })
    }

    /// The numbers of its watches.
    #[must_use]
    pub fn watches(&self) -> Watches {
        Watches(self.0.clone())
    }

    /// Serves on this listener until `shutdown` resolves. Then watches end with `UNAVAILABLE`, and calls have
    /// [`Config::grace`] to end. A listener on loopback answers to names of loopback only.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) {
        let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let door = Door { loopback, ..self.0 };
        listen::serve(listener, router(door.clone()), &door, shutdown).await;
    }
}

/// The description of the API: OpenAPI 3.1, as JSON.
#[must_use]
pub fn openapi() -> String {
    // Writing to memory fails for values only that JSON does not have; a description has none.
    described().into_openapi().to_json().unwrap_or_default()
}

/// What the description says of the whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "triton",
        description = "Progressive delivery for OpenKruise CloneSets. Every answer is `{code, data, msg}`; an \
            error has code 7, and `status` names its kind. What a path does not know is answered 404, a method \
            that it does not know 405."
    ),
    components(schemas(answer::Failure)),
    tags(
        (name = "flows", description = "Flows: one order carried out once, batch by batch."),
        (name = "orders", description = "Orders to a flow that runs."),
        (name = "instances", description = "Application instances and what can be ordered of them."),
        (name = "pods", description = "Pods of application instances."),
        (name = "description", description = "This document."),
    )
)]
struct Description;

/// Every route with its description. A route that is added elsewhere is not described.
fn described() -> OpenApiRouter<Door> {
    let large =
        OpenApiRouter::new().routes(routes!(flows::create)).layer(DefaultBodyLimit::max(MAX_APPLICATION));
    let small = OpenApiRouter::new()
        .routes(routes!(flows::list))
        .routes(routes!(watch::list))
        .routes(routes!(flows::get, flows::patch, flows::delete))
        .routes(routes!(watch::one))
        .routes(routes!(orders::next))
        .routes(routes!(orders::go_on))
        .routes(routes!(orders::pause))
        .routes(routes!(orders::resume))
        .routes(routes!(orders::cancel))
        .routes(routes!(instances::list))
        .routes(routes!(instances::get, lifecycle::delete))
        .routes(routes!(lifecycle::rollback))
        .routes(routes!(lifecycle::restart))
        .routes(routes!(lifecycle::scale))
        .routes(routes!(lifecycle::start))
        .routes(routes!(lifecycle::stop))
        .routes(routes!(instances::pods))
        .routes(routes!(instances::pod))
        .routes(routes!(page::description))
        .layer(DefaultBodyLimit::max(MAX_REQUEST));
    OpenApiRouter::with_openapi(Description::openapi()).nest(BASE, large.merge(small))
}

fn router(door: Door) -> Router {
    let guard = from_fn_with_state(door.clone(), guard::guard);
    let (router, description) = described().split_for_parts();
    // Writing to memory fails for values only that JSON does not have; a description has none.
    let description = Arc::new(serde_json::to_value(description).unwrap_or_default());
    router
        .layer(from_fn_with_state(description, calls::known))
        .merge(page::page())
        .fallback(guard::no_such_path)
        .method_not_allowed_fallback(guard::no_such_method)
        .layer(guard)
        .with_state(door)
}
