//! When a failed delivery is tried again. Pure: randomness is passed in.

use std::time::Duration;

/// How far each pause is varied, up or down.
const JITTER: f64 = 0.2;

/// The pauses between attempts, and how many attempts there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    pauses: Vec<Duration>,
    attempts_max: u32,
}

impl Schedule {
    /// `pauses` after the first, second, … failed attempt, the last one repeating; none means at once.
    /// At least one attempt is always made.
    pub fn new(pauses: Vec<Duration>, attempts_max: u32) -> Self {
        Self { pauses, attempts_max: attempts_max.max(1) }
    }

    /// The pause after failed attempt number `attempt` (the first is 1), or none when attempts are used up.
    /// `chance` in 0..1 places it within 20 % of the schedule; the remote's wish `after` is a lower bound.
    pub fn pause(&self, attempt: u32, after: Option<Duration>, chance: f64) -> Option<Duration> {
        if attempt >= self.attempts_max {
            return None;
        }
        let step = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        let planned = self.pauses.get(step).or(self.pauses.last()).copied().unwrap_or_default();
        let varied = planned.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0));
        Some(varied.max(after.unwrap_or_default()))
    }

    /// Whether an attempt of this number is beyond the last one allowed.
    pub fn is_beyond(&self, attempt: u32) -> bool {
        attempt > self.attempts_max
    }
}

#[cfg(test)]
mod tests;
