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

    /// One that goes on where another left off. What is not a fuse's memory counts as none.
    pub fn restore(config: FuseConfig, memory: &[u8]) -> Self {
        let mut fuse = Self::new(config);
        let Some((in_a_row, window)) = memory.split_first_chunk() else { return fuse };
        fuse.in_a_row = u32::from_le_bytes(*in_a_row);
        // Two bits for each record, so that the last byte says how many it holds.
        for byte in window.iter().take(WINDOW / 4) {
            let records = (0..4).map(|at| byte >> (2 * at) & 0b11).filter(|record| *record > 0);
            records.for_each(|record| fuse.look_back(record == 0b11));
        }
        fuse
    }

    /// Everything it has counted, for [`Fuse::restore`].
    pub fn memory(&self) -> Vec<u8> {
        let mut memory = self.in_a_row.to_le_bytes().to_vec();
        let mut records =
            self.window.iter().map(|rejected| if *rejected { 0b11_u8 } else { 0b01 }).peekable();
        while records.peek().is_some() {
            memory.push(
                records.by_ref().take(4).enumerate().fold(0, |byte, (at, record)| byte | record << (2 * at)),
            );
        }
        memory
    }

    /// What changes whenever the memory is worth keeping: rejections in a row, and among the last thousand.
    pub fn counts(&self) -> (u32, u32) {
        (self.in_a_row, self.rejected)
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
