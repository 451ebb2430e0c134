//! The 202: which events Kafka holds, and where.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

use crate::problem::Answer;

/// One event that Kafka acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub event_id: okr::EventId,
    pub ce_type: String,
    pub department: String,
    pub placed: bus::Placed,
}

/// What became of a verified delivery; shared with its repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every record is acknowledged. No events: nothing for us.
    Accepted(Arc<[Accepted]>),
    /// Not understood, so kept for a person: the reason is a label of a closed set.
    Held(&'static str),
}

impl Outcome {
    /// Bytes that it holds, roughly.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Held(_) => 0,
            Self::Accepted(events) => events
                .iter()
                .map(|event| size_of::<Accepted>() + event.ce_type.len() + event.department.len())
                .sum(),
        }
    }

    /// The answer, for the first time or for a repeat.
    pub(crate) fn answer(&self, repeated: bool) -> Answer {
        let body = match self {
            Self::Accepted(events) => {
                let accepted: Vec<Item<'_>> = events.iter().map(|event| Item::new(event, repeated)).collect();
                Body { duplicates: if repeated { accepted.len() } else { 0 }, accepted, ..Body::default() }
            }
            Self::Held(reason) => Body { held: 1, reason: Some(reason), ..Body::default() },
        };
        // Texts and numbers always serialise; an empty body would be the answer if they did not.
        let bytes = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
        let mut answer = Response::new(Full::new(bytes));
        *answer.status_mut() = StatusCode::ACCEPTED;
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        answer
    }
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

#[derive(Default, Serialize)]
struct Body<'a> {
    accepted: Vec<Item<'a>>,
    duplicates: usize,
    held: u32,
    pending: u32,
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
            ce_type: &event.ce_type,
            department: &event.department,
            partition: event.placed.partition,
            offset: event.placed.offset,
            duplicate,
        }
    }
}
