//! The gateway's metrics, one function each. Labels come from closed sets: configured sources, statuses, reasons.

use jiff::Timestamp;
use metrics::{Counter, Gauge, Histogram};

/// A request was answered. `source` is a configured one, or `unknown`.
pub(crate) fn answered(source: &str, status: u16) {
    metrics::counter!("okr_gateway_requests_total", "source" => source.to_owned(), "status" => status.to_string())
        .increment(1);
}

/// The counter of a source's requests that were answered 202: nearly all of them, so it is looked up once.
pub(crate) fn accepted(source: &str) -> Counter {
    metrics::counter!("okr_gateway_requests_total", "source" => source.to_owned(), "status" => "202")
}

/// A request was not accepted: the reason is of the request, of its proof, or of Kafka and the registry (503).
pub(crate) fn refused(source: &str, reason: &'static str) {
    metrics::counter!("okr_gateway_refusals_total", "source" => source.to_owned(), "reason" => reason)
        .increment(1);
}

/// How long it took until all records of a delivery were acknowledged, from the hand-over of the first.
pub(crate) fn produce_seconds() -> Histogram {
    metrics::histogram!("okr_gateway_produce_seconds")
}

/// A verified delivery was held: it is on `okr.dead.gateway`.
pub(crate) fn held(source: &str, reason: &'static str) {
    metrics::counter!("okr_gateway_held_total", "source" => source.to_owned(), "reason" => reason)
        .increment(1);
}

/// Deliveries were recognised as ones that Kafka already holds.
pub(crate) fn duplicates(source: &str, count: usize) {
    if count > 0 {
        metrics::counter!("okr_gateway_duplicates_total", "source" => source.to_owned())
            .increment(count as u64);
    }
}

/// A batch brought so many deliveries.
pub(crate) fn batch_items(source: &str, count: usize) {
    metrics::counter!("okr_gateway_batch_items_total", "source" => source.to_owned()).increment(count as u64);
}

/// Bytes of bodies that are being read or on their way to Kafka.
pub(crate) fn in_flight(bytes: usize) {
    metrics::gauge!("okr_gateway_in_flight_bytes").set(bytes as f64);
}

/// Bytes of bodies of which a part is missing.
pub(crate) fn unfinished(bytes: usize) {
    metrics::gauge!("okr_gateway_unfinished_body_bytes").set(bytes as f64);
}

/// When a delivery of the source was last accepted.
pub(crate) fn last_accepted(source: &str, at: Timestamp) {
    metrics::gauge!("okr_source_last_accepted_timestamp_seconds", "source" => source.to_owned())
        .set(at.as_millisecond() as f64 / 1e3);
}

/// Whether it is unusual that the source says nothing.
pub(crate) fn silent(source: &str, is_silent: bool) {
    metrics::gauge!("okr_source_silent", "source" => source.to_owned()).set(f64::from(u8::from(is_silent)));
}

/// The keys of a source's issuer were looked at: `fetched`, or `failed`, and then the last ones go on to count.
pub(crate) fn keys(source: &str, outcome: &'static str) {
    metrics::counter!("okr_gateway_key_fetches_total", "source" => source.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// How much the duplicate window holds: entries, and bytes.
pub(crate) fn window() -> (Gauge, Gauge) {
    (metrics::gauge!("okr_gateway_window_entries"), metrics::gauge!("okr_gateway_window_bytes"))
}

/// A connection over TLS `agreed` on keys, `failed` to, or took too long for it (`late`).
pub(crate) fn handshake(outcome: &'static str) {
    metrics::counter!("okr_gateway_tls_handshakes_total", "outcome" => outcome).increment(1);
}

/// The certificate's files had changed: `renewed`, or `refused`, and then the one before stays.
pub(crate) fn certificate(outcome: &'static str) {
    metrics::counter!("okr_gateway_certificate_loads_total", "outcome" => outcome).increment(1);
}

/// When the certificate that is shown ends, in seconds since 1970. A gauge cannot be taken back: once there is none, it
/// is no number, which no alert compares.
pub(crate) fn certificate_expiry(at: Option<i64>) {
    let at = at.map_or(f64::NAN, |at| at as f64);
    metrics::gauge!("okr_gateway_certificate_expiry_timestamp_seconds").set(at);
}

/// Whether a source is paused.
pub(crate) fn paused(source: &str, is_paused: bool) {
    metrics::gauge!("okr_source_paused", "source" => source.to_owned()).set(if is_paused {
        1.0
    } else {
        0.0
    });
}

/// A handshake with a secret: `taken`, or why not.
pub(crate) fn registration(source: &str, outcome: &'static str) {
    metrics::counter!("okr_gateway_registrations_total", "source" => source.to_owned(), "outcome" => outcome)
        .increment(1);
}

/// How many secrets sources have brought, and how many of them no key opens.
pub(crate) fn learned_secrets(open: usize, unreadable: usize) {
    metrics::gauge!("okr_gateway_learned_secrets", "state" => "open").set(open as f64);
    metrics::gauge!("okr_gateway_learned_secrets", "state" => "unreadable").set(unreadable as f64);
}

/// Values that may be used once and are too old to be used again.
pub(crate) fn nonces_pruned(count: u64) {
    metrics::counter!("okr_gateway_nonces_pruned_total").increment(count);
}

/// Open connections changed by one.
pub(crate) fn connections(change: f64) {
    metrics::gauge!("okr_gateway_connections").increment(change);
}
