//! The breaker of one target: after failures in a row it is left alone for a while, then probed once. Pure.

use std::time::Duration;

use crate::BreakerConfig;

/// What a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// Nothing before the moment given (since the engine began).
    Open(Duration),
    /// One delivery, the probe.
    HalfOpen,
}

/// Counts passing failures in a row; a refusal for good is an answer and counts as health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    failures_max: u32,
    pause: Duration,
    pause_max: Duration,
    failures: u32,
    /// Probes that failed since it was last closed.
    probes: u32,
    open_until: Option<Duration>,
}

impl Breaker {
    /// Opens after `failures_max` failures (at least one) for `pause`, doubling with each failed probe to `pause_max`.
    pub fn new(failures_max: u32, pause: Duration, pause_max: Duration) -> Self {
        Self { failures_max: failures_max.max(1), pause, pause_max, failures: 0, probes: 0, open_until: None }
    }

    /// As it is configured.
    pub fn of(config: BreakerConfig) -> Self {
        Self::new(config.failures, config.pause.0, config.pause_max.0)
    }

    /// What may start at `now`.
    pub fn state(&self, now: Duration) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open(until),
            Some(_) => BreakerState::HalfOpen,
        }
    }

    /// The target answered.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.probes = 0;
        self.open_until = None;
    }

    /// The target did not answer, or asked to be left alone. Failures that end while it is open, of deliveries
    /// started before, change nothing.
    pub fn failed(&mut self, now: Duration) {
        match self.state(now) {
            BreakerState::Open(_) => {}
            BreakerState::HalfOpen => {
                self.probes = self.probes.saturating_add(1);
                self.open(now);
            }
            BreakerState::Closed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.failures_max {
                    self.open(now);
                }
            }
        }
    }

    fn open(&mut self, now: Duration) {
        let factor = 1_u32.checked_shl(self.probes).unwrap_or(u32::MAX);
        self.open_until = Some(now + self.pause.saturating_mul(factor).min(self.pause_max.max(self.pause)));
    }
}

#[cfg(test)]
mod tests;
