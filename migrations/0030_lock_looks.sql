-- What a host saw last of the locks in a repository: those that nobody renews, since when, and one of them in words.
CREATE TABLE lock_looks (
  tenant_id TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  looked_at INTEGER NOT NULL,
  stuck INTEGER NOT NULL,
  since INTEGER,
  text TEXT,
  PRIMARY KEY (tenant_id, repository_id),
  FOREIGN KEY (tenant_id, repository_id) REFERENCES repositories (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
