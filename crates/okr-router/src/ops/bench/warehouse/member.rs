//! A member of the role, but for its topic and group: the real consumer, batches, decoding and commits.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use ::warehouse::{Entry, Intake, SERVICE, Target, Trial};
use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use boot::House;
use bus::{OutRecord, Slot};
use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use worker::{
    Batch, BatchWorker, DeadLetters, Outlet, Progress, ProgressError, Standing, WorkerError, run_batches,
};

use super::{
    super::{meter, peak::Peak},
    Course,
    report::Lap,
};

/// How long nothing may be committed, joining the group included, before the round is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A member at work.
pub(super) struct Member {
    house: House,
    task: JoinHandle<Result<(), WorkerError>>,
    commits: Arc<Commits>,
    peak: Peak,
}

impl Course {
    /// Starts one, in a group of its own.
    pub(super) async fn member(&self, trial: &Trial, name: &str) -> Result<Member> {
        let commits = Arc::new(Commits::of(trial.target().await?));
        let house = House::new(boot::system_clock());
        let worker = BatchWorker {
            service: SERVICE,
            // A name for the life of the process, as the role's topic has; there are a few per run.
            topics: vec![&*self.topic.clone().leak()],
            group: format!("{}.{name}", self.topic),
            handler: Intake::new(self.decoder.clone()),
            progress: commits.clone(),
            settings: self.settings.clone(),
            dead: Arc::new(Nowhere),
            outlet: Arc::new(Nowhere),
            brakes: None,
            config: self.config,
            // As the role has it.
            writers: if trial.place().is_file() { 1 } else { self.writers },
            house: house.clone(),
        };
        Ok(Member { house, task: tokio::spawn(run_batches(worker)), commits, peak: Peak::watch() })
    }
}

impl Member {
    /// Waits until so many records are committed; from the end of the first commit to that of the last one.
    pub(super) async fn lap(&self, records: u64) -> Result<Lap> {
        let (first, last, commits) = loop {
            let moved = self.commits.moved.notified();
            let (first, last, commits) = self.commits.so_far();
            match first.zip(last) {
                Some((first, last)) if last.records >= records => break (first, last, commits),
                _ => {}
            }
            if timeout(PATIENCE, moved).await.is_err() {
                let done = last.map_or(0, |last| last.records);
                bail!(
                    "nothing was committed for {} s, after {done} of {records} records",
                    PATIENCE.as_secs()
                );
            }
        };
        if commits < 2 {
            bail!("all of it was one batch: let there be more records than `worker.batch.records_max`");
        }
        Ok(Lap {
            records: last.records - first.records,
            wall: last.at - first.at,
            cpu: last.used.zip(first.used).map(|(last, first)| last.saturating_sub(first)),
            commits: commits - 1,
            memory: self.peak.so_far(),
        })
    }

    /// Drains, commits and leaves; gives the tables back.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.house.shutdown.cancel();
        (&mut self.task).await?.context("the runtime did not run")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A moment at the end of a commit.
#[derive(Debug, Clone, Copy)]
struct Moment {
    at: Instant,
    used: Option<Duration>,
    /// Committed by then.
    records: u64,
}

/// The tables, and how many records were committed to them.
struct Commits {
    target: Arc<dyn Target>,
    /// After the first commit, after the last one, and how many there were.
    seen: Mutex<(Option<Moment>, Option<Moment>, u64)>,
    moved: Notify,
}

impl Commits {
    fn of(target: Arc<dyn Target>) -> Self {
        Self { target, seen: Mutex::default(), moved: Notify::new() }
    }

    fn so_far(&self) -> (Option<Moment>, Option<Moment>, u64) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self, records: usize) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, last, commits) = &mut *seen;
        let records = last.map_or(0, |last| last.records) + records as u64;
        let now = Moment { at: Instant::now(), used: meter::used(), records };
        (*first, *last, *commits) = (first.or(Some(now)), Some(now), *commits + 1);
        drop(seen);
        self.moved.notify_one();
    }
}

#[async_trait]
impl Progress for Commits {
    type Changes = Vec<Entry>;

    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.target.assign(service, slots).await
    }

    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.target.standings(service, slots).await
    }

    async fn commit(&self, service: &str, batch: &Batch<Vec<Entry>>) -> Result<(), ProgressError> {
        self.target.commit(service, batch).await?;
        self.count(batch.changes.len());
        Ok(())
    }

    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        self.target.restart(service, slot, epoch, from).await
    }
}

/// Nothing of ours is given up, and the warehouse produces nothing.
struct Nowhere;

#[async_trait]
impl DeadLetters for Nowhere {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, _: OutRecord) -> Result<(), String> {
        Err("a bench has no dead letters".to_owned())
    }
}

#[async_trait]
impl Outlet for Nowhere {
    async fn send(&self, _: OutRecord) -> Result<(), String> {
        Err("a bench produces nothing".to_owned())
    }
}
