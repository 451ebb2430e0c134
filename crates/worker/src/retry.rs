//! How long a record waits before it is tried again. Pure: randomness is passed in.

use std::time::Duration;

use crate::RetryConfig;

/// How far a pause is varied, up or down.
const JITTER: f64 = 0.2;

/// Doubling pauses, varied by 20 % up or down, never above a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pause: Duration,
    pause_max: Duration,
}

impl Backoff {
    /// `pause` after the first failure, at most `pause_max` after any.
    pub fn new(pause: Duration, pause_max: Duration) -> Self {
        Self { pause, pause_max: pause_max.max(pause) }
    }

    /// The pause after failure number `tries` (the first is 1). `chance` is in 0..1. What the failure itself asked
    /// for (`after`) wins.
    pub fn pause(&self, tries: u32, after: Option<Duration>, chance: f64) -> Duration {
        if let Some(after) = after {
            return after;
        }
        let doubled =
            self.pause.saturating_mul(1_u32.checked_shl(tries.saturating_sub(1)).unwrap_or(u32::MAX));
        let varied =
            doubled.min(self.pause_max).mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0));
        varied.min(self.pause_max)
    }
}

impl From<RetryConfig> for Backoff {
    fn from(config: RetryConfig) -> Self {
        Self::new(config.pause.0, config.pause_max.0)
    }
}

#[cfg(test)]
mod tests;
