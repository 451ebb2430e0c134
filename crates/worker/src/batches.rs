//! The state of a member that works in batches: partitions, epochs, the batches that are under way. Pure, like
//! [`crate::partitions`].

mod condemning;
mod cut;
mod cutting;
mod leaving;
mod part;
mod queue;

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
pub use cut::{Cut, Fate, Share, judge};
use part::{Footing, Part};

/// A batch that took so long before it failed may be more than can be done in its time.
const LONG: Duration = Duration::from_secs(10);

/// The numbers by which it decides.
#[derive(Debug, Clone, Copy)]
pub struct BatchRules {
    /// How many batches may be under way, each of other slots.
    pub writers: usize,
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

/// A batch that is under way.
#[derive(Debug)]
struct Out {
    records: usize,
    since: Duration,
    /// It has dead letters.
    buries: bool,
}

/// Deliberate bugs, to be switched on by tests alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "nobody makes one outside of tests"))]
pub enum Flaw {
    /// Trusts that offsets mean what they meant.
    Blind,
    /// Takes a slot into a batch that is in another one already.
    CutsTwice,
    /// Takes all slots for free when one batch has come home.
    FreesAll,
}

/// All state of one member.
#[derive(Debug)]
pub struct Batches {
    rules: BatchRules,
    budget: Arc<Budget>,
    random: fastrand::Rng,
    parts: BTreeMap<Slot, Part>,
    /// What is under way, by number.
    outs: BTreeMap<u64, Out>,
    /// How many there were.
    cuts: u64,
    /// The slot that had its turn last.
    after: Option<Slot>,
    drains: VecDeque<Drain>,
    fuse: Fuse,
    /// Since when records wait for the next batch.
    waiting: Option<Duration>,
    /// When a gap halts everything, and which.
    halting: Option<(Duration, String)>,
    stopping: bool,
    halted: Option<String>,
    /// A deliberate bug, for tests alone.
    pub flaw: Option<Flaw>,
}

impl Batches {
    /// Nothing is assigned yet.
    pub fn new(rules: BatchRules, budget: Arc<Budget>, seed: u64, fuse: &[u8]) -> Self {
        Self {
            rules,
            budget,
            random: fastrand::Rng::with_seed(seed),
            parts: BTreeMap::new(),
            outs: BTreeMap::new(),
            cuts: 0,
            after: None,
            drains: VecDeque::new(),
            fuse: Fuse::restore(rules.fuse, fuse),
            waiting: None,
            halting: None,
            stopping: false,
            halted: None,
            flaw: None,
        }
    }

    /// These slots are ours, as the store has said.
    pub fn assigned(&mut self, standings: Vec<Standing>) {
        for standing in standings {
            // A revocation of it that was answered for us already must not take it away again.
            self.drains.iter_mut().for_each(|drain| drain.slots.retain(|slot| *slot != standing.slot));
            self.drop_part(&standing.slot);
            self.parts.insert(standing.slot.clone(), Part::new(&standing, self.rules.records_max.max(1)));
        }
    }

    /// A record came. Of a slot that is not ours it is dropped, and one that cannot follow what is contained breaks it.
    pub fn record(&mut self, record: InRecord) {
        match self.parts.get_mut(&record.slot).filter(|part| !part.draining && !self.stopping) {
            Some(part) => part.take(record, &self.budget, self.flaw == Some(Flaw::Blind)),
            None => self.budget.release(record.size()),
        }
    }

    /// What turned out to be missing since the last call. Shortly after the first of it everything halts.
    pub fn gaps(&mut self, now: Duration) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for (slot, part) in &mut self.parts {
            if part.broken.is_some() && self.halted.is_some() {
                part.queue.clear(&self.budget); // Nothing is cut any more.
            }
            if part.broken.is_some() && part.out.is_none() {
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

    /// The store has spoken; answers what may be committed to Kafka, for those who watch lag.
    pub fn settle(&mut self, cut: Cut, fates: &[Fate], now: Duration) -> Offsets {
        let (mut moved, mut blown, records) = (Offsets::new(), None, cut.len());
        self.came_home(&cut);
        if !fates.contains(&Fate::Done) && fates.contains(&Fate::Again) {
            self.halve(&cut, true);
        }
        let most = self.rules.records_max.max(1);
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
                    part.grow(records, most);
                    part.tries = 0;
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    blown = blown.or(share.count(&mut self.fuse, &share.condemned));
                    moved.push((share.slot, next));
                }
                Fate::Again => {
                    self.note_buried(&share);
                    self.rest(&share.slot, None, now);
                    self.put_back(share);
                }
                Fate::Gone => {
                    share.records.iter().for_each(|record| self.budget.release(record.size()));
                    self.drop_part(&share.slot);
                }
            }
        }
        if let Some(why) = blown {
            self.halt(why);
        }
        moved
    }

    /// None of it happened: all of it is tried again, later, and what took long with half of its records.
    pub fn failed(&mut self, cut: Cut, after: Option<Duration>, now: Duration) {
        if self.outs.get(&cut.number).is_some_and(|out| now >= out.since + LONG) {
            self.halve(&cut, true);
        }
        for share in &cut.shares {
            if self.is_current(share) {
                self.rest(&share.slot, after, now);
            }
        }
        self.give_back(cut);
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

    /// Whether a batch is under way.
    pub fn is_busy(&self) -> bool {
        !self.outs.is_empty()
    }

    /// When something happens by itself.
    pub fn wake_at(&self, now: Duration) -> Option<Duration> {
        let begins = !self.stopping && self.idle() > 0 && self.halted.is_none();
        let rests = self.parts.values().filter(|part| begins && !part.queue.is_empty());
        let pause = rests.map(|part| part.not_before).filter(|until| now < *until).min();
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

    /// Records under way and for how long the oldest of them, and what the budget counts.
    pub fn load(&self, now: Duration) -> ((usize, Duration), (usize, usize)) {
        let records = self.outs.values().map(|out| out.records).sum();
        let oldest = self.outs.values().map(|out| out.since).min();
        let oldest = oldest.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        ((records, oldest), self.budget.held())
    }

    /// The fuse, to be kept whenever its counts change.
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
    }

    fn give_back(&mut self, cut: Cut) {
        self.came_home(&cut);
        cut.shares.into_iter().for_each(|share| self.put_back(share));
    }

    fn put_back(&mut self, share: Share) {
        let is_kept = self.is_current(&share) && !self.stopping;
        match self.parts.get_mut(&share.slot).filter(|part| is_kept && !part.draining) {
            Some(part) => part.queue.put_back(share.records),
            None => share.records.iter().for_each(|record| self.budget.release(record.size())),
        }
    }

    fn is_current(&self, share: &Share) -> bool {
        self.parts.get(&share.slot).is_some_and(|part| part.epoch == share.epoch)
    }
}

#[cfg(test)]
mod tests;
