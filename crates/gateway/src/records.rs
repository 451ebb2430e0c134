//! The records that a delivery becomes: events, its arrival, and the dead letter of one that is held.

use std::sync::Arc;

use bus::{Headers, InRecord, OutRecord, Placed, Slot, dead, header, place};
use bytes::Bytes;
use jiff::Timestamp;
use okr::OkrEvent;

use crate::{
    desk::Due,
    original::Original,
    trail::{Outgoing, Trail},
};

/// What the values of our topics are: Avro in the Confluent frame.
const AVRO: Bytes = Bytes::from_static(b"application/avro");
const SPEC: Bytes = Bytes::from_static(b"1.0");
const ARRIVAL_TYPE: Bytes = Bytes::from_static(b"okr.arrival");
const PENDING_TYPE: Bytes = Bytes::from_static(b"okr.pending");
/// An event with the trace of its sender has as many headers; no record of ours has more.
const HEADERS_MOST: usize = 10;

/// The topics' names, shared by all records.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    events: Arc<str>,
    arrivals: Arc<str>,
    pending: Arc<str>,
    /// Partitions of every topic but `okr.events`.
    partitions: i32,
}

/// The record of an event.
pub(crate) struct EventRecord<'a> {
    pub event: &'a OkrEvent,
    pub key: String,
    pub ce_type: &'static str,
    pub department: &'a str,
    pub partition: i32,
    pub value: Bytes,
}

impl Topics {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            events: "okr.events".into(),
            arrivals: "okr.arrivals".into(),
            pending: "okr.pending".into(),
            partitions,
        }
    }

    pub(crate) fn event(&self, record: EventRecord<'_>, trail: &Trail) -> Outgoing {
        let (event, span) = (record.event, trail.send());
        let key = Bytes::from(record.key);
        let mut headers = Headers::with_capacity(HEADERS_MOST);
        headers.push(header::CE_SPECVERSION, SPEC);
        headers.push(header::CE_ID, event.event_id.to_string());
        headers.push(header::CE_SOURCE, event.source.name.clone());
        headers.push(header::CE_TYPE, record.ce_type);
        headers.push(header::CE_TIME, event.occurred_at.to_string());
        headers.push(header::CE_SUBJECT, key.clone());
        headers.push(header::CONTENT_TYPE, AVRO);
        trail.push(&mut headers, &span);
        headers.push(header::OKR_DEPARTMENT, record.department.to_owned());
        let record = OutRecord {
            topic: self.events.clone(),
            partition: record.partition,
            key: Some(key),
            value: Some(record.value),
            headers,
        };
        Outgoing { record, span }
    }

    /// `key` is the source and the delivery's identity.
    pub(crate) fn arrival(&self, key: &Bytes, original: &Original, value: Bytes, trail: &Trail) -> Outgoing {
        let span = trail.send();
        let mut headers = Headers::with_capacity(HEADERS_MOST);
        headers.push(header::CE_SPECVERSION, SPEC);
        headers.push(header::CE_ID, key.clone());
        headers.push(header::CE_SOURCE, original.source.clone());
        headers.push(header::CE_TYPE, ARRIVAL_TYPE);
        headers.push(header::CE_TIME, original.received_at.to_string());
        headers.push(header::CONTENT_TYPE, AVRO);
        trail.push(&mut headers, &span);
        let record = OutRecord {
            topic: self.arrivals.clone(),
            partition: place::partition(key, self.partitions),
            key: Some(key.clone()),
            value: Some(value),
            headers,
        };
        Outgoing { record, span }
    }

    /// A reference to an arrival: the `nth` of the delivery whose key this is.
    pub(crate) fn pending(
        &self,
        (delivery, nth): (&Bytes, usize),
        (due, original): (&Due, &Original),
        value: Bytes,
        trail: &Trail,
    ) -> Outgoing {
        let span = trail.send();
        let key = Bytes::from(due.key.clone());
        let mut headers = Headers::with_capacity(HEADERS_MOST);
        headers.push(header::CE_SPECVERSION, SPEC);
        headers.push(header::CE_ID, format!("{}#{nth}", String::from_utf8_lossy(delivery)));
        headers.push(header::CE_SOURCE, original.source.clone());
        headers.push(header::CE_TYPE, PENDING_TYPE);
        headers.push(header::CE_TIME, original.received_at.to_string());
        headers.push(header::CE_SUBJECT, key.clone());
        headers.push(header::CONTENT_TYPE, AVRO);
        trail.push(&mut headers, &span);
        let record = OutRecord {
            topic: self.pending.clone(),
            partition: place::partition(&key, self.partitions),
            key: Some(key),
            value: Some(value),
            headers,
        };
        Outgoing { record, span }
    }

    /// The dead letter of an arrival that Kafka holds at `placed`.
    pub(crate) fn letter(&self, arrival: OutRecord, placed: Placed, why: &Why<'_>) -> OutRecord {
        let record = InRecord {
            slot: Slot { topic: arrival.topic, partition: placed.partition },
            offset: placed.offset,
            timestamp_ms: Some(why.at.as_millisecond()),
            key: arrival.key,
            value: arrival.value,
            headers: arrival.headers,
        };
        let at = why.at.to_string();
        let origin = dead::Origin {
            service: "gateway",
            target: None,
            reason: why.reason,
            error: why.error,
            attempts: 1,
            at: &at,
        };
        dead::letter(&record, &origin, self.partitions)
    }
}

/// Why a delivery is held.
pub(crate) struct Why<'a> {
    pub reason: &'static str,
    pub error: &'a str,
    pub at: Timestamp,
}
