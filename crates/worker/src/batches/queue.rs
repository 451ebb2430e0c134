//! Records of one slot that wait for a batch.

use std::collections::VecDeque;

use bus::InRecord;

use super::cut::Room;
use crate::budget::Budget;

/// They are in order, and counted by the budget until they are contained or dropped.
#[derive(Debug, Default)]
pub struct Queue {
    records: VecDeque<InRecord>,
    bytes: usize,
}

impl Queue {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What they weigh.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One more, the newest.
    pub fn push(&mut self, record: InRecord) {
        self.bytes += record.size();
        self.records.push_back(record);
    }

    /// The oldest, as many as fit.
    pub fn take(&mut self, room: &mut Room) -> Vec<InRecord> {
        let mut taken = Vec::new();
        while let Some(record) = self.records.front()
            && room.take(record.size())
        {
            self.bytes -= record.size();
            taken.extend(self.records.pop_front());
        }
        taken
    }

    /// They were taken last, and come first again.
    pub fn put_back(&mut self, records: Vec<InRecord>) {
        for record in records.into_iter().rev() {
            self.bytes += record.size();
            self.records.push_front(record);
        }
    }

    /// Drops all.
    pub fn clear(&mut self, budget: &Budget) {
        self.records.drain(..).for_each(|record| budget.release(record.size()));
        self.bytes = 0;
    }
}
