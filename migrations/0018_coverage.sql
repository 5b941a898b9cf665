-- What hosts found that is no source yet. `kind` is that of the source it would be, `place` the server or the host it lies on, `via_id` the
-- source through whose connection it was found. What somebody chose to leave unprotected stays here, with the reason.
CREATE TABLE coverage_findings (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  name TEXT NOT NULL,
  via_id TEXT,
  -- NULL where nobody could say; of a directory too big to be counted, what was counted.
  size_bytes INTEGER,
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  -- It was not there when its place was first looked at.
  is_new INTEGER NOT NULL,
  ignored_at INTEGER,
  ignored_by TEXT,
  ignored_why TEXT,
  UNIQUE (tenant_id, host_id, kind, place, name)
) STRICT;
CREATE INDEX coverage_findings_open ON coverage_findings (tenant_id, first_seen_at, id) WHERE ignored_at IS NULL;

-- When a place was looked at: first, last, and whether the last look worked.
CREATE TABLE coverage_looks (
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  place TEXT NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  failure TEXT,
  PRIMARY KEY (tenant_id, host_id, kind, place)
) STRICT, WITHOUT ROWID;
