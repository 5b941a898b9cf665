-- What the runs of each day read, beside their number.
ALTER TABLE run_days ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
INSERT INTO run_days (tenant_id, day, kind, state, count, bytes)
  SELECT t.id, r.created_at / 86400000, r.kind, r.state, 0, sum(r.bytes) FROM runs r CROSS JOIN id_numbers t ON t.no = r.tenant_no
  WHERE r.bytes > 0 GROUP BY 1, 2, 3, 4
  ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET bytes = excluded.bytes;

DROP TRIGGER run_days_begun;
DROP TRIGGER run_days_moved;
DROP TRIGGER run_days_gone;
CREATE TRIGGER run_days_begun AFTER INSERT ON runs BEGIN
  INSERT INTO run_days (tenant_id, day, kind, state, count, bytes)
    SELECT t.id, new.created_at / 86400000, new.kind, new.state, 1, new.bytes FROM id_numbers t WHERE t.no = new.tenant_no
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
-- A run keeps its kind and the instant it was created for ever; its state moves on, and back when an end is taken back.
CREATE TRIGGER run_days_moved AFTER UPDATE OF state ON runs WHEN old.state <> new.state BEGIN
  UPDATE run_days SET count = count - 1, bytes = bytes - old.bytes
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no) AND day = old.created_at / 86400000 AND kind = old.kind
      AND state = old.state;
  INSERT INTO run_days (tenant_id, day, kind, state, count, bytes)
    SELECT t.id, new.created_at / 86400000, new.kind, new.state, 1, old.bytes FROM id_numbers t WHERE t.no = new.tenant_no
    ON CONFLICT (tenant_id, day, kind, state) DO UPDATE SET count = count + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER run_days_read AFTER UPDATE OF bytes ON runs WHEN old.bytes <> new.bytes BEGIN
  UPDATE run_days SET bytes = bytes + new.bytes - old.bytes
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = new.tenant_no) AND day = new.created_at / 86400000 AND kind = new.kind
      AND state = new.state;
END;
CREATE TRIGGER run_days_gone AFTER DELETE ON runs BEGIN
  UPDATE run_days SET count = count - 1, bytes = bytes - old.bytes
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no) AND day = old.created_at / 86400000 AND kind = old.kind
      AND state = old.state;
END;

-- Snapshots of data by the UTC day they were made on and their repository, with what they added there; one whose engine does not tell
-- added all it holds. Those that were taken over were not added by a backup of ours. Weeks of growth are told of without reading each.
CREATE TABLE snapshot_days (
  tenant_id TEXT NOT NULL,
  -- Days since 1970-01-01.
  day INTEGER NOT NULL,
  repository_id TEXT NOT NULL,
  count INTEGER NOT NULL,
  added_bytes INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, day, repository_id)
) STRICT, WITHOUT ROWID;
INSERT INTO snapshot_days (tenant_id, day, repository_id, count, added_bytes)
  SELECT t.id, s.day, r.id, s.count, s.added FROM (
    SELECT tenant_no, created_at / 86400000 AS day, repository_no, count(*) AS count, sum(coalesce(added_bytes, size_bytes)) AS added
    FROM snapshots WHERE role = 'data' AND adopted_at IS NULL GROUP BY 1, 2, 3) s
  JOIN id_numbers t ON t.no = s.tenant_no JOIN id_numbers r ON r.no = s.repository_no;

-- A snapshot keeps its repository, its role, its time and its sizes for ever.
CREATE TRIGGER snapshot_days_made AFTER INSERT ON snapshots WHEN new.role = 'data' AND new.adopted_at IS NULL BEGIN
  INSERT INTO snapshot_days (tenant_id, day, repository_id, count, added_bytes)
    SELECT t.id, new.created_at / 86400000, r.id, 1, coalesce(new.added_bytes, new.size_bytes)
      FROM id_numbers t, id_numbers r WHERE t.no = new.tenant_no AND r.no = new.repository_no
    ON CONFLICT (tenant_id, day, repository_id) DO UPDATE SET count = count + 1, added_bytes = added_bytes + excluded.added_bytes;
END;
CREATE TRIGGER snapshot_days_gone AFTER DELETE ON snapshots WHEN old.role = 'data' AND old.adopted_at IS NULL BEGIN
  UPDATE snapshot_days SET count = count - 1, added_bytes = added_bytes - coalesce(old.added_bytes, old.size_bytes)
    WHERE tenant_id = (SELECT id FROM id_numbers WHERE no = old.tenant_no) AND day = old.created_at / 86400000
      AND repository_id = (SELECT id FROM id_numbers WHERE no = old.repository_no);
END;

-- What is found and covered by nothing, the biggest first.
CREATE INDEX coverage_findings_by_size ON coverage_findings (tenant_id, coalesce(size_bytes, -1), id) WHERE ignored_at IS NULL;
