//! The fuse: too many rejected records mean that we are wrong, not they. Pure.

use std::collections::VecDeque;
use std::fmt;

use crate::FuseConfig;

/// How many records the percentage looks back on, and from how many on it is judged.
const WINDOW: usize = 1_000;

/// Counts only rejections: decoding, schema, our own code. Attempts that were used up say something about the
/// world outside and neither blow the fuse nor cool it.
#[derive(Debug, Clone)]
pub struct Fuse {
    config: FuseConfig,
    in_a_row: u32,
    /// The last records, oldest first; true is a rejection.
    window: VecDeque<bool>,
    rejected: u32,
}

/// Why the fuse blew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blown {
    InARow(u32),
    Percent(u32),
}

impl Fuse {
    /// A fresh one.
    pub fn new(config: FuseConfig) -> Self {
        Self { config, in_a_row: 0, window: VecDeque::with_capacity(WINDOW), rejected: 0 }
    }

    /// A record was handled.
    pub fn handled(&mut self) {
        self.in_a_row = 0;
        self.look_back(false);
    }

    /// A record is about to be dead-lettered for good. Blown: do not, but halt.
    pub fn rejected(&mut self) -> Result<(), Blown> {
        self.in_a_row += 1;
        self.look_back(true);
        if self.in_a_row > self.config.in_a_row {
            return Err(Blown::InARow(self.in_a_row));
        }
        let full = self.window.len() == WINDOW;
        if full && u64::from(self.rejected) * 100 > u64::from(self.config.percent) * WINDOW as u64 {
            return Err(Blown::Percent(self.rejected * 100 / WINDOW as u32));
        }
        Ok(())
    }

    fn look_back(&mut self, rejected: bool) {
        if self.window.len() == WINDOW && self.window.pop_front() == Some(true) {
            self.rejected -= 1;
        }
        self.window.push_back(rejected);
        self.rejected += u32::from(rejected);
    }
}

impl fmt::Display for Blown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InARow(count) => write!(f, "{count} records in a row were rejected"),
            Self::Percent(percent) => write!(f, "{percent} % of the last {WINDOW} records were rejected"),
        }
    }
}

#[cfg(test)]
mod tests;
