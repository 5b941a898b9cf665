-- Drills that came to a verdict: what was measured, and whether the snapshot came back as it should.
CREATE TABLE drills (
  run_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  snapshot_id TEXT NOT NULL,
  is_proven INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  restore_ms INTEGER NOT NULL,
  snapshot_age_ms INTEGER NOT NULL,
  -- Rows of all tables; NULL for files.
  row_count INTEGER,
  -- Tables of a database, files of a sample.
  things INTEGER NOT NULL,
  PRIMARY KEY (run_id, source_id)
) STRICT;
CREATE INDEX drills_by_time ON drills (tenant_id, ended_at, run_id);
CREATE INDEX drills_by_source ON drills (tenant_id, source_id, ended_at, run_id);
CREATE INDEX drills_proven ON drills (tenant_id, source_id, ended_at, run_id) WHERE is_proven = 1;

-- When a drill last proved a snapshot, by its host's clock; NULL again when one disproves it.
ALTER TABLE snapshots ADD COLUMN proven_at INTEGER;

-- What is asked at every drill of a source, and how often one is due.
CREATE TABLE drill_settings (
  source_id TEXT PRIMARY KEY NOT NULL REFERENCES sources (id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL,
  assertions TEXT NOT NULL,
  -- NULL: only by hand.
  every_days INTEGER,
  -- NULL: a proof may be as old as it likes.
  within_days INTEGER,
  -- When the next one is due; NULL where every_days is.
  next_at INTEGER,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX drill_settings_due ON drill_settings (next_at, source_id) WHERE next_at IS NOT NULL;
