//! The ledger of one partition: which offsets are unfinished, and so how far may be committed. Pure.

use std::collections::BTreeSet;

/// Offsets of one partition during one assignment. Holds only what is unfinished, so a record that waits for long
/// costs no more memory however many behind it are finished. Gaps between offsets are normal: transactions and
/// compaction leave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    open: BTreeSet<i64>,
    first: Option<i64>,
    last: Option<i64>,
    /// The frontier that was last handed out for a commit.
    told: Option<i64>,
}

/// A broken invariant: the caller halts rather than commit by a ledger that it cannot believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Within one assignment offsets only rise.
    #[error("offset {offset} came after {last}")]
    NotRising { offset: i64, last: i64 },
    /// It never began, or is finished already.
    #[error("offset {0} is not under way")]
    NotOpen(i64),
}

impl Ledger {
    /// A record of this offset was received.
    pub fn begin(&mut self, offset: i64) -> Result<(), LedgerError> {
        if let Some(last) = self.last.filter(|last| offset <= *last) {
            return Err(LedgerError::NotRising { offset, last });
        }
        self.first.get_or_insert(offset);
        self.last = Some(offset);
        self.open.insert(offset);
        Ok(())
    }

    /// The record of this offset needs nothing more.
    pub fn finish(&mut self, offset: i64) -> Result<(), LedgerError> {
        if self.open.remove(&offset) { Ok(()) } else { Err(LedgerError::NotOpen(offset)) }
    }

    /// The next offset to consume if everything stopped now: all below it is finished. None until the first record
    /// of the assignment is finished; never falls.
    pub fn frontier(&self) -> Option<i64> {
        let next = self.open.first().copied().or(self.last.map(|last| last + 1))?;
        (Some(next) > self.first).then_some(next)
    }

    /// The first offset that is not finished.
    pub fn unfinished_from(&self) -> Option<i64> {
        self.open.first().copied()
    }

    /// The frontier, if it has moved since this was last asked.
    pub fn moved(&mut self) -> Option<i64> {
        let frontier = self.frontier().filter(|frontier| Some(*frontier) > self.told)?;
        self.told = Some(frontier);
        Some(frontier)
    }

    /// The frontier counts as news again.
    pub fn retell(&mut self) {
        self.told = None;
    }

    /// What was received, finished or not: what a hasty runtime would commit.
    pub fn reached(&self) -> Option<i64> {
        self.last.map(|last| last + 1)
    }

    /// Records received and not finished.
    #[cfg(test)]
    pub fn unfinished(&self) -> usize {
        self.open.len()
    }
}

#[cfg(test)]
mod tests;
