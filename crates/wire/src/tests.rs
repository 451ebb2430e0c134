//! Frames, evolution and the registry, against a small registry inside the test.

mod admin;
mod evolution;
mod fake;
mod frames;
mod ids;
mod positional;
mod reading;
mod released;

use std::{collections::BTreeMap, time::Duration};

use okr::{Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType};

use crate::{Arrival, Audit, Pending, Registry, Stage, Verb};

/// Long enough for a loaded machine to do what the test waits for, short enough to wait for in vain.
const GRACE: Duration = Duration::from_millis(400);

/// When a test gives up on what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A registry client as a process has it.
fn client(url: &str) -> Registry {
    client_with(url, GRACE)
}

fn client_with(url: &str, grace: Duration) -> Registry {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Registry::new(url, grace).unwrap()
}

/// An event that says everything.
fn full() -> OkrEvent {
    let person = |name: &str| Person {
        id: Some("u-1".to_owned()),
        name: Some(name.to_owned()),
        email: Some("someone@okr.example".to_owned()),
    };
    OkrEvent {
        revision: 1_770_000_000_000_000,
        occurred_at: "2026-03-02T09:30:00.25Z".parse().unwrap(),
        department: Some("sales".to_owned()),
        team: Some("Enterprise".to_owned()),
        owner: Some(person("Ada Lovelace")),
        manager: Some(person("Charles Babbage")),
        cycle: Some(Cycle {
            name: Some("2026 Q1".to_owned()),
            start: Some("2026-01-01".parse().unwrap()),
            end: Some("1969-12-31".parse().unwrap()),
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
        note: Some("größer als \u{1F600}\0".to_owned()),
        attributes: BTreeMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]),
        ..bare()
    }
}

/// An event that says only what it must.
fn bare() -> OkrEvent {
    let source =
        Source { name: "acme".to_owned(), kind: "okr".to_owned(), delivery_id: None, sequence: Some(-1) };
    let subject = Subject {
        kind: SubjectType::KeyResult,
        namespace: "acme".to_owned(),
        id: "kr-7".to_owned(),
        parent_id: None,
        title: None,
        url: None,
    };
    let id = EventId(uuid::Uuid::from_u128(0x0123_4567_89ab_5def_8123_4567_89ab_cdef));
    OkrEvent::new(id, "2026-03-02T09:30:01Z".parse().unwrap(), source, Change::CheckedIn, subject)
}

fn arrival() -> Arrival {
    Arrival {
        source: "acme".to_owned(),
        kind: "okr".to_owned(),
        delivery_id: Some("d1".to_owned()),
        received_at: jiff::Timestamp::from_microsecond(1).unwrap(),
        content_type: None,
        headers: BTreeMap::from([("x-a".to_owned(), "1".to_owned())]),
        body: bytes::Bytes::from_static(b"{}\xff"),
    }
}

fn audit() -> Audit {
    Audit {
        audit_id: "a-1".to_owned(),
        run: "run-1".to_owned(),
        at: jiff::Timestamp::from_microsecond(1).unwrap(),
        who: "ada".to_owned(),
        verb: Verb::Redrive,
        stage: Stage::Finished,
        object: "okr.dead.notifier".to_owned(),
        why: "mended".to_owned(),
        counts: BTreeMap::from([("letters".to_owned(), 3)]),
        details: BTreeMap::new(),
    }
}

fn pending() -> Pending {
    Pending {
        source: "goals".to_owned(),
        kind: "asana".to_owned(),
        namespace: "goals".to_owned(),
        object_type: "goal".to_owned(),
        object_id: "1202".to_owned(),
        change: Change::Updated,
        occurred_at: Some(jiff::Timestamp::from_microsecond(2).unwrap()),
        actor: None,
        received_at: jiff::Timestamp::from_microsecond(1).unwrap(),
        delivery_id: "d1".to_owned(),
        arrival_partition: 3,
        arrival_offset: 7,
    }
}
