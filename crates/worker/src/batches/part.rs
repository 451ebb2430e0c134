//! One partition of a member that works in batches, and whether what comes can follow what is contained.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bus::{InRecord, Slot};

use super::queue::Queue;
use crate::budget::Budget;
use crate::gaps::Gap;
use crate::job::Verdict;
use crate::progress::{Last, Standing};

/// Whether what comes next is known to follow what is contained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// The last record has not been seen again yet.
    Unsure,
    /// The position was out of range: from now on exactly the next offset must come.
    Torn,
    Firm,
}

/// What came cannot follow: nothing more of the slot is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// The offset that came instead.
    pub found: i64,
    pub why: String,
    /// Its member knows of it.
    pub told: bool,
}

#[derive(Debug)]
pub struct Part {
    pub epoch: i64,
    /// Where the state stands.
    pub next: i64,
    pub last: Option<Last>,
    /// The offset that is expected from Kafka.
    pub position: i64,
    pub footing: Footing,
    pub queue: Queue,
    /// The batch that it is in.
    pub out: Option<u64>,
    /// How many records a batch may have that it is in.
    pub limit: usize,
    /// The limit is there because a batch may have been more than the store can do in its time: it grows slowly.
    pub careful: bool,
    /// Batches that it was in and that did not happen, since the last one that did.
    pub tries: u32,
    /// Until when it rests because of them.
    pub not_before: Duration,
    pub condemned: BTreeMap<i64, Verdict>,
    /// Those of them whose dead letter is acknowledged.
    pub buried: BTreeSet<i64>,
    pub draining: bool,
    pub broken: Option<Break>,
}

impl Part {
    /// Nothing has come yet.
    pub fn new(standing: &Standing, limit: usize) -> Self {
        let Standing { epoch, next, last, .. } = *standing;
        Self {
            epoch,
            next,
            last,
            position: next,
            footing: if last.is_some() { Footing::Unsure } else { Footing::Firm },
            queue: Queue::default(),
            out: None,
            limit,
            careful: false,
            tries: 0,
            not_before: Duration::ZERO,
            condemned: BTreeMap::new(),
            buried: BTreeSet::new(),
            draining: false,
            broken: None,
        }
    }

    /// Takes a record in, if it is new and follows.
    pub fn take(&mut self, record: InRecord, budget: &Budget, blind: bool) {
        if self.broken.is_some() {
            return budget.release(record.size());
        }
        match self.follows(&record, blind) {
            Ok(true) => {
                // Records that were fetched before it was torn may come first: only a jump tells what is missing.
                if self.footing != Footing::Torn {
                    self.footing = Footing::Firm;
                }
                self.position = record.offset + 1;
                self.queue.push(record);
            }
            Ok(false) => {
                self.footing = Footing::Firm;
                budget.release(record.size());
            }
            Err(why) => {
                self.broken = Some(Break { found: record.offset, why, told: false });
                budget.release(record.size());
            }
        }
    }

    /// A batch of so many records happened that it was in: if they were as many as may be, more may be tried.
    pub fn grow(&mut self, records: usize, most: usize) {
        if records >= self.limit {
            let more = if self.careful { (self.limit / 8).max(1) } else { self.limit };
            self.limit = (self.limit + more).min(most);
            self.careful &= self.limit < most;
        }
    }

    /// What is missing, once and as soon as the state contains all that came before it.
    pub fn gap(&mut self, slot: &Slot) -> Option<Gap> {
        let is_empty = self.queue.is_empty() && !self.draining;
        let broken = self.broken.as_mut().filter(|broken| is_empty && !broken.told)?;
        broken.told = true;
        let Break { found, why, .. } = broken.clone();
        Some(Gap { slot: slot.clone(), from: self.next, found, why })
    }

    /// Whether the record is new (true) or the last one once more (false). An error: the slot's offsets do not mean
    /// what they meant, or records are gone that were never read.
    fn follows(&self, record: &InRecord, blind: bool) -> Result<bool, String> {
        let offset = record.offset;
        match (self.footing, self.last) {
            _ if blind => Ok(self.last.is_none_or(|last| offset > last.offset)),
            (Footing::Unsure, Some(last)) if offset == last.offset => {
                let same = Last::of(record) == last;
                same.then_some(false).ok_or_else(|| "the last record is not the one that was read".to_owned())
            }
            (Footing::Unsure | Footing::Torn, _) if offset > self.position => {
                Err(format!("the records from {} on are gone", self.position))
            }
            (_, _) if offset < self.position => {
                Err(format!("{} was expected: the topic was made anew", self.position))
            }
            _ => Ok(true),
        }
    }
}
