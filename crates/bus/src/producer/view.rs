//! What a producer knows of the cluster, as its statistics tell.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::producer::{BaseProducer, Producer as _};
use serde::Deserialize;

use super::context::Context;
use crate::error::{BusError, is_missing};

/// Partition counts by topic.
pub(super) type Counts = BTreeMap<String, i32>;

/// The part of librdkafka's statistics (STATISTICS.md) that tells whether a producer is ready.
#[derive(Debug, Default, Deserialize)]
pub(super) struct View {
    #[serde(default)]
    eos: Eos,
    #[serde(default)]
    topics: BTreeMap<String, TopicView>,
}

#[derive(Debug, Deserialize)]
struct Eos {
    /// -1 until the producer has one.
    producer_id: i64,
}

impl Default for Eos {
    fn default() -> Self {
        Self { producer_id: -1 }
    }
}

#[derive(Debug, Deserialize)]
struct TopicView {
    partitions: BTreeMap<String, PartitionView>,
}

#[derive(Debug, Deserialize)]
struct PartitionView {
    /// -1 while unknown.
    leader: i32,
}

impl View {
    pub(super) fn read(statistics: &[u8]) -> Option<Self> {
        serde_json::from_slice(statistics).ok()
    }

    /// Whether the producer has its id and a leader for each partition of these topics.
    pub(super) fn covers(&self, wanted: &Counts) -> bool {
        let led = |topic: &TopicView, count: i32| {
            (0..count).all(|id| topic.partitions.get(&id.to_string()).is_some_and(|known| known.leader >= 0))
        };
        self.eos.producer_id >= 0
            && wanted
                .iter()
                .all(|(name, count)| self.topics.get(name).is_some_and(|topic| led(topic, *count)))
    }
}

/// Asks the cluster, which makes the client itself learn the answer. Blocks for at most `wait` in all.
pub(super) fn leaders(
    client: &BaseProducer<Context>,
    topics: &[String],
    wait: Duration,
) -> Result<Counts, BusError> {
    let deadline = Instant::now() + wait;
    let (mut counts, mut missing) = (Counts::new(), Vec::new());
    for name in topics {
        let left = deadline.saturating_duration_since(Instant::now());
        let metadata =
            client.client().fetch_metadata(Some(name), left).map_err(|error| BusError::from_kafka(&error))?;
        let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else {
            missing.push(name.clone());
            continue;
        };
        match topic.error().map(rdkafka::error::RDKafkaErrorCode::from) {
            None => {}
            Some(code) if is_missing(code) => {
                missing.push(name.clone());
                continue;
            }
            Some(code) => return Err(BusError::from_code(Some(code), format!("{name}: {code}"))),
        }
        if let Some(headless) = topic.partitions().iter().find(|partition| partition.leader() < 0) {
            return Err(BusError::Unavailable(format!("{name}/{} has no leader", headless.id())));
        }
        counts.insert(name.clone(), topic.partitions().len() as i32);
    }
    if missing.is_empty() { Ok(counts) } else { Err(BusError::MissingTopics(missing)) }
}

#[cfg(test)]
mod tests;
