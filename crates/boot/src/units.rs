//! Durations, sizes and rates as people write them in the configuration.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

const SPANS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// A length of time: `"250ms"`, `"10s"`, `"5m"`, `"2h"`, `"7d"`, `"1w"`, also joined as `"1h30m"`. Millisecond precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

/// A number of bytes: `"512KiB"`, `"2MiB"`, `"1GB"`, or a plain integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// How often something may happen: `"1/s"`, `"30/m"`, `"1000/h"`, or `"none"` for no bound.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    /// Times a second; infinite for `"none"`. Always above zero.
    pub per_second: f64,
}

/// A text that is not the unit it should be; the message says what would be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {expected}, not `{given}`")]
pub struct UnitError {
    expected: &'static str,
    given: String,
}

impl Span {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    pub(crate) const EXPECTED: &'static str = "a duration such as \"10s\" or \"5m\"";
}

impl Bytes {
    pub(crate) const EXPECTED: &'static str = "a size such as \"512KiB\" or a number of bytes";

    /// As a length in memory, at most `usize::MAX`.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Rate {
    /// No bound at all.
    pub const NONE: Self = Self { per_second: f64::INFINITY };

    pub(crate) const EXPECTED: &'static str = "a rate such as \"50/s\" or \"30/m\", or \"none\"";

    /// So many a second.
    pub const fn per_second(per_second: f64) -> Self {
        Self { per_second }
    }

    /// Whether there is a bound.
    pub fn is_bounded(self) -> bool {
        self.per_second.is_finite()
    }

    /// The time between two, zero without a bound.
    pub fn interval(self) -> Duration {
        if self.is_bounded() { Duration::from_secs_f64(1.0 / self.per_second) } else { Duration::ZERO }
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError { expected: Self::EXPECTED, given: text.to_owned() };
        let mut rest = text.trim();
        let mut millis = 0_u64;
        if rest.is_empty() {
            return Err(wrong());
        }
        while !rest.is_empty() {
            let (number, tail) = split_number(rest).ok_or_else(wrong)?;
            let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let scale = scale_of(SPANS, unit).ok_or_else(wrong)?;
            millis = number.checked_mul(scale).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
            rest = tail;
        }
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError { expected: Self::EXPECTED, given: text.to_owned() };
        let (number, unit) = split_number(text.trim()).ok_or_else(wrong)?;
        let scale = if unit.trim().is_empty() { Some(1) } else { scale_of(SIZES, unit) };
        scale.and_then(|scale| number.checked_mul(scale)).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wrong = || UnitError { expected: Self::EXPECTED, given: text.to_owned() };
        let text = text.trim();
        if text == "none" {
            return Ok(Self::NONE);
        }
        let (times, unit) = text.split_once('/').ok_or_else(wrong)?;
        let times: f64 = times.trim().parse().map_err(|_| wrong())?;
        let seconds = match unit.trim() {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(wrong()),
        };
        let per_second = times / seconds;
        // Below one in 30 years a rate is a mistake, and its interval would not fit a duration.
        if per_second.is_finite() && per_second > 1e-9 { Ok(Self { per_second }) } else { Err(wrong()) }
    }
}

fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

fn scale_of(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, scale)| *scale)
}

/// Writes the largest unit that leaves no remainder, so that what is printed reads back as the same value.
fn in_largest_unit(value: u64, units: &[(&str, u64)]) -> String {
    let fits = units.iter().filter(|(_, scale)| value > 0 && value.is_multiple_of(*scale));
    match fits.max_by_key(|(_, scale)| *scale) {
        Some((unit, scale)) => format!("{}{unit}", value / scale),
        None => format!("0{}", units[0].0),
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_largest_unit(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), SPANS))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_largest_unit(self.0, &SIZES[..4]))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_bounded() {
            return f.write_str("none");
        }
        for (unit, seconds) in [("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0)] {
            let times = self.per_second * seconds;
            if (times - times.round()).abs() < 1e-9 && times >= 1.0 {
                return write!(f, "{}/{unit}", times.round());
            }
        }
        write!(f, "{}/s", self.per_second)
    }
}

struct FromText<T> {
    expected: &'static str,
    whole: Option<fn(u64) -> T>,
}

impl<T: FromStr<Err = UnitError>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        let wrong = || E::invalid_type(de::Unexpected::Unsigned(number), &self);
        self.whole.map(|make| make(number)).ok_or_else(wrong)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(E::invalid_value(de::Unexpected::Signed(number), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(FromText { expected: Self::EXPECTED, whole: None })
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(FromText { expected: Self::EXPECTED, whole: Some(Self) })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(FromText { expected: Self::EXPECTED, whole: None })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests;
