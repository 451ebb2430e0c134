//! What state services keep here beside their progress, and records that wait for Kafka.

use bus::OutRecord;
use outbox::{QueueError, RecordCopy};
use worker::Outgoing;

/// One piece of a service's state, by a key of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Unique within the service; without NUL.
    pub key: String,
    /// None removes it.
    pub value: Option<Vec<u8>>,
}

/// A record as bytes; it has no offset yet.
pub(crate) fn packed(record: &OutRecord) -> Vec<u8> {
    let headers = record.headers.iter().map(|(name, value)| (name.to_owned(), value.cloned())).collect();
    let copy = RecordCopy {
        topic: record.topic.to_string(),
        partition: record.partition,
        offset: -1,
        timestamp_ms: None,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    };
    copy.pack()
}

/// The record again.
pub(crate) fn unpacked(id: i64, packed: &[u8]) -> Result<Outgoing, QueueError> {
    let copy = RecordCopy::unpack(packed)
        .map_err(|error| QueueError::Broken(format!("outgoing record {id} is not readable: {error}")))?;
    let RecordCopy { topic, partition, key, value, headers, .. } = copy;
    let headers = headers.into_iter().collect();
    Ok(Outgoing { id, record: OutRecord { topic: topic.into(), partition, key, value, headers } })
}
