//! The list of those who were forgotten, and what it takes out of rows that are there already.

use std::sync::Arc;

use jiff::Timestamp;
use libsql::Value;
use okr::OkrEvent;
use store::QueueError;
use store::ground::Session;
use uuid::Uuid;

use super::columns::{Reader, id, time, words};
use super::commit::BEGINNING;
use super::statements::HISTORY;
use crate::erasures::{Erasure, Erasures, Kind, Token, unknown};
use crate::recall::Recall;
use crate::sweep::{Rule, Swept, Tally};

/// How many subjects are gone through at a time: meanwhile nobody else writes.
const SUBJECTS_MAX: i64 = 32;

const ALL: &str = "SELECT salt, token, kind FROM okr_erasures";

/// One without a number comes first.
const NEWEST: &str =
    "SELECT * FROM (SELECT added_nth, token, run FROM okr_erasures WHERE added_nth IS NULL LIMIT 1) UNION ALL
    SELECT * FROM (SELECT added_nth, token, run FROM okr_erasures ORDER BY added_nth DESC, token DESC LIMIT 1)";

const NEXT: &str = "SELECT coalesce(max(added_nth), 0) + 1 FROM okr_erasures";
/// What somebody else has added gets one as well.
const NUMBER: &str = "UPDATE okr_erasures SET added_nth = ?1 WHERE added_nth IS NULL";
const ADD: &str = "INSERT INTO okr_erasures (token, salt, kind, run, erased_at, added_nth)
    VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";

const SUBJECTS: &str =
    "SELECT subject_uid FROM okr_state WHERE subject_uid > ?1 ORDER BY subject_uid LIMIT ?2";

const IS_OLD: &str = "SELECT 1 FROM okr_events
    WHERE subject_uid = ?1 AND ordered_at < ?2 AND (note IS NOT NULL OR actor IS NOT NULL) LIMIT 1";

const PUT_EVENT: &str =
    "UPDATE okr_events SET owner_id = ?2, owner_name = ?3, owner_email = ?4, manager_id = ?5,
        manager_name = ?6, manager_email = ?7, actor = ?8, note = ?9, attributes = ?10
    WHERE event_id = ?1";

const PUT_STATE: &str =
    "UPDATE okr_state SET owner_id = ?2, owner_name = ?3, owner_email = ?4, manager_id = ?5,
        manager_name = ?6, manager_email = ?7, actor = ?8, note = ?9, attributes = ?10, version = version + 1,
        updated_at = ?11
    WHERE subject_uid = ?1";

fn odd() -> libsql::Error {
    libsql::Error::SqliteFailure(11, "okr_erasures holds what is no token".to_owned())
}

fn token(row: &libsql::Row, at: i32) -> Result<Token, libsql::Error> {
    let bytes = hex::decode(row.get::<String>(at)?).map_err(|_| odd())?;
    bytes.try_into().map_err(|_| odd())
}

/// Who was forgotten, as the list stands in this transaction.
pub(super) fn forgotten(session: &mut Session, recall: &Recall) -> Result<Arc<Erasures>, QueueError> {
    let newest =
        session.rows(NEWEST, (), |row| Ok((row.get::<Option<i64>>(0)?, token(row, 1)?, row.get(2)?)))?;
    let newest = newest.into_iter().next();
    match recall.list(&newest) {
        Some(known) => Ok(known),
        None => Ok(recall.keep(newest, read(session)?)),
    }
}

/// The list as it is now.
pub(super) fn read(session: &mut Session) -> Result<Erasures, QueueError> {
    let rows = session.rows(ALL, (), |row| {
        let kind = row.get::<String>(2)?;
        let kind = Kind::of(&kind).ok_or_else(|| libsql::Error::SqliteFailure(11, unknown(&kind)))?;
        Ok(Erasure { salt: token(row, 0)?, token: token(row, 1)?, kind })
    })?;
    let mut list = Erasures::default();
    rows.iter().for_each(|erasure| list.add(erasure));
    Ok(list)
}

/// Adds to the list.
pub(super) fn add(session: &mut Session, erasures: &[Erasure], run: &str) -> Result<(), QueueError> {
    let now = time(Timestamp::now());
    let nth = session.rows(NEXT, (), |row| row.get::<i64>(0))?.first().copied().unwrap_or(1);
    session.run(NUMBER, [nth])?;
    for Erasure { token, salt, kind } in erasures {
        let row = (hex::encode(token), hex::encode(salt), kind.text(), run, now.as_str(), nth);
        session.run(ADD, row)?;
    }
    Ok(())
}

/// Goes through the next subjects; with `applies` it changes what it finds.
pub(super) fn sweep(
    session: &mut Session,
    after: Option<Uuid>,
    rule: &Rule,
    applies: bool,
) -> Result<Swept, QueueError> {
    let after = after.unwrap_or_default().hyphenated().to_string();
    let subjects = session.rows(SUBJECTS, (after, SUBJECTS_MAX), |row| Reader::new(row, 0).id())?;
    let mut swept = Swept { last: subjects.last().copied(), tally: Tally::default() };
    for subject in subjects {
        if let Rule::Older(than) = rule
            && session.rows(IS_OLD, (id(subject), time(*than)), |_| Ok(()))?.is_empty()
        {
            continue;
        }
        one(session, subject, rule, applies, &mut swept.tally)?;
    }
    Ok(swept)
}

/// Changes the events of one subject, and folds its state anew.
fn one(
    session: &mut Session,
    subject: Uuid,
    rule: &Rule,
    applies: bool,
    tally: &mut Tally,
) -> Result<(), QueueError> {
    let mut events = session.rows(HISTORY, (id(subject), BEGINNING), |row| Reader::new(row, 0).event())?;
    let mut changed = Vec::new();
    for event in &mut events {
        if rule.put(event, tally) {
            changed.push(event.clone());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    tally.subjects += 1;
    if !applies {
        return Ok(());
    }
    for event in &changed {
        session.run(PUT_EVENT, personal(event.event_id.0, event)?)?;
    }
    if let Some(state) = okr::fold(&events) {
        let mut row = personal(subject, state.as_event())?;
        row.push(Value::Text(time(Timestamp::now())));
        session.run(PUT_STATE, row)?;
    }
    Ok(())
}

/// What may be taken out of a row.
fn personal(row: Uuid, event: &OkrEvent) -> Result<Vec<Value>, QueueError> {
    let mut columns = vec![id(row)];
    for person in [&event.owner, &event.manager] {
        let okr::Person { id, name, email } = person.clone().unwrap_or_default();
        columns.extend([id, name, email].map(|text| words(text.as_deref())));
    }
    columns.extend([words(event.actor.as_deref()), words(event.note.as_deref())]);
    let attributes = serde_json::to_string(&event.attributes);
    columns.push(Value::Text(
        attributes.map_err(|error| QueueError::Broken(format!("attributes of an event: {error}")))?,
    ));
    Ok(columns)
}
