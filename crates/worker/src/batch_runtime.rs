//! The runtime of state services: batches over all partitions of a member, one or several at a time.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use boot::House;
use bus::{Consumer, Membership, Mix, Onlooker, Slot, Start};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::batch::{BatchHandler, Works};
use crate::batch_member::{BatchMember, BatchSight, Told};
use crate::batches::{BatchRules, Batches};
use crate::budget::Budget;
use crate::gaps::{GapKeeper, given_up};
use crate::keeper::{self, Keeper};
use crate::lookout::Lookout;
use crate::progress::{Progress, ProgressError, Standing};
use crate::relay::{Outlet, relay};
use crate::runtime::{End, watch_broker};
use crate::{Brakes, DeadLetters, WorkerConfig, WorkerError, observe};

/// How long an assignment waits for the store; then the member leaves and comes again.
const ASSIGN_WAIT: Duration = Duration::from_secs(60);
const REJOIN_PAUSE: Duration = Duration::from_secs(1);
/// How long gaps of further slots are looked for, so that a person is asked about all of them at once. Shorter than
/// the time in which other members learn of the halt.
const SURVEY: Duration = Duration::from_secs(2);

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
    /// How many batches may be under way at a time, each of partitions of its own; 0 counts as 1. With more than one, the
    /// handler and the progress are asked about several at once.
    pub writers: usize,
    pub house: House,
}

impl<H: BatchHandler> fmt::Debug for BatchWorker<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, topics, group, .. } = self;
        let mut worker = f.debug_struct("BatchWorker");
        worker.field("service", service).field("topics", topics).field("group", group).finish_non_exhaustive()
    }
}

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
        writers,
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
    let onlooker = Arc::new(Onlooker::new(&settings, &group).map_err(WorkerError::Join)?);
    let mut sight = BatchSight {
        broker: watch_broker(Arc::clone(&onlooker), &mut asides),
        keeper: Keeper::start(service, brakes.clone(), &mut asides),
        gaps: GapKeeper::start(service, brakes.clone(), &mut asides),
    };
    let revoke_grace = config.drain_grace.0 + Duration::from_secs(5);
    let lookout = Lookout::new(service, onlooker, &house, revoke_grace);
    loop {
        let (told, gate) = (Told::default(), budget(&config, writers));
        let store = Resolution { service, progress: Arc::clone(&progress), brakes: brakes.clone() };
        let membership = Membership {
            group: group.clone(),
            topics: topics.iter().map(ToString::to_string).collect(),
            gate: gate.clone(),
            revoke_grace,
            start: Start::Resolved(resolver(store, Arc::clone(&told))),
            // A subject of whom much is told at once is written once.
            mix: Mix::Coarse,
        };
        let feed = Consumer::join_as(&settings, membership).map_err(WorkerError::Join)?;
        let leash = lookout.follow(feed.pulse());
        let batches = Batches::new(rules(&config, writers), gate, fastrand::u64(..), &brake.fuse);
        let mut member = BatchMember::new(Arc::clone(&works), batches, told, &house, brake.halted.take());
        let end = member.drive(feed, leash, &house, &mut sight).await;
        brake = member.left(end);
        match end {
            End::Left => return Ok(()),
            End::Stalled => sleep(REJOIN_PAUSE).await,
            End::Resumed => {}
        }
    }
}

/// The bounds of unfinished work, all batches under way included: the next one comes meanwhile.
fn budget(config: &WorkerConfig, writers: usize) -> Arc<Budget> {
    let WorkerConfig { batch, queue_records_max, queue_bytes_max, .. } = config;
    let batches = writers.max(1) + 1;
    let records = batch.records_max.saturating_mul(batches).max(*queue_records_max);
    let bytes = batch.bytes_max.as_usize().saturating_mul(batches).max(queue_bytes_max.as_usize());
    Arc::new(Budget::new(records, bytes))
}

fn rules(config: &WorkerConfig, writers: usize) -> BatchRules {
    BatchRules {
        writers,
        records_max: config.batch.records_max,
        bytes_max: config.batch.bytes_max.as_usize(),
        linger: config.batch.linger.0,
        survey: SURVEY,
        backoff: config.retry.into(),
        drain_grace: config.drain_grace.0,
        fuse: config.fuse,
    }
}

/// Who says where slots begin.
pub struct Resolution<P: ?Sized> {
    pub service: &'static str,
    pub progress: Arc<P>,
    pub brakes: Option<Arc<dyn Brakes>>,
}

/// Asks the store where slots begin, on the consumer's own thread, which is none of tokio's.
fn resolver<P: Progress + ?Sized>(store: Resolution<P>, told: Told) -> bus::Resolver {
    let tokio = tokio::runtime::Handle::current();
    Arc::new(move |slots: &[Slot]| {
        let standings = tokio.block_on(async {
            let deadline = Instant::now() + ASSIGN_WAIT;
            loop {
                match store.assign(slots).await {
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

impl<P: Progress + ?Sized> Resolution<P> {
    /// The slots are ours; those that a person has given up begin anew.
    pub async fn assign(&self, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        let mut standings = self.progress.assign(self.service, slots).await?;
        let Some(brakes) = &self.brakes else { return Ok(standings) };
        let accepted = brakes.gaps(self.service, true).await;
        let accepted = accepted.map_err(|error| ProgressError::Unavailable(error.to_string()))?;
        let mut begun = Vec::new();
        for (standing, gap) in given_up(&standings, &accepted) {
            let Standing { slot, epoch, next, .. } = standing;
            self.progress.restart(self.service, slot, *epoch, *next).await?;
            observe::gap_accepted(self.service, gap);
            begun.push(slot.clone());
        }
        for standing in standings.iter_mut().filter(|standing| begun.contains(&standing.slot)) {
            (standing.next, standing.last) = (0, None);
        }
        let spent: Vec<Slot> =
            accepted.into_iter().map(|gap| gap.slot).filter(|slot| slots.contains(slot)).collect();
        if !spent.is_empty() {
            let told = brakes.spend_gaps(self.service, &spent).await;
            told.map_err(|error| ProgressError::Unavailable(error.to_string()))?;
        }
        Ok(standings)
    }
}
