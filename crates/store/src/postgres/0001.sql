-- Times are microseconds since 1970.

-- The moment of the deciding clock: the given one, else the database's own at the start of the statement.
CREATE FUNCTION router_now(given bigint) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
    RETURN coalesce(given, (extract(epoch FROM statement_timestamp()) * 1000000)::bigint);

-- What was claimed. Never deleted before the retention is over. Room in each page lets the one update of a row stay
-- where it is, so that it touches no index.
CREATE TABLE router_effects (
    id          bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service     text    NOT NULL,
    event_id    uuid    NOT NULL,
    target      text    NOT NULL,
    replay_id   text    NOT NULL,
    claimed_at  bigint  NOT NULL,
    finished_at bigint,                       -- null: still to be delivered
    attempts    bigint,
    reason      text,                         -- of a dead one
    error       text,
    UNIQUE (event_id, target, service, replay_id)
) WITH (fillfactor = 80);
CREATE INDEX router_effects_by_age ON router_effects (claimed_at);

-- What is to be delivered. Leaves when it is done or dead. Its effect is always there; a foreign key would lock it
-- again for each parcel.
CREATE TABLE router_parcels (
    id          bigint  PRIMARY KEY,
    service     text    NOT NULL,
    target      text    NOT NULL,
    lane        text    NOT NULL,
    planned_at  bigint  NOT NULL,
    received_at bigint  NOT NULL,
    body        text    NOT NULL,
    record      bytea   NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
CREATE INDEX router_parcels_by_lane ON router_parcels (service, target, lane, id) INCLUDE (planned_at);

-- Exactly the subjects with unfinished parcels; head_id is the first of them.
CREATE TABLE router_lanes (
    service text    NOT NULL,
    target  text    NOT NULL,
    lane    text    NOT NULL,
    head_id bigint  NOT NULL,
    due_at  bigint  NOT NULL,                 -- not before this; while leased, the end of the lease
    owner   text,                             -- null: not leased
    attempt bigint  NOT NULL,                 -- of the head
    error   text,                             -- of the head's last attempt
    PRIMARY KEY (service, target, lane)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
CREATE INDEX router_lanes_by_due ON router_lanes (service, target, due_at, head_id);

CREATE TABLE router_members (
    service text    NOT NULL,
    owner   text    NOT NULL,
    targets text    NOT NULL,                 -- JSON
    until   bigint  NOT NULL,
    PRIMARY KEY (service, owner)
);

CREATE TABLE router_holds (
    service text    NOT NULL,
    target  text    NOT NULL,
    owner   text    NOT NULL,
    until   bigint  NOT NULL,
    PRIMARY KEY (service, target)
);
