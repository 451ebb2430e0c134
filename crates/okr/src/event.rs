//! The canonical event: the state that a subject has reached, in whatever tool it lives.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

/// Identity of an event: the same delivery of the same subject always gets the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub uuid::Uuid);

/// One change of one subject. Times are microseconds in Avro and RFC 3339 in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OkrEvent {
    pub event_id: EventId,
    pub revision: i64,
    #[serde(with = "crate::time::micros")]
    pub occurred_at: Timestamp,
    #[serde(with = "crate::time::micros")]
    pub received_at: Timestamp,
    pub source: Source,
    pub change: Change,
    pub subject: Subject,
    pub department: Option<String>,
    pub team: Option<String>,
    pub owner: Option<Person>,
    pub manager: Option<Person>,
    pub cycle: Option<Cycle>,
    pub metric: Option<Metric>,
    /// 0 is the start, 1 the goal, at most 6.5; absent where the tool says nothing.
    pub progress: Option<f64>,
    /// 0..=1.
    pub confidence: Option<f64>,
    pub status: Status,
    pub previous: Option<Previous>,
    pub actor: Option<String>,
    pub note: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub kind: String,
    pub delivery_id: Option<String>,
    pub sequence: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change { Unknown, Created, Updated, CheckedIn, StatusChanged, Closed, Deleted, Commented }

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectType { Objective, KeyResult, Initiative, Custom }

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    #[serde(rename = "type")]
    pub kind: SubjectType,
    pub namespace: String,
    pub id: String,
    pub parent_id: Option<String>,
    pub title: Option<String>,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person { pub id: Option<String>, pub name: Option<String>, pub email: Option<String> }

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycle {
    pub name: Option<String>,
    #[serde(with = "crate::time::days")]
    pub start: Option<Date>,
    #[serde(with = "crate::time::days")]
    pub end: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric { pub start: Option<f64>, pub target: Option<f64>, pub current: Option<f64>, pub unit: Option<String> }

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status { Unknown, OnTrack, AtRisk, Behind, Done, Cancelled }

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Previous { pub progress: Option<f64>, pub status: Option<Status>, pub current: Option<f64> }
