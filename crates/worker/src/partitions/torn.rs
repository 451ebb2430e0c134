//! Slots whose position was out of range.

use bus::{InRecord, Slot};

use super::Partitions;

impl<T> Partitions<T> {
    /// The slot's position was out of range. What was received stays: Kafka may have it no more. Where the slot goes
    /// on, its next records tell: behind a gap, or from the beginning of a topic that was made anew.
    pub fn torn(&mut self, slot: &Slot) {
        if let Some(index) = self.by_slot.get(slot) {
            self.parts[*index].torn = true;
        }
    }

    /// The first record of a torn slot that does not simply follow tells where it goes on. One that does not rise is of
    /// another topic of that name, and gets a new epoch.
    pub(super) fn mend(&mut self, index: usize, record: &InRecord) {
        let follows = self.parts[index].ledger.reached();
        if follows == Some(record.offset) {
            return;
        }
        self.parts[index].torn = false;
        if follows.is_some_and(|next| record.offset < next) {
            self.assigned(vec![record.slot.clone()]);
        }
    }
}
