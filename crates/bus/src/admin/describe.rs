//! A topic as the cluster has it.

use std::collections::BTreeMap;

use rdkafka::{Offset, TopicPartitionList, metadata::Metadata};

/// A topic that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// Its partitions, ascending from 0.
    pub partitions: Vec<PartitionState>,
    /// The configs that are set on the topic itself; what it has by the brokers' defaults is not here.
    pub configs: BTreeMap<String, String>,
}

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionState {
    /// From 0.
    pub id: i32,
    /// The broker that leads it, when one does.
    pub leader: Option<i32>,
    /// How many brokers should hold it.
    pub replicas: i32,
    /// How many hold all of it now.
    pub in_sync: i32,
}

/// What a partition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// From 0.
    pub partition: i32,
    /// The oldest offset that may still be there.
    pub low: i64,
    /// The offset that the next record gets.
    pub high: i64,
}

/// Those of these topics that exist, in that order, without their configs.
pub(super) fn states(metadata: &Metadata, topics: &[String]) -> Vec<TopicState> {
    let find = |name: &String| {
        metadata.topics().iter().find(|topic| topic.name() == name && topic.error().is_none())
    };
    let state = |topic: &rdkafka::metadata::MetadataTopic| {
        let partition = |partition: &rdkafka::metadata::MetadataPartition| PartitionState {
            id: partition.id(),
            leader: Some(partition.leader()).filter(|leader| *leader >= 0),
            replicas: partition.replicas().len() as i32,
            in_sync: partition.isr().len() as i32,
        };
        let mut partitions: Vec<PartitionState> = topic.partitions().iter().map(partition).collect();
        partitions.sort_by_key(|partition| partition.id);
        TopicState { name: topic.name().to_owned(), partitions, configs: BTreeMap::new() }
    };
    topics.iter().filter_map(find).map(state).collect()
}

/// Each partition of a list with its offset, where it has one.
pub(super) fn committed(list: &TopicPartitionList) -> Vec<(i32, Option<i64>)> {
    let mut committed: Vec<(i32, Option<i64>)> = list
        .elements()
        .iter()
        .map(|element| match element.offset() {
            Offset::Offset(next) => (element.partition(), Some(next)),
            _ => (element.partition(), None),
        })
        .collect();
    committed.sort_unstable();
    committed
}
