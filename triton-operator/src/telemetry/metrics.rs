//! Counts, with bounded sets of labels: no name of a flow, workload or pod is ever a label.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// One label: what it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct What {
    what: &'static str,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    looks: Histogram,
    writes: Family<What, Counter>,
    moves: Family<What, Counter>,
    failures: Family<What, Counter>,
    /// How much there is of a kind, set just before it is read.
    sizes: Family<What, Gauge>,
    /// In seconds, set just before they are read.
    ages: Family<What, Gauge<f64, AtomicU64>>,
    /// What cannot be read of a kind, set just before it is read.
    unreadable: Family<What, Gauge>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("triton");
        let buckets = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
        let metrics = Self {
            looks: Histogram::new(buckets),
            writes: Family::default(),
            moves: Family::default(),
            failures: Family::default(),
            sizes: Family::default(),
            ages: Family::default(),
            unreadable: Family::default(),
            registry: Registry::default(),
        };
        registry.register("look_seconds", "Time to look at one instance and act", metrics.looks.clone());
        registry.register("steps", "Steps that were carried out, by kind", metrics.writes.clone());
        registry.register("moves", "Moves of flows, by reason", metrics.moves.clone());
        registry.register("failed_steps", "Steps that failed, by kind of error", metrics.failures.clone());
        registry.register("size", "How much there is of a kind", metrics.sizes.clone());
        registry.register(
            "view_age_seconds",
            "Time since the API server was heard of last, by kind",
            metrics.ages.clone(),
        );
        let what = "Stored objects that cannot be read, by kind";
        registry.register("unreadable", what, metrics.unreadable.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// An instance was looked at.
    pub fn looked(&self, took: Duration) {
        self.looks.observe(took.as_secs_f64());
    }

    /// A step was carried out.
    pub fn wrote(&self, what: &'static str) {
        self.writes.get_or_create(&What { what }).inc();
    }

    /// A flow moved.
    pub fn moved(&self, what: &'static str) {
        self.moves.get_or_create(&What { what }).inc();
    }

    /// A step failed.
    pub fn failed(&self, what: &'static str) {
        self.failures.get_or_create(&What { what }).inc();
    }

    /// There is so much of a kind now.
    pub fn size(&self, what: &'static str, size: usize) {
        self.sizes.get_or_create(&What { what }).set(i64::try_from(size).unwrap_or(i64::MAX));
    }

    /// So long nothing was heard of a kind.
    pub fn age(&self, what: &'static str, age: Duration) {
        self.ages.get_or_create(&What { what }).set(age.as_secs_f64());
    }

    /// So many stored objects of a kind cannot be read.
    pub fn unreadable(&self, what: &'static str, count: usize) {
        self.unreadable.get_or_create(&What { what }).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Everything in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::default();
        metrics.wrote("pull_in");
        metrics.failed("Conflict");
        metrics.looked(Duration::from_millis(2));
        metrics.size("flows", 3);
        metrics.age("pods", Duration::from_millis(1_500));
        let text = metrics.text();
        for line in [
            r#"triton_steps_total{what="pull_in"} 1"#,
            r#"triton_failed_steps_total{what="Conflict"} 1"#,
            r#"triton_size{what="flows"} 3"#,
            r#"triton_view_age_seconds{what="pods"} 1.5"#,
            "triton_look_seconds_count 1",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
