//! `rate_limit`: a bucket of tokens per source, one second's worth deep.

use std::{sync::Mutex, time::Duration};

use boot::Rate;
use tokio::time::Instant;

/// Gives a token per delivery; full again after a second of silence (or after one interval, if that is longer).
#[derive(Debug)]
pub(crate) struct Bucket {
    per_second: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// `None` where there is no bound.
    pub(crate) fn new(rate: Rate, now: Instant) -> Option<Self> {
        let per_second = rate.per_second;
        rate.is_bounded().then(|| Self { per_second, level: Mutex::new((per_second.max(1.0), now)) })
    }

    /// Takes a token, or says how long to wait for the next one.
    pub(crate) fn take(&self, now: Instant) -> Result<(), Duration> {
        let Ok(mut level) = self.level.lock() else { return Ok(()) };
        let (tokens, since) = *level;
        let earned = now.saturating_duration_since(since).as_secs_f64() * self.per_second;
        let tokens = (tokens + earned).min(self.per_second.max(1.0));
        if tokens >= 1.0 {
            *level = (tokens - 1.0, now);
            return Ok(());
        }
        *level = (tokens, now);
        Err(Duration::from_secs_f64((1.0 - tokens) / self.per_second))
    }

    /// Takes more than there may be: a batch that came in with one token pays for its other items, and whoever comes
    /// next waits until that is paid.
    pub(crate) fn owe(&self, tokens: usize) {
        if let Ok(mut level) = self.level.lock() {
            level.0 -= tokens as f64;
        }
    }
}

#[cfg(test)]
mod tests;
