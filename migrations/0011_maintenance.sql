-- What a check reads, as JSON; NULL for every other run.
ALTER TABLE runs ADD COLUMN scope TEXT;
-- The checks and prunes of a repository among all its runs.
CREATE INDEX runs_maintenance ON runs (tenant_id, repository_id, kind, created_at, id) WHERE kind IN ('check', 'prune');

-- The credential that may remove, as JSON: settings and encrypted secrets that differ from the everyday one. NULL where there is none.
ALTER TABLE repositories ADD COLUMN admin_config TEXT;
ALTER TABLE repositories ADD COLUMN admin_secrets TEXT;

-- How big a repository was, each time a run measured it.
CREATE TABLE repository_sizes (
  run_id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  measured_at INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  uncompressed_bytes INTEGER,
  snapshots INTEGER NOT NULL,
  -- What restores of all snapshots listed then would give back together.
  restore_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX repository_sizes_by_repository ON repository_sizes (tenant_id, repository_id, measured_at);
