-- What each host told last of the place of a repository: room where it lies on that host, and the certificate of its address.
CREATE TABLE repository_looks (
  tenant_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  looked_at INTEGER NOT NULL,
  told_at INTEGER NOT NULL,
  free_bytes INTEGER,
  certificate_ends_at INTEGER,
  PRIMARY KEY (tenant_id, repository_id, host_id),
  FOREIGN KEY (tenant_id, repository_id) REFERENCES repositories (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
