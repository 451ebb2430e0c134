//! The gateway's metrics, one function each. Labels come from closed sets: configured sources, statuses, reasons.

use std::time::Duration;

/// A request was answered. `source` is a configured one, or `unknown`.
pub(crate) fn answered(source: &str, status: u16) {
    metrics::counter!("okr_gateway_requests_total", "source" => source.to_owned(), "status" => status.to_string())
        .increment(1);
}

/// A request was not accepted: the reason is of the request, of its proof, or of Kafka and the registry (503).
pub(crate) fn refused(source: &str, reason: &'static str) {
    metrics::counter!("okr_gateway_refusals_total", "source" => source.to_owned(), "reason" => reason)
        .increment(1);
}

/// All records of a delivery were acknowledged, this long after the first was handed over.
pub(crate) fn produced(took: Duration) {
    metrics::histogram!("okr_gateway_produce_seconds").record(took.as_secs_f64());
}

/// A verified delivery was held: it is on `okr.dead.gateway`.
pub(crate) fn held(source: &str, reason: &'static str) {
    metrics::counter!("okr_gateway_held_total", "source" => source.to_owned(), "reason" => reason)
        .increment(1);
}

/// A delivery was recognised as one that Kafka already holds.
pub(crate) fn duplicate(source: &str) {
    metrics::counter!("okr_gateway_duplicates_total", "source" => source.to_owned()).increment(1);
}

/// The keys of a source's issuer were looked at: `fetched`, or `failed`, and then the last ones go on to count.
pub(crate) fn keys(source: &str, outcome: &'static str) {
    metrics::counter!("okr_gateway_key_fetches_total", "source" => source.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// How much the duplicate window holds.
pub(crate) fn window(entries: usize, bytes: usize) {
    metrics::gauge!("okr_gateway_window_entries").set(entries as f64);
    metrics::gauge!("okr_gateway_window_bytes").set(bytes as f64);
}

/// Open connections changed by one.
pub(crate) fn connections(change: f64) {
    metrics::gauge!("okr_gateway_connections").increment(change);
}
