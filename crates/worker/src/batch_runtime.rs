//! The runtime of state services: one batch at a time over all partitions of a member.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use boot::House;
use bus::{Consumer, Membership, Slot, Start};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::batch::{BatchHandler, Ending, Works};
use crate::batches::{BatchRules, Batches, Cut};
use crate::feed::{Feed, GiveBack, News};
use crate::health::{Condition, Teller};
use crate::job::Verdict;
use crate::keeper::{self, Keeper};
use crate::partitions::Offsets;
use crate::progress::{Progress, Standing};
use crate::relay::{Outlet, relay};
use crate::runtime::{End, budget};
use crate::{Brake, Brakes, DeadLetters, Failure, Halted, WorkerConfig, WorkerError, observe};

/// Most records of one transaction.
const RECORDS_MAX: usize = 2_000;
/// How long an assignment waits for the store; then the member leaves and comes again.
const ASSIGN_WAIT: Duration = Duration::from_secs(60);
const REJOIN_PAUSE: Duration = Duration::from_secs(1);

/// What a state service is made of.
pub struct BatchWorker<H: BatchHandler> {
    /// Names the health check, the metrics, the dead letters and the progress: `alerts`.
    pub service: &'static str,
    pub topics: Vec<&'static str>,
    /// The consumer group: `okr.alerts`.
    pub group: String,
    pub handler: H,
    pub progress: Arc<dyn Progress<Changes = H::Changes>>,
    pub settings: bus::Settings,
    pub dead: Arc<dyn DeadLetters>,
    /// Where committed records go.
    pub outlet: Arc<dyn Outlet>,
    pub brakes: Option<Arc<dyn Brakes>>,
    pub config: WorkerConfig,
    pub house: House,
}

impl<H: BatchHandler> fmt::Debug for BatchWorker<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, topics, group, .. } = self;
        let mut worker = f.debug_struct("BatchWorker");
        worker.field("service", service).field("topics", topics).field("group", group).finish_non_exhaustive()
    }
}

/// What the store said at an assignment, until the member hears of it.
pub type Told = Arc<Mutex<HashMap<Slot, Standing>>>;

/// Consumes in batches, and relays what they produce, until the house shuts down.
pub async fn run_batches<H: BatchHandler>(worker: BatchWorker<H>) -> Result<(), WorkerError> {
    let BatchWorker {
        service,
        topics,
        group,
        handler,
        progress,
        settings,
        dead,
        outlet,
        brakes,
        config,
        house,
    } = worker;
    let clock = house.clock.clone();
    let works = Arc::new(Works { service, handler, progress: Arc::clone(&progress), dead, clock });
    let mut brake = tokio::select! {
        () = house.shutdown.cancelled() => return Ok(()),
        brake = keeper::first(service, brakes.as_ref()) => brake,
    };
    let mut asides = JoinSet::new();
    asides.spawn(relay(service, Arc::clone(&progress), outlet, house.shutdown.clone()));
    let mut keeper = Keeper::start(service, brakes, &mut asides);
    loop {
        let (told, gate) = (Told::default(), budget(&config));
        let membership = Membership {
            group: group.clone(),
            topics: topics.iter().map(ToString::to_string).collect(),
            gate: gate.clone(),
            revoke_grace: config.drain_grace.0 + Duration::from_secs(5),
            start: Start::Resolved(resolver(service, Arc::clone(&progress), Arc::clone(&told))),
        };
        let feed = Consumer::join_as(&settings, membership).map_err(WorkerError::Join)?;
        let rules = BatchRules {
            records_max: RECORDS_MAX,
            backoff: config.retry.into(),
            drain_grace: config.drain_grace.0,
            fuse: config.fuse,
        };
        let batches = Batches::new(rules, gate, fastrand::u64(..), &brake.fuse);
        let mut member = BatchMember::new(Arc::clone(&works), batches, told, &house, brake.halted.take());
        let end = member.drive(feed, &house, &mut keeper, config.drain_grace.0).await;
        brake = member.left(end);
        match end {
            End::Left => return Ok(()),
            End::Stalled => sleep(REJOIN_PAUSE).await,
            End::Resumed => {}
        }
    }
}

/// Asks the store where slots begin, on the consumer's own thread, which is none of tokio's.
fn resolver<P: Progress + ?Sized>(service: &'static str, progress: Arc<P>, told: Told) -> bus::Resolver {
    let tokio = tokio::runtime::Handle::current();
    Arc::new(move |slots: &[Slot]| {
        let standings = tokio.block_on(async {
            let deadline = Instant::now() + ASSIGN_WAIT;
            loop {
                match progress.assign(service, slots).await {
                    Ok(standings) => return standings,
                    Err(_) if Instant::now() < deadline => sleep(REJOIN_PAUSE).await,
                    Err(_) => return Vec::new(),
                }
            }
        });
        let starts = slots.iter().map(|slot| {
            let standing = standings.iter().find(|standing| standing.slot == *slot);
            (slot.clone(), standing.map(Standing::start))
        });
        let starts = starts.collect();
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.extend(standings.into_iter().map(|standing| (standing.slot.clone(), standing)));
        starts
    })
}

/// One membership.
pub struct BatchMember<H: BatchHandler> {
    works: Arc<Works<H, dyn Progress<Changes = H::Changes>>>,
    batches: Batches,
    told: Told,
    give_backs: VecDeque<GiveBack>,
    condition: Condition,
    teller: Teller,
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
        let teller = Teller::new(house.health.check(format!("{}.consumer", works.service)));
        let saved = batches.fuse().counts();
        let mut member = Self {
            works,
            batches,
            told,
            give_backs: VecDeque::new(),
            condition: Condition::default(),
            teller,
            halted: None,
            unsaved: false,
            resumed: false,
            saved,
            since: Instant::now(),
        };
        if let Some(halted) = halted {
            member.batches.halt(halted.why.clone());
            member.halted = Some(halted);
        }
        member
    }

    fn left(&self, end: End) -> Brake {
        if end == End::Resumed {
            return Brake::default();
        }
        Brake { halted: self.halted.clone(), fuse: self.batches.fuse().memory() }
    }

    /// Works until the house shuts down, the consumer stops, or a person lets a halted service go on.
    pub async fn drive<F: Feed>(
        &mut self,
        mut feed: F,
        house: &House,
        keeper: &mut Keeper,
        grace: Duration,
    ) -> End {
        let (way_home, mut home) = mpsc::unbounded_channel();
        let mut stop_at: Option<Instant> = None;
        let end = loop {
            let wake = self.batches.wake_at(self.since.elapsed()).map(|at| self.since + at);
            let wake = [wake, stop_at].into_iter().flatten().min();
            tokio::select! {
                biased; // Order is priority: leave, then finish, then fetch.
                () = house.shutdown.cancelled(), if stop_at.is_none() => {
                    self.batches.stop();
                    stop_at = Some(Instant::now() + grace);
                }
                Some((cut, ending)) = home.recv() => self.settle(cut, ending, &feed),
                Ok(()) = keeper.seen.changed() => self.look(keeper),
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
                news = feed.next() => self.accept(news.unwrap_or_else(News::ended)),
            }
            self.brake(keeper);
            self.answer();
            if stop_at.is_some_and(|at| !self.batches.is_busy() || Instant::now() >= at) {
                break End::Left;
            }
            if self.condition.stalled.is_some() {
                break End::Stalled;
            }
            if self.resumed && !self.batches.is_busy() {
                break End::Resumed;
            }
            if let Some(cut) = self.batches.cut(self.since.elapsed()) {
                let (works, way_home) = (Arc::clone(&self.works), way_home.clone());
                tokio::spawn(async move {
                    let ending = works.carry_out(&cut).await;
                    let _ = way_home.send((cut, ending));
                });
            }
            self.teller.tell(&self.condition);
        };
        let offsets = if end == End::Stalled { Offsets::new() } else { self.batches.finals() };
        feed.close(offsets).await;
        end
    }

    fn accept(&mut self, news: News) {
        match news {
            News::Record(record) => self.batches.record(record),
            News::Assigned(slots) => {
                observe::rebalanced(self.works.service, "assigned", &slots);
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
                observe::rebalanced(self.works.service, "revoked", &slots);
                self.batches.revoking(&slots, self.since.elapsed());
                self.give_backs.push_back(give_back);
            }
            News::Lost(slots) => {
                observe::rebalanced(self.works.service, "lost", &slots);
                self.batches.lost(&slots);
            }
            News::OutOfRange(slot) => {
                observe::gap(self.works.service, &slot);
                self.batches.torn(&slot);
            }
            News::Stalled(why) => {
                observe::stalled(self.works.service, &why);
                self.condition.stalled = Some(why);
            }
            News::Trouble(why) => observe::trouble(self.works.service, &why),
        }
        self.notice();
    }

    fn settle<F: Feed>(&mut self, cut: Cut, ending: Ending, feed: &F) {
        let now = self.since.elapsed();
        let outcome = match ending {
            Ending::Judged(fates) => {
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
            Ending::Rejected { slot, offset, reason, error } => {
                let _ = self.batches.condemn(cut, (&slot, offset), Verdict { reason, error });
                "rejected"
            }
            Ending::Failed(failure) => {
                let after = if let Failure::Retry { after, .. } = &failure { *after } else { None };
                self.batches.failed(cut, after, now);
                if let Failure::Halt { reason, error } = failure {
                    self.batches.halt(format!("{reason}: {error}"));
                }
                "failed"
            }
        };
        observe::batch_ended(self.works.service, outcome);
        self.notice();
    }

    /// A halt of the pure state becomes ours.
    fn notice(&mut self) {
        if let Some(why) = self.batches.halted().filter(|_| self.halted.is_none()) {
            observe::halted(self.works.service, why);
            self.halted = Some(Halted { why: why.to_owned(), since: (self.works.clock)() });
            self.unsaved = true;
        }
        self.condition.halted = self.halted.as_ref().map(|halted| halted.why.clone());
    }

    fn answer(&mut self) {
        while let Some(offsets) = self.batches.drained(self.since.elapsed()) {
            if let Some(give_back) = self.give_backs.pop_front() {
                give_back(offsets);
            }
        }
    }

    fn brake(&mut self, keeper: &mut Keeper) {
        let counts = self.batches.fuse().counts();
        if self.unsaved || counts != self.saved {
            keeper.save(self.left(End::Left));
            (self.saved, self.unsaved) = (counts, false);
        }
    }

    fn look(&mut self, keeper: &mut Keeper) {
        let Some(seen) = keeper.news().filter(|_| !self.unsaved) else { return };
        match (seen.halted, &self.halted) {
            (Some(found), None) => {
                self.batches.halt(found.why.clone());
                self.halted = Some(found);
                self.notice();
            }
            (None, Some(ours)) => {
                observe::resumed(self.works.service, &ours.why);
                self.resumed = true;
            }
            _ => {}
        }
    }
}
