//! Newer events, put onto the states of their subjects by the database, which has both already: nothing of them is sent
//! or read. That is how nearly all events come.

use std::collections::{BTreeMap, HashSet};

use deadpool_postgres::Transaction;
use store::ground::Failure;
use uuid::Uuid;

use super::columns::event_columns;
use crate::Entry;

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

/// Behind a `merged` that gives whole states back: the day of each as the state is.
macro_rules! days_of_merged {
    () => {
        "days AS (INSERT INTO okr_progress_daily (subject_uid, day, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed)
    SELECT subject_uid, (ordered_at AT TIME ZONE 'UTC')::date, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, change = 'deleted', change = 'closed' FROM merged
    ON CONFLICT (subject_uid, day) DO UPDATE SET department = excluded.department, team = excluded.team,
        progress = excluded.progress, confidence = excluded.confidence, status = excluded.status,
        metric_current = excluded.metric_current, cycle_name = excluded.cycle_name,
        cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end, is_deleted = excluded.is_deleted,
        is_closed = excluded.is_closed)"
    };
}
pub(super) use days_of_merged;

/// What `merged` gives back.
macro_rules! merged_columns {
    () => {
        "subject_uid, ordered_at, department, team, progress, confidence, status, metric_current, cycle_name,
        cycle_start, cycle_end, change"
    };
}
pub(super) use merged_columns;

/// Puts these events, which are rows already, onto the states that are there, if they are newer (`okr::rank`); answers
/// whose were. The rows of the others are locked as well, so what is read of them next is what is changed.
///
/// They are given in the order of their subjects and locked in that order, so nobody waits in a circle.
const ADVANCE: &str = concat!(
    "WITH merged AS (INSERT INTO okr_state AS known (",
    event_columns!(),
    ", version) SELECT ",
    event_columns!(),
    ", 1 FROM unnest($1::uuid[]) AS s(id)
    CROSS JOIN LATERAL (SELECT * FROM okr_events WHERE event_id = s.id OFFSET 0) e
    ON CONFLICT (subject_uid) DO UPDATE SET version = known.version + 1, ",
    put_onto_known!(),
    " WHERE (known.ordered_at, known.source_sequence IS NOT NULL, coalesce(known.source_sequence, 0), known.received_at,
            known.revision, known.event_id)
        < (excluded.ordered_at, excluded.source_sequence IS NOT NULL, coalesce(excluded.source_sequence, 0),
            excluded.received_at, excluded.revision, excluded.event_id)
    RETURNING ",
    merged_columns!(),
    "), ",
    days_of_merged!(),
    " SELECT subject_uid FROM merged"
);

/// Makes these steps; answers those that have to be made otherwise: all of a subject whose first one is not newer than
/// what is known of it, and what is beyond [`WAVES_MAX`].
pub(super) async fn advance<'b>(
    transaction: &Transaction<'_>,
    mut steps: BTreeMap<Uuid, Vec<&'b Entry>>,
) -> Result<Vec<&'b Entry>, Failure> {
    let mut left = Vec::new();
    for wave in 0..WAVES_MAX {
        steps.retain(|_, steps| steps.len() > wave);
        if steps.is_empty() {
            return Ok(left);
        }
        let ids: Vec<Uuid> =
            steps.values().filter_map(|steps| steps.get(wave)).map(|step| step.id()).collect();
        let statement = transaction.prepare_cached(ADVANCE).await?;
        let merged = transaction.query(&statement, &[&ids]).await?;
        if merged.len() == ids.len() {
            continue;
        }
        let merged: HashSet<Uuid> = merged.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        steps.retain(|subject, steps| {
            let is_merged = merged.contains(subject);
            if !is_merged {
                left.append(steps);
            }
            is_merged
        });
    }
    left.extend(steps.values().filter_map(|steps| steps.get(WAVES_MAX..)).flatten());
    Ok(left)
}
