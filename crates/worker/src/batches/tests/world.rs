//! Two processes, a store with transactions, a broker that expires and re-creates.

mod disasters;
mod homing;
mod landings;
mod refusals;

use std::collections::BTreeSet;

use super::*;
use crate::batches::Flaw;
use refusals::{content, is_bad, wanted};

const PARTITIONS: i32 = 3;
const STEPS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The store takes every commit.
    NoEpoch,
    /// A commit without an answer is taken for one that did not happen.
    UnknownIsFailure,
    /// Rows in one transaction, offsets in the next.
    MarksApart,
    /// The member's own.
    Flawed(Flaw),
    /// A member takes the answer to one of its batches for that to another.
    Mistaken,
    /// Whatever is refused is given up.
    GiveUp,
    /// A batch that is refused for one record is condemned as a whole.
    CondemnAll,
    /// A batch that is refused for one record is tried again as it is.
    RefusedIsFailure,
    /// Where slots stand is answered beside a commit that is still under way.
    LooksPast,
}

#[derive(Default)]
struct Log {
    /// Content by offset.
    records: BTreeMap<i64, u64>,
    end: i64,
    owner: Option<usize>,
    /// As the store has it: epoch, next, last.
    epoch: i64,
    next: i64,
    last: Option<Last>,
    /// Something that was not contained is gone for ever, or the offsets mean something else.
    damaged: bool,
    /// Records were gone before anything of the slot was durable: either is right.
    doubtful: bool,
    anew: bool,
    /// Contents that expired after the slot had been begun.
    expired: Vec<u64>,
}

struct Member {
    batches: Batches,
    positions: BTreeMap<i32, i64>,
    revoking: VecDeque<i32>,
}

/// A batch on its way; its process may be dead.
struct Flight {
    member: usize,
    life: u64,
    cut: Cut,
    /// The store's answer is lost.
    unsure: bool,
    committed: bool,
    refused: bool,
}

pub struct World {
    random: fastrand::Rng,
    bug: Option<Bug>,
    /// How many batches a member has under way at a time.
    writers: usize,
    logs: Vec<Log>,
    members: Vec<Member>,
    lives: Vec<u64>,
    flights: Vec<Flight>,
    /// Commits that the store is still at, after their connection broke.
    landing: Vec<Cut>,
    rows: BTreeMap<u64, u32>,
    /// Contents that have a dead letter.
    letters: BTreeSet<u64>,
    contents: u64,
    now: Duration,
}

type Outcome = Result<(), String>;

impl World {
    fn new(seed: u64, bug: Option<Bug>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = Self {
            writers: random.usize(1..=3),
            random,
            bug,
            logs: (0..PARTITIONS).map(|_| Log::default()).collect(),
            members: Vec::new(),
            lives: vec![0; 2],
            flights: Vec::new(),
            landing: Vec::new(),
            rows: BTreeMap::new(),
            letters: BTreeSet::new(),
            contents: 0,
            now: Duration::ZERO,
        };
        world.members = (0..2).map(|_| world.member()).collect();
        world
    }

    fn member(&mut self) -> Member {
        let budget = Arc::new(Budget::new(20, 1 << 20));
        let rules = BatchRules { writers: self.writers, ..rules() };
        let mut batches = Batches::new(rules, budget, self.random.u64(..), &[]);
        if let Some(Bug::Flawed(flaw)) = self.bug {
            batches.flaw = Some(flaw);
        }
        Member { batches, positions: BTreeMap::new(), revoking: VecDeque::new() }
    }

    fn log(&mut self, partition: i32) -> &mut Log {
        &mut self.logs[usize::try_from(partition).unwrap()]
    }

    fn step(&mut self, calm: bool) -> Outcome {
        let (partition, who) = (self.random.i32(0..PARTITIONS), self.random.usize(0..2));
        match self.random.u32(0..1000) {
            0..200 if !calm || self.is_damaged(&self.logs[usize::try_from(partition).unwrap()]) => {
                self.produce(partition)
            }
            200..500 => self.fetch(who, partition),
            500..620 => self.cut(who),
            620..780 => self.get_on(calm)?,
            780..830 => self.assign(who, partition),
            830..850 if !calm => self.revoke(partition),
            850..860 if !calm => self.lose(partition),
            860..870 if !calm => self.crash(who),
            870..874 if !calm => self.expire(partition),
            874..876 if !calm => self.make_anew(partition),
            876..890 => self.land(&[partition]),
            _ => self.now += Duration::from_millis(self.random.u64(0..4_000)),
        }
        self.answer();
        self.members.iter_mut().for_each(|member| drop(member.batches.gaps(self.now)));
        Ok(())
    }

    fn produce(&mut self, partition: i32) {
        self.contents += 1;
        let content = self.contents;
        let log = self.log(partition);
        log.records.insert(log.end, content);
        log.end += 1;
    }

    fn fetch(&mut self, who: usize, partition: i32) {
        let Some(position) = self.members[who].positions.get(&partition).copied() else { return };
        if !self.members[who].batches.budget.open() {
            return;
        }
        let log = &self.logs[usize::try_from(partition).unwrap()];
        let low = log.records.first_key_value().map_or(log.end, |(low, _)| *low);
        if position < low || position > log.end {
            self.members[who].batches.torn(&slot(partition));
            self.members[who].positions.insert(partition, low);
            return;
        }
        let Some((offset, content)) = log.records.range(position..).next() else { return };
        let came = record(partition, *offset, *content);
        self.members[who].positions.insert(partition, offset + 1);
        self.members[who].batches.budget.admit(1, came.size());
        self.members[who].batches.record(came);
    }

    fn cut(&mut self, who: usize) {
        if let Some(cut) = self.members[who].batches.cut(self.now) {
            let life = self.lives[who];
            self.flights.push(Flight {
                member: who,
                life,
                cut,
                unsure: false,
                committed: false,
                refused: false,
            });
        }
    }

    /// A batch is committed, or its outcome is learnt.
    fn get_on(&mut self, calm: bool) -> Outcome {
        if self.flights.is_empty() {
            return Ok(());
        }
        let which = self.random.usize(0..self.flights.len());
        let mut flight = self.flights.swap_remove(which);
        let luck = if calm { 9 } else { self.random.u32(0..10) };
        if !flight.committed && luck == 0 {
            return self.home(flight, None); // Its handler failed.
        }
        if !flight.committed {
            let (arrives, answered) = (luck != 1, luck != 2);
            self.bury(&flight.cut);
            self.wait_for(&flight.cut);
            if luck == 4 && self.lingers(&flight.cut) {
                (flight.committed, flight.unsure) = (true, true);
                self.flights.push(flight);
                return Ok(());
            }
            if arrives && answered && self.refuses(&flight.cut) {
                flight.refused = true;
                flight.committed = true;
                self.flights.push(flight);
                return Ok(());
            }
            let done = arrives && self.transaction(&flight.cut, luck == 3);
            (flight.committed, flight.unsure) = (true, !(done && answered));
            self.flights.push(flight);
            return Ok(());
        }
        if flight.refused {
            self.refused(flight);
            return Ok(());
        }
        if !flight.unsure {
            let fates = vec![Fate::Done; flight.cut.shares.len()];
            return self.home(flight, Some(fates));
        }
        match self.bug {
            Some(Bug::UnknownIsFailure) => self.home(flight, None),
            Some(Bug::GiveUp) => {
                let fates = vec![Fate::Gone; flight.cut.shares.len()];
                self.home(flight, Some(fates))
            }
            _ => {
                if self.bug != Some(Bug::LooksPast) {
                    self.wait_for(&flight.cut);
                }
                let fates = judge(&flight.cut.shares, &self.standings())?;
                self.home(flight, Some(fates))
            }
        }
    }

    fn standings(&self) -> Vec<Standing> {
        let standing = |(partition, log): (i32, &Log)| Standing {
            slot: slot(partition),
            epoch: log.epoch,
            next: log.next,
            last: log.last,
        };
        (0..).zip(&self.logs).map(standing).collect()
    }

    /// What the store does with a batch; `torn` ends it half-way where it can.
    fn transaction(&mut self, cut: &Cut, torn: bool) -> bool {
        if self.bug != Some(Bug::NoEpoch) && !cut.shares.iter().all(|share| self.fits(share)) {
            return false;
        }
        // Whoever finds it refused and does not hear that asks, and is told that it did not happen.
        if wanted(cut).any(|(_, record)| is_bad(content(record))) {
            return false;
        }
        for (_, record) in wanted(cut) {
            *self.rows.entry(content(record)).or_default() += 1;
        }
        if torn && self.bug == Some(Bug::MarksApart) {
            return false;
        }
        for share in &cut.shares {
            let log = self.log(share.slot.partition);
            (log.next, log.last) = (share.next(), share.records.last().map(Last::of));
            log.damaged |= share.records.last().is_some_and(|last| log.belies(last));
        }
        true
    }

    fn assign(&mut self, who: usize, partition: i32) {
        if self.log(partition).owner.is_some() {
            return;
        }
        self.land(&[partition]);
        self.log(partition).owner = Some(who);
        let log = self.log(partition);
        log.epoch += 1;
        log.blend();
        let standing = self.standings().remove(usize::try_from(partition).unwrap());
        self.members[who].positions.insert(partition, standing.start());
        self.members[who].batches.assigned(vec![standing]);
    }

    fn revoke(&mut self, partition: i32) {
        let Some(who) = self.log(partition).owner else { return };
        let member = &mut self.members[who];
        if !member.revoking.contains(&partition) {
            member.revoking.push_back(partition);
            member.batches.revoking(&[slot(partition)], self.now);
            member.positions.remove(&partition);
        }
    }

    fn lose(&mut self, partition: i32) {
        let Some(who) = self.log(partition).owner else { return };
        if !self.members[who].revoking.contains(&partition) {
            self.log(partition).owner = None;
            self.members[who].positions.remove(&partition);
            self.members[who].batches.lost(&[slot(partition)]);
        }
    }

    fn answer(&mut self) {
        for who in 0..2 {
            while self.members[who].batches.drained(self.now).is_some() {
                let partition = self.members[who].revoking.pop_front().expect("a revocation");
                self.log(partition).owner = None;
            }
        }
    }

    /// Nothing fails any more: what is there gets contained once, and what is missing was noticed.
    fn settle(&mut self) -> Outcome {
        for _ in 0..8_000 {
            self.step(true)?;
            if (0..PARTITIONS).all(|partition| self.is_settled(partition)) {
                break;
            }
        }
        if let Some((content, times)) = self.rows.iter().find(|(_, times)| **times > 1) {
            return Err(format!("{content} is contained {times} times"));
        }
        if let Some(content) = self.letters.iter().find(|content| !is_bad(**content)) {
            return Err(format!("{content} has a dead letter and is not at fault"));
        }
        if self.is_halted() {
            let damaged = self.logs.iter().any(|log| self.is_damaged(log) || log.doubtful);
            return if damaged { Ok(()) } else { Err(format!("halted for nothing: {:?}", self.why())) };
        }
        for (partition, log) in self.logs.iter().enumerate() {
            if self.is_damaged(log) && !log.records.is_empty() {
                return Err(format!("what is missing of {partition} was skipped in silence"));
            }
        }
        let missing = |log: &Log| {
            log.records.iter().find(|(at, it)| **at < log.next && !self.is_contained(**it)).map(|(at, _)| *at)
        };
        match self.logs.iter().find_map(missing) {
            Some(offset) => Err(format!("{offset} is passed and not contained")),
            None if (0..PARTITIONS).all(|partition| self.is_settled(partition)) => Ok(()),
            None => {
                let state = |log: &Log| (log.next, log.end, log.owner, self.is_damaged(log), log.anew);
                let logs: Vec<_> = self.logs.iter().map(state).collect();
                Err(format!("it never comes to an end: {logs:?}, {} under way", self.flights.len()))
            }
        }
    }

    fn is_halted(&self) -> bool {
        self.members.iter().any(|member| member.batches.halted().is_some())
    }

    fn why(&self) -> Vec<&str> {
        self.members.iter().filter_map(|member| member.batches.halted()).collect()
    }

    fn is_settled(&self, partition: i32) -> bool {
        let log = &self.logs[usize::try_from(partition).unwrap()];
        self.is_halted() || (log.records.range(log.next..).next().is_none() && !self.is_damaged(log))
    }
}

/// Runs schedules; answers the first that breaks what is promised.
pub fn search(schedules: u64, bug: Option<Bug>) -> Option<(u64, String)> {
    let run = |seed| {
        let mut world = World::new(seed, bug);
        (0..STEPS).try_for_each(|_| world.step(false))?;
        world.settle()
    };
    (0..schedules).find_map(|seed| Some((seed, run(seed).err()?)))
}
