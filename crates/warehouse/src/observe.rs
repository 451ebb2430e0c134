//! Metrics of the warehouse.

use std::time::{Duration, SystemTime};

use metrics::{counter, gauge, histogram};
use worker::ProgressError;

/// A batch came to its end, one way or another. `events` are those that it brought, `rows` those that it added.
pub(crate) fn batch(home: &'static str, outcome: &Result<(), ProgressError>, took: Duration) {
    let outcome = match outcome {
        Ok(()) => "committed",
        Err(ProgressError::Outdated) => "outdated",
        Err(ProgressError::Refused(_)) => "refused",
        Err(ProgressError::Unavailable(_)) => "unavailable",
        Err(ProgressError::Broken(_)) => "broken",
    };
    counter!("okr_warehouse_batches_total", "home" => home, "outcome" => outcome).increment(1);
    if outcome == "committed" {
        histogram!("okr_warehouse_batch_seconds", "home" => home).record(took.as_secs_f64());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        gauge!("okr_warehouse_last_batch_timestamp_seconds", "home" => home).set(now.as_secs_f64());
    }
}

/// A batch that is committed brought so many events, and added so many of them: others came before.
pub(crate) fn written(home: &'static str, events: usize, rows: usize) {
    let count = |outcome: &'static str, count: usize| {
        counter!("okr_warehouse_events_total", "home" => home, "outcome" => outcome).increment(count as u64);
    };
    count("written", rows);
    count("known", events.saturating_sub(rows));
}

/// Another member was at the same subjects, and the transaction begins again.
pub(crate) fn begun_again() {
    counter!("okr_warehouse_retries_total").increment(1);
}

/// Sessions of the warehouse stood still in the middle of a statement, and were ended for those who come after them.
pub(crate) fn ended(sessions: usize) {
    counter!("okr_warehouse_ended_sessions_total").increment(sessions as u64);
    tracing::warn!(
        sessions,
        "{sessions} sessions of the warehouse stood still in the middle of a statement and were ended: a member stands \
         still, or its network does",
    );
}

/// Rows lost what their age or a person's wish took from them.
pub(crate) fn erased(why: &'static str, events: u64) {
    counter!("okr_warehouse_erased_events_total", "why" => why).increment(events);
}
