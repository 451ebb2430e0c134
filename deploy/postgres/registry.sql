-- The registry has a database of its own beside okr-router's.
CREATE DATABASE registry OWNER okr;
