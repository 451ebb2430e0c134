//! What the tests of the notifier share.

mod handler;
mod planner;
mod replay;
mod routes;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use boot::Rate;
use bus::{Headers, InRecord, Slot};
use bytes::Bytes;
use jiff::Timestamp;
use okr::{Change, EventId, OkrEvent, Person, Source, Status, Subject, SubjectType};
use outbox::{Destination, Form, Refusal, Shipment};
use uuid::Uuid;

use crate::RouteConfig;

pub(crate) const RECEIVED: &str = "2026-11-02T09:00:00Z";

pub(crate) fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

/// A check-in of sales: Win 10 customers at 42 %, by Ann.
pub(crate) fn event() -> OkrEvent {
    OkrEvent {
        event_id: EventId(Uuid::from_u128(1)),
        revision: 0,
        occurred_at: at(RECEIVED),
        received_at: at(RECEIVED),
        source: Source {
            name: "acme".into(),
            kind: "standard-webhooks".into(),
            delivery_id: Some("msg_1".into()),
            sequence: None,
        },
        change: Change::CheckedIn,
        subject: Subject {
            kind: SubjectType::KeyResult,
            namespace: "acme".into(),
            id: "kr-1".into(),
            parent_id: None,
            title: Some("Win 10 <customers>".into()),
            url: None,
        },
        department: Some("sales".into()),
        team: None,
        owner: Some(Person { id: None, name: Some("Ann".into()), email: None }),
        manager: None,
        cycle: None,
        metric: None,
        progress: Some(0.42),
        confidence: None,
        status: Status::OnTrack,
        previous: None,
        actor: None,
        note: None,
        attributes: BTreeMap::new(),
    }
}

/// The record that an event stood in; the handler looks at its value only when it decodes.
pub(crate) fn record(offset: i64) -> InRecord {
    let mut headers = Headers::new();
    headers.push("ce_id", "1");
    InRecord {
        slot: Slot::new("okr.events", 3),
        offset,
        timestamp_ms: Some(1_762_074_000_000),
        key: Some(Bytes::from_static(b"acme/key_result/kr-1")),
        value: Some(Bytes::from_static(b"\0\0\0\0\x01avro")),
        headers,
    }
}

pub(crate) fn route(name: &str, when: &str, to: &[&str]) -> RouteConfig {
    RouteConfig {
        name: name.into(),
        when: (!when.is_empty()).then(|| when.into()),
        to: to.iter().map(ToString::to_string).collect(),
        template: None,
    }
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

/// A destination that remembers what it got.
pub(crate) struct Inbox {
    name: &'static str,
    form: Form,
    got: Mutex<Vec<Shipment>>,
    arrived: tokio::sync::Notify,
}

impl Inbox {
    pub(crate) fn new(name: &'static str, form: Form) -> Arc<Self> {
        Arc::new(Self { name, form, got: Mutex::default(), arrived: tokio::sync::Notify::new() })
    }

    pub(crate) fn got(&self) -> Vec<Shipment> {
        self.got.lock().expect("no panic").clone()
    }

    /// Waits until there are so many.
    pub(crate) async fn until(&self, count: usize) -> Vec<Shipment> {
        loop {
            let arrived = self.arrived.notified();
            let got = self.got();
            if got.len() >= count {
                return got;
            }
            arrived.await;
        }
    }
}

#[async_trait]
impl Destination for Inbox {
    fn name(&self) -> &str {
        self.name
    }

    fn form(&self) -> Form {
        self.form
    }

    fn escape(&self) -> fn(&str) -> String {
        |value| value.replace('<', "&lt;").replace('>', "&gt;")
    }

    fn rate(&self) -> Rate {
        Rate::NONE
    }

    fn rate_key(&self) -> String {
        self.name.into()
    }

    async fn deliver(&self, shipment: &Shipment) -> Result<(), Refusal> {
        self.got.lock().expect("no panic").push(shipment.clone());
        self.arrived.notify_waiters();
        Ok(())
    }
}
