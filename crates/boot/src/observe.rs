//! The recorder that collects everybody's metrics, and the metrics of this crate.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Of what may wait for somebody else's repair.
const LATENCY_SECONDS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0,
    14_400.0, 86_400.0,
];
const BYTES: &[f64] =
    &[256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0];

static RECORDER: OnceLock<MetricsHandle> = OnceLock::new();

/// Gives what was recorded as Prometheus text.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// Everything recorded so far, in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds recorded samples together; without it they pile up until the next [`Self::render`].
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

impl std::fmt::Debug for MetricsHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MetricsHandle")
    }
}

/// The recorder of this process; the first call installs it, later ones give the same.
///
/// Histograms whose names end in `seconds` or `bytes` have buckets fit for these; those of `latency_seconds` go up to
/// a day.
pub fn metrics_handle() -> MetricsHandle {
    RECORDER.get_or_init(install).clone()
}

fn install() -> MetricsHandle {
    let buckets = |builder: PrometheusBuilder, suffix: &str, values: &[f64]| {
        // Refused only for an empty list, which these are not; then the plain builder serves as well.
        let plain = PrometheusBuilder::new();
        builder.set_buckets_for_metric(Matcher::Suffix(suffix.to_owned()), values).unwrap_or(plain)
    };
    let builder = buckets(PrometheusBuilder::new(), "seconds", SECONDS);
    let builder = buckets(builder, "latency_seconds", LATENCY_SECONDS);
    let recorder = buckets(builder, "bytes", BYTES).build_recorder();
    let handle = recorder.handle();
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::warn!("another metrics recorder was installed first; /metrics stays empty");
    }
    MetricsHandle(handle)
}

/// Which build runs as which role; always 1.
pub(crate) fn build_info(role: &'static str) {
    metrics::gauge!("okr_build_info", "version" => env!("CARGO_PKG_VERSION"), "role" => role).set(1.0);
}

/// Whether the role is ready: 1 or 0, as `/readyz` would say now.
pub(crate) fn ready(ready: bool) {
    metrics::gauge!("okr_ready").set(if ready { 1.0 } else { 0.0 });
}

/// The configuration was read again: `applied`, or `refused`, and then the one before stays in force.
pub fn config_reloaded(outcome: &'static str) {
    metrics::counter!("okr_config_reload_total", "outcome" => outcome).increment(1);
}

/// So many keys of the configuration that was read last count only after a restart.
pub fn config_restart_keys(count: usize) {
    metrics::gauge!("okr_config_restart_keys").set(count as f64);
}

/// A collector has taken spans.
pub(crate) fn exported_spans(count: u64) {
    metrics::counter!("okr_traces_exported_spans_total").increment(count);
}

/// Spans that no collector has: `queue_full`, `refused`, `not_taken` (it was asked again and again), `stopped`.
pub(crate) fn dropped_spans(reason: &'static str, count: u64) {
    metrics::counter!("okr_traces_dropped_spans_total", "reason" => reason).increment(count);
}

/// A collector did not take a batch: `passing`, so it is posted again, or `refused`.
pub(crate) fn failed_export(reason: &'static str) {
    metrics::counter!("okr_traces_failed_exports_total", "reason" => reason).increment(1);
}
