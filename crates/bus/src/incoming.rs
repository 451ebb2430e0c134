//! Records on their way out of librdkafka's memory.

use std::sync::Arc;

use bytes::Bytes;
use rdkafka::{
    Message, Timestamp,
    message::{BorrowedMessage, Header, Headers as _},
};

use crate::record::{Headers, InRecord, Slot};

/// Copies a record; names of topics are kept once.
pub(crate) fn copy(message: &BorrowedMessage<'_>, topics: &mut Vec<Arc<str>>) -> InRecord {
    let name = message.topic();
    let topic = match topics.iter().find(|known| &***known == name) {
        Some(known) => known.clone(),
        None => {
            let topic: Arc<str> = name.into();
            topics.push(topic.clone());
            topic
        }
    };
    let headers = message.headers().map_or_else(Headers::new, |headers| {
        let own =
            |header: Header<'_, &[u8]>| (header.key.to_owned(), header.value.map(Bytes::copy_from_slice));
        headers.iter().map(own).collect()
    });
    InRecord {
        slot: Slot { topic, partition: message.partition() },
        offset: message.offset(),
        timestamp_ms: match message.timestamp() {
            Timestamp::NotAvailable => None,
            time => time.to_millis(),
        },
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}
