//! One process of the service: its state, the work that is under way, the commits that are on their way.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bus::{Gate, Slot};

use super::broker::Broker;
use super::{Bugs, PARTITIONS, SECOND, Verdict, broken, rules, slot};
use crate::Failure;
use crate::budget::Budget;
use crate::job::{Done, Job, Note, Outcome};
use crate::letters;
use crate::partitions::{Offsets, Partitions};

/// How many records one process may hold.
pub const RECORDS_MAX: usize = 24;

/// A job, and what has truly happened of it.
struct Work {
    job: Job<()>,
    /// The assignment that it began in.
    generation: u64,
    ended: Option<Outcome>,
}

/// A revocation that waits for its answer.
struct Revoking {
    partition: i32,
    deadline: Duration,
}

pub struct Member {
    pub state: Partitions<()>,
    budget: Arc<Budget>,
    work: Vec<Work>,
    /// Per partition the next offset to fetch, and the generation in which it is ours; none while it is not.
    pub holds: [Option<(i64, u64)>; PARTITIONS as usize],
    revoking: VecDeque<Revoking>,
    /// Commits that the broker has not seen yet.
    pub commits: VecDeque<Vec<(Slot, i64, u64)>>,
    /// The last offset that began, by partition, generation and key.
    begun: HashMap<(i32, u64, Option<Vec<u8>>), i64>,
    rejected_in_a_row: u32,
    bugs: Bugs,
}

impl Member {
    /// A process that starts where an earlier one left its fuse.
    pub fn new(seed: u64, bugs: Bugs, rejected_in_a_row: u32, fuse: &[u8]) -> Self {
        let bound = if bugs.unbounded { usize::MAX } else { RECORDS_MAX };
        let budget = Arc::new(Budget::new(bound, 1 << 20));
        let mut state = Partitions::new(rules(), Arc::clone(&budget), seed);
        state.fault = bugs.fault;
        state.remember(fuse);
        Self {
            state,
            budget,
            work: Vec::new(),
            holds: [None; PARTITIONS as usize],
            revoking: VecDeque::new(),
            commits: VecDeque::new(),
            begun: HashMap::new(),
            rejected_in_a_row,
            bugs,
        }
    }

    pub fn hold(&mut self, partition: i32) -> &mut Option<(i64, u64)> {
        &mut self.holds[usize::try_from(partition).unwrap()]
    }

    /// What the next process must know.
    pub fn left(&self) -> (u32, Vec<u8>) {
        (self.rejected_in_a_row, self.state.fuse().memory())
    }

    pub fn is_idle(&self) -> bool {
        self.work.is_empty() && self.revoking.is_empty() && self.budget.held() == (0, 0)
    }

    pub fn is_revoking(&self, partition: i32) -> bool {
        self.revoking.iter().any(|revoking| revoking.partition == partition)
    }

    pub fn assign(&mut self, partition: i32, committed: i64, generation: u64) {
        *self.hold(partition) = Some((committed, generation));
        self.state.assigned(vec![slot(partition)]);
    }

    /// Law 4: what is fetched is bounded, by the gate alone; law 5: it is always taken.
    pub fn fetch(&mut self, broker: &mut Broker, partition: i32) -> Verdict {
        let Some((position, generation)) = *self.hold(partition) else { return Ok(()) };
        if self.is_revoking(partition) || !self.budget.open() {
            return Ok(());
        }
        let Some((offset, produced)) = broker.log(partition).records.range(position..).next() else {
            return Ok(());
        };
        let (next, record) = (offset + 1, produced.record.clone());
        *self.hold(partition) = Some((next, generation));
        self.budget.admit(1, record.size());
        if self.budget.held().0 > RECORDS_MAX {
            broken(4, format!("{} records are unfinished", self.budget.held().0))?;
        }
        self.state.record(record).or_else(|error| broken(1, error.to_string()))
    }

    /// Law 3: one of a key at a time, and in order; law 4: no more than are allowed; law 9: none while halted.
    pub fn start(&mut self, now: Duration) -> Verdict {
        let was_halted = self.state.halted().is_some();
        let Some(job) = self.state.start(now) else { return Ok(()) };
        let at = job.entry.record.slot.partition;
        let key = job.entry.record.key.as_deref().map(<[u8]>::to_vec);
        let offset = job.entry.record.offset;
        if was_halted {
            broken(9, format!("{offset} began although the service is halted"))?;
        }
        let is_twin = |other: &Work| {
            let record = &other.job.entry.record;
            record.slot.partition == at && record.key.as_deref() == key.as_deref()
        };
        if self.work.iter().any(is_twin) {
            broken(3, format!("two of key {key:?} of {at} are under way"))?;
        }
        let Some((_, generation)) = *self.hold(at) else {
            return broken(6, format!("{at}@{offset} began although the slot is another's"));
        };
        if self.is_revoking(at) {
            broken(6, format!("{at}@{offset} began although the slot is being revoked"))?;
        }
        let before = self.begun.insert((at, generation, key), offset);
        if before.is_some_and(|before| before > offset) {
            broken(3, format!("{at}@{offset} began after {before:?} of its key"))?;
        }
        self.work.push(Work { job, generation, ended: None });
        if self.work.len() > rules().in_flight_max {
            broken(4, format!("{} records are under way", self.work.len()))?;
        }
        Ok(())
    }

    /// Whether that piece of work is about to be handled.
    pub fn would_handle(&self, which: usize) -> bool {
        let work = self.work.get(which.checked_rem(self.work.len()).unwrap_or_default());
        work.is_some_and(|work| work.ended.is_none() && work.job.entry.verdict.is_none())
    }

    /// One piece of work gets on: it takes effect, fails, or comes home. `luck` is in 0..100; from 90 on it hangs.
    /// False: the process ended in the middle.
    pub fn get_on(
        &mut self,
        broker: &mut Broker,
        which: usize,
        luck: u32,
        now: Duration,
    ) -> Result<bool, super::Broken> {
        if self.work.is_empty() || luck >= 90 {
            return Ok(true);
        }
        let which = which % self.work.len();
        if self.work[which].ended.is_some() {
            self.come_home(which, now)?;
            return Ok(true);
        }
        let entry = &self.work[which].job.entry;
        let outcome = match (&entry.verdict, luck) {
            (Some(verdict), _) => {
                let mut letter = letters::compose(
                    &entry.record,
                    &letters::Giver { service: "notifier", at: "now", partitions: 6 },
                    entry.attempts,
                    verdict,
                );
                if self.bugs.rewritten {
                    letter.value = None;
                }
                let acknowledged = luck < 60;
                broker.bury(&entry.record, &letter, acknowledged)?;
                if acknowledged { Outcome::Buried } else { Outcome::Unburied("no answer".to_owned()) }
            }
            (None, 0..12) => Outcome::Failed(Failure::retry("busy", "busy")),
            (None, 12..15) => Outcome::Failed(Failure::wait("store", "down")),
            (None, 15..24) => Outcome::Failed(Failure::reject("shape", "not ours")),
            (None, 24) => Outcome::Failed(Failure::halt("migration", "newer")),
            (None, _) => {
                let cut_off = luck == 25;
                if !broker.plan(
                    &entry.record.slot.clone(),
                    entry.record.offset,
                    self.bugs.claiming,
                    cut_off,
                )? {
                    return Ok(false);
                }
                Outcome::Handled
            }
        };
        self.work[which].ended = Some(outcome);
        Ok(true)
    }

    /// Law 7: what began in an earlier assignment is ignored; law 9: rejections are borne up to the fuse.
    fn come_home(&mut self, which: usize, now: Duration) -> Verdict {
        let Work { job, generation, ended } = self.work.swap_remove(which);
        let Some(outcome) = ended else { return Ok(()) };
        let (at, offset) = (job.entry.record.slot.partition, job.entry.record.offset);
        let is_ours = self.hold(at).is_some_and(|(_, current)| current == generation);
        let is_handled = matches!(outcome, Outcome::Handled);
        let is_reject = matches!(outcome, Outcome::Failed(Failure::Reject { .. }));
        let note = self.state.finish(Done { ticket: job.ticket, entry: job.entry, outcome }, now);
        match note {
            Ok(Note::Ignored) if is_ours => {
                broken(7, format!("{at}@{offset} was ignored although it is ours"))
            }
            Ok(Note::Ignored) => Ok(()),
            Err(error) if is_ours => broken(1, error.to_string()),
            other if !is_ours => {
                broken(7, format!("{at}@{offset} of an earlier assignment counted: {other:?}"))
            }
            Ok(Note::Condemned { .. }) if is_reject => {
                self.rejected_in_a_row += 1;
                if self.rejected_in_a_row > rules().fuse.in_a_row {
                    broken(9, format!("{} in a row were rejected and it goes on", self.rejected_in_a_row))?;
                }
                Ok(())
            }
            _ => {
                self.rejected_in_a_row = if is_handled { 0 } else { self.rejected_in_a_row };
                Ok(())
            }
        }
    }

    /// A person lets it go on: a new process begins afresh.
    pub fn is_halted(&self) -> bool {
        self.state.halted().is_some()
    }

    pub fn tick(&mut self, broker: &mut Broker) -> Verdict {
        let offsets = self.state.commits();
        let offsets = self.ask(broker, offsets)?;
        self.commits.push_back(offsets);
        Ok(())
    }

    /// Laws 1, 2 and 6: what it asks to commit is finished, and ours.
    fn ask(&mut self, broker: &mut Broker, offsets: Offsets) -> Result<Vec<(Slot, i64, u64)>, super::Broken> {
        let mut asked = Vec::with_capacity(offsets.len());
        for (slot, next) in offsets {
            let Some((_, generation)) = *self.hold(slot.partition) else {
                broken(6, format!("{slot} is committed although it was lost"))?;
                continue;
            };
            broker.log(slot.partition).may_commit(&slot, next)?;
            asked.push((slot, next, generation));
        }
        Ok(asked)
    }

    pub fn revoke(&mut self, partition: i32, now: Duration) {
        self.state.revoking(&[slot(partition)], now);
        self.revoking.push_back(Revoking { partition, deadline: now + rules().drain_grace });
    }

    /// Laws 5 and 6: a revocation is answered when its work has ended, with everything that was finished, and never
    /// later than its grace. Answers the partitions that were handed back.
    pub fn answer(
        &mut self,
        broker: &mut Broker,
        now: Duration,
        arrives: bool,
    ) -> Result<Vec<i32>, super::Broken> {
        let mut back = Vec::new();
        while let Some(offsets) = self.state.drained(now) {
            let Some(Revoking { partition, deadline }) = self.revoking.pop_front() else {
                return broken(6, "a slot was handed back that nobody asked for".to_owned()).map(|()| back);
            };
            let generation = self.hold(partition).map(|(_, generation)| generation);
            let is_busy = self.work.iter().any(|work| {
                work.job.entry.record.slot.partition == partition && Some(work.generation) == generation
            });
            if is_busy && now < deadline {
                broken(6, format!("{partition} was handed back while its work was under way"))?;
            }
            let asked = self.ask(broker, offsets)?;
            for (slot, next, generation) in asked.into_iter().filter(|_| arrives) {
                broker.commit(&slot, next, generation)?;
            }
            *self.hold(partition) = None;
            back.push(partition);
        }
        if let Some(late) = self.revoking.iter().find(|revoking| now >= revoking.deadline + SECOND) {
            broken(5, format!("the revocation of {} is not answered", late.partition))?;
        }
        Ok(back)
    }

    /// The group gave the slot to somebody else long ago.
    pub fn lose(&mut self, partition: i32) {
        self.state.lost(&[slot(partition)]);
        *self.hold(partition) = None;
    }
}
