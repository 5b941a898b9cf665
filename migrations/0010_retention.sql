-- How long snapshots are kept: named, and shared by the plans that use it.
CREATE TABLE retention_policies (
  id TEXT PRIMARY KEY NOT NULL,
  tenant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  name_key TEXT NOT NULL,
  description TEXT NOT NULL,
  policy TEXT NOT NULL,
  version INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (tenant_id, id),
  UNIQUE (tenant_id, name)
) STRICT;
CREATE INDEX retention_policies_by_name ON retention_policies (tenant_id, name_key, id);
-- What most people want is there from the start, like any other policy. It was made with the installation, at no instant of its own.
INSERT INTO retention_policies (id, tenant_id, name, name_key, description, policy, version, created_at, updated_at)
VALUES ('pol_standard', 'ten_default', 'Standard (24h/7d/4w/12m)', 'standard (24h/7d/4w/12m)',
  'Every hour of a day, every day of a week, every week of a month, every month of a year.',
  '{"kind":"rules","last":0,"hourly":24,"daily":7,"weekly":4,"monthly":12,"yearly":0,"withinHours":0,"minAgeHours":0,"maxAgeDays":0,"maxTotalBytes":0}',
  1, 0, 0);

-- NULL: everything the plan makes is kept.
ALTER TABLE plans ADD COLUMN retention_policy_id TEXT REFERENCES retention_policies (id);
CREATE INDEX plans_by_retention_policy ON plans (tenant_id, retention_policy_id, name_key, id);

-- Since when a snapshot stays whatever the policy says, and who said so.
ALTER TABLE snapshots ADD COLUMN pinned_at INTEGER;
ALTER TABLE snapshots ADD COLUMN pinned_by TEXT;
CREATE INDEX snapshots_pinned ON snapshots (tenant_id, plan_id, created_at, id) WHERE pinned_at IS NOT NULL;
-- When its host removed it, by the host's clock, and why, in words.
ALTER TABLE snapshots ADD COLUMN removed_at INTEGER;
ALTER TABLE snapshots ADD COLUMN removed_why TEXT;
