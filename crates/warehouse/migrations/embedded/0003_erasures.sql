-- Who was forgotten (`okr-router warehouse forget`): a salted hash of each word by which events name the person, never
-- the word. Every commit erases by it what it writes, so that no record that comes again brings the person back. It is
-- of the warehouse, not of one generation of its rows: a rebuild keeps it.
CREATE TABLE okr_erasures (
    token TEXT NOT NULL,
    -- The same in all rows that were made together: without it nobody can tell what a token is of.
    salt TEXT NOT NULL,
    -- `person`: a word that names somebody. `text`: an event whose free text is gone.
    kind TEXT NOT NULL,
    -- The run that asked for it, as okr.audit has it.
    run TEXT NOT NULL,
    erased_at TEXT NOT NULL,
    PRIMARY KEY (token)
) WITHOUT ROWID;
