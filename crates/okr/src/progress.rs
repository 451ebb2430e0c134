//! How far something has come: 0 is the start, 1 the goal. The only place where that is computed.
//!
//! Worse than the start counts as the start; past the goal is kept, up to [`CAP`]. What is not a finite number is no
//! progress at all.

use crate::Metric;

/// The most that counts: six and a half times the way from start to goal.
pub const CAP: f64 = 6.5;

/// Reads a tool's ratio (1 is the goal).
pub fn from_ratio(ratio: f64) -> Option<f64> {
    // Adding zero turns -0.0, which prints with its sign, into 0.0.
    ratio.is_finite().then(|| ratio.clamp(0.0, CAP) + 0.0)
}

/// Reads a tool's number whose goal is `scale`, such as 100 for percentages.
/// The scale comes from the config and is never guessed from the number's size; one that is not above 0 gives nothing.
pub fn from_scaled(value: f64, scale: f64) -> Option<f64> {
    (scale > 0.0 && scale.is_finite() && value.is_finite()).then(|| value / scale).and_then(from_ratio)
}

/// Computes the progress from the way between start and target, also where the target lies below the start.
///
/// An absent start is 0. Without a target or a current number there is none; with start = target it is 1 when the
/// current number equals them, else none.
pub fn from_metric(metric: &Metric) -> Option<f64> {
    let (start, target, current) = (metric.start.unwrap_or(0.0), metric.target?, metric.current?);
    if ![start, target, current].into_iter().all(f64::is_finite) {
        return None;
    }
    if start == target {
        return (current == target).then_some(1.0);
    }
    // Halves first: the way between two finite numbers may be too long for a float, half of it never is.
    from_ratio((current / 2.0 - start / 2.0) / (target / 2.0 - start / 2.0))
}

/// Reads a decimal number from text such as `" 0.42 "`, `"-3"` or `"1e3"`. A comma, a unit or a percent sign is no
/// part of a number, and neither are the words that floats know (`NaN`, `inf`).
pub fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain =
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    plain.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests;
