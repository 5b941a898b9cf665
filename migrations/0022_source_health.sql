-- What hosts told of their regular looks at their sources: the newest, since when it is so, and a few before it as JSON, oldest first.
CREATE TABLE source_health (
  tenant_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  state TEXT NOT NULL,
  since INTEGER NOT NULL,
  looked_at INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  latency_ms INTEGER NOT NULL,
  failure TEXT,
  looks TEXT NOT NULL,
  PRIMARY KEY (tenant_id, source_id),
  FOREIGN KEY (tenant_id, source_id) REFERENCES sources (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
