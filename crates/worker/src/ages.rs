//! How long records and jobs have been waiting, at a price that does not grow with them: a mark a second instead of a
//! time per record. Pure.

use std::collections::VecDeque;
use std::time::Duration;

/// Marks of a partition closer together than this are not kept.
const GRAIN_MS: i64 = 1_000;
/// With so many marks every second one is forgotten.
const MARKS_MAX: usize = 128;
/// With so many ticks no further ones are made until the oldest job comes home.
const TICKS_MAX: usize = 1_024;

/// When the unfinished records of a partition were written: right to a second, coarser only where the unfinished ones
/// spread over minutes.
#[derive(Debug, Default)]
pub struct Marks(VecDeque<(i64, i64)>);

impl Marks {
    /// A record came; offsets rise.
    pub fn note(&mut self, offset: i64, timestamp_ms: Option<i64>) {
        let Some(written_ms) = timestamp_ms else { return };
        if self.0.back().is_some_and(|(_, last_ms)| written_ms < last_ms + GRAIN_MS) {
            return;
        }
        if self.0.len() == MARKS_MAX {
            let mut number = 0_usize;
            self.0.retain(|_| {
                number += 1;
                number % 2 == 1
            });
        }
        self.0.push_back((offset, written_ms));
    }

    /// When the first unfinished record was written, if one is unfinished.
    pub fn oldest_ms(&mut self, unfinished: Option<i64>) -> Option<i64> {
        let Some(unfinished) = unfinished else {
            self.0.clear();
            return None;
        };
        while self.0.get(1).is_some_and(|(offset, _)| *offset <= unfinished) {
            self.0.pop_front();
        }
        self.0.front().map(|(_, written_ms)| *written_ms)
    }
}

/// Jobs that are out, by the tick after which they began.
#[derive(Debug)]
pub struct Flight {
    /// Since when, and how many of that time are still out.
    ticks: VecDeque<(Duration, u32)>,
    /// The number of the first tick.
    first: u64,
}

impl Default for Flight {
    fn default() -> Self {
        Self { ticks: VecDeque::from([(Duration::ZERO, 0)]), first: 0 }
    }
}

impl Flight {
    /// A job begins; its number is for [`Flight::end`].
    pub fn begin(&mut self) -> u64 {
        if let Some((_, out)) = self.ticks.back_mut() {
            *out += 1;
        }
        self.first + self.ticks.len() as u64 - 1
    }

    /// A job came home.
    pub fn end(&mut self, number: u64) {
        let index = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        if let Some((_, out)) = self.ticks.get_mut(index) {
            *out = out.saturating_sub(1);
        }
    }

    /// Jobs that begin from now on are told from those before; answers how long the oldest has been out, up to a tick
    /// too much.
    pub fn tick(&mut self, now: Duration) -> Duration {
        while self.ticks.front().is_some_and(|(_, out)| *out == 0) {
            self.ticks.pop_front();
            self.first += 1;
        }
        let oldest = self.ticks.front().map_or(Duration::ZERO, |(since, _)| now.saturating_sub(*since));
        if self.ticks.len() < TICKS_MAX {
            self.ticks.push_back((now, 0));
        }
        oldest
    }
}

#[cfg(test)]
mod tests;
