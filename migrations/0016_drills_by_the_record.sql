-- What was noted as a snapshot was made, for drills to compare with: tables, shapes and rows of a database, an operator's files.
CREATE TABLE snapshot_records (
  snapshot_id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  record TEXT NOT NULL
) STRICT;

-- A drill is due after so many clean backups; NULL: backups bring none about. `clean_runs` counts those since the last one began.
ALTER TABLE drill_settings ADD COLUMN every_runs INTEGER;
ALTER TABLE drill_settings ADD COLUMN clean_runs INTEGER NOT NULL DEFAULT 0;
-- Where drills take place; NULL: on the host of the source.
ALTER TABLE drill_settings ADD COLUMN host_id TEXT;
