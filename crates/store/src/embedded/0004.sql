-- Records that a state service never read and that are gone, for a person to accept.
CREATE TABLE router_gaps (
    service      TEXT    NOT NULL,
    topic        TEXT    NOT NULL,
    partition    INTEGER NOT NULL,
    from_offset  INTEGER NOT NULL,            -- where the state stands
    found_offset INTEGER NOT NULL,            -- what came instead
    why          TEXT    NOT NULL,
    accepted     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (service, topic, partition)
) STRICT, WITHOUT ROWID;
