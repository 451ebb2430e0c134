//! One batch, one transaction.
//!
//! Rows go in first, then the states of their subjects are brought forward (`advance`), and those of which more has to
//! be read come last: they are locked by then. All rows are written in the order of their ids, or waited for a moment only, so nobody waits in
//! a circle; what takes rows out as well, and so keeps no single order, has the tables alone. Whoever wanted to add an
//! event that another was just adding begins again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;

use bytes::Bytes;
use deadpool_postgres::{Object, Transaction};
use futures::{SinkExt, TryStreamExt, join, try_join};
use jiff::Timestamp;
use okr::OkrEvent;
use store::ground::Failure;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;
use worker::{Batch, Mark};

use super::advance::advance;
use super::columns::{COUNT, Reader, Rows};
use super::standstill::AtWork;
use super::statements as sql;
use super::values::{Day, Time};
use super::{days, erasures, staged};
use crate::entry::{self, Entry};
use crate::recall::Recall;
use crate::sift::{Known, KnownEvent, Sifted, sift};
use crate::steps::steps;
use crate::subjects::{self, Outcome, Reach, Seen, Stored};

/// How much of a `COPY` is sent at a time.
pub(super) const CHUNK_BYTES: usize = 256 << 10;
/// How many subjects, and about how many of their rows, are read again at a time: neither memory nor time grows with them.
const REREAD_MAX: usize = 128;
const ROWS_MAX: i32 = if cfg!(test) { 5 } else { 10_000 };
/// What a row takes, about.
const ROW_BYTES: usize = 640;

/// How a transaction ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// So many events were added.
    Done(usize),
    /// A mark does not find its slot where it should be; nothing is done.
    Outdated,
    /// Another member was at one of the subjects; nothing is done, and it may be tried again at once.
    Met,
    /// Rows have to be taken out; nothing is done, and it may be tried again alone.
    Alone,
}

/// What the commits of a process have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) recall: Recall,
    pub(super) at_work: AtWork,
}

pub(super) const SESSION: &str = "SELECT pg_backend_pid()";

/// Tries it once; `alone` with all other members locked out.
pub(super) async fn attempt(
    client: &mut Object,
    batch: &Batch<Vec<Entry>>,
    (alone, shared): (bool, &Shared),
) -> Result<Ending, Failure> {
    let transaction = client.transaction().await?;
    let work = Work { transaction: &transaction, alone, shared };
    let ending = match work.all_of(batch).await {
        // A key of ours that is there all of a sudden: another has just added the same event.
        Err(Failure::Refused { constraint: Some(name), .. }) if name.ends_with("_pkey") => Ok(Ending::Met),
        ending => ending,
    };
    let ending = ending?;
    match ending {
        Ending::Done(_) => transaction.commit().await?,
        Ending::Outdated | Ending::Met | Ending::Alone => transaction.rollback().await?,
    }
    Ok(ending)
}

/// One row of [`sql::COPY_EVENTS`].
pub(super) fn put(entry: &Entry, rows: &mut Rows) {
    rows.row(COUNT + 3);
    rows.event(&entry.event, entry.subject, &entry.rank);
    rows.text(&entry.slot.topic);
    rows.int(entry.slot.partition);
    rows.big(entry.offset);
}

struct Work<'t, 'c> {
    transaction: &'t Transaction<'c>,
    alone: bool,
    shared: &'t Shared,
}

type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

impl Work<'_, '_> {
    async fn all_of(&self, batch: &Batch<Vec<Entry>>) -> Result<Ending, Failure> {
        let entries = &batch.changes;
        let lock = if self.alone { sql::ALONE } else { sql::TOGETHER };
        let (session, _) = try_join!(self.rows(SESSION, &[]), self.run(lock, &[]))?;
        let session = session.first().map(|row| row.try_get(0)).transpose()?;
        let _at_work = session.map(|session| self.shared.at_work.begin(session));
        let (is_held, known, newest) =
            try_join!(self.hold(&batch.marks), self.known(entries), self.rows(erasures::NEWEST, &[]))?;
        if !is_held {
            return Ok(Ending::Outdated);
        }
        let forgotten = erasures::forgotten(self.transaction, &self.shared.recall, &newest).await?;
        let entries = forgotten.cover(entries);
        let sifted = sift(&entries, &known);
        if !self.alone && sifted.takes_out() {
            return Ok(Ending::Alone);
        }
        let emptied = self.take_out(&sifted).await?;
        // While the server takes the rows in, it is found out what they mean for their subjects.
        let (copied, steps) = join!(self.copy_events(&sifted.rows), async { steps(&sifted.rows, &emptied) });
        copied?;
        let mut left = advance(self.transaction, steps).await?;
        left.extend(sifted.rows.iter().filter(|entry| emptied.contains(&entry.subject)));
        if !self.catch_up(&left, &emptied).await? {
            return Ok(Ending::Met);
        }
        self.mark(&batch.marks).await?;
        Ok(Ending::Done(sifted.rows.len()))
    }

    /// Brings subjects up to date of which more has to be read: those of these events, which are rows already, and those
    /// that have lost some. False: one of them is not as it was seen.
    async fn catch_up(&self, came: &[&Entry], emptied: &HashSet<Uuid>) -> Result<bool, Failure> {
        let subjects = came.iter().map(|entry| entry.subject).chain(emptied.iter().copied());
        let seen = self.seen(subjects.collect()).await?;
        let mut reaches = subjects::reaches(came, emptied, &seen);
        while !reaches.is_empty() {
            let slice = reaches.iter().take(REREAD_MAX).map(|(subject, reach)| (*subject, reach.clone()));
            let Some(outcomes) = self.outcomes(slice.collect(), &seen).await? else { return Ok(false) };
            outcomes.iter().for_each(|outcome| drop(reaches.remove(&outcome.subject)));
            if !self.write(&outcomes, reaches.is_empty()).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, Failure> {
        let statement = self.transaction.prepare_cached(sql).await?;
        Ok(self.transaction.execute(&statement, params).await?)
    }

    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.transaction.prepare_cached(sql).await?;
        Ok(self.transaction.query(&statement, params).await?)
    }

    /// Whether all slots stand where the batch begins; until the end nobody else moves them.
    async fn hold(&self, marks: &[Mark]) -> Result<bool, Failure> {
        let topics: Vec<&str> = marks.iter().map(|mark| &*mark.slot.topic).collect();
        let partitions: Vec<i32> = marks.iter().map(|mark| mark.slot.partition).collect();
        let epochs: Vec<i64> = marks.iter().map(|mark| mark.epoch).collect();
        let from: Vec<i64> = marks.iter().map(|mark| mark.from).collect();
        let held = self.rows(sql::HOLD, &[&topics, &partitions, &epochs, &from]).await?;
        Ok(held.len() == marks.len())
    }

    async fn known(&self, entries: &[Entry]) -> Result<Known, Failure> {
        let ids: Vec<Uuid> = entries.iter().map(Entry::id).collect();
        let of_events: [&(dyn ToSql + Sync); 1] = [&ids];
        let (events, corrections) =
            try_join!(self.rows(sql::EVENTS_KNOWN, &of_events), self.corrections(entries))?;
        let mut known = Known::default();
        for row in &events {
            let mut reader = Reader::new(row, 0);
            let rank = reader.rank()?;
            known.events.insert(rank.4.0, KnownEvent { subject: reader.next()?, rank });
        }
        for row in &corrections {
            known.corrections.insert(row.try_get(0)?, row.try_get(1)?);
        }
        Ok(known)
    }

    /// Which of their deliveries were corrected. Mostly none ever was, and then none is looked for.
    async fn corrections(&self, entries: &[Entry]) -> Result<Vec<Row>, Failure> {
        let any = self.rows(sql::HAS_CORRECTIONS, &[]).await?;
        if any.is_empty() {
            return Ok(any);
        }
        let deliveries: Vec<Uuid> = entries.iter().filter_map(Entry::delivery).collect();
        self.rows(sql::CORRECTIONS_KNOWN, &[&deliveries]).await
    }

    async fn seen(&self, subjects: HashSet<Uuid>) -> Result<HashMap<Uuid, Seen>, Failure> {
        if subjects.is_empty() {
            return Ok(HashMap::new());
        }
        let subjects: Vec<Uuid> = subjects.into_iter().collect();
        let rows = self.rows(sql::SEEN, &[&subjects]).await?;
        let read = |row: &Row| {
            let mut reader = Reader::new(row, 0);
            let (rank, subject) = (reader.rank()?, reader.next()?);
            Ok((subject, Seen { version: reader.next()?, rank }))
        };
        rows.iter().map(read).collect()
    }

    async fn stored(&self, subjects: Vec<Uuid>) -> Result<HashMap<Uuid, Stored>, Failure> {
        let rows = self.rows(sql::STATES, &[&subjects]).await?;
        let read = |row: &Row| {
            let (subject, event) = Reader::new(row, 1).event()?;
            Ok((subject, Stored { state: okr::State::kept(event), version: row.try_get(0)? }))
        };
        rows.iter().map(read).collect()
    }

    /// Takes out what is replaced, and what corrected deliveries said before; answers whose events those were.
    async fn take_out(&self, sifted: &Sifted<'_>) -> Result<HashSet<Uuid>, Failure> {
        let (ids, subjects): (Vec<Uuid>, HashSet<Uuid>) = sifted.replaced.iter().copied().unzip();
        let mut emptied = subjects;
        if !sifted.corrected.is_empty() {
            let corrected = &sifted.corrected;
            let namespaces: Vec<&str> =
                corrected.iter().map(|entry| entry.event.subject.namespace.as_str()).collect();
            let deliveries: Vec<Option<&str>> =
                corrected.iter().map(|entry| entry.event.source.delivery_id.as_deref()).collect();
            let revisions: Vec<i64> = corrected.iter().map(|entry| entry.event.revision).collect();
            let uids: Vec<Option<Uuid>> = corrected.iter().map(|entry| entry.delivery()).collect();
            let gone = self.rows(sql::CORRECT, &[&namespaces, &deliveries, &revisions]).await?;
            for row in &gone {
                emptied.insert(row.try_get(0)?);
            }
            self.run(sql::NOTE_CORRECTIONS, &[&namespaces, &deliveries, &revisions, &uids]).await?;
        }
        if !ids.is_empty() {
            self.run(sql::TAKE_OUT, &[&ids]).await?;
        }
        Ok(emptied)
    }

    async fn copy_events(&self, entries: &[&Entry]) -> Result<(), Failure> {
        self.copy(sql::COPY_EVENTS, entries.iter().copied(), put).await
    }

    /// Sends one row of each of `items`.
    async fn copy<T>(
        &self,
        sql: &str,
        items: impl ExactSizeIterator<Item = T>,
        put: impl Fn(T, &mut Rows),
    ) -> Result<(), Failure> {
        if items.len() == 0 {
            return Ok(());
        }
        let statement: Statement = self.transaction.prepare_cached(sql).await?;
        let mut sink = pin!(self.transaction.copy_in::<_, Bytes>(&statement).await?);
        let mut rows = Rows::new(CHUNK_BYTES.min(items.len() * ROW_BYTES) + ROW_BYTES);
        for item in items {
            put(item, &mut rows);
            if rows.len() >= CHUNK_BYTES {
                sink.send(rows.take().freeze()).await?;
            }
        }
        sink.send(rows.end().freeze()).await?;
        sink.finish().await?;
        Ok(())
    }

    /// How these subjects are to stand, of which more has to be read, or some of them; none: one of them is not as it was
    /// seen.
    async fn outcomes(
        &self,
        reaches: Vec<(Uuid, Reach<'_>)>,
        seen: &HashMap<Uuid, Seen>,
    ) -> Result<Option<Vec<Outcome>>, Failure> {
        if reaches.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let known = reaches.iter().map(|(subject, _)| *subject).filter(|subject| seen.contains_key(subject));
        let mut stored = self.stored(known.collect()).await?;
        // Nobody has held them since they were looked at: what was seen is what the change is made to.
        stored.retain(|subject, stored| seen.get(subject).is_some_and(|seen| seen.version == stored.version));
        if stored.len() < reaches.iter().filter(|(subject, _)| seen.contains_key(subject)).count() {
            return Ok(None);
        }
        let mut outcomes = Vec::with_capacity(reaches.len());
        let mut rereads = BTreeMap::new();
        for (subject, reach) in reaches {
            match reach {
                Reach::Newer(events) => {
                    outcomes.push(subjects::go_on(subject, stored.get(&subject), &events));
                }
                Reach::Since(at) => drop(rereads.insert(subject, Some(at))),
                Reach::Whole => drop(rereads.insert(subject, None)),
            }
        }
        if !rereads.is_empty() {
            self.reread(&rereads, &stored, &mut outcomes).await?;
        }
        Ok(Some(outcomes))
    }

    /// Reads what is there of these subjects, from the given time on or from the beginning; one subject at a time, at
    /// least one, and no more once that are many rows.
    async fn reread(
        &self,
        rereads: &BTreeMap<Uuid, Option<Timestamp>>,
        stored: &HashMap<Uuid, Stored>,
        outcomes: &mut Vec<Outcome>,
    ) -> Result<(), Failure> {
        let uids: Vec<Uuid> = rereads.keys().copied().collect();
        let since: Vec<Time> = rereads.values().map(|at| Time(at.unwrap_or(entry::BEGINNING))).collect();
        let upto: Vec<Day> = since.iter().map(|Time(at)| Day(entry::day(*at))).collect();
        let mut last = days::last(&self.rows(sql::LAST_DAY, &[&uids, &upto]).await?)?;
        let mut conclude = |subject: Uuid, events: &[OkrEvent]| {
            let (events, stored) = (events.iter().collect::<Vec<_>>(), stored.get(&subject));
            outcomes.push(match rereads.get(&subject) {
                Some(Some(_)) => subjects::catch_up(subject, stored, last.remove(&subject), &events),
                _ => subjects::begin_anew(subject, stored, &events),
            });
        };
        let statement = self.transaction.prepare_cached(sql::HISTORY).await?;
        let params: [&(dyn ToSql + Sync); 2] = [&uids, &since];
        let history = self.transaction.bind(&statement, &params).await?;
        let mut left: HashSet<Uuid> = uids.iter().copied().collect();
        let (mut whose, mut events, mut concluded, mut came) = (None, Vec::new(), 0, ROWS_MAX);
        while came == ROWS_MAX {
            // The one that it is at is read again, from its beginning, and who has not come by now may have no rows.
            if concluded > 0 {
                return Ok(());
            }
            let mut rows = pin!(self.transaction.query_portal_raw(&history, ROWS_MAX).await?);
            came = 0;
            while let Some(row) = rows.try_next().await? {
                let (subject, event) = Reader::new(&row, 0).event()?;
                if let Some(whose) = whose.filter(|whose| *whose != subject) {
                    conclude(whose, &events);
                    events.clear();
                    concluded += 1;
                }
                left.remove(&subject);
                whose = Some(subject);
                events.push(event);
                came += 1;
            }
        }
        if let Some(whose) = whose {
            conclude(whose, &events);
        }
        left.into_iter().for_each(|subject| conclude(subject, &[]));
        Ok(())
    }

    /// False: one of the subjects is not as it was seen.
    async fn write(&self, outcomes: &[Outcome], is_last: bool) -> Result<bool, Failure> {
        let whole = outcomes.iter().filter(|outcome| outcome.is_whole);
        let gone = whole.clone().filter(|outcome| outcome.seen > 0);
        let (uids, versions): (Vec<Uuid>, Vec<i64>) = gone.map(|it| (it.subject, it.seen)).unzip();
        if !uids.is_empty() && self.run(sql::DROP_STATES, &[&uids, &versions]).await? != uids.len() as u64 {
            return Ok(false);
        }
        let whole: Vec<Uuid> = whole.map(|outcome| outcome.subject).collect();
        if !whole.is_empty() {
            self.run(sql::DROP_DAYS, &[&whole]).await?;
        }
        let rows = staged::rows(outcomes);
        if !rows.is_empty() {
            self.transaction.batch_execute(sql::STAGE).await?;
            self.copy(sql::COPY_STATES, rows.iter(), |row, rows| row.put(rows)).await?;
            let merged = self.rows(sql::MERGE_STATES, &[]).await?;
            let merged: i64 = merged.first().map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
            if merged != rows.len() as i64 {
                return Ok(false);
            }
            if !is_last {
                self.run(sql::CLEAR_STAGE, &[]).await?;
            }
        }
        days::write(self.transaction, outcomes).await?;
        Ok(true)
    }

    async fn mark(&self, marks: &[Mark]) -> Result<(), Failure> {
        let topics: Vec<&str> = marks.iter().map(|mark| &*mark.slot.topic).collect();
        let partitions: Vec<i32> = marks.iter().map(|mark| mark.slot.partition).collect();
        let next: Vec<i64> = marks.iter().map(|mark| mark.next).collect();
        let last: Vec<i64> = marks.iter().map(|mark| mark.last.offset).collect();
        let fingerprints: Vec<Uuid> = marks.iter().map(|mark| mark.last.fingerprint.0).collect();
        self.run(sql::MARK, &[&topics, &partitions, &next, &last, &fingerprints]).await?;
        Ok(())
    }
}
