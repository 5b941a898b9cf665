-- What is done to a repository without being asked, by JSON of the domain, and who does it. A repository without a row is kept up by hand.
CREATE TABLE routines (
  repository_id TEXT PRIMARY KEY NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL,
  settings TEXT NOT NULL,
  -- Since when: what was never done is due as long after it as its settings say.
  since INTEGER NOT NULL,
  -- The host that does it, until when nobody else may, and whether a person chose it.
  maintainer_id TEXT,
  is_fixed INTEGER NOT NULL DEFAULT 0,
  lease_until INTEGER NOT NULL DEFAULT 0,
  -- Rises with each thing that is begun: who saw an older one begins nothing.
  turn INTEGER NOT NULL DEFAULT 0,
  -- When it is looked at next.
  look_at INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX routines_to_look ON routines (look_at, repository_id);

-- How big a repository was, each time a host was asked for it without a run.
CREATE TABLE repository_measurements (
  repository_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  measured_at INTEGER NOT NULL,
  host_id TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  uncompressed_bytes INTEGER,
  snapshots INTEGER NOT NULL,
  restore_bytes INTEGER NOT NULL,
  PRIMARY KEY (repository_id, measured_at)
) STRICT, WITHOUT ROWID;
