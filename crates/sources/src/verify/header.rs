//! Reads the headers of a signature: exactly one of each, or nobody knows which one was meant.

use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

use super::plan::Clock;
use crate::Refusal;

/// The one value of a header, trimmed.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Refusal> {
    optional(headers, name.as_str())?.ok_or(Refusal::Missing)
}

/// Like [`one`], where the header may be absent.
pub(super) fn optional<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refusal> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Refusal::Ambiguous);
    }
    value.to_str().map(|value| Some(value.trim())).map_err(|_| Refusal::Malformed)
}

/// A time in milliseconds since 1970, as `clock` writes it.
pub(super) fn moment(text: &str, clock: Clock) -> Result<i64, Refusal> {
    match clock {
        Clock::Seconds => count(text).map(|seconds| seconds.saturating_mul(1000)),
        Clock::Millis => count(text),
        Clock::Rfc3339 => {
            let time: Timestamp = text.parse().map_err(|_| Refusal::Malformed)?;
            Ok(time.as_millisecond())
        }
    }
}

/// Digits, nothing else, as a count since 1970.
pub(super) fn count(text: &str) -> Result<i64, Refusal> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits {
        return Err(Refusal::Malformed);
    }
    text.parse().map_err(|_| Refusal::Malformed)
}
