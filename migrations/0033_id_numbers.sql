-- Ids of tenants, hosts, plans, sources and repositories, each with a number of this store's own: what there are millions of names them by
-- it. A number is never given twice and nothing outside the store knows it. Ids are never removed: a run may outlive what it speaks of.
CREATE TABLE id_numbers (
  no INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE
) STRICT;

-- Tenants first: of all numbers theirs are in every entry of every index, and 1 takes no room.
INSERT INTO id_numbers (id) SELECT tenant_id FROM runs UNION SELECT tenant_id FROM hosts ORDER BY 1;
INSERT INTO id_numbers (id)
  SELECT id FROM (
    SELECT id FROM hosts UNION SELECT id FROM plans UNION SELECT id FROM sources UNION SELECT id FROM repositories
    UNION SELECT DISTINCT tenant_id FROM run_parts UNION SELECT DISTINCT tenant_id FROM snapshots
    UNION SELECT DISTINCT host_id FROM runs UNION SELECT DISTINCT plan_id FROM runs UNION SELECT DISTINCT repository_id FROM runs
    UNION SELECT DISTINCT source_id FROM run_parts
    UNION SELECT DISTINCT host_id FROM snapshots UNION SELECT DISTINCT source_id FROM snapshots
    UNION SELECT DISTINCT plan_id FROM snapshots UNION SELECT DISTINCT repository_id FROM snapshots)
  WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM id_numbers) ORDER BY id;

-- `no` is the run's number within this store. `facets` ends the indexes of lists, as before; runs of one instant are told apart by their
-- ids, which stand in the rows alone.
CREATE TABLE runs_anew (
  no INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE,
  tenant_no INTEGER NOT NULL,
  host_no INTEGER NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  state TEXT NOT NULL,
  plan_no INTEGER,
  repository_no INTEGER NOT NULL,
  fire_at INTEGER,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  finished_at INTEGER,
  duration_ms INTEGER,
  received_at INTEGER NOT NULL,
  reported_at INTEGER,
  bytes INTEGER NOT NULL,
  failure TEXT,
  evidence TEXT NOT NULL,
  snapshot_id TEXT,
  target TEXT,
  scope TEXT,
  from_repository_id TEXT,
  follows_run_id TEXT,
  requested_by TEXT,
  facets INTEGER NOT NULL,
  log_lines INTEGER NOT NULL,
  -- The highest line number received, the raw bytes stored, and the lines that did not fit.
  log_last_n INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL,
  log_left_out INTEGER NOT NULL,
  log_removed_at INTEGER,
  log_kept_days INTEGER,
  log_block INTEGER,
  log_place INTEGER
) STRICT;
INSERT INTO runs_anew (no, id, tenant_no, host_no, kind, cause, state, plan_no, repository_no, fire_at, created_at, started_at,
    finished_at, duration_ms, received_at, reported_at, bytes, failure, evidence, snapshot_id, target, scope, from_repository_id,
    follows_run_id, requested_by, facets, log_lines, log_last_n, log_bytes, log_left_out, log_removed_at, log_kept_days, log_block,
    log_place)
  SELECT rowid, id, (SELECT n.no FROM id_numbers n WHERE n.id = r.tenant_id), (SELECT n.no FROM id_numbers n WHERE n.id = r.host_id),
    kind, cause, state, (SELECT n.no FROM id_numbers n WHERE n.id = r.plan_id),
    (SELECT n.no FROM id_numbers n WHERE n.id = r.repository_id), fire_at, created_at, started_at, finished_at, duration_ms,
    received_at, reported_at, bytes, failure, evidence, snapshot_id, target, scope, from_repository_id, follows_run_id, requested_by,
    facets, log_lines, log_last_n, log_bytes, log_left_out, log_removed_at, log_kept_days, log_block, log_place
  FROM runs r ORDER BY rowid;

-- `run_id` stays a text: snapshots that were taken over name a run that nobody knows.
CREATE TABLE snapshots_anew (
  no INTEGER PRIMARY KEY NOT NULL,
  id TEXT NOT NULL UNIQUE,
  tenant_no INTEGER NOT NULL,
  engine_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  host_no INTEGER NOT NULL,
  source_no INTEGER NOT NULL,
  plan_no INTEGER,
  repository_no INTEGER NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  added_bytes INTEGER,
  files INTEGER,
  file_name TEXT,
  evidence TEXT NOT NULL,
  -- 1 for a snapshot of an attempt that failed.
  abandoned INTEGER NOT NULL DEFAULT 0,
  suspicion TEXT,
  pinned_at INTEGER,
  pinned_by TEXT,
  removed_at INTEGER,
  removed_why TEXT,
  proven_at INTEGER,
  copy_of TEXT,
  copied_by TEXT,
  verification TEXT,
  adopted_at INTEGER,
  adopted_by TEXT,
  UNIQUE (tenant_no, repository_no, engine_id)
) STRICT;
INSERT INTO snapshots_anew (no, id, tenant_no, engine_id, run_id, host_no, source_no, plan_no, repository_no, role, state, created_at,
    size_bytes, added_bytes, files, file_name, evidence, abandoned, suspicion, pinned_at, pinned_by, removed_at, removed_why, proven_at,
    copy_of, copied_by, verification, adopted_at, adopted_by)
  SELECT rowid, id, (SELECT n.no FROM id_numbers n WHERE n.id = s.tenant_id), engine_id, run_id,
    (SELECT n.no FROM id_numbers n WHERE n.id = s.host_id), (SELECT n.no FROM id_numbers n WHERE n.id = s.source_id),
    (SELECT n.no FROM id_numbers n WHERE n.id = s.plan_id), (SELECT n.no FROM id_numbers n WHERE n.id = s.repository_id), role, state,
    created_at, size_bytes, added_bytes, files, file_name, evidence, abandoned, suspicion, pinned_at, pinned_by, removed_at, removed_why,
    proven_at, copy_of, copied_by, verification, adopted_at, adopted_by
  FROM snapshots s ORDER BY rowid;

-- Indexes and triggers go with their tables. Foreign keys are checked when all is done.
DROP TABLE snapshots;
ALTER TABLE snapshots_anew RENAME TO snapshots;
DROP TABLE runs;
ALTER TABLE runs_anew RENAME TO runs;

CREATE TABLE run_parts_anew (
  run_no INTEGER NOT NULL,
  source_no INTEGER NOT NULL,
  tenant_no INTEGER NOT NULL,
  position INTEGER NOT NULL,
  state TEXT NOT NULL,
  failure TEXT,
  warnings TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  duration_ms INTEGER,
  ended_at INTEGER,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  facets INTEGER NOT NULL,
  PRIMARY KEY (run_no, source_no),
  FOREIGN KEY (run_no) REFERENCES runs (no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
INSERT INTO run_parts_anew (run_no, source_no, tenant_no, position, state, failure, warnings, bytes, duration_ms, ended_at, kind,
    created_at, facets)
  SELECT r.no, (SELECT n.no FROM id_numbers n WHERE n.id = p.source_id), r.tenant_no, p.position, p.state, p.failure, p.warnings,
    p.bytes, p.duration_ms, p.ended_at, p.kind, p.created_at, p.facets
  FROM runs r CROSS JOIN run_parts p ON p.run_id = r.id ORDER BY r.no;

DROP TABLE run_parts;
ALTER TABLE run_parts_anew RENAME TO run_parts;

CREATE INDEX runs_by_time ON runs (tenant_no, created_at, facets);
CREATE INDEX runs_by_state ON runs (tenant_no, state, created_at, facets);
CREATE INDEX runs_by_host ON runs (tenant_no, host_no, created_at, facets);
CREATE INDEX runs_by_plan ON runs (tenant_no, plan_no, created_at, facets);
CREATE INDEX runs_by_repository ON runs (tenant_no, repository_no, created_at, facets);
CREATE INDEX runs_active ON runs (tenant_no, created_at, facets) WHERE state IN ('queued', 'running', 'finalizing');
CREATE INDEX runs_by_fire ON runs (tenant_no, plan_no, host_no, fire_at) WHERE fire_at IS NOT NULL;
CREATE INDEX runs_log_due ON runs (coalesce(reported_at, received_at)) WHERE log_last_n > 0 AND log_removed_at IS NULL;
CREATE INDEX runs_maintenance ON runs (tenant_no, repository_no, kind, created_at) WHERE kind IN ('check', 'prune');
CREATE INDEX runs_forgetting ON runs (tenant_no, plan_no, created_at) WHERE kind = 'forget';
CREATE INDEX runs_following ON runs (follows_run_id) WHERE follows_run_id IS NOT NULL;
CREATE INDEX runs_by_duration ON runs (tenant_no, coalesce(duration_ms, -1), facets);
CREATE INDEX runs_by_bytes ON runs (tenant_no, bytes, facets);
-- Most runs begin by their schedule and were asked for by nobody; most are backups.
CREATE INDEX runs_by_cause ON runs (tenant_no, cause, created_at, facets) WHERE cause <> 'schedule';
CREATE INDEX runs_by_requester ON runs (tenant_no, requested_by, created_at, facets) WHERE requested_by IS NOT NULL;
CREATE INDEX runs_by_kind ON runs (tenant_no, kind, created_at, facets) WHERE kind <> 'backup';

CREATE INDEX run_parts_by_source ON run_parts (tenant_no, source_no, created_at, facets);
CREATE INDEX run_parts_ended ON run_parts (tenant_no, source_no, created_at)
  WHERE kind = 'backup' AND state IN ('succeeded', 'partial', 'failed', 'cancelled', 'skipped');

CREATE INDEX snapshots_by_time ON snapshots (tenant_no, role, created_at);
CREATE INDEX snapshots_by_state ON snapshots (tenant_no, state, role, created_at);
CREATE INDEX snapshots_by_run ON snapshots (run_id);
CREATE INDEX snapshots_by_host ON snapshots (tenant_no, host_no, role, created_at);
CREATE INDEX snapshots_by_source ON snapshots (tenant_no, source_no, role, created_at);
CREATE INDEX snapshots_by_plan ON snapshots (tenant_no, plan_no, role, created_at);
CREATE INDEX snapshots_by_repository ON snapshots (tenant_no, repository_no, role, created_at);
CREATE INDEX snapshots_good ON snapshots (tenant_no, source_no, created_at) WHERE state = 'good' AND role = 'data';
CREATE INDEX snapshots_pinned ON snapshots (tenant_no, plan_no, created_at) WHERE pinned_at IS NOT NULL;
CREATE INDEX snapshots_copies ON snapshots (copy_of, repository_no) WHERE copy_of IS NOT NULL;
CREATE INDEX snapshots_by_copier ON snapshots (copied_by) WHERE copied_by IS NOT NULL;
CREATE INDEX snapshots_unreadable ON snapshots (tenant_no) WHERE verification LIKE '{"ok":false%';
CREATE INDEX snapshots_verified ON snapshots (tenant_no, source_no, json_extract(verification, '$.at'))
  WHERE verification LIKE '{"ok":true%';
CREATE INDEX snapshots_by_size ON snapshots (tenant_no, role, size_bytes);

-- What the rows keep themselves: the snapshots of each repository, when each source was last backed up, the runs of each day.
CREATE TRIGGER snapshots_counted AFTER INSERT ON snapshots WHEN new.role = 'data' AND new.state <> 'removed' BEGIN
  INSERT INTO snapshot_totals (tenant_id, repository_id, count)
    SELECT t.id, r.id, 1 FROM id_numbers t, id_numbers r WHERE t.no = new.tenant_no AND r.no = new.repository_no
    ON CONFLICT (tenant_id, repository_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER snapshots_uncounted AFTER DELETE ON snapshots WHEN old.role = 'data' AND old.state <> 'removed' BEGIN
  UPDATE snapshot_totals SET count = count - 1
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no)
      AND repository_id = (SELECT id FROM id_numbers WHERE no = old.repository_no);
END;
-- A snapshot keeps its repository, its source, its plan, its role and its time for ever.
CREATE TRIGGER snapshots_counted_anew AFTER UPDATE OF state ON snapshots
  WHEN new.role = 'data' AND (old.state <> 'removed') <> (new.state <> 'removed') BEGIN
  UPDATE snapshot_totals SET count = count + CASE WHEN new.state = 'removed' THEN -1 ELSE 1 END
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = new.tenant_no)
      AND repository_id = (SELECT id FROM id_numbers WHERE no = new.repository_no);
END;

CREATE TRIGGER source_goods_made AFTER INSERT ON snapshots WHEN new.role = 'data' AND new.state = 'good' AND new.plan_no IS NOT NULL BEGIN
  UPDATE source_goods SET good_at = max(good_at, new.created_at)
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = new.tenant_no)
      AND source_id = (SELECT id FROM id_numbers WHERE no = new.source_no);
END;
CREATE TRIGGER source_goods_judged AFTER UPDATE OF state ON snapshots
  WHEN new.role = 'data' AND new.plan_no IS NOT NULL AND (old.state = 'good') <> (new.state = 'good') BEGIN
  UPDATE source_goods SET good_at = coalesce((SELECT g.created_at FROM snapshots g WHERE g.tenant_no = new.tenant_no
      AND g.source_no = new.source_no AND g.state = 'good' AND g.role = 'data' AND g.plan_no IS NOT NULL ORDER BY g.created_at DESC LIMIT 1), 0)
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = new.tenant_no)
      AND source_id = (SELECT id FROM id_numbers WHERE no = new.source_no);
END;
CREATE TRIGGER source_goods_gone AFTER DELETE ON snapshots WHEN old.role = 'data' AND old.state = 'good' AND old.plan_no IS NOT NULL BEGIN
  UPDATE source_goods SET good_at = coalesce((SELECT g.created_at FROM snapshots g WHERE g.tenant_no = old.tenant_no
      AND g.source_no = old.source_no AND g.state = 'good' AND g.role = 'data' AND g.plan_no IS NOT NULL ORDER BY g.created_at DESC LIMIT 1), 0)
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no)
      AND source_id = (SELECT id FROM id_numbers WHERE no = old.source_no);
END;

CREATE TRIGGER run_days_begun AFTER INSERT ON runs BEGIN
  INSERT INTO run_days (tenant_id, day, kind, state, count)
    SELECT t.id, new.created_at / 86400000, new.kind, new.state, 1 FROM id_numbers t WHERE t.no = new.tenant_no
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1;
END;
-- A run keeps its kind and the instant it was created for ever; its state moves on, and back when an end is taken back.
CREATE TRIGGER run_days_moved AFTER UPDATE OF state ON runs WHEN old.state <> new.state BEGIN
  UPDATE run_days SET count = count - 1
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no) AND day = old.created_at / 86400000 AND kind = old.kind
      AND state = old.state;
  INSERT INTO run_days (tenant_id, day, kind, state, count)
    SELECT t.id, new.created_at / 86400000, new.kind, new.state, 1 FROM id_numbers t WHERE t.no = new.tenant_no
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER run_days_gone AFTER DELETE ON runs BEGIN
  UPDATE run_days SET count = count - 1
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no) AND day = old.created_at / 86400000 AND kind = old.kind
      AND state = old.state;
END;
