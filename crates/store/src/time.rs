//! Microseconds since 1970 as both homes keep them, and whose clock decides over leases.

use std::time::Duration;

use jiff::Timestamp;

/// Whose clock decides over what is due in a Postgres home.
///
/// Members on several machines share leases, and a member whose clock is a minute ahead would take what another is
/// still delivering. So the database's clock decides: a caller's `until` and `not_before` are read as distances from
/// the caller's own now, and what is answered is translated back. The embedded home has one process and so one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Time {
    /// The database's clock.
    #[default]
    Database,
    /// The callers' clocks as they are, so that tests can move time.
    Caller,
}

/// A moment in microseconds since 1970.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The moment of `micros`; what lies outside of the representable is brought to its nearest end.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    let end = if micros < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_microsecond(micros).unwrap_or(end)
}

/// How far `until` lies behind `now`, in microseconds.
pub(crate) fn distance(until: Timestamp, now: Timestamp) -> i64 {
    micros(until).saturating_sub(micros(now))
}

/// So many tenths of a second, in microseconds.
pub(crate) fn tenths(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX).saturating_mul(100_000)
}

/// A length of time in microseconds.
pub(crate) fn span(length: Duration) -> i64 {
    i64::try_from(length.as_micros()).unwrap_or(i64::MAX / 2)
}

/// Milliseconds as Postgres' settings take them.
pub(crate) fn millis(duration: Duration) -> u128 {
    duration.as_millis()
}
