-- Records that a state service never read and that are gone, for a person to accept.
CREATE TABLE router_gaps (
    service      text    NOT NULL,
    topic        text    NOT NULL,
    partition    integer NOT NULL,
    from_offset  bigint  NOT NULL,            -- where the state stands
    found_offset bigint  NOT NULL,            -- what came instead
    why          text    NOT NULL,
    accepted     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (service, topic, partition)
);
