//! An event in columns of the file. Times are text of one width, so that they sort as time; ids are text.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use libsql::{Row, Value};
use okr::{
    Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Rank, Source, Status, Subject, SubjectType,
};
use uuid::Uuid;

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

/// RFC 3339 in UTC with six decimals.
pub(super) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

pub(super) fn id(id: Uuid) -> Value {
    Value::Text(id.hyphenated().to_string())
}

pub(super) fn words(text: Option<&str>) -> Value {
    text.map_or(Value::Null, |text| Value::Text(text.to_owned()))
}

pub(super) fn number(number: Option<f64>) -> Value {
    number.map_or(Value::Null, Value::Real)
}

pub(super) fn day(day: Option<Date>) -> Value {
    day.map_or(Value::Null, |day| Value::Text(day.to_string()))
}

/// The columns of an event, with room for some more.
pub(super) fn written(event: &OkrEvent, subject: Uuid, rank: &Rank) -> Result<Vec<Value>, serde_json::Error> {
    let mut row = Vec::with_capacity(45);
    let text = |text: &str| Value::Text(text.to_owned());
    let moment = |at| Value::Text(time(at));
    row.extend([id(event.event_id.0), Value::Integer(event.revision)]);
    row.extend([moment(event.occurred_at), moment(event.received_at)]);
    let Source { name, kind, delivery_id, sequence } = &event.source;
    row.extend([text(name), text(kind), words(delivery_id.as_deref())]);
    row.push(sequence.map_or(Value::Null, Value::Integer));
    let of = &event.subject;
    row.extend([text(event.change.as_str()), text(of.kind.as_str()), text(&of.namespace), text(&of.id)]);
    let described = [&of.parent_id, &of.title, &of.url, &event.department, &event.team];
    row.extend(described.map(|text| words(text.as_deref())));
    for person in [&event.owner, &event.manager] {
        let Person { id, name, email } = person.clone().unwrap_or_default();
        row.extend([id, name, email].map(|text| words(text.as_deref())));
    }
    let Cycle { name, start, end } = event.cycle.clone().unwrap_or_default();
    row.extend([words(name.as_deref()), day(start), day(end)]);
    let Metric { start, target, current, unit } = event.metric.clone().unwrap_or_default();
    row.extend([number(start), number(target), number(current), words(unit.as_deref())]);
    row.extend([number(event.progress), number(event.confidence), text(event.status.as_str())]);
    let Previous { progress, status, current } = event.previous.clone().unwrap_or_default();
    row.extend([number(progress), words(status.map(Status::as_str)), number(current)]);
    row.extend([words(event.actor.as_deref()), words(event.note.as_deref())]);
    row.push(Value::Text(serde_json::to_string(&event.attributes)?));
    row.extend([id(subject), moment(rank.0)]);
    Ok(row)
}

type Outcome<T> = Result<T, libsql::Error>;

/// Reads columns one after the other.
pub(super) struct Reader<'r> {
    row: &'r Row,
    at: i32,
}

fn odd(what: impl ToString) -> libsql::Error {
    libsql::Error::SqliteFailure(11, what.to_string()) // CORRUPT: it was not written so.
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r Row, at: i32) -> Self {
        Self { row, at }
    }

    fn value(&mut self) -> Outcome<Value> {
        self.at += 1;
        self.row.get_value(self.at - 1)
    }

    pub(super) fn text(&mut self) -> Outcome<String> {
        self.words()?.ok_or_else(|| odd("a text is null"))
    }

    pub(super) fn words(&mut self) -> Outcome<Option<String>> {
        match self.value()? {
            Value::Null => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            _ => Err(odd("a text is none")),
        }
    }

    pub(super) fn integer(&mut self) -> Outcome<i64> {
        self.whole()?.ok_or_else(|| odd("a number is null"))
    }

    fn whole(&mut self) -> Outcome<Option<i64>> {
        match self.value()? {
            Value::Null => Ok(None),
            Value::Integer(number) => Ok(Some(number)),
            _ => Err(odd("a number is none")),
        }
    }

    pub(super) fn number(&mut self) -> Outcome<Option<f64>> {
        match self.value()? {
            Value::Null => Ok(None),
            Value::Real(number) => Ok(Some(number)),
            Value::Integer(number) => Ok(Some(number as f64)),
            _ => Err(odd("a number is none")),
        }
    }

    pub(super) fn id(&mut self) -> Outcome<Uuid> {
        self.text()?.parse().map_err(odd)
    }

    pub(super) fn time(&mut self) -> Outcome<Timestamp> {
        self.text()?.parse().map_err(odd)
    }

    pub(super) fn day(&mut self) -> Outcome<Option<Date>> {
        self.words()?.map(|day| day.parse().map_err(odd)).transpose()
    }

    pub(super) fn cycle(&mut self) -> Outcome<Option<Cycle>> {
        let cycle = Cycle { name: self.words()?, start: self.day()?, end: self.day()? };
        Ok((cycle != Cycle::default()).then_some(cycle))
    }

    pub(super) fn status(&mut self) -> Outcome<Status> {
        Ok(Status::parse(&self.text()?).unwrap_or_default())
    }

    fn person(&mut self) -> Outcome<Option<Person>> {
        let person = Person { id: self.words()?, name: self.words()?, email: self.words()? };
        Ok((person != Person::default()).then_some(person))
    }

    fn metric(&mut self) -> Outcome<Option<Metric>> {
        let (start, target, current) = (self.number()?, self.number()?, self.number()?);
        let metric = Metric { start, target, current, unit: self.words()? };
        Ok((metric != Metric::default()).then_some(metric))
    }

    fn previous(&mut self) -> Outcome<Option<Previous>> {
        let progress = self.number()?;
        let status = self.words()?.and_then(|word| Status::parse(&word));
        let previous = Previous { progress, status, current: self.number()? };
        Ok((previous != Previous::default()).then_some(previous))
    }

    fn source(&mut self) -> Outcome<Source> {
        let (name, kind) = (self.text()?, self.text()?);
        Ok(Source { name, kind, delivery_id: self.words()?, sequence: self.whole()? })
    }

    fn subject(&mut self) -> Outcome<Subject> {
        Ok(Subject {
            kind: SubjectType::parse(&self.text()?).unwrap_or_default(),
            namespace: self.text()?,
            id: self.text()?,
            parent_id: self.words()?,
            title: self.words()?,
            url: self.words()?,
        })
    }

    fn attributes(&mut self) -> Outcome<BTreeMap<String, String>> {
        serde_json::from_str(&self.text()?).map_err(odd)
    }

    /// The columns of an event.
    pub(super) fn event(&mut self) -> Outcome<OkrEvent> {
        let event = OkrEvent {
            event_id: EventId(self.id()?),
            revision: self.integer()?,
            occurred_at: self.time()?,
            received_at: self.time()?,
            source: self.source()?,
            change: Change::parse(&self.text()?).unwrap_or_default(),
            subject: self.subject()?,
            department: self.words()?,
            team: self.words()?,
            owner: self.person()?,
            manager: self.person()?,
            cycle: self.cycle()?,
            metric: self.metric()?,
            progress: self.number()?,
            confidence: self.number()?,
            status: self.status()?,
            previous: self.previous()?,
            actor: self.words()?,
            note: self.words()?,
            attributes: self.attributes()?,
        };
        self.at += 2; // Subject and time are computed.
        Ok(event)
    }

    /// The columns by which an event is ranked: event_id, ordered_at, source_sequence, received_at, revision.
    pub(super) fn rank(&mut self) -> Outcome<Rank> {
        let id = EventId(self.id()?);
        let (ordered_at, sequence) = (self.time()?, self.whole()?);
        Ok((ordered_at, sequence, self.time()?, self.integer()?, id))
    }
}
