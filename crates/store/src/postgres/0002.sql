-- What keeps a service halted, and what its fuse has counted.
CREATE TABLE router_brakes (
    service      text   PRIMARY KEY,
    halted_why   text,                        -- null: it may go on
    halted_since bigint,                      -- microseconds since 1970
    fuse         bytea  NOT NULL              -- the worker's own format; empty: fresh
);
