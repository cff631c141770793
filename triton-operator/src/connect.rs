//! A client of the API server, over a proxy where the kubeconfig or the environment says so, as kubectl does it.

mod given;
mod proxy;
mod token;

use std::path::PathBuf;

use anyhow::Context;
use axum::http::{HeaderValue, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use hyper_util::rt::TokioExecutor;
use kube::Client;
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use percent_encoding::percent_decode_str;
use tower::util::{MapResponseLayer, option_layer};
use tower::{BoxError, Service, ServiceBuilder};

use self::proxy::{Environment, Proxy};
use self::token::Token;
use crate::warnings;

/// What kube reads instead of the environment, whose `NO_PROXY` it would compare with the proxy itself. No address.
const READ_LATER: &str = "http://proxy.invalid";

/// These kubeconfigs as one: the first that says something wins, and an empty name of a context says nothing.
///
/// # Errors
/// When one of them cannot be read.
pub(crate) fn merged(files: &[PathBuf]) -> anyhow::Result<Kubeconfig> {
    files.iter().try_fold(Kubeconfig::default(), |merged, file| {
        let read = Kubeconfig::read_from(file).and_then(|mut read| {
            read.current_context.take_if(|name| name.is_empty());
            merged.merge(read)
        });
        read.with_context(|| format!("reading {}", file.display()))
    })
}

/// The configuration of a context, with the proxy that leads to its cluster.
///
/// # Errors
/// When there is no such context, a file that it names cannot be read, or a proxy or a token is none that can be used.
pub(crate) async fn of_kubeconfig(
    mut kubeconfig: Kubeconfig,
    context: Option<String>,
) -> anyhow::Result<kube::Config> {
    given::clean(&mut kubeconfig).context("reading the kubeconfig")?;
    let current = context.clone().or_else(|| kubeconfig.current_context.clone()).unwrap_or_default();
    let named = kubeconfig.contexts.iter().find(|named| named.name == current);
    let context_of = named.and_then(|named| named.context.as_ref());
    let cluster = context_of.map(|context| context.cluster.clone());
    let user = context_of.and_then(|context| context.user.as_ref());
    let user = kubeconfig.auth_infos.iter().find(|named| Some(&named.name) == user);
    let has_certificate = user.and_then(|named| named.auth_info.as_ref()).is_some_and(given::has_certificate);
    let clusters = kubeconfig.clusters.iter_mut().filter(|named| Some(&named.name) == cluster.as_ref());
    let mut written = None;
    for cluster in clusters.filter_map(|named| named.cluster.as_mut()) {
        given::complete(cluster, has_certificate);
        let proxy = cluster.proxy_url.replace(READ_LATER.into()).filter(|proxy| !proxy.is_empty());
        written = written.or(proxy);
    }
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    let mut config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await?;
    token::check(&config.auth_info).context("the token of the kubeconfig")?;
    config.proxy_url = match written {
        Some(proxy) => Some(Proxy::of_kubeconfig(&proxy)?),
        None => Environment::read().proxy_for(&config.cluster_url)?,
    }
    .map(Proxy::into_uri);
    Ok(config)
}

/// The configuration of the pod that this runs in.
///
/// # Errors
/// When it runs in none.
pub(crate) fn of_pod() -> anyhow::Result<kube::Config> {
    let mut config = kube::Config::incluster().context("no kubeconfig, and not in a pod")?;
    config.proxy_url = Environment::read().proxy_for(&config.cluster_url)?.map(Proxy::into_uri);
    Ok(config)
}

/// A client that logs what the API server warns of.
///
/// # Errors
/// When the credentials cannot be used.
pub(crate) fn client(mut config: kube::Config) -> anyhow::Result<Client> {
    let Some(proxy) = config.proxy_url.take() else {
        let token = option_layer(Token::take(&mut config)?.map(Token::layer));
        let warns = MapResponseLayer::new(warnings::log);
        return Ok(ClientBuilder::try_from(config)?.with_layer(&token).with_layer(&warns).build());
    };
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    let (user, password) = credentials(&proxy);
    match proxy.scheme_str() {
        Some("socks5") => {
            let socks = SocksV5::new(proxy, tcp);
            let socks = if user.is_empty() { socks } else { socks.with_auth(user, password) };
            over(config, socks)
        }
        Some("https") => {
            let tls = config.rustls_https_connector_with_connector(tcp)?;
            over(config, tunnel(proxy, tls, &user, &password)?)
        }
        _ => over(config, tunnel(proxy, tcp, &user, &password)?),
    }
}

fn tunnel<C>(proxy: Uri, connector: C, user: &str, password: &str) -> anyhow::Result<Tunnel<C>> {
    let tunnel = Tunnel::new(proxy, connector);
    if user.is_empty() {
        return Ok(tunnel);
    }
    let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    Ok(tunnel.with_auth(HeaderValue::try_from(basic)?))
}

/// User and password in the address of a proxy.
fn credentials(proxy: &Uri) -> (String, String) {
    let authority = proxy.authority().map_or("", |authority| authority.as_str());
    let (user, password) =
        authority.rsplit_once('@').map_or(("", ""), |(info, _)| info.split_once(':').unwrap_or((info, "")));
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    (decoded(user), decoded(password))
}

/// The layers that kube puts around a connector, which it does not offer for one of ours.
fn over<C>(mut config: kube::Config, connector: C) -> anyhow::Result<Client>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError> + Send + Sync + std::error::Error + 'static,
{
    let token = Token::take(&mut config)?.map(Token::layer);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(token)
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .layer(MapResponseLayer::new(warnings::log))
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

#[cfg(test)]
#[path = "connect_tests.rs"]
mod tests;
