//! Destinations and dead letters that a test drives, and a running engine around them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use boot::{House, Rate, Span};
use bus::OutRecord;
use jiff::Timestamp;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::holder::later;
use crate::tests::memory::Memory;
use crate::{
    Content, DeadLetters, Destination, Effect, Engine, EngineError, EngineOptions, Form, OutboxConfig,
    Parcel, RecordCopy, Refusal, Shipment,
};

/// What a destination does with a shipment: how long it takes and what it answers.
type Script = dyn Fn(&Shipment) -> (Duration, Result<(), Refusal>) + Send + Sync;

/// Everything that reached a destination: when, which subject, which text.
pub type Seen = Vec<(Duration, String, String)>;

pub struct Fake {
    name: String,
    rate: Rate,
    script: Mutex<Arc<Script>>,
    seen: Mutex<Seen>,
    began: Instant,
}

#[async_trait]
impl Destination for Fake {
    fn name(&self) -> &str {
        &self.name
    }

    fn form(&self) -> Form {
        Form::Text
    }

    fn escape(&self) -> fn(&str) -> String {
        str::to_owned
    }

    fn rate(&self) -> Rate {
        self.rate
    }

    fn rate_key(&self) -> String {
        self.name.clone()
    }

    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal> {
        let text = shipment.text.clone().unwrap_or_default();
        self.seen.lock().unwrap().push((self.began.elapsed(), shipment.subject_key.clone(), text));
        let script = Arc::clone(&self.script.lock().unwrap());
        let (takes, answer) = script(shipment);
        tokio::time::sleep(takes).await;
        answer
    }
}

#[derive(Default)]
pub struct FakeLetters {
    pub letters: Mutex<Vec<OutRecord>>,
    pub refuses: AtomicBool,
    /// How many it takes.
    pub room: Mutex<Option<usize>>,
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
        let mut letters = self.letters.lock().unwrap();
        if self.room.lock().unwrap().is_some_and(|room| letters.len() >= room) {
            return Err("no room".to_owned());
        }
        letters.push(letter);
        Ok(())
    }
}

pub fn passing(after: Option<Duration>) -> Refusal {
    Refusal::Passing { after, reason: "status_5xx", error: "500".to_owned(), ambiguous: false }
}

pub fn permanent() -> Refusal {
    Refusal::Permanent { reason: "status_404", error: "no such channel".to_owned() }
}

/// A running engine.
pub struct Bench {
    pub engine: Engine,
    pub queue: Arc<Memory>,
    pub dead: Arc<FakeLetters>,
    pub house: House,
    targets: HashMap<String, Arc<Fake>>,
    pub run: JoinHandle<Result<(), EngineError>>,
    began: Instant,
}

/// Accepts at once until told otherwise.
fn fake(name: &str, rate: Rate, began: Instant) -> Arc<Fake> {
    let script: Arc<Script> = Arc::new(|_| (Duration::ZERO, Ok(())));
    let (script, seen) = (Mutex::new(script), Mutex::default());
    Arc::new(Fake { name: name.to_owned(), rate, script, seen, began })
}

impl Bench {
    /// Targets with their rates; all accept at once until told otherwise.
    pub fn start(targets: &[(&str, Rate)]) -> Self {
        Self::start_with(targets, OutboxConfig { rows_max: 50, ..OutboxConfig::default() })
    }

    pub fn start_with(targets: &[(&str, Rate)], config: OutboxConfig) -> Self {
        let began = Instant::now();
        let house = House::new(Arc::new(move || later(Timestamp::UNIX_EPOCH, began.elapsed())));
        let (queue, dead) = (Arc::<Memory>::default(), Arc::<FakeLetters>::default());
        let fake = |(name, rate): &(&str, Rate)| ((*name).to_owned(), fake(name, *rate, began));
        let targets: HashMap<String, Arc<Fake>> = targets.iter().map(fake).collect();
        let destinations =
            targets.values().map(|target| Arc::clone(target) as Arc<dyn Destination>).collect();
        let engine = Engine::new(EngineOptions {
            service: "notifier",
            owner: "me".to_owned(),
            queue: Arc::<Memory>::clone(&queue),
            destinations,
            dead: Arc::<FakeLetters>::clone(&dead),
            config,
            house: house.clone(),
        });
        let running = engine.clone();
        let run = tokio::spawn(async move { running.run().await });
        Self { engine, queue, dead, house, targets, run, began }
    }

    /// Configures these targets; a known one goes on as it is unless it is one of `anew`.
    pub fn exchange(&mut self, targets: &[(&str, Rate)], anew: &[&str]) {
        for (name, rate) in targets {
            if anew.contains(name) || !self.targets.contains_key(*name) {
                self.targets.insert((*name).to_owned(), fake(name, *rate, self.began));
            }
        }
        let configured =
            targets.iter().map(|(name, _)| Arc::clone(&self.targets[*name]) as Arc<dyn Destination>);
        self.engine.exchange(configured.collect());
    }

    /// What the target does from now on.
    pub fn script(
        &self,
        target: &str,
        script: impl Fn(&Shipment) -> (Duration, Result<(), Refusal>) + Send + Sync + 'static,
    ) {
        *self.targets[target].script.lock().unwrap() = Arc::new(script);
    }

    /// Plans messages of one subject: `subject 0`, `subject 1`, …
    pub async fn plan(&self, target: &str, subject: &str, texts: std::ops::Range<u32>) {
        let parcels = texts.map(|text| parcel(target, subject, &text.to_string())).collect();
        self.engine.plan(parcels).await.unwrap();
    }

    pub fn seen(&self, target: &str) -> Seen {
        self.targets[target].seen.lock().unwrap().clone()
    }

    /// The texts that reached a target.
    pub fn texts(&self, target: &str) -> Vec<String> {
        self.seen(target).into_iter().map(|(_, _, text)| text).collect()
    }

    pub fn letters(&self) -> Vec<OutRecord> {
        self.dead.letters.lock().unwrap().clone()
    }
}

pub fn parcel(target: &str, subject: &str, text: &str) -> Parcel {
    let effect = Effect {
        service: "notifier".to_owned(),
        event_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{subject} {text}").as_bytes()),
        target: target.to_owned(),
        replay_id: String::new(),
    };
    let record = RecordCopy {
        topic: "okr.events".to_owned(),
        partition: 3,
        offset: 9,
        key: Some(bytes::Bytes::copy_from_slice(subject.as_bytes())),
        headers: vec![("ce_id".to_owned(), Some(bytes::Bytes::from_static(b"1")))],
        ..RecordCopy::default()
    };
    Parcel {
        effect,
        subject_key: subject.to_owned(),
        received_at: Timestamp::UNIX_EPOCH,
        content: Content { text: Some(text.to_owned()), ..Content::default() },
        record,
    }
}

/// Attempts in quick succession, and as many as `attempts_max`.
pub fn quick(attempts_max: u32) -> OutboxConfig {
    let mut config =
        OutboxConfig { schedule: vec![Span::seconds(1)], attempts_max, ..OutboxConfig::default() };
    config.breaker.failures = 1_000;
    config
}
