//! What Postgres is asked, in the order of a commit. Names without a schema are found by `search_path`.
//!
//! Statements are planned when tables may still be empty, and the plan stays. So none of them lets the planner choose
//! what to begin with: tables are looked up by `= ANY`, or inside of a `LATERAL … OFFSET 0`, and never joined freely.

use super::columns::event_columns;

/// Whoever corrects deliveries has the tables alone: what he takes away others may just be adding. All others share.
/// The second number tells one schema's tables from another's.
pub(super) const ALONE: &str =
    "SELECT pg_advisory_xact_lock(8028075, to_regclass('okr_events')::oid::integer)";
pub(super) const TOGETHER: &str =
    "SELECT pg_advisory_xact_lock_shared(8028075, to_regclass('okr_events')::oid::integer)";

/// The slots of the batch, where they stand at their own epoch and offset.
pub(super) const HOLD: &str = "SELECT p.topic
    FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) AS s(topic, partition, epoch, next_offset)
    JOIN okr_sink_offsets p ON p.topic = s.topic AND p.partition = s.partition
        AND p.epoch = s.epoch AND p.next_offset = s.next_offset
    ORDER BY p.topic, p.partition FOR UPDATE OF p";

pub(super) const EVENTS_KNOWN: &str =
    "SELECT event_id, ordered_at, source_sequence, received_at, revision, subject_uid
    FROM okr_events WHERE event_id = ANY($1::uuid[])";

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

pub(super) const COPY_EVENTS: &str = concat!(
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

/// What a connection has of its own: where states are put before they are merged. The columns are those of an event, in
/// the order in which they are written, and the version that the row shall have.
pub(super) const STAGE: &str = "CREATE TEMPORARY TABLE okr_staged_state (
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
    ON CONFLICT (subject_uid) DO UPDATE SET event_id = excluded.event_id, revision = excluded.revision,
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
        version = excluded.version, updated_at = now()
    WHERE known.version = excluded.version - 1
    RETURNING subject_uid, ordered_at, department, team, progress, confidence, status, metric_current, cycle_name,
        cycle_start, cycle_end, change
    ), days AS (INSERT INTO okr_progress_daily (subject_uid, day, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed)
    SELECT subject_uid, (ordered_at AT TIME ZONE 'UTC')::date, department, team, progress, confidence, status,
        metric_current, cycle_name, cycle_start, cycle_end, change = 'deleted', change = 'closed' FROM merged
    ON CONFLICT (subject_uid, day) DO UPDATE SET department = excluded.department, team = excluded.team,
        progress = excluded.progress, confidence = excluded.confidence, status = excluded.status,
        metric_current = excluded.metric_current, cycle_name = excluded.cycle_name,
        cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end, is_deleted = excluded.is_deleted,
        is_closed = excluded.is_closed
    ) SELECT count(*) FROM merged"
);

/// For the next states of the same transaction.
pub(super) const CLEAR_STAGE: &str = "DELETE FROM okr_staged_state";

/// States that are made from nothing, or are none any more.
pub(super) const DROP_STATES: &str = "DELETE FROM okr_state t
    USING unnest($1::uuid[], $2::bigint[]) AS s(uid, version)
    WHERE t.subject_uid = s.uid AND t.version = s.version";

pub(super) const DROP_DAYS: &str = "DELETE FROM okr_progress_daily WHERE subject_uid = ANY($1::uuid[])";

pub(super) const MERGE_DAYS: &str =
    "INSERT INTO okr_progress_daily (subject_uid, day, department, team, progress,
        confidence, status, metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed)
    SELECT * FROM unnest($1::uuid[], $2::date[], $3::text[], $4::text[], $5::double precision[],
        $6::double precision[], $7::text[], $8::double precision[], $9::text[], $10::date[], $11::date[],
        $12::boolean[], $13::boolean[])
    ON CONFLICT (subject_uid, day) DO UPDATE SET department = excluded.department, team = excluded.team,
        progress = excluded.progress, confidence = excluded.confidence, status = excluded.status,
        metric_current = excluded.metric_current, cycle_name = excluded.cycle_name,
        cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end, is_deleted = excluded.is_deleted,
        is_closed = excluded.is_closed";

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

pub(super) const STANDINGS: &str =
    "SELECT p.topic, p.partition, p.epoch, p.next_offset, p.last_offset, p.fingerprint
    FROM unnest($1::text[], $2::integer[]) AS s(topic, partition)
    JOIN okr_sink_offsets p ON p.topic = s.topic AND p.partition = s.partition";

pub(super) const OFFSETS: &str = "SELECT topic, partition, epoch, next_offset, last_offset, fingerprint
    FROM okr_sink_offsets ORDER BY topic, partition";

pub(super) const RESTART: &str =
    "UPDATE okr_sink_offsets SET next_offset = 0, last_offset = NULL, fingerprint = NULL, updated_at = now()
    WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4";
