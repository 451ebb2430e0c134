//! One round of the engine: planned, delivered and marked, all of it the real thing.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;
use bus::OutRecord;
use jiff::Timestamp;
use outbox::{
    DeadLetters, Depth, Effect, Engine, EngineOptions, OutboxConfig, Outcome, Parcel, Planned, Queue,
    QueueError, Row, Settlement, Take,
};
use store::{Store, Trial};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{
    super::{meter::processor_time, peak::Peak},
    load::Load,
    receiver::Receiver,
    report::Figures,
};

/// Names the rows.
pub const SERVICE: &str = "bench";
/// Records that plan at a time: what `worker.in_flight_max` is when left out.
const PLANNERS: u64 = 256;
/// How long nothing may be marked before the round is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plans, delivers and marks the whole load.
pub async fn deliver(
    load: &Load,
    config: &OutboxConfig,
    trial: &Trial,
    receiver: &mut Receiver,
) -> Result<Figures> {
    let store = trial.store(boot::system_clock()).await.context("the store was not opened")?;
    let queue = Arc::new(Counted::over(store));
    let house = boot::House::new(boot::system_clock());
    let engine = Engine::new(EngineOptions {
        service: SERVICE,
        owner: format!("{SERVICE}-{}", Uuid::now_v7()),
        queue: queue.clone(),
        destinations: load.destinations.clone(),
        dead: Arc::new(Nowhere),
        config: config.clone(),
        house: house.clone(),
    });
    let running = tokio::spawn({
        let engine = engine.clone();
        async move { engine.run().await }
    });
    let (used, peak, since) = (processor_time(std::process::id()), Peak::watch(), Instant::now());
    let commits = commits();
    let mut planners = plan(&engine, load);
    let planned = async {
        while let Some(planned) = planners.join_next().await {
            planned??;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(planned, queue.marked(load.events))?;
    let figures = Figures {
        events: load.events,
        seconds: since.elapsed().as_secs_f64(),
        processor: used_since(used),
        memory: peak.so_far(),
        commits: self::commits().saturating_sub(commits),
    };
    house.shutdown.cancel();
    running.await?.context("the engine did not end well")?;
    let left: u64 = queue.depths(SERVICE).await?.iter().map(|depth| depth.rows).sum();
    let received = receiver.received().await?;
    ensure!(
        left == 0 && received == load.events,
        "{received} of {} deliveries came, {left} are left",
        load.events
    );
    Ok(figures)
}

/// What this process has used since it had used `before`.
pub fn used_since(before: Option<Duration>) -> Option<Duration> {
    Some(processor_time(std::process::id())?.saturating_sub(before?))
}

/// One record after the other, as many at a time as the consumer runtime handles.
fn plan(engine: &Engine, load: &Load) -> JoinSet<Result<()>> {
    let (round, next) = (Uuid::now_v7(), Arc::new(AtomicU64::new(0)));
    let mut planners = JoinSet::new();
    for _ in 0..PLANNERS.min(load.events) {
        let (engine, load, next) = (engine.clone(), load.clone(), Arc::clone(&next));
        planners.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= load.events {
                    return Ok(());
                }
                let planned = engine.plan(vec![load.parcel(round, n, Timestamp::now())]).await?;
                ensure!(planned.new == 1, "event {n} was known");
            }
        });
    }
    planners
}

/// Write transactions of this process so far.
fn commits() -> u64 {
    let text = boot::metrics_handle().render();
    let lines = text.lines().filter(|line| line.starts_with("okr_store_commits_total"));
    lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

/// Nothing may end here.
struct Nowhere;

#[async_trait]
impl DeadLetters for Nowhere {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, _letter: OutRecord) -> Result<(), String> {
        Err("a measured delivery was given up".to_owned())
    }
}

/// The store, and how many rows are marked done in it.
struct Counted {
    store: Arc<Store>,
    done: AtomicU64,
    moved: Notify,
}

impl Counted {
    fn over(store: Arc<Store>) -> Self {
        Self { store, done: AtomicU64::new(0), moved: Notify::new() }
    }

    /// Returns once so many are.
    async fn marked(&self, events: u64) -> Result<()> {
        loop {
            let done = self.done.load(Ordering::Acquire);
            if done >= events {
                return Ok(());
            }
            let moved = tokio::time::timeout(PATIENCE, self.moved.notified()).await;
            moved.with_context(|| {
                format!("nothing was marked for {PATIENCE:?}, after {done} of {events} events")
            })?;
        }
    }
}

#[async_trait]
impl Queue for Counted {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        self.store.plan(parcels).await
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        self.store.known(effects).await
    }

    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError> {
        self.store.close(effects, reason).await
    }

    async fn hold(
        &self,
        service: &str,
        owner: &str,
        targets: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, QueueError> {
        self.store.hold(service, owner, targets, until, now).await
    }

    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError> {
        self.store.release(service, owner).await
    }

    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError> {
        self.store.take(take).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        let done = settlements.iter().filter(|settlement| settlement.outcome == Outcome::Done).count();
        self.store.settle(settlements).await?;
        self.done.fetch_add(done as u64, Ordering::AcqRel);
        self.moved.notify_one();
        Ok(())
    }

    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        self.store.next_due(service, targets).await
    }

    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError> {
        self.store.depths(service).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError> {
        self.store.prune(before).await
    }
}
