//! Lag and committed offsets, as librdkafka's statistics (STATISTICS.md) tell them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::record::Slot;

#[derive(Debug, Deserialize)]
struct Statistics {
    #[serde(default)]
    topics: BTreeMap<String, TopicStatistics>,
}

#[derive(Debug, Deserialize)]
struct TopicStatistics {
    partitions: BTreeMap<String, PartitionStatistics>,
}

#[derive(Debug, Deserialize)]
struct PartitionStatistics {
    partition: i32,
    /// -1 while unknown.
    #[serde(default = "unknown")]
    consumer_lag: i64,
    /// Negative while unknown.
    #[serde(default = "unknown")]
    committed_offset: i64,
    /// Where the next fetch begins; negative until the first one has begun.
    #[serde(default = "unknown")]
    next_offset: i64,
    /// Records that were fetched and wait to be polled.
    #[serde(default)]
    fetchq_cnt: i64,
}

/// What is known of a partition by now.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) lag: Option<i64>,
    /// The next offset that the broker has acknowledged or answered with.
    pub(super) committed: Option<i64>,
    /// Where the next fetch begins.
    pub(super) fetched: Option<i64>,
    /// Records that were fetched and wait to be polled.
    pub(super) queued: i64,
}

fn unknown() -> i64 {
    -1
}

/// What is told of each partition.
pub(super) fn read(statistics: &[u8]) -> Vec<(Slot, Told)> {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
        return Vec::new();
    };
    let known = |number: i64| (number >= 0).then_some(number);
    let mut all = Vec::new();
    for (name, topic) in statistics.topics {
        let name: std::sync::Arc<str> = name.into();
        for partition in topic.partitions.values().filter(|partition| partition.partition >= 0) {
            let told = Told {
                lag: known(partition.consumer_lag),
                committed: known(partition.committed_offset),
                fetched: known(partition.next_offset),
                queued: partition.fetchq_cnt,
            };
            all.push((Slot::new(name.clone(), partition.partition), told));
        }
    }
    all
}

#[cfg(test)]
mod tests;
