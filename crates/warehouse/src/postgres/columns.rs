//! An event in columns: written as rows of a binary `COPY`, read from rows of a query. Both in one order.

use std::collections::BTreeMap;

use bytes::{BufMut, BytesMut};
use jiff::civil::Date;
use okr::{
    Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Rank, Source, Status, Subject, SubjectType,
};
use store::ground::Failure;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use super::values::{Day, JSONB, Json, Time, days, micros};

/// The columns of an event, in the order in which they are written and read. A macro, so that statements are constant.
macro_rules! event_columns {
    () => {
        "event_id, revision, occurred_at, received_at, source_name, source_kind, source_delivery_id, source_sequence, \
         change, subject_type, subject_namespace, subject_id, subject_parent_id, subject_title, subject_url, \
         department, team, owner_id, owner_name, owner_email, manager_id, manager_name, manager_email, cycle_name, \
         cycle_start, cycle_end, metric_start, metric_target, metric_current, metric_unit, progress, confidence, status, \
         previous_progress, previous_status, previous_current, actor, note, attributes, subject_uid, ordered_at"
    };
}
pub(super) use event_columns;

/// How many they are.
pub(super) const COUNT: i16 = 41;

/// Rows of a binary `COPY`, with its header.
#[derive(Debug)]
pub(super) struct Rows {
    out: BytesMut,
}

impl Rows {
    pub(super) fn new(bytes: usize) -> Self {
        let mut out = BytesMut::with_capacity(bytes);
        out.put_slice(b"PGCOPY\n\xff\r\n\0");
        out.put_i64(0); // No flags, no extension.
        Self { out }
    }

    /// Begins a row of this many columns.
    pub(super) fn row(&mut self, columns: i16) {
        self.out.put_i16(columns);
    }

    /// What was written so far, with room for more.
    pub(super) fn take(&mut self) -> BytesMut {
        self.out.split()
    }

    pub(super) fn len(&self) -> usize {
        self.out.len()
    }

    /// The end of the data.
    pub(super) fn end(mut self) -> BytesMut {
        self.out.put_i16(-1);
        self.out
    }

    pub(super) fn uuid(&mut self, id: Uuid) {
        self.bytes(id.as_bytes());
    }

    pub(super) fn big(&mut self, number: i64) {
        self.out.put_i32(8);
        self.out.put_i64(number);
    }

    pub(super) fn int(&mut self, number: i32) {
        self.out.put_i32(4);
        self.out.put_i32(number);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // A text is shorter than a record, and that than 2 GiB.
        self.out.put_i32(bytes.len() as i32);
        self.out.put_slice(bytes);
    }

    fn maybe<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => put(self, value),
            None => self.out.put_i32(-1),
        }
    }

    fn words(&mut self, text: Option<&str>) {
        self.maybe(text, Self::text);
    }

    fn double(&mut self, number: Option<f64>) {
        self.maybe(number, |rows, number| {
            rows.out.put_i32(8);
            rows.out.put_f64(number);
        });
    }

    fn day(&mut self, day: Option<Date>) {
        self.maybe(day, |rows, day| rows.int(days(day)));
    }

    fn person(&mut self, person: Option<&Person>) {
        let part = |read: fn(&Person) -> &Option<String>| person.and_then(|person| read(person).as_deref());
        self.words(part(|person| &person.id));
        self.words(part(|person| &person.name));
        self.words(part(|person| &person.email));
    }

    /// The columns of an event.
    pub(super) fn event(&mut self, event: &OkrEvent, subject: Uuid, rank: &Rank) {
        self.uuid(event.event_id.0);
        self.big(event.revision);
        self.big(micros(event.occurred_at));
        self.big(micros(event.received_at));
        self.text(&event.source.name);
        self.text(&event.source.kind);
        self.words(event.source.delivery_id.as_deref());
        self.maybe(event.source.sequence, Self::big);
        self.text(event.change.as_str());
        self.text(event.subject.kind.as_str());
        self.text(&event.subject.namespace);
        self.text(&event.subject.id);
        self.words(event.subject.parent_id.as_deref());
        self.words(event.subject.title.as_deref());
        self.words(event.subject.url.as_deref());
        self.words(event.department.as_deref());
        self.words(event.team.as_deref());
        self.person(event.owner.as_ref());
        self.person(event.manager.as_ref());
        self.measures(event);
        self.words(event.actor.as_deref());
        self.words(event.note.as_deref());
        self.attributes(&event.attributes);
        self.uuid(subject);
        self.big(micros(rank.0));
    }

    fn measures(&mut self, event: &OkrEvent) {
        let cycle = event.cycle.as_ref();
        self.words(cycle.and_then(|cycle| cycle.name.as_deref()));
        self.day(cycle.and_then(|cycle| cycle.start));
        self.day(cycle.and_then(|cycle| cycle.end));
        let metric = event.metric.as_ref();
        self.double(metric.and_then(|metric| metric.start));
        self.double(metric.and_then(|metric| metric.target));
        self.double(metric.and_then(|metric| metric.current));
        self.words(metric.and_then(|metric| metric.unit.as_deref()));
        self.double(event.progress);
        self.double(event.confidence);
        self.text(event.status.as_str());
        let previous = event.previous.as_ref();
        self.double(previous.and_then(|previous| previous.progress));
        self.words(previous.and_then(|previous| previous.status).map(Status::as_str));
        self.double(previous.and_then(|previous| previous.current));
    }

    fn attributes(&mut self, attributes: &BTreeMap<String, String>) {
        let length = self.out.len();
        self.out.put_i32(0);
        self.out.put_u8(JSONB);
        if attributes.is_empty() {
            self.out.put_slice(b"{}");
        } else {
            // Texts under texts always become JSON.
            let _ = serde_json::to_writer((&mut self.out).writer(), attributes);
        }
        let written = self.out.len() - length - 4;
        self.out[length..length + 4].copy_from_slice(&(written as i32).to_be_bytes());
    }
}

/// Reads columns one after the other.
pub(super) struct Reader<'r> {
    row: &'r Row,
    at: usize,
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r Row, at: usize) -> Self {
        Self { row, at }
    }

    pub(super) fn next<T: FromSql<'r>>(&mut self) -> Result<T, Failure> {
        self.at += 1;
        Ok(self.row.try_get(self.at - 1)?)
    }

    fn time(&mut self) -> Result<jiff::Timestamp, Failure> {
        Ok(self.next::<Time>()?.0)
    }

    pub(super) fn day(&mut self) -> Result<Option<Date>, Failure> {
        Ok(self.next::<Option<Day>>()?.map(|day| day.0))
    }

    fn person(&mut self) -> Result<Option<Person>, Failure> {
        let person = Person { id: self.next()?, name: self.next()?, email: self.next()? };
        Ok((person != Person::default()).then_some(person))
    }

    pub(super) fn cycle(&mut self) -> Result<Option<Cycle>, Failure> {
        let cycle = Cycle { name: self.next()?, start: self.day()?, end: self.day()? };
        Ok((cycle != Cycle::default()).then_some(cycle))
    }

    fn metric(&mut self) -> Result<Option<Metric>, Failure> {
        let metric =
            Metric { start: self.next()?, target: self.next()?, current: self.next()?, unit: self.next()? };
        Ok((metric != Metric::default()).then_some(metric))
    }

    pub(super) fn status(&mut self) -> Result<Status, Failure> {
        Ok(Status::parse(self.next()?).unwrap_or_default())
    }

    fn previous(&mut self) -> Result<Option<Previous>, Failure> {
        let progress = self.next()?;
        let status = self.next::<Option<&str>>()?.and_then(Status::parse);
        let previous = Previous { progress, status, current: self.next()? };
        Ok((previous != Previous::default()).then_some(previous))
    }

    fn attributes(&mut self) -> Result<BTreeMap<String, String>, Failure> {
        let Json(text) = self.next()?;
        if text == b"{}" {
            return Ok(BTreeMap::new());
        }
        let broken = |error: serde_json::Error| Failure::Broken(format!("attributes of an event: {error}"));
        serde_json::from_slice(text).map_err(broken)
    }

    fn source(&mut self) -> Result<Source, Failure> {
        let (name, kind) = (self.next()?, self.next()?);
        Ok(Source { name, kind, delivery_id: self.next()?, sequence: self.next()? })
    }

    fn subject(&mut self) -> Result<Subject, Failure> {
        Ok(Subject {
            kind: SubjectType::parse(self.next()?).unwrap_or_default(),
            namespace: self.next()?,
            id: self.next()?,
            parent_id: self.next()?,
            title: self.next()?,
            url: self.next()?,
        })
    }

    /// The columns of an event, with its subject.
    pub(super) fn event(&mut self) -> Result<(Uuid, OkrEvent), Failure> {
        let event = OkrEvent {
            event_id: EventId(self.next()?),
            revision: self.next()?,
            occurred_at: self.time()?,
            received_at: self.time()?,
            source: self.source()?,
            change: Change::parse(self.next()?).unwrap_or_default(),
            subject: self.subject()?,
            department: self.next()?,
            team: self.next()?,
            owner: self.person()?,
            manager: self.person()?,
            cycle: self.cycle()?,
            metric: self.metric()?,
            progress: self.next()?,
            confidence: self.next()?,
            status: self.status()?,
            previous: self.previous()?,
            actor: self.next()?,
            note: self.next()?,
            attributes: self.attributes()?,
        };
        Ok((self.next()?, event))
    }

    /// The columns by which an event is ranked: event_id, ordered_at, source_sequence, received_at, revision.
    pub(super) fn rank(&mut self) -> Result<Rank, Failure> {
        let id = EventId(self.next()?);
        let (ordered_at, sequence) = (self.time()?, self.next()?);
        Ok((ordered_at, sequence, self.time()?, self.next()?, id))
    }
}
