//! The metrics of this crate, one function each.

use metrics::{Counter, counter, gauge};

use crate::record::Slot;

/// A record was not acknowledged: the reason of its `SendError`. See [`acknowledged`].
pub(crate) fn unsent(outcome: &'static str) {
    counter!("okr_produced_records_total", "outcome" => outcome).increment(1);
}

/// The counter of records that were acknowledged: nearly all of them, so it is looked up once.
pub(crate) fn acknowledged() -> Counter {
    counter!("okr_produced_records_total", "outcome" => "acknowledged")
}

/// A delivery report that claims success without an offset.
pub(crate) fn report_without_offset() {
    counter!("okr_reports_without_offset_total").increment(1);
}

/// The inner client was replaced after a fatal error.
pub(crate) fn producer_rebuilt() {
    counter!("okr_producer_rebuilds_total").increment(1);
}

/// Partitions that came or went: `assigned`, `revoked` or `lost`.
pub(crate) fn rebalanced(group: &str, kind: &'static str, slots: usize) {
    counter!("okr_rebalanced_partitions_total", "group" => group.to_owned(), "kind" => kind)
        .increment(slots as u64);
}

/// Commits that the broker refused.
pub(crate) fn commit_failed(group: &str) {
    counter!("okr_failed_commits_total", "group" => group.to_owned()).increment(1);
}

/// Offsets that came for a partition that is no longer ours; they are dropped.
pub(crate) fn commit_not_ours(group: &str) {
    counter!("okr_stale_commits_total", "group" => group.to_owned()).increment(1);
}

/// A partition whose next record is gone.
pub(crate) fn out_of_range(group: &str) {
    counter!("okr_offset_gaps_total", "group" => group.to_owned()).increment(1);
}

/// Whether fetching is paused, 0 or 1.
pub(crate) fn paused(group: &str, paused: bool) {
    gauge!("okr_consumer_paused", "group" => group.to_owned()).set(if paused { 1.0 } else { 0.0 });
}

/// Records between the committed offset and the end.
pub(crate) fn lag(group: &str, slot: &Slot, records: i64) {
    gauge!(
        "okr_consumer_lag_records",
        "group" => group.to_owned(), "topic" => slot.topic.to_string(), "partition" => slot.partition.to_string()
    )
    .set(records as f64);
}
