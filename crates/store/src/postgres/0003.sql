-- How far state services have come, in the transactions of their rows.
CREATE TABLE router_progress (
    service     text    NOT NULL,
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    epoch       bigint  NOT NULL,             -- raised by each assignment
    next_offset bigint  NOT NULL,
    last_offset bigint,                       -- null: nobody has read it
    fingerprint uuid,                         -- of the record at last_offset
    PRIMARY KEY (service, topic, partition)
) WITH (fillfactor = 70);

CREATE TABLE router_state (
    service text  NOT NULL,
    key     text  COLLATE "C" NOT NULL,
    value   bytea NOT NULL,
    PRIMARY KEY (service, key)
) WITH (fillfactor = 80);

-- Committed, and not known to be in Kafka.
CREATE TABLE router_outgoing (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text   NOT NULL,
    record  bytea  NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
CREATE INDEX router_outgoing_by_service ON router_outgoing (service, id);

CREATE TABLE router_relays (
    service text   PRIMARY KEY,
    owner   text   NOT NULL,
    until   bigint NOT NULL
);
