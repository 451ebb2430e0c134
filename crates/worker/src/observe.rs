//! Metrics and logs of the consumer runtime.

use std::time::Duration;

use bus::Slot;
use bus::burrow::Status;
use metrics::{counter, gauge};

use crate::watchdog::Trouble;
use crate::{BrakeError, Failure, Gap};

/// Records that came from Kafka.
pub fn consumed(service: &'static str, records: u64) {
    counter!("okr_worker_consumed_records_total", "service" => service).increment(records);
}

/// Records that need nothing more; those that were dead-lettered included.
pub fn finished(service: &'static str, records: u64) {
    counter!("okr_worker_finished_records_total", "service" => service).increment(records);
}

/// A record waits and is tried again.
pub fn retried(service: &'static str, slot: &Slot, offset: i64, (reason, error): (&'static str, &str)) {
    counter!("okr_worker_retries_total", "service" => service, "reason" => reason).increment(1);
    tracing::debug!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        record.offset = offset,
        reason,
        error,
        "trying {}/{}@{offset} again: {reason}",
        slot.topic,
        slot.partition,
    );
}

/// A record's dead letter is acknowledged.
pub fn dead_lettered(service: &'static str, slot: &Slot, offset: i64, verdict: (&'static str, &str, u32)) {
    let (reason, error, attempts) = verdict;
    counter!("okr_worker_dead_letters_total", "service" => service, "reason" => reason).increment(1);
    tracing::warn!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        record.offset = offset,
        reason,
        error,
        attempts,
        "dead-lettered {}/{}@{offset}: {reason}",
        slot.topic,
        slot.partition,
    );
}

/// A dead letter was not acknowledged and is tried again.
pub fn unburied(service: &'static str, slot: &Slot, offset: i64, error: &str) {
    counter!("okr_worker_dead_letter_failures_total", "service" => service).increment(1);
    tracing::warn!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        record.offset = offset,
        error,
        "dead letter of {}/{}@{offset} was not acknowledged, trying again",
        slot.topic,
        slot.partition,
    );
}

/// Work ended whose partition was taken away meanwhile.
pub fn ignored(service: &'static str) {
    counter!("okr_worker_ignored_results_total", "service" => service).increment(1);
}

/// Partitions came, went after a hand-back, or were lost.
pub fn rebalanced(service: &'static str, kind: &'static str, slots: &[Slot]) {
    counter!("okr_worker_rebalances_total", "service" => service, "kind" => kind).increment(1);
    let partitions: Vec<i32> = slots.iter().map(|slot| slot.partition).collect();
    tracing::info!(service, ?partitions, "{kind} {} partitions", slots.len());
}

/// Records are gone that were never consumed.
pub fn gap(service: &'static str, slot: &Slot) {
    counter!("okr_worker_gaps_total", "service" => service).increment(1);
    tracing::error!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        "records of {}/{} are gone that were never consumed: going on with the earliest one kept",
        slot.topic,
        slot.partition,
    );
}

/// The role stands still until a person acts.
pub fn halted(service: &'static str, why: &str) {
    gauge!("okr_worker_halted_count", "service" => service).set(1.0);
    tracing::error!(service, "{service} halted: {why}");
}

/// The poll stood still for too long.
pub fn stalled(service: &'static str, why: &str) {
    counter!("okr_worker_stalls_total", "service" => service).increment(1);
    tracing::error!(service, "consumer of {service} stalled: {why}");
}

/// The consumer reported something that it copes with.
pub fn trouble(service: &'static str, why: &str) {
    counter!("okr_worker_consumer_errors_total", "service" => service).increment(1);
    tracing::warn!(service, error = why, "consumer of {service} reported an error");
}

/// The watchdog noticed that a consumer stands still.
pub fn noticed(service: &'static str, trouble: &Trouble) {
    let reason = trouble.reason();
    counter!("okr_worker_watchdog_alarms_total", "service" => service, "reason" => reason).increment(1);
    tracing::error!(service, reason, "the watchdog of {service} noticed: {}", trouble.words());
}

/// Frontiers that moved and were given to commit.
pub fn committed(service: &'static str, frontiers: usize) {
    counter!("okr_worker_commits_total", "service" => service).increment(frontiers as u64);
}

/// What is unfinished right now, and for how long the oldest job has been out.
pub fn load(service: &'static str, (running, oldest): (usize, Duration), held: (usize, usize)) {
    gauge!("okr_worker_in_flight_records", "service" => service).set(running as f64);
    gauge!("okr_worker_oldest_in_flight_seconds", "service" => service).set(oldest.as_secs_f64());
    gauge!("okr_worker_unfinished_records", "service" => service).set(held.0 as f64);
    gauge!("okr_worker_unfinished_bytes", "service" => service).set(held.1 as f64);
}

/// How many partitions are ours.
pub fn assigned(service: &'static str, partitions: usize) {
    gauge!("okr_worker_assigned_partitions", "service" => service).set(partitions as f64);
}

/// How many records of a slot are not committed yet.
pub fn lag(service: &'static str, slot: &Slot, records: i64) {
    let (topic, partition) = (slot.topic.to_string(), slot.partition.to_string());
    gauge!("okr_worker_lag_records", "service" => service, "topic" => topic, "partition" => partition)
        .set(records as f64);
}

/// How old the first uncommitted record of a slot is; 0 where none is in hand.
pub fn age(service: &'static str, slot: &Slot, seconds: f64) {
    let (topic, partition) = (slot.topic.to_string(), slot.partition.to_string());
    gauge!("okr_worker_lag_seconds", "service" => service, "topic" => topic, "partition" => partition)
        .set(seconds);
}

/// How a slot is consumed, by Burrow's rules.
pub fn course(group: &str, slot: &Slot, status: Status) {
    let (topic, partition) = (slot.topic.to_string(), slot.partition.to_string());
    gauge!("okr_consumer_status", "group" => group.to_owned(), "topic" => topic, "partition" => partition)
        .set(f64::from(status.level()));
}

/// A halt, or what the fuse has counted, is not durable yet.
pub fn brake_unsaved(service: &'static str, error: &BrakeError) {
    counter!("okr_worker_brake_failures_total", "service" => service).increment(1);
    tracing::warn!(error = %error, "what keeps {service} halted was not saved, trying again");
}

/// Nobody knows whether the service may start.
pub fn brake_unread(service: &'static str, error: &BrakeError) {
    counter!("okr_worker_brake_failures_total", "service" => service).increment(1);
    tracing::warn!(error = %error, "{service} waits until the store says whether it is halted");
}

/// A person let the service go on.
pub fn resumed(service: &'static str, why: &str) {
    counter!("okr_worker_resumes_total", "service" => service).increment(1);
    gauge!("okr_worker_halted_count", "service" => service).set(0.0);
    tracing::info!("{service} goes on, it was halted: {why}");
}

/// Committed records that Kafka has acknowledged.
pub fn relayed(service: &'static str, records: usize) {
    counter!("okr_worker_relayed_records_total", "service" => service).increment(records as u64);
}

/// A committed record did not get to Kafka and is sent again.
pub fn not_relayed(service: &'static str, error: &str) {
    counter!("okr_worker_relay_failures_total", "service" => service).increment(1);
    tracing::warn!(error, "a committed record of {service} was not acknowledged by Kafka, trying again");
}

/// What a state service should read next is not there.
pub fn missing(service: &'static str, gap: &Gap) {
    counter!("okr_worker_gaps_total", "service" => service).increment(1);
    let Gap { slot, from, found, why } = gap;
    tracing::error!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        record.offset = from,
        "{service} stands at {slot}@{from} and {found} came: {why}",
    );
}

/// A person has given up what a slot stood on, and it begins anew.
pub fn gap_accepted(service: &'static str, gap: &Gap) {
    counter!("okr_worker_accepted_gaps_total", "service" => service).increment(1);
    let Gap { slot, from, found, .. } = gap;
    tracing::warn!(
        record.topic = &*slot.topic,
        record.partition = slot.partition,
        "{service} begins {slot} anew with the earliest record: it stood at {from}, {found} came, and that was accepted",
    );
}

/// Nothing of a batch happened; all of it is tried again, or a person must act.
pub fn batch_failed(service: &'static str, records: usize, failure: &Failure) {
    let reason = failure.reason();
    counter!("okr_worker_retries_total", "service" => service, "reason" => reason).increment(1);
    tracing::warn!(reason, error = %failure, "a batch of {records} records of {service} did not happen: {reason}");
}

/// Whether a batch happened is for the store to say; if not, it is tried again.
pub fn unconfirmed(service: &'static str, records: usize, error: &str) {
    counter!("okr_worker_retries_total", "service" => service, "reason" => "unconfirmed").increment(1);
    tracing::warn!(
        error,
        "the store did not confirm a batch of {records} records of {service}, and is asked what became of it: {error}"
    );
}

/// How a batch ended.
pub fn batch_ended(service: &'static str, outcome: &'static str) {
    counter!("okr_worker_batches_total", "service" => service, "outcome" => outcome).increment(1);
}
