//! What the store tells: all metric names of this crate.

use metrics::counter;
use outbox::QueueError;

/// One call of a trait method, by home, method and outcome.
pub(crate) fn called(home: &'static str, call: &'static str, outcome: Result<(), &QueueError>) {
    let outcome = match outcome {
        Ok(()) => "ok",
        Err(error) => error.reason(),
    };
    counter!("okr_store_calls_total", "home" => home, "call" => call, "outcome" => outcome).increment(1);
}

/// One write transaction that may hold many calls: calls per commit tell how well they are gathered.
pub(crate) fn committed(home: &'static str) {
    counter!("okr_store_commits_total", "home" => home).increment(1);
}

/// Settlements of somebody who no longer has the row.
pub(crate) fn settlements_refused(home: &'static str, count: usize) {
    if count > 0 {
        counter!("okr_store_settlements_refused_total", "home" => home).increment(count as u64);
    }
}

/// A row that was due and could not be read; it waits as if leased, and nobody is held up by it.
pub(crate) fn unreadable(home: &'static str, id: i64, cause: &QueueError) {
    counter!("okr_store_rows_unreadable_total", "home" => home).increment(1);
    tracing::error!(id, error = %cause, "row {id} of router_parcels is left where it is: {cause}");
}

/// Finished effects that were forgotten.
pub(crate) fn pruned(home: &'static str, rows: u64) {
    counter!("okr_store_rows_pruned_total", "home" => home).increment(rows);
}
