//! Histories of a few subjects: late, repeated, corrected, deleted; and ways to cut them into batches.

use jiff::{SignedDuration, Timestamp};
use okr::{Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use uuid::Uuid;

/// Noon of a day.
pub fn noon() -> Timestamp {
    "2025-12-30T12:00:00Z".parse().unwrap()
}

pub fn minutes(minutes: i64) -> Timestamp {
    noon() + SignedDuration::from_mins(minutes)
}

/// An event of the `n`-th delivery, so many minutes after noon, that says nothing.
pub fn bare(subject: &str, n: u32, at: i64) -> OkrEvent {
    let delivery = format!("delivery {n}");
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{subject} {n}").as_bytes());
    let source =
        Source { name: "acme".into(), kind: "okr".into(), delivery_id: Some(delivery), sequence: None };
    let subject = Subject {
        kind: SubjectType::KeyResult,
        namespace: "acme".into(),
        id: subject.into(),
        parent_id: None,
        title: None,
        url: None,
    };
    OkrEvent::new(EventId(id), minutes(at), source, Change::CheckedIn, subject)
}

/// As [`bare`], with a progress.
pub fn at(subject: &str, n: u32, minutes: i64, progress: f64) -> OkrEvent {
    OkrEvent { progress: Some(progress), ..bare(subject, n, minutes) }
}

fn word() -> impl Strategy<Value = Option<String>> {
    of(prop_oneof![Just("red".to_owned()), Just("gr\u{fc}n".to_owned()), Just(String::new())])
}

/// Quarters, so that they are what they are in every home.
fn number() -> impl Strategy<Value = Option<f64>> {
    of((0..20i32).prop_map(|n| f64::from(n) / 4.0))
}

fn person() -> impl Strategy<Value = Option<Person>> {
    of((word(), word(), word()).prop_map(|(id, name, email)| Person { id, name, email }))
}

fn cycle() -> impl Strategy<Value = Option<Cycle>> {
    let day = || of((1..28i8).prop_map(|day| jiff::civil::date(2026, 2, day)));
    of((word(), day(), day()).prop_map(|(name, start, end)| Cycle { name, start, end }))
}

fn metric() -> impl Strategy<Value = Option<Metric>> {
    let all = (number(), number(), number(), word());
    of(all.prop_map(|(start, target, current, unit)| Metric { start, target, current, unit }))
}

/// What an event says besides who and when.
fn content() -> impl Strategy<Value = OkrEvent> {
    let said = (word(), word(), word(), word(), person(), person(), cycle(), metric());
    let changes = (0..Status::ALL.len(), 0..Change::ALL.len());
    let told = (number(), number(), changes, word(), word(), number(), word());
    (said, told).prop_map(|(said, told)| {
        let mut event = bare("", 0, 0);
        let (title, parent_id, department, team, owner, manager, cycle, metric) = said;
        (event.subject.title, event.subject.parent_id) = (title, parent_id);
        (event.department, event.team, event.owner, event.manager) = (department, team, owner, manager);
        (event.cycle, event.metric) = (cycle, metric);
        let (progress, confidence, (status, change), actor, note, previous, attribute) = told;
        (event.progress, event.confidence) = (progress, confidence);
        (event.status, event.change) = (Status::ALL[status], Change::ALL[change]);
        (event.actor, event.note) = (actor, note);
        event.previous = previous.map(|now| Previous { current: Some(now), ..Previous::default() });
        event.attributes.extend(attribute.map(|value| ("points".to_owned(), value)));
        event
    })
}

/// An event of few subjects and deliveries, so that they meet; times within some days around a year's end.
fn event() -> impl Strategy<Value = OkrEvent> {
    let who = (0..3u8, 0..14u32, 0..4u8, of(0..2i64));
    let revision = prop_oneof![8 => Just(0i64), 1 => Just(1), 1 => Just(2)];
    let when = (0..5_000i64, -20..200i64);
    (who, revision, when, content()).prop_map(|(who, revision, (received, ago), content)| {
        let (subject, n, nth, sequence) = who;
        let base = bare(&format!("kr-{subject}"), n, received);
        let id = Uuid::new_v5(&base.event_id.0, &[nth / 3]);
        let mut subject = base.subject;
        (subject.title, subject.parent_id) =
            (content.subject.title.clone(), content.subject.parent_id.clone());
        // Some deliveries have no name, and so no corrections.
        let delivery_id = base.source.delivery_id.filter(|_| n < 10);
        let source = Source { sequence, delivery_id, ..base.source };
        let occurred_at = base.received_at - SignedDuration::from_mins(ago);
        let revision = if n < 10 { revision } else { 0 };
        OkrEvent {
            event_id: EventId(id),
            received_at: base.received_at,
            occurred_at,
            revision,
            source,
            subject,
            ..content
        }
    })
}

/// Events with the partitions that they come by, and how many of them go into each batch.
#[derive(Debug, Clone)]
pub struct History {
    pub events: Vec<(i32, OkrEvent)>,
    cuts: Vec<usize>,
}

impl History {
    pub fn batches(&self) -> Vec<&[(i32, OkrEvent)]> {
        let (mut left, mut batches) = (self.events.as_slice(), Vec::new());
        for cut in self.cuts.iter().cycle() {
            if left.is_empty() {
                break;
            }
            let (batch, rest) = left.split_at((*cut).min(left.len()));
            batches.push(batch);
            left = rest;
        }
        batches
    }

    pub fn all(&self) -> Vec<OkrEvent> {
        self.events.iter().map(|(_, event)| event.clone()).collect()
    }
}

/// Some tools say the same things each time, and only those.
fn speak_like(manner: &OkrEvent, event: &mut OkrEvent) {
    fn part<T: Clone>(of: &mut Option<T>, manner: &Option<T>) {
        *of = manner.as_ref().map(|usual| of.take().unwrap_or_else(|| usual.clone()));
    }
    part(&mut event.subject.title, &manner.subject.title);
    part(&mut event.subject.parent_id, &manner.subject.parent_id);
    part(&mut event.department, &manner.department);
    part(&mut event.team, &manner.team);
    part(&mut event.progress, &manner.progress);
    part(&mut event.confidence, &manner.confidence);
    part(&mut event.owner, &manner.owner);
    part(&mut event.manager, &manner.manager);
    part(&mut event.cycle, &manner.cycle);
    part(&mut event.metric, &manner.metric);
    if (event.status == Status::Unknown) != (manner.status == Status::Unknown) {
        event.status = manner.status;
    }
}

/// Up to `most` events; in some histories all say the same things. Each may come a second time, much later, and subjects move from partition to partition.
pub fn history(most: usize) -> impl Strategy<Value = History> {
    let comes =
        (0..3i32, event(), prop_oneof![3 => Just(None), 1 => any::<prop::sample::Index>().prop_map(Some)]);
    (vec(comes, 1..most), vec(1..12usize, 1..6), of(content().boxed())).prop_map(|(comes, cuts, manner)| {
        let mut events: Vec<(i32, OkrEvent)> = Vec::new();
        for (partition, mut event, again) in comes {
            if let Some(manner) = &manner {
                speak_like(manner, &mut event);
            }
            if let Some(earlier) = again.filter(|_| !events.is_empty()) {
                let repeated: (i32, OkrEvent) = earlier.get(&events).clone();
                events.push(repeated);
            }
            events.push((partition, event));
        }
        History { events, cuts }
    })
}
