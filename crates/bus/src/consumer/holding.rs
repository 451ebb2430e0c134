//! Records that were fetched and may not be handed on yet.
//!
//! Pausing throws away what librdkafka has fetched ahead, so it is no tool for every small wait: records first gather
//! here, and only when enough of them do is fetching paused, until most are gone.

use std::collections::VecDeque;

use crate::record::InRecord;

/// Beside the bytes, so that a million tiny records is not the bound.
const RECORDS_MAX: usize = 10_000;

#[derive(Debug)]
pub(super) struct Holding {
    records: VecDeque<InRecord>,
    bytes: usize,
    bytes_max: usize,
}

impl Holding {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { records: VecDeque::new(), bytes: 0, bytes_max }
    }

    pub(super) fn push(&mut self, record: InRecord) {
        self.bytes += record.size();
        self.records.push_back(record);
    }

    pub(super) fn pop(&mut self) -> Option<InRecord> {
        let record = self.records.pop_front()?;
        self.bytes -= record.size();
        Some(record)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Drops what no longer belongs here.
    pub(super) fn retain(&mut self, keep: impl Fn(&InRecord) -> bool) {
        self.records.retain(keep);
        self.bytes = self.records.iter().map(InRecord::size).sum();
    }

    /// Whether fetching should pause.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max || self.records.len() >= RECORDS_MAX
    }

    /// Whether a paused fetch should go on: early enough that the next records come before these run out.
    pub(super) fn is_low(&self) -> bool {
        self.bytes <= self.bytes_max / 4 && self.records.len() <= RECORDS_MAX / 4
    }
}

#[cfg(test)]
mod tests;
