//! Dead letters of records and of deliveries: one topic, one producer.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use async_trait::async_trait;
use bus::OutRecord;

use crate::planner::SERVICE;

/// Buries what the worker and the engine give up. The number of partitions is asked of Kafka, which may answer late:
/// before that no letter is accepted, and who wants one buried comes again.
#[derive(Debug, Clone)]
pub(crate) struct Letters {
    producer: bus::Producer,
    /// Zero: not known yet.
    partitions: Arc<AtomicI32>,
}

impl Letters {
    pub(crate) fn new(producer: bus::Producer) -> Self {
        Self { producer, partitions: Arc::default() }
    }

    /// Kafka has answered: the topic has that many partitions.
    pub(crate) fn learn(&self, partitions: i32) {
        self.partitions.store(partitions, Ordering::Relaxed);
    }

    fn known(&self) -> i32 {
        self.partitions.load(Ordering::Relaxed)
    }

    async fn send(&self, letter: OutRecord) -> Result<(), String> {
        if self.known() == 0 {
            return Err("the number of partitions of okr.dead.notifier is not known yet".into());
        }
        self.producer.send(letter).await.map(drop).map_err(|error| error.to_string())
    }
}

#[async_trait]
impl worker::DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        self.known()
    }

    fn service(&self) -> Option<&'static str> {
        Some(SERVICE)
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        self.send(letter).await
    }
}

#[async_trait]
impl outbox::DeadLetters for Letters {
    fn partitions(&self) -> i32 {
        self.known()
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        self.send(letter).await
    }
}
