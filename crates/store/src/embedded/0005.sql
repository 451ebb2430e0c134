-- Until when a source may bring a secret of its own.
CREATE TABLE router_windows (
    source TEXT    PRIMARY KEY,
    until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The secrets that sources brought, sealed.
CREATE TABLE router_secrets (
    source     TEXT    NOT NULL,
    id         TEXT    NOT NULL,              -- the same for the same secret under the same key
    sealed     BLOB    NOT NULL,
    learned_at INTEGER NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

-- Values that were used once, what for, and what the sender was told.
CREATE TABLE router_nonces (
    source  TEXT    NOT NULL,
    nonce   BLOB    NOT NULL,                 -- a hash of it
    content BLOB    NOT NULL,                 -- a hash of the body
    answer  BLOB    NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (source, nonce)
) STRICT;
CREATE INDEX router_nonces_by_age ON router_nonces (source, used_at);
