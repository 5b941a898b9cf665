-- What lists are ordered and narrowed by beside their names and times. Equal figures are told apart by the facets and the row.

CREATE INDEX runs_by_duration ON runs (tenant_id, coalesce(duration_ms, -1), facets);
CREATE INDEX runs_by_bytes ON runs (tenant_id, bytes, facets);
-- Most runs begin by their schedule and were asked for by nobody.
CREATE INDEX runs_by_cause ON runs (tenant_id, cause, created_at, id, facets) WHERE cause <> 'schedule';
CREATE INDEX runs_by_requester ON runs (tenant_id, requested_by, created_at, id, facets) WHERE requested_by IS NOT NULL;
CREATE INDEX snapshots_by_size ON snapshots (tenant_id, role, size_bytes);
CREATE INDEX hosts_by_version ON hosts (tenant_id, coalesce(facts ->> '$.agentVersion', ''), name_key, id);
CREATE INDEX plans_by_schedule ON plans (tenant_id, enabled, coalesce(schedule, ''), name_key, id);

-- When each source was last backed up clean by a plan, 0 for never; the rows of sources and snapshots keep it themselves.
CREATE TABLE source_goods (
  tenant_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  good_at INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, source_id),
  FOREIGN KEY (tenant_id, source_id) REFERENCES sources (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX source_goods_by_time ON source_goods (tenant_id, good_at, source_id);

INSERT INTO source_goods (tenant_id, source_id, good_at)
  SELECT s.tenant_id, s.id, coalesce((SELECT g.created_at FROM snapshots g WHERE g.tenant_id = s.tenant_id AND g.source_id = s.id
    AND g.state = 'good' AND g.role = 'data' AND g.plan_id IS NOT NULL ORDER BY g.created_at DESC LIMIT 1), 0)
  FROM sources s;

CREATE TRIGGER source_goods_begun AFTER INSERT ON sources BEGIN
  INSERT INTO source_goods (tenant_id, source_id, good_at) VALUES (new.tenant_id, new.id, 0);
END;
CREATE TRIGGER source_goods_made AFTER INSERT ON snapshots WHEN new.role = 'data' AND new.state = 'good' AND new.plan_id IS NOT NULL BEGIN
  UPDATE source_goods SET good_at = max(good_at, new.created_at) WHERE tenant_id = new.tenant_id AND source_id = new.source_id;
END;
-- A snapshot keeps its source, its plan, its role and its time for ever.
CREATE TRIGGER source_goods_judged AFTER UPDATE OF state ON snapshots
  WHEN new.role = 'data' AND new.plan_id IS NOT NULL AND (old.state = 'good') <> (new.state = 'good') BEGIN
  UPDATE source_goods SET good_at = coalesce((SELECT g.created_at FROM snapshots g WHERE g.tenant_id = new.tenant_id
      AND g.source_id = new.source_id AND g.state = 'good' AND g.role = 'data' AND g.plan_id IS NOT NULL ORDER BY g.created_at DESC LIMIT 1), 0)
    WHERE tenant_id = new.tenant_id AND source_id = new.source_id;
END;
CREATE TRIGGER source_goods_gone AFTER DELETE ON snapshots WHEN old.role = 'data' AND old.state = 'good' AND old.plan_id IS NOT NULL BEGIN
  UPDATE source_goods SET good_at = coalesce((SELECT g.created_at FROM snapshots g WHERE g.tenant_id = old.tenant_id
      AND g.source_id = old.source_id AND g.state = 'good' AND g.role = 'data' AND g.plan_id IS NOT NULL ORDER BY g.created_at DESC LIMIT 1), 0)
    WHERE tenant_id = old.tenant_id AND source_id = old.source_id;
END;
