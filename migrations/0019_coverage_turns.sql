-- When a host is due to be looked at.
CREATE TABLE coverage_turns (
  host_id TEXT PRIMARY KEY NOT NULL REFERENCES hosts (id) ON DELETE CASCADE,
  tenant_id TEXT NOT NULL,
  due_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX coverage_turns_due ON coverage_turns (due_at, host_id);
