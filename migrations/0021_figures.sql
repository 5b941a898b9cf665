-- What a scrape of metrics reads without walking the ledger.

-- Snapshots of data that are not removed, by repository; the rows keep it themselves.
CREATE TABLE snapshot_totals (
  tenant_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, repository_id)
) STRICT, WITHOUT ROWID;

INSERT INTO snapshot_totals (tenant_id, repository_id, count)
  SELECT tenant_id, repository_id, count(*) FROM snapshots WHERE role = 'data' AND state <> 'removed'
  GROUP BY tenant_id, repository_id;

CREATE TRIGGER snapshots_counted AFTER INSERT ON snapshots WHEN new.role = 'data' AND new.state <> 'removed' BEGIN
  INSERT INTO snapshot_totals (tenant_id, repository_id, count) SELECT new.tenant_id, new.repository_id, 0
    WHERE NOT EXISTS (SELECT 1 FROM snapshot_totals WHERE tenant_id = new.tenant_id AND repository_id = new.repository_id);
  UPDATE snapshot_totals SET count = count + 1 WHERE tenant_id = new.tenant_id AND repository_id = new.repository_id;
END;
CREATE TRIGGER snapshots_uncounted AFTER DELETE ON snapshots WHEN old.role = 'data' AND old.state <> 'removed' BEGIN
  UPDATE snapshot_totals SET count = count - 1 WHERE tenant_id = old.tenant_id AND repository_id = old.repository_id;
END;
-- A snapshot keeps its repository and its role for ever.
CREATE TRIGGER snapshots_counted_anew AFTER UPDATE OF state ON snapshots
  WHEN new.role = 'data' AND (old.state <> 'removed') <> (new.state <> 'removed') BEGIN
  UPDATE snapshot_totals SET count = count + CASE WHEN new.state = 'removed' THEN -1 ELSE 1 END
    WHERE tenant_id = new.tenant_id AND repository_id = new.repository_id;
END;

-- When snapshots of a source were last read whole.
CREATE INDEX snapshots_verified ON snapshots (tenant_id, source_id, json_extract(verification, '$.at'))
  WHERE verification LIKE '{"ok":true%';
