-- Most runs are backups: lists of any other kind walk through those alone.
CREATE INDEX runs_by_kind ON runs (tenant_id, kind, created_at, id, facets) WHERE kind <> 'backup';
