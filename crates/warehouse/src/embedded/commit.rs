//! One batch, inside the transaction of the file's thread. Nobody else writes meanwhile.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use libsql::Value;
use okr::OkrEvent;
use store::QueueError;
use store::ground::Session;
use uuid::Uuid;
use worker::{Batch, Mark};

use super::columns::{Reader, day, id, number, time, words, written};
use super::{erasures, statements as sql};
use crate::entry::{self, Entry};
use crate::recall::Recall;
use crate::sift::{Known, KnownEvent, Sifted, sift};
use crate::subjects::{self, Day, Outcome, Reach, Stored};

/// Before all times that an entry may have.
pub(super) const BEGINNING: &str = "0";

/// How many events were added; none when a mark does not find its slot where it should be, and nothing is done.
pub(super) fn commit(
    session: &mut Session,
    batch: &Batch<Vec<Entry>>,
    (recall, now): (&Recall, Timestamp),
) -> Result<Option<usize>, QueueError> {
    for Mark { slot, epoch, from, .. } in &batch.marks {
        let at = (&*slot.topic, slot.partition, *epoch, *from);
        if session.rows(sql::STANDS, at, |_| Ok(()))?.is_empty() {
            return Ok(None);
        }
    }
    let mut work = Work { session, now: time(now) };
    let forgotten = erasures::forgotten(work.session, recall)?;
    let entries = forgotten.cover(&batch.changes);
    let known = work.known(&entries)?;
    let sifted = sift(&entries, &known);
    let emptied = work.take_out(&sifted)?;
    let subjects = sifted.rows.iter().map(|entry| entry.subject).chain(emptied.iter().copied());
    let stored = work.stored(subjects.collect())?;
    sifted.rows.iter().try_for_each(|entry| work.add(entry))?;
    let seen = stored.iter().map(|(subject, stored)| (*subject, stored.seen())).collect();
    for (subject, reach) in subjects::reaches(&sifted.rows, &emptied, &seen) {
        let outcome = work.outcome(subject, reach, stored.get(&subject))?;
        work.write(&outcome)?;
    }
    batch.marks.iter().try_for_each(|mark| work.mark(mark))?;
    Ok(Some(sifted.rows.len()))
}

struct Work<'s> {
    session: &'s mut Session,
    now: String,
}

impl Work<'_> {
    fn known(&mut self, entries: &[Entry]) -> Result<Known, QueueError> {
        let mut known = Known::default();
        let has_corrections = !self.session.rows(sql::HAS_CORRECTIONS, (), |_| Ok(()))?.is_empty();
        for entry in entries {
            let found = self.session.rows(sql::EVENT_KNOWN, [id(entry.id())], |row| {
                let mut reader = Reader::new(row, 0);
                let rank = reader.rank()?;
                Ok((rank.4.0, KnownEvent { subject: reader.id()?, rank }))
            })?;
            known.events.extend(found);
            let Some(delivery) = entry.delivery().filter(|_| has_corrections) else { continue };
            let found = self.session.rows(sql::CORRECTION_KNOWN, [id(delivery)], |row| row.get::<i64>(0))?;
            known.corrections.extend(found.into_iter().map(|revision| (delivery, revision)));
        }
        Ok(known)
    }

    fn stored(&mut self, subjects: HashSet<Uuid>) -> Result<HashMap<Uuid, Stored>, QueueError> {
        let mut stored = HashMap::with_capacity(subjects.len());
        for subject in subjects {
            let found = self.session.rows(sql::STATE, [id(subject)], |row| {
                let mut reader = Reader::new(row, 0);
                Ok(Stored { state: okr::State::kept(reader.event()?), version: reader.integer()? })
            })?;
            stored.extend(found.into_iter().map(|state| (subject, state)));
        }
        Ok(stored)
    }

    /// Takes out what is replaced, and what corrected deliveries said before; answers whose events those were.
    fn take_out(&mut self, sifted: &Sifted<'_>) -> Result<HashSet<Uuid>, QueueError> {
        let mut emptied = HashSet::new();
        for (event, subject) in &sifted.replaced {
            self.session.run(sql::TAKE_OUT, [id(*event)])?;
            emptied.insert(*subject);
        }
        for entry in &sifted.corrected {
            let delivery = entry.event.source.delivery_id.as_deref();
            let (namespace, revision) = (&*entry.event.subject.namespace, entry.event.revision);
            let of = (words(delivery), namespace, revision);
            let gone = self.session.rows(sql::CORRECT, of, |row| Reader::new(row, 0).id())?;
            emptied.extend(gone);
            let uid = entry.delivery().map_or(Value::Null, id);
            self.session.run(sql::NOTE_CORRECTION, (uid, namespace, words(delivery), revision))?;
        }
        Ok(emptied)
    }

    fn add(&mut self, entry: &Entry) -> Result<(), QueueError> {
        let mut row = columns(&entry.event, entry.subject)?;
        row.extend([
            Value::Text(entry.slot.topic.to_string()),
            Value::Integer(entry.slot.partition.into()),
            Value::Integer(entry.offset),
            Value::Text(self.now.clone()),
        ]);
        self.session.run(sql::ADD, row).map(drop)
    }

    fn outcome(
        &mut self,
        subject: Uuid,
        reach: Reach<'_>,
        stored: Option<&Stored>,
    ) -> Result<Outcome, QueueError> {
        Ok(match reach {
            Reach::Newer(events) => subjects::go_on(subject, stored, &events),
            Reach::Since(at) => {
                let before = self.last_day(subject, entry::day(at))?;
                let events = self.history(subject, &time(at))?;
                subjects::catch_up(subject, stored, before, &events.iter().collect::<Vec<_>>())
            }
            Reach::Whole => {
                let events = self.history(subject, BEGINNING)?;
                subjects::begin_anew(subject, stored, &events.iter().collect::<Vec<_>>())
            }
        })
    }

    fn history(&mut self, subject: Uuid, since: &str) -> Result<Vec<OkrEvent>, QueueError> {
        self.session.rows(sql::HISTORY, (id(subject), since), |row| Reader::new(row, 0).event())
    }

    /// The last day that had begun on this one.
    fn last_day(&mut self, subject: Uuid, upto: Date) -> Result<Option<Day>, QueueError> {
        let found = self.session.rows(sql::LAST_DAY, (id(subject), upto.to_string()), |row| {
            let mut reader = Reader::new(row, 0);
            Ok(Day {
                day: reader.day()?.unwrap_or(upto),
                department: reader.words()?,
                team: reader.words()?,
                progress: reader.number()?,
                confidence: reader.number()?,
                status: reader.status()?,
                metric_current: reader.number()?,
                cycle: reader.cycle()?,
                is_deleted: reader.integer()? != 0,
                is_closed: reader.integer()? != 0,
            })
        })?;
        Ok(found.into_iter().next())
    }

    fn write(&mut self, outcome: &Outcome) -> Result<(), QueueError> {
        let subject = outcome.subject;
        match &outcome.state {
            Some(state) => {
                let mut row = columns(state.as_event(), subject)?;
                row.extend([Value::Integer(outcome.seen + 1), Value::Text(self.now.clone())]);
                self.session.run(sql::PUT_STATE, row)?;
            }
            None => drop(self.session.run(sql::DROP_STATE, [id(subject)])?),
        }
        if outcome.is_whole {
            self.session.run(sql::DROP_DAYS, [id(subject)])?;
        }
        for at in &outcome.days {
            let cycle = at.cycle.clone().unwrap_or_default();
            let row = vec![
                id(subject),
                day(Some(at.day)),
                words(at.department.as_deref()),
                words(at.team.as_deref()),
                number(at.progress),
                number(at.confidence),
                words(Some(at.status.as_str())),
                number(at.metric_current),
                words(cycle.name.as_deref()),
                day(cycle.start),
                day(cycle.end),
                Value::Integer(at.is_deleted.into()),
                Value::Integer(at.is_closed.into()),
            ];
            self.session.run(sql::PUT_DAY, row)?;
        }
        Ok(())
    }

    fn mark(&mut self, Mark { slot, next, last, .. }: &Mark) -> Result<(), QueueError> {
        let (offset, fingerprint) = (last.offset, id(last.fingerprint.0));
        let row = (&*slot.topic, slot.partition, *next, offset, fingerprint, self.now.as_str());
        self.session.run(sql::MARK, row).map(drop)
    }
}

fn columns(event: &OkrEvent, subject: Uuid) -> Result<Vec<Value>, QueueError> {
    let columns = written(event, subject, &okr::rank(event));
    columns.map_err(|error| QueueError::Broken(format!("attributes of an event: {error}")))
}
