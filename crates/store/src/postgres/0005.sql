-- Until when a source may bring a secret of its own.
CREATE TABLE router_windows (
    source text   PRIMARY KEY,
    until  bigint NOT NULL
);

-- The secrets that sources brought, sealed.
CREATE TABLE router_secrets (
    source     text   NOT NULL,
    id         text   NOT NULL,               -- the same for the same secret under the same key
    sealed     bytea  NOT NULL,
    learned_at bigint NOT NULL,
    PRIMARY KEY (source, id)
);

-- Values that were used once, what for, and what the sender was told.
CREATE TABLE router_nonces (
    source  text   NOT NULL,
    nonce   bytea  NOT NULL,                  -- a hash of it
    content bytea  NOT NULL,                  -- a hash of the body
    answer  bytea  NOT NULL,
    used_at bigint NOT NULL,
    PRIMARY KEY (source, nonce)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX router_nonces_by_age ON router_nonces (source, used_at);
