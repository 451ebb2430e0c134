//! What Postgres is asked, in the order of a commit. Names without a schema are found by `search_path`.

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
    "SELECT e.event_id, e.ordered_at, e.source_sequence, e.received_at, e.revision, e.subject_uid
    FROM unnest($1::uuid[]) AS s(id) JOIN okr_events e ON e.event_id = s.id";

pub(super) const CORRECTIONS_KNOWN: &str = "SELECT c.delivery_uid, c.revision
    FROM unnest($1::uuid[]) AS s(delivery) JOIN okr_corrections c ON c.delivery_uid = s.delivery";

/// As much of subjects as it takes to know what else is needed.
pub(super) const SEEN: &str =
    "SELECT t.event_id, t.ordered_at, t.source_sequence, t.received_at, t.revision, t.subject_uid, t.version
    FROM unnest($1::uuid[]) AS s(uid) JOIN okr_state t ON t.subject_uid = s.uid";

/// What newer events are put onto: what only the newest event has for itself is left out.
pub(super) const STATES: &str = "SELECT t.version, t.event_id, t.revision, t.occurred_at, t.received_at, t.source_name,
        t.source_kind, t.source_delivery_id, t.source_sequence, t.change, t.subject_type, t.subject_namespace,
        t.subject_id, t.subject_parent_id, t.subject_title, t.subject_url, t.department, t.team, t.owner_id,
        t.owner_name, t.owner_email, t.manager_id, t.manager_name, t.manager_email, t.cycle_name, t.cycle_start,
        t.cycle_end, t.metric_start, t.metric_target, t.metric_current, t.metric_unit, t.progress, t.confidence,
        t.status, NULL::double precision, NULL::text, NULL::double precision, NULL::text, NULL::text, '{}'::jsonb,
        t.subject_uid
    FROM unnest($1::uuid[]) AS s(uid) JOIN okr_state t ON t.subject_uid = s.uid";

/// Rows that better copies replace.
pub(super) const TAKE_OUT: &str = "DELETE FROM okr_events WHERE event_id = ANY($1::uuid[])";

/// What corrected deliveries said before; answers whose events those were.
pub(super) const CORRECT: &str = "DELETE FROM okr_events e
    USING unnest($1::text[], $2::text[], $3::bigint[]) AS s(namespace, delivery, revision)
    WHERE e.source_delivery_id = s.delivery AND e.subject_namespace = s.namespace AND e.revision < s.revision
    RETURNING e.subject_uid";

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
    JOIN okr_events e ON e.subject_uid = s.uid AND e.ordered_at >= s.since
    ORDER BY e.subject_uid"
);

/// The last day of each subject that had begun on this one.
pub(super) const LAST_DAY: &str = "SELECT d.subject_uid, d.day, d.department, d.team, d.progress, d.confidence, d.status,
        d.metric_current, d.cycle_name, d.cycle_start, d.cycle_end, d.is_deleted, d.is_closed
    FROM unnest($1::uuid[], $2::date[]) AS s(uid, upto)
    CROSS JOIN LATERAL (
        SELECT * FROM okr_progress_daily d WHERE d.subject_uid = s.uid AND d.day <= s.upto ORDER BY d.day DESC LIMIT 1
    ) d";

/// What a connection has of its own: where states are put before they are merged. The columns are those of an event in
/// the order in which they are written, and how the row is meant: `version` is the one that it shall have, `is_part` says
/// that it holds only what newer events say, and `lacks_…` that they say nothing of a record; `day` is the day of those.
pub(super) const STAGE: &str = "CREATE TEMPORARY TABLE okr_staged_state (
        event_id uuid, revision bigint, occurred_at timestamptz, received_at timestamptz, source_name text,
        source_kind text, source_delivery_id text, source_sequence bigint, change text, subject_type text,
        subject_namespace text, subject_id text, subject_parent_id text, subject_title text, subject_url text,
        department text, team text, owner_id text, owner_name text, owner_email text, manager_id text, manager_name text,
        manager_email text, cycle_name text, cycle_start date, cycle_end date, metric_start double precision,
        metric_target double precision, metric_current double precision, metric_unit text, progress double precision,
        confidence double precision, status text, previous_progress double precision, previous_status text,
        previous_current double precision, actor text, note text, attributes jsonb, subject_uid uuid,
        ordered_at timestamptz, version bigint, is_part boolean, lacks_owner boolean, lacks_manager boolean,
        lacks_cycle boolean, lacks_metric boolean, day date
    ) ON COMMIT DELETE ROWS;";

pub(super) const COPY_STATES: &str = concat!(
    "COPY okr_staged_state (",
    event_columns!(),
    ", version, is_part, lacks_owner, lacks_manager, lacks_cycle, lacks_metric, day) FROM STDIN (FORMAT binary)"
);

/// A state that somebody else has changed since it was looked at is left alone, and so is counted as missing. In one
/// order, so that two members never wait for each other. Of a part, the state takes what it says, as `okr::fold_onto`.
pub(super) const CHANGE_STATES: &str = "UPDATE okr_state t SET
        event_id = s.event_id, revision = s.revision, occurred_at = s.occurred_at, received_at = s.received_at,
        source_name = s.source_name, source_kind = s.source_kind, source_delivery_id = s.source_delivery_id,
        source_sequence = s.source_sequence, change = s.change, actor = s.actor, note = s.note,
        previous_progress = s.previous_progress, previous_status = s.previous_status,
        previous_current = s.previous_current, attributes = s.attributes, ordered_at = s.ordered_at,
        subject_parent_id = CASE WHEN s.is_part THEN coalesce(s.subject_parent_id, t.subject_parent_id)
            ELSE s.subject_parent_id END,
        subject_title = CASE WHEN s.is_part THEN coalesce(s.subject_title, t.subject_title) ELSE s.subject_title END,
        subject_url = CASE WHEN s.is_part THEN coalesce(s.subject_url, t.subject_url) ELSE s.subject_url END,
        department = CASE WHEN s.is_part THEN coalesce(s.department, t.department) ELSE s.department END,
        team = CASE WHEN s.is_part THEN coalesce(s.team, t.team) ELSE s.team END,
        progress = CASE WHEN s.is_part THEN coalesce(s.progress, t.progress) ELSE s.progress END,
        confidence = CASE WHEN s.is_part THEN coalesce(s.confidence, t.confidence) ELSE s.confidence END,
        status = CASE WHEN s.is_part AND s.status = 'unknown' THEN t.status ELSE s.status END,
        owner_id = CASE WHEN s.lacks_owner THEN t.owner_id ELSE s.owner_id END,
        owner_name = CASE WHEN s.lacks_owner THEN t.owner_name ELSE s.owner_name END,
        owner_email = CASE WHEN s.lacks_owner THEN t.owner_email ELSE s.owner_email END,
        manager_id = CASE WHEN s.lacks_manager THEN t.manager_id ELSE s.manager_id END,
        manager_name = CASE WHEN s.lacks_manager THEN t.manager_name ELSE s.manager_name END,
        manager_email = CASE WHEN s.lacks_manager THEN t.manager_email ELSE s.manager_email END,
        cycle_name = CASE WHEN s.lacks_cycle THEN t.cycle_name ELSE s.cycle_name END,
        cycle_start = CASE WHEN s.lacks_cycle THEN t.cycle_start ELSE s.cycle_start END,
        cycle_end = CASE WHEN s.lacks_cycle THEN t.cycle_end ELSE s.cycle_end END,
        metric_start = CASE WHEN s.lacks_metric THEN t.metric_start ELSE s.metric_start END,
        metric_target = CASE WHEN s.lacks_metric THEN t.metric_target ELSE s.metric_target END,
        metric_current = CASE WHEN s.lacks_metric THEN t.metric_current ELSE s.metric_current END,
        metric_unit = CASE WHEN s.lacks_metric THEN t.metric_unit ELSE s.metric_unit END,
        version = s.version, updated_at = now()
    FROM (SELECT * FROM okr_staged_state WHERE version > 1 ORDER BY subject_uid) s
    WHERE t.subject_uid = s.subject_uid AND t.version = s.version - 1";

/// Likewise those that nobody has heard of.
pub(super) const ADD_STATES: &str = concat!(
    "INSERT INTO okr_state (",
    event_columns!(),
    ", version) SELECT ",
    event_columns!(),
    ", version FROM okr_staged_state WHERE version = 1 ORDER BY subject_uid ON CONFLICT (subject_uid) DO NOTHING"
);

/// After events of one day that are newer than all before them, the state is how that day ended.
pub(super) const DAYS_OF_PARTS: &str =
    "INSERT INTO okr_progress_daily (subject_uid, day, department, team, progress,
        confidence, status, metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed)
    SELECT t.subject_uid, s.day, t.department, t.team, t.progress, t.confidence, t.status, t.metric_current,
        t.cycle_name, t.cycle_start, t.cycle_end, t.change = 'deleted', t.change = 'closed'
    FROM okr_staged_state s JOIN okr_state t ON t.subject_uid = s.subject_uid WHERE s.day IS NOT NULL
    ON CONFLICT (subject_uid, day) DO UPDATE SET department = excluded.department, team = excluded.team,
        progress = excluded.progress, confidence = excluded.confidence, status = excluded.status,
        metric_current = excluded.metric_current, cycle_name = excluded.cycle_name,
        cycle_start = excluded.cycle_start, cycle_end = excluded.cycle_end, is_deleted = excluded.is_deleted,
        is_closed = excluded.is_closed";

/// For the next states of the same transaction.
pub(super) const CLEAR_STAGE: &str = "DELETE FROM okr_staged_state";

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
