-- So that a commit need not read the whole list of who was forgotten to know that it is as it was: rows have the number of
-- the time at which they were added. Those of before are the first; one that an older release adds has none, and as long
-- as there is such a one, every commit reads everything.
ALTER TABLE okr_erasures ADD COLUMN added_nth bigint DEFAULT 0;
ALTER TABLE okr_erasures ALTER COLUMN added_nth SET DEFAULT NULL;
CREATE INDEX okr_erasures_added_nth ON okr_erasures (added_nth, token);

COMMENT ON COLUMN okr_erasures.kind IS 'person: a word that names somebody, an address wherever it stands, any other word where it is the whole field. mention:N: the same as a phrase of N words, wherever it stands. text: an event whose free text is gone.';
COMMENT ON COLUMN okr_erasures.added_nth IS 'Which time something was added to the list; commits see by it that nothing was.';
