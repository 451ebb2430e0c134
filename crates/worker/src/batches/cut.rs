//! What goes into one transaction, and what the store says became of it.

use std::collections::{BTreeMap, BTreeSet};

use bus::{InRecord, Slot};

use crate::fuse::Fuse;
use crate::job::Verdict;
use crate::progress::Standing;

/// Records of one slot, in order.
#[derive(Debug, Clone)]
pub struct Share {
    pub slot: Slot,
    pub epoch: i64,
    /// Where the slot stands before it.
    pub from: i64,
    pub records: Vec<InRecord>,
    /// Those of them that get a dead letter, by offset.
    pub condemned: BTreeMap<i64, Verdict>,
    /// Those whose dead letter was acknowledged before: the batch that they were in did not happen.
    pub buried: BTreeSet<i64>,
}

impl Share {
    /// Where the slot stands after it.
    pub fn next(&self) -> i64 {
        self.records.last().map_or(self.from, |record| record.offset + 1)
    }

    /// Tells the fuse of its records, in order; answers why it blew.
    pub fn count(&self, fuse: &mut Fuse, condemned: &BTreeMap<i64, Verdict>) -> Option<String> {
        let mut blown = None;
        for record in &self.records {
            match condemned.get(&record.offset) {
                None => fuse.handled(),
                Some(Verdict { reason, error }) => {
                    let why = |fact| format!("fuse: {fact}, the last one for {reason}: {error}");
                    blown = blown.or(fuse.rejected().err().map(why));
                }
            }
        }
        blown
    }
}

/// What goes into one transaction.
#[derive(Debug, Clone)]
pub struct Cut {
    /// By which it is known when it comes back.
    pub number: u64,
    pub shares: Vec<Share>,
}

impl Cut {
    /// Its records.
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.records.len()).sum()
    }
}

/// How much fits into a batch.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    taken: usize,
    records_max: usize,
    bytes_left: usize,
}

impl Room {
    /// Nothing is in it yet: one record always fits.
    pub fn new(records_max: usize, bytes_max: usize) -> Self {
        Self { taken: 0, records_max, bytes_left: bytes_max }
    }

    /// Records in it.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// From now on no more than this fit in all.
    pub fn narrow(&mut self, records_max: usize) {
        self.records_max = self.records_max.min(records_max);
    }

    /// Takes the record in, if it fits.
    pub fn take(&mut self, bytes: usize) -> bool {
        let fits = self.taken == 0 || (self.taken < self.records_max && self.bytes_left >= bytes);
        if fits {
            self.taken += 1;
            self.bytes_left = self.bytes_left.saturating_sub(bytes);
        }
        fits
    }
}

/// What became of a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is durable.
    Done,
    /// It is not, and the slot is still ours.
    Again,
    /// The slot has a higher epoch: it is another's.
    Gone,
}

/// Reads from the store whether each share happened. An error is a store that contradicts itself.
pub fn judge(shares: &[Share], standings: &[Standing]) -> Result<Vec<Fate>, String> {
    let fate = |share: &Share| match standings.iter().find(|standing| standing.slot == share.slot) {
        Some(standing) if standing.epoch > share.epoch => Ok(Fate::Gone),
        Some(standing) if standing.epoch == share.epoch && standing.next == share.next() => Ok(Fate::Done),
        Some(standing) if standing.epoch == share.epoch && standing.next == share.from => Ok(Fate::Again),
        other => Err(format!("{} is at {other:?}, between {} and {}", share.slot, share.from, share.next())),
    };
    shares.iter().map(fate).collect()
}
