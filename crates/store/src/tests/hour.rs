//! The delivery engine over the file for an hour in which one target hangs and one answers 500. Time stands still
//! unless everybody waits; whoever waits for the file lets no time pass.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boot::{House, Rate, Span};
use futures::executor::block_on;
use jiff::{SignedDuration, Timestamp};
use outbox::{
    DeadLetters, Depth, Destination, Effect, Engine, EngineOptions, Form, OutboxConfig, Parcel, Planned,
    Queue, QueueError, Refusal, Row, Settlement, Shipment, Take,
};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::parcel;
use crate::Store;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: u32 = 3_600;
const HANGS: &str = "hangs";
const FAILS: &str = "fails";
const WELL: [&str; 8] = ["t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"];
/// An event for everybody each five seconds.
const PACE: u32 = 5;
const EVENTS: u32 = HOUR / PACE;
const ROWS_MAX: u64 = 100;
/// How late the engine may learn that a target is full, in events.
const LATE: u64 = 3;

/// The store, asked in a way that keeps time from passing while it works.
#[derive(Clone)]
struct Still(Arc<Store>);

impl Still {
    async fn ask<T: Send + 'static>(
        &self,
        question: impl AsyncFnOnce(&Store) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let store = Arc::clone(&self.0);
        spawn_blocking(move || block_on(question(&store))).await.unwrap()
    }
}

#[async_trait]
impl Queue for Still {
    async fn plan(&self, parcels: Vec<Parcel>) -> Result<Planned, QueueError> {
        self.ask(async move |store| store.plan(parcels).await).await
    }

    async fn known(&self, effects: Vec<Effect>) -> Result<Vec<bool>, QueueError> {
        self.ask(async move |store| store.known(effects).await).await
    }

    async fn close(&self, effects: Vec<Effect>, reason: &str) -> Result<(), QueueError> {
        let reason = reason.to_owned();
        self.ask(async move |store| store.close(effects, &reason).await).await
    }

    async fn hold(
        &self,
        service: &str,
        owner: &str,
        targets: &[String],
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<String>, QueueError> {
        let (service, owner, targets) = (service.to_owned(), owner.to_owned(), targets.to_vec());
        self.ask(async move |store| store.hold(&service, &owner, &targets, until, now).await).await
    }

    async fn release(&self, service: &str, owner: &str) -> Result<(), QueueError> {
        let (service, owner) = (service.to_owned(), owner.to_owned());
        self.ask(async move |store| store.release(&service, &owner).await).await
    }

    async fn take(&self, take: Take) -> Result<Vec<Row>, QueueError> {
        self.ask(async move |store| store.take(take).await).await
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<(), QueueError> {
        self.ask(async move |store| store.settle(settlements).await).await
    }

    async fn next_due(
        &self,
        service: &str,
        targets: &[String],
    ) -> Result<Vec<(String, Timestamp)>, QueueError> {
        let (service, targets) = (service.to_owned(), targets.to_vec());
        self.ask(async move |store| store.next_due(&service, &targets).await).await
    }

    async fn depths(&self, service: &str) -> Result<Vec<Depth>, QueueError> {
        let service = service.to_owned();
        self.ask(async move |store| store.depths(&service).await).await
    }

    async fn prune(&self, before: Timestamp) -> Result<u64, QueueError> {
        self.ask(async move |store| store.prune(before).await).await
    }
}

/// A target, and what it does for now: how long it takes, and whether it accepts.
struct Fake {
    name: &'static str,
    does: Mutex<(Duration, bool)>,
    seen: Mutex<Vec<i64>>,
}

#[async_trait]
impl Destination for Fake {
    fn name(&self) -> &str {
        self.name
    }

    fn form(&self) -> Form {
        Form::Text
    }

    fn escape(&self) -> fn(&str) -> String {
        str::to_owned
    }

    fn rate(&self) -> Rate {
        Rate::NONE
    }

    fn rate_key(&self) -> String {
        self.name.to_owned()
    }

    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal> {
        let (takes, accepts) = *self.does.lock().unwrap();
        sleep(takes).await;
        if !accepts {
            let error = "no".to_owned();
            return Err(Refusal::Passing { after: None, reason: "status_5xx", error, ambiguous: false });
        }
        let number = shipment.text.as_deref().and_then(|text| text.rsplit(' ').next());
        self.seen.lock().unwrap().push(number.unwrap().parse().unwrap());
        Ok(())
    }
}

/// Letters by the target that they name.
#[derive(Default)]
struct Letters(Mutex<Vec<String>>);

#[async_trait]
impl DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        6
    }

    async fn bury(&self, letter: bus::OutRecord) -> Result<(), String> {
        let said = |name| letter.headers.get_str(name).unwrap_or_default();
        let (target, reason) = (said(bus::header::OKR_DEAD_TARGET), said(bus::header::OKR_DEAD_REASON));
        self.0.lock().unwrap().push(format!("{target} {reason}"));
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_hangs_and_one_that_fails_for_an_hour_delay_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let hour = Hour::begin(folder.path()).await;
    let (mut oldest, mut deepest) = (Duration::ZERO, 0);
    for event in 0..EVENTS {
        hour.plan(event).await;
        // Within what the slowest of them takes, and behind it.
        for millis in [100, 300, 600, 2_000, 4_000] {
            sleep_until(hour.began + SECOND * PACE * event + Duration::from_millis(millis)).await;
            for depth in hour.queue.depths(super::SERVICE).await.unwrap() {
                if WELL.contains(&&*depth.target) {
                    let age = hour.now().duration_since(depth.oldest.unwrap());
                    oldest = oldest.max(age.unsigned_abs());
                } else {
                    deepest = deepest.max(depth.rows);
                }
            }
        }
        sleep_until(hour.began + SECOND * PACE * (event + 1)).await;
    }
    assert!(
        oldest > Duration::ZERO && oldest < SECOND,
        "a row of a target that is well waited for {oldest:?}"
    );
    let bound = ROWS_MAX..=ROWS_MAX + LATE;
    assert!(bound.contains(&deepest), "the bound is {ROWS_MAX} rows, not {deepest}");
    let everything: Vec<i64> = (0..i64::from(EVENTS)).collect();
    for target in WELL {
        assert_eq!(hour.seen(target), everything, "{target}");
    }

    for target in [HANGS, FAILS] {
        *hour.fake(target).does.lock().unwrap() = (SECOND / 10, true);
    }
    // The breaker's longest pause, then the longest of the schedule.
    sleep(SECOND * 3 * HOUR).await;
    assert_eq!(hour.queue.depths(super::SERVICE).await.unwrap(), []);
    for target in [HANGS, FAILS] {
        let full = hour.letters(&format!("{target} target_full"));
        assert_eq!(full, hour.letters(target), "{target}: all its letters say that it was full");
        assert!(full > EVENTS as usize / 2, "{target}: {full}");
        assert_eq!(hour.seen(target).len() + full, EVENTS as usize, "{target}: each event has one end");
    }
    println!("{EVENTS} events, age of the others at most {oldest:?}, rows of the bad ones {deepest}");
    hour.house.shutdown.cancel();
}

/// A running engine over the file.
struct Hour {
    began: Instant,
    house: House,
    queue: Still,
    engine: Engine,
    fakes: Vec<Arc<Fake>>,
    letters: Arc<Letters>,
}

impl Hour {
    async fn begin(folder: &Path) -> Self {
        let began = Instant::now();
        let clock = move || Timestamp::UNIX_EPOCH + SignedDuration::try_from(began.elapsed()).unwrap();
        let house = House::new(Arc::new(clock));
        let url = format!("file:{}", folder.join("state.db").display());
        let queue = Still(Store::open(&url, house.clock.clone()).await.unwrap());
        let well = WELL.into_iter().zip(1..).map(|(name, takes)| (name, SECOND / 20 * takes, true));
        let bad = [(HANGS, SECOND * 10, false), (FAILS, SECOND / 10, false)];
        let fake = |(name, takes, accepts)| {
            Arc::new(Fake { name, does: Mutex::new((takes, accepts)), seen: Mutex::default() })
        };
        let fakes: Vec<Arc<Fake>> = well.chain(bad).map(fake).collect();
        let letters = Arc::<Letters>::default();
        let destination = |fake: &Arc<Fake>| Arc::clone(fake) as Arc<dyn Destination>;
        let engine = Engine::new(EngineOptions {
            service: super::SERVICE,
            owner: "me".to_owned(),
            queue: Arc::new(queue.clone()),
            destinations: fakes.iter().map(destination).collect(),
            dead: letters.clone(),
            config: OutboxConfig {
                rows_max: ROWS_MAX,
                age_max: Span(SECOND * 24 * HOUR),
                ..OutboxConfig::default()
            },
            house: house.clone(),
        });
        let running = engine.clone();
        tokio::spawn(async move { running.run().await });
        Self { began, house, queue, engine, fakes, letters }
    }

    /// The same event for everybody.
    async fn plan(&self, event: u32) {
        let parcels = self.fakes.iter().map(|fake| {
            let subject = format!("kr {}", event % 20);
            let mut parcel = parcel(u64::from(event), &subject, fake.name);
            parcel.received_at = self.now();
            parcel
        });
        self.engine.plan(parcels.collect()).await.unwrap();
    }

    fn now(&self) -> Timestamp {
        (self.house.clock)()
    }

    fn fake(&self, target: &str) -> &Fake {
        self.fakes.iter().find(|fake| fake.name == target).unwrap()
    }

    fn seen(&self, target: &str) -> Vec<i64> {
        self.fake(target).seen.lock().unwrap().clone()
    }

    /// Letters that begin so.
    fn letters(&self, words: &str) -> usize {
        self.letters.0.lock().unwrap().iter().filter(|letter| letter.starts_with(words)).count()
    }
}
