-- Attempts of a run that failed for a cause that may pass; the one that ended the run stands in the run itself.
CREATE TABLE run_attempts (
  run_id TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  failed_at INTEGER NOT NULL,
  failure TEXT NOT NULL,
  retry_at INTEGER NOT NULL,
  PRIMARY KEY (run_id, attempt),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- 1 for a snapshot of an attempt that failed: nothing vouches for it any more, whatever a later attempt of its run comes to.
ALTER TABLE snapshots ADD COLUMN abandoned INTEGER NOT NULL DEFAULT 0;
