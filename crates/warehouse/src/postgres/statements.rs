//! What Postgres is asked, in the order of a commit. Names without a schema are found by `search_path`.
//!
//! Statements are planned when tables may still be empty, and the plan stays. So none of them lets the planner choose
//! what to begin with: tables are looked up by `= ANY`, or inside of a `LATERAL … OFFSET 0`, and never joined freely.

use super::advance::{days_of_merged, into_days, merged_columns, put_onto_day, put_onto_known};
use super::columns::event_columns;

/// Whoever takes rows out has the tables alone: for a correction, because others may just be adding what it takes away;
/// for a better copy of an event, because rows that are taken out and rows that are added have no order in common. All
/// others share. The second number tells one schema's tables from another's.
pub(super) const ALONE: &str = "SELECT pg_advisory_xact_lock(8028075, (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()))";
pub(crate) const TOGETHER: &str = "SELECT pg_advisory_xact_lock_shared(8028075, (SELECT oid::integer FROM pg_namespace WHERE nspname = current_schema()))";

/// The slots of the batch, where they stand at their own epoch and offset.
pub(super) const HOLD: &str = "SELECT p.topic
    FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS s(topic, partition, epoch, next_offset)
    JOIN okr_sink_offsets p ON p.topic = s.topic AND p.partition = s.partition
        AND p.epoch = s.epoch AND p.next_offset = s.next_offset
    ORDER BY p.topic, p.partition FOR UPDATE OF p";

pub(super) const EVENTS_KNOWN: &str =
    "SELECT event_id, ordered_at, source_sequence, received_at, revision, subject_uid
    FROM okr_events WHERE event_id = ANY($1::uuid[])";

pub(super) const HAS_CORRECTIONS: &str = "SELECT FROM okr_corrections LIMIT 1";

pub(super) const CORRECTIONS_KNOWN: &str =
    "SELECT delivery_uid, revision FROM okr_corrections WHERE delivery_uid = ANY($1::uuid[])";

/// As much of subjects as it takes to know what else is needed.
pub(super) const SEEN: &str =
    "SELECT event_id, ordered_at, source_sequence, received_at, revision, subject_uid, version
    FROM okr_state WHERE subject_uid = ANY($1::uuid[])";

/// What newer events are put onto: what only the newest event has for itself is left out.
pub(super) const STATES: &str = "SELECT t.version, t.event_id, t.revision, t.occurred_at, t.received_at, t.source_name,
        t.source_kind, t.source_delivery_id, t.source_sequence, t.change, t.subject_type, t.subject_namespace,
        t.subject_id, t.subject_parent_id, t.subject_title, t.subject_url, t.department, t.team, t.owner_id,
        t.owner_name, t.owner_email, t.manager_id, t.manager_name, t.manager_email, t.cycle_name, t.cycle_start,
        t.cycle_end, t.metric_start, t.metric_target, t.metric_current, t.metric_unit, t.progress, t.confidence,
        t.status, NULL::double precision, NULL::text, NULL::double precision, NULL::text, NULL::text, '{}'::jsonb,
        t.subject_uid
    FROM okr_state t WHERE t.subject_uid = ANY($1::uuid[])";

/// Rows that better copies replace.
pub(super) const TAKE_OUT: &str = "DELETE FROM okr_events WHERE event_id = ANY($1::uuid[])";

/// What corrected deliveries said before; answers whose events those were.
pub(super) const CORRECT: &str = "DELETE FROM okr_events WHERE event_id = ANY(ARRAY(
        SELECT e.event_id FROM unnest($1::text[], $2::text[], $3::bigint[]) AS s(namespace, delivery, revision)
        CROSS JOIN LATERAL (
            SELECT event_id FROM okr_events
            WHERE source_delivery_id = s.delivery AND subject_namespace = s.namespace AND revision < s.revision OFFSET 0
        ) e
    )) RETURNING subject_uid";

pub(super) const NOTE_CORRECTIONS: &str =
    "INSERT INTO okr_corrections AS known (delivery_uid, subject_namespace, source_delivery_id, revision)
    SELECT uid, namespace, delivery, revision
    FROM unnest($4::uuid[], $1::text[], $2::text[], $3::bigint[]) AS s(uid, namespace, delivery, revision)
    ON CONFLICT (delivery_uid) DO UPDATE SET revision = greatest(known.revision, excluded.revision)";

pub(crate) const COPY_EVENTS: &str = concat!(
    "COPY okr_events (",
    event_columns!(),
    ", kafka_topic, kafka_partition, kafka_offset) FROM STDIN (FORMAT binary)"
);

/// Events of subjects from some time on, each subject's together.
pub(super) const HISTORY: &str = concat!(
    "SELECT ",
    event_columns!(),
    " FROM unnest($1::uuid[], $2::timestamptz[]) AS s(uid, since)
    CROSS JOIN LATERAL (
        SELECT * FROM okr_events WHERE subject_uid = s.uid AND ordered_at >= s.since OFFSET 0
    ) e"
);

/// The last day of each subject that had begun on this one.
pub(super) const LAST_DAY: &str = "SELECT d.subject_uid, d.day, d.department, d.team, d.progress, d.confidence, d.status,
        d.metric_current, d.cycle_name, d.cycle_start, d.cycle_end, d.is_deleted, d.is_closed
    FROM unnest($1::uuid[], $2::date[]) AS s(uid, upto)
    CROSS JOIN LATERAL (
        SELECT * FROM okr_progress_daily d WHERE d.subject_uid = s.uid AND d.day <= s.upto ORDER BY d.day DESC LIMIT 1
    ) d";

/// What a connection makes for itself when it needs it: where states are put before they are merged. The columns are those of an event, in
/// the order in which they are written, and the version that the row shall have.
pub(super) const STAGE: &str = "CREATE TEMPORARY TABLE IF NOT EXISTS okr_staged_state (
        event_id uuid, revision bigint, occurred_at timestamptz, received_at timestamptz, source_name text,
        source_kind text, source_delivery_id text, source_sequence bigint, change text, subject_type text,
        subject_namespace text, subject_id text, subject_parent_id text, subject_title text, subject_url text,
        department text, team text, owner_id text, owner_name text, owner_email text, manager_id text, manager_name text,
        manager_email text, cycle_name text, cycle_start date, cycle_end date, metric_start double precision,
        metric_target double precision, metric_current double precision, metric_unit text, progress double precision,
        confidence double precision, status text, previous_progress double precision, previous_status text,
        previous_current double precision, actor text, note text, attributes jsonb, subject_uid uuid,
        ordered_at timestamptz, version bigint
    ) ON COMMIT DELETE ROWS;";

pub(super) const COPY_STATES: &str =
    concat!("COPY okr_staged_state (", event_columns!(), ", version) FROM STDIN (FORMAT binary)");

/// Puts what was staged onto the states that are there, as `okr::fold_onto` does, and the newest day of each with it.
/// A whole state says at least what the one before it said, so it comes out as it is. Answers how many were merged: a
/// state that somebody else has changed since it was looked at is left alone.
///
/// Rows were staged in the order of their subjects and are locked in that order, so nobody waits in a circle.
pub(super) const MERGE_STATES: &str = concat!(
    "WITH merged AS (INSERT INTO okr_state AS known (",
    event_columns!(),
    ", version) SELECT ",
    event_columns!(),
    ", version FROM okr_staged_state
    ON CONFLICT (subject_uid) DO UPDATE SET version = excluded.version, ",
    put_onto_known!(),
    " WHERE known.version = excluded.version - 1 RETURNING ",
    merged_columns!(),
    "), ",
    days_of_merged!(),
    " SELECT count(*) FROM merged"
);

/// For the next states of the same transaction.
pub(super) const CLEAR_STAGE: &str = "DELETE FROM okr_staged_state";

/// States that are made from nothing, or are none any more.
pub(super) const DROP_STATES: &str = "DELETE FROM okr_state t
    USING unnest($1::uuid[], $2::bigint[]) AS s(uid, version)
    WHERE t.subject_uid = s.uid AND t.version = s.version";

pub(super) const DROP_DAYS: &str = "DELETE FROM okr_progress_daily WHERE subject_uid = ANY($1::uuid[])";

pub(super) const MERGE_DAYS: &str = concat!(
    into_days!(),
    "SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::double precision[],
        $6::double precision[], $7::text[], $8::double precision[], $9::text[], $10::date[], $11::date[],
        $12::boolean[], $13::boolean[]) ",
    put_onto_day!(),
);

pub(super) const MARK: &str =
    "UPDATE okr_sink_offsets p SET next_offset = s.next_offset, last_offset = s.last_offset,
        fingerprint = s.fingerprint, updated_at = now()
    FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[], $5::uuid[])
        AS s(topic, partition, next_offset, last_offset, fingerprint)
    WHERE p.topic = s.topic AND p.partition = s.partition";

pub(super) const ASSIGN: &str = "INSERT INTO okr_sink_offsets AS known (topic, partition, epoch, next_offset)
    SELECT topic, partition, 1, 0 FROM unnest($1::text[], $2::integer[]) AS s(topic, partition)
    ORDER BY topic, partition
    ON CONFLICT (topic, partition) DO UPDATE SET epoch = known.epoch + 1, updated_at = now()
    RETURNING topic, partition, epoch, next_offset, last_offset, fingerprint";

/// A commit that is still under way, of whose end its member has not heard, holds its slots: it is waited for, or it
/// could land after the answer.
pub(super) const STANDINGS: &str =
    "SELECT p.topic, p.partition, p.epoch, p.next_offset, p.last_offset, p.fingerprint
    FROM unnest($1::text[], $2::integer[]) AS s(topic, partition)
    JOIN okr_sink_offsets p ON p.topic = s.topic AND p.partition = s.partition
    ORDER BY p.topic, p.partition FOR SHARE OF p";

pub(super) const OFFSETS: &str = "SELECT topic, partition, epoch, next_offset, last_offset, fingerprint
    FROM okr_sink_offsets ORDER BY topic, partition";

pub(super) const RESTART: &str =
    "UPDATE okr_sink_offsets SET next_offset = 0, last_offset = NULL, fingerprint = NULL, updated_at = now()
    WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4";
