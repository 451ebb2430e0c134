-- The tables of the warehouse in an embedded file. The same tables, columns and meanings as in Postgres; SQLite has
-- fewer types:
--
-- - times are text, RFC 3339 in UTC with six decimals (`2026-11-23T09:00:00.000000Z`), so they sort as time and SQLite's
--   date functions read them; days are `2026-11-23`;
-- - ids are text as UUIDs are written; `attributes` is JSON text; booleans are 0 and 1.

CREATE TABLE okr_events (
    event_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    occurred_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    source_name TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_delivery_id TEXT,
    source_sequence INTEGER,
    change TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_namespace TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_parent_id TEXT,
    subject_title TEXT,
    subject_url TEXT,
    department TEXT,
    team TEXT,
    owner_id TEXT,
    owner_name TEXT,
    owner_email TEXT,
    manager_id TEXT,
    manager_name TEXT,
    manager_email TEXT,
    cycle_name TEXT,
    cycle_start TEXT,
    cycle_end TEXT,
    metric_start REAL,
    metric_target REAL,
    metric_current REAL,
    metric_unit TEXT,
    progress REAL,
    confidence REAL,
    status TEXT NOT NULL,
    previous_progress REAL,
    previous_status TEXT,
    previous_current REAL,
    actor TEXT,
    note TEXT,
    attributes TEXT NOT NULL,
    -- UUIDv5 (namespace OID) of `namespace/type/id`: the subject in one short column, to join by.
    subject_uid TEXT NOT NULL,
    -- When it counts as having happened: occurred_at, at most five minutes after received_at.
    ordered_at TEXT NOT NULL,
    -- Where it came from, and when it came here.
    kafka_topic TEXT NOT NULL,
    kafka_partition INTEGER NOT NULL,
    kafka_offset INTEGER NOT NULL,
    written_at TEXT NOT NULL,
    PRIMARY KEY (event_id)
);

-- A subject's events from some time on, in their order; with what views ask of all events, so that they need not read
-- the wide table.
CREATE INDEX okr_events_subject ON okr_events (subject_uid, ordered_at, change, subject_type);
-- What a delivery became, for its correction.
CREATE INDEX okr_events_delivery ON okr_events (source_delivery_id) WHERE source_delivery_id IS NOT NULL;

CREATE TABLE okr_state (
    event_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    occurred_at TEXT NOT NULL,
    received_at TEXT NOT NULL,
    source_name TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    source_delivery_id TEXT,
    source_sequence INTEGER,
    change TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_namespace TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    subject_parent_id TEXT,
    subject_title TEXT,
    subject_url TEXT,
    department TEXT,
    team TEXT,
    owner_id TEXT,
    owner_name TEXT,
    owner_email TEXT,
    manager_id TEXT,
    manager_name TEXT,
    manager_email TEXT,
    cycle_name TEXT,
    cycle_start TEXT,
    cycle_end TEXT,
    metric_start REAL,
    metric_target REAL,
    metric_current REAL,
    metric_unit TEXT,
    progress REAL,
    confidence REAL,
    status TEXT NOT NULL,
    previous_progress REAL,
    previous_status TEXT,
    previous_current REAL,
    actor TEXT,
    note TEXT,
    attributes TEXT NOT NULL,
    -- UUIDv5 (namespace OID) of `namespace/type/id`: the subject in one short column, to join by.
    subject_uid TEXT NOT NULL,
    -- When it counts as having happened: occurred_at, at most five minutes after received_at.
    ordered_at TEXT NOT NULL,
    -- Grows with each event of the subject that counts.
    version INTEGER NOT NULL,
    is_deleted INTEGER NOT NULL GENERATED ALWAYS AS (change = 'deleted') STORED,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (subject_uid)
);

-- As a subject stood at the end of a day (UTC) on which something was heard of it.
CREATE TABLE okr_progress_daily (
    subject_uid TEXT NOT NULL,
    day TEXT NOT NULL,
    department TEXT,
    team TEXT,
    progress REAL,
    confidence REAL,
    status TEXT NOT NULL,
    metric_current REAL,
    cycle_name TEXT,
    cycle_start TEXT,
    cycle_end TEXT,
    is_deleted INTEGER NOT NULL,
    -- Its newest change of that day closed it.
    is_closed INTEGER NOT NULL,
    PRIMARY KEY (subject_uid, day)
) WITHOUT ROWID;

-- Deliveries that were corrected, and by which revision: what comes of them with a lower one is refused.
CREATE TABLE okr_corrections (
    delivery_uid TEXT NOT NULL,
    subject_namespace TEXT NOT NULL,
    source_delivery_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (delivery_uid)
) WITHOUT ROWID;

-- How far the topic is contained, in the same transaction as the rows.
CREATE TABLE okr_sink_offsets (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    last_offset INTEGER,
    fingerprint TEXT,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (topic, partition)
) WITHOUT ROWID;
