-- The fires that plans owe: how far each plan is settled on each of its hosts, and the fires that did not happen.

-- `settled_through`: fires up to here are decided. `look_at`: nothing can be decided before.
CREATE TABLE fire_watches (
  plan_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  tenant_id TEXT NOT NULL,
  settled_through INTEGER NOT NULL,
  look_at INTEGER NOT NULL,
  PRIMARY KEY (plan_id, host_id),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plans (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX fire_watches_by_look ON fire_watches (look_at, plan_id, host_id);

-- `catch_up`: whether a later run within the grace stands for the fire. `passed_at`: when a later run made it good.
CREATE TABLE missed_fires (
  plan_id TEXT NOT NULL,
  host_id TEXT NOT NULL,
  fire_at INTEGER NOT NULL,
  tenant_id TEXT NOT NULL,
  due_at INTEGER NOT NULL,
  deadline_at INTEGER NOT NULL,
  catch_up INTEGER NOT NULL,
  noted_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  settled_at INTEGER,
  run_id TEXT,
  passed_at INTEGER,
  PRIMARY KEY (plan_id, host_id, fire_at),
  FOREIGN KEY (tenant_id, plan_id) REFERENCES plans (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX missed_fires_open ON missed_fires (tenant_id, plan_id, host_id, fire_at)
  WHERE state = 'missed' AND passed_at IS NULL;
CREATE INDEX missed_fires_by_time ON missed_fires (tenant_id, plan_id, fire_at, host_id);
CREATE INDEX missed_fires_by_host ON missed_fires (tenant_id, host_id, fire_at, plan_id);
CREATE INDEX missed_fires_by_note ON missed_fires (noted_at);

CREATE INDEX runs_by_fire ON runs (tenant_id, plan_id, host_id, fire_at, created_at, id) WHERE fire_at IS NOT NULL;

-- A plan that is there already owes what comes after the newest run known of it.
INSERT INTO fire_watches (plan_id, host_id, tenant_id, settled_through, look_at)
  SELECT DISTINCT p.id, s.host_id, p.tenant_id,
    max(p.effective_from - 1, coalesce((SELECT max(r.created_at) FROM runs r WHERE r.tenant_id = p.tenant_id AND r.plan_id = p.id), 0)),
    0
  FROM plans p JOIN plan_sources ps ON ps.plan_id = p.id JOIN sources s ON s.id = ps.source_id;
