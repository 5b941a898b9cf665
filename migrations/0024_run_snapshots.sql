-- Snapshots that an order names. Of these alone its run may tell something that is not of the host which carries it out.
CREATE TABLE run_snapshots (
  run_id TEXT NOT NULL,
  snapshot_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  PRIMARY KEY (run_id, snapshot_id),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
