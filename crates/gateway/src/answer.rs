//! The 202: which events Kafka holds, and where.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::problem::Answer;

/// What the answer to one event fits in.
const BODY_BYTES: usize = 256;

/// One event that Kafka acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub event_id: okr::EventId,
    pub ce_type: &'static str,
    pub department: Arc<str>,
    pub placed: bus::Placed,
}

/// What became of a verified delivery; shared with its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every record is acknowledged. No events: nothing for us.
    Accepted(Arc<[Accepted]>),
    /// The same, and so many references to what has to be asked for.
    Pending(Arc<[Accepted]>, usize),
    /// Not understood, so kept for a person: the reason is a label of a closed set.
    Held(&'static str),
}

impl Outcome {
    /// Bytes that it holds, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Held(_) => 0,
            Self::Accepted(events) | Self::Pending(events, _) => size_of_val(&**events),
        }
    }

    /// What a repeat is told, byte for byte.
    pub(crate) fn again(&self) -> Vec<u8> {
        serde_json::to_vec(&self.body(true)).unwrap_or_default()
    }

    /// The answer, for the first time or for a repeat.
    pub(crate) fn answer(&self, repeated: bool) -> Answer {
        accepted(&self.body(repeated))
    }

    fn body(&self, repeated: bool) -> Body<'_> {
        let (events, pending) = match self {
            Self::Accepted(events) => (events, 0),
            Self::Pending(events, pending) => (events, *pending),
            Self::Held(reason) => return Body { held: 1, reason: Some(reason), ..Body::default() },
        };
        let accepted: Vec<Item<'_>> = events.iter().map(|event| Item::new(event, repeated)).collect();
        Body { duplicates: if repeated { accepted.len() } else { 0 }, accepted, pending, ..Body::default() }
    }
}

/// The answer to a batch: what each of its items would have been told, and whether it is a repeat.
pub(crate) fn batch(items: &[(Outcome, bool)]) -> Answer {
    let items = items.iter().map(|(outcome, repeated)| Part { status: 202, body: outcome.body(*repeated) });
    accepted(&Parts { items: items.collect() })
}

/// What the repeat of a batch is told, byte for byte.
pub(crate) fn batch_again(items: &[(Outcome, bool)]) -> Vec<u8> {
    let items = items.iter().map(|(outcome, _)| Part { status: 202, body: outcome.body(true) });
    serde_json::to_vec(&Parts { items: items.collect() }).unwrap_or_default()
}

fn accepted(body: &impl Serialize) -> Answer {
    let mut text = Vec::with_capacity(BODY_BYTES);
    // Texts and numbers always serialise.
    let _ = serde_json::to_writer(&mut text, body);
    again(text)
}

/// A 202 whose body was made before.
pub(crate) fn again(body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = StatusCode::ACCEPTED;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// What a sender is told who asks before it delivers.
pub(crate) fn greeting(greeting: &sources::Greeting) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()));
    *answer.status_mut() = StatusCode::from_u16(greeting.status).unwrap_or(StatusCode::OK);
    for (name, value) in &greeting.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(*name, value);
        }
    }
    answer
}

#[derive(Serialize)]
struct Parts<'a> {
    items: Vec<Part<'a>>,
}

#[derive(Serialize)]
struct Part<'a> {
    status: u16,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Default, Serialize)]
struct Body<'a> {
    accepted: Vec<Item<'a>>,
    duplicates: usize,
    held: u32,
    pending: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct Item<'a> {
    event_id: okr::EventId,
    #[serde(rename = "type")]
    ce_type: &'a str,
    department: &'a str,
    partition: i32,
    offset: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl<'a> Item<'a> {
    fn new(event: &'a Accepted, duplicate: bool) -> Self {
        Self {
            event_id: event.event_id,
            ce_type: event.ce_type,
            department: &event.department,
            partition: event.placed.partition,
            offset: event.placed.offset,
            duplicate,
        }
    }
}
