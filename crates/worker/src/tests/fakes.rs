//! A consumer, a handler and dead letters in memory.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boot::House;
use bus::{Gate, Headers, InRecord, OutRecord, Slot};
use bytes::Bytes;
use futures::FutureExt;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::budget::Budget;
use crate::feed::{Feed, News};
use crate::keeper::Keeper;
use crate::lookout::Lookout;
use crate::owner::Owner;
use crate::partitions::Offsets;
use crate::runtime::{End, Sight, drive};
use crate::tests::SECOND;
use crate::tests::eyes::FakeEyes;
use crate::work;
use crate::{Brake, BrakeError, Brakes, DeadLetters, Failure, Gap, Halted, Handler, WorkerConfig};

pub fn slot(partition: i32) -> Slot {
    Slot::new("okr.events", partition)
}

pub fn record(partition: i32, offset: i64, key: &str) -> InRecord {
    let mut headers = Headers::default();
    headers.push("ce_id", "1");
    InRecord {
        slot: slot(partition),
        offset,
        timestamp_ms: Some(1),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from_static(b"value")),
        headers,
    }
}

pub struct FakeFeed {
    pub news: UnboundedReceiver<News>,
    pub shared: Arc<Shared>,
    pub budget: Arc<Budget>,
}

#[derive(Default)]
pub struct Shared {
    pub commits: Mutex<Offsets>,
    closed: Mutex<Option<Offsets>>,
    /// The next offset of an endless log, from which records come as long as the gate is open.
    flood: AtomicI64,
    flows: Notify,
    waiting: AtomicUsize,
}

impl Shared {
    /// From now on, or not any more, records of ever new keys come as long as the gate is open.
    pub fn flood(&self, flows: bool) {
        self.flood.store(i64::from(flows), Ordering::SeqCst);
        self.flows.notify_one();
    }
}

impl Feed for FakeFeed {
    async fn next(&mut self) -> Option<News> {
        let flood = self.shared.flood.load(Ordering::SeqCst);
        if flood > 0 && self.budget.open() && self.news.is_empty() {
            self.shared.flood.store(flood + 1, Ordering::SeqCst);
            let record = record(0, flood, &flood.to_string());
            self.budget.admit(1, record.size());
            return Some(News::Record(record));
        }
        let news = tokio::select! {
            news = self.news.recv() => news,
            () = self.shared.flows.notified() => return Some(News::Trouble("the flood begins".to_owned())),
        };
        if let Some(News::Record(record)) = &news {
            self.budget.admit(1, record.size());
        }
        self.shared.waiting.store(self.news.len(), Ordering::SeqCst);
        news
    }

    fn commit(&self, offsets: Offsets) {
        self.shared.commits.lock().unwrap().extend(offsets);
    }

    fn lag(&self) -> Offsets {
        Vec::new()
    }

    async fn close(self, offsets: Offsets) {
        *self.shared.closed.lock().unwrap() = Some(offsets);
    }
}

type Script = dyn Fn(&InRecord, u32) -> Result<(), Failure> + Send + Sync;

struct Scripted {
    delay: Box<dyn Fn(&InRecord) -> Duration + Send + Sync>,
    script: Box<Script>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    handled: Mutex<Vec<i64>>,
    running: AtomicUsize,
}

#[async_trait]
impl Handler for Scripted {
    type Item = i64;

    async fn decode(&self, record: &InRecord) -> Result<i64, Failure> {
        Ok(record.offset)
    }

    async fn handle(&self, item: &i64, record: &InRecord, attempt: u32) -> Result<(), Failure> {
        let delay = (self.delay)(record);
        if !delay.is_zero() {
            self.log.running.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(delay).await;
            self.log.running.fetch_sub(1, Ordering::SeqCst);
        }
        (self.script)(record, attempt)?;
        self.log.handled.lock().unwrap().push(*item);
        Ok(())
    }
}

#[derive(Default)]
pub struct FakeLetters {
    letters: Mutex<Vec<OutRecord>>,
    refuses: AtomicBool,
}

impl FakeLetters {
    pub fn letters(&self) -> Vec<OutRecord> {
        self.letters.lock().unwrap().clone()
    }

    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }
}

#[async_trait]
impl DeadLetters for FakeLetters {
    fn partitions(&self) -> i32 {
        6
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        if self.refuses.load(Ordering::SeqCst) {
            return Err("no leader".to_owned());
        }
        self.letters.lock().unwrap().push(letter);
        Ok(())
    }
}

/// A store that keeps one brake and may be down.
#[derive(Default)]
pub struct FakeBrakes {
    pub brake: Mutex<Brake>,
    pub gaps: Mutex<Vec<Gap>>,
    pub down: AtomicBool,
}

#[async_trait]
impl Brakes for FakeBrakes {
    async fn load(&self, _: &str) -> Result<Brake, BrakeError> {
        self.up()?;
        Ok(self.brake.lock().unwrap().clone())
    }

    async fn save(&self, _: &str, brake: &Brake) -> Result<(), BrakeError> {
        self.up()?;
        let mut kept = self.brake.lock().unwrap();
        let halted = kept.halted.clone().or(brake.halted.clone());
        *kept = Brake { halted, fuse: brake.fuse.clone() };
        Ok(())
    }

    async fn resume(&self, service: &str) -> Result<Vec<(String, Halted)>, BrakeError> {
        self.up()?;
        let brake = std::mem::take(&mut *self.brake.lock().unwrap());
        Ok(brake.halted.into_iter().map(|halted| (service.to_owned(), halted)).collect())
    }

    async fn note_gaps(&self, _: &str, gaps: &[Gap]) -> Result<(), BrakeError> {
        self.up()?;
        self.gaps.lock().unwrap().extend_from_slice(gaps);
        Ok(())
    }

    async fn gaps(&self, _: &str, _: bool) -> Result<Vec<Gap>, BrakeError> {
        self.up()?;
        Ok(self.gaps.lock().unwrap().clone())
    }

    async fn accept_gaps(&self, service: &str) -> Result<Vec<Gap>, BrakeError> {
        self.gaps(service, false).await
    }

    async fn spend_gaps(&self, _: &str, slots: &[Slot]) -> Result<(), BrakeError> {
        self.up()?;
        self.gaps.lock().unwrap().retain(|gap| !slots.contains(&gap.slot));
        Ok(())
    }
}

impl FakeBrakes {
    fn up(&self) -> Result<(), BrakeError> {
        if self.down.load(Ordering::SeqCst) { Err(BrakeError("down".to_owned())) } else { Ok(()) }
    }
}

/// A running membership and everything around it.
pub struct Bench {
    pub budget: Arc<Budget>,
    pub dead: Arc<FakeLetters>,
    pub broker: watch::Sender<Option<String>>,
    pub brakes: Arc<FakeBrakes>,
    pub eyes: FakeEyes,
    news: UnboundedSender<News>,
    shared: Arc<Shared>,
    log: Arc<Log>,
    house: House,
    run: JoinHandle<End>,
}

impl Bench {
    /// A handler that answers at once.
    pub fn start(script: impl Fn(&InRecord, u32) -> Result<(), Failure> + Send + Sync + 'static) -> Self {
        Self::run(Box::new(|_| Duration::ZERO), Box::new(script), Brake::default())
    }

    /// As [`Bench::start`], after a process that left `brake`.
    pub fn start_with(
        brake: Brake,
        script: impl Fn(&InRecord, u32) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Self::run(Box::new(|_| Duration::ZERO), Box::new(script), brake)
    }

    /// A handler that takes its time and succeeds.
    pub fn start_slow(delay: impl Fn(&InRecord) -> Duration + Send + Sync + 'static) -> Self {
        Self::run(Box::new(delay), Box::new(|_, _| Ok(())), Brake::default())
    }

    fn run(
        delay: Box<dyn Fn(&InRecord) -> Duration + Send + Sync>,
        script: Box<Script>,
        brake: Brake,
    ) -> Self {
        let house = House::new(Arc::new(|| Timestamp::UNIX_EPOCH));
        let config = WorkerConfig { queue_records_max: 100, in_flight_max: 16, ..WorkerConfig::default() };
        let budget = crate::runtime::budget(&config);
        let (dead, log, shared) =
            (Arc::<FakeLetters>::default(), Arc::<Log>::default(), Arc::<Shared>::default());
        let handler = Scripted { delay, script, log: Arc::clone(&log) };
        let letters: Arc<dyn DeadLetters> = Arc::<FakeLetters>::clone(&dead);
        let bench = Arc::new(work::Bench {
            service: "notifier",
            group: "okr.notifier".to_owned(),
            handler,
            dead: letters,
            clock: Arc::clone(&house.clock),
        });
        let (news, reports) = unbounded_channel();
        let feed = FakeFeed { news: reports, shared: Arc::clone(&shared), budget: Arc::clone(&budget) };
        let mut owner = Owner::new(bench, config, &house, Arc::clone(&budget), brake);
        let (broker, state) = watch::channel(None);
        let eyes = FakeEyes::default();
        let lookout =
            Lookout::new("notifier", Arc::new(eyes.clone()), &house, config.drain_grace.0 + SECOND * 5);
        let leash = lookout.follow(eyes.clone());
        let brakes = Arc::<FakeBrakes>::default();
        let at_home = house.clone();
        let kept: Arc<dyn Brakes> = Arc::<FakeBrakes>::clone(&brakes);
        let run = tokio::spawn(async move {
            let mut asides = JoinSet::new();
            let keeper = Keeper::start("notifier", Some(kept), &mut asides);
            let mut sight = Sight { broker: state, keeper };
            drive(&mut owner, feed, leash, (&config, &at_home), &mut sight).await
        });
        Self { budget, dead, broker, brakes, eyes, news, shared, log, house, run }
    }

    pub fn tell(&self, news: News) {
        assert!(self.news.send(news).is_ok(), "the runtime has ended");
    }

    pub fn assign(&self) {
        self.tell(News::Assigned(vec![slot(0), slot(1)]));
    }

    pub fn receive(&self, record: InRecord) {
        self.tell(News::Record(record));
    }

    /// From now on records of ever new keys come as long as the gate is open.
    pub fn flood(&self) {
        self.shared.flood(true);
    }

    /// Takes slot 0 away; resolves when it is handed back.
    pub fn revoke(&self) -> impl Future<Output = Result<Offsets, oneshot::error::RecvError>> + use<> {
        let (give, answer) = oneshot::channel();
        self.shared.flood.store(0, Ordering::SeqCst);
        self.tell(News::Revoking(vec![slot(0)], Box::new(move |offsets| drop(give.send(offsets)))));
        answer
    }

    pub fn is_feed_empty(&self) -> bool {
        self.shared.waiting.load(Ordering::SeqCst) == 0
    }

    pub fn commits(&self) -> Offsets {
        self.shared.commits.lock().unwrap().clone()
    }

    pub fn handled(&self) -> Vec<i64> {
        self.log.handled.lock().unwrap().clone()
    }

    pub fn running(&self) -> usize {
        self.log.running.load(Ordering::SeqCst)
    }

    /// Why the consumer is not ready.
    pub fn why(&self) -> Option<String> {
        self.house.health.report().checks.get("notifier.consumer").and_then(|check| check.why.clone())
    }

    /// What the watchdog says.
    pub fn watchdog(&self) -> Option<String> {
        self.house.health.report().checks.get("notifier.watchdog").and_then(|check| check.why.clone())
    }

    /// The house, and how it ended by itself.
    pub async fn finished(self) -> (House, (End, Offsets)) {
        (self.house.clone(), self.ended().await)
    }

    pub async fn stop(self) -> (End, Offsets) {
        self.house.shutdown.cancel();
        self.ended().await
    }

    /// How it ended, and what it committed last.
    pub async fn ended(self) -> (End, Offsets) {
        let end = self.run.map(Result::unwrap).await;
        (end, self.shared.closed.lock().unwrap().clone().unwrap_or_default())
    }
}
