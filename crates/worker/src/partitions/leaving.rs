//! Records leave: finished or dropped, they make room in the budget.

use super::Partitions;
use crate::job::Entry;
use crate::lanes::LaneId;

/// Records that are released together. Few enough that the gate, which opens at half the high water, hears of them soon.
const TOGETHER: usize = 64;

/// What has left and is not released yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owed {
    gathering: bool,
    records: usize,
    bytes: usize,
}

impl<T> Partitions<T> {
    /// Whether what leaves is released in groups from now on, for the consumer's thread tears at the same counters.
    /// Nothing is owed once it ends, so that whoever waits has released everything.
    pub fn gather(&mut self, gathering: bool) {
        self.owed.gathering = gathering;
        if !gathering {
            self.pay();
        }
    }

    pub(super) fn leave(&mut self, lane: LaneId, entry: &Entry<T>) {
        self.owed.records += 1;
        self.owed.bytes += entry.record.size();
        if !self.owed.gathering || self.owed.records >= TOGETHER {
            self.pay();
        }
        self.lanes.advance(lane);
    }

    fn pay(&mut self) {
        if self.owed.records > 0 {
            self.budget.release_all(self.owed.records, self.owed.bytes);
            (self.owed.records, self.owed.bytes) = (0, 0);
        }
    }
}
