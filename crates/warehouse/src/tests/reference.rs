//! What the tables must hold after some events, computed from all of them at once and without the warehouse.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use okr::{Change, OkrEvent, fold};
use serde_json::{Value, json};
use uuid::Uuid;

use super::bench::{Bench, Row};
use crate::subject_uid;

/// The events that count, of all that ever came: of copies the best one, and none that a correction has replaced.
fn counted(events: &[OkrEvent]) -> Vec<OkrEvent> {
    let mut corrected: HashMap<(&str, &str), i64> = HashMap::new();
    for event in events {
        if let Some(delivery) = event.source.delivery_id.as_deref() {
            let revision = corrected.entry((&event.subject.namespace, delivery)).or_default();
            *revision = event.revision.max(*revision);
        }
    }
    let mut best: BTreeMap<Uuid, &OkrEvent> = BTreeMap::new();
    for event in events {
        let counts = best.entry(event.event_id.0).or_insert(event);
        let earlier = event.revision == counts.revision && okr::supersedes(event, counts);
        if event.revision > counts.revision || earlier {
            *counts = event;
        }
    }
    let stands = |event: &&OkrEvent| match event.source.delivery_id.as_deref() {
        Some(delivery) => corrected[&(event.subject.namespace.as_str(), delivery)] == event.revision,
        None => true,
    };
    best.into_values().filter(stands).cloned().collect()
}

fn ordered_at(event: &OkrEvent) -> Timestamp {
    event.occurred_at.min(event.received_at + jiff::SignedDuration::from_mins(5))
}

fn day(event: &OkrEvent) -> Date {
    ordered_at(event).to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// The columns of an event.
pub fn flat(event: &OkrEvent) -> Row {
    let micros = |at: Timestamp| at.as_microsecond();
    let person = |person: &Option<okr::Person>| person.clone().unwrap_or_default();
    let (owner, manager) = (person(&event.owner), person(&event.manager));
    let (cycle, metric) = (event.cycle.clone().unwrap_or_default(), event.metric.clone().unwrap_or_default());
    let previous = event.previous.clone().unwrap_or_default();
    let (source, subject) = (&event.source, &event.subject);
    let row = json!({
        "event_id": event.event_id.to_string(), "revision": event.revision,
        "occurred_at": micros(event.occurred_at), "received_at": micros(event.received_at),
        "source_name": source.name, "source_kind": source.kind, "source_delivery_id": source.delivery_id,
        "source_sequence": source.sequence, "change": event.change.as_str(),
        "subject_type": subject.kind.as_str(), "subject_namespace": subject.namespace, "subject_id": subject.id,
        "subject_parent_id": subject.parent_id, "subject_title": subject.title, "subject_url": subject.url,
        "department": event.department, "team": event.team,
        "owner_id": owner.id, "owner_name": owner.name, "owner_email": owner.email,
        "manager_id": manager.id, "manager_name": manager.name, "manager_email": manager.email,
        "cycle_name": cycle.name, "cycle_start": cycle.start, "cycle_end": cycle.end,
        "metric_start": metric.start, "metric_target": metric.target, "metric_current": metric.current,
        "metric_unit": metric.unit, "progress": event.progress, "confidence": event.confidence,
        "status": event.status.as_str(), "previous_progress": previous.progress,
        "previous_status": previous.status.map(okr::Status::as_str), "previous_current": previous.current,
        "actor": event.actor, "note": event.note, "attributes": event.attributes,
        "subject_uid": subject_uid(event).to_string(), "ordered_at": micros(ordered_at(event)),
    });
    let Value::Object(row) = row else { panic!("an object") };
    row.into_iter().map(|(name, value)| (name, real(value))).collect()
}

/// 1.0 and 1 are one number.
fn real(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            let plain = number.as_f64().unwrap();
            if plain.fract() == 0.0 && plain.abs() < 1e15 { (plain as i64).into() } else { number.into() }
        }
        other => other,
    }
}

/// Rows by some of their columns, without columns that are the warehouse's own affair.
fn keyed(rows: Vec<Row>, by: &[&str], leave: &[&str]) -> BTreeMap<String, Row> {
    let mut found = BTreeMap::new();
    for mut row in rows {
        leave.iter().for_each(|name| drop(row.remove(*name)));
        let key = by.iter().map(|name| row[*name].as_str().unwrap()).collect::<Vec<_>>().join(" ");
        let row = row.into_iter().map(|(name, value)| (name, real(value))).collect();
        assert!(found.insert(key.clone(), row).is_none(), "{key} is there twice");
    }
    found
}

/// That the tables hold what they must after all these events.
#[track_caller]
fn compare(
    what: &str,
    found: &BTreeMap<String, Row>,
    expected: &BTreeMap<String, Row>,
) -> Result<(), String> {
    for (key, row) in expected {
        let Some(there) = found.get(key) else { return Err(format!("{what} {key} is missing")) };
        if there != row {
            let differs = row.iter().find(|(name, value)| there.get(*name) != Some(value));
            let extra = there.keys().find(|name| !row.contains_key(*name));
            let there = differs.and_then(|(name, _)| there.get(name));
            return Err(format!("{what} {key}: {differs:?} is {there:?}, {extra:?}"));
        }
    }
    match found.keys().find(|key| !expected.contains_key(*key)) {
        Some(key) => Err(format!("{what} {key} is too much")),
        None => Ok(()),
    }
}

/// Compares all three tables with what they must hold after all these events.
pub async fn check(bench: &Bench, events: &[OkrEvent]) -> Result<(), String> {
    let counted = counted(events);
    let rows: BTreeMap<String, Row> =
        counted.iter().map(|event| (event.event_id.to_string(), flat(event))).collect();
    let kafka = ["kafka_topic", "kafka_partition", "kafka_offset", "written_at"];
    compare("event", &keyed(bench.table("okr_events").await, &["event_id"], &kafka), &rows)?;

    let mut subjects: BTreeMap<String, Vec<OkrEvent>> = BTreeMap::new();
    for event in counted {
        subjects.entry(subject_uid(&event).to_string()).or_default().push(event);
    }
    let (mut states, mut days) = (BTreeMap::new(), BTreeMap::new());
    for (uid, events) in subjects {
        let state = fold(&events).unwrap();
        let mut row = flat(state.as_event());
        row.insert("is_deleted".into(), state.is_deleted().into());
        states.insert(uid.clone(), row);
        for at in events.iter().map(day) {
            let until: Vec<OkrEvent> = events.iter().filter(|event| day(event) <= at).cloned().collect();
            let state = fold(&until).unwrap();
            days.insert(format!("{uid} {at}"), of_day(&uid, at, state.as_event()));
        }
    }
    let own = ["version", "updated_at"];
    compare("state", &keyed(bench.table("okr_state").await, &["subject_uid"], &own), &states)?;
    compare("day", &keyed(bench.table("okr_progress_daily").await, &["subject_uid", "day"], &[]), &days)
}

fn of_day(uid: &str, day: Date, state: &OkrEvent) -> Row {
    let flat = flat(state);
    let kept = ["department", "team", "progress", "confidence", "status", "metric_current"];
    let cycle = ["cycle_name", "cycle_start", "cycle_end"];
    let mut row: Row =
        kept.iter().chain(&cycle).map(|name| (name.to_string(), flat[*name].clone())).collect();
    row.insert("subject_uid".into(), uid.into());
    row.insert("day".into(), day.to_string().into());
    row.insert("is_deleted".into(), (state.change == Change::Deleted).into());
    row.insert("is_closed".into(), (state.change == Change::Closed).into());
    row
}
