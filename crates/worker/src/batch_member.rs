//! One membership of a state service: what it is told goes to the pure state, and what that decides is done.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use boot::House;
use bus::Slot;
use futures::future::FutureExt;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::batch::{BatchHandler, Ending, Works};
use crate::batches::{Batches, Cut};
use crate::feed::{Feed, GiveBack, News};
use crate::gaps::GapKeeper;
use crate::health::{Condition, Teller};
use crate::keeper::Keeper;
use crate::lookout::Leash;
use crate::owner::{BATCH, RETELL};
use crate::partitions::Offsets;
use crate::progress::{Progress, Standing};
use crate::runtime::{End, MEASURE, ticks};
use crate::tally::Tally;
use crate::work::said;
use crate::{Brake, Failure, Halted, observe};

/// What the store said at an assignment, until the member hears of it.
pub type Told = Arc<Mutex<HashMap<Slot, Standing>>>;

/// What a member sees besides its feed.
pub struct BatchSight {
    /// What is wrong with the broker, if anything.
    pub broker: watch::Receiver<Option<String>>,
    /// The service's brake.
    pub keeper: Keeper,
    pub gaps: GapKeeper,
}

/// One membership.
pub struct BatchMember<H: BatchHandler> {
    works: Arc<Works<H, dyn Progress<Changes = H::Changes>>>,
    batches: Batches,
    told: Told,
    give_backs: VecDeque<GiveBack>,
    condition: Condition,
    teller: Teller,
    tally: Tally,
    halted: Option<Halted>,
    unsaved: bool,
    resumed: bool,
    saved: (u32, u32),
    since: Instant,
}

impl<H: BatchHandler> BatchMember<H> {
    /// Nothing is assigned yet; `halted` is what an earlier member left.
    pub fn new(
        works: Arc<Works<H, dyn Progress<Changes = H::Changes>>>,
        batches: Batches,
        told: Told,
        house: &House,
        halted: Option<Halted>,
    ) -> Self {
        let service = works.service;
        let mut member = Self {
            works,
            saved: batches.fuse().counts(),
            batches,
            told,
            give_backs: VecDeque::new(),
            condition: Condition::default(),
            teller: Teller::new(house.health.check(format!("{service}.consumer"))),
            tally: Tally::new(service),
            halted: None,
            unsaved: false,
            resumed: false,
            since: Instant::now(),
        };
        if let Some(halted) = halted {
            member.stand_still(halted);
        }
        member
    }

    /// What the next member must know.
    pub fn left(&self, end: End) -> Brake {
        if end == End::Resumed {
            return Brake::default();
        }
        Brake { halted: self.halted.clone(), fuse: self.batches.fuse().memory() }
    }

    /// Works until the house shuts down, the consumer stops, or a person lets a halted service go on.
    pub async fn drive<F: Feed>(
        &mut self,
        mut feed: F,
        leash: Leash,
        house: &House,
        sight: &mut BatchSight,
    ) -> End {
        let (way_home, mut home) = unbounded_channel();
        let mut stop_at: Option<Instant> = None;
        let mut measure = ticks(MEASURE);
        sight.broker.mark_changed();
        let end = loop {
            leash.turned();
            let wake = self.batches.wake_at(self.since.elapsed()).map(|at| self.since + at);
            let wake = [wake, stop_at].into_iter().flatten().min();
            tokio::select! {
                biased; // Order is priority: leave, then finish, then look around, then fetch.
                () = house.shutdown.cancelled(), if stop_at.is_none() => {
                    self.batches.stop();
                    stop_at = Some(Instant::now() + self.batches.grace());
                }
                Some((cut, ending)) = home.recv() => self.settle(cut, ending, &feed),
                Ok(()) = sight.keeper.seen.changed() => self.look(&mut sight.keeper),
                Ok(()) = sight.broker.changed() => {
                    self.condition.broker = sight.broker.borrow_and_update().clone();
                }
                _ = measure.tick() => {
                    self.measure(&feed);
                    if let Some(why) = leash.trouble() {
                        self.accept(News::Stalled(why));
                    }
                }
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                news = feed.next() => {
                    self.accept(news.unwrap_or_else(News::ended));
                    self.soak(&mut feed);
                }
            }
            self.turn(sight, &way_home);
            if stop_at.is_some_and(|at| !self.batches.is_busy() || Instant::now() >= at) {
                break End::Left;
            }
            if self.condition.stalled.is_some() {
                break End::Stalled;
            }
            if self.resumed && !self.batches.is_busy() {
                break End::Resumed;
            }
        };
        self.tally.tell();
        let offsets = if end == End::Stalled { Offsets::new() } else { self.batches.finals() };
        feed.close(offsets).await;
        end
    }

    /// Does what has become due.
    fn turn(&mut self, sight: &mut BatchSight, way_home: &UnboundedSender<(Cut, Ending)>) {
        let now = self.since.elapsed();
        let gaps = self.batches.gaps(now);
        gaps.iter().for_each(|gap| observe::missing(self.works.service, gap));
        sight.gaps.keep(gaps);
        self.notice();
        self.brake(&mut sight.keeper);
        while let Some(offsets) = self.batches.drained(now) {
            if let Some(give_back) = self.give_backs.pop_front() {
                give_back(offsets);
            }
        }
        // Who was resumed begins nothing more, for it is halted still.
        while let Some(cut) = self.batches.cut(now) {
            let (works, way_home) = (Arc::clone(&self.works), way_home.clone());
            tokio::spawn(async move {
                // What panics here is no handler, and whether it did its work nobody knows.
                let ended = AssertUnwindSafe(works.carry_out(&cut)).catch_unwind().await;
                let ended =
                    ended.unwrap_or_else(|panic| Ending::Failed(Failure::halt("panic", said(&*panic))));
                let _ = way_home.send((cut, ended));
            });
        }
        self.teller.tell(&self.condition);
    }

    /// Takes what else the consumer has to report by now, up to a bound.
    fn soak<F: Feed>(&mut self, feed: &mut F) {
        for _ in 0..BATCH {
            // That it has ended is noticed by whoever waits for it.
            let Some(Some(news)) = feed.next().now_or_never() else { return };
            self.accept(news);
        }
    }

    fn accept(&mut self, news: News) {
        let service = self.works.service;
        match news {
            News::Record(record) => {
                self.tally.consumed += 1;
                self.batches.record(record);
            }
            News::Assigned(slots) => {
                observe::rebalanced(service, "assigned", &slots);
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                let standings: Vec<_> = slots.iter().filter_map(|slot| told.remove(slot)).collect();
                drop(told);
                if standings.len() < slots.len() {
                    self.condition.stalled = Some("the store did not say where to begin".to_owned());
                }
                self.batches.assigned(standings);
                self.condition.joined = true;
            }
            News::Revoking(slots, give_back) => {
                observe::rebalanced(service, "revoked", &slots);
                self.batches.revoking(&slots, self.since.elapsed());
                self.give_backs.push_back(give_back);
            }
            News::Lost(slots) => {
                observe::rebalanced(service, "lost", &slots);
                self.batches.lost(&slots);
            }
            // Whether something is missing is told by the next record.
            News::OutOfRange(slot) => self.batches.torn(&slot),
            News::Stalled(why) => {
                observe::stalled(service, &why);
                self.condition.stalled = Some(why);
            }
            News::Trouble(why) => observe::trouble(service, &why),
        }
    }

    fn settle<F: Feed>(&mut self, cut: Cut, ending: Ending, feed: &F) {
        let (service, now) = (self.works.service, self.since.elapsed());
        let outcome = match ending {
            Ending::Judged(fates) => {
                self.tally.judged(&cut, &fates);
                self.tally.tell();
                self.condition.unburied = None;
                let moved = self.batches.settle(cut, &fates, now);
                if !moved.is_empty() {
                    feed.commit(moved);
                }
                "judged"
            }
            Ending::TooMany => {
                self.batches.too_many(cut);
                "halved"
            }
            Ending::Refused(verdict) => {
                self.condition.unburied = None;
                let outcome = if verdict.is_some() { "rejected" } else { "halved" };
                self.batches.refused(cut, verdict);
                outcome
            }
            Ending::Rejected(verdicts) => {
                self.batches.condemn(cut, verdicts);
                "rejected"
            }
            Ending::Failed(failure) => {
                observe::batch_failed(service, cut.len(), &failure);
                let after = if let Failure::Retry { after, .. } = &failure { *after } else { None };
                self.batches.failed(cut, after, now);
                self.fail(failure);
                "failed"
            }
        };
        observe::batch_ended(service, outcome);
    }

    fn fail(&mut self, failure: Failure) {
        match failure {
            Failure::Halt { reason, error } => self.batches.halt(format!("{reason}: {error}")),
            Failure::Retry { reason: "dead_letter", error, .. } => self.condition.unburied = Some(error),
            Failure::Retry { .. } | Failure::Reject { .. } => {}
        }
    }

    fn measure<F: Feed>(&mut self, feed: &F) {
        if self.tally.measure(&self.batches, self.since.elapsed(), feed.lag()).is_multiple_of(RETELL) {
            // Should a commit have been lost on a slot where nothing moves.
            feed.commit(self.batches.finals());
        }
    }

    /// A halt of the pure state becomes ours.
    fn notice(&mut self) {
        if let Some(why) = self.batches.halted().filter(|_| self.halted.is_none()) {
            self.unsaved = true;
            self.stand_still(Halted { why: why.to_owned(), since: (self.works.clock)() });
        }
    }

    fn stand_still(&mut self, halted: Halted) {
        observe::halted(self.works.service, &halted.why);
        self.batches.halt(halted.why.clone());
        self.condition.halted = Some(halted.why.clone());
        self.halted = Some(halted);
    }

    fn brake(&mut self, keeper: &mut Keeper) {
        let counts = self.batches.fuse().counts();
        if self.unsaved || counts != self.saved {
            // A halt is saved once: later, a person may have ended it.
            let left = self.left(End::Left);
            let halted = left.halted.filter(|_| self.unsaved);
            keeper.save(Brake { halted, ..left });
            (self.saved, self.unsaved) = (counts, false);
        }
    }

    fn look(&mut self, keeper: &mut Keeper) {
        let Some(seen) = keeper.news().filter(|_| !self.unsaved) else { return };
        match (seen.halted, &self.halted) {
            (Some(found), None) => self.stand_still(found),
            (None, Some(ours)) => {
                observe::resumed(self.works.service, &ours.why);
                self.resumed = true;
            }
            _ => {}
        }
    }
}
