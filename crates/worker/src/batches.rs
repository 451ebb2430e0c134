//! The state of a member that works in batches: partitions, epochs, the one batch that is under way. Pure, like
//! [`crate::partitions`].

mod condemning;
mod cut;
mod part;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{InRecord, Slot};

use crate::FuseConfig;
use crate::budget::Budget;
use crate::fuse::Fuse;
use crate::gaps::Gap;
use crate::partitions::Offsets;
use crate::progress::{Last, Standing};
use crate::retry::Backoff;
use cut::Room;
pub use cut::{Cut, Fate, Share, judge};
use part::{Footing, Part};

/// The numbers by which it decides.
#[derive(Debug, Clone, Copy)]
pub struct BatchRules {
    pub records_max: usize,
    pub bytes_max: usize,
    /// How long a batch that is not full waits for more.
    pub linger: Duration,
    /// How long gaps of further slots are looked for before the first one halts everything.
    pub survey: Duration,
    pub backoff: Backoff,
    pub drain_grace: Duration,
    pub fuse: FuseConfig,
}

#[derive(Debug)]
struct Drain {
    slots: Vec<Slot>,
    deadline: Duration,
}

/// All state of one member.
#[derive(Debug)]
pub struct Batches {
    rules: BatchRules,
    budget: Arc<Budget>,
    random: fastrand::Rng,
    parts: BTreeMap<Slot, Part>,
    /// The slots and epochs of the batch that is under way.
    out: Vec<(Slot, i64)>,
    /// Its records, and since when.
    running: (usize, Duration),
    drains: VecDeque<Drain>,
    fuse: Fuse,
    /// How many records the next batch may have.
    limit: usize,
    /// The last batch that did not happen may have been more than the store can do in its time: what comes next grows
    /// slowly.
    careful: bool,
    /// Since when records wait for the next batch.
    waiting: Option<Duration>,
    /// Counts the batches, so that each slot is the first in turn.
    turn: usize,
    /// When a gap halts everything, and which.
    halting: Option<(Duration, String)>,
    tries: u32,
    not_before: Duration,
    stopping: bool,
    halted: Option<String>,
    /// Trusts that offsets mean what they meant: a deliberate bug, for tests alone.
    pub blind: bool,
}

impl Batches {
    /// Nothing is assigned yet.
    pub fn new(rules: BatchRules, budget: Arc<Budget>, seed: u64, fuse: &[u8]) -> Self {
        Self {
            rules,
            budget,
            random: fastrand::Rng::with_seed(seed),
            parts: BTreeMap::new(),
            out: Vec::new(),
            running: (0, Duration::ZERO),
            drains: VecDeque::new(),
            fuse: Fuse::restore(rules.fuse, fuse),
            limit: rules.records_max.max(1),
            careful: false,
            waiting: None,
            turn: 0,
            halting: None,
            tries: 0,
            not_before: Duration::ZERO,
            stopping: false,
            halted: None,
            blind: false,
        }
    }

    /// These slots are ours, as the store has said.
    pub fn assigned(&mut self, standings: Vec<Standing>) {
        for standing in standings {
            // A revocation of it that was answered for us already must not take it away again.
            self.drains.iter_mut().for_each(|drain| drain.slots.retain(|slot| *slot != standing.slot));
            self.drop_part(&standing.slot);
            self.parts.insert(standing.slot.clone(), Part::new(&standing));
        }
    }

    /// A record came. Of a slot that is not ours it is dropped, and one that cannot follow what is contained breaks it.
    pub fn record(&mut self, record: InRecord) {
        match self.parts.get_mut(&record.slot).filter(|part| !part.draining && !self.stopping) {
            Some(part) => part.take(record, &self.budget, self.blind),
            None => self.budget.release(record.size()),
        }
    }

    /// What turned out to be missing since the last call. Shortly after the first of it everything halts.
    pub fn gaps(&mut self, now: Duration) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (slot, part) in &mut self.parts {
            if part.broken.is_some() && self.halted.is_some() {
                part.clear(&self.budget); // Nothing is cut any more.
            }
            if part.broken.is_some() && !self.out.contains(&(slot.clone(), part.epoch)) {
                gaps.extend(part.gap(slot));
            }
        }
        if let Some(Gap { slot, found, why, .. }) = gaps.first() {
            let why = format!("gap: {slot}@{found}: {why}");
            self.halting.get_or_insert((now + self.rules.survey, why));
        }
        if let Some((_, why)) = self.halting.clone().filter(|(at, _)| now >= *at) {
            self.halt(why);
        }
        gaps
    }

    /// The slot's position was out of range: whether something is missing is told by the next record.
    pub fn torn(&mut self, slot: &Slot) {
        let is_read = |part: &&mut Part| part.last.is_some() || part.position > part.next;
        if let Some(part) = self.parts.get_mut(slot).filter(is_read) {
            // A start at the last record may be out of range because that record alone has expired.
            part.footing = if part.footing == Footing::Unsure { Footing::Unsure } else { Footing::Torn };
        }
    }

    /// The next batch, if one may begin. It must come back, whatever happens.
    pub fn cut(&mut self, now: Duration) -> Option<Cut> {
        let is_held = !self.out.is_empty() || self.stopping || self.halted.is_some();
        if is_held || now < self.not_before || !self.is_due(now) {
            return None;
        }
        let mut room = Room { records: self.limit, bytes: self.rules.bytes_max, is_empty: true };
        let mut shares = Vec::new();
        for slot in self.in_turn() {
            let Some(part) = self.parts.get_mut(&slot).filter(|part| !part.draining) else { continue };
            let records: Vec<_> = std::iter::from_fn(|| {
                part.queue.front().filter(|record| room.take(record.size()))?;
                part.queue.pop_front()
            })
            .collect();
            let (Some(first), Some(last)) = (records.first(), records.last()) else { continue };
            let condemned = part.condemned.range(first.offset..=last.offset);
            let condemned = condemned.map(|(at, why)| (*at, why.clone())).collect();
            let buried = part.buried.range(first.offset..=last.offset).copied().collect();
            shares.push(Share { slot, epoch: part.epoch, from: part.next, records, condemned, buried });
        }
        self.waiting = None;
        self.out = shares.iter().map(|share| (share.slot.clone(), share.epoch)).collect();
        let cut = Cut { shares };
        self.running = (cut.len(), now);
        (!cut.shares.is_empty()).then_some(cut)
    }

    /// Whether enough waits, or has waited long enough.
    fn is_due(&mut self, now: Duration) -> bool {
        if !self.parts.values().any(|part| !part.queue.is_empty()) {
            self.waiting = None;
            return false;
        }
        let since = *self.waiting.get_or_insert(now);
        // Nothing is under way, so what the budget counts is what waits.
        let (records, bytes) = self.budget.held();
        now >= since + self.rules.linger || records >= self.limit || bytes >= self.rules.bytes_max
    }

    /// The slots, each time beginning with another one, so that a busy one does not keep the others out.
    fn in_turn(&mut self) -> Vec<Slot> {
        self.turn = self.turn.wrapping_add(1);
        let mut slots: Vec<Slot> = self.parts.keys().cloned().collect();
        let begin = self.turn.checked_rem(slots.len()).unwrap_or_default();
        slots.rotate_left(begin);
        slots
    }

    /// The store has spoken; answers what may be committed to Kafka, for those who watch lag.
    pub fn settle(&mut self, cut: Cut, fates: &[Fate], now: Duration) -> Offsets {
        let (mut moved, mut blown, records) = (Offsets::new(), None, cut.len());
        for (share, fate) in cut.shares.into_iter().zip(fates) {
            let next = share.next();
            let Some(part) = self.parts.get_mut(&share.slot).filter(|part| part.epoch == share.epoch) else {
                share.records.iter().for_each(|record| self.budget.release(record.size()));
                continue;
            };
            match fate {
                Fate::Done => {
                    part.next = next;
                    part.last = share.records.last().map(Last::of);
                    part.condemned = part.condemned.split_off(&next);
                    part.buried = part.buried.split_off(&next);
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    blown = blown.or(share.count(&mut self.fuse, &share.condemned));
                    moved.push((share.slot, next));
                }
                Fate::Again => {
                    self.note_buried(&share);
                    self.put_back(share);
                }
                Fate::Gone => {
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    self.drop_part(&share.slot);
                }
            }
        }
        self.out.clear();
        if let Some(why) = blown {
            self.halt(why);
        }
        if moved.is_empty() {
            if fates.contains(&Fate::Again) {
                (self.limit, self.careful) = ((records / 2).max(1), true);
            }
            self.rest(None, now);
        } else {
            self.tries = 0;
            self.grow();
        }
        moved
    }

    /// None of it happened: all of it is tried again, later.
    pub fn failed(&mut self, cut: Cut, after: Option<Duration>, now: Duration) {
        self.give_back(cut);
        self.rest(after, now);
    }

    /// These slots are being taken away; [`Batches::drained`] says when the batch that holds some of them has ended.
    pub fn revoking(&mut self, slots: &[Slot], now: Duration) {
        for slot in slots {
            if let Some(part) = self.parts.get_mut(slot) {
                part.draining = true;
                part.clear(&self.budget);
            }
        }
        self.drains.push_back(Drain { slots: slots.to_vec(), deadline: now + self.rules.drain_grace });
    }

    /// Where the slots stand that have been revoking longest; from then on they are not ours.
    pub fn drained(&mut self, now: Duration) -> Option<Offsets> {
        let drain = self.drains.front()?;
        let is_out = drain.slots.iter().any(|slot| self.is_out(slot));
        if is_out && now < drain.deadline {
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

    /// Stops until a person acts; nothing is dropped.
    pub fn halt(&mut self, why: String) {
        self.budget.halt(true);
        self.halted.get_or_insert(why);
    }

    /// Why it stands still.
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// Begins nothing more.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.parts.values_mut().for_each(|part| part.clear(&self.budget));
    }

    /// Where everything stands that is ours, for the last commit to Kafka.
    pub fn finals(&self) -> Offsets {
        let known = self.parts.iter().filter(|(_, part)| part.last.is_some());
        known.map(|(slot, part)| (slot.clone(), part.next)).collect()
    }

    /// Whether a batch is under way.
    pub fn is_busy(&self) -> bool {
        !self.out.is_empty()
    }

    /// When something happens by itself.
    pub fn wake_at(&self, now: Duration) -> Option<Duration> {
        let begins = !self.stopping && self.out.is_empty() && self.halted.is_none();
        let pause = (now < self.not_before && !self.stopping).then_some(self.not_before);
        let full = self.waiting.map(|since| since + self.rules.linger).filter(|at| begins && now < *at);
        let halt = self.halting.as_ref().map(|(at, _)| *at).filter(|_| self.halted.is_none());
        let drain = self.drains.front().map(|drain| drain.deadline);
        [pause, full, halt, drain].into_iter().flatten().min()
    }

    /// How long work under way may take at the end.
    pub fn grace(&self) -> Duration {
        self.rules.drain_grace
    }

    /// Slots that are ours.
    pub fn owned(&self) -> usize {
        self.parts.len()
    }

    /// Records under way and for how long, and what the budget counts.
    pub fn load(&self, now: Duration) -> ((usize, Duration), (usize, usize)) {
        let (records, since) = self.running;
        let running = if self.is_busy() { (records, now.saturating_sub(since)) } else { (0, Duration::ZERO) };
        (running, self.budget.held())
    }

    /// The fuse, to be kept whenever its counts change.
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
    }

    fn grow(&mut self) {
        let most = self.rules.records_max.max(1);
        let more = if self.careful { (self.limit / 8).max(1) } else { self.limit };
        self.limit = (self.limit + more).min(most);
        self.careful &= self.limit < most;
    }

    fn rest(&mut self, after: Option<Duration>, now: Duration) {
        self.tries += 1;
        self.not_before = now + self.rules.backoff.pause(self.tries, after, self.random.f64());
    }

    fn give_back(&mut self, cut: Cut) {
        cut.shares.into_iter().for_each(|share| self.put_back(share));
        self.out.clear();
    }

    fn put_back(&mut self, share: Share) {
        let is_kept = self.is_current(&share) && !self.stopping;
        match self.parts.get_mut(&share.slot).filter(|part| is_kept && !part.draining) {
            Some(part) => share.records.into_iter().rev().for_each(|record| part.queue.push_front(record)),
            None => share.records.iter().for_each(|record| self.budget.release(record.size())),
        }
    }

    fn is_current(&self, share: &Share) -> bool {
        self.parts.get(&share.slot).is_some_and(|part| part.epoch == share.epoch)
    }

    fn is_out(&self, slot: &Slot) -> bool {
        self.parts.get(slot).is_some_and(|part| self.out.contains(&(slot.clone(), part.epoch)))
    }

    fn drop_part(&mut self, slot: &Slot) {
        if let Some(mut part) = self.parts.remove(slot) {
            part.clear(&self.budget);
        }
    }
}

#[cfg(test)]
mod tests;
