//! The runtime: takes what the consumer, the tasks and the clock report, one thing after the other, to the owner.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use boot::House;
use bus::{Consumer, Onlooker};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep, sleep_until};

use crate::budget::Budget;
use crate::feed::{Feed, News};
use crate::keeper::{self, Keeper};
use crate::lookout::{Leash, Lookout};
use crate::owner::{BATCH, Owner};
use crate::work::Bench;
use crate::{Brakes, DeadLetters, Handler, WorkerConfig};

/// How often lag and load are measured.
pub const MEASURE: Duration = Duration::from_secs(5);

/// How often the broker is asked whether it is there, and how long it may take to answer.
const WATCH: Duration = Duration::from_secs(3);

/// How long a member that was left behind is mourned before a new one joins.
const REJOIN_PAUSE: Duration = Duration::from_secs(1);

/// What a consuming service is made of.
pub struct Worker<H> {
    /// Names the health check, the metrics and the dead letters: `notifier`.
    pub service: &'static str,
    pub topics: Vec<&'static str>,
    /// The consumer group: `okr.notifier`.
    pub group: String,
    pub handler: H,
    pub settings: bus::Settings,
    pub dead: Arc<dyn DeadLetters>,
    /// What keeps a halt across restarts; without it a restart ends a halt.
    pub brakes: Option<Arc<dyn Brakes>>,
    pub config: WorkerConfig,
    pub house: House,
}

impl<H> fmt::Debug for Worker<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, topics, group, .. } = self;
        let mut worker = f.debug_struct("Worker");
        worker.field("service", service).field("topics", topics).field("group", group).finish_non_exhaustive()
    }
}

/// Why a role cannot go on in this process.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The consumer could not be made.
    #[error("group could not be joined")]
    Join(#[source] bus::BusError),
}

/// Why a member is no longer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The house shuts down: drained, committed, left.
    Left,
    /// The consumer has stopped for good: a new one has to join.
    Stalled,
    /// It was halted, and a person let it go on: it begins afresh.
    Resumed,
}

/// Consumes until the house shuts down: then drains, commits and leaves the group. A role that halts stays in here,
/// in its group, not ready, until it is stopped. A member that stopped by itself is replaced.
pub async fn run<H: Handler>(worker: Worker<H>) -> Result<(), WorkerError> {
    let Worker { service, topics, group, handler, settings, dead, brakes, config, house } = worker;
    let bench = Arc::new(Bench { service, group: group.clone(), handler, dead, clock: house.clock.clone() });
    // The consumer waits a little longer than the runtime drains, so that the answer is in time.
    let revoke_grace = config.drain_grace.0 + Duration::from_secs(5);
    let mut brake = tokio::select! {
        () = house.shutdown.cancelled() => return Ok(()),
        brake = keeper::first(service, brakes.as_ref()) => brake,
    };
    let mut asides = JoinSet::new();
    let onlooker = Arc::new(Onlooker::new(&settings, &group).map_err(WorkerError::Join)?);
    let mut sight = Sight {
        broker: watch_broker(Arc::clone(&onlooker), &mut asides),
        keeper: Keeper::start(service, brakes, &mut asides),
    };
    let lookout = Lookout::new(service, onlooker, &house, revoke_grace);
    loop {
        let budget = budget(&config);
        let feed = Consumer::join(&settings, &group, &topics, budget.clone(), revoke_grace);
        let feed = feed.map_err(WorkerError::Join)?;
        let leash = lookout.follow(feed.pulse());
        let mut owner = Owner::new(Arc::clone(&bench), config, &house, budget, brake);
        match drive(&mut owner, feed, leash, (&config, &house), &mut sight).await {
            End::Left => return Ok(()),
            End::Stalled => sleep(REJOIN_PAUSE).await,
            End::Resumed => {}
        }
        brake = owner.left();
    }
}

/// What a member sees besides its feed.
pub struct Sight {
    /// What is wrong with the broker, if anything.
    pub broker: watch::Receiver<Option<String>>,
    /// The service's brake.
    pub keeper: Keeper,
}

/// The bounds of unfinished work.
pub fn budget(config: &WorkerConfig) -> Arc<Budget> {
    Arc::new(Budget::new(config.queue_records_max, config.queue_bytes_max.as_usize()))
}

/// One membership, over any feed.
pub async fn drive<H: Handler, F: Feed>(
    owner: &mut Owner<H>,
    mut feed: F,
    leash: Leash,
    (config, house): (&WorkerConfig, &House),
    sight: &mut Sight,
) -> End {
    let Sight { broker, keeper } = sight;
    let mut commit = ticks(config.commit_every.0.max(Duration::from_millis(1)));
    let mut measure = ticks(MEASURE);
    let mut came_home = Vec::with_capacity(BATCH);
    broker.mark_changed();
    let end = loop {
        leash.turned();
        let due = owner.due();
        tokio::select! {
            biased; // Order is priority: leave, then finish, then commit, then fetch, which may always have more.
            () = house.shutdown.cancelled() => break End::Left,
            _ = owner.home.recv_many(&mut came_home, BATCH) => owner.settle(came_home.drain(..)),
            _ = commit.tick() => {
                owner.commit(&feed);
                owner.brake(keeper);
                if let Some(why) = leash.trouble() {
                    owner.accept(News::Stalled(why));
                }
            }
            _ = measure.tick() => owner.measure(&feed),
            Ok(()) = broker.changed() => owner.broker(broker.borrow_and_update().clone()),
            Ok(()) = keeper.seen.changed() => owner.look(keeper),
            () = due => {}
            news = feed.next() => owner.accept(news.unwrap_or_else(News::ended)),
        }
        owner.soak(&mut feed);
        if owner.is_stalled() {
            break End::Stalled;
        }
        if owner.is_resumed() {
            break End::Resumed;
        }
        owner.start();
        owner.answer();
    };
    drop(leash); // A member that leaves may stand still.
    drain(owner, &mut feed, config.drain_grace.0).await;
    // The next owner follows what the store says, and so must not find an older state there.
    owner.brake(keeper);
    // Of a member that was thrown out nothing may be committed.
    let offsets = if end == End::Stalled { Vec::new() } else { owner.finals() };
    feed.close(offsets).await;
    end
}

/// Begins nothing more and lets what is under way end, while rebalances are still answered.
async fn drain<H: Handler, F: Feed>(owner: &mut Owner<H>, feed: &mut F, grace: Duration) {
    let deadline = Instant::now() + grace;
    let mut came_home = Vec::with_capacity(BATCH);
    owner.stop();
    while owner.is_busy() {
        let due = owner.due();
        tokio::select! {
            biased;
            _ = owner.home.recv_many(&mut came_home, BATCH) => owner.settle(came_home.drain(..)),
            () = sleep_until(deadline) => break,
            () = due => {}
            Some(news) = feed.next() => owner.accept(news),
        }
        owner.answer();
    }
    owner.abandon();
}

pub fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Follows the broker until `asides` is dropped.
pub fn watch_broker(onlooker: Arc<Onlooker>, asides: &mut JoinSet<()>) -> watch::Receiver<Option<String>> {
    let (tell, broker) = watch::channel(None);
    asides.spawn(async move {
        loop {
            let why = onlooker.alive(WATCH).await.err().map(|error| error.to_string());
            tell.send_if_modified(|known| {
                let changed = *known != why;
                *known = why;
                changed
            });
            sleep(WATCH).await;
        }
    });
    broker
}
