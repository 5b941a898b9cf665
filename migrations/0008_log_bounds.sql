-- Logs are bounded by host and day, tell where lines are missing, and are removed after their time.

-- What the logs of a host took on a UTC day of this server; `day` counts the days since 1970.
CREATE TABLE host_log_days (
  host_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  left_out INTEGER NOT NULL,
  PRIMARY KEY (host_id, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX host_log_days_by_day ON host_log_days (day, host_id);

-- Lines of a run that were not kept: above the limit of its host on a day, or of the run itself (`day` is 0).
CREATE TABLE run_log_gaps (
  run_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  first_n INTEGER NOT NULL,
  at INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  PRIMARY KEY (run_id, day),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The last of the lines above a limit, in the form of a chunk. `kept`: the run ended badly, so they are part of its log.
CREATE TABLE run_log_tails (
  run_id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  lines INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  kept INTEGER NOT NULL,
  body BLOB NOT NULL,
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT;

-- Bytes of log since the store began, for the metrics; none of them ever goes down.
CREATE TABLE log_totals (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  stored_bytes INTEGER NOT NULL,
  dropped_bytes INTEGER NOT NULL,
  removed_bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO run_log_gaps (run_id, day, tenant_id, first_n, at, lines)
  SELECT r.id, 0, r.tenant_id, coalesce((SELECT max(l.last_n) FROM run_logs l WHERE l.run_id = r.id), 0) + 1,
    coalesce(r.log_left_out_at, r.created_at), r.log_left_out
  FROM runs r WHERE r.log_left_out > 0;
INSERT INTO log_totals (tenant_id, stored_bytes, dropped_bytes, removed_bytes)
  SELECT tenant_id, sum(log_bytes), 0, 0 FROM runs GROUP BY tenant_id;

-- `log_left_out` counts the lines of all gaps. `log_kept_days`: after how many days the log was removed.
ALTER TABLE runs DROP COLUMN log_left_out_at;
ALTER TABLE runs ADD COLUMN log_removed_at INTEGER;
ALTER TABLE runs ADD COLUMN log_kept_days INTEGER;
CREATE INDEX runs_log_due ON runs (coalesce(reported_at, received_at), id) WHERE log_last_n > 0 AND log_removed_at IS NULL;
