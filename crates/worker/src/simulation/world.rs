//! What happens, one random step after the other.

use std::time::Duration;

use super::broker::Broker;
use super::member::Member;
use super::{Bugs, PARTITIONS, SECOND, Verdict, broken};

const KEYS: [Option<&str>; 4] = [Some("a"), Some("b"), Some("c"), None];
const MEMBERS: usize = 2;

pub struct World {
    random: fastrand::Rng,
    broker: Broker,
    members: Vec<Member>,
    /// Whom the group gave each partition; a member may not know yet that it is no longer the one.
    owners: [Option<usize>; PARTITIONS as usize],
    now: Duration,
    /// A deployment that cannot read what comes: nearly everything is rejected.
    storm: bool,
    bugs: Bugs,
}

impl World {
    pub fn new(seed: u64, bugs: Bugs) -> Self {
        let members = (0..MEMBERS).map(|_| Member::new(seed, bugs, 0, &[])).collect();
        let random = fastrand::Rng::with_seed(seed);
        Self {
            random,
            broker: Broker::new(),
            members,
            owners: [None; PARTITIONS as usize],
            now: Duration::ZERO,
            storm: false,
            bugs,
        }
    }

    pub fn step(&mut self) -> Verdict {
        let partition = self.random.i32(0..PARTITIONS);
        let who = self.random.usize(0..MEMBERS);
        match self.random.u32(0..1000) {
            0..200 => {
                let (gap, key) = (self.random.i64(1..3), KEYS[self.random.usize(0..KEYS.len())]);
                let again = self.random.u32(0..20) == 0;
                self.broker.produce(partition, gap, key, again);
            }
            200..440 => self.members[who].fetch(&mut self.broker, partition)?,
            440..580 => self.members[who].start(self.now)?,
            580..800 => self.get_on(who)?,
            800..840 => self.members[who].tick(&mut self.broker)?,
            840..880 => self.pass_commit(who)?,
            880..920 => self.assign(partition, who),
            920..935 => self.revoke(partition),
            935..943 => self.take_away(partition),
            943..950 => self.tell_lost(who),
            950..955 => self.crash(who),
            955..960 => self.resume(who),
            960..963 => self.storm = !self.storm,
            963..966 => self.members[who].state.retell(),
            _ => self.now += Duration::from_millis(self.random.u64(0..4_000)),
        }
        self.answer(true)
    }

    fn get_on(&mut self, who: usize) -> Verdict {
        let (which, mut luck) = (self.random.usize(..), self.random.u32(0..100));
        if self.storm && (25..90).contains(&luck) && self.members[who].would_handle(which) {
            luck = 20;
        }
        if !self.members[who].get_on(&mut self.broker, which, luck, self.now)? {
            self.crash(who);
        }
        Ok(())
    }

    /// The oldest commit on its way arrives, or never does.
    fn pass_commit(&mut self, who: usize) -> Verdict {
        let Some(offsets) = self.members[who].commits.pop_front() else { return Ok(()) };
        if self.random.u32(0..4) == 0 {
            return Ok(());
        }
        offsets
            .into_iter()
            .try_for_each(|(slot, next, generation)| self.broker.commit(&slot, next, generation))
    }

    fn assign(&mut self, partition: i32, who: usize) {
        let index = usize::try_from(partition).unwrap();
        if self.owners[index].is_some() {
            return;
        }
        // A member hears that it lost a slot before it hears that it has it again.
        if self.members[who].hold(partition).is_some() {
            self.members[who].lose(partition);
        }
        let log = self.broker.log(partition);
        log.generation += 1;
        self.members[who].assign(partition, log.committed, log.generation);
        self.owners[index] = Some(who);
    }

    fn revoke(&mut self, partition: i32) {
        let Some(who) = self.owners[usize::try_from(partition).unwrap()] else { return };
        if !self.members[who].is_revoking(partition) {
            self.members[who].revoke(partition, self.now);
        }
    }

    /// The session of a member ran out: the group goes on without it, and it does not know yet.
    fn take_away(&mut self, partition: i32) {
        let index = usize::try_from(partition).unwrap();
        if let Some(who) = self.owners[index]
            && !self.members[who].is_revoking(partition)
        {
            self.owners[index] = None;
            self.broker.log(partition).generation += 1;
        }
    }

    fn tell_lost(&mut self, who: usize) {
        for partition in 0..PARTITIONS {
            let is_owner = self.owners[usize::try_from(partition).unwrap()] == Some(who);
            if !is_owner && self.members[who].hold(partition).is_some() {
                self.members[who].lose(partition);
            }
        }
    }

    /// The process is gone, and another one starts with what was durable.
    fn crash(&mut self, who: usize) {
        let (in_a_row, fuse) = self.members[who].left();
        let was_halted = self.members[who].state.halted().map(str::to_owned);
        self.replace(who, in_a_row, &fuse);
        if let Some(why) = was_halted {
            self.members[who].state.halt(why);
        }
    }

    /// A person lets a halted member go on.
    fn resume(&mut self, who: usize) {
        if self.members[who].is_halted() {
            self.replace(who, 0, &[]);
        }
    }

    fn replace(&mut self, who: usize, in_a_row: u32, fuse: &[u8]) {
        self.members[who] = Member::new(self.random.u64(..), self.bugs, in_a_row, fuse);
        for partition in 0..PARTITIONS {
            let index = usize::try_from(partition).unwrap();
            if self.owners[index] == Some(who) {
                self.owners[index] = None;
                self.broker.log(partition).generation += 1;
            }
        }
    }

    fn answer(&mut self, arrives: bool) -> Verdict {
        for who in 0..MEMBERS {
            let arrives = arrives && self.random.u32(0..8) > 0;
            for partition in self.members[who].answer(&mut self.broker, self.now, arrives)? {
                self.owners[usize::try_from(partition).unwrap()] = None;
                // What was sent earlier on the same connection did not come later.
                self.broker.log(partition).generation += 1;
            }
        }
        Ok(())
    }

    /// Nothing fails any more: everything comes to an end by itself, and adds up.
    pub fn settle(&mut self) -> Verdict {
        (0..MEMBERS).for_each(|who| self.tell_lost(who));
        for round in 0..2_000 {
            self.now += SECOND * 40;
            self.answer(true)?;
            (0..MEMBERS).for_each(|who| self.resume(who));
            (0..PARTITIONS)
                .for_each(|partition| self.assign(partition, usize::try_from(partition).unwrap() % MEMBERS));
            for who in 0..MEMBERS {
                for partition in 0..PARTITIONS {
                    (0..3).try_for_each(|_| self.members[who].fetch(&mut self.broker, partition))?;
                }
                for _ in 0..4 {
                    self.members[who].start(self.now)?;
                }
                // Twice for each: to take effect, and to come home.
                for which in 0..16 {
                    self.members[who].get_on(&mut self.broker, which, 50, self.now)?;
                }
                if round % 8 == 7 {
                    self.members[who].state.retell();
                }
                self.members[who].tick(&mut self.broker)?;
                while !self.members[who].commits.is_empty() {
                    self.pass_commit(who)?;
                }
            }
            if self.broker.logs.iter().all(|log| log.committed == log.end())
                && self.members.iter().all(Member::is_idle)
            {
                return self.broker.account();
            }
        }
        let ends: Vec<_> = self.broker.logs.iter().map(|log| (log.committed, log.end())).collect();
        broken(10, format!("it never came to an end: {ends:?}"))
    }
}
