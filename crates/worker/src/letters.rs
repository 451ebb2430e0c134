//! Dead letters of records: acknowledged by Kafka before the record is finished.

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
