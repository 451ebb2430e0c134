-- How far state services have come, in the transactions of their rows.
CREATE TABLE router_progress (
    service     TEXT    NOT NULL,
    topic       TEXT    NOT NULL,
    partition   INTEGER NOT NULL,
    epoch       INTEGER NOT NULL,             -- raised by each assignment
    next_offset INTEGER NOT NULL,
    last_offset INTEGER,                      -- null: nobody has read it
    fingerprint BLOB,                         -- of the record at last_offset
    PRIMARY KEY (service, topic, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE router_state (
    service TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    PRIMARY KEY (service, key)
) STRICT, WITHOUT ROWID;

-- Committed, and not known to be in Kafka.
CREATE TABLE router_outgoing (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    service TEXT    NOT NULL,
    record  BLOB    NOT NULL
) STRICT;
CREATE INDEX router_outgoing_by_service ON router_outgoing (service, id);

CREATE TABLE router_relays (
    service TEXT    PRIMARY KEY,
    owner   TEXT    NOT NULL,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
