//! What goes into the next batch, and how much of it.

use std::time::Duration;

use bus::Slot;

use super::cut::{Cut, Room, Share};
use super::part::Part;
use super::{Batches, Flaw, Out};

/// A cut of less than this part of the most leaves nothing to other writers: each transaction has a price of its own.
const WORTH_A_CUT: usize = 4;

impl Batches {
    /// The next batch, if one may begin. It must come back, whatever happens. No slot is in two of them at a time, so to
    /// the store they are as batches of two members.
    pub fn cut(&mut self, now: Duration) -> Option<Cut> {
        let is_held = self.stopping || self.halted.is_some() || self.idle() == 0;
        if is_held || !self.is_due(now) {
            return None;
        }
        let enough = self.enough(now);
        let mut room = Room::new(self.rules.records_max.max(1), self.rules.bytes_max);
        let mut shares = Vec::new();
        for slot in self.in_turn(now) {
            let Some(part) = self.parts.get_mut(&slot) else { continue };
            // What does not fit is the first in turn next time, and so is what failed: it is tried by itself, so that
            // what is well does not fail with it.
            let goes_alone = part.tries > 0;
            if room.taken() >= enough.min(part.limit) || goes_alone && !shares.is_empty() {
                break;
            }
            room.narrow(part.limit);
            let records = part.queue.take(&mut room);
            let (Some(first), Some(last)) = (records.first(), records.last()) else { break };
            let condemned = part.condemned.range(first.offset..=last.offset);
            let condemned = condemned.map(|(at, why)| (*at, why.clone())).collect();
            let buried = part.buried.range(first.offset..=last.offset).copied().collect();
            part.out = Some(self.cuts + 1);
            self.after = Some(slot.clone());
            shares.push(Share { slot, epoch: part.epoch, from: part.next, records, condemned, buried });
            if goes_alone {
                break;
            }
        }
        if shares.is_empty() {
            return None;
        }
        self.cuts += 1;
        let cut = Cut { number: self.cuts, shares };
        if let Some(why) = self.blown(&cut) {
            self.give_back(cut);
            self.halt(why);
            return None;
        }
        let buries = cut.shares.iter().any(|share| !share.condemned.is_empty());
        self.outs.insert(cut.number, Out { records: cut.len(), since: now, buries });
        // What comes while all are under way fills the next one.
        if self.idle() == 0 || self.free(now).next().is_none() {
            self.waiting = None;
        }
        Some(cut)
    }

    /// How many batches may begin now.
    pub(super) fn idle(&self) -> usize {
        self.rules.writers.max(1).saturating_sub(self.outs.len())
    }

    /// Whether its dead letters are too many for the fuse: since they were condemned, it has counted those of others.
    fn blown(&self, cut: &Cut) -> Option<String> {
        if cut.shares.iter().all(|share| share.condemned.is_empty()) {
            return None;
        }
        let mut fuse = self.fuse.clone();
        let counts = cut.shares.iter().map(|share| share.count(&mut fuse, &share.condemned));
        counts.fold(None, Option::or)
    }

    /// Slots that the next batch may take from. Dead letters are in one batch at a time, so that the fuse has counted those
    /// of the one before.
    fn free(&self, now: Duration) -> impl Iterator<Item = (&Slot, &Part)> {
        let buries = self.outs.values().any(|out| out.buries);
        self.parts.iter().filter(move |(_, part)| {
            let is_out = part.out.is_some() && self.flaw != Some(Flaw::CutsTwice);
            let waits_for_letters = buries && !part.condemned.is_empty();
            let rests = now < part.not_before;
            !part.queue.is_empty() && !part.draining && !is_out && !waits_for_letters && !rests
        })
    }

    /// Whether enough waits, or has waited long enough.
    fn is_due(&mut self, now: Duration) -> bool {
        let (mut records, mut bytes, mut is_full) = (0, 0, false);
        for (_, part) in self.free(now) {
            records += part.queue.len();
            bytes += part.queue.bytes();
            is_full |= part.queue.len() >= part.limit;
        }
        if records == 0 {
            self.waiting = None;
            return false;
        }
        let since = *self.waiting.get_or_insert(now);
        is_full |= records >= self.rules.records_max || bytes >= self.rules.bytes_max;
        is_full || now >= since + self.rules.linger
    }

    /// From how many records on a batch takes no further slot: what waits is shared among the writers that are idle.
    fn enough(&self, now: Duration) -> usize {
        let waiting: usize = self.free(now).map(|(_, part)| part.queue.len()).sum();
        let share = waiting.div_ceil(self.idle().max(1));
        share.max(self.rules.records_max / WORTH_A_CUT).max(1)
    }

    /// The slots, beginning behind the last one that had its turn, so that a busy one does not keep the others out.
    fn in_turn(&self, now: Duration) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.free(now).map(|(slot, _)| slot.clone()).collect();
        let begin = slots.partition_point(|slot| Some(slot) <= self.after.as_ref());
        slots.rotate_left(begin);
        slots
    }

    /// Its slots are free again; since when they were not.
    pub(super) fn came_home(&mut self, cut: &Cut) -> Option<Duration> {
        let is_mine = |part: &Part| self.flaw == Some(Flaw::FreesAll) || part.out == Some(cut.number);
        self.parts.values_mut().filter(|part| is_mine(part)).for_each(|part| part.out = None);
        self.outs.remove(&cut.number).map(|out| out.since)
    }

    /// What was in the cut is tried again with half of its records; `careful` grows slowly afterwards, because it may
    /// have been more than the store can do in its time.
    ///
    /// It is each slot that remembers, for another's batches say nothing of what is in this one: if they did, slots that
    /// get on would let it grow again before it has its turn, and it would be tried for ever.
    pub(super) fn halve(&mut self, cut: &Cut, careful: bool) {
        let half = (cut.len() / 2).max(1);
        for share in &cut.shares {
            if let Some(part) = self.parts.get_mut(&share.slot).filter(|part| part.epoch == share.epoch) {
                part.limit = part.limit.min(half);
                part.careful |= careful;
            }
        }
    }

    /// What is in this slot did not happen: it is tried again after a pause, which is its own, so that others go on.
    pub(super) fn rest(&mut self, slot: &Slot, after: Option<Duration>, now: Duration) {
        if let Some(part) = self.parts.get_mut(slot) {
            part.tries += 1;
            part.not_before = now + self.rules.backoff.pause(part.tries, after, self.random.f64());
        }
    }
}
