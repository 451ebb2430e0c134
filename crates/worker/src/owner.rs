//! The owner of all state: turns reports into decisions of [`Partitions`], and decisions into work and metrics.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use boot::House;
use bus::Slot;
use futures::future::FutureExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, sleep_until};

use crate::brakes::{Brake, Halted};
use crate::budget::Budget;
use crate::feed::{Feed, GiveBack, News};
use crate::health::{Condition, Teller};
use crate::job::{Done, Note, Outcome};
use crate::keeper::Keeper;
use crate::ledger::LedgerError;
use crate::partitions::{Offsets, Partitions, Rules};
use crate::work::{Bench, Work, begin};
use crate::{Handler, WorkerConfig, observe};

/// How many reports, or results, are taken at a time before work is started again.
pub const BATCH: usize = 128;

/// Every so many measurements all frontiers are committed once more, should a commit have been lost.
pub const RETELL: u32 = 12;

/// Everything that one consumer knows, in one task.
pub struct Owner<H: Handler> {
    service: &'static str,
    partitions: Partitions<H::Item>,
    bench: Arc<Bench<H>>,
    budget: Arc<Budget>,
    /// Where jobs that took their time come home.
    pub home: UnboundedReceiver<Done<H::Item>>,
    way_home: UnboundedSender<Done<H::Item>>,
    /// Memory for the next job.
    spare: Option<Work<H::Item>>,
    /// Answers that the consumer waits for, in the order of the revocations.
    give_backs: VecDeque<GiveBack>,
    condition: Condition,
    teller: Teller,
    since: Instant,
    /// Records since the last tick: counting them one by one would cost more than handling them.
    consumed: u64,
    finished: u64,
    /// Slots whose lag was told last.
    lagging: Vec<Slot>,
    /// Slots whose age was told last.
    aged: Vec<Slot>,
    /// Measurements so far.
    measured: u32,
    halted: Option<Halted>,
    /// What the fuse had counted when it was saved last.
    saved: (u32, u32),
    /// A halt of our own is not saved yet.
    unsaved: bool,
    resumed: bool,
}

impl<H: Handler> Owner<H> {
    /// Nothing is assigned yet. `budget` is the consumer's gate; `brake` is what an earlier owner left.
    pub fn new(
        bench: Arc<Bench<H>>,
        config: WorkerConfig,
        house: &House,
        budget: Arc<Budget>,
        brake: Brake,
    ) -> Self {
        let (way_home, home) = unbounded_channel();
        let service = bench.service;
        let mut owner = Self {
            service,
            partitions: Partitions::new(rules(&config), Arc::clone(&budget), fastrand::u64(..)),
            bench,
            budget,
            home,
            way_home,
            spare: None,
            give_backs: VecDeque::new(),
            condition: Condition::default(),
            teller: Teller::new(house.health.check(format!("{service}.consumer"))),
            since: Instant::now(),
            consumed: 0,
            finished: 0,
            lagging: Vec::new(),
            aged: Vec::new(),
            measured: 0,
            halted: None,
            saved: (0, 0),
            unsaved: false,
            resumed: false,
        };
        owner.partitions.remember(&brake.fuse);
        owner.saved = owner.partitions.fuse().counts();
        if let Some(halted) = brake.halted {
            owner.stand_still(halted);
        }
        owner.teller.tell(&owner.condition);
        owner
    }

    /// Takes one report of the consumer.
    pub fn accept(&mut self, news: News) {
        match news {
            News::Record(record) => {
                self.consumed += 1;
                if let Err(broken) = self.partitions.record(record) {
                    self.broken(broken);
                }
                return;
            }
            News::Assigned(slots) => {
                observe::rebalanced(self.service, "assigned", &slots);
                self.partitions.assigned(slots);
                self.condition.joined = true;
            }
            News::Revoking(slots, give_back) => {
                observe::rebalanced(self.service, "revoked", &slots);
                self.partitions.revoking(&slots, self.now());
                self.give_backs.push_back(give_back);
            }
            News::Lost(slots) => {
                observe::rebalanced(self.service, "lost", &slots);
                self.partitions.lost(&slots);
            }
            News::OutOfRange(slot) => {
                observe::gap(self.service, &slot);
                self.partitions.torn(&slot);
            }
            News::Stalled(why) => {
                observe::stalled(self.service, &why);
                self.condition.stalled = Some(why);
            }
            News::Trouble(why) => observe::trouble(self.service, &why),
        }
        self.teller.tell(&self.condition);
    }

    /// Takes what else the consumer has to report by now, up to a batch.
    pub fn soak<F: Feed>(&mut self, feed: &mut F) {
        for _ in 0..BATCH {
            // That it has ended is noticed by whoever waits for it.
            let Some(Some(news)) = feed.next().now_or_never() else { return };
            self.accept(news);
        }
    }

    /// Starts what may start; what ends at once makes room for the next.
    pub fn start(&mut self) {
        let now = self.now();
        self.partitions.gather(true);
        while let Some(job) = self.partitions.start(now) {
            if let Some(done) = begin(&self.bench, job, &self.way_home, &mut self.spare) {
                self.take_home(done, now);
            }
        }
        self.partitions.gather(false);
    }

    /// Takes results home.
    pub fn settle(&mut self, came_home: impl IntoIterator<Item = Done<H::Item>>) {
        let now = self.now();
        self.partitions.gather(true);
        came_home.into_iter().for_each(|done| self.take_home(done, now));
        self.partitions.gather(false);
    }

    fn take_home(&mut self, done: Done<H::Item>, now: Duration) {
        // Nothing is said about what went well.
        let told = (!matches!(done.outcome, Outcome::Handled)).then(|| done.entry.record.slot.clone());
        let offset = done.entry.record.offset;
        match (self.partitions.finish(done, now), told) {
            (Ok(Note::Finished), _) => self.finished += 1,
            (Ok(note), Some(slot)) => self.report(&slot, offset, note),
            (Ok(_), None) => observe::ignored(self.service),
            (Err(broken), _) => self.broken(broken),
        }
    }

    /// Answers the revocations whose work has ended.
    pub fn answer(&mut self) {
        while let Some(offsets) = self.partitions.drained(self.now()) {
            if let Some(give_back) = self.give_backs.pop_front() {
                give_back(offsets);
            }
        }
    }

    /// Answers all revocations now, whatever is still under way: the process leaves.
    pub fn abandon(&mut self) {
        while let Some(offsets) = self.partitions.drained(Duration::MAX) {
            if let Some(give_back) = self.give_backs.pop_front() {
                give_back(offsets);
            }
        }
    }

    /// Begins nothing more; what waits is dropped.
    pub fn stop(&mut self) {
        self.partitions.stop();
    }

    /// Whether something is under way whose result would count.
    pub fn is_busy(&self) -> bool {
        self.partitions.running_here() > 0
    }

    /// Whether the consumer has stopped for good.
    pub fn is_stalled(&self) -> bool {
        self.condition.stalled.is_some()
    }

    /// What to commit at the end.
    pub fn finals(&self) -> Offsets {
        self.partitions.finals()
    }

    /// Commits what moved, and tells what was counted.
    pub fn commit<F: Feed>(&mut self, feed: &F) {
        let offsets = self.partitions.commits();
        if !offsets.is_empty() {
            observe::committed(self.service, offsets.len());
            feed.commit(offsets);
        }
        observe::consumed(self.service, std::mem::take(&mut self.consumed));
        observe::finished(self.service, std::mem::take(&mut self.finished));
    }

    /// Saves the brake if there is something new to remember. A halt is saved once: later, a person may have ended it.
    pub fn brake(&mut self, keeper: &mut Keeper) {
        let (mut brake, counts) = (self.left(), self.partitions.fuse().counts());
        if counts != self.saved || self.unsaved {
            brake.halted = brake.halted.filter(|_| self.unsaved);
            keeper.save(brake);
            (self.saved, self.unsaved) = (counts, false);
        }
    }

    /// Follows what was found in the store: another member halted, or a person let us go on.
    pub fn look(&mut self, keeper: &mut Keeper) {
        let Some(seen) = keeper.news().filter(|_| !self.unsaved) else { return };
        match (seen.halted, &self.halted) {
            (Some(found), None) => {
                self.stand_still(found);
                self.teller.tell(&self.condition);
            }
            (None, Some(ours)) => {
                observe::resumed(self.service, &ours.why);
                self.resumed = true;
            }
            _ => {}
        }
    }

    /// Whether a person let it go on: a new owner begins afresh.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// What the next owner must know.
    pub fn left(&self) -> Brake {
        if self.resumed {
            return Brake::default();
        }
        Brake { halted: self.halted.clone(), fuse: self.partitions.fuse().memory() }
    }

    /// Measures lag and load.
    pub fn measure<F: Feed>(&mut self, feed: &F) {
        self.measured = self.measured.wrapping_add(1);
        if self.measured.is_multiple_of(RETELL) {
            self.partitions.retell();
        }
        let oldest = self.partitions.oldest_running(self.now());
        observe::load(self.service, (self.partitions.running(), oldest), self.budget.held());
        observe::assigned(self.service, self.partitions.owned().count());
        self.measure_ages();
        let lag = feed.lag();
        for slot in &self.lagging {
            // A slot that went away is somebody else's to tell.
            if !lag.iter().any(|(known, _)| known == slot) {
                observe::lag(self.service, slot, 0);
            }
        }
        lag.iter().for_each(|(slot, records)| observe::lag(self.service, slot, *records));
        self.lagging = lag.into_iter().map(|(slot, _)| slot).collect();
    }

    fn measure_ages(&mut self) {
        let (service, now_ms) = (self.service, (self.bench.clock)().as_millisecond());
        let mut aged = Vec::with_capacity(self.aged.len());
        for (slot, oldest_ms) in self.partitions.oldest_ms() {
            let age_ms = oldest_ms.map_or(0, |oldest_ms| (now_ms - oldest_ms).max(0));
            observe::age(service, slot, age_ms as f64 / 1_000.0);
            aged.push(slot.clone());
        }
        self.aged
            .iter()
            .filter(|slot| !aged.contains(slot))
            .for_each(|slot| observe::age(service, slot, 0.0));
        self.aged = aged;
    }

    /// What is wrong with the broker, if anything.
    pub fn broker(&mut self, why: Option<String>) {
        self.condition.broker = why;
        self.teller.tell(&self.condition);
    }

    /// Waits until something is due by itself.
    pub fn due(&self) -> impl Future<Output = ()> + Send + use<H> {
        let at = self.partitions.wake_at().and_then(|at| self.since.checked_add(at));
        async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    fn report(&mut self, slot: &Slot, offset: i64, note: Note) {
        match note {
            Note::Finished | Note::Condemned { .. } => {}
            Note::Retried { reason, error } => observe::retried(self.service, slot, offset, (reason, &error)),
            Note::Buried { reason, error, attempts } => {
                self.finished += 1;
                observe::dead_lettered(self.service, slot, offset, (reason, &error, attempts));
                self.condition.unburied = None;
            }
            Note::Unburied { error } => {
                observe::unburied(self.service, slot, offset, &error);
                self.condition.unburied = Some(error);
            }
            Note::Halted { why } => self.halt(why),
            Note::Ignored => observe::ignored(self.service),
        }
        self.teller.tell(&self.condition);
    }

    /// By a ledger that cannot be believed nothing more is started.
    fn broken(&mut self, broken: LedgerError) {
        self.halt(format!("ledger: {broken}"));
        self.teller.tell(&self.condition);
    }

    /// Halts by itself, which has to be saved.
    fn halt(&mut self, why: String) {
        if self.halted.is_none() {
            self.unsaved = true;
            self.stand_still(Halted { why, since: (self.bench.clock)() });
        }
    }

    fn stand_still(&mut self, halted: Halted) {
        observe::halted(self.service, &halted.why);
        self.partitions.halt(halted.why.clone());
        self.condition.halted = Some(halted.why.clone());
        self.halted = Some(halted);
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

impl<H: Handler> Drop for Owner<H> {
    /// What is another's from now on must not be told as ours for ever.
    fn drop(&mut self) {
        self.lagging.iter().for_each(|slot| observe::lag(self.service, slot, 0));
        self.aged.iter().for_each(|slot| observe::age(self.service, slot, 0.0));
    }
}

fn rules(config: &WorkerConfig) -> Rules {
    Rules {
        attempts_max: config.attempts_max,
        backoff: config.retry.into(),
        in_flight_max: config.in_flight_max.max(1),
        drain_grace: config.drain_grace.0,
        fuse: config.fuse,
    }
}
