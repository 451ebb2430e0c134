-- What keeps a service halted, and what its fuse has counted.
CREATE TABLE router_brakes (
    service      TEXT    PRIMARY KEY,
    halted_why   TEXT,                        -- null: it may go on
    halted_since INTEGER,                     -- microseconds since 1970
    fuse         BLOB    NOT NULL             -- the worker's own format; empty: fresh
) STRICT, WITHOUT ROWID;
