//! What the engine asks of a channel. `destinations` implements it once per kind.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use boot::Rate;
use uuid::Uuid;

/// A configured receiver. Keeps no state of deliveries.
#[async_trait]
pub trait Destination: Send + Sync + 'static {
    /// The name under `[destinations]`: the target of its rows.
    fn name(&self) -> &str;

    /// What its shipments carry; planning renders accordingly.
    fn form(&self) -> Form;

    /// Escapes a value for the channel as it is put into a template.
    fn escape(&self) -> fn(&str) -> String;

    /// How often it may be called.
    fn rate(&self) -> Rate;

    /// Destinations with the same key share one rate in a process: one Slack channel behind two names.
    fn rate_key(&self) -> String;

    /// How many deliveries, of different subjects, may be under way at a time.
    fn concurrency(&self) -> usize {
        8
    }

    /// Tries once. Returns only when the remote has accepted, has refused, or the destination's own timeout has
    /// passed. May be dropped half-way at the end of a lease or of the process.
    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal>;
}

/// What a destination wants in its shipments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// `text` (and `title`).
    Text,
    /// `event`, the JSON.
    Event,
}

/// One attempt's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// [`crate::Effect::id`]: the same for every attempt, for remotes that recognise repeats.
    pub effect_id: String,
    pub event_id: Uuid,
    /// The subject's key: order is kept within it.
    pub subject_key: String,
    pub text: Option<String>,
    pub title: Option<String>,
    /// The event as JSON.
    pub event: Option<Arc<str>>,
    /// The first is 1.
    pub attempt: u32,
    /// The trace that the remote may go on with: of this attempt's span, else of the record, if it had one.
    pub traceparent: Option<String>,
    /// The `tracestate` of the record, likewise.
    pub tracestate: Option<String>,
}

/// Why a delivery did not succeed, cut by what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// May pass by itself.
    #[error("delivery did not succeed yet ({reason}): {error}")]
    Passing {
        /// The remote's wish (Retry-After): holds the whole target, not only this row.
        after: Option<Duration>,
        /// A label of a small closed set: `timeout`, `status_5xx`, `rate_limited`.
        reason: &'static str,
        error: String,
        /// The remote may have accepted it nevertheless: the next attempt is counted as a possible repeat.
        ambiguous: bool,
    },
    /// Can never succeed: dead-lettered now.
    #[error("delivery was refused for good ({reason}): {error}")]
    Permanent { reason: &'static str, error: String },
}

impl Refusal {
    /// The label for metrics and dead letters; it never carries data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Passing { reason, .. } | Self::Permanent { reason, .. } => reason,
        }
    }
}
