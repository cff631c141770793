//! Health and metrics over HTTP. Answers cost the same however much the operator has to do.

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use tokio::net::TcpListener;

use super::metrics::Metrics;

/// Whether the operator is ready to work.
pub type Ready = Arc<dyn Fn() -> bool + Send + Sync>;
/// Sets the sizes in the metrics just before they are read.
pub type Measure = Arc<dyn Fn(&Metrics) + Send + Sync>;

/// Serves `/healthz` (the process answers) and `/readyz` (and knows the cluster).
///
/// # Errors
/// When the listener breaks down.
pub async fn health(
    listener: TcpListener,
    ready: Ready,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let readyz = move || {
        let answer =
            if ready() { (StatusCode::OK, "ok") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
        std::future::ready(answer)
    };
    let router =
        Router::new().route("/healthz", get(|| std::future::ready("ok"))).route("/readyz", get(readyz));
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
