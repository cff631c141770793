//! What the operator tells of itself: logs on stdout, metrics, health.

pub mod health;
pub mod metrics;

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// Starts writing logs to stdout. `filter` as in `info` or `info,triton_operator=debug`.
///
/// # Errors
/// When the filter cannot be read, or logging was started before.
pub fn log(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter);
    let started = match format {
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        LogFormat::Text => subscriber.with_ansi(std::io::stdout().is_terminal()).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("logging: {error}"))
}
