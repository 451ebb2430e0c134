//! The state of a member that works in batches: partitions, epochs, the one batch that is under way. Pure, like
//! [`crate::partitions`].

mod part;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{InRecord, Slot};

use crate::FuseConfig;
use crate::budget::Budget;
use crate::fuse::Fuse;
use crate::job::Verdict;
use crate::partitions::Offsets;
use crate::progress::{Last, Standing};
use crate::retry::Backoff;
use part::{Footing, Part};

/// The numbers by which it decides.
#[derive(Debug, Clone, Copy)]
pub struct BatchRules {
    pub records_max: usize,
    pub backoff: Backoff,
    pub drain_grace: Duration,
    pub fuse: FuseConfig,
}

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
}

impl Share {
    fn next(&self) -> i64 {
        self.records.last().map_or(self.from, |record| record.offset + 1)
    }
}

/// What goes into one transaction.
#[derive(Debug, Clone)]
pub struct Cut {
    pub shares: Vec<Share>,
}

impl Cut {
    /// Its records.
    pub fn len(&self) -> usize {
        self.shares.iter().map(|share| share.records.len()).sum()
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
    drains: VecDeque<Drain>,
    fuse: Fuse,
    /// How many records the next batch may have.
    limit: usize,
    tries: u32,
    not_before: Duration,
    stopping: bool,
    halted: Option<String>,
    /// Trusts that offsets mean what they meant, as a deliberate bug.
    #[cfg(test)]
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
            drains: VecDeque::new(),
            fuse: Fuse::restore(rules.fuse, fuse),
            limit: rules.records_max.max(1),
            tries: 0,
            not_before: Duration::ZERO,
            stopping: false,
            halted: None,
            #[cfg(test)]
            blind: false,
        }
    }

    /// These slots are ours, as the store has said.
    pub fn assigned(&mut self, standings: Vec<Standing>) {
        for Standing { slot, epoch, next, last } in standings {
            self.drop_part(&slot);
            let footing = if last.is_some() { Footing::Unsure } else { Footing::Firm };
            let (queue, condemned) = (VecDeque::new(), BTreeMap::new());
            let part = Part { epoch, next, last, position: next, footing, queue, condemned, draining: false };
            self.parts.insert(slot, part);
        }
    }

    /// A record came. Of a slot that is not ours it is dropped; one that cannot follow what is contained halts.
    pub fn record(&mut self, record: InRecord) {
        let blind = self.is_blind();
        let part = self.parts.get_mut(&record.slot).filter(|part| !part.draining && !self.stopping);
        let Some(part) = part else { return self.budget.release(record.size()) };
        match part.follows(&record, blind) {
            Ok(true) => {
                (part.footing, part.position) = (Footing::Firm, record.offset + 1);
                part.queue.push_back(record);
            }
            Ok(false) => {
                part.footing = Footing::Firm;
                self.budget.release(record.size());
            }
            Err(why) => {
                let why = format!("gap: {}@{}: {why}", record.slot, record.offset);
                self.budget.release(record.size());
                self.halt(why);
            }
        }
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
        if !self.out.is_empty() || self.stopping || self.halted.is_some() || now < self.not_before {
            return None;
        }
        let (mut shares, mut room) = (Vec::new(), self.limit);
        for (slot, part) in self.parts.iter_mut().filter(|(_, part)| !part.draining) {
            let records: Vec<_> = part.queue.drain(..part.queue.len().min(room)).collect();
            let (Some(first), Some(last)) = (records.first(), records.last()) else { continue };
            let condemned = part
                .condemned
                .range(first.offset..=last.offset)
                .map(|(at, why)| (*at, why.clone()))
                .collect();
            room -= records.len();
            shares.push(Share { slot: slot.clone(), epoch: part.epoch, from: part.next, records, condemned });
        }
        self.out = shares.iter().map(|share| (share.slot.clone(), share.epoch)).collect();
        (!shares.is_empty()).then_some(Cut { shares })
    }

    /// The store has spoken; answers what may be committed to Kafka, for those who watch lag.
    pub fn settle(&mut self, cut: Cut, fates: &[Fate], now: Duration) -> Offsets {
        let mut moved = Offsets::new();
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
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    (0..share.records.len() - share.condemned.len()).for_each(|_| self.fuse.handled());
                    moved.push((share.slot, next));
                }
                Fate::Again => self.put_back(share),
                Fate::Gone => {
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    self.drop_part(&share.slot);
                }
            }
        }
        self.out.clear();
        if moved.is_empty() {
            self.rest(None, now);
        } else {
            (self.tries, self.limit) = (0, (self.limit * 2).min(self.rules.records_max.max(1)));
        }
        moved
    }

    /// None of it happened: all of it is tried again, later.
    pub fn failed(&mut self, cut: Cut, after: Option<Duration>, now: Duration) {
        self.give_back(cut);
        self.rest(after, now);
    }

    /// One of its records cannot succeed, and nobody knows which: fewer at a time.
    pub fn too_many(&mut self, cut: Cut) {
        self.limit = (cut.len() / 2).max(1);
        self.give_back(cut);
    }

    /// This record of the cut gets a dead letter with the next one; an error is the fuse.
    pub fn condemn(
        &mut self,
        cut: Cut,
        (slot, offset): (&Slot, i64),
        verdict: Verdict,
    ) -> Result<(), String> {
        let is_ours = cut.shares.iter().any(|share| share.slot == *slot && self.is_current(share));
        self.give_back(cut);
        if !is_ours {
            return Ok(());
        }
        if let Err(blown) = self.fuse.rejected() {
            let why = format!("fuse: {blown}, the last one for {}: {}", verdict.reason, verdict.error);
            self.halt(why.clone());
            return Err(why);
        }
        if let Some(part) = self.parts.get_mut(slot) {
            part.condemned.insert(offset, verdict);
        }
        Ok(())
    }

    /// These slots are being taken away; [`Batches::drained`] says when the batch that holds some of them has ended.
    pub fn revoking(&mut self, slots: &[Slot], now: Duration) {
        for slot in slots {
            if let Some(part) = self.parts.get_mut(slot) {
                part.draining = true;
                part.queue.drain(..).for_each(|record| self.budget.release(record.size()));
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
        for part in self.parts.values_mut() {
            part.queue.drain(..).for_each(|record| self.budget.release(record.size()));
        }
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
        let pause = (now < self.not_before && !self.stopping).then_some(self.not_before);
        pause.into_iter().chain(self.drains.front().map(|drain| drain.deadline)).min()
    }

    /// The fuse, to be kept whenever its counts change.
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
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
        if let Some(part) = self.parts.remove(slot) {
            part.queue.iter().for_each(|record| self.budget.release(record.size()));
        }
    }

    #[cfg(test)]
    fn is_blind(&self) -> bool {
        self.blind
    }

    #[cfg(not(test))]
    const fn is_blind(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
