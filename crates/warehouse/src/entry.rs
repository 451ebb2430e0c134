//! An event as the warehouse takes it in: where it lies in Kafka, which subject and delivery it is of, in words that
//! every home can keep.

use std::collections::BTreeMap;

use bus::{InRecord, Slot};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use okr::{Cycle, Metric, OkrEvent, Person, Rank};
use uuid::Uuid;

/// What homes keep of times begins here; they agree on nothing that is older.
const FIRST: Date = date(1, 1, 1);
const FIRST_MOMENT: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Before all times that an entry may have: the last second of the year 0.
pub(crate) const BEGINNING: Timestamp = Timestamp::constant(-62_135_596_801, 0);

/// One event of one record.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Without NUL, without numbers that are none.
    pub event: OkrEvent,
    /// Where its record lies.
    pub slot: Slot,
    pub offset: i64,
    /// The subject in one short value.
    pub subject: Uuid,
    /// Its place among the events of the subject.
    pub rank: Rank,
}

/// Why an event cannot be taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Databases disagree on times before the year 1, and no goal is that old.
    #[error("event names a day before the year 1")]
    TooEarly,
    /// The first of all revisions is 0; a lower one would be taken for a copy that was corrected since.
    #[error("event has the revision {0}, and there is none below 0")]
    Revision(i64),
}

impl Unfit {
    /// A stable label for dead letters.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooEarly => "too_early",
            Self::Revision(_) => "negative_revision",
        }
    }
}

impl Entry {
    /// Takes the event of this record in.
    ///
    /// # Errors
    /// What [`Unfit`] says.
    pub fn new(event: OkrEvent, record: &InRecord) -> Result<Self, Unfit> {
        Self::at(event, record.slot.clone(), record.offset)
    }

    /// As [`Entry::new`], with the record's place alone.
    pub fn at(mut event: OkrEvent, slot: Slot, offset: i64) -> Result<Self, Unfit> {
        if event.revision < 0 {
            return Err(Unfit::Revision(event.revision));
        }
        clean(&mut event);
        let mut days = event.cycle.iter().flat_map(|cycle| [cycle.start, cycle.end]).flatten();
        let first = event.occurred_at.min(event.received_at);
        if first < FIRST_MOMENT || days.any(|day| day < FIRST) {
            return Err(Unfit::TooEarly);
        }
        let (subject, rank) = (subject_uid(&event), okr::rank(&event));
        Ok(Self { event, slot, offset, subject, rank })
    }

    pub(crate) fn id(&self) -> Uuid {
        self.event.event_id.0
    }

    /// Its delivery in one short value, where it has one that is known by name. Asked for only where something was
    /// corrected, which is rare.
    pub(crate) fn delivery(&self) -> Option<Uuid> {
        let namespace = &self.event.subject.namespace;
        self.event.source.delivery_id.as_ref().map(|id| delivery_uid(namespace, id))
    }

    /// When it counts as having happened.
    pub(crate) fn ordered_at(&self) -> Timestamp {
        self.rank.0
    }
}

/// UUIDv5 of the subject key, in the namespace of OIDs: short, of one width, and the same wherever it is computed.
pub fn subject_uid(event: &OkrEvent) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, okr::subject_key(&event.subject).as_bytes())
}

fn delivery_uid(namespace: &str, id: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, okr::object_key(namespace, "delivery", id).as_bytes())
}

/// The day of a time, in UTC.
pub(crate) fn day(at: Timestamp) -> Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Brings what an event says into words that every home can keep: Postgres has no NUL in texts, an average no `NaN`.
fn clean(event: &mut OkrEvent) {
    let OkrEvent { source, subject, department, team, owner, manager, cycle, metric, .. } = event;
    [&mut source.name, &mut source.kind, &mut subject.namespace, &mut subject.id].into_iter().for_each(text);
    let words = [&mut source.delivery_id, &mut subject.parent_id, &mut subject.title, &mut subject.url];
    words.into_iter().flatten().for_each(text);
    [department, team, &mut event.actor, &mut event.note].into_iter().flatten().for_each(text);
    for Person { id, name, email } in [owner, manager].into_iter().flatten() {
        [id, name, email].into_iter().flatten().for_each(text);
    }
    if let Some(Cycle { name: Some(name), .. }) = cycle {
        text(name);
    }
    if let Some(Metric { start, target, current, unit }) = metric {
        unit.iter_mut().for_each(text);
        [start, target, current].into_iter().for_each(number);
    }
    [&mut event.progress, &mut event.confidence].into_iter().for_each(number);
    if let Some(previous) = &mut event.previous {
        [&mut previous.progress, &mut previous.current].into_iter().for_each(number);
    }
    if event.attributes.iter().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        let cleaned: BTreeMap<String, String> = std::mem::take(&mut event.attributes)
            .into_iter()
            .map(|(mut name, mut value)| {
                text(&mut name);
                text(&mut value);
                (name, value)
            })
            .collect();
        event.attributes = cleaned;
    }
}

fn text(text: &mut String) {
    if text.as_bytes().contains(&0) {
        *text = text.replace('\0', "\u{fffd}");
    }
}

fn number(number: &mut Option<f64>) {
    *number = number.filter(|number| number.is_finite());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::history::bare;

    #[track_caller]
    fn check(event: OkrEvent, expected: Option<Unfit>) {
        assert_eq!(Entry::at(event, Slot::new("okr.events", 0), 0).err(), expected);
    }

    #[test]
    fn what_no_home_could_keep_or_tell_from_a_copy_is_unfit() {
        check(bare("kr", 1, 0), None);
        check(OkrEvent { revision: -1, ..bare("kr", 1, 0) }, Some(Unfit::Revision(-1)));
        let early = "-000001-12-31T00:00:00Z".parse().unwrap();
        check(OkrEvent { occurred_at: early, ..bare("kr", 1, 0) }, Some(Unfit::TooEarly));
        check(OkrEvent { received_at: early, ..bare("kr", 1, 0) }, Some(Unfit::TooEarly));
        let at = |micros| Timestamp::from_microsecond(micros).unwrap();
        let first = -62_135_596_800_000_000;
        assert_eq!((day(at(first)), day(at(first - 1)) < FIRST), (FIRST, true));
        check(OkrEvent { occurred_at: at(first), ..bare("kr", 1, 0) }, None);
        check(OkrEvent { occurred_at: at(first - 1), ..bare("kr", 1, 0) }, Some(Unfit::TooEarly));
        let cycle = Cycle { end: Some(date(0, 12, 31)), ..Cycle::default() };
        check(OkrEvent { cycle: Some(cycle), ..bare("kr", 1, 0) }, Some(Unfit::TooEarly));
        assert_eq!(Unfit::Revision(-1).reason(), "negative_revision");
    }
}
