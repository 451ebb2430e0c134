//! What a service hands over: one event for one target.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::RecordCopy;

/// What must happen at most once per mark: one event for one target. No part is ever null in a store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Effect {
    /// The planning service: `notifier`.
    pub service: String,
    pub event_id: Uuid,
    /// The destination's name.
    pub target: String,
    /// Empty for live traffic, else the replay that asked for it again.
    pub replay_id: String,
}

impl Effect {
    /// A stable text for the remote, which may use it to recognise a repeat:
    /// `notifier/0192…/sales-slack`, with `/replay id` behind it for a replay.
    pub fn id(&self) -> String {
        let Self { service, event_id, target, replay_id } = self;
        if replay_id.is_empty() {
            format!("{service}/{event_id}/{target}")
        } else {
            format!("{service}/{event_id}/{target}/{replay_id}")
        }
    }
}

/// One planned delivery, complete: nothing else is looked up when it is delivered or dead-lettered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    pub effect: Effect,
    /// Rows of one subject for one target are delivered in the order in which they were planned.
    pub subject_key: String,
    /// When the gateway received the event; age limits and end-to-end latency count from here.
    pub received_at: Timestamp,
    pub content: Content,
    /// The record that caused it, for a dead letter with key, value and headers untouched.
    pub record: RecordCopy,
}

/// What is sent: rendered at planning, so that a change of a template changes no planned row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The rendered message, escaped for the channel; for destinations of form `Text`.
    pub text: Option<String>,
    /// A short title, for channels that have one.
    pub title: Option<String>,
    /// The event as JSON; for destinations of form `Event`. All parcels of one record share it.
    pub event: Option<Arc<str>>,
    /// The span in which it was planned, as W3C's `traceparent`; none if no spans were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

impl Parcel {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        let Content { text, title, event, traceparent } = &self.content;
        let text = [text, title, traceparent].into_iter().flatten().map(String::len).sum::<usize>();
        let RecordCopy { key, value, headers, .. } = &self.record;
        let record = [key, value].into_iter().flatten().map(|bytes| bytes.len()).sum::<usize>();
        let headers = headers.iter().map(|(name, value)| name.len() + value.as_ref().map_or(0, |v| v.len()));
        text + event.as_ref().map_or(0, |event| event.len()) + record + headers.sum::<usize>()
    }
}
