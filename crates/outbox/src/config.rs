//! `[outbox]`: how deliveries are paced, repeated and given up.

use std::time::Duration;

use boot::{Key, Kind, Span};
use serde::Deserialize;

/// The keys of `[outbox]`.
pub const KEYS: &[Key] = &[
    key(
        "outbox.schedule",
        Kind::TextList,
        r#"["5s", "30s", "2m", "10m", "1h", "3h"]"#,
        "Pauses after the first, second, … failed attempt; the last one repeats. Each is varied by 20 % up or down.",
    ),
    key(
        "outbox.attempts_max",
        Kind::Integer,
        "12",
        "Attempts before a delivery is dead-lettered, the first one included.",
    ),
    key(
        "outbox.age_max",
        Kind::Span,
        r#""7d""#,
        "A live delivery older than this since its receipt is dead-lettered instead of sent.",
    ),
    key(
        "outbox.rows_max",
        Kind::Integer,
        "1000000",
        "Unfinished rows of one target beyond which further parcels for it are dead-lettered (reason `target_full`). They are counted every ten seconds.",
    ),
    key("outbox.batch", Kind::Integer, "256", "Rows of one target taken at a time."),
    key(
        "outbox.lease",
        Kind::Span,
        r#""60s""#,
        "How long a taken row and a held target belong to their owner without renewal.",
    ),
    key(
        "outbox.poll",
        Kind::Span,
        r#""2s""#,
        "How often an idle engine asks for rows that another process planned.",
    ),
    key(
        "outbox.drain_grace",
        Kind::Span,
        r#""10s""#,
        "How long a stopping engine waits for deliveries under way.",
    ),
    key(
        "outbox.keep",
        Kind::Span,
        r#""90d""#,
        "How long finished rows are kept, and with them the memory of what was delivered. Not shorter than the retention of okr.events: what is repeated later is new.",
    ),
    key(
        "outbox.breaker.failures",
        Kind::Integer,
        "5",
        "Passing failures in a row that open a target's breaker.",
    ),
    key(
        "outbox.breaker.pause",
        Kind::Span,
        r#""10s""#,
        "How long a breaker stays open at first; doubles with each failed probe.",
    ),
    key("outbox.breaker.pause_max", Kind::Span, r#""1m""#, "The longest time a breaker stays open."),
];

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default: Some(default), doc }
}

/// `[outbox]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutboxConfig {
    /// Pauses after the first, second, … failed attempt; the last one repeats.
    pub schedule: Vec<Span>,
    /// Attempts before a delivery is dead-lettered, the first one included.
    pub attempts_max: u32,
    /// A live delivery older than this since its receipt is dead-lettered instead of sent.
    pub age_max: Span,
    /// Unfinished rows of one target beyond which further parcels for it are dead-lettered.
    pub rows_max: u64,
    /// Rows of one target taken at a time.
    pub batch: usize,
    /// How long a taken row and a held target belong to their owner without renewal.
    pub lease: Span,
    /// How often an idle engine asks for rows that another process planned.
    pub poll: Span,
    /// How long a stopping engine waits for deliveries under way.
    pub drain_grace: Span,
    /// How long finished rows are kept, and with them the memory of what was delivered.
    pub keep: Span,
    pub breaker: BreakerConfig,
}

/// `[outbox.breaker]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerConfig {
    /// Passing failures in a row that open a target's breaker.
    pub failures: u32,
    /// How long it stays open at first; doubles with each failed probe.
    pub pause: Span,
    /// The longest time it stays open.
    pub pause_max: Span,
}

impl Default for OutboxConfig {
    fn default() -> Self {
        Self {
            schedule: [5, 30, 120, 600, 3_600, 10_800].map(|s| Span(Duration::from_secs(s))).to_vec(),
            attempts_max: 12,
            age_max: Span(Duration::from_secs(7 * 86_400)),
            rows_max: 1_000_000,
            batch: 256,
            lease: Span(Duration::from_secs(60)),
            poll: Span(Duration::from_secs(2)),
            drain_grace: Span(Duration::from_secs(10)),
            keep: Span(Duration::from_secs(90 * 86_400)),
            breaker: BreakerConfig::default(),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, pause: Span(Duration::from_secs(10)), pause_max: Span(Duration::from_secs(60)) }
    }
}
