//! What is planned and posted: the same for both loops.

use std::sync::Arc;

use anyhow::{Context, Result};
use boot::{Rate, SecretRef};
use destinations::DestinationConfig;
use jiff::Timestamp;
use outbox::{Content, Destination, Effect, Parcel, RecordCopy};
use uuid::Uuid;

use super::run::SERVICE;

/// Subjects that the events are about; each goes to one target, as a route by department would have it.
const SUBJECTS: u64 = 5_000;
/// A record's value beside its event: Avro takes less room than JSON.
const VALUE_BYTES: usize = 320;

/// Events and where they go.
#[derive(Clone)]
pub struct Load {
    pub events: u64,
    pub destinations: Vec<Arc<dyn Destination>>,
}

impl Load {
    /// `targets` destinations of kind `http`, with its own defaults but for the rate.
    pub fn new(events: u64, targets: u64, receiver: &str) -> Result<Self> {
        let destination = |n: u64| {
            let config = DestinationConfig {
                kind: "http".to_owned(),
                url: Some(SecretRef::Literal(format!("http://{receiver}/{n}"))),
                rate: Some(Rate::NONE),
                timeout: None,
                concurrency: None,
            };
            destinations::build(&format!("bench-{n}"), &config, boot::system_clock())
        };
        let destinations = (0..targets).map(destination).collect::<Result<_, _>>();
        Ok(Self { events, destinations: destinations.context("the destinations were not built")? })
    }

    /// The same load with another number of events.
    pub fn of(&self, events: u64) -> Self {
        Self { events, destinations: self.destinations.clone() }
    }

    pub fn names(&self) -> Vec<String> {
        self.destinations.iter().map(|destination| destination.name().to_owned()).collect()
    }

    /// The place of the destination of event `n`.
    pub fn place(&self, n: u64) -> usize {
        let targets = self.destinations.len().max(1) as u64;
        usize::try_from(n % SUBJECTS % targets).unwrap_or_default()
    }

    /// Event `n` of the round `round`, complete as a service would plan it.
    pub fn parcel(&self, round: Uuid, n: u64, now: Timestamp) -> Parcel {
        let event_id = Uuid::new_v5(&round, &n.to_be_bytes());
        let subject = format!("acme/key_result/kr-{}", n % SUBJECTS);
        let event: Arc<str> = event(event_id, n, now).into();
        let header = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned().into()));
        Parcel {
            effect: Effect {
                service: SERVICE.to_owned(),
                event_id,
                target: self.destinations[self.place(n)].name().to_owned(),
                replay_id: String::new(),
            },
            received_at: now,
            record: RecordCopy {
                topic: "okr.events".to_owned(),
                partition: i32::try_from(n % 24).unwrap_or_default(),
                offset: i64::try_from(n / 24).unwrap_or_default(),
                timestamp_ms: Some(now.as_millisecond()),
                key: Some(subject.clone().into()),
                value: Some(event.as_bytes()[..VALUE_BYTES].to_vec().into()),
                headers: vec![
                    header("ce_specversion", "1.0"),
                    header("ce_id", &event_id.to_string()),
                    header("ce_source", "/acme"),
                    header("ce_type", "okr.key_result.checked_in"),
                    header("ce_time", &now.to_string()),
                    header("ce_subject", &subject),
                    header("content-type", "application/avro"),
                    header("okr-department", "sales"),
                ],
            },
            subject_key: subject,
            content: Content { event: Some(event), ..Content::default() },
        }
    }
}

/// A check-in as the notifier writes it for kind `http`, about 900 bytes.
fn event(event_id: Uuid, n: u64, now: Timestamp) -> String {
    let subject = n % SUBJECTS;
    let progress = (n / SUBJECTS % 100) as f64 / 100.0;
    serde_json::json!({
        "event_id": event_id, "revision": 0, "occurred_at": now, "received_at": now,
        "source": { "name": "acme", "kind": "standard-webhooks", "delivery_id": format!("msg_{event_id}"), "sequence": null },
        "change": "checked_in",
        "subject": { "type": "key_result", "namespace": "acme", "id": format!("kr-{subject}"), "parent_id": format!("o-{}", subject / 4),
            "title": "Answer half of all questions within a day", "url": format!("https://okr.example/kr/{subject}") },
        "department": "sales", "team": "Inside Sales",
        "owner": { "id": format!("u-{}", subject % 97), "name": "Owner of the key result", "email": "owner@example.com" },
        "manager": null,
        "cycle": { "name": "2026-Q4", "start": "2026-10-01", "end": "2026-12-31" },
        "metric": { "start": 0.0, "target": 100.0, "current": progress * 100.0, "unit": "%" },
        "progress": progress, "confidence": 0.7, "status": "on_track", "previous": null, "actor": null,
        "note": "A week of many small answers; the long ones wait.", "attributes": {},
    })
    .to_string()
}
