//! A REST server on a free loopback port, and plain HTTP/1.1 to talk to it.

use std::net::SocketAddr;
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt, unfold};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};
use triton_grpc::rest::{Config, Server, Watches};

/// A running server.
pub(crate) struct Served {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The numbers of its watches.
    pub(crate) watches: Watches,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// An answer.
pub(crate) struct Reply {
    /// HTTP code.
    pub(crate) http: u16,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body as it came.
    pub(crate) text: String,
}

impl Reply {
    /// The body as JSON; null when there is none.
    pub(crate) fn json(&self) -> Value {
        if self.text.is_empty() {
            return Value::Null;
        }
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// `msg` of the envelope.
    pub(crate) fn msg(&self) -> String {
        self.json()["msg"].as_str().unwrap_or_default().to_owned()
    }
}

/// An event of a stream: name, empty for those without, and data.
pub(crate) type Event = (String, String);

impl Served {
    /// Serves these APIs.
    pub(crate) async fn start<D, I, L>(deploys: D, instances: I, lifecycle: L, config: Config) -> Self
    where
        D: DeployApi + 'static,
        I: InstanceApi + 'static,
        L: LifecycleApi + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::new(Arc::new(deploys), Arc::new(instances), Arc::new(lifecycle), config);
        let watches = server.watches();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.serve(listener, async move {
            let _ = stopped.await;
        }));
        Self { address, watches, stop, task }
    }

    /// Tells it to stop; the task ends when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        let _ = self.stop.send(());
        self.task
    }

    /// Asks with a JSON body, or none.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        ask(self.address, method, path, &[], body.map(Value::to_string)).await
    }
}

/// Asks; a body is JSON unless a header says otherwise.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Reply {
    let response = send(address, method, path, headers, body).await;
    let (http, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    Reply { http, headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

/// Asks, and leaves the body to the caller.
pub(crate) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<String>,
) -> Response<Incoming> {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = Request::builder().method(method).uri(path);
    if headers.iter().all(|(name, _)| *name != "host") {
        request = request.header("host", address.to_string());
    }
    if body.is_some() && headers.iter().all(|(name, _)| *name != "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body.unwrap_or_default()))).unwrap();
    sender.send_request(request).await.unwrap()
}

/// The events of an answer, as they come.
pub(crate) fn events(response: Response<Incoming>) -> BoxStream<'static, Event> {
    let state = (response.into_body(), String::new());
    unfold(state, |(mut body, mut read)| async move {
        loop {
            if let Some(end) = read.find("\n\n") {
                let block: String = read.drain(..end + 2).collect();
                match event(&block) {
                    Some(event) => return Some((event, (body, read))),
                    None => continue,
                }
            }
            let frame = body.frame().await?.unwrap().into_data().unwrap();
            read.push_str(std::str::from_utf8(&frame).unwrap());
        }
    })
    .boxed()
}

/// `None`: a comment.
fn event(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
    };
    Some((field("event").unwrap_or_default(), field("data")?))
}
