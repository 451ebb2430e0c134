//! The names of all headers that travel on Kafka or beside a delivery. No other place spells one.

/// CloudEvents: the version of the specification, `1.0`.
pub const CE_SPECVERSION: &str = "ce_specversion";
/// CloudEvents: the event id, the same as the event's `event_id`.
pub const CE_ID: &str = "ce_id";
/// CloudEvents: the configured source.
pub const CE_SOURCE: &str = "ce_source";
/// CloudEvents: `okr.<subject type>.<change>`.
pub const CE_TYPE: &str = "ce_type";
/// CloudEvents: when it happened, RFC 3339.
pub const CE_TIME: &str = "ce_time";
/// CloudEvents: the subject key.
pub const CE_SUBJECT: &str = "ce_subject";
/// What the value is.
pub const CONTENT_TYPE: &str = "content-type";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// W3C trace context: what the tools along a trace add for themselves.
pub const TRACESTATE: &str = "tracestate";

/// The name of the department's range, `others` when unknown.
pub const OKR_DEPARTMENT: &str = "okr-department";
/// What a receiver may use to tell a repeat from a new delivery.
pub const OKR_EFFECT_ID: &str = "okr-effect-id";

/// Replayed and dead records: the topic that the record first lay on.
pub const OKR_ORIGINAL_TOPIC: &str = "okr-original-topic";
/// Replayed and dead records: its partition there, decimal.
pub const OKR_ORIGINAL_PARTITION: &str = "okr-original-partition";
/// Replayed and dead records: its offset there, decimal.
pub const OKR_ORIGINAL_OFFSET: &str = "okr-original-offset";
/// Replayed and dead records: its timestamp there, milliseconds since the epoch, decimal.
pub const OKR_ORIGINAL_TIMESTAMP: &str = "okr-original-timestamp";

/// Replays: the run that brought the record.
pub const OKR_REPLAY_ID: &str = "okr-replay-id";
/// Replays: what the run is for.
pub const OKR_REPLAY_MODE: &str = "okr-replay-mode";

/// Dead letters: the service that gave up.
pub const OKR_DEAD_SERVICE: &str = "okr-dead-service";
/// Dead letters: the target that the service gave up for, where there is one.
pub const OKR_DEAD_TARGET: &str = "okr-dead-target";
/// Dead letters: a word of a small closed set.
pub const OKR_DEAD_REASON: &str = "okr-dead-reason";
/// Dead letters: the error in words.
pub const OKR_DEAD_ERROR: &str = "okr-dead-error";
/// Dead letters: how often it was tried, decimal.
pub const OKR_DEAD_ATTEMPTS: &str = "okr-dead-attempts";
/// Dead letters: when, RFC 3339.
pub const OKR_DEAD_AT: &str = "okr-dead-at";
