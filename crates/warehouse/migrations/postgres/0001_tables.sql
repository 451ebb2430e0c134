-- The tables of the warehouse in Postgres. They are made in the schema that `search_path` names first.
--
-- An event's columns are named as its fields, nested ones with `_`, and stand in `okr_events` and `okr_state` in the
-- same order (the program writes both with one list). Nothing that is text in an event stands in a btree index: a text
-- may be as long as a record, an entry of such an index may not.

CREATE TABLE okr_events (
    event_id uuid NOT NULL,
    revision bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    source_delivery_id text,
    source_sequence bigint,
    change text NOT NULL,
    subject_type text NOT NULL,
    subject_namespace text NOT NULL,
    subject_id text NOT NULL,
    subject_parent_id text,
    subject_title text,
    subject_url text,
    department text,
    team text,
    owner_id text,
    owner_name text,
    owner_email text,
    manager_id text,
    manager_name text,
    manager_email text,
    cycle_name text,
    cycle_start date,
    cycle_end date,
    metric_start double precision,
    metric_target double precision,
    metric_current double precision,
    metric_unit text,
    progress double precision,
    confidence double precision,
    status text NOT NULL,
    previous_progress double precision,
    previous_status text,
    previous_current double precision,
    actor text,
    note text,
    attributes jsonb NOT NULL,
    -- UUIDv5 (namespace OID) of `namespace/type/id`: the subject in one short column, to join by.
    subject_uid uuid NOT NULL,
    -- When it counts as having happened: occurred_at, at most five minutes after received_at.
    ordered_at timestamptz NOT NULL,
    -- Where it came from, and when it came here.
    kafka_topic text NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    written_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id)
);

-- A subject's events from some time on, in their order; with what views ask of all events, so that they need not read
-- the wide table.
CREATE INDEX okr_events_subject ON okr_events (subject_uid, ordered_at) INCLUDE (change, subject_type);
-- What a delivery became, for its correction.
CREATE INDEX okr_events_delivery ON okr_events USING hash (source_delivery_id);

CREATE TABLE okr_state (
    event_id uuid NOT NULL,
    revision bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    source_name text NOT NULL,
    source_kind text NOT NULL,
    source_delivery_id text,
    source_sequence bigint,
    change text NOT NULL,
    subject_type text NOT NULL,
    subject_namespace text NOT NULL,
    subject_id text NOT NULL,
    subject_parent_id text,
    subject_title text,
    subject_url text,
    department text,
    team text,
    owner_id text,
    owner_name text,
    owner_email text,
    manager_id text,
    manager_name text,
    manager_email text,
    cycle_name text,
    cycle_start date,
    cycle_end date,
    metric_start double precision,
    metric_target double precision,
    metric_current double precision,
    metric_unit text,
    progress double precision,
    confidence double precision,
    status text NOT NULL,
    previous_progress double precision,
    previous_status text,
    previous_current double precision,
    actor text,
    note text,
    attributes jsonb NOT NULL,
    -- UUIDv5 (namespace OID) of `namespace/type/id`: the subject in one short column, to join by.
    subject_uid uuid NOT NULL,
    -- When it counts as having happened: occurred_at, at most five minutes after received_at.
    ordered_at timestamptz NOT NULL,
    -- Grows with each event of the subject that counts: two members that meet at a subject see it by this.
    version bigint NOT NULL,
    is_deleted boolean NOT NULL GENERATED ALWAYS AS (change = 'deleted') STORED,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (subject_uid)
) WITH (fillfactor = 45); -- Room for a second copy of each row: an update stays in its page and out of the index.

-- As a subject stood at the end of a day (UTC) on which something was heard of it.
CREATE TABLE okr_progress_daily (
    subject_uid uuid NOT NULL,
    day date NOT NULL,
    department text,
    team text,
    progress double precision,
    confidence double precision,
    status text NOT NULL,
    metric_current double precision,
    cycle_name text,
    cycle_start date,
    cycle_end date,
    is_deleted boolean NOT NULL,
    -- Its newest change of that day closed it.
    is_closed boolean NOT NULL,
    PRIMARY KEY (subject_uid, day)
) WITH (fillfactor = 50);

-- Deliveries that were corrected, and by which revision: what comes of them with a lower one is refused.
CREATE TABLE okr_corrections (
    delivery_uid uuid NOT NULL,
    subject_namespace text NOT NULL,
    source_delivery_id text NOT NULL,
    revision bigint NOT NULL,
    PRIMARY KEY (delivery_uid)
);

-- How far the topic is contained, in the same transaction as the rows.
CREATE TABLE okr_sink_offsets (
    topic text NOT NULL,
    partition integer NOT NULL,
    next_offset bigint NOT NULL,
    epoch bigint NOT NULL,
    last_offset bigint,
    fingerprint uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);
