//! Dead letters of records: acknowledged by Kafka before the record is finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use async_trait::async_trait;
use bus::{InRecord, OutRecord};

use crate::job::Verdict;

/// Where dead letters go: a service answers it with its producer and the topic that it has looked up.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// How many partitions the topic of dead letters has.
    fn partitions(&self) -> i32;

    /// Whose dead letters these are, where that is not the consumer's own name: a service that consumes a second topic
    /// has one place for what it gives up.
    fn service(&self) -> Option<&'static str> {
        None
    }

    /// Returns only once Kafka has acknowledged the letter with an offset; an error says that it may not be there.
    async fn bury(&self, letter: OutRecord) -> Result<(), String>;
}

/// The topic of a service's dead letters. The number of its partitions is asked of Kafka, which may answer late: before
/// that no letter is accepted, and who wants one buried comes again.
#[derive(Debug, Clone)]
pub struct Letters {
    service: &'static str,
    producer: bus::Producer,
    /// Zero: not known yet.
    known: Arc<AtomicI32>,
}

impl Letters {
    /// Of this service.
    pub fn new(service: &'static str, producer: bus::Producer) -> Self {
        Self { service, producer, known: Arc::default() }
    }

    /// Kafka has answered: the topic has that many partitions.
    pub fn learn(&self, partitions: i32) {
        self.known.store(partitions, Ordering::Relaxed);
    }
}

#[async_trait]
impl DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        self.known.load(Ordering::Relaxed)
    }

    fn service(&self) -> Option<&'static str> {
        Some(self.service)
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        if self.partitions() == 0 {
            return Err(format!("the number of partitions of okr.dead.{} is not known yet", self.service));
        }
        self.producer.send(letter).await.map(drop).map_err(|error| error.to_string())
    }
}

/// Who gives up.
pub struct Giver<'a> {
    pub service: &'a str,
    /// When, as text.
    pub at: &'a str,
    /// Partitions of the topic of dead letters.
    pub partitions: i32,
}

/// The dead letter of a record: as it came, and why it was given up after how many attempts.
pub fn compose(record: &InRecord, giver: &Giver<'_>, attempts: u32, verdict: &Verdict) -> OutRecord {
    let origin = bus::dead::Origin {
        service: giver.service,
        target: None,
        reason: verdict.reason,
        error: &verdict.error,
        attempts,
        at: giver.at,
    };
    bus::dead::letter(record, &origin, giver.partitions)
}
