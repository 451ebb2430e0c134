//! Lag, as librdkafka's statistics (STATISTICS.md) tell it.

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
}

fn unknown() -> i64 {
    -1
}

/// The lag of each partition where it is known.
pub(super) fn lags(statistics: &[u8]) -> Vec<(Slot, i64)> {
    let Ok(statistics) = serde_json::from_slice::<Statistics>(statistics) else {
        return Vec::new();
    };
    let mut lags = Vec::new();
    for (name, topic) in statistics.topics {
        let name: std::sync::Arc<str> = name.into();
        let known = topic.partitions.values().filter(|known| known.partition >= 0 && known.consumer_lag >= 0);
        lags.extend(known.map(|known| (Slot::new(name.clone(), known.partition), known.consumer_lag)));
    }
    lags
}

#[cfg(test)]
mod tests;
