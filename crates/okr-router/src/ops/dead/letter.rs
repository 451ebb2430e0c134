//! A dead letter as its headers tell it. Pure.

use std::fmt;
use std::str::FromStr;

use bus::{InRecord, header};
use jiff::Timestamp;

/// Where a record lies, written `okr.dead.notifier/3@17`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// What a dead letter says about itself. A header that is missing or is no text is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    pub position: Position,
    /// The service that gave up; by the topic when the header is missing.
    pub service: String,
    /// None: the record itself was given up, for all targets.
    pub target: Option<String>,
    pub reason: String,
    pub error: String,
    pub attempts: Option<u32>,
    /// When it died; when it came to its topic if it does not say.
    pub at: Option<Timestamp>,
    pub department: Option<String>,
    /// Where the record first lay.
    pub original: Option<Position>,
    /// The run that had sent it back before it died again.
    pub replay_id: Option<String>,
}

impl Letter {
    /// Reads the headers of a record of a dead-letter topic.
    pub fn of(record: &InRecord) -> Self {
        let text = |name| record.headers.get_str(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let topic = record.slot.topic.to_string();
        let came = || record.timestamp_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
        let original = || {
            Some(Position {
                topic: text(header::OKR_ORIGINAL_TOPIC)?,
                partition: text(header::OKR_ORIGINAL_PARTITION)?.parse().ok()?,
                offset: text(header::OKR_ORIGINAL_OFFSET)?.parse().ok()?,
            })
        };
        Self {
            service: text(header::OKR_DEAD_SERVICE).unwrap_or_else(|| service(&topic).to_owned()),
            position: Position { topic, partition: record.slot.partition, offset: record.offset },
            target: text(header::OKR_DEAD_TARGET),
            reason: text(header::OKR_DEAD_REASON).unwrap_or_else(|| "unknown".to_owned()),
            error: text(header::OKR_DEAD_ERROR).unwrap_or_default(),
            attempts: text(header::OKR_DEAD_ATTEMPTS).and_then(|text| text.parse().ok()),
            at: text(header::OKR_DEAD_AT).and_then(|text| text.parse().ok()).or_else(came),
            department: text(header::OKR_DEPARTMENT),
            original: original(),
            replay_id: text(header::OKR_REPLAY_ID),
        }
    }
}

impl Letter {
    /// What a redrive of it comes to: two letters of one record for one target, or a letter and what a run made of it,
    /// are the same errand. None when it does not say where the record first lay.
    pub fn errand(&self) -> Option<(Position, Option<String>)> {
        Some((self.original.clone()?, self.target.clone()))
    }
}

/// The service whose dead letters a topic holds.
pub fn service(topic: &str) -> &str {
    topic.strip_prefix("okr.dead.").unwrap_or(topic)
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}@{}", self.topic, self.partition, self.offset)
    }
}

/// A text that is no position.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no position such as okr.dead.notifier/3@17")]
pub struct NoPosition(String);

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (slot, offset) = text.rsplit_once('@')?;
            let (topic, partition) = slot.rsplit_once('/')?;
            let position = Self {
                topic: topic.to_owned(),
                partition: partition.parse().ok()?,
                offset: offset.parse().ok()?,
            };
            Some(position).filter(|it| !it.topic.is_empty() && it.partition >= 0 && it.offset >= 0)
        };
        parse().ok_or_else(|| NoPosition(text.to_owned()))
    }
}
