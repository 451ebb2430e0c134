//! The state of a consumer: partitions, lanes, epochs, retries, the fuse. Pure: moments are passed in (as time since
//! the start), randomness is seeded, and what is to be done is asked for ([`Partitions::start`], [`Partitions::commits`]
//! …), so that a simulation can drive it through any schedule.

mod failing;
mod leaving;
mod torn;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bus::{InRecord, Slot};

use crate::FuseConfig;
use crate::ages::{Flight, Marks};
use crate::budget::Budget;
use crate::faults::Fault;
use crate::fuse::Fuse;
use crate::job::{Done, Entry, Job, Note, Outcome, Ticket, Verdict};
use crate::lanes::{LaneId, Lanes};
use crate::ledger::{Ledger, LedgerError};
use crate::retry::Backoff;

/// The numbers by which it decides.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub attempts_max: u32,
    pub backoff: Backoff,
    pub in_flight_max: usize,
    pub drain_grace: Duration,
    pub fuse: FuseConfig,
}

/// Offsets to commit: per slot the next one to consume.
pub type Offsets = Vec<(Slot, i64)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Not ours.
    None,
    Owned,
    /// Being taken away: what is under way may end, nothing starts.
    Draining,
}

#[derive(Debug)]
struct Partition {
    slot: Slot,
    hold: Hold,
    /// New with each assignment.
    epoch: u64,
    ledger: Ledger,
    marks: Marks,
    /// Jobs of this epoch that are out.
    running: usize,
    /// Its position was out of range, and no record has told yet where it goes on.
    torn: bool,
}

#[derive(Debug)]
struct Drain {
    parts: Vec<usize>,
    deadline: Duration,
}

/// All state of one consumer. `T` is a decoded record.
#[derive(Debug)]
pub struct Partitions<T> {
    rules: Rules,
    budget: Arc<Budget>,
    owed: leaving::Owed,
    random: fastrand::Rng,
    hasher: RandomState,
    by_slot: HashMap<Slot, usize>,
    parts: Vec<Partition>,
    /// The partition of the record that came last.
    latest: usize,
    lanes: Lanes<Entry<T>>,
    timers: BinaryHeap<Reverse<(Duration, LaneId)>>,
    drains: VecDeque<Drain>,
    fuse: Fuse,
    epoch: u64,
    /// Jobs that are out, those of earlier epochs included.
    running: usize,
    flight: Flight,
    stopping: bool,
    halted: Option<String>,
    #[cfg(test)]
    pub fault: Option<Fault>,
}

impl<T> Partitions<T> {
    /// Nothing is assigned yet. The budget is released here and charged by the consumer.
    pub fn new(rules: Rules, budget: Arc<Budget>, seed: u64) -> Self {
        Self {
            rules,
            budget,
            owed: leaving::Owed::default(),
            random: fastrand::Rng::with_seed(seed),
            hasher: RandomState::new(),
            by_slot: HashMap::new(),
            parts: Vec::new(),
            latest: 0,
            lanes: Lanes::default(),
            timers: BinaryHeap::new(),
            drains: VecDeque::new(),
            fuse: Fuse::new(rules.fuse),
            epoch: 0,
            running: 0,
            flight: Flight::default(),
            stopping: false,
            halted: None,
            #[cfg(test)]
            fault: None,
        }
    }

    /// These slots are ours from now on, each in a new epoch.
    pub fn assigned(&mut self, slots: Vec<Slot>) {
        for slot in slots {
            let index = *self.by_slot.entry(slot.clone()).or_insert_with(|| {
                let ledger = Ledger::default();
                let marks = Marks::default();
                let (hold, epoch, running, torn) = (Hold::None, 0, 0, false);
                self.parts.push(Partition { slot, hold, epoch, ledger, marks, running, torn });
                self.parts.len() - 1
            });
            self.drop_waiting(index);
            // A revocation of it that was answered for us already must not take it away again.
            self.drains.iter_mut().for_each(|drain| drain.parts.retain(|part| *part != index));
            self.epoch += 1;
            let part = &mut self.parts[index];
            (part.hold, part.epoch, part.ledger, part.running) =
                (Hold::Owned, self.epoch, Ledger::default(), 0);
            (part.marks, part.torn) = (Marks::default(), false);
        }
    }

    /// These slots are being taken away: nothing of theirs starts any more, and [`Partitions::drained`] says when
    /// what is under way has ended.
    pub fn revoking(&mut self, slots: &[Slot], now: Duration) {
        let parts: Vec<usize> = slots.iter().filter_map(|slot| self.by_slot.get(slot).copied()).collect();
        for index in &parts {
            self.drop_waiting(*index);
            self.parts[*index].hold = Hold::Draining;
            if self.is(Fault::FenceBeforeDrain) {
                self.let_go(*index);
            }
        }
        self.drains.push_back(Drain { parts, deadline: now + self.rules.drain_grace });
    }

    /// The frontiers of the slots that have been revoking longest, once their work has ended or its grace is over;
    /// from then on they are not ours. Asked until none comes; the answers are in the order of the revocations.
    pub fn drained(&mut self, now: Duration) -> Option<Offsets> {
        let drain = self.drains.front()?;
        let running = drain.parts.iter().any(|index| self.parts[*index].running > 0);
        if running && (now < drain.deadline || self.is(Fault::WaitForWork)) {
            return None;
        }
        let drain = self.drains.pop_front()?;
        let offsets = self.frontiers(&drain.parts);
        drain.parts.into_iter().for_each(|index| self.let_go(index));
        Some(offsets)
    }

    /// These slots are another's already: everything of theirs is dropped and nothing is committed.
    pub fn lost(&mut self, slots: &[Slot]) {
        for slot in slots.iter().filter(|_| !self.is(Fault::CommitOnLost)).cloned().collect::<Vec<_>>() {
            if let Some(index) = self.by_slot.get(&slot).copied() {
                self.drop_waiting(index);
                self.let_go(index);
            }
        }
    }

    /// A record came. Of a slot that is not ours it is dropped.
    pub fn record(&mut self, record: InRecord) -> Result<(), LedgerError> {
        let owned = self.index_of(&record.slot);
        let owned = owned.filter(|index| self.parts[*index].hold == Hold::Owned && !self.stopping);
        let Some(index) = owned else {
            self.budget.release(record.size());
            return Ok(());
        };
        if self.parts[index].torn {
            self.mend(index, &record);
        }
        self.parts[index].ledger.begin(record.offset)?;
        self.parts[index].marks.note(record.offset, record.timestamp_ms);
        // A record without a key waits in its partition's own lane.
        let hash = self.hasher.hash_one((index, record.key.as_deref()));
        self.lanes.push(index, hash, Entry::new(record, index));
        Ok(())
    }

    /// The next job to begin, if one may. Its [`Done`] must come back, whatever happens.
    pub fn start(&mut self, now: Duration) -> Option<Job<T>> {
        while let Some(Reverse((_, lane))) = self.timers.peek().filter(|due| due.0.0 <= now).copied() {
            self.timers.pop();
            self.lanes.wake(lane);
        }
        if self.stopping || self.halted.is_some() || self.running >= self.rules.in_flight_max {
            return None;
        }
        let (lane, entry) = self.lanes.next()?;
        if self.is(Fault::TwoInFlight) {
            self.lanes.advance(lane);
        }
        // Waiting entries of a partition are dropped when it goes, so the partition of a head is always ours.
        let part = entry.part;
        self.running += 1;
        self.parts[part].running += 1;
        let flight = self.flight.begin();
        Some(Job { ticket: Ticket { lane, part, epoch: self.parts[part].epoch, flight }, entry })
    }

    /// A job came home. An error is a broken invariant: halt.
    pub fn finish(&mut self, done: Done<T>, now: Duration) -> Result<Note, LedgerError> {
        let Done { ticket, entry, outcome } = done;
        self.running -= 1;
        self.flight.end(ticket.flight);
        let is_old = self.parts[ticket.part].epoch != ticket.epoch && !self.is(Fault::NoEpoch);
        let part = &mut self.parts[ticket.part];
        if is_old || part.hold == Hold::None {
            self.leave(ticket.lane, &entry);
            return Ok(Note::Ignored);
        }
        part.running = part.running.saturating_sub(1);
        match (outcome, &entry.verdict) {
            (Outcome::Handled, _) => {
                self.fuse.handled();
                self.close(ticket, &entry)?;
                Ok(Note::Finished)
            }
            (Outcome::Unburied(error), _) if !self.is(Fault::LetterNotAwaited) => {
                self.wait(ticket, entry, None, now);
                Ok(Note::Unburied { error })
            }
            (Outcome::Buried | Outcome::Unburied(_), verdict) => {
                let Verdict { reason, error } = verdict.clone().unwrap_or_default();
                self.close(ticket, &entry)?;
                Ok(Note::Buried { reason, error, attempts: entry.attempts })
            }
            (Outcome::Failed(failure), _) => Ok(self.failed(ticket, entry, failure, now)),
        }
    }

    /// Frontiers that moved since this was last asked.
    pub fn commits(&mut self) -> Offsets {
        let hasty = self.is(Fault::CommitBeforeFinish);
        let owned = self.parts.iter_mut().filter(|part| part.hold == Hold::Owned);
        if hasty {
            return owned.filter_map(|part| Some((part.slot.clone(), part.ledger.reached()?))).collect();
        }
        owned.filter_map(|part| Some((part.slot.clone(), part.ledger.moved()?))).collect()
    }

    /// Tells all frontiers once more: a commit may have been lost, and what does not move would never make it good.
    pub fn retell(&mut self) {
        if !self.is(Fault::CommitNeverRetold) {
            self.parts.iter_mut().for_each(|part| part.ledger.retell());
        }
    }

    /// Stops for good: nothing starts any more, what waits is dropped.
    pub fn stop(&mut self) {
        self.stopping = true;
        (0..self.parts.len()).for_each(|index| self.drop_waiting(index));
    }

    /// Stops until the process is restarted; what waits stays, partitions stay, the gate is shut.
    pub fn halt(&mut self, why: String) {
        self.budget.halt(true);
        self.halted.get_or_insert(why);
    }

    /// The fuse goes on where that of an earlier process left off.
    pub fn remember(&mut self, fuse: &[u8]) {
        if !self.is(Fault::FuseForgets) {
            self.fuse = Fuse::restore(self.rules.fuse, fuse);
        }
    }

    /// The fuse, to be kept whenever its counts change.
    pub fn fuse(&self) -> &Fuse {
        &self.fuse
    }

    /// Why it stands still.
    #[cfg(test)]
    pub fn halted(&self) -> Option<&str> {
        self.halted.as_deref()
    }

    /// The frontiers of everything that is still ours, for the last commit.
    pub fn finals(&self) -> Offsets {
        let all: Vec<usize> = (0..self.parts.len()).collect();
        self.frontiers(&all)
    }

    /// When something happens by itself: a retry is due, or the grace of a revocation is over.
    pub fn wake_at(&self) -> Option<Duration> {
        let timer = self.timers.peek().map(|due| due.0.0).filter(|_| self.halted.is_none() && !self.stopping);
        let drain = self.drains.front().map(|drain| drain.deadline);
        timer.into_iter().chain(drain).min()
    }

    /// Jobs that are out, of any epoch.
    pub fn running(&self) -> usize {
        self.running
    }

    /// Jobs that are out of partitions which are ours: what a stop waits for.
    pub fn running_here(&self) -> usize {
        self.parts.iter().filter(|part| part.hold != Hold::None).map(|part| part.running).sum()
    }

    /// For how long the oldest job has been out; asked from time to time, and right to that time.
    pub fn oldest_running(&mut self, now: Duration) -> Duration {
        self.flight.tick(now)
    }

    /// When the first unfinished record of each slot that is ours was written; none where all are finished.
    pub fn oldest_ms(&mut self) -> impl Iterator<Item = (&Slot, Option<i64>)> {
        let owned = self.parts.iter_mut().filter(|part| part.hold == Hold::Owned);
        owned.map(|part| (&part.slot, part.marks.oldest_ms(part.ledger.unfinished_from())))
    }

    /// Slots that are ours.
    pub fn owned(&self) -> impl Iterator<Item = &Slot> {
        self.parts.iter().filter(|part| part.hold == Hold::Owned).map(|part| &part.slot)
    }

    /// Records come in runs of one partition, so that the one before is looked at first.
    fn index_of(&mut self, slot: &Slot) -> Option<usize> {
        if self.parts.get(self.latest).is_none_or(|part| part.slot != *slot) {
            self.latest = *self.by_slot.get(slot)?;
        }
        Some(self.latest)
    }

    fn close(&mut self, ticket: Ticket, entry: &Entry<T>) -> Result<(), LedgerError> {
        self.leave(ticket.lane, entry);
        self.parts[ticket.part].ledger.finish(entry.record.offset)
    }

    fn drop_waiting(&mut self, index: usize) {
        let budget = &self.budget;
        self.lanes.clear(index, |entry| budget.release(entry.record.size()));
    }

    fn let_go(&mut self, index: usize) {
        let part = &mut self.parts[index];
        (part.hold, part.ledger, part.running) = (Hold::None, Ledger::default(), 0);
    }

    /// Whether a test has switched this bug on.
    #[cfg(test)]
    fn is(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    #[cfg(not(test))]
    const fn is(&self, _: Fault) -> bool {
        false
    }

    fn frontiers(&self, parts: &[usize]) -> Offsets {
        let held = parts.iter().map(|index| &self.parts[*index]).filter(|part| part.hold != Hold::None);
        held.filter_map(|part| Some((part.slot.clone(), part.ledger.frontier()?))).collect()
    }
}

#[cfg(test)]
mod tests;
