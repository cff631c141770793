//! Health and metrics over HTTP. Answers cost the same however much the operator has to do.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;

/// Whether all is well, or what is not.
pub type Check = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
/// Sets the sizes in the metrics just before they are read.
pub type Measure = Arc<dyn Fn(&Metrics) + Send + Sync>;

/// Serves `/healthz` (it is at work: one that is not is to be restarted) and `/readyz` (it knows the cluster as it
/// is). Where all is not well the answer is 503, with what is not.
///
/// # Errors
/// When the listener breaks down.
pub async fn health(
    listener: TcpListener,
    alive: Check,
    ready: Check,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let answer = |check: Check| {
        get(move || {
            let failed = |what| (StatusCode::SERVICE_UNAVAILABLE, what);
            std::future::ready(check().map_or_else(failed, |()| (StatusCode::OK, "ok".to_owned())))
        })
    };
    let router = Router::new().route("/healthz", answer(alive)).route("/readyz", answer(ready));
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

/// Serves `/metrics`.
///
/// # Errors
/// When the listener breaks down.
pub async fn metrics(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    measure: Measure,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let tell = move || {
        measure(&metrics);
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        std::future::ready(([(CONTENT_TYPE, kind)], metrics.text()))
    };
    axum::serve(listener, Router::new().route("/metrics", get(tell))).with_graceful_shutdown(stop).await
}
