//! Dead letters: the untouched record, and headers that say where it came from and why it is here.

use std::sync::Arc;

use crate::{
    header, place,
    record::{InRecord, OutRecord},
};

/// An error in words is cut to this many bytes: it is for reading, and the record has its own size to keep.
const ERROR_BYTES_MAX: usize = 1024;

/// Who gave up, and why.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// The service, which names the topic: `okr.dead.<service>`.
    pub service: &'a str,
    /// The target that was given up for; none when the record itself was.
    pub target: Option<&'a str>,
    /// A word of a small closed set.
    pub reason: &'a str,
    /// The error in words, without secrets; cut to 1 KiB.
    pub error: &'a str,
    /// How often it was tried.
    pub attempts: u32,
    /// When, RFC 3339.
    pub at: &'a str,
}

/// The topic of a service's dead letters.
pub fn topic(service: &str) -> Arc<str> {
    format!("okr.dead.{service}").into()
}

/// The dead letter of a record, for a dead-letter topic of that many partitions.
///
/// Key, value and headers stay as they are. `okr-original-*` is added unless the record already has it (a replayed
/// record keeps its first home) or was never in Kafka (a negative offset); `okr-dead-*` is always added, last. A record
/// with a key is placed by it, one without goes to its original partition modulo the count.
pub fn letter(record: &InRecord, origin: &Origin<'_>, partitions: i32) -> OutRecord {
    let mut headers = record.headers.clone();
    if record.offset >= 0 && !headers.has(header::OKR_ORIGINAL_TOPIC) {
        headers.push(header::OKR_ORIGINAL_TOPIC, record.slot.topic.to_string());
        headers.push(header::OKR_ORIGINAL_PARTITION, record.slot.partition.to_string());
        headers.push(header::OKR_ORIGINAL_OFFSET, record.offset.to_string());
        if let Some(timestamp_ms) = record.timestamp_ms {
            headers.push(header::OKR_ORIGINAL_TIMESTAMP, timestamp_ms.to_string());
        }
    }
    headers.push(header::OKR_DEAD_SERVICE, origin.service.to_owned());
    if let Some(target) = origin.target {
        headers.push(header::OKR_DEAD_TARGET, target.to_owned());
    }
    headers.push(header::OKR_DEAD_REASON, origin.reason.to_owned());
    headers.push(header::OKR_DEAD_ERROR, cut(origin.error).to_owned());
    headers.push(header::OKR_DEAD_ATTEMPTS, origin.attempts.to_string());
    headers.push(header::OKR_DEAD_AT, origin.at.to_owned());
    let partition = match &record.key {
        Some(key) => place::partition(key, partitions),
        None => record.slot.partition.max(0) % partitions.max(1),
    };
    OutRecord {
        topic: topic(origin.service),
        partition,
        key: record.key.clone(),
        value: record.value.clone(),
        headers,
    }
}

fn cut(error: &str) -> &str {
    &error[..error.floor_char_boundary(ERROR_BYTES_MAX)]
}

#[cfg(test)]
mod tests;
