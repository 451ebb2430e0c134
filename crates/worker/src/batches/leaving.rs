//! Slots that go, one way or another.

use std::time::Duration;

use bus::Slot;

use super::{Batches, Drain};
use crate::partitions::Offsets;

impl Batches {
    /// These slots are being taken away; [`Batches::drained`] says when the batches that hold some of them have ended.
    pub fn revoking(&mut self, slots: &[Slot], now: Duration) {
        for slot in slots {
            if let Some(part) = self.parts.get_mut(slot) {
                part.draining = true;
                part.queue.clear(&self.budget);
            }
        }
        self.drains.push_back(Drain { slots: slots.to_vec(), deadline: now + self.rules.drain_grace });
    }

    /// Where the slots stand that have been revoking longest; from then on they are not ours.
    pub fn drained(&mut self, now: Duration) -> Option<Offsets> {
        let drain = self.drains.front()?;
        let is_out = |slot| self.parts.get(slot).is_some_and(|part| part.out.is_some());
        if drain.slots.iter().any(is_out) && now < drain.deadline {
            return None;
        }
        let drain = self.drains.pop_front()?;
        let mut offsets = Offsets::new();
        for slot in drain.slots {
            if let Some(part) = self.parts.get(&slot).filter(|part| part.last.is_some()) {
                offsets.push((slot.clone(), part.next));
            }
            self.drop_part(&slot);
        }
        Some(offsets)
    }

    /// These slots are another's already.
    pub fn lost(&mut self, slots: &[Slot]) {
        slots.iter().for_each(|slot| self.drop_part(slot));
    }

    /// Begins nothing more.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.parts.values_mut().for_each(|part| part.queue.clear(&self.budget));
    }

    /// Where everything stands that is ours, for the last commit to Kafka.
    pub fn finals(&self) -> Offsets {
        let known = self.parts.iter().filter(|(_, part)| part.last.is_some());
        known.map(|(slot, part)| (slot.clone(), part.next)).collect()
    }

    pub(super) fn drop_part(&mut self, slot: &Slot) {
        if let Some(mut part) = self.parts.remove(slot) {
            part.queue.clear(&self.budget);
        }
    }
}
