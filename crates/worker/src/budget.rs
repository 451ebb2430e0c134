//! The budget: how much unfinished work there may be. It is what opens and shuts the consumer's gate.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Unfinished records and bytes. Charged by the consumer for each record it fetches, released by the runtime when
/// the record is finished or dropped. Shuts at the high water and opens again at half of it, so that partitions are
/// not paused and resumed for every record.
#[derive(Debug)]
pub struct Budget {
    records_max: usize,
    bytes_max: usize,
    records: AtomicUsize,
    bytes: AtomicUsize,
    shut: AtomicBool,
    halted: AtomicBool,
}

impl Budget {
    /// At most about `records_max` records and `bytes_max` bytes: what is fetched already is still let in.
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self {
            records_max: records_max.max(1),
            bytes_max: bytes_max.max(1),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            shut: AtomicBool::new(false),
            halted: AtomicBool::new(false),
        }
    }

    /// A record of `bytes` bytes is finished or dropped.
    pub fn release(&self, bytes: usize) {
        self.release_all(1, bytes);
    }

    /// So many records of `bytes` bytes together are finished or dropped.
    pub fn release_all(&self, records: usize, bytes: usize) {
        // Never below zero: a fake consumer that forgets to charge must not open the gate for ever.
        let less = |by: usize| move |held: usize| Some(held.saturating_sub(by));
        let _ = self.records.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(records));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(bytes));
    }

    /// Shuts the gate whatever is free, or gives it back to the water marks.
    pub fn halt(&self, halted: bool) {
        self.halted.store(halted, Ordering::Relaxed);
    }

    /// Unfinished records and bytes.
    pub fn held(&self) -> (usize, usize) {
        (self.records.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}

impl bus::Gate for Budget {
    fn admit(&self, records: usize, bytes: usize) {
        self.records.fetch_add(records, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn open(&self) -> bool {
        self.room().records > 0
    }

    fn room(&self) -> bus::Room {
        let (records, bytes) = self.held();
        let was_shut = self.shut.load(Ordering::Relaxed);
        let shut = if was_shut {
            records > self.records_max / 2 || bytes > self.bytes_max / 2
        } else {
            records >= self.records_max || bytes >= self.bytes_max
        };
        if shut != was_shut {
            self.shut.store(shut, Ordering::Relaxed);
        }
        let shut = shut || self.halted.load(Ordering::Relaxed);
        let records = if shut { 0 } else { self.records_max.saturating_sub(records) };
        bus::Room { records, bytes: self.bytes_max.saturating_sub(bytes) }
    }
}

#[cfg(test)]
mod tests;
