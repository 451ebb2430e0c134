//! `[worker]`: bounds, retries and the fuse of every consuming service.

use std::time::Duration;

use boot::{Bytes, Key, Kind, Span};
use serde::Deserialize;

/// The keys of `[worker]`.
pub const KEYS: &[Key] = &[
    key(
        "worker.attempts_max",
        Kind::Integer,
        "8",
        "Attempts at a record before it is dead-lettered, the first one included.",
    ),
    key(
        "worker.retry.pause",
        Kind::Span,
        r#""500ms""#,
        "The pause after the first failed attempt; doubles with each further one.",
    ),
    key("worker.retry.pause_max", Kind::Span, r#""30s""#, "The longest pause between two attempts."),
    key("worker.in_flight_max", Kind::Integer, "256", "Records being handled at a time, of different keys."),
    key(
        "worker.queue_records_max",
        Kind::Integer,
        "8000",
        "Unfinished records held in memory; above it partitions pause.",
    ),
    key(
        "worker.queue_bytes_max",
        Kind::Bytes,
        r#""32MiB""#,
        "Unfinished bytes held in memory; above it partitions pause.",
    ),
    key("worker.commit_every", Kind::Span, r#""1s""#, "How often finished work is committed to Kafka."),
    key(
        "worker.batch.records_max",
        Kind::Integer,
        "1000",
        "Records in one transaction of a service that keeps state (the warehouse). Whatever `queue_records_max` says, as many as all its writers have in hand, and one transaction more, may be held in memory, so that the next transaction is there when one ends.",
    ),
    key(
        "worker.batch.bytes_max",
        Kind::Bytes,
        r#""8MiB""#,
        "Bytes of records in one transaction of a service that keeps state; a larger record goes alone.",
    ),
    key(
        "worker.batch.linger",
        Kind::Span,
        r#""50ms""#,
        "How long a transaction of a service that keeps state waits for more records while it is not full; what comes while one is under way fills the next.",
    ),
    key(
        "worker.drain_grace",
        Kind::Span,
        r#""10s""#,
        "How long work under way may go on when partitions are taken away or the role stops.",
    ),
    key(
        "worker.fuse.in_a_row",
        Kind::Integer,
        "20",
        "Rejected records in a row beyond which the role halts.",
    ),
    key(
        "worker.fuse.percent",
        Kind::Integer,
        "20",
        "Percent of the last 1,000 records rejected beyond which the role halts.",
    ),
];

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default: Some(default), doc }
}

/// `[worker]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Attempts at a record before it is dead-lettered, the first one included.
    pub attempts_max: u32,
    pub retry: RetryConfig,
    /// Records being handled at a time, of different keys.
    pub in_flight_max: usize,
    /// Unfinished records held in memory; above it partitions pause.
    pub queue_records_max: usize,
    /// Unfinished bytes held in memory; above it partitions pause.
    pub queue_bytes_max: Bytes,
    /// How often finished work is committed to Kafka.
    pub commit_every: Span,
    /// How long work under way may go on when partitions are taken away or the role stops.
    pub drain_grace: Span,
    pub batch: BatchConfig,
    pub fuse: FuseConfig,
}

/// `[worker.batch]`: what a service that keeps state puts into one transaction.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BatchConfig {
    /// Records in one transaction.
    pub records_max: usize,
    /// Bytes of records in one transaction; a larger record goes alone.
    pub bytes_max: Bytes,
    /// How long a transaction that is not full waits for more records.
    pub linger: Span,
}

/// `[worker.retry]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetryConfig {
    /// The pause after the first failed attempt; doubles with each further one.
    pub pause: Span,
    /// The longest pause between two attempts.
    pub pause_max: Span,
}

/// `[worker.fuse]`: `fuse = { in_a_row = 20, percent = 20 }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FuseConfig {
    /// Rejected records in a row beyond which the role halts.
    pub in_a_row: u32,
    /// Percent of the last 1,000 records rejected beyond which the role halts; judged only from 1,000 records on.
    pub percent: u32,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            retry: RetryConfig::default(),
            in_flight_max: 256,
            queue_records_max: 8_000,
            queue_bytes_max: Bytes(32 * 1024 * 1024),
            commit_every: Span(Duration::from_secs(1)),
            drain_grace: Span(Duration::from_secs(10)),
            batch: BatchConfig::default(),
            fuse: FuseConfig::default(),
        }
    }
}

impl Default for BatchConfig {
    fn default() -> Self {
        Self {
            records_max: 1_000,
            bytes_max: Bytes(8 * 1024 * 1024),
            linger: Span(Duration::from_millis(50)),
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self { pause: Span(Duration::from_millis(500)), pause_max: Span(Duration::from_secs(30)) }
    }
}

impl Default for FuseConfig {
    fn default() -> Self {
        Self { in_a_row: 20, percent: 20 }
    }
}

#[cfg(test)]
mod tests;
