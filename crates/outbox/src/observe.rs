//! Metrics and logs of the delivery engine.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

use crate::breaker::BreakerState;
use crate::{Depth, Planned, QueueError, Row};

/// Parcels became rows, or were rows already.
pub fn planned(service: &'static str, planned: Planned) {
    counter!("okr_outbox_planned_rows_total", "service" => service).increment(planned.new as u64);
    counter!("okr_outbox_suppressed_duplicates_total", "service" => service).increment(planned.known as u64);
}

/// A remote has accepted, this long after the gateway received the event; none for a replay.
pub fn delivered(service: &'static str, target: &str, took: Option<Duration>) {
    let target = target.to_owned();
    counter!("okr_outbox_delivered_rows_total", "service" => service, "target" => target.clone())
        .increment(1);
    if let Some(took) = took {
        histogram!("okr_outbox_delivery_latency_seconds", "service" => service, "target" => target)
            .record(took.as_secs_f64());
    }
}

/// A row is sent again although the remote may have it: once for each such `attempt`, with the words for why.
pub fn ambiguous(service: &'static str, row: &Row, attempt: u32, why: &str) {
    let target = row.parcel.effect.target.clone();
    counter!("okr_outbox_ambiguous_total", "service" => service, "target" => target).increment(1);
    tracing::info!(
        service,
        effect = row.parcel.effect.id(),
        attempt,
        "delivery to {} may be a repeat: {why}",
        row.parcel.effect.target,
    );
}

/// An attempt failed and is repeated later.
pub fn retried(service: &'static str, row: &Row, reason: &'static str, error: &str) {
    let target = row.parcel.effect.target.clone();
    counter!("okr_outbox_retries_total", "service" => service, "target" => target, "reason" => reason)
        .increment(1);
    tracing::debug!(
        service,
        effect = row.parcel.effect.id(),
        attempt = row.attempt,
        reason,
        error,
        "delivery to {} did not succeed yet: {reason}",
        row.parcel.effect.target,
    );
}

/// A dead letter is acknowledged.
pub fn dead_lettered(
    service: &'static str,
    target: &str,
    effect: &str,
    (reason, error): (&'static str, &str),
) {
    let label = target.to_owned();
    counter!("okr_outbox_dead_letters_total", "service" => service, "target" => label, "reason" => reason)
        .increment(1);
    tracing::warn!(service, target, effect, reason, error, "dead-lettered a delivery to {target}: {reason}");
}

/// A dead letter was not acknowledged; the row stays and comes again.
pub fn unburied(service: &'static str, target: &str, error: &str) {
    let label = target.to_owned();
    counter!("okr_outbox_dead_letter_failures_total", "service" => service, "target" => label).increment(1);
    tracing::warn!(service, target, error, "dead letter of a delivery to {target} was not acknowledged");
}

/// The breaker of a target: 0 closed, 1 half-open, 2 open.
pub fn breaker(service: &'static str, target: &str, state: BreakerState) {
    let value = match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open(_) => 2.0,
    };
    gauge!("okr_outbox_breaker_state", "service" => service, "target" => target.to_owned()).set(value);
}

/// A target's breaker opened.
pub fn opened(service: &'static str, target: &str) {
    counter!("okr_outbox_breaker_openings_total", "service" => service, "target" => target.to_owned())
        .increment(1);
    tracing::warn!(service, target, "{target} fails again and again: left alone for a while");
}

/// Deliveries of a target that are under way.
pub fn in_flight(service: &'static str, target: &str, deliveries: usize) {
    gauge!("okr_outbox_in_flight_rows", "service" => service, "target" => target.to_owned())
        .set(deliveries as f64);
}

/// Unfinished rows of a target and the age of the oldest one.
pub fn depth(service: &'static str, depth: &Depth, age_seconds: f64) {
    let target = depth.target.clone();
    gauge!("okr_outbox_depth_rows", "service" => service, "target" => target.clone()).set(depth.rows as f64);
    gauge!("okr_outbox_age_seconds", "service" => service, "target" => target).set(age_seconds);
}

/// The store did not answer. The first failure in a row is told, the others only counted.
pub fn store_failed(service: &'static str, error: &QueueError, failures: u32) {
    let reason = error.reason();
    counter!("okr_outbox_store_failures_total", "service" => service, "reason" => reason).increment(1);
    if failures == 1 {
        tracing::warn!(service, %error, "the outbox waits for the store");
    }
}
