//! Pacing: starts of deliveries of one rate key keep their distance. Pure: the moment is passed in.

use std::time::Duration;

/// Lets one start through per interval, exactly, without bursts: what was not used is not saved up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pacer {
    interval: Duration,
    /// The earliest moment of the next start, since the engine began.
    next: Duration,
}

impl Pacer {
    /// `interval` zero lets everything through.
    pub fn new(interval: Duration) -> Self {
        Self { interval, next: Duration::ZERO }
    }

    /// Takes the next start if it is due, else says when it will be.
    pub fn start(&mut self, now: Duration) -> Result<(), Duration> {
        if now < self.next {
            return Err(self.next);
        }
        self.next = now + self.interval;
        Ok(())
    }

    /// The moment of the next start; past if it may be now.
    pub fn next(&self) -> Duration {
        self.next
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
