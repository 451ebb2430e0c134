-- Times are microseconds since 1970.

-- What was claimed. Never deleted before the retention is over; the id is never used again.
CREATE TABLE router_effects (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    service     TEXT    NOT NULL,
    event_id    BLOB    NOT NULL,
    target      TEXT    NOT NULL,
    replay_id   TEXT    NOT NULL,
    claimed_at  INTEGER NOT NULL,
    finished_at INTEGER,                      -- null: still to be delivered
    attempts    INTEGER,
    reason      TEXT,                         -- of a dead one
    error       TEXT,
    UNIQUE (event_id, target, service, replay_id)
) STRICT;
CREATE INDEX router_effects_by_age ON router_effects (claimed_at);

-- What is to be delivered. Leaves when it is done or dead.
CREATE TABLE router_parcels (
    id          INTEGER PRIMARY KEY REFERENCES router_effects (id),
    service     TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    lane        TEXT    NOT NULL,
    planned_at  INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body        TEXT    NOT NULL,
    record      BLOB    NOT NULL
) STRICT;
CREATE INDEX router_parcels_by_lane ON router_parcels (service, target, lane, id, planned_at);

-- Exactly the subjects with unfinished parcels; head_id is the first of them.
CREATE TABLE router_lanes (
    service TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    lane    TEXT    NOT NULL,
    head_id INTEGER NOT NULL,
    due_at  INTEGER NOT NULL,                 -- not before this; while leased, the end of the lease
    owner   TEXT,                             -- null: not leased
    attempt INTEGER NOT NULL,                 -- of the head
    error   TEXT,                             -- of the head's last attempt
    PRIMARY KEY (service, target, lane)
) STRICT, WITHOUT ROWID;
CREATE INDEX router_lanes_by_due ON router_lanes (service, target, due_at, head_id);

CREATE TABLE router_members (
    service TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    targets TEXT    NOT NULL,                 -- JSON
    until   INTEGER NOT NULL,
    PRIMARY KEY (service, owner)
) STRICT, WITHOUT ROWID;

CREATE TABLE router_holds (
    service TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    owner   TEXT    NOT NULL,
    until   INTEGER NOT NULL,
    PRIMARY KEY (service, target)
) STRICT, WITHOUT ROWID;
