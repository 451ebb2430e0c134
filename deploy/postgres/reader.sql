-- Who draws charts of the warehouse: okr-router's migrations let a role of this name read the views, and nothing else.
\getenv password OKR_READER_PASSWORD
CREATE ROLE okr_reader LOGIN PASSWORD :'password';
-- A chart that takes longer helps nobody, and holds up who changes a table.
ALTER ROLE okr_reader SET statement_timeout = '30s';
