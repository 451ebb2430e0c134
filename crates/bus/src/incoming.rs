//! Records on their way out of librdkafka's memory.

use std::{borrow::Cow, sync::Arc};

use bytes::Bytes;
use rdkafka::{
    Message, Timestamp,
    message::{BorrowedMessage, Headers as _},
};

use crate::{
    header,
    record::{Headers, InRecord, Slot},
};

/// Headers that our own records have, in the order in which the gateway writes them: their names cost no memory.
const NAMES: &[&str] = &[
    header::CE_SPECVERSION,
    header::CE_ID,
    header::CE_SOURCE,
    header::CE_TYPE,
    header::CE_TIME,
    header::CE_SUBJECT,
    header::CONTENT_TYPE,
    header::TRACEPARENT,
    header::OKR_DEPARTMENT,
];

/// Copies records: the bytes of one go into one piece of memory, which its key, value and headers share.
#[derive(Debug, Default)]
pub(crate) struct Copier {
    /// Names of topics, kept once.
    topics: Vec<Arc<str>>,
    /// The bytes of the record in hand.
    bytes: Vec<u8>,
}

impl Copier {
    /// Copies a record.
    pub(crate) fn copy(&mut self, message: &BorrowedMessage<'_>) -> InRecord {
        self.bytes.clear();
        let key = message.key().map(|key| self.keep(key));
        let value = message.payload().map(|value| self.keep(value));
        let mut headers = Vec::new();
        if let Some(given) = message.headers() {
            headers.reserve_exact(given.count());
            for header in given.iter() {
                let name = name(header.key, headers.len());
                headers.push((name, header.value.map(|value| self.keep(value))));
            }
        }
        let all = Bytes::copy_from_slice(&self.bytes);
        let own = |(from, to): (usize, usize)| all.slice(from..to);
        InRecord {
            slot: Slot { topic: self.topic(message.topic()), partition: message.partition() },
            offset: message.offset(),
            timestamp_ms: match message.timestamp() {
                Timestamp::NotAvailable => None,
                time => time.to_millis(),
            },
            key: key.map(own),
            value: value.map(own),
            headers: headers.into_iter().map(|(name, value)| (name, value.map(own))).collect::<Headers>(),
        }
    }

    /// Appends bytes and says where they are.
    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (from, self.bytes.len())
    }

    fn topic(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.topics.iter().find(|known| &***known == name) {
            return known.clone();
        }
        let topic: Arc<str> = name.into();
        self.topics.push(topic.clone());
        topic
    }
}

/// A header's name; `at` is its place among the record's headers, where it is looked for first.
fn name(name: &str, at: usize) -> Cow<'static, str> {
    let known = NAMES.iter().cycle().skip(at % NAMES.len()).take(NAMES.len()).find(|known| **known == name);
    known.map_or_else(|| Cow::Owned(name.to_owned()), |known| Cow::Borrowed(*known))
}

#[cfg(test)]
mod tests;
