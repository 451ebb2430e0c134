//! The canonical event: the state that a subject has reached, in whatever tool it lives.
//!
//! The names of the structs and enums, the order of the enums' variants and the names of the fields are those of
//! `schemas/okr_event.avsc`: records are written and read without an intermediate value, by name and index.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Identity of an event: the same delivery of the same subject always gets the same one. Text in every format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub uuid::Uuid);

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EventId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()))
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = EventId;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID as text")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<EventId, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// One change of one subject: the state reached, never a delta. Times are microseconds in Avro and RFC 3339 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OkrEvent {
    /// See [`crate::event_id`].
    pub event_id: EventId,
    /// 0, or the time in microseconds of the replay that corrected the event; a higher one replaces its row.
    #[serde(default)]
    pub revision: i64,
    /// When it happened as the tool says, else as the envelope says, else `received_at`.
    #[serde(with = "crate::time::micros")]
    pub occurred_at: Timestamp,
    /// When the gateway had the whole delivery.
    #[serde(with = "crate::time::micros")]
    pub received_at: Timestamp,
    /// Who told us.
    pub source: Source,
    /// What happened to the subject.
    #[serde(default)]
    pub change: Change,
    /// What it happened to.
    pub subject: Subject,
    /// The canonical name where it is a known one, else the tool's own text.
    pub department: Option<String>,
    /// The tool's own text.
    pub team: Option<String>,
    /// Who answers for the subject.
    pub owner: Option<Person>,
    /// Whom the owner reports to.
    pub manager: Option<Person>,
    /// The period that the subject belongs to.
    pub cycle: Option<Cycle>,
    /// What is measured, in the tool's own numbers.
    pub metric: Option<Metric>,
    /// 0 is the start, 1 the goal, at most 6.5; absent where the tool says nothing.
    pub progress: Option<f64>,
    /// 0..=1.
    pub confidence: Option<f64>,
    /// The tool's judgement, not ours.
    #[serde(default)]
    pub status: Status,
    /// What was true before, where the tool says so.
    pub previous: Option<Previous>,
    /// Who did it, in the tool's words.
    pub actor: Option<String>,
    /// The comment that came with the change.
    pub note: Option<String>,
    /// Whatever else the tool says that has no field of its own.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

impl OkrEvent {
    /// An event that says nothing but who reported which change of what; it occurred when it was received.
    pub fn new(
        event_id: EventId,
        received_at: Timestamp,
        source: Source,
        change: Change,
        subject: Subject,
    ) -> Self {
        Self {
            event_id,
            revision: 0,
            occurred_at: received_at,
            received_at,
            source,
            change,
            subject,
            department: None,
            team: None,
            owner: None,
            manager: None,
            cycle: None,
            metric: None,
            progress: None,
            confidence: None,
            status: Status::Unknown,
            previous: None,
            actor: None,
            note: None,
            attributes: BTreeMap::new(),
        }
    }
}

/// The configured sender of a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// As in the config and in `/in/{name}`.
    pub name: String,
    /// As in the config: `okr`, `standard-webhooks`, …
    pub kind: String,
    /// The delivery identity that the event id is made of, where the delivery has one.
    pub delivery_id: Option<String>,
    /// The tool's own counter, where it has one: the higher one is the newer one.
    pub sequence: Option<i64>,
}

/// What happened to a subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Something that none of the other words says.
    #[default]
    Unknown,
    /// It did not exist before.
    Created,
    /// A field was edited.
    Updated,
    /// Somebody reported where it stands.
    CheckedIn,
    /// Its status moved.
    StatusChanged,
    /// It came to its end.
    Closed,
    /// It is gone from the tool.
    Deleted,
    /// Somebody wrote about it; its state is untouched.
    Commented,
}

impl Change {
    /// All of them, in the order of the schema's symbols.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Created,
        Self::Updated,
        Self::CheckedIn,
        Self::StatusChanged,
        Self::Closed,
        Self::Deleted,
        Self::Commented,
    ];

    /// The word on the wire, such as `checked_in`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::CheckedIn => "checked_in",
            Self::StatusChanged => "status_changed",
            Self::Closed => "closed",
            Self::Deleted => "deleted",
            Self::Commented => "commented",
        }
    }

    /// Reads a word of the wire; nothing but the exact word counts.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.as_str() == word)
    }
}

/// What kind of thing an event is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType {
    /// What is wanted.
    Objective,
    /// How one sees that it is reached.
    KeyResult,
    /// What is done for it.
    Initiative,
    /// Anything else that a tool tracks.
    #[default]
    Custom,
}

impl SubjectType {
    /// All of them, in the order of the schema's symbols.
    pub const ALL: [Self; 4] = [Self::Objective, Self::KeyResult, Self::Initiative, Self::Custom];

    /// The word on the wire, such as `key_result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Objective => "objective",
            Self::KeyResult => "key_result",
            Self::Initiative => "initiative",
            Self::Custom => "custom",
        }
    }

    /// Reads a word of the wire; nothing but the exact word counts.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What an event is about; (namespace, type, id) tells it from every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Called `type` on the wire and in conditions.
    #[serde(rename = "type")]
    pub kind: SubjectType,
    /// Keeps the ids of two tools apart.
    pub namespace: String,
    /// The tool's own id.
    pub id: String,
    /// The id of what it hangs under, in the same namespace.
    pub parent_id: Option<String>,
    /// What people call it.
    pub title: Option<String>,
    /// Where people look at it.
    pub url: Option<String>,
}

/// A person as the tool knows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The tool's own id.
    pub id: Option<String>,
    /// The name to show.
    pub name: Option<String>,
    /// The address as the tool gives it.
    pub email: Option<String>,
}

/// The period that a subject belongs to; both days are part of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    /// Such as `2026 Q3`.
    pub name: Option<String>,
    /// `YYYY-MM-DD` in JSON, days since 1970 in Avro.
    #[serde(default, with = "crate::time::days")]
    pub start: Option<Date>,
    /// `YYYY-MM-DD` in JSON, days since 1970 in Avro.
    #[serde(default, with = "crate::time::days")]
    pub end: Option<Date>,
}

/// What is measured, in the tool's own numbers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// The number at progress 0.
    pub start: Option<f64>,
    /// The number at progress 1; it may lie below the start.
    pub target: Option<f64>,
    /// The number now.
    pub current: Option<f64>,
    /// Such as `EUR` or `%`.
    pub unit: Option<String>,
}

/// How the tool judges a subject.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The tool does not say, or says what none of the other words means.
    #[default]
    Unknown,
    /// Going as planned.
    OnTrack,
    /// May miss its goal.
    AtRisk,
    /// Will miss its goal as it goes.
    Behind,
    /// Reached.
    Done,
    /// Given up.
    Cancelled,
}

impl Status {
    /// All of them, in the order of the schema's symbols.
    pub const ALL: [Self; 6] =
        [Self::Unknown, Self::OnTrack, Self::AtRisk, Self::Behind, Self::Done, Self::Cancelled];

    /// The word on the wire, such as `on_track`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OnTrack => "on_track",
            Self::AtRisk => "at_risk",
            Self::Behind => "behind",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Reads a word of the wire; nothing but the exact word counts.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What was true before the change, where the tool says so.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// As in [`OkrEvent::progress`].
    pub progress: Option<f64>,
    /// As in [`OkrEvent::status`].
    pub status: Option<Status>,
    /// As in [`Metric::current`].
    pub current: Option<f64>,
}
