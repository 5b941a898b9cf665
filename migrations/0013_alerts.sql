-- What is wrong with one thing, as the newest look at it found. Alerts are made of these: those of one cause together are one alert.
-- `scope` and `scope_id` say what was looked at; a look replaces all that stood there.
CREATE TABLE alert_signs (
  tenant_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  scope_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  condition TEXT NOT NULL,
  thing_kind TEXT NOT NULL,
  thing_id TEXT NOT NULL,
  name TEXT NOT NULL,
  text TEXT NOT NULL,
  since INTEGER NOT NULL,
  changed_at INTEGER NOT NULL,
  run_id TEXT,
  last_good_at INTEGER,
  PRIMARY KEY (tenant_id, scope, scope_id, subject, condition)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_signs_by_alert ON alert_signs (tenant_id, condition, thing_kind, thing_id, since, changed_at);

-- One row for each time a condition holds for a thing. `settled_at` is the newest change of its signs that it takes into account,
-- `clear_since` when the last sign went although the alert still stands, `named` some of what it is about.
CREATE TABLE alerts (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  condition TEXT NOT NULL,
  severity TEXT NOT NULL,
  thing_kind TEXT NOT NULL,
  thing_id TEXT NOT NULL,
  thing_name TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  members INTEGER NOT NULL,
  named TEXT NOT NULL,
  since INTEGER NOT NULL,
  raised_at INTEGER NOT NULL,
  settled_at INTEGER NOT NULL,
  clear_since INTEGER,
  resolved_at INTEGER,
  flaps INTEGER NOT NULL,
  acknowledged_at INTEGER,
  acknowledged_by TEXT,
  snoozed_until INTEGER,
  snoozed_by TEXT,
  run_id TEXT,
  last_good_at INTEGER,
  version INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX alerts_standing ON alerts (tenant_id, condition, thing_kind, thing_id) WHERE resolved_at IS NULL;
CREATE INDEX alerts_by_thing ON alerts (tenant_id, condition, thing_kind, thing_id, raised_at, id);
CREATE INDEX alerts_active ON alerts (tenant_id, raised_at, id) WHERE resolved_at IS NULL;
CREATE INDEX alerts_past ON alerts (resolved_at, id, tenant_id) WHERE resolved_at IS NOT NULL;

-- What happened to an alert; `n` counts within it.
CREATE TABLE alert_events (
  alert_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  by_name TEXT,
  text TEXT NOT NULL,
  PRIMARY KEY (alert_id, n),
  FOREIGN KEY (alert_id) REFERENCES alerts (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Ways to people and programs outside. What a channel was last heard to do is kept with it.
CREATE TABLE channels (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  config TEXT NOT NULL,
  secrets TEXT NOT NULL,
  enabled INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  failing_since INTEGER,
  failure TEXT,
  worked_at INTEGER,
  tried_at INTEGER,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX channels_by_name ON channels (tenant_id, name_key, id);

-- The outbox. A message stays until it is delivered or given up; `topic` is its dedupe key within the channel.
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  channel_id TEXT NOT NULL,
  alert_id TEXT,
  topic TEXT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  state TEXT NOT NULL,
  settled_at INTEGER,
  UNIQUE (channel_id, topic),
  FOREIGN KEY (tenant_id, channel_id) REFERENCES channels (tenant_id, id) ON DELETE CASCADE
) STRICT;
CREATE INDEX deliveries_waiting ON deliveries (due_at, id) WHERE state = 'waiting';
CREATE INDEX deliveries_by_channel ON deliveries (tenant_id, channel_id, created_at, id);
CREATE INDEX deliveries_by_alert ON deliveries (tenant_id, alert_id, created_at, id) WHERE alert_id IS NOT NULL;
CREATE INDEX deliveries_by_time ON deliveries (created_at, id);

CREATE TABLE delivery_attempts (
  delivery_id TEXT NOT NULL,
  n INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  took_ms INTEGER NOT NULL,
  ok INTEGER NOT NULL,
  text TEXT NOT NULL,
  PRIMARY KEY (delivery_id, n),
  FOREIGN KEY (delivery_id) REFERENCES deliveries (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Messages by outcome since the beginning, for the metrics; never goes down.
CREATE TABLE delivery_totals (
  tenant_id TEXT NOT NULL,
  outcome TEXT NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, outcome)
) STRICT, WITHOUT ROWID;

-- The newest forget run of a plan is found without reading its backups.
CREATE INDEX runs_forgetting ON runs (tenant_id, plan_id, created_at, id) WHERE kind = 'forget';
