-- Who was forgotten (`okr-router warehouse forget`): a salted hash of each word by which events name the person, never
-- the word. Every commit erases by it what it writes, so that no record that comes again brings the person back. It is
-- of the warehouse, not of one generation of its rows: a rebuild keeps it.
CREATE TABLE okr_erasures (
    token bytea NOT NULL,
    -- The same in all rows that were made together: without it nobody can tell what a token is of.
    salt bytea NOT NULL,
    -- `person`: a word that names somebody. `text`: an event whose free text is gone.
    kind text NOT NULL,
    -- The run that asked for it, as okr.audit has it.
    run text NOT NULL,
    erased_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token)
);

COMMENT ON TABLE okr_erasures IS 'Who was forgotten, as salted hashes: every commit erases by it what it writes. For the program alone.';
COMMENT ON COLUMN okr_erasures.token IS 'Salted hash of a word that named a person, or of an event whose free text is gone.';
COMMENT ON COLUMN okr_erasures.salt IS 'What was hashed with the word.';
COMMENT ON COLUMN okr_erasures.kind IS 'person or text.';
COMMENT ON COLUMN okr_erasures.run IS 'The run that asked for it, as okr.audit has it.';
COMMENT ON COLUMN okr_erasures.erased_at IS 'When it was asked for.';
