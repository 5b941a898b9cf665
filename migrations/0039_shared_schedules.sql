-- When plans are due: named, and shared by the plans that use it.
CREATE TABLE shared_schedules (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  description TEXT NOT NULL,
  schedule TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX shared_schedules_by_name ON shared_schedules (tenant_id, name_key, id);

-- NULL: the plan's schedule is its own. Otherwise plans.schedule is what the shared one says, written in the same transaction.
ALTER TABLE plans ADD COLUMN shared_schedule_id TEXT REFERENCES shared_schedules (id);
CREATE INDEX plans_by_shared_schedule ON plans (shared_schedule_id, tenant_id, name_key, id) WHERE shared_schedule_id IS NOT NULL;
