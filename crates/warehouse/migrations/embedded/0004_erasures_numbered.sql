-- So that a commit need not read the whole list of who was forgotten to know that it is as it was: rows have the number of
-- the time at which they were added. Those of before have none until something is added, and as long as there is such a
-- one, every commit reads everything.
--
-- What `kind` may be: `person`, a word that names somebody, an address wherever it stands, any other word where it is the
-- whole field; `mention:N`, the same as a phrase of N words, wherever it stands; `text`, an event whose free text is gone.
ALTER TABLE okr_erasures ADD COLUMN added_nth INTEGER;
CREATE INDEX okr_erasures_added_nth ON okr_erasures (added_nth, token);
