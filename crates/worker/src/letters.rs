//! Dead letters of records: acknowledged by Kafka before the record is finished.

use async_trait::async_trait;
use bus::OutRecord;

/// Where dead letters go. The runtime uses [`ProducerLetters`]; tests put their own here.
#[async_trait]
pub trait DeadLetters: Send + Sync + 'static {
    /// How many partitions the topic of dead letters has.
    fn partitions(&self) -> i32;

    /// Returns only once Kafka has acknowledged the letter with an offset; an error says that it may not be there.
    async fn bury(&self, letter: OutRecord) -> Result<(), String>;
}

/// Dead letters through a producer.
#[derive(Debug, Clone)]
pub struct ProducerLetters {
    pub producer: bus::Producer,
    /// Partitions of `okr.dead.<service>`.
    pub partitions: i32,
}

#[async_trait]
impl DeadLetters for ProducerLetters {
    fn partitions(&self) -> i32 {
        self.partitions
    }

    async fn bury(&self, letter: OutRecord) -> Result<(), String> {
        self.producer.send(letter).await.map(drop).map_err(|error| error.to_string())
    }
}
