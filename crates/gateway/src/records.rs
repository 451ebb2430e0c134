//! The records that a delivery becomes: events, its arrival, and the dead letter of one that is held.

use std::sync::Arc;

use bus::{Headers, InRecord, OutRecord, Placed, Slot, dead, header, place};
use bytes::Bytes;
use http::HeaderMap;
use jiff::Timestamp;
use okr::OkrEvent;

/// What the values of our topics are: Avro in the Confluent frame.
const AVRO: Bytes = Bytes::from_static(b"application/avro");
const SPEC: Bytes = Bytes::from_static(b"1.0");
const ARRIVAL_TYPE: Bytes = Bytes::from_static(b"okr.arrival");

/// The topics' names, shared by all records.
#[derive(Debug, Clone)]
pub(crate) struct Topics {
    events: Arc<str>,
    arrivals: Arc<str>,
    /// Partitions of every topic but `okr.events`.
    partitions: i32,
}

/// The record of an event.
pub(crate) struct EventRecord<'a> {
    pub event: &'a OkrEvent,
    pub key: String,
    pub ce_type: &'a str,
    pub department: &'a str,
    pub partition: i32,
    pub value: Bytes,
}

impl Topics {
    pub(crate) fn new(partitions: i32) -> Self {
        Self { events: "okr.events".into(), arrivals: "okr.arrivals".into(), partitions }
    }

    pub(crate) fn event(&self, record: EventRecord<'_>, trace: Option<&Bytes>) -> OutRecord {
        let event = record.event;
        let key = Bytes::from(record.key);
        let mut headers = Headers::new();
        headers.push(header::CE_SPECVERSION, SPEC);
        headers.push(header::CE_ID, event.event_id.to_string());
        headers.push(header::CE_SOURCE, event.source.name.clone());
        headers.push(header::CE_TYPE, record.ce_type.to_owned());
        headers.push(header::CE_TIME, event.occurred_at.to_string());
        headers.push(header::CE_SUBJECT, key.clone());
        headers.push(header::CONTENT_TYPE, AVRO);
        push_trace(&mut headers, trace);
        headers.push(header::OKR_DEPARTMENT, record.department.to_owned());
        OutRecord {
            topic: self.events.clone(),
            partition: record.partition,
            key: Some(key),
            value: Some(record.value),
            headers,
        }
    }

    /// `key` is the source and the delivery's identity.
    pub(crate) fn arrival(
        &self,
        key: &Bytes,
        arrival: &wire::Arrival,
        value: Bytes,
        trace: Option<&Bytes>,
    ) -> OutRecord {
        let mut headers = Headers::new();
        headers.push(header::CE_SPECVERSION, SPEC);
        headers.push(header::CE_ID, key.clone());
        headers.push(header::CE_SOURCE, arrival.source.clone());
        headers.push(header::CE_TYPE, ARRIVAL_TYPE);
        headers.push(header::CE_TIME, arrival.received_at.to_string());
        headers.push(header::CONTENT_TYPE, AVRO);
        push_trace(&mut headers, trace);
        OutRecord {
            topic: self.arrivals.clone(),
            partition: place::partition(key, self.partitions),
            key: Some(key.clone()),
            value: Some(value),
            headers,
        }
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

fn push_trace(headers: &mut Headers, trace: Option<&Bytes>) {
    if let Some(trace) = trace {
        headers.push(header::TRACEPARENT, trace.clone());
    }
}

/// The request's W3C trace context, where it carries exactly one that is valid.
pub(crate) fn trace(headers: &HeaderMap) -> Option<Bytes> {
    let mut values = headers.get_all(header::TRACEPARENT).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    let hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let given = |part: &[u8]| hex(part) && part.iter().any(|byte| *byte != b'0');
    // version-trace-parent-flags; a version after 00 may have more behind a further dash.
    let dashes = value.len() >= 55 && value[2] == b'-' && value[35] == b'-' && value[52] == b'-';
    let ends = value.len() == 55 || (value.get(55) == Some(&b'-') && &value[..2] != b"00");
    let valid = dashes
        && ends
        && hex(&value[..2])
        && &value[..2] != b"ff"
        && given(&value[3..35])
        && given(&value[36..52])
        && hex(&value[53..55]);
    valid.then(|| Bytes::copy_from_slice(value))
}

#[cfg(test)]
mod tests;
