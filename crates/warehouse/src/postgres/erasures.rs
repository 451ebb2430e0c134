//! The list of those who were forgotten, and what it takes out of rows that are there already.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use deadpool_postgres::Transaction;
use futures::TryStreamExt;
use okr::{OkrEvent, Person};
use store::ground::{Connections, Failure};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::columns::Reader;
use super::statements::{ALONE, HISTORY};
use super::values::Time;
use crate::entry;
use crate::erasures::{Erasure, Erasures, Kind, Token, unknown};
use crate::recall::Recall;
use crate::sweep::{Rule, Swept, Tally};

/// How many subjects are gone through at a time: while they are changed nobody else writes.
const SUBJECTS_MAX: i64 = 128;

const ALL: &str = "SELECT salt, token, kind FROM okr_erasures";
/// One without a number comes first.
pub(super) const NEWEST: &str =
    "SELECT added_nth, token, run FROM okr_erasures ORDER BY added_nth DESC, token DESC LIMIT 1";

/// The next number is had under the lock, so the order of numbers is the order in which lists were seen. What somebody
/// else has added gets one as well.
const NEXT: &str = "SELECT coalesce(max(added_nth), 0) + 1 FROM okr_erasures";
const NUMBER: &str = "UPDATE okr_erasures SET added_nth = $1 WHERE added_nth IS NULL";
const ADD: &str = "INSERT INTO okr_erasures (token, salt, kind, run, added_nth)
    SELECT token, salt, kind, $4, $5 FROM unnest($1::bytea[], $2::bytea[], $3::text[]) AS s(token, salt, kind)
    ON CONFLICT (token) DO NOTHING";

const SUBJECTS: &str =
    "SELECT subject_uid FROM okr_state WHERE subject_uid > $1 ORDER BY subject_uid LIMIT $2";

/// Of these subjects, those with something that grows too old.
const OLD: &str = "SELECT DISTINCT subject_uid FROM okr_events
    WHERE subject_uid = ANY($1::uuid[]) AND ordered_at < $2 AND (note IS NOT NULL OR actor IS NOT NULL)";

/// What may be taken out of a row, of events as of states.
macro_rules! personal {
    ($table:literal, $id:literal, $and:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " t SET owner_id = s.owner_id, owner_name = s.owner_name, owner_email = s.owner_email,
                manager_id = s.manager_id, manager_name = s.manager_name, manager_email = s.manager_email,
                actor = s.actor, note = s.note, attributes = s.attributes::jsonb",
            $and,
            " FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                $8::text[], $9::text[], $10::text[]) AS s(id, owner_id, owner_name, owner_email, manager_id,
                manager_name, manager_email, actor, note, attributes)
            WHERE t.",
            $id,
            " = ANY($1::uuid[]) AND t.",
            $id,
            " = s.id"
        )
    };
}
const PUT_EVENTS: &str = personal!("okr_events", "event_id", "");
const PUT_STATES: &str =
    personal!("okr_state", "subject_uid", ", version = t.version + 1, updated_at = now()");

fn token(bytes: &[u8]) -> Result<Token, Failure> {
    Token::try_from(bytes).map_err(|_| Failure::Broken("okr_erasures holds what is no token".to_owned()))
}

/// Who was forgotten, as the list stands in this transaction, which has seen these rows of [`NEWEST`]; nobody adds to it
/// before the end.
pub(super) async fn forgotten(
    transaction: &Transaction<'_>,
    recall: &Recall,
    newest: &[Row],
) -> Result<Arc<Erasures>, Failure> {
    let read = |row: &Row| Ok::<_, Failure>((row.try_get(0)?, token(row.try_get(1)?)?, row.try_get(2)?));
    let newest = newest.first().map(read).transpose()?;
    if let Some(known) = recall.list(&newest) {
        return Ok(known);
    }
    let statement = transaction.prepare_cached(ALL).await?;
    let rows = transaction.query(&statement, &[]).await?;
    Ok(recall.keep(newest, list(&rows)?))
}

/// The list, from rows of [`ALL`].
fn list(rows: &[Row]) -> Result<Erasures, Failure> {
    let mut list = Erasures::default();
    for row in rows {
        let (salt, token) = (token(row.try_get(0)?)?, token(row.try_get(1)?)?);
        let kind: &str = row.try_get(2)?;
        let kind = Kind::of(kind).ok_or_else(|| Failure::Broken(unknown(kind)))?;
        list.add(&Erasure { token, salt, kind });
    }
    Ok(list)
}

/// The list as it is now.
pub(super) async fn read(connections: &Connections) -> Result<Erasures, Failure> {
    let rows = connections.ask(async |client| {
        let statement = client.prepare_cached(ALL).await?;
        Ok(client.query(&statement, &[]).await?)
    });
    list(&rows.await?)
}

/// Adds to the list. Members that are in a commit are waited for, and those that come after it see it.
pub(super) async fn add(connections: &Connections, erasures: &[Erasure], run: &str) -> Result<(), Failure> {
    let added = connections.ask(async |client| {
        let transaction = client.transaction().await?;
        transaction.execute(ALONE, &[]).await?;
        put(&transaction, erasures, run).await?;
        Ok(transaction.commit().await?)
    });
    added.await
}

async fn put(transaction: &Transaction<'_>, erasures: &[Erasure], run: &str) -> Result<(), Failure> {
    let tokens: Vec<&[u8]> = erasures.iter().map(|it| it.token.as_slice()).collect();
    let salts: Vec<&[u8]> = erasures.iter().map(|it| it.salt.as_slice()).collect();
    let kinds: Vec<String> = erasures.iter().map(|it| it.kind.text()).collect();
    let nth: i64 = transaction.query_one(NEXT, &[]).await?.try_get(0)?;
    transaction.execute(NUMBER, &[&nth]).await?;
    transaction.execute(ADD, &[&tokens, &salts, &kinds, &run, &nth]).await?;
    Ok(())
}

/// Goes through the next subjects; with `applies` it changes what it finds.
pub(super) async fn sweep(
    connections: &Connections,
    after: Option<Uuid>,
    rule: &Rule,
    applies: bool,
) -> Result<Swept, Failure> {
    let swept = connections.ask(async |client| {
        let transaction = client.transaction().await?;
        let rows = transaction.query(SUBJECTS, &[&after.unwrap_or_default(), &SUBJECTS_MAX]).await?;
        let read = |row: &Row| row.try_get(0);
        let subjects: Vec<Uuid> = rows.iter().map(read).collect::<Result<_, _>>()?;
        let mut swept = Swept { last: subjects.last().copied(), tally: Tally::default() };
        let subjects = candidates(&transaction, subjects, rule).await?;
        // Looked at before anybody is kept waiting: most subjects have nothing to lose.
        let changed = through(&transaction, &subjects, rule, &mut swept.tally).await?;
        transaction.rollback().await?;
        swept.tally.subjects = changed.len() as u64;
        if applies && !changed.is_empty() {
            let transaction = client.transaction().await?;
            transaction.execute(ALONE, &[]).await?;
            for subject in changed {
                change(&transaction, subject, rule).await?;
            }
            transaction.commit().await?;
        }
        Ok(swept)
    });
    swept.await
}

async fn candidates(
    transaction: &Transaction<'_>,
    subjects: Vec<Uuid>,
    rule: &Rule,
) -> Result<Vec<Uuid>, Failure> {
    let Rule::Older(than) = rule else { return Ok(subjects) };
    let rows = transaction.query(OLD, &[&subjects, &Time(*than)]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// Those of these subjects that would lose something.
async fn through(
    transaction: &Transaction<'_>,
    subjects: &[Uuid],
    rule: &Rule,
    tally: &mut Tally,
) -> Result<BTreeSet<Uuid>, Failure> {
    let since = vec![Time(entry::BEGINNING); subjects.len()];
    let params: [&(dyn ToSql + Sync); 2] = [&subjects, &since];
    let mut history = pin!(transaction.query_raw(HISTORY, params).await?);
    let mut changed = BTreeSet::new();
    while let Some(row) = history.try_next().await? {
        let (subject, mut event) = Reader::new(&row, 0).event()?;
        if rule.put(&mut event, tally) {
            changed.insert(subject);
        }
    }
    Ok(changed)
}

/// Changes the events of one subject, and folds its state anew. Nobody else writes meanwhile.
async fn change(transaction: &Transaction<'_>, subject: Uuid, rule: &Rule) -> Result<(), Failure> {
    let rows = transaction.query(HISTORY, &[&vec![subject], &vec![Time(entry::BEGINNING)]]).await?;
    let (mut events, mut changed) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in &rows {
        let (_, mut event) = Reader::new(row, 0).event()?;
        if rule.put(&mut event, &mut Tally::default()) {
            changed.push(events.len());
        }
        events.push(event);
    }
    let changed: Vec<(Uuid, &OkrEvent)> =
        changed.into_iter().map(|at| (events[at].event_id.0, &events[at])).collect();
    write(transaction, PUT_EVENTS, &changed).await?;
    if let Some(state) = okr::fold(&events) {
        write(transaction, PUT_STATES, &[(subject, state.as_event())]).await?;
    }
    Ok(())
}

async fn write(transaction: &Transaction<'_>, sql: &str, rows: &[(Uuid, &OkrEvent)]) -> Result<(), Failure> {
    let ids: Vec<Uuid> = rows.iter().map(|(id, _)| *id).collect();
    type Part = fn(&Person) -> &Option<String>;
    let person = |is_owner: bool, part: Part| -> Vec<Option<&str>> {
        let whose = |event| -> &Option<Person> {
            let event: &OkrEvent = event;
            if is_owner { &event.owner } else { &event.manager }
        };
        rows.iter().map(|(_, event)| whose(event).as_ref().and_then(|it| part(it).as_deref())).collect()
    };
    let (owner, manager) = (true, false);
    let [id, name, email]: [Part; 3] = [|it| &it.id, |it| &it.name, |it| &it.email];
    let actors: Vec<Option<&str>> = rows.iter().map(|(_, event)| event.actor.as_deref()).collect();
    let notes: Vec<Option<&str>> = rows.iter().map(|(_, event)| event.note.as_deref()).collect();
    let json = |(_, event): &(Uuid, &OkrEvent)| serde_json::to_string(&event.attributes);
    let attributes: Vec<String> = rows
        .iter()
        .map(json)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::Broken(format!("attributes of an event: {error}")))?;
    let columns: [&(dyn ToSql + Sync); 10] = [
        &ids,
        &person(owner, id),
        &person(owner, name),
        &person(owner, email),
        &person(manager, id),
        &person(manager, name),
        &person(manager, email),
        &actors,
        &notes,
        &attributes,
    ];
    transaction.execute(sql, &columns).await?;
    Ok(())
}
