//! Events for the tests of this crate.

use std::collections::BTreeMap;

use crate::{
    Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType,
    event_id,
};

/// An event that says everything.
pub(crate) fn full() -> OkrEvent {
    OkrEvent {
        event_id: event_id("acme", "msg_1", "acme/key_result/kr-7", 0),
        revision: 0,
        occurred_at: "2026-03-02T09:30:00.25Z".parse().unwrap(),
        received_at: "2026-03-02T09:30:01Z".parse().unwrap(),
        source: Source {
            name: "acme".to_owned(),
            kind: "standard-webhooks".to_owned(),
            delivery_id: Some("msg_1".to_owned()),
            sequence: Some(7),
        },
        change: Change::CheckedIn,
        subject: Subject {
            kind: SubjectType::KeyResult,
            namespace: "acme".to_owned(),
            id: "kr-7".to_owned(),
            parent_id: Some("o-1".to_owned()),
            title: Some("Win ten reference customers".to_owned()),
            url: Some("https://okr.example/kr-7".to_owned()),
        },
        department: Some("sales".to_owned()),
        team: Some("Enterprise".to_owned()),
        owner: Some(person("Ada Lovelace")),
        manager: Some(person("Charles Babbage")),
        cycle: Some(Cycle {
            name: Some("2026 Q1".to_owned()),
            start: Some("2026-01-01".parse().unwrap()),
            end: Some("2026-03-31".parse().unwrap()),
        }),
        metric: Some(Metric {
            start: Some(0.0),
            target: Some(10.0),
            current: Some(4.2),
            unit: Some("customers".to_owned()),
        }),
        progress: Some(0.42),
        confidence: Some(0.7),
        status: Status::AtRisk,
        previous: Some(Previous { progress: Some(0.3), status: Some(Status::OnTrack), current: Some(3.0) }),
        actor: Some("Ada Lovelace".to_owned()),
        note: Some("two more signed".to_owned()),
        attributes: BTreeMap::from([("points".to_owned(), "5".to_owned())]),
    }
}

/// An event that says only what it must.
pub(crate) fn bare() -> OkrEvent {
    let full = full();
    let source = Source { delivery_id: None, sequence: None, ..full.source };
    let subject = Subject { parent_id: None, title: None, url: None, ..full.subject };
    OkrEvent::new(EventId(uuid::Uuid::nil()), full.received_at, source, Change::CheckedIn, subject)
}

fn person(name: &str) -> Person {
    let email = format!("{}@okr.example", name.to_lowercase().replace(' ', "."));
    Person { id: Some("u-1".to_owned()), name: Some(name.to_owned()), email: Some(email) }
}
