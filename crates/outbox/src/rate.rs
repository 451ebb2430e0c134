//! Pacing: starts of deliveries of one rate key keep their distance. Pure: the moment is passed in.

use std::time::Duration;

/// Lets one start through per interval, exactly, without bursts: what was not used is not saved up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacer {
    interval: Duration,
    /// The moment of the last start, since the engine began.
    last: Option<Duration>,
}

impl Pacer {
    /// `interval` zero lets everything through.
    pub fn new(interval: Duration) -> Self {
        Self { interval, last: None }
    }

    /// From now on starts keep this distance, also from the last one before.
    pub fn change(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// Takes the next start if it is due, else says when it will be.
    pub fn start(&mut self, now: Duration) -> Result<(), Duration> {
        let next = self.next();
        if now < next {
            return Err(next);
        }
        self.last = Some(now);
        Ok(())
    }

    /// The moment of the next start; past if it may be now.
    pub fn next(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |last| last + self.interval)
    }

    /// How many starts there are within `span`, at most `most`; at least one.
    pub fn room(&self, span: Duration, most: usize) -> usize {
        if self.interval.is_zero() {
            return most.max(1);
        }
        let starts = span.as_nanos() / self.interval.as_nanos().max(1);
        usize::try_from(starts).unwrap_or(usize::MAX).clamp(1, most.max(1))
    }
}

#[cfg(test)]
mod tests;
