//! One member: in a process of its own, so that it can be killed and stopped, or as a task.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::Result;
use async_trait::async_trait;
use boot::{Bytes, House, Span, system_clock};
use bus::{OutRecord, Producer, Settings, Slot};
use okr_tests::{Folder, Process, Recipe};
use serde::{Deserialize, Serialize};
use store::{State, Store};
use tokio::signal::unix::{SignalKind, signal};
use worker::{
    Batch, BatchConfig, BatchWorker, Brakes, DeadLetters, Outgoing, Progress, ProgressError, RetryConfig,
    Standing, WorkerConfig,
};

use crate::sums::{Adding, SERVICE};

/// The orders of a process, as JSON.
const ORDERS: &str = "OKR_TEST_MEMBER";
const DEAD: &str = "okr.dead.batch";
/// What a member says of a commit without an answer: the words of the error.
pub const UNCONFIRMED: &str = "progress was not confirmed";
/// What a member says of a commit that is held up, with the partitions and epochs in it.
pub const HELD_UP: &str = "held up:";
/// What it says of one that came too late.
pub const REFUSED: &str = "refused";
const LOOK: Duration = Duration::from_millis(10);

/// What a member is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    pub name: String,
    pub broker: String,
    pub store: String,
    pub topic: String,
    pub out: String,
    /// Where a file `<name>.stall` holds its commits up, and `<name>.refused` names a partition that takes none.
    pub folder: PathBuf,
    /// How long what was not confirmed rests at most.
    pub pause_max: Duration,
}

impl Orders {
    /// The consumer group.
    pub fn group(&self) -> String {
        format!("okr.{}", self.topic)
    }

    /// Starts this test executable once more, as a member.
    pub fn start(&self, folder: &Folder) -> Result<Process> {
        let recipe = Recipe {
            program: std::env::current_exe()?,
            args: ["--exact", "member::as_a_process", "--nocapture"].map(String::from).to_vec(),
            env: vec![(ORDERS.to_owned(), serde_json::to_string(self)?)],
        };
        Process::start(&self.name, &recipe, folder)
    }

    fn stall(&self) -> PathBuf {
        self.folder.join(format!("{}.stall", self.name))
    }

    fn refused(&self) -> PathBuf {
        self.folder.join(format!("{}.refused", self.name))
    }

    /// From now on no commit is confirmed that has records of this partition; `None` ends it.
    pub fn refuse(&self, partition: Option<i32>) -> Result<()> {
        match partition {
            Some(partition) => std::fs::write(self.refused(), partition.to_string())?,
            None => std::fs::remove_file(self.refused())?,
        }
        Ok(())
    }

    /// From now on its commits wait.
    pub fn hold_up(&self) -> Result<()> {
        Ok(std::fs::write(self.stall(), "")?)
    }

    pub fn let_go(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.stall())?)
    }
}

/// Nothing but the entrance of the processes that [`Orders::start`] starts: without orders there is nothing to do.
#[test]
fn as_a_process() -> Result<()> {
    let Ok(orders) = std::env::var(ORDERS) else { return Ok(()) };
    let orders: Orders = serde_json::from_str(&orders)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let (house, mut term) = (House::new(system_clock()), signal(SignalKind::terminate())?);
        let store = loop {
            if let Ok(store) = Store::open(&orders.store, system_clock()).await {
                break store;
            }
            tokio::time::sleep(LOOK).await;
        };
        let shutdown = house.shutdown.clone();
        tokio::spawn(async move {
            term.recv().await;
            shutdown.cancel();
        });
        work(&orders, store, house).await
    })
}

/// Works until the house shuts down.
pub async fn work(orders: &Orders, store: Arc<Store>, house: House) -> Result<()> {
    let mut settings = Settings::new(vec![orders.broker.clone()], format!("batch-{}", orders.name));
    settings.session_timeout = Duration::from_secs(6);
    let producer = Producer::new(&settings, Duration::from_secs(20))?;
    while producer.warm(&[&orders.out, DEAD]).await.is_err() {
        tokio::time::sleep(LOOK).await;
    }
    let progress = Held { orders: orders.clone(), store: Arc::clone(&store) };
    let brakes: Arc<dyn Brakes> = Arc::<Store>::clone(&store);
    let worker = BatchWorker {
        service: SERVICE,
        topics: vec![orders.topic.clone().leak()],
        group: orders.group(),
        handler: Adding { store, out: orders.out.clone() },
        progress: Arc::new(progress),
        settings,
        dead: Arc::new(Letters(producer.clone())),
        outlet: Arc::new(producer),
        brakes: Some(brakes),
        config: config(orders.pause_max),
        // The sums of a partition depend on that partition alone.
        writers: 2,
        house,
    };
    Ok(worker::run_batches(worker).await?)
}

fn config(pause_max: Duration) -> WorkerConfig {
    let span = |ms| Span(Duration::from_millis(ms));
    WorkerConfig {
        batch: BatchConfig { records_max: 200, bytes_max: Bytes(1 << 20), linger: span(20) },
        queue_records_max: 2_000,
        drain_grace: span(3_000),
        retry: RetryConfig { pause: span(100), pause_max: Span(pause_max) },
        ..WorkerConfig::default()
    }
}

struct Letters(Producer);

#[async_trait]
impl DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        1
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        self.0.send(letter).await.map(drop).map_err(|error| error.to_string())
    }
}

/// The store, but for commits that are held up, and that says on stdout when one is refused.
struct Held {
    orders: Orders,
    store: Arc<Store>,
}

#[async_trait]
impl Progress for Held {
    type Changes = Vec<State>;

    async fn assign(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.store.assign(service, slots).await
    }

    async fn standings(&self, service: &str, slots: &[Slot]) -> Result<Vec<Standing>, ProgressError> {
        self.store.standings(service, slots).await
    }

    async fn commit(&self, service: &str, batch: &Batch<Vec<State>>) -> Result<(), ProgressError> {
        if self.orders.stall().exists() {
            let marks = batch.marks.iter().map(|mark| format!(" {}@{}", mark.slot.partition, mark.epoch));
            println!("{HELD_UP}{}", marks.collect::<String>());
            while self.orders.stall().exists() {
                tokio::time::sleep(LOOK).await;
            }
        }
        let refused = std::fs::read_to_string(self.orders.refused()).ok().and_then(|text| text.parse().ok());
        if refused.is_some_and(|refused: i32| batch.marks.iter().any(|mark| mark.slot.partition == refused)) {
            return Err(ProgressError::Unavailable("not this partition".to_owned()));
        }
        let committed = self.store.commit(service, batch).await;
        match &committed {
            Ok(()) => {}
            Err(ProgressError::Outdated) => println!("{REFUSED}"),
            Err(error) => println!("{error}"),
        }
        committed
    }

    async fn restart(&self, service: &str, slot: &Slot, epoch: i64, from: i64) -> Result<(), ProgressError> {
        self.store.restart(service, slot, epoch, from).await
    }

    async fn outgoing(
        &self,
        service: &str,
        owner: &str,
        lease: Duration,
        limit: usize,
    ) -> Result<Vec<Outgoing>, ProgressError> {
        self.store.outgoing(service, owner, lease, limit).await
    }

    async fn sent(&self, service: &str, ids: &[i64]) -> Result<(), ProgressError> {
        self.store.sent(service, ids).await
    }
}
