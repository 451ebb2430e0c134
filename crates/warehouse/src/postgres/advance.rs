//! Newer events, put onto the states of their subjects by the database, which has both already: nothing of them is sent
//! or read. That is how nearly all events come.
//!
//! States that are there are changed first, then those are made that are not: a statement for both would look for each
//! state twice, and write its lock by itself. So a batch goes through its subjects in their order, and once more through
//! those that it has passed: as unknown, or because its event is late. For these it waits out of order, and whoever has
//! them may wait for it: so not for long, and then it begins again.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use deadpool_postgres::Transaction;
use store::ground::Failure;
use uuid::Uuid;

use super::LOCK_MAX;
use super::columns::event_columns;
use super::values::Time;
use crate::Entry;
use crate::steps::Step;

/// How many steps of one subject are made like this. What comes in more, because it spans many days, is read: then one
/// state is written and not many.
const WAVES_MAX: usize = 4;

/// What `okr::fold_onto` does, of a row that is there (`known`) and of one that is put onto it (`excluded`).
macro_rules! put_onto_known {
    () => {
        "event_id = excluded.event_id, revision = excluded.revision,
        occurred_at = excluded.occurred_at, received_at = excluded.received_at, source_name = excluded.source_name,
        source_kind = excluded.source_kind, source_delivery_id = excluded.source_delivery_id,
        source_sequence = excluded.source_sequence, change = excluded.change, actor = excluded.actor,
        note = excluded.note, previous_progress = excluded.previous_progress,
        previous_status = excluded.previous_status, previous_current = excluded.previous_current,
        attributes = excluded.attributes, ordered_at = excluded.ordered_at,
        subject_parent_id = coalesce(excluded.subject_parent_id, known.subject_parent_id),
        subject_title = coalesce(excluded.subject_title, known.subject_title),
        subject_url = coalesce(excluded.subject_url, known.subject_url),
        department = coalesce(excluded.department, known.department), team = coalesce(excluded.team, known.team),
        progress = coalesce(excluded.progress, known.progress),
        confidence = coalesce(excluded.confidence, known.confidence),
        status = CASE WHEN excluded.status = 'unknown' THEN known.status ELSE excluded.status END,
        owner_id = CASE WHEN excluded.owner_id IS NULL AND excluded.owner_name IS NULL AND excluded.owner_email IS NULL
            THEN known.owner_id ELSE excluded.owner_id END,
        owner_name = CASE WHEN excluded.owner_id IS NULL AND excluded.owner_name IS NULL AND excluded.owner_email IS NULL
            THEN known.owner_name ELSE excluded.owner_name END,
        owner_email = CASE WHEN excluded.owner_id IS NULL AND excluded.owner_name IS NULL AND excluded.owner_email IS NULL
            THEN known.owner_email ELSE excluded.owner_email END,
        manager_id = CASE WHEN excluded.manager_id IS NULL AND excluded.manager_name IS NULL AND excluded.manager_email IS NULL
            THEN known.manager_id ELSE excluded.manager_id END,
        manager_name = CASE WHEN excluded.manager_id IS NULL AND excluded.manager_name IS NULL AND excluded.manager_email IS NULL
            THEN known.manager_name ELSE excluded.manager_name END,
        manager_email = CASE WHEN excluded.manager_id IS NULL AND excluded.manager_name IS NULL AND excluded.manager_email IS NULL
            THEN known.manager_email ELSE excluded.manager_email END,
        cycle_name = CASE WHEN excluded.cycle_name IS NULL AND excluded.cycle_start IS NULL AND excluded.cycle_end IS NULL
            THEN known.cycle_name ELSE excluded.cycle_name END,
        cycle_start = CASE WHEN excluded.cycle_name IS NULL AND excluded.cycle_start IS NULL AND excluded.cycle_end IS NULL
            THEN known.cycle_start ELSE excluded.cycle_start END,
        cycle_end = CASE WHEN excluded.cycle_name IS NULL AND excluded.cycle_start IS NULL AND excluded.cycle_end IS NULL
            THEN known.cycle_end ELSE excluded.cycle_end END,
        metric_start = CASE WHEN excluded.metric_start IS NULL AND excluded.metric_target IS NULL AND excluded.metric_current IS NULL AND excluded.metric_unit IS NULL
            THEN known.metric_start ELSE excluded.metric_start END,
        metric_target = CASE WHEN excluded.metric_start IS NULL AND excluded.metric_target IS NULL AND excluded.metric_current IS NULL AND excluded.metric_unit IS NULL
            THEN known.metric_target ELSE excluded.metric_target END,
        metric_current = CASE WHEN excluded.metric_start IS NULL AND excluded.metric_target IS NULL AND excluded.metric_current IS NULL AND excluded.metric_unit IS NULL
            THEN known.metric_current ELSE excluded.metric_current END,
        metric_unit = CASE WHEN excluded.metric_start IS NULL AND excluded.metric_target IS NULL AND excluded.metric_current IS NULL AND excluded.metric_unit IS NULL
            THEN known.metric_unit ELSE excluded.metric_unit END,
        updated_at = now()"
    };
}
pub(super) use put_onto_known;

/// How a day that is there comes to stand as it was given.
macro_rules! put_onto_day {
    () => {
        "ON CONFLICT (subject_uid, day) DO UPDATE SET department = excluded.department, team = excluded.team,
        progress = excluded.progress, confidence = excluded.confidence, status = excluded.status,
        metric_current = excluded.metric_current, cycle_name = excluded.cycle_name,
        cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end, is_deleted = excluded.is_deleted,
        is_closed = excluded.is_closed"
    };
}
pub(super) use put_onto_day;

/// Days and what they show.
macro_rules! into_days {
    () => {
        "INSERT INTO okr_progress_daily (subject_uid, day, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed) "
    };
}
pub(super) use into_days;

/// Behind a `merged` that gives whole states back: the day of each as the state is.
macro_rules! days_of_merged {
    () => {
        concat!(
            "days AS (",
            into_days!(),
            "SELECT subject_uid, (ordered_at AT TIME ZONE 'UTC')::date, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, change = 'deleted', change = 'closed' FROM merged ",
            put_onto_day!(),
            ")"
        )
    };
}
pub(super) use days_of_merged;

/// What `merged` gives back.
macro_rules! merged_columns {
    () => {
        "known.subject_uid, known.ordered_at, known.department, known.team, known.progress, known.confidence,
        known.status, known.metric_current, known.cycle_name, known.cycle_start, known.cycle_end, known.change"
    };
}
pub(super) use merged_columns;

/// Puts these events ($2), which are rows already, onto the states of their subjects ($1) that are there, if they are
/// newer (`okr::rank`), and what is put onto days alone as well ($3, when its first one counts as having happened); answers
/// whose were.
///
/// Subjects are given, found and locked in their order, and events by what is known of the state: the planner has no
/// other way. With a plain `=`, or `<` without `IS TRUE`, it might read an index from end to end, which costs nothing while
/// a table has a few rows, and would go on doing so.
const MOVE: &str = concat!(
    "WITH merged AS (UPDATE okr_state AS known SET version = known.version + 1, ",
    put_onto_known!(),
    " FROM okr_events AS excluded
    WHERE known.subject_uid = ANY($1::uuid[])
        AND excluded.event_id = ANY(ARRAY[($2::uuid[])[width_bucket(known.subject_uid, $1::uuid[])]])
        AND (known.ordered_at < ($3::timestamptz[])[width_bucket(known.subject_uid, $1::uuid[])]) IS NOT FALSE
        AND ((known.ordered_at, known.source_sequence IS NOT NULL, coalesce(known.source_sequence, 0),
            known.received_at, known.revision, known.event_id)
        < (excluded.ordered_at, excluded.source_sequence IS NOT NULL, coalesce(excluded.source_sequence, 0),
            excluded.received_at, excluded.revision, excluded.event_id)) IS TRUE
    RETURNING ",
    merged_columns!(),
    "), ",
    days_of_merged!(),
    " SELECT subject_uid FROM merged"
);

/// Makes states of these events, which are rows already, for subjects that have none; answers which had none. The rows of
/// the others are locked, so what is read of them next is what is changed. They are given in the order of their subjects.
const ADD: &str = concat!(
    "WITH merged AS (INSERT INTO okr_state AS known (",
    event_columns!(),
    ", version) SELECT ",
    event_columns!(),
    ", 1 FROM unnest($1::uuid[]) AS s(id)
    CROSS JOIN LATERAL (SELECT * FROM okr_events WHERE event_id = s.id OFFSET 0) e
    ON CONFLICT (subject_uid) DO UPDATE SET version = known.version WHERE false RETURNING ",
    merged_columns!(),
    "), ",
    days_of_merged!(),
    " SELECT subject_uid FROM merged"
);

/// How long states that were passed are waited for. Longer than a commit takes, and less than it takes the server to find
/// a circle.
const PASSED_MAX: Duration = Duration::from_millis(200);

/// Puts these events, which are rows already, onto their days alone. What they do not say is what the states of their
/// subjects say, which are held since they were brought beyond them.
const EARLIER: &str = concat!(
    into_days!(),
    "SELECT e.subject_uid, (e.ordered_at AT TIME ZONE 'UTC')::date, coalesce(e.department, known.department),
        coalesce(e.team, known.team), coalesce(e.progress, known.progress), coalesce(e.confidence, known.confidence),
        CASE WHEN e.status = 'unknown' THEN known.status ELSE e.status END,
        CASE WHEN e.metric_start IS NULL AND e.metric_target IS NULL AND e.metric_current IS NULL AND e.metric_unit IS NULL
            THEN known.metric_current ELSE e.metric_current END,
        CASE WHEN e.cycle_name IS NULL AND e.cycle_start IS NULL AND e.cycle_end IS NULL
            THEN known.cycle_name ELSE e.cycle_name END,
        CASE WHEN e.cycle_name IS NULL AND e.cycle_start IS NULL AND e.cycle_end IS NULL
            THEN known.cycle_start ELSE e.cycle_start END,
        CASE WHEN e.cycle_name IS NULL AND e.cycle_start IS NULL AND e.cycle_end IS NULL
            THEN known.cycle_end ELSE e.cycle_end END,
        e.change = 'deleted', e.change = 'closed'
    FROM unnest($1::uuid[]) AS s(id)
    CROSS JOIN LATERAL (SELECT * FROM okr_events WHERE event_id = s.id OFFSET 0) e
    CROSS JOIN LATERAL (SELECT * FROM okr_state WHERE subject_uid = e.subject_uid OFFSET 0) known ",
    put_onto_day!(),
);

/// Makes these steps; answers those events that have to be put in otherwise: all of a subject whose first one is not newer
/// than what is known of it, and what is beyond [`WAVES_MAX`].
pub(super) async fn advance<'b>(
    transaction: &Transaction<'_>,
    mut steps: BTreeMap<Uuid, Vec<Step<'b>>>,
) -> Result<Vec<&'b Entry>, Failure> {
    let mut left = Vec::new();
    for wave in 0..WAVES_MAX {
        steps.retain(|_, steps| steps.len() > wave);
        if steps.is_empty() {
            return Ok(left);
        }
        let here: Vec<(Uuid, &Step<'_>)> =
            steps.iter().filter_map(|(subject, steps)| Some((*subject, steps.get(wave)?))).collect();
        let merged = merge(transaction, &here).await?;
        let days = here.iter().filter(|(subject, _)| merged.contains(subject));
        let days: Vec<Uuid> =
            days.flat_map(|(_, step)| step.earlier.iter().map(|entry| entry.id())).collect();
        if !days.is_empty() {
            let statement = transaction.prepare_cached(EARLIER).await?;
            transaction.execute(&statement, &[&days]).await?;
        }
        steps.retain(|subject, steps| {
            let is_merged = merged.contains(subject);
            if !is_merged {
                left.extend(steps.iter().flat_map(Step::all));
            }
            is_merged
        });
    }
    left.extend(steps.values().filter_map(|steps| steps.get(WAVES_MAX..)).flatten().flat_map(Step::all));
    Ok(left)
}

/// Puts a step of each subject onto its state; answers whose were.
async fn merge(transaction: &Transaction<'_>, steps: &[(Uuid, &Step<'_>)]) -> Result<HashSet<Uuid>, Failure> {
    let subjects: Vec<Uuid> = steps.iter().map(|(subject, _)| *subject).collect();
    let ids: Vec<Uuid> = steps.iter().map(|(_, step)| step.last.id()).collect();
    let since = |step: &Step<'_>| (!step.earlier.is_empty()).then(|| Time(step.first().ordered_at()));
    let since: Vec<Option<Time>> = steps.iter().map(|(_, step)| since(step)).collect();
    let statement = transaction.prepare_cached(MOVE).await?;
    let mut merged = HashSet::with_capacity(steps.len());
    for row in transaction.query(&statement, &[&subjects, &ids, &since]).await? {
        merged.insert(row.try_get(0)?);
    }
    let others = steps.iter().filter(|(subject, _)| !merged.contains(subject));
    let others: Vec<Uuid> = others.map(|(_, step)| step.last.id()).collect();
    if !others.is_empty() {
        let statement = transaction.prepare_cached(ADD).await?;
        wait_for_locks(transaction, PASSED_MAX).await?;
        for row in transaction.query(&statement, &[&others]).await? {
            merged.insert(row.try_get(0)?);
        }
        wait_for_locks(transaction, LOCK_MAX).await?;
    }
    Ok(merged)
}

/// From here to the transaction's end.
async fn wait_for_locks(transaction: &Transaction<'_>, at_most: Duration) -> Result<(), Failure> {
    let set = format!("SET LOCAL lock_timeout = {}", at_most.as_millis());
    Ok(transaction.batch_execute(&set).await?)
}

#[cfg(test)]
mod tests;
