-- The first schema. Ids are TEXT of ours, instants INTEGER epoch milliseconds, structures JSON as TEXT.
-- Every table names its tenant; references inside a tenant carry the tenant, so that they cannot cross it.
-- `name_key` is the name folded for order and search (and, for people and hosts, for uniqueness).

CREATE TABLE settings (
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  disabled INTEGER NOT NULL,
  zone TEXT,
  created_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name_key)
) STRICT;

CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  address TEXT NOT NULL,
  agent TEXT NOT NULL,
  FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at, id);

CREATE TABLE hosts (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  state TEXT NOT NULL,
  tags TEXT NOT NULL,
  signing_key TEXT NOT NULL,
  sealing_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  facts TEXT,
  tools TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER,
  skew_ms INTEGER,
  spec_version INTEGER NOT NULL,
  acknowledged_spec_version INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  boot TEXT,
  concurrency INTEGER NOT NULL,
  UNIQUE (tenant_id, id)
) STRICT;
-- A revoked host gives up its name and its key, so that the machine can be approved anew.
CREATE UNIQUE INDEX hosts_names ON hosts (tenant_id, name_key) WHERE state <> 'revoked';
CREATE UNIQUE INDEX hosts_keys ON hosts (signing_key) WHERE state <> 'revoked';
CREATE INDEX hosts_by_key ON hosts (signing_key);
CREATE INDEX hosts_by_name ON hosts (tenant_id, name_key, id);
CREATE INDEX hosts_by_state ON hosts (tenant_id, state, name_key, id);
CREATE INDEX hosts_by_contact ON hosts (tenant_id, last_seen_at);

-- The tags of hosts once more, for the filter.
CREATE TABLE host_tags (
  tenant_id TEXT NOT NULL,
  tag TEXT NOT NULL,
  host_id TEXT NOT NULL,
  PRIMARY KEY (tenant_id, tag, host_id),
  FOREIGN KEY (tenant_id, host_id) REFERENCES hosts (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX host_tags_by_host ON host_tags (tenant_id, host_id);

-- Where the durable stream of each host stands, by outbox epoch.
CREATE TABLE host_streams (
  host_id TEXT NOT NULL,
  epoch TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (host_id, epoch),
  FOREIGN KEY (tenant_id, host_id) REFERENCES hosts (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE host_tokens (
  hash TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  -- Counts the tokens of a host, so that "older" does not depend on a clock.
  generation INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  first_used_at INTEGER,
  FOREIGN KEY (tenant_id, host_id) REFERENCES hosts (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE UNIQUE INDEX host_tokens_by_host ON host_tokens (host_id, generation);

CREATE TABLE announcements (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  hostname TEXT NOT NULL,
  signing_key TEXT NOT NULL,
  sealing_key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  facts TEXT NOT NULL,
  address TEXT NOT NULL,
  nonce TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  host_id TEXT,
  sealed_token TEXT,
  rejection TEXT,
  UNIQUE (tenant_id, signing_key, sealing_key)
) STRICT;
CREATE INDEX announcements_pending ON announcements (tenant_id, created_at, id) WHERE state = 'pending';
CREATE INDEX announcements_by_expiry ON announcements (expires_at);
CREATE INDEX announcements_by_host ON announcements (host_id) WHERE host_id IS NOT NULL;

CREATE TABLE enrolment_tokens (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE,
  note TEXT NOT NULL,
  tags TEXT NOT NULL,
  uses_left INTEGER NOT NULL CHECK (uses_left >= 0),
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX enrolment_tokens_by_tenant ON enrolment_tokens (tenant_id, created_at, id);

CREATE TABLE sources (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  config TEXT NOT NULL,
  secrets TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, host_id, name),
  FOREIGN KEY (tenant_id, host_id) REFERENCES hosts (tenant_id, id)
) STRICT;
CREATE INDEX sources_by_name ON sources (tenant_id, name_key, id);
CREATE INDEX sources_by_host ON sources (tenant_id, host_id, name_key, id);
CREATE INDEX sources_by_kind ON sources (tenant_id, kind, name_key, id);

CREATE TABLE repositories (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  config TEXT NOT NULL,
  secrets TEXT NOT NULL,
  engine_id TEXT,
  tested_from TEXT,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX repositories_by_name ON repositories (tenant_id, name_key, id);
CREATE INDEX repositories_by_kind ON repositories (tenant_id, kind, name_key, id);

CREATE TABLE plans (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  repository_id TEXT NOT NULL,
  schedule TEXT,
  enabled INTEGER NOT NULL,
  options TEXT NOT NULL,
  effective_from INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name),
  FOREIGN KEY (tenant_id, repository_id) REFERENCES repositories (tenant_id, id)
) STRICT;
CREATE INDEX plans_by_name ON plans (tenant_id, name_key, id);
CREATE INDEX plans_by_repository ON plans (tenant_id, repository_id, name_key, id);

CREATE TABLE plan_sources (
  plan_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  PRIMARY KEY (plan_id, position),
  UNIQUE (plan_id, source_id),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plans (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, source_id) REFERENCES sources (tenant_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX plan_sources_by_source ON plan_sources (tenant_id, source_id, plan_id);

-- What hosts report is kept as it was reported: runs, parts and snapshots name hosts, plans, sources and repositories without
-- a foreign key, because a report may arrive after the thing it speaks of was deleted.

-- Who did what. Rows are added and never changed.
CREATE TABLE audit (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  actor_kind TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  actor_name TEXT NOT NULL,
  action TEXT NOT NULL,
  target_kind TEXT NOT NULL,
  target_id TEXT NOT NULL,
  target_name TEXT NOT NULL,
  address TEXT,
  request_id TEXT,
  change TEXT
) STRICT;
CREATE INDEX audit_by_time ON audit (tenant_id, at, id);
CREATE INDEX audit_by_action ON audit (tenant_id, action, at, id);
CREATE INDEX audit_by_target ON audit (tenant_id, target_id, at, id);
CREATE INDEX audit_by_actor ON audit (tenant_id, actor_id, at, id);

-- What happened to a host; `n` counts within the host.
CREATE TABLE host_happenings (
  host_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  type TEXT NOT NULL,
  level TEXT NOT NULL,
  text TEXT NOT NULL,
  run_id TEXT,
  PRIMARY KEY (host_id, n)
) STRICT, WITHOUT ROWID;

-- `facets` is a small digest of the columns a list can be filtered by (see facets.ts): it ends every index of a list, so that
-- any combination of filters is decided in the index and only rows that are shown are read.
CREATE TABLE runs (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  cause TEXT NOT NULL,
  state TEXT NOT NULL,
  plan_id TEXT,
  repository_id TEXT NOT NULL,
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
  requested_by TEXT,
  facets INTEGER NOT NULL,
  log_lines INTEGER NOT NULL,
  -- The highest line number received, the raw bytes stored, and the lines that did not fit.
  log_last_n INTEGER NOT NULL,
  log_bytes INTEGER NOT NULL,
  log_left_out INTEGER NOT NULL,
  log_left_out_at INTEGER
) STRICT;
CREATE INDEX runs_by_time ON runs (tenant_id, created_at, id, facets);
CREATE INDEX runs_by_state ON runs (tenant_id, state, created_at, id, facets);
CREATE INDEX runs_by_host ON runs (tenant_id, host_id, created_at, id, facets);
CREATE INDEX runs_by_plan ON runs (tenant_id, plan_id, created_at, id, facets);
CREATE INDEX runs_by_repository ON runs (tenant_id, repository_id, created_at, id, facets);
CREATE INDEX runs_active ON runs (tenant_id, created_at, id, facets) WHERE state IN ('queued', 'running', 'finalizing');

-- One row for each source of a run. `kind`, `created_at` and `facets` are the run's, for lists and standings.
CREATE TABLE run_parts (
  run_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
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
  PRIMARY KEY (run_id, source_id),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX run_parts_by_source ON run_parts (tenant_id, source_id, created_at, run_id, facets);
CREATE INDEX run_parts_ended ON run_parts (tenant_id, source_id, created_at, run_id)
  WHERE kind = 'backup' AND state IN ('succeeded', 'partial', 'failed', 'cancelled', 'skipped');

-- `source_id` is empty for a stage of the whole run.
CREATE TABLE run_stages (
  run_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  stage TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  ok INTEGER,
  PRIMARY KEY (run_id, source_id, stage),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Log lines in zstd chunks of JSON lines, never row by line. A chunk that is packed is not touched again.
CREATE TABLE run_logs (
  run_id TEXT NOT NULL,
  first_n INTEGER NOT NULL,
  last_n INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  lines INTEGER NOT NULL,
  raw_bytes INTEGER NOT NULL,
  packed INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (run_id, first_n),
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX run_logs_open ON run_logs (run_id, first_n, raw_bytes) WHERE packed = 0;

-- Runs that ended, counted for the metrics; never goes down.
CREATE TABLE run_totals (
  tenant_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, kind, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE snapshots (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  engine_id TEXT NOT NULL,
  run_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  plan_id TEXT,
  repository_id TEXT NOT NULL,
  role TEXT NOT NULL,
  state TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  added_bytes INTEGER,
  files INTEGER,
  file_name TEXT,
  evidence TEXT NOT NULL,
  UNIQUE (tenant_id, repository_id, engine_id)
) STRICT;
CREATE INDEX snapshots_by_time ON snapshots (tenant_id, role, created_at, id);
CREATE INDEX snapshots_by_state ON snapshots (tenant_id, state, role, created_at, id);
CREATE INDEX snapshots_by_run ON snapshots (run_id, source_id, created_at, id);
CREATE INDEX snapshots_by_host ON snapshots (tenant_id, host_id, role, created_at, id);
CREATE INDEX snapshots_by_source ON snapshots (tenant_id, source_id, role, created_at, id);
CREATE INDEX snapshots_by_plan ON snapshots (tenant_id, plan_id, role, created_at, id);
CREATE INDEX snapshots_by_repository ON snapshots (tenant_id, repository_id, role, created_at, id);
CREATE INDEX snapshots_good ON snapshots (tenant_id, source_id, created_at, id) WHERE state = 'good' AND role = 'data';

-- Orders on their way to hosts. The body is emptied when the order is settled: it may hold sealed secrets.
CREATE TABLE orders (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  type TEXT NOT NULL,
  run_id TEXT NOT NULL,
  body TEXT NOT NULL,
  not_after INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  FOREIGN KEY (run_id) REFERENCES runs (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX orders_waiting ON orders (host_id, created_at, id) WHERE state = 'waiting';
CREATE INDEX orders_due ON orders (not_after, id) WHERE state = 'waiting';
CREATE INDEX orders_by_run ON orders (run_id);

-- One row a tenant, written by the readiness probe.
CREATE TABLE probes (
  tenant_id TEXT PRIMARY KEY NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
